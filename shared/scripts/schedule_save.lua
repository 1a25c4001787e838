--[[ schedule_save: create or change a recurring schedule.
  Precondition  the definition was validated; `next_ms` is its next time.
  @key  schedules  hash    {<namespace>:<shard>}:schedules  id -> definition; <id>:n next ms, <id>:l last task, <id>:p why paused
  @key  timers     zset    {<namespace>:<shard>}:timers     due times, ms
  @key  wakes      stream  {<namespace>:<shard>}:wakes      wake-ups
  @arg  prefix      text  {<namespace>:<shard>}:
  @arg  id          text  name of the schedule
  @arg  definition  text  JSON
  @arg  next_ms     int   ms since 1970
  @arg  by          text  who asked
  @returns  {price, now ms, 1 created | 0 changed}
  @error  DTQ_TOO_MANY_SCHEDULES: 1,000 are stored
  Cost    O(log N).
  Replay  the same is written again.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/wakes"
--- @include "lib/audit"
local is_known = call('HEXISTS', schedules, id) == 1
if not is_known and call('HLEN', schedules) >= 4000 then return refused('DTQ_TOO_MANY_SCHEDULES') end
call('HSET', schedules, id, definition, id .. ':n', int(next_ms))
call('HDEL', schedules, id .. ':p')
call('ZADD', timers, int(next_ms), 's:' .. id)
wake_at(next_ms)
wakes_flush()
audit_add(is_known and 'change schedule' or 'create schedule', id, by)
return {price, now, is_known and 0 or 1}
