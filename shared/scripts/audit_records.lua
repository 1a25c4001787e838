--[[ audit_records: put tasks back that stand in no index, where their record says they are.
  Precondition  none. Counts are taken for right here; audit_queue and audit_settle take them again.
  @key  repairs  hash    {<namespace>:<shard>}:repairs  what was repaired so far
  @key  queues   hash    {<namespace>:<shard>}:queues   counts and control of each queue
  @key  timers   zset    {<namespace>:<shard>}:timers   due times, ms
  @key  wakes    stream  {<namespace>:<shard>}:wakes    wake-ups
  @key  events   stream  {<namespace>:<shard>}:events   what changed
  @keys record   string  {<namespace>:<shard>}:t:<id>   1..250 tasks
  @arg  prefix        text  {<namespace>:<shard>}:
  @arg  retention_ms  text  ms an ended task is kept that names no time of its own, then the same of a dead one
  @returns  {price, now ms, {kind, number, ...}}
  @event    P X D
  Cost    O(tasks * log N); one call for each queue and worker that they name.
  Replay  what was put back is in its place.
]]
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
--- @include "lib/limits"
--- @include "lib/place"
--- @include "lib/reap"
--- @include "lib/repairs"

-- Members that are looked for in sorted sets, asked for with one call a set.
local asked, asked_order = {}, {}
local function look_for(key, member, on_missing, on_found)
  if not asked[key] then
    asked[key] = {}
    asked_order[#asked_order + 1] = key
  end
  table.insert(asked[key], {member = member, on_missing = on_missing, on_found = on_found})
end

local function look()
  local now_asked, order = asked, asked_order
  asked, asked_order = {}, {}
  for _, key in ipairs(order) do
    local members = {}
    for i, one in ipairs(now_asked[key]) do members[i] = one.member end
    for i, score in ipairs(call('ZMSCORE', key, unpack(members))) do
      local one = now_asked[key][i]
      if not score then one.on_missing() elseif one.on_found then one.on_found() end
    end
  end
end

local held_by, holders = {}, {}
local live_keys = {}

local function put_back_pending(id, r)
  repair_note('tasks')
  make_pending(id, r.queue, r.priority, rank_of_ms(math.max(r.created, tonumber(r.due))))
  count_add(fields_of(r.queue)[r.priority], -1) -- it has been counted all the time
  wake_queue(r.queue)
end

local function place(one)
  local id, r = one.id, one.r
  if r.status == 'P' then
    local limit_key = option_of(r.options, 'c')
    look_for(prefix .. 'pending:' .. r.queue, id, function()
      look_for(prefix .. 'parked:' .. r.queue .. ':' .. r.type, id, function()
        if not limit_key then return put_back_pending(id, r) end
        look_for(prefix .. 'parked:' .. r.queue, limit_member(limit_key, r.priority, r.created, id), function()
          put_back_pending(id, r)
        end)
      end)
    end)
  elseif r.status == 'S' or r.status == 'Y' then
    look_for(timers, 't:' .. id .. ':' .. r.queue, function()
      repair_note('tasks')
      timer_add('t:' .. id .. ':' .. r.queue, tonumber(r.due))
    end)
  elseif r.status == 'R' then
    if not held_by[r.worker] then
      held_by[r.worker] = {}
      holders[#holders + 1] = r.worker
    end
    table.insert(held_by[r.worker], one)
  else
    local finished, group = string.match(r.tail, '^ %S+ %d+ %d+ (%d+) ?(%S*)')
    look_for(prefix .. 'done', id, function()
      repair_note('tasks')
      local kept = kept_until(r.status, tonumber(finished), r.created, r.options)
      done_put(band_score(r.status, kept), id)
      done_timer[r.status] = math.min(done_timer[r.status] or kept, kept)
    end)
    if group ~= '' and r.status == 'D' then
      look_for(prefix .. 'groups', group .. ':' .. id, function()
        repair_note('groups')
        group_add(id, group)
      end)
    end
  end
  local unique = not BANDS[r.status] and unique_key_of(r.queue, r.options)
  if unique then live_keys[#live_keys + 1] = {key = unique, id = id} end
end

-- A task runs where its worker remembers that it holds it, and the worker has a lease; else it is taken back.
local function look_at_holders()
  for _, name in ipairs(holders) do
    local known, is_held, is_over = call('HMGET', queues, memory_field(name), handed_field(name)), false, {}
    local memory = memory_of(known[1]) or memory_of(NO_MEMORY)
    local _, claims = held_of(memory, known[2])
    for _, one in ipairs(held_by[name]) do
      if claims[one.id] == one.r.claim then
        is_held = true
      else
        repair_note('tasks')
        is_over[one.id] = claims[one.id] and '' or nil
        take_back(one.id, lost_as(one.id, one.text, name, ''))
        wake_queue(one.r.queue)
      end
    end
    if next(is_over) then
      memory.held = held_without(memory.held, is_over)
      field_put(memory_field(name), memory_text(memory))
      if known[2] then field_put(handed_field(name), held_without(known[2], is_over)) end
    end
    if is_held then
      look_for(timers, 'w:' .. name, function()
        repair_note('leases')
        timer_add('w:' .. name, now)
        count_add('*:w', 1)
      end)
    end
  end
end

-- Bodies over 16 KiB that are gone: what waits without its payload is dead, what has ended says null.
local PAYLOAD_LOST = '{"type":"PayloadLost","message":"the store lost the payload of this task","traceback":null}'

local function lose_payload(id, r)
  r.rest = string.gsub(r.rest, '^(\n[^\n]*\n)@', '%1null', 1)
  if BANDS[r.status] then
    record_put(id, record_text(r, r.status))
    return false
  end
  counts_load({r.queue})
  take_out(id, r)
  r.worker, r.started = r.worker or '-', r.started or int(now)
  finish(id, r, 'D', rest_with_attempt(r, 'rejected', PAYLOAD_LOST), 'payload-lost.' .. r.type)
  return true
end

-- Marks tasks whose bodies are gone; one call while all are there.
local function look_for_bodies(tasks)
  local wanted, bodies = {}, {}
  for _, one in ipairs(tasks) do
    if string.find(one.r.rest, '^\n[^\n]*\n@') and one.r.status ~= 'R' then
      bodies[#bodies + 1] = prefix .. 'p:' .. one.id
      wanted[#bodies] = function() one.is_done = lose_payload(one.id, one.r) end
    end
    if one.r.status == 'C' and string.find(one.r.rest, '\nr@', 1, true) then
      bodies[#bodies + 1] = prefix .. 'o:' .. one.id
      wanted[#bodies] = function()
        one.r.rest = string.gsub(one.r.rest, '\nr@', '\nrnull', 1)
        record_put(one.id, record_text(one.r, 'C'))
      end
    end
  end
  if #bodies == 0 or call('EXISTS', unpack(bodies)) == #bodies then return end
  for i, key in ipairs(bodies) do
    if call('EXISTS', key) == 0 then
      repair_note('bodies')
      wanted[i]()
    end
  end
end

local keys, ids, tasks = {}, {}, {}
for i = 1, record_count do
  keys[i] = record(i)
  ids[i] = string.sub(keys[i], #prefix + 3)
end
for i, text in ipairs(read_many(keys)) do
  local r = text and record_parse(text)
  if r and r.status then tasks[#tasks + 1] = {id = ids[i], r = r, text = text} end
end
look_for_bodies(tasks)
for _, one in ipairs(tasks) do
  if not one.is_done then place(one) end
end
look() -- where they belong
look_at_holders()
look() -- what is not pending may be parked by its type; who holds tasks must have a lease
look() -- or by its limit key
if #live_keys > 0 then
  local unique_keys = {}
  for i, one in ipairs(live_keys) do unique_keys[i] = one.key end
  for i, holder in ipairs(read_many(unique_keys)) do
    if not holder and call('SET', live_keys[i].key, live_keys[i].id, 'NX') then repair_note('unique_keys') end
  end
end
if next(repaired) == nil then return {price, now, {}} end

counts_load({'*'})
place_flush()
limits_settle()
pending_flush()
limits_flush()
done_flush()
timers_flush('')
records_flush()
stats_flush()
counts_flush(wake_queue)
events_flush()
wakes_flush()
return {price, now, repairs_flush()}
