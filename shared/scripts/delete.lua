--[[ delete: remove tasks that do not run, with all that is stored of them.
  Precondition  none; running tasks are left alone and told.
  @key  queues  hash    {<namespace>:<shard>}:queues   counts of each queue
  @key  timers  zset    {<namespace>:<shard>}:timers   due times, ms
  @key  wakes   stream  {<namespace>:<shard>}:wakes    wake-ups
  @keys record  string  {<namespace>:<shard>}:t:<id>   1..100 tasks
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  by      text  who asked
  @returns  {price, now ms, {letter, ...}} in order: - deleted; R runs and stays; "" no such task
  Cost    O(tasks * log N).
  Replay  what is deleted is told as no such task.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/wakes"
--- @include "lib/record"
--- @include "lib/timers"
--- @include "lib/bands"
--- @include "lib/place"
--- @include "lib/remove"
--- @include "lib/audit"

local keys, letters, chosen, names = {}, {}, {}, {'*'}
for i = 1, record_count do keys[i] = record(i) end
for i, text in ipairs(read_many(keys)) do
  local r = text and record_parse(text)
  letters[i] = r and r.status or ''
  if r and r.status ~= 'R' then
    letters[i] = '-'
    chosen[#chosen + 1] = {id = string.sub(keys[i], #prefix + 3), r = r}
    names[#names + 1] = r.queue
  end
end
if #chosen == 0 then return {price, now, letters} end

counts_load(names)
for _, one in ipairs(chosen) do take_out(one.id, one.r) end
place_flush()
remove_all(chosen)
timers_flush('')
counts_flush(wake_queue)
wakes_flush()
audit_add('delete', chosen[1].id, by, int(#chosen))
return {price, now, letters}
