--[[ leave: a worker goes; what it still holds can be taken back at once.
  Precondition  the worker sends nothing after this.
  @key  timers   zset    {<namespace>:<shard>}:timers        due times, ms
  @key  workers  hash    {<namespace>:<shard>}:workers       worker -> description
  @key  queues   hash    {<namespace>:<shard>}:queues        what its exchanges remember, beside the counts
  @key  wakes    stream  {<namespace>:<shard>}:wakes         wake-ups
  @arg  worker  text  name
  @returns  {price, now ms, tasks still held}
  Cost    O(log N).
  Replay  gone already: nothing changes.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/memory"
--- @include "lib/handoff"
--- @include "lib/wakes"
local member = 'w:' .. worker
call('HDEL', workers, worker) -- a removal first: memory may be full
local known = call('HMGET', queues, memory_field(worker), handed_field(worker), IDLE)
if is_idle_of(known[3], worker) then call('HDEL', queues, IDLE) end
local held = #held_of(memory_of(known[1]), known[2])
if held > 0 then
  call('ZADD', timers, 'XX', int(now), member)
  wake_at(now)
  wakes_flush()
else
  if call('ZREM', timers, member) == 1 then call('HINCRBY', queues, '*:w', '-1') end
  call('HDEL', queues, memory_field(worker), handed_field(worker))
end
return {price, now, held}
