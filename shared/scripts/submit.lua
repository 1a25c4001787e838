--[[ submit: store 1..1000 tasks and make them pending or scheduled, all or nothing.
  Precondition  ids are chosen by the caller before the first call; no id twice in one call.
  @key  queues  hash    {<namespace>:<shard>}:queues   counts of each queue
  @key  timers  zset    {<namespace>:<shard>}:timers   due times, ms
  @key  wakes   stream  {<namespace>:<shard>}:wakes    wake-ups
  @key  events  stream  {<namespace>:<shard>}:events   what changed
  @keys record  string  {<namespace>:<shard>}:t:<id>   one per task
  @arg  prefix  text    {<namespace>:<shard>}:
  @arg  retention_ms  text  ms a task is kept that is replaced by one with the same unique key, then the same of a dead one
  @arg  allowance  text  "<interval us> <burst> <who>" of the caller, "" for no limit
  @arg  hand_off  int  1: look for a worker with a free slot that a lone task can be handed to; costs one call more
  @args item    three per task: when ("" now, "+<ms>" after now, "<ms>" at), attributes
                "<priority> <queue> <type> <max retries>[ options]" and the payload as JSON
  @returns  {price, now ms, {status letter, ...}, {id, ...}, {mark, ...}, left of the allowance | -1, 1 when the next
            lone task may well be handed over} in order; one that was handed over is told as pending; a repeated
            submission answers what the task is now, one whose key is taken the task that has it, with the
            mark why: e it has the unique key, d it waits and took the payload (debounce), t its window is not over
            (throttle)
  @error  DTQ_RATE_LIMITED <ms>: the allowance is used up, and not all of the tasks are stored already; nothing is stored
  @error  DTQ_IDEMPOTENCY_CONFLICT <index> <id>: that id is stored with another body; nothing is stored
  @error  DTQ_UNIQUE_CONFLICT <index> <id>: a live task has that unique key; nothing is stored
  @event  P S X R
  Cost    O(tasks * log N).
  Replay  every id exists: nothing stays but a gap in the events and its count (see lib/moment), the tasks' present
          statuses are returned.
]]
--- @include "lib/call"
--- @include "lib/clock"
--- @include "lib/gcra"
--- @include "lib/counts"
--- @include "lib/handoff"
--- @include "lib/wakes"
--- @include "lib/events"
--- @include "lib/order"
--- @include "lib/moment"
--- @include "lib/record"
--- @include "lib/timers"
--- @include "lib/pending"
--- @include "lib/fair"
--- @include "lib/callback"
--- @include "lib/bands"
--- @include "lib/done"
--- @include "lib/place"

local ids, texts, bodies, due_times = {}, {}, {}, {}

-- What each task is asked to be; that of many is the same, and is taken apart once a call.
local asked, attributes_known, kinds, id_start = {}, {}, {}, #prefix + 3
-- What another task may stand for is often not stored: its event is not told before. Users' JSON may look as if it said so.
local function may_be_answered(options)
  return find(options, ' [uhb]=') and (option_of(options, 'u') or option_of(options, 'h') or option_of(options, 'b'))
end

