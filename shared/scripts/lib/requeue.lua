-- How dead tasks begin a new series of attempts.

-- The unique key was let go when the task died; another live task may have it now.
local function holds_unique_key(id, r)
  local unique = unique_key_of(r.queue, r.options)
  if not unique then return true end
  local holder = call('SET', unique, id, 'NX', 'GET')
  return not holder or holder == id
end

-- The lines of earlier attempts stay, behind them stands who began a new series. `new_payload` is JSON, ''
-- to keep the one that is there.
local function renewed(id, r, who, new_payload)
  if new_payload ~= '' then r.rest = rest_with_payload(r, id, new_payload) end
  r.worker, r.started = who, int(now)
  local rest = rest_with_attempt(r, 'requeued', 'null')
  r.attempt, r.free, r.due, r.tail = 0, 0, '0', ''
  return record_text(r, 'P', rest)
end

-- Tasks that were taken out of their place become pending, in their order and behind what waits.
local function requeue_all(chosen, who, new_payload)
  for _, one in ipairs(chosen) do
    fair_note(one.r.queue, one.r.priority, one.r.options)
    event_add(one.id, one.r.queue, 'P')
  end
  fair_load()
  local first = first_rank(events_flush(), #chosen)
  for position, one in ipairs(chosen) do
    local r = one.r
    record_put(one.id, renewed(one.id, r, who, new_payload))
    make_pending(one.id, r.queue, r.priority, fair_rank(r.queue, r.priority, r.options, first + position - 1))
  end
end
