--[[ audit_note: keep how far an audit is, or that it has ended.
  Precondition  none.
  @key  repairs  hash  {<namespace>:<shard>}:repairs   state of the audit, what it repaired so far
  @arg  runner  text  who did it
  @arg  state   text  JSON, "" when it is through
  @arg  goes_on  int   1: the same caller goes on; 0: anybody may
  @returns  {price, now ms}
  Cost    O(1).
  Replay  the same is written again.
]]
--- @include "lib/call"
--- @include "lib/time"
call('HDEL', repairs, state == '' and 'state' or '', goes_on == 1 and '' or 'runner')
local flat = {'touched', int(now)}
if state == '' then
  flat[3], flat[4] = 'finished', int(now)
else
  flat[3], flat[4] = 'state', state
end
if goes_on == 1 then
  flat[5], flat[6] = 'runner', runner
end
call('HSET', repairs, unpack(flat))
return {price, now}
