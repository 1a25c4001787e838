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
call('ZREM', timers, 'w:') -- removes nothing; a removal first: the lease must hold when memory is full
local is_alive = call('ZADD', timers, 'XX', 'CH', int(now + length_ms), member) == 1
  or call('ZSCORE', timers, member)
return {price, now, is_alive and now + length_ms or 0}
