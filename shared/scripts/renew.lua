--[[ renew: move the end of a worker's lease or presence when no exchange did.
  Precondition  none; sent by a thread of the worker, never by its parent.
  @key  timers  zset  {<namespace>:<shard>}:timers         due times, ms
  @key  run     hash  {<namespace>:<shard>}:run:<worker>   what it holds
  @arg  worker    text  name
  @arg  lease_ms  int   ms from now
  @arg  idle_ms   int   ms from now when it holds nothing, 0 when it knows that it holds something
  @returns  {price, now ms, until ms | 0 the lease expired and its tasks were given away}
  Cost    O(log N + tasks it holds, when idle).
  Replay  moved again. One that was sent while idle and comes after a claim finds the claim, and sets a lease.
]]
--- @include "lib/call"
--- @include "lib/time"
local member = 'w:' .. worker

local function holds_nothing()
  for _, field in ipairs(call('HKEYS', run)) do
    if #field == 27 then return false end
  end
  return true
end

if idle_ms > 0 and holds_nothing() then
  -- To the microsecond: the same score as before would read as no change, and so as lost.
  local idle_until = string.format('%.3f', now + idle_ms + now_rank % 1000 / 1000)
  local is_known = call('ZADD', timers, 'XX', 'CH', idle_until, member) == 1
  return {price, now, is_known and now + idle_ms or 0}
end
-- A removal first: the lease must hold when memory is full. Its answer tells whether there was one.
if call('ZREM', timers, member) == 0 then return {price, now, 0} end
call('ZADD', timers, int(now + lease_ms), member)
return {price, now, now + lease_ms}
