--[[ pause: hold a queue, or let it go on. What runs goes on running; what is submitted waits.
  Precondition  none; a queue that was never used can be paused, too.
  @key  queues  hash    {<namespace>:<shard>}:queues   counts and control of each queue
  @key  wakes   stream  {<namespace>:<shard>}:wakes    wake-ups
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  name    text  the queue
  @arg  by      text  who asked
  @arg  reason  text  why, "" for none; only with hold
  @arg  hold    int   1 to pause, 0 to resume
  @returns  {price, now ms, pending tasks}
  Cost    O(1).
  Replay  the first pause keeps its time; a second resume changes nothing.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/wakes"
--- @include "lib/audit"

counts_load({name})
local control = control_of(name)
if hold == 1 then
  control.paused = control.paused or {by = name_of(by), reason = reason, at = int(now)}
else
  control.paused = nil
  if has_pending(name) then wake_queue(name) end
end
control_put(name, control)
counts_flush(wake_queue)
wakes_flush()
audit_add(hold == 1 and 'pause' or 'resume', name, by, reason)
local waiting = count_of(fields_of(name).K)
for priority = 1, 10 do waiting = waiting + count_of(fields_of(name)[priority]) end
return {price, now, waiting}
