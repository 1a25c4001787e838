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
local wait = rate_take(rate, allowance, 1)
return {price, now, wait or 0, rate_left}
