--[[ job_create: begin a bulk operation over many tasks, which is done in slices.
  Precondition  the id is chosen by the caller before the first call.
  @key  job     hash    {<namespace>:<shard>}:job:<id>  the operation, see lib/job.lua
  @key  jobs    zset    {<namespace>:<shard>}:jobs      all of them
  @key  queues  hash    {<namespace>:<shard>}:queues    counts of each queue
  @key  groups  zset    {<namespace>:<shard>}:groups    <fingerprint>:<id> of dead tasks
  @key  timers  zset    {<namespace>:<shard>}:timers    due times, ms
  @key  wakes   stream  {<namespace>:<shard>}:wakes     wake-ups
  @arg  prefix   text  {<namespace>:<shard>}:
  @arg  id       text  name of the operation
  @arg  by       text  who asks
  @arg  action   text  requeue | delete | purge | cancel
  @arg  group    text  fingerprint of an error, "" for any
  @arg  name     text  queue, "" for any
  @arg  kind     text  task type, "" for any
  @arg  states   text  letters of the statuses of purge and cancel: P, S, Y
  @arg  payload  text  JSON that replaces the payload of the requeued, "" to keep theirs
  @arg  first    int   tasks that go first, 0 for none
  @arg  pace     text  ms per task, 0 for as fast as it goes
  @returns  {price, now ms, tasks at most | -1 unknown}
  @error  DTQ_NO_QUEUE: a queue that was never used
  @error  DTQ_NO_GROUP: no dead task is in the group
  @error  DTQ_TOO_MANY_JOBS: 100 operations go on
  Cost    O(log N).
  Replay  it exists: nothing changes.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/wakes"
--- @include "lib/job"
--- @include "lib/audit"

local known = call('HGET', job, 'total')
if known then return {price, now, tonumber(known)} end

local function is_used(queue_name)
  for _, field in pairs(fields_of(queue_name)) do
    if counts[field] then return true end
  end
  return false
end

-- How many tasks it will look at, where counts tell.
local function total_of()
  if group ~= '' then return call('ZLEXCOUNT', groups, '[' .. group .. ':', '(' .. group .. ';') end
  if kind ~= '' then return -1 end
  if action == 'requeue' or action == 'delete' then return count_of(name == '' and '*:D' or fields_of(name).D) end
  if name == '' then return -1 end
  local sum = 0
  for letter in string.gmatch(states, '%a') do
    if letter == 'P' then
      for priority = 1, 10 do sum = sum + count_of(fields_of(name)[priority]) end
      letter = 'K'
    end
    sum = sum + count_of(fields_of(name)[letter])
  end
  return sum
end

counts_load(name == '' and {'*'} or {'*', name})
if name ~= '' and not is_used(name) then return refused('DTQ_NO_QUEUE') end
local total = total_of()
if group ~= '' and total == 0 then return refused('DTQ_NO_GROUP') end
if call('ZCOUNT', jobs, int(LIVE), '+inf') >= JOBS_LIVE then return refused('DTQ_TOO_MANY_JOBS') end

jobs_prune() -- begins with a removal: a purge must begin when memory is full
call('HSET', job, 'kind', action, 'group', group, 'queue', name, 'type', kind, 'states', states, 'by', name_of(by),
  'created', int(now), 'payload', payload, 'first', int(first), 'pace', pace, 'state', 'running', 'slice', '0',
  'runner', '', 'next', '0', 'stage', '', 'score', '', 'member', '', 'canary', '', 'checks', '0', 'pass', '1',
  'changed', '0', 'done', '0', 'skipped', '0', 'missing', '0', 'total', int(total), 'updated', int(now))
call('ZADD', jobs, int(LIVE + now), id)
call('ZADD', timers, int(now), 'j:' .. id)
wake_at(now)
wakes_flush()
audit_add('job ' .. action, id, by, table.concat({group, name, kind, states}, ' '))
return {price, now, total}
