-- Takes back what a worker held whose lease expired. A started attempt is spent; no backoff, the
-- task keeps its place by the start of the lost claim. Attempts used up: dead, here and now.
local function contains(list, id)
  return string.find(' ' .. list .. ' ', ' ' .. id .. ' ', 1, true)
end

--- @lazy
local WORKER_LOST = '{"type":"WorkerLost","message":"the worker\'s lease expired while it ran this task",'
  .. '"traceback":null}'

-- What becomes of a task whose worker is gone: its record, taken apart, and the new status; nothing when it does not run
-- there. `asked` are the ids whose end was asked for.
local function lost_as(id, text, name, asked)
  local r = record_parse(text)
  if r.status ~= 'R' or r.worker ~= name then return nil end
  return r, contains(asked, id) and 'X' or r.attempt > r.max_retries and 'D' or 'P'
end

local function take_back(id, r, letter)
  count_add(fields_of(r.queue).R, -1)
  limit_release(r.queue, r.options)
  local rest = rest_with_attempt(r, 'lost', WORKER_LOST)
  if letter == 'P' then
    record_put(id, record_text(r, 'P', rest))
    make_pending(id, r.queue, r.priority, rank_of_ms(tonumber(r.started)))
    event_add(id, r.queue, 'P')
  else
    finish(id, r, letter, rest, letter == 'D' and 'lost.' .. r.type or nil)
  end
end
