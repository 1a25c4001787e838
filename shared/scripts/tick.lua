--[[ tick: do what is due when no worker lives to do it: promote, reap, trim.
  Precondition  none; any number of callers at any time.
  @key  queues   hash    {<namespace>:<shard>}:queues    counts of each queue
  @key  timers   zset    {<namespace>:<shard>}:timers    due times, ms
  @key  wakes    stream  {<namespace>:<shard>}:wakes     wake-ups
  @key  events   stream  {<namespace>:<shard>}:events    what changed
  @arg  prefix        text  {<namespace>:<shard>}:
  @arg  retention_ms  text   ms an ended task is kept that names no time of its own, then the same of a dead one
  @arg  keep          text   ended tasks kept per status, then dead ones
  @returns  {price, now ms, more, next due ms | 0, {schedule, due ms, definition, ...} to fire, {j:<job>, slice, ''} to do}
  @event  P X D
  Cost    O(log N) per task; at most 100 promotions, and one of 10 schedules, a worker reaped, 100 trimmed of a status, a bulk operation.
  Replay  what was done is not due any more.
]]
--- @include "lib/call"
guarded = queues
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/memory"
--- @include "lib/handoff"
--- @include "lib/wakes"
--- @include "lib/events"
--- @include "lib/stats"
--- @include "lib/record"
--- @include "lib/timers"
--- @include "lib/pending"
--- @include "lib/callback"
--- @include "lib/bands"
--- @include "lib/done"
--- @include "lib/trim"
--- @include "lib/limits"
--- @include "lib/fair"
--- @include "lib/owed"
--- @include "lib/reap"
-- Nothing else is done here, so all that is due at once fits.
local function affords() return true end
--- @include "lib/maintain"

counts_load({'*'})
local due = what_is_due('')
local is_more = due ~= nil and (do_due(due, ''))
is_more = limits_settle() or is_more
pending_flush()
limits_flush()
done_flush()
timers_flush('')
records_flush()
stats_flush()
counts_flush(wake_queue)
events_flush()
wakes_flush()
local next_due = timers_head('') or 0
return {price, now, is_more and 1 or 0, next_due, due_schedules}
