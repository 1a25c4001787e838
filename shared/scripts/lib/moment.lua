-- When a submission happens. Where all that it stores becomes pending, its event is told first: the id of that is the time,
-- and to ask for the time would be a call more.
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
  event_id = nil
  events_forget()
end
