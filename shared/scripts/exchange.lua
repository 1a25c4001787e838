--[[ exchange: one worker hands in outcomes and takes new tasks; on the way what is due gets done.
  Precondition  the worker is registered; it sends one exchange at a time, with a rising number.
  @key  run       hash    {<namespace>:<shard>}:run:<worker>       id -> claim
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
          18 calls, and one for each further queue; with limit keys up to 10 more.
  Replay  same number: nothing changes; claims, lost and cancelled ids are returned again, and what was handed over since
          then, whose claim has the same number.
]]
local own_timer = 'w:' .. worker
--- @include "lib/call"
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
--- @include "lib/reap"
--- @include "lib/maintain"
--- @include "lib/claim"
--- @include "lib/outcome"
--- @include "lib/lease"
--- @include "lib/budget"

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
local memory = memory_of(counts[memory_field(worker)])
local last = memory and tonumber(memory.number)

-- What a submission handed to this worker, which has not read of it: {id, record}.
local function unread_task()
  local id = counts[handed_field(worker)] or ''
  local text = id ~= '' and not contains(handed, id) and call('GET', prefix .. 't:' .. id)
  return text and string.match(text, '^R%d+ %d+ %d+ (%S+)') == worker and {id, text} or {}
end

-- Who is gone is not remembered, even if it never exchanged.
if not memory or (last == 0 and number > 1) then
  return {price, now, 'lost', 0, 0, -1, '', '', '', {}, 0, {}, {}}
elseif number < last then
  return {price, now, 'stale', 0, 0, -1, '', '', '', {}, 0, {}, {}}
elseif number == last then
  local again = claims_of(number)
  local until_ms = tonumber(call('ZSCORE', timers, own_timer) or 0)
  return {price, now, 'replay', until_ms, 1, -1, '', memory.lost, memory.cancelled, again, 0, {}, {}}
end

local is_draining = memory.draining == 'd'
if is_draining then free = 0 end
local unread, is_acknowledged = unread_task(), false
local told, cancelled, lost = memory.told, memory.asked, {}
if unread[1] then
  free = math.max(0, free - 1)
  -- The answer that asked for its end may have been lost, and there was nothing to end.
  if contains(told, unread[1]) then cancelled = cancelled .. ' ' .. unread[1] end
elseif (counts[handed_field(worker)] or '') ~= '' then
  is_acknowledged = true
  field_put(handed_field(worker), '')
  event_totals.R = 1 -- its start is counted now
  stats_wait(0)
end
local removed = apply_outcomes(lost, told .. ' ' .. cancelled)

local is_more, claimed, claims_more = false, {}, false
for _, letter in ipairs({'C', 'D', 'X'}) do
  if count_of(TOTALS[letter]) > kept_at_most(letter) + TRIM_SLICE and affords(5) then trim(letter) end
end
if maintain == 1 and not affords(4) then
  is_more = true
elseif maintain == 1 then
  is_more = do_what_is_due(own_timer)
end
is_more = limits_settle() or is_more
if free > 0 and not affords(queue_count + 1) then
  is_more = true
elseif free > 0 then
  local are_left = unpark(names)
  pending_flush()
  -- Who ends something may go by the counts; who has been woken, or will wait from the cursor of this call, looks.
  claimed, claims_more = claim(names, #removed == 0 or want_cursor + maintain > 0)
  claims_more = claims_more or (are_left and #claimed / 2 < free)
end
is_more = is_more or claims_more
if #removed == 0 and not has_popped then
  -- No removal yet: one lets the writes below through when memory is full (the lease!).
  call('HDEL', run, '')
end

memory.number, memory.lost, memory.cancelled, memory.asked = int(number), table.concat(lost, ' '), cancelled, ''
memory.told = still_told(told, cancelled, removed)
field_put(memory_field(worker), memory_text(memory))
local held = {}
for i = 1, #claimed, 2 do held[i], held[i + 1] = claimed[i], memory.number end
-- More than 64 bytes make the server keep the hash as a table: in the list that it keeps of a small one each of 100
-- claims would be compared with all others.
if number == 1 then held[#held + 1], held[#held + 2] = '~', string.rep('~', 65) end
local held_now = holding + (#claimed + #unread) / 2
-- A hand-off may have set a shorter one than this worker knows of, or did for a task that is done.
if unread[1] or (is_lease_due and (held_now > 0 or is_acknowledged)) then renew_lease() end
if free > #claimed / 2 and not unread[1] and not is_more and #types <= IDLE_BYTES then
  local spoken = {worker, int(number), int(lease_ms), int(now), int(held_now)}
  field_put(IDLE, table.concat(spoken, ' ') .. '|' .. table.concat(names, ' ') .. ' |' .. types)
elseif is_idle_of(counts[IDLE], worker) then
  field_put(IDLE, '')
end

if #held > 0 then call_variadic('HSET', run, held) end
pending_flush()
limits_flush()
done_flush()
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
-- Who looked for what is due must learn what is due next, or nobody would come for it.
if cursor or maintain == 1 then timers_head(own_timer) end
local next_due = head_known and (head_due or 0) or -1
if #claimed == 0 and is_idle_of(counts[IDLE], worker) and number % COLLECTED == 0 then clear_up() end
return {price, now, 'ok', lease_until, is_more and 1 or 0, next_due, cursor or '', table.concat(lost, ' '), cancelled, claimed,
  is_draining and 1 or 0, due_schedules, unread}
