--[[ cancel: end a task that is not running at once; ask the worker of a running one.
  Precondition  none.
  @key  record   string  {<namespace>:<shard>}:t:<id>    the task
  @key  queues   hash    {<namespace>:<shard>}:queues    counts of each queue
  @key  timers   zset    {<namespace>:<shard>}:timers    due times, ms
  @key  wakes    stream  {<namespace>:<shard>}:wakes     wake-ups
  @key  events   stream  {<namespace>:<shard>}:events    what changed
  @arg  prefix        text  {<namespace>:<shard>}:
  @arg  id            text  the task's id
  @arg  by            text  who asked, "" to keep no entry of it
  @arg  retention_ms  text   ms an ended task is kept that names no time of its own, then the same of a dead one
  @returns  {price, now ms, status letter}: X ended now or before, R its worker was asked, C or D it had ended: unchanged
  @error  DTQ_NOT_FOUND: no such task
  @event  X P
  Cost    O(log N).
  Replay  the task is cancelled already, or its worker is asked again.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/memory"
--- @include "lib/wakes"
--- @include "lib/events"
--- @include "lib/stats"
--- @include "lib/record"
--- @include "lib/timers"
--- @include "lib/pending"
--- @include "lib/callback"
--- @include "lib/bands"
--- @include "lib/done"
--- @include "lib/place"
--- @include "lib/audit"

local text = call('GET', record)
if not text then return refused('DTQ_NOT_FOUND') end
local r = record_parse(text)

local function ask_worker()
  local field = memory_field(r.worker)
  local memory = memory_of(call('HGET', queues, field)) or memory_of(NO_MEMORY)
  if not string.find(' ' .. memory.asked .. ' ', ' ' .. id .. ' ', 1, true) then
    memory.asked = memory.asked == '' and id or memory.asked .. ' ' .. id
    call('HDEL', queues, '') -- a removal first: memory may be full
    call('HSET', queues, field, memory_text(memory))
  end
  wake_worker = r.worker
  wakes_flush()
end

if r.status == 'R' then
  ask_worker()
elseif r.status == 'P' or r.status == 'S' or r.status == 'Y' then
  counts_load({'*', r.queue})
  take_out(id, r)
  place_flush()
  finish(id, r, 'X', r.rest, nil, by ~= '' and name_of(by) or nil)
  pending_flush()
  done_flush()
  timers_flush('')
  records_flush()
  stats_flush()
  counts_flush(wake_queue)
  events_flush()
  wakes_flush()
  r.status = 'X'
end
if by ~= '' and r.status ~= 'C' and r.status ~= 'D' then audit_add('cancel', id, by) end
return {price, now, r.status}
