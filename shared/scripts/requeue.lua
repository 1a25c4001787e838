--[[ requeue: dead tasks get a new series of attempts, at once and from the end of their queue.
  Precondition  none; tasks that are not dead are left alone and told.
  @key  queues  hash    {<namespace>:<shard>}:queues   counts of each queue
  @key  timers  zset    {<namespace>:<shard>}:timers   due times, ms
  @key  wakes   stream  {<namespace>:<shard>}:wakes    wake-ups
  @key  events  stream  {<namespace>:<shard>}:events   what changed
  @keys record  string  {<namespace>:<shard>}:t:<id>   1..100 tasks
  @arg  prefix   text  {<namespace>:<shard>}:
  @arg  by       text  who asked
  @arg  payload  text  JSON that replaces the payload of all of them, "" to keep theirs
  @returns  {price, now ms, {letter, ...}} in order: + requeued; another letter: its present status; "" no such task
  @event  P
  Cost    O(tasks * log N).
  Replay  what was requeued and has not started is told as requeued and stays as it is.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/wakes"
--- @include "lib/events"
--- @include "lib/order"
--- @include "lib/record"
--- @include "lib/timers"
--- @include "lib/pending"
--- @include "lib/fair"
--- @include "lib/bands"
--- @include "lib/place"
--- @include "lib/requeue"
--- @include "lib/audit"

local keys, letters, chosen, names = {}, {}, {}, {'*'}
for i = 1, record_count do keys[i] = record(i) end
for i, text in ipairs(read_many(keys)) do
  local r = text and record_parse(text)
  letters[i] = r and r.status or ''
  if r and r.status == 'P' and r.attempt == 0 and string.find(text, '\na[^\n]*"outcome":"requeued","error":null}$') then
    letters[i] = '+' -- done by an earlier call, perhaps by this one when its answer was lost
  elseif r and r.status == 'D' and holds_unique_key(string.sub(keys[i], #prefix + 3), r) then
    letters[i] = '+'
    chosen[#chosen + 1] = {id = string.sub(keys[i], #prefix + 3), r = r}
    names[#names + 1] = r.queue
  end
end
if #chosen == 0 then return {price, now, letters} end

counts_load(names)
for _, one in ipairs(chosen) do take_out(one.id, one.r) end
place_flush()

requeue_all(chosen, name_of(by), payload)
pending_flush()
fair_flush()
records_flush()
counts_flush(wake_queue)
wakes_flush()
audit_add('requeue', chosen[1].id, by, int(#chosen))
return {price, now, letters}
