--[[ drain: ask a worker to claim no more, or to claim again. What it runs goes on.
  Precondition  none.
  @key  queues   hash    {<namespace>:<shard>}:queues        what its exchanges remember, beside the counts
  @key  workers  hash    {<namespace>:<shard>}:workers       worker -> description, with draining
  @key  wakes    stream  {<namespace>:<shard>}:wakes         wake-ups
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  worker  text  its name
  @arg  by      text  who asked
  @arg  hold    int   1 to drain, 0 to let it claim again
  @returns  {price, now ms, tasks it holds}
  @error  DTQ_NO_WORKER: no such worker
  Cost    O(1).
  Replay  asked again.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/memory"
--- @include "lib/handoff"
--- @include "lib/wakes"
--- @include "lib/audit"
local DRAINING = ',"draining":true}'
local described = call('HGET', workers, worker)
if not described then return refused('DTQ_NO_WORKER') end
local is_told = string.sub(described, -#DRAINING) == DRAINING
local known = call('HMGET', queues, memory_field(worker), handed_field(worker), IDLE)
local memory = memory_of(known[1]) or memory_of(NO_MEMORY)
memory.draining = hold == 1 and 'd' or ''
call('HSET', queues, memory_field(worker), memory_text(memory))
if hold == 1 and is_idle_of(known[3], worker) then call('HDEL', queues, IDLE) end
if hold == 1 then
  if not is_told then call('HSET', workers, worker, string.sub(described, 1, -2) .. DRAINING) end
else
  if is_told then call('HSET', workers, worker, string.sub(described, 1, -#DRAINING - 1) .. '}') end
end
wake_worker = worker
wakes_flush()
audit_add(hold == 1 and 'drain' or 'undrain', worker, by, '')
return {price, now, #held_of(memory, known[2])}
