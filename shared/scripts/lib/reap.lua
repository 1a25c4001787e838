-- Takes back what a worker held whose lease expired. A started attempt is spent; no backoff, the
-- task keeps its place by the start of the lost claim. Attempts used up: dead, here and now.
local function contains(list, id)
  return string.find(' ' .. list .. ' ', ' ' .. id .. ' ', 1, true)
end

--- @lazy
local REAP_SLICE = 100
local WORKER_LOST = '{"type":"WorkerLost","message":"the worker\'s lease expired while it ran this task",'
  .. '"traceback":null}'

local function reap_task(id, text, name, asked)
  local r = record_parse(text)
  if r.status ~= 'R' or r.worker ~= name then return end
  count_add(fields_of(r.queue).R, -1)
  limit_release(r.queue, r.options)
  local rest = rest_with_attempt(r, 'lost', WORKER_LOST)
  if contains(asked, id) then
    finish(id, r, 'X', rest)
  elseif r.attempt > r.max_retries then
    finish(id, r, 'D', rest, 'lost.' .. r.type)
  else
    record_put(id, record_text(r, 'P', rest))
    make_pending(id, r.queue, r.priority, rank_of_ms(tonumber(r.started)))
    event_add(id, r.queue, 'P')
  end
end

-- Returns true when the worker held more than one slice.
local function reap(name)
  local run_key = prefix .. 'run:' .. name
  local held = call('HGETALL', run_key)
  local remembered = call('HMGET', queues, memory_field(name), handed_field(name), IDLE)
  local memory = memory_of(remembered[1]) or memory_of(NO_MEMORY)
  if is_idle_of(remembered[3], name) then field_put(IDLE, '') end
  local ids, keys, asked = {}, {}, memory.told .. ' ' .. memory.asked
  local is_more = false
  for i = 1, #held, 2 do
    if #held[i] == 27 then
      if #ids < REAP_SLICE then
        ids[#ids + 1] = held[i]
        keys[#keys + 1] = prefix .. 't:' .. held[i]
      else
        is_more = true
      end
    end
  end
  if is_more then
    call('HDEL', run_key, unpack(ids))
  else
    call('DEL', run_key)
    if call('ZREM', timers, 'w:' .. name) == 1 then count_add('*:w', -1) end
    field_put(memory_field(name), '') -- should it live after all, it is told that it lost its lease
    if remembered[2] then field_put(handed_field(name), '') end
  end
  if #ids == 0 then return is_more end
  for i, text in ipairs(read_many(keys)) do
    if text then reap_task(ids[i], text, name, asked) end
  end
  return is_more
end
