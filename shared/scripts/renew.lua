--[[ renew: move the end of a worker's lease or presence when no exchange did.
  Precondition  none; sent by a thread of the worker, never by its parent.
  @key  timers  zset  {<namespace>:<shard>}:timers   due times, ms
  @arg  worker     text  name
  @arg  length_ms  int   ms from now
  @returns  {price, now ms, until ms | 0 the lease expired and its tasks were given away}
  Cost    O(log N).
  Replay  moved again.
]]
--- @include "lib/call"
--- @include "lib/time"
local member = 'w:' .. worker
-- A removal first: the lease must hold when memory is full. Its answer tells whether there was one.
if call('ZREM', timers, member) == 0 then return {price, now, 0} end
call('ZADD', timers, int(now + length_ms), member)
return {price, now, now + length_ms}
