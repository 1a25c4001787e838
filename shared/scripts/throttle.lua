--[[ throttle: take one from somebody's allowance.
  Precondition  none.
  @key  rate  string  {<namespace>:<shard>}:rate:<kind>:<who>   when the allowance is whole again, us since 2026; expires then
  @arg  allowance  text  "<interval us> <burst>"
  @returns  {price, now ms, ms to wait | 0 taken, left}
  Cost    O(1).
  Replay  one more is taken.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/gcra"
local whole_at, wait = rate_take(allowance, call('GET', rate), 1)
if whole_at then call('SET', rate, int(whole_at), 'PX', int(math.ceil((whole_at - now_rank) / 1000))) end
return {price, now, wait or 0, rate_left}
