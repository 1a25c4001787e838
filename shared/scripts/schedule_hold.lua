--[[ schedule_hold: pause a schedule, let it go on, or remove it.
  Precondition  none.
  @key  schedules  hash    {<namespace>:<shard>}:schedules  id -> definition; <id>:n next ms, <id>:l last times, <id>:p why paused
  @key  timers     zset    {<namespace>:<shard>}:timers     due times, ms
  @key  wakes      stream  {<namespace>:<shard>}:wakes      wake-ups
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  id      text  name of the schedule
  @arg  action  text  pause | resume | delete
  @arg  next_ms  int   ms since 1970, with resume
  @arg  reason  text  why, with pause
  @arg  by      text  who asked
  @returns  {price, now ms}
  @error  DTQ_NO_SCHEDULE: no such schedule
  Cost    O(log N).
  Replay  the same is written again; a deleted one is not found.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/wakes"
--- @include "lib/audit"
if call('HEXISTS', schedules, id) == 0 then return refused('DTQ_NO_SCHEDULE') end
local member = 's:' .. id
if action == 'resume' then
  call('HDEL', schedules, id .. ':p')
  call('HSET', schedules, id .. ':n', int(next_ms))
  call('ZADD', timers, int(next_ms), member)
  wake_at(next_ms)
  wakes_flush()
elseif action == 'pause' then
  call('ZREM', timers, member)
  call('HSET', schedules, id .. ':p', reason ~= '' and reason or 'paused by ' .. name_of(by))
else
  call('ZREM', timers, member)
  call('HDEL', schedules, id, id .. ':n', id .. ':l', id .. ':p')
end
audit_add(action .. ' schedule', id, by, reason)
return {price, now}
