--[[ describe: renew what a worker says of the memory it takes.
  Precondition  its description has "memory_mb".
  @key  workers  hash  {<namespace>:<shard>}:workers   worker -> description
  @arg  worker     text  its name
  @arg  memory_mb  int   MB
  @returns  {price, now ms}
  Cost    O(1).
  Replay  the same is written again; nothing of a worker that is forgotten.
]]
--- @include "lib/call"
--- @include "lib/time"
local described = call('HGET', workers, worker)
if described then
  call('HSET', workers, worker, (string.gsub(described, '"memory_mb": ?%d+', '"memory_mb":' .. int(memory_mb), 1)))
end
return {price, now}
