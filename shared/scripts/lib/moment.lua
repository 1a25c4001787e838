-- When a submission happens. Where all that it stores becomes pending, its event is told first: the id of that is the time,
-- and to ask for the time would be a call more. Of one with an idempotency key nobody knows yet whether it is new; the event
-- of a repeat is taken back.
-- What is taken back keeps its room in the stream until all around it has gone, too, and MAXLEN does not count it: between
-- few live events there could be a hundred times as many. So it is counted (`*:t`): whenever EVENTS_KEPT more were, what was
-- told before the last time that this was so (`*:f`) is trimmed, and an event tells readers from where on all is kept.
local now, now_rank, event_id = nil, nil, nil

local function foretell(kinds)
  for _, kind in ipairs(kinds) do events_add(kind.ids, kind.queue, 'P') end
  event_id = events_flush()
  local number
  now, now_rank, number = moment_of(event_id)
  if number > STANDSTILL then now, now_rank = read_clock() end
end

-- What was foretold did not happen, or not to all.
local function take_back_event()
  call('XDEL', events, event_id)
  if call('HINCRBY', queues, '*:t', '1') < tonumber(EVENTS_KEPT) then return end
  local from = call('HGET', queues, '*:f') or '0-0'
  call('XTRIM', events, 'MINID', '~', from)
  event_put('*', '', '', 'f', from)
  call('HSET', queues, '*:t', '0', '*:f', event_id)
end
