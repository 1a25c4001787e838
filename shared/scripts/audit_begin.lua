--[[ audit_begin: whether an audit is to go on, and from where.
  Precondition  none.
  @key  repairs  hash  {<namespace>:<shard>}:repairs   state of the audit, what it repaired so far
  @arg  every_ms  int   ms after the end of the last audit when the next one may begin; 0 at once
  @arg  runner    text  who asks; a word that nobody else uses
  @returns  {price, now ms, answer, state}: go; busy: another goes on with it; fresh: the last one ended lately
  Cost    O(1).
  Replay  the same is answered.
]]
--- @include "lib/call"
--- @include "lib/time"
local BUSY_MS = 15000
local known = call('HMGET', repairs, 'state', 'touched', 'runner', 'finished')
if known[3] and known[3] ~= runner and now - tonumber(known[2]) < BUSY_MS then return {price, now, 'busy', ''} end
if not known[1] and known[4] and now - tonumber(known[4]) < every_ms then return {price, now, 'fresh', ''} end
call('HSET', repairs, 'touched', int(now), 'runner', runner)
return {price, now, 'go', known[1] or ''}
