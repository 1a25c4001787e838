-- When a submission happens. Where all that it stores becomes pending, its event is told first: the id of that is the time,
-- and to ask for the time would be a call more.
local now, now_rank, event_id = nil, nil, nil

-- The moment that the id of an event names: ms since 1970, the rank of what it tells of, and its number within the ms.
local function moment_of(entry)
  local ms, number = string.match(entry, '^(%d+)-(%d+)$')
  return tonumber(ms), rank_of_ms(tonumber(ms)) + tonumber(number), tonumber(number)
end

local function foretell(kinds)
  for _, kind in ipairs(kinds) do events_add(kind.ids, kind.queue, 'P') end
  event_id = events_flush()
  now, now_rank = moment_of(event_id)
end

-- What was foretold did not happen, or not to all.
local function take_back_event()
  call('XDEL', events, event_id)
  event_id = nil
  events_forget()
end
