--[[ edit: change a task that waits: its payload, priority or start; run it now.
  Precondition  none.
  @key  record  string  {<namespace>:<shard>}:t:<id>   the task
  @key  queues  hash    {<namespace>:<shard>}:queues   counts of each queue
  @key  timers  zset    {<namespace>:<shard>}:timers   due times, ms
  @key  wakes   stream  {<namespace>:<shard>}:wakes    wake-ups
  @key  events  stream  {<namespace>:<shard>}:events   what changed
  @arg  prefix    text  {<namespace>:<shard>}:
  @arg  id        text  the task's id
  @arg  by        text  who asked
  @arg  payload   text  JSON, "" to keep it
  @arg  priority  text  1..10, "" to keep it
  @arg  when      text  "" to keep it, "now", "+<ms>" from now, "<ms>" at
  @returns  {price, now ms, status letter}: S, P or Y; R, C, D, X: it does not wait and was not changed
  @error  DTQ_NOT_FOUND: no such task
  @event  S P Y
  Cost    O(log N).
  Replay  the same is written again.
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
--- @include "lib/bands"
--- @include "lib/place"
--- @include "lib/audit"

local text = call('GET', record)
if not text then return refused('DTQ_NOT_FOUND') end
local r = record_parse(text)
if r.status ~= 'S' and r.status ~= 'P' and r.status ~= 'Y' then return {price, now, r.status} end

-- A task that could start already keeps its place; one that is parked has none, it goes by when it could start first.
local function place_of()
  if r.status ~= 'P' or (when ~= '' and when ~= 'now') then return nil end
  local score = call('ZSCORE', prefix .. 'pending:' .. r.queue, id)
  if not score then return rank_of_ms(math.max(r.created, tonumber(r.due))) end
  return rank_of(score)
end

local place = place_of()
counts_load({r.queue})
take_out(id, r)
place_flush()

local function due_of()
  if when == 'now' then return 0 end
  if when == '' then return r.status == 'P' and 0 or tonumber(r.due) end
  local due = tonumber(string.match(when, '^%+(%d+)$') or when)
  return string.sub(when, 1, 1) == '+' and now + due or due
end

local due = due_of()
local letter = due > now and (r.status == 'Y' and 'Y' or 'S') or 'P'
if priority ~= '' then
  r.priority = tonumber(priority)
  r.rest = string.gsub(r.rest, '^\n(%d+) %d+', '\n%1 ' .. priority, 1)
end
if payload ~= '' then r.rest = rest_with_payload(r, id, payload) end
if letter ~= 'P' or when ~= '' then r.due = int(letter == 'P' and now or due) end
record_put(id, record_text(r, letter))
event_add(id, r.queue, letter)
local event_id = events_flush()
if letter == 'P' then
  make_pending(id, r.queue, r.priority, place or first_rank(event_id, 1))
else
  timer_add('t:' .. id .. ':' .. r.queue, due, true)
  wake_at(due)
  count_add(fields_of(r.queue)[letter], 1)
end
pending_flush()
timers_flush('')
records_flush()
counts_flush(wake_queue)
wakes_flush()
audit_add('edit', id, by, (payload ~= '' and 'payload ' or '') .. (priority ~= '' and 'priority ' or '') .. when)
return {price, now, letter}
