--[[ alert_turn: whose turn it is to look whether something is wrong, and what was said about it.
  Precondition  none; only asked when alerts are on.
  @key  alerts  hash    {<namespace>:<shard>}:alerts       rule -> ms since when it fires; worker -> ms when one lived last
  @key  turn    string  {<namespace>:<shard>}:alerts:turn  there while somebody has looked lately
  @key  timers  zset    {<namespace>:<shard>}:timers       due times, ms
  @arg  every_ms  int   ms between two looks
  @arg  late_ms   int   ms after which a schedule counts as missed
  @returns  {price, now ms, 0 not now | 1 it is the caller's turn, {rule, ms, ...}, {late schedule, ...}}
  Cost    O(log N); at most 100 due times are read.
  Replay  not now; the next turn comes after every_ms.
]]
--- @include "lib/call"
--- @include "lib/time"
if not call('SET', turn, int(now), 'NX', 'PX', int(every_ms)) then return {price, now, 0, {}, {}} end
local late = {}
for _, member in ipairs(call('ZRANGE', timers, '-inf', int(now - late_ms), 'BYSCORE', 'LIMIT', '0', '100')) do
  local schedule = string.match(member, '^s:(.*)$')
  if schedule then late[#late + 1] = schedule end
end
return {price, now, 1, call('HGETALL', alerts), late}