local is_plain = allowance == '' and hand_off == 0
for i = 1, record_count do
  local words = item(3 * i - 1)
  local known = attributes_known[words]
  if not known then
    local priority, queue_name, options = string.match(words, '^(%d+) (%S+) %S+ %d+(.*)$')
    known = {words = words, priority = tonumber(priority), queue = queue_name, options = options, ids = {}, new = {P = {}, S = {}}}
    attributes_known[words], kinds[#kinds + 1] = known, known
    is_plain = is_plain and not may_be_answered(options)
  end
  asked[i], ids[i] = known, sub(record(i), id_start)
  known.ids[#known.ids + 1] = ids[i]
  is_plain = is_plain and item(3 * i - 2) == ''
end

if is_plain then
  foretell(kinds)
else
  now, now_rank = read_clock()
end
--- @include "lib/unique"

local function due_of(when)
  if when == '' then return 0 end
  local due = tonumber(string.match(when, '^%+(%d+)$') or when)
  if string.sub(when, 1, 1) == '+' then due = now + due end
  return due > now and due or 0
end

-- What is stored already is no new submission: a repeat after a lost reply must not be refused.
local function are_stored()
  local keys = {}
  for i = 1, record_count do keys[i] = record(i) end
  return call('EXISTS', unpack(keys)) == record_count
end

local names, beside = {}, {}
for i = 1, record_count do names[i] = asked[i].queue end
-- The caller's allowance is a field beside the counts, read and written with them: it costs one call more than none.
if allowance ~= '' then beside[1] = '*:~' .. string.match(allowance, '%S+$') end
if hand_off == 1 then beside[#beside + 1], beside[#beside + 2] = IDLE, '*:w' end
if #beside > 0 then counts_load(names, unpack(beside)) end
if allowance ~= '' then
  local field = beside[1]
  local whole_at, wait = rate_take(allowance, string.match(counts[field] or '', '%d+'), record_count)
  if wait and not are_stored() then return refused('DTQ_RATE_LIMITED ' .. int(wait)) end
  if whole_at then field_put(field, 'w' .. int(whole_at)) end
end

local head_of_pending = 'P0 0 0\n' .. int(now) .. ' '
for i = 1, record_count do
  local payload, due = item(3 * i), due_of(item(3 * i - 2))
  if #payload > BODY_INLINE then
    bodies[i] = payload
    payload = '@'
  end
  due_times[i] = due
  local head = due > 0 and 'S0 0 ' .. int(due) .. '\n' .. int(now) .. ' ' or head_of_pending
  texts[i] = head .. asked[i].words .. '\n' .. payload
end

-- A worker for a task that comes alone: one with a free slot, of which something was heard lately, that serves the queue
-- and knows the type, while nothing else is pending there and the queue is neither paused nor limited. One that is busy
-- must have been heard of just now: it may be blocked. A task that may not be tried again is for exchanges alone: with a
-- worker that is gone the attempt would be spent.
local HEARD_MS, SILENT_MS, HANDED_BYTES = 60000, 1000, 4096
local function taker_of(wanted, when, text)
  local worker, claim, lease_ms, seen, holds, queues_served, types_known =
    string.match(counts[IDLE] or '', '^(%S+) (%d+) (%d+) (%d+) (%d+)|([^|]*)|(.*)$')
  local task_type, retries = string.match(wanted.words, '^%d+ %S+ (%S+) (%d+)')
  local is_fit = worker and when == '' and #text <= HANDED_BYTES and retries ~= '0'
    and now - tonumber(seen) < (holds == '0' and HEARD_MS or SILENT_MS)
    and find(queues_served, ' ' .. wanted.queue .. ' ', 1, true) and find(types_known, ' ' .. task_type .. ' ', 1, true)
    and not counts_pending(wanted.queue)
  local control = is_fit and control_of(wanted.queue)
  if not control or control.paused or control.limit then return nil end
  for _, letter in ipairs({'c', 'f', 'b', 'h', 'x'}) do
    if option_of(wanted.options, letter) then return nil end
  end
  -- The heartbeat of one that lives leaves no less.
  local until_ms = tonumber(call('ZSCORE', timers, 'w:' .. worker) or nil)
  if not until_ms or until_ms - now < lease_ms / 2 then return nil end
  local is_silent = now - tonumber(seen) >= SILENT_MS
  -- One that holds nothing and was silent may be gone all the same: others are to come soon. If it lives, its heartbeat
  -- makes a whole lease of it.
  local is_cut = until_ms > now + lease_ms or is_silent
  return {name = worker, claim = claim, is_cut = is_cut, until_ms = is_cut and now + math.floor(lease_ms / 3) or until_ms}
end

local function hand_over(taker, id, text, wanted)
  if taker.is_cut then
    lease_timer = taker.until_ms
    if count_of('*:w') ~= 1 then wake_at(lease_timer) end
  end
  field_put(IDLE, '')
  field_put(handed_field(taker.name), taker.claim .. ':' .. id)
  submitted_add(fields_of(wanted.queue).R, 1)
  events_add({id}, wanted.queue, 'P')
  events_add({id}, wanted.queue, 'R')
  wake_handed, wake_record = table.concat({taker.name, taker.claim, int(taker.until_ms), id}, ' '), text
end

local function flat_of(indexes)
  local flat, length = {}, 0
  for _, i in ipairs(indexes) do
    flat[length + 1], flat[length + 2] = record(i), texts[i]
    length = length + 2
    if bodies[i] then
      flat[length + 1], flat[length + 2] = prefix .. 'p:' .. ids[i], bodies[i]
      length = length + 2
    end
  end
  return flat
end

-- What tells two submissions apart: the fingerprint of a keyed one, else the attributes that nobody can
-- change; payload and priority may be others since, by an edit or a debounced submission.
local function identity(text)
  local debounced_by = string.match(text, '^[^\n]*\n[^\n]* b=(%d+:%d+:%S+)')
  if debounced_by then return debounced_by end
  return string.match(text, '^[^\n]*\n%d+ %d+ %S+ %S+ %d+ i=(%S+)') or string.match(text, '^[^\n]*\n%d+ %d+ ([^\n]*)')
end

-- The indexes that are not stored yet, and the statuses of those that are.
local function compare_stored()
  local keys, missing, statuses = {}, {}, {}
  for i = 1, record_count do keys[i] = record(i) end
  for i, text in ipairs(read_many(keys)) do
    if answered[i] then
      statuses[i] = '' -- by the task that has its key
    elseif not text then
      missing[#missing + 1] = i
    elseif identity(text) ~= identity(texts[i]) then
      return nil, string.format('DTQ_IDEMPOTENCY_CONFLICT %.0f %s', i - 1, ids[i])
    else
      statuses[i] = string.sub(text, 1, 1)
    end
  end
  return missing, statuses
end

local taker = hand_off == 1 and record_count == 1 and not bodies[1] and taker_of(asked[1], item(1), texts[1])
if taker then
  texts[1] = 'R1 0 0' .. run_tail(taker.name, taker.claim) .. sub(texts[1], find(texts[1], '\n', 1, true), -1)
end

-- MSETNX refuses as a whole when an id exists or memory is full. Past what one call can carry the
-- existing ids are looked for first; nothing can come between inside a script.
local all, refusal = take_keys()
if refusal then return refused(refusal) end
local flat = flat_of(all)
local missing, statuses = all, {}
if #flat == 0 then
  statuses = {}
elseif #flat <= CHUNK then
  if call('MSETNX', unpack(flat)) == 0 then missing, statuses = compare_stored() end
else
  missing, statuses = compare_stored()
end
local is_untrue = event_id and (not missing or #missing < #all)
if is_untrue then events_forget() end
if not missing then
  if is_untrue then take_back_event() end
  give_back_keys()
  return refused(statuses)
end
if #missing > 0 and (#missing < #all or #flat > CHUNK) then call_multi('MSET', flat_of(missing)) end

local is_new = {}
for _, i in ipairs(missing) do is_new[i] = true end
if #missing < #all then give_back_keys(is_new) end
if are_keyed then settle_replaced(is_new) end

if taker and is_new[1] then
  hand_over(taker, ids[1], texts[1], asked[1])
  statuses[1], missing = 'P', {}
end
local filled, to_rank = {}, {}
for _, i in ipairs(missing) do
  local wanted = asked[i]
  local letter = due_times[i] > 0 and 'S' or 'P'
  statuses[i] = letter
  if letter == 'P' then
    fair_note(wanted.queue, wanted.priority, wanted.options)
    to_rank[#to_rank + 1] = i
  else
    timer_add('t:' .. ids[i] .. ':' .. wanted.queue, due_times[i], true)
    wake_at(due_times[i])
  end
  local new = wanted.new[letter]
  if #new == 0 then filled[#filled + 1] = {wanted = wanted, letter = letter} end
  new[#new + 1] = ids[i]
end
for _, one in ipairs(filled) do
  local wanted, letter = one.wanted, one.letter
  local new = wanted.new[letter]
  submitted_add(field_of(wanted.queue, letter == 'P' and wanted.priority or letter), #new)
  if not event_id or is_untrue then events_add(new, wanted.queue, letter) end
end
if are_keyed then settle_debounced(is_new) end
event_id = event_id or events_flush()

if #to_rank > 0 then
  fair_load()
  local first = first_rank(event_id, #to_rank)
  for n, i in ipairs(to_rank) do
    local wanted = asked[i]
    put_pending(ids[i], wanted.queue, wanted.priority,
      fair_rank(wanted.queue, wanted.priority, wanted.options, first + n - 1))
  end
end
if is_untrue then
  events_flush()
  take_back_event()
end
pending_flush()
fair_flush()
timers_flush(taker and 'w:' .. taker.name or '')
records_flush()
counts_flush(wake_queue)
wakes_flush()
if are_keyed then answer_taken(statuses) end
-- Into an empty queue, of whose sleepers nobody could be handed the task: the next one saves itself the look.
local is_quiet = taker or (hand_off == 0 and record_count == 1 and #wake_queues == 1)
return {price, now, statuses, ids, marks, rate_left, is_quiet and 1 or 0}
