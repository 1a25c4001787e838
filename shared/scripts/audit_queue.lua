--[[ audit_queue: counts of what is pending and parked in a queue, and the totals of what ended, from the indexes.
  Precondition  none.
  @key  repairs  hash    {<namespace>:<shard>}:repairs          what was repaired so far
  @key  queues   hash    {<namespace>:<shard>}:queues           counts and control of each queue
  @key  wakes    stream  {<namespace>:<shard>}:wakes            wake-ups
  @key  pending  zset    {<namespace>:<shard>}:pending:<queue>  score (10-priority)*2^49+rank
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  name    text  the queue
  @returns  {price, now ms, {kind, number, ...}}
  Cost    O(log N); exact, whatever goes on meanwhile: it is one script.
  Replay  the counts are right.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/bands"
--- @include "lib/wakes"
--- @include "lib/repairs"
counts_load({'*', name})
local wrong = {}
local function set(field, really)
  if count_of(field) ~= really then
    repair_note('counts')
    wrong[#wrong + 1] = field
    wrong[#wrong + 1] = int(really + (unseen[field] or 0) * SUBMITTED)
  end
end

for priority = 1, 10 do
  local really = call('ZCOUNT', pending, score_of(priority, 0), '(' .. score_of(priority - 1, 0))
  if really > 0 and count_of(fields_of(name)[priority]) == 0 then wake_queue(name) end
  set(fields_of(name)[priority], really)
end
local parked = call('ZCARD', prefix .. 'parked:' .. name)
for task_type in pairs(control_of(name).parked or {}) do
  parked = parked + call('ZCARD', prefix .. 'parked:' .. name .. ':' .. task_type)
end
set(fields_of(name).K, parked)
for _, letter in ipairs({'C', 'D', 'X'}) do set('*:' .. letter, call('ZCOUNT', prefix .. 'done', band_bounds(letter))) end
if #wrong > 0 then call('HSET', queues, unpack(wrong)) end
wakes_flush()
return {price, now, repairs_flush()}
