--[[ job_cancel: end a bulk operation before its time; what it did stays done.
  Precondition  none.
  @key  job     hash    {<namespace>:<shard>}:job:<id>  the operation, see lib/job.lua
  @key  jobs    zset    {<namespace>:<shard>}:jobs      all of them
  @key  timers  zset    {<namespace>:<shard>}:timers    due times, ms
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  id      text  name of the operation
  @arg  by      text  who asks
  @returns  {price, now ms, state}: cancelled; done or stopped when it had ended: unchanged
  @error  DTQ_NO_JOB: no such operation
  Cost    O(log N).
  Replay  it is cancelled already.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/job"
--- @include "lib/audit"

local state = call('HGET', job, 'state')
if not state then return refused('DTQ_NO_JOB') end
if state ~= 'running' then return {price, now, state} end
job_end(job, id, 'cancelled', 'cancelled by ' .. name_of(by))
audit_add('job cancelled', id, by)
return {price, now, 'cancelled'}
