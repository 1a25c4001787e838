--[[ audit_workers: how many workers have a lease or a presence.
  Precondition  none.
  @key  repairs  hash  {<namespace>:<shard>}:repairs  what was repaired so far
  @key  queues   hash  {<namespace>:<shard>}:queues   the number, beside the counts of each queue
  @key  workers  hash  {<namespace>:<shard>}:workers  worker -> description
  @key  timers   zset  {<namespace>:<shard>}:timers   due times, ms
  @returns  {price, now ms, {kind, number, ...}}
  Cost    O(workers); exact, whatever goes on meanwhile: it is one script.
  Replay  the number is right.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/repairs"
local members, is_named, alive = {}, {}, 0
local function name_worker(name)
  if not is_named[name] then members[#members + 1] = 'w:' .. name end
  is_named[name] = true
end
for _, name in ipairs(call('HKEYS', workers)) do name_worker(name) end
-- One that has left with tasks is not described any more, but remembers.
for _, field in ipairs(call('HKEYS', queues)) do
  local name = string.match(field, '^%*:%+(.+)$')
  if name then name_worker(name) end
end
for i = 1, #members, CHUNK do
  for _, until_ms in ipairs(call('ZMSCORE', timers, unpack(members, i, math.min(i + CHUNK - 1, #members)))) do
    if until_ms then alive = alive + 1 end
  end
end
if tonumber(call('HGET', queues, '*:w') or 0) ~= alive then
  repair_note('counts')
  call('HSET', queues, '*:w', int(alive))
end
return {price, now, repairs_flush()}
