--[[ exchange: one worker hands in outcomes and takes new tasks; on the way what is due gets done.
  Precondition  the worker is registered; it sends one exchange at a time, with a rising number.
  @key  queues    hash    {<namespace>:<shard>}:queues             counts and control of each queue, what exchanges remember
  @key  timers    zset    {<namespace>:<shard>}:timers             due times, ms
  @key  wakes     stream  {<namespace>:<shard>}:wakes              wake-ups
  @key  events    stream  {<namespace>:<shard>}:events             what changed
  @keys pending[queue_count]  zset  {<namespace>:<shard>}:pending:<queue>  score (10-priority)*2^49+rank
  @keys record    string  {<namespace>:<shard>}:t:<id>             one per outcome
  @arg  prefix       text  {<namespace>:<shard>}:
  @arg  worker       text  name of this worker, new at every process start
  @arg  number       int   rising per worker, from 1; the same number again is a replay
  @arg  lease_ms     int   ms
  @arg  lease_until  int   ms since 1970: when the lease or presence ends that is stored now
  @arg  free         int   free slots; at most 100 are filled per call
  @arg  holding      int   tasks that still run, without the outcomes of this call
  @arg  maintain     int   1: look for what is due
  @arg  want_cursor  int   1: return the last id of wakes
  @arg  retention_ms text   ms an ended task is kept that names no time of its own, then the same of a dead one
  @arg  keep         text   ended tasks kept per status, then dead ones
  @arg  types        text  known task types, each between blanks
  @arg  handed       text  ids that this worker was handed by submissions and knows of
  @arg  queue_count  int   1..16
  @args item         queue names in order of service, then two per outcome: "<kind> <claim> <delay ms>" and a JSON
                     body. Kinds: c completed, f failed, x rejected, k cancelled, s come back later, w rate limited (so is its
                     limit key), h handed back
  @returns  {price, now ms, state, lease_until, more, next due ms | 0 none | -1 not looked, cursor | '',
            lost ids, ids to cancel, {id, record, ...}, drain 0 | 1,
            {schedule, due ms, definition, ...} to fire, {j:<job>, slice, ''} to do,
            {id, record} handed over by a submission and not known here}; state: ok | replay | stale | lost (the
            lease expired)
  @event    R P Y S C D X
  Cost    O((claims + outcomes) * log N); at most 100 claims, 100 outcomes, 100 promotions or one worker reaped; at most
          13 calls, and one for each further queue; where tasks are parked or expired before they started up to three
          more, and one for each further queue; with limit keys up to 10 more.
  Replay  same number: nothing changes; claims, lost and cancelled ids are returned again, and what was handed over since
          then, whose claim has the same number.
]]
local own_timer = 'w:' .. worker
--- @include "lib/call"
guarded = queues
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/memory"
--- @include "lib/handoff"
--- @include "lib/wakes"
--- @include "lib/events"
--- @include "lib/stats"
--- @include "lib/record"
--- @include "lib/timers"
--- @include "lib/pending"
--- @include "lib/callback"
--- @include "lib/bands"
--- @include "lib/done"
--- @include "lib/trim"
--- @include "lib/limits"
--- @include "lib/fair"
--- @include "lib/owed"
--- @include "lib/budget"
--- @include "lib/lease"
--- @include "lib/reap"
--- @include "lib/maintain"
--- @include "lib/claim"
--- @include "lib/outcome"

local IDLE_BYTES = 2048
-- Lua clears up in the middle of the script that passes its allowance, about 0.4 ms at once. Better here, where no task
-- waits, than in the submission that comes next. Only Redis' own Lua: others may stop the whole server for it.
local COLLECTED, COLLECTED_KB = 4, 1024
local function clear_up()
  if redis.REDIS_VERSION_NUM then collectgarbage('step', COLLECTED_KB) end
end
local names = {'*'}
for i = 1, queue_count do names[i + 1] = item(i) end
counts_load(names, memory_field(worker), handed_field(worker))
local memory, handed_over = memory_of(counts[memory_field(worker)]), counts[handed_field(worker)] or ''
local last = memory and tonumber(memory.number)

-- Who is gone is not remembered, even if it never exchanged.
if not memory or (last == 0 and number > 1) then
  return {price, now, 'lost', 0, 0, -1, '', '', '', {}, 0, {}, {}}
elseif number < last then
  return {price, now, 'stale', 0, 0, -1, '', '', '', {}, 0, {}, {}}
elseif number == last then
  local again = claims_of(memory, handed_over, number)
  local until_ms = tonumber(call('ZSCORE', timers, own_timer) or 0)
  return {price, now, 'replay', until_ms, 1, -1, '', memory.lost, memory.cancelled, again, 0, {}, {}}
end

local is_draining = memory.draining == 'd'
if is_draining then free = 0 end
local handed_id = string.match(handed_over, ':(.+)$')
local is_acknowledged = handed_id and contains(handed, handed_id)

local is_unread = handed_id and not is_acknowledged

-- Where queues have tasks and no rules, what is claimed before the outcomes are applied would be claimed after them, and
-- what is due may be read with them: one read serves all. Not where the outcomes may leave no room for that, where tasks
-- come back that may go first, or where something is due or trimming falls behind, which need the room.
local has_kind = {}
for i = 1, record_count do has_kind[sub(item(queue_count + 2 * i - 1), 1, 1)] = true end
local due, popped, is_looked = nil, nil, false
local must_look = record_count == 0 or want_cursor + maintain > 0
local room = BUDGET - calls_at_worst(has_kind)
if maintain == 1 and room > (is_unread and 1 or 0) then -- a lease for what is not read
  due, is_looked = what_is_due(own_timer), true
  room = room - 1
