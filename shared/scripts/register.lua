--[[ register: make a worker and the task types it knows visible, before its first exchange.
  Precondition  the worker's name is new.
  @key  workers  hash  {<namespace>:<shard>}:workers   worker -> description
  @key  types    hash  {<namespace>:<shard>}:types     task type -> description
  @key  timers   zset  {<namespace>:<shard>}:timers    due times, ms
  @arg  worker       text  name
  @arg  description  text  JSON
  @arg  presence_ms  int   ms until the worker counts as gone
  @args item         two per task type: name, JSON
  @returns  {price, now ms, presence until ms}
  @error  DTQ_TOO_MANY_WORKERS: 256 workers are registered
  Cost    O(types).
  Replay  the same is written again.
]]
--- @include "lib/call"
--- @include "lib/time"
-- The descriptions of workers that are gone stay until room is needed: reaping is dear enough.
local function prune()
  local names, members, gone = call('HKEYS', workers), {}, {}
  for i, name in ipairs(names) do members[i] = 'w:' .. name end
  for i, until_ms in ipairs(call('ZMSCORE', timers, unpack(members))) do
    if not until_ms then gone[#gone + 1] = names[i] end
  end
  if #gone > 0 then call('HDEL', workers, unpack(gone)) end
  return #names - #gone
end

if call('HLEN', workers) >= 256 and call('HEXISTS', workers, worker) == 0 and prune() >= 256 then
  return refused('DTQ_TOO_MANY_WORKERS')
end
call('ZREM', timers, 'w:' .. worker) -- a removal first: a worker must start when memory is full
call('HSET', workers, worker, description)
local flat = {}
for i = 1, item_count do flat[i] = item(i) end
if #flat > 0 then call_variadic('HSET', types, flat) end
call('ZADD', timers, int(now + presence_ms), 'w:' .. worker)
return {price, now, now + presence_ms}
