--[[ list_running: a page of running tasks, by worker.
  Precondition  none.
  @key  queues   hash  {<namespace>:<shard>}:queues    what workers hold, beside the counts
  @key  workers  hash  {<namespace>:<shard>}:workers   worker -> description
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  after   text  id of the last task of the page before, "" for the start
  @arg  limit   int   tasks, 1..1000
  @arg  queue   text  "" for any
  @arg  kind    text  "" for any
  @arg  worker  text  that holds them, "" for any
  @arg  created_after   text  ms, created then or later; "" for any
  @arg  created_before  text  ms, created earlier; "" for any
  @returns  {price, {id, record, ...}, last id | ""}
  Cost    O(workers + running tasks); at most 256 workers, at most 1,000 ids read.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/memory"
--- @include "lib/handoff"
local ids, fields = {}, {}
for _, name in ipairs(worker ~= '' and {worker} or call('HKEYS', workers)) do
  fields[#fields + 1], fields[#fields + 2] = memory_field(name), handed_field(name)
end
local known = #fields > 0 and call('HMGET', queues, unpack(fields)) or {}
for i = 1, #known, 2 do
  for _, id in ipairs(held_of(memory_of(known[i]), known[i + 1])) do
    if id > after then ids[#ids + 1] = id end
  end
end
table.sort(ids)
local keys = {}
for i = 1, math.min(#ids, 1000) do keys[i] = prefix .. 't:' .. ids[i] end
if #keys == 0 then return {price, {}, ''} end
local earliest, latest = tonumber(created_after) or 0, tonumber(created_before) or math.huge
local found, last = {}, ''
for i, text in ipairs(read_many(keys)) do
  if #found == 2 * limit then break end
  last = ids[i]
  local created, queue_name, task_type = string.match(text or '', '^R[^\n]*\n(%d+) %d+ (%S+) (%S+)')
  created = tonumber(created)
  if queue_name and (queue == '' or queue_name == queue) and (kind == '' or task_type == kind)
    and created >= earliest and created < latest then
    found[#found + 1] = ids[i]
    found[#found + 1] = text
  end
end
return {price, found, last ~= ids[#ids] and last or ''}
