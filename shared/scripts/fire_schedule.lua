--[[ fire_schedule: submit the task of one due time of a schedule, and move the schedule to its next time.
  Precondition  `record` names the id that belongs to schedule and due time: no time fires twice.
  @key  record     string  {<namespace>:<shard>}:t:<id>     the task of this time
  @key  schedules  hash    {<namespace>:<shard>}:schedules  id -> definition; <id>:n next ms, <id>:l last times, <id>:p why paused
  @key  queues     hash    {<namespace>:<shard>}:queues     counts of each queue
  @key  timers     zset    {<namespace>:<shard>}:timers     due times, ms
  @key  wakes      stream  {<namespace>:<shard>}:wakes      wake-ups
  @key  events     stream  {<namespace>:<shard>}:events     what changed
  @arg  prefix      text  {<namespace>:<shard>}:
  @arg  id          text  name of the schedule
  @arg  due         text  ms since 1970: the time that fires, "" to run once more besides
  @arg  next_ms     int   ms since 1970: the time after it
  @arg  skip        text  "" fire; overlap: not while the last task lives; missed: never, only move on
  @arg  by          text  who asked, "" when its time came
  @arg  attributes  text  "<priority> <queue> <type> <max retries>[ options]"
  @arg  payload     text  JSON
  @returns  {price, now ms, result}: fired, skipped, or stale (this time has fired, or the schedule was changed or paused)
  @event  P
  Cost    O(log N).
  Replay  stale; the task exists once.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/wakes"
--- @include "lib/events"
--- @include "lib/order"
--- @include "lib/record"
--- @include "lib/pending"
--- @include "lib/fair"
--- @include "lib/audit"

local known = call('HMGET', schedules, id .. ':n', id .. ':l', id .. ':p', id)
if not known[4] or (due ~= '' and (known[1] ~= due or known[3])) then return {price, now, 'stale'} end

local function last_lives()
  local last = string.match(known[2] or '', '%w+')
  local text = last and call('GET', prefix .. 't:' .. last)
  return text and string.find('SPRY', string.sub(text, 1, 1), 1, true) ~= nil
end

-- The last ten times, the newest first: the id of the task, or a dash for one that was skipped.
local TOLD = 10
local function times_with(newest)
  local words = {newest}
  for word in string.gmatch(known[2] or '', '%S+') do
    if #words < TOLD then words[#words + 1] = word end
  end
  return table.concat(words, ' ')
end

local task_id = string.sub(record, #prefix + 3)
local is_skipped = skip == 'missed' or (skip == 'overlap' and last_lives())
if not is_skipped then
  local body = #payload > BODY_INLINE and '@' or payload
  local pairs_ = {record, 'P0 0 0\n' .. int(now) .. ' ' .. attributes .. '\n' .. body}
  if body == '@' then
    pairs_[3], pairs_[4] = prefix .. 'p:' .. task_id, payload
  end
  if call('MSETNX', unpack(pairs_)) == 1 then
    local level, queue_name, options = string.match(attributes, '^(%d+) (%S+) %S+ %d+(.*)$')
    local priority = tonumber(level)
    fair_note(queue_name, priority, options)
    fair_load()
    event_add(task_id, queue_name, 'P')
    put_pending(task_id, queue_name, priority, fair_rank(queue_name, priority, options, first_rank(events_flush(), 1)))
    submitted_add(fields_of(queue_name)[priority], 1)
  end
end
local writes = {id .. ':l', times_with(is_skipped and '-' or task_id)}
if due ~= '' then
  writes[3], writes[4] = id .. ':n', int(next_ms)
end
call('HSET', schedules, unpack(writes))
if due ~= '' then
  call('ZADD', timers, int(next_ms), 's:' .. id)
  wake_at(next_ms)
end
pending_flush()
fair_flush()
counts_flush(wake_queue)
wakes_flush()
if by ~= '' then audit_add('run schedule', id, by, task_id) end
return {price, now, is_skipped and 'skipped' or 'fired'}
