--[[ types: the task types ever published and the workers that live now.
  Precondition  none.
  @key  types    hash  {<namespace>:<shard>}:types     task type -> description
  @key  workers  hash  {<namespace>:<shard>}:workers   worker -> description
  @key  timers   zset  {<namespace>:<shard>}:timers    due times, ms
  @key  key_uses hash  {<namespace>:<shard>}:keys      API key -> last use, ms
  @args item     two per API key that was used: its name and when, ms; often none
  @returns  {price, now ms, {type, JSON, ...}, {worker JSON, ...}}
  Cost    O(types + workers).
  Replay  reads only; uses are written again.
]]
--- @include "lib/call"
--- @include "lib/time"
local uses = {}
for i = 1, item_count do uses[i] = item(i) end
if #uses > 0 then call_variadic('HSET', key_uses, uses) end
local described = call('HGETALL', workers)
local members, alive = {}, {}
for i = 1, #described, 2 do members[#members + 1] = 'w:' .. described[i] end
local ends = #members > 0 and call('ZMSCORE', timers, unpack(members)) or {}
for i = 1, #members do
  if ends[i] and tonumber(ends[i]) > now then alive[#alive + 1] = described[2 * i] end
end
local published = call('HGETALL', types)
return {price, now, published, alive}
