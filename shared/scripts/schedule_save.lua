--[[ schedule_save: create or change a recurring schedule.
  Precondition  the definition was validated; `next_ms` is its next time. One that is paused stays so.
  @key  schedules  hash    {<namespace>:<shard>}:schedules  id -> definition; <id>:n next ms, <id>:l last times, <id>:p why paused
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
local SCHEDULES = 1000

-- Each has two to four fields: only when there may be too many they are counted one by one.
local function is_full()
  if call('HLEN', schedules) < 2 * SCHEDULES then return false end
  local stored = 0
  for _, field in ipairs(call('HKEYS', schedules)) do
    if not string.find(field, ':', 1, true) then stored = stored + 1 end
  end
  return stored >= SCHEDULES
end

local known = call('HMGET', schedules, id, id .. ':p')
local is_known, is_paused = known[1] ~= false, known[2] ~= false
if not is_known and is_full() then return refused('DTQ_TOO_MANY_SCHEDULES') end
call('HSET', schedules, id, definition, id .. ':n', int(next_ms))
if not is_paused then
  call('ZADD', timers, int(next_ms), 's:' .. id)
  wake_at(next_ms)
  wakes_flush()
end
audit_add(is_known and 'change schedule' or 'create schedule', id, by)
return {price, now, is_known and 0 or 1}
