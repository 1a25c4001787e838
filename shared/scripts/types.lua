--[[ types: the task types ever published and the workers that live now.
  Precondition  none.
  @key  types    hash  {<namespace>:<shard>}:types     task type -> description
  @key  workers  hash  {<namespace>:<shard>}:workers   worker -> description
  @key  timers   zset  {<namespace>:<shard>}:timers    due times, ms
  @returns  {price, now ms, {type, JSON, ...}, {worker JSON, ...}}
  Cost    O(types + workers).
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
local described = call('HGETALL', workers)
local members, alive = {}, {}
for i = 1, #described, 2 do members[#members + 1] = 'w:' .. described[i] end
local ends = #members > 0 and call('ZMSCORE', timers, unpack(members)) or {}
for i = 1, #members do
  if ends[i] and tonumber(ends[i]) > now then alive[#alive + 1] = described[2 * i] end
end
local published = call('HGETALL', types)
return {price, now, published, alive}