end
if room > 2 and free > 0 and not (due or is_unread or has_kind.h or are_over_full(2)) and are_plainly_pending(names) then
  popped = pop_first(names, must_look)
end
local outcome_keys = {}
for i = 1, record_count do outcome_keys[i] = record(i) end
local outcome_texts, unread_texts, due_texts, popped_texts = read_lists(
  outcome_keys, is_unread and {prefix .. 't:' .. handed_id} or {}, due and due.tasks.keys or {}, popped and popped.batch.keys or {})

-- What a submission handed to this worker, which has not read of it: {id, record}.
local unread = {}
if is_unread and unread_texts[1] and string.match(unread_texts[1], '^R%d+ %d+ %d+ (%S+)') == worker then
  unread = {handed_id, unread_texts[1]}
end
local told, cancelled, lost = memory.told, memory.asked, {}
if unread[1] then
  free = math.max(0, free - 1)
  -- The answer that asked for its end may have been lost, and there was nothing to end.
  if contains(told, unread[1]) then cancelled = cancelled .. ' ' .. unread[1] end
elseif handed_id then
  field_put(handed_field(worker), '')
  holds_some = holds_some or is_acknowledged
  if is_acknowledged then memory.held = memory.held .. ' ' .. handed_over end
  event_totals.R = 1 -- its start is counted now
  stats_wait(0)
end
local is_over = apply_outcomes(outcome_keys, outcome_texts, lost, told .. ' ' .. cancelled)

local claimed, claims_more = {}, false
if popped then
  claimed, claims_more = claim(names, must_look, popped, popped_texts)
  holds_some = holds_some or #claimed > 0
end
local is_behind = false
for _, letter in ipairs({'C', 'D', 'X'}) do
  if is_over_full(letter, 1) then
    if affords(letter == 'D' and 5 or 4) then trim(letter, true) else is_behind = true end
  end
end
-- The next call comes at once and has fewer outcomes, so room to trim; at the worst nothing is claimed until it has. So it
-- is with what is due.
local is_more = is_behind
if is_behind and not popped and are_over_full(3) then free = 0 end
if maintain == 1 and not is_looked and affords(1) then
  due, is_looked, due_texts = what_is_due(own_timer), true, nil
end
local is_more_due, is_refused = maintain == 1 and not is_looked, false
if due then is_more_due, is_refused = do_due(due, own_timer, due_texts) end
if is_refused then free = 0 end
is_more = is_more or is_more_due
is_more = limits_settle() or is_more
if popped then
  for i = 2, #names do claims_more = claims_more or (#claimed / 2 < free and counts_pending(names[i])) end
elseif free > 0 then
  local are_left = unpark(names)
  if affords(calls_to_claim(names)) then
    pending_flush()
    -- Who ends something may go by the counts; who has been woken, or will wait from the cursor of this call, looks.
    claimed, claims_more = claim(names, next(is_over) == nil or want_cursor + maintain > 0)
    claims_more = claims_more or (are_left and #claimed / 2 < free)
  else
    is_more = true
  end
end
is_more = is_more or claims_more

local ids = {}
for i = 1, #claimed, 2 do ids[#ids + 1] = claimed[i] end
memory.number, memory.lost, memory.cancelled, memory.asked = int(number), table.concat(lost, ' '), cancelled, ''
-- The ids that this worker was told to cancel and still runs: a crash must not forget them.
memory.told = ids_without(told .. ' ' .. cancelled, is_over)
if next(is_over) then memory.held = held_without(memory.held, is_over) end
local word = ' ' .. int(number) .. ':'
if ids[1] then memory.held = memory.held .. word .. table.concat(ids, word) end
field_put(memory_field(worker), memory_text(memory))
local held_now = holding + (#claimed + #unread) / 2
holds_some = holds_some or held_now > 0
-- A hand-off may have set a shorter one than this worker knows of, or did for a task that is done. What does not fit the
-- next call does, which comes at once.
if unread[1] or (is_lease_due and holds_some) then
  if unread[1] or affords(owes_wake() and 0 or 1) then renew_lease() else is_more = true end
end
if free > #claimed / 2 and not unread[1] and not is_more and #types <= IDLE_BYTES then
  local spoken = {worker, int(number), int(lease_ms), int(now), int(held_now)}
  field_put(IDLE, table.concat(spoken, ' ') .. '|' .. table.concat(names, ' ') .. ' |' .. types)
elseif is_idle_of(counts[IDLE], worker) then
  field_put(IDLE, '')
end

if not affords(stats_owed() + (hour_over() and not has_passed() and 3 or 0)) then stats_keep_open() end
is_tight = not affords(1)
done_flush()
pending_flush()
limits_flush()
timers_flush(own_timer)
records_flush()
stats_flush()
counts_flush(wake_queue)
events_flush()
local cursor = wakes_flush()
if not cursor and want_cursor == 1 then
  local newest = call('XREVRANGE', wakes, '+', '-', 'COUNT', '1')
  cursor = newest[1] and newest[1][1] or '0-0'
end
-- Who looked for what is due, or waits from the cursor of this call, must learn what is due next, or nobody would come
-- for it; where another call does not fit it is to come again at once.
if cursor or maintain == 1 then
  if is_more_due or (price >= calls_at_most() and not head_known) then head_known, head_due = true, now end
  timers_head(own_timer)
end
local next_due = head_known and (head_due or 0) or -1
if #claimed == 0 and is_idle_of(counts[IDLE], worker) and number % COLLECTED == 0 then clear_up() end
return {price, now, 'ok', lease_until, is_more and 1 or 0, next_due, cursor or '', table.concat(lost, ' '), cancelled, claimed,
  is_draining and 1 or 0, due_schedules, unread}
