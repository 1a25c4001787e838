--[[ renew: move the end of a worker's lease or presence when no exchange did.
  Precondition  none; sent by a thread of the worker, never by its parent.
  @key  timers  zset  {<namespace>:<shard>}:timers   due times, ms
  @key  queues  hash  {<namespace>:<shard>}:queues   what its exchanges remember, beside the counts
  @arg  worker    text  name
  @arg  lease_ms  int   ms from now
  @arg  idle_ms   int   ms from now when it holds nothing, 0 when it knows that it holds something
  @returns  {price, now ms, until ms | 0 the lease expired and its tasks were given away}
  Cost    O(log N + tasks it holds, when idle).
  Replay  moved again. One that was sent while idle and comes after a claim finds the claim, and sets a lease.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/memory"
--- @include "lib/handoff"
local member = 'w:' .. worker

local function holds_nothing()
  local known = call('HMGET', queues, memory_field(worker), handed_field(worker))
  return #held_of(memory_of(known[1]), known[2]) == 0
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
