--[[ job_slice: the next slice of a bulk operation: at most 100 tasks, at most 1,000 looked at.
  Precondition  none; slices are numbered from 1, and whoever was handed out the operation does the next one.
  @key  job     hash    {<namespace>:<shard>}:job:<id>  the operation, see lib/job.lua
  @key  jobs    zset    {<namespace>:<shard>}:jobs      all of them
  @key  queues  hash    {<namespace>:<shard>}:queues    counts of each queue
  @key  timers  zset    {<namespace>:<shard>}:timers    due times, ms
  @key  wakes   stream  {<namespace>:<shard>}:wakes     wake-ups
  @key  events  stream  {<namespace>:<shard>}:events    what changed
  @arg  prefix        text  {<namespace>:<shard>}:
  @arg  id            text  name of the operation
  @arg  number        int   of the slice
  @arg  runner        text  who asks; a word that nobody else uses
  @arg  retention_ms  text  ms an ended task is kept that names no time of its own, then the same of a dead one
  @returns  {price, now ms, state, number of the last slice, next ms}: state running | done | cancelled | stopped
            | stale (another did this slice) | gone; next: 0 go on at once, else ms since 1970 when the timer comes
  @event  P X
  Cost    O(tasks * log N): 100 tasks changed, 1,000 records read, 16 indexes looked into.
  Replay  the same number by the same runner: nothing changes, the same is answered. Another's is stale.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/wakes"
--- @include "lib/events"
--- @include "lib/order"
--- @include "lib/stats"
--- @include "lib/record"
--- @include "lib/timers"
--- @include "lib/pending"
--- @include "lib/fair"
--- @include "lib/callback"
--- @include "lib/bands"
--- @include "lib/done"
--- @include "lib/place"
--- @include "lib/requeue"
--- @include "lib/remove"
--- @include "lib/walk"
--- @include "lib/job"
--- @include "lib/audit"

local SLICE, LOOKED_AT, READS, WINDOW = 100, 1000, 16, 100
local HOLD_MS = 10000 -- whoever does the slices has gone when the next one does not follow by then
local PASSES = 3 -- tasks that wait change their index: purge and cancel go round until a round changes nothing
local CANARY_MS, CANARY_MAX_MS = 1000, 60000

local stored, f = call('HGETALL', job), {}
for i = 1, #stored, 2 do f[stored[i]] = stored[i + 1] end
if f.state ~= 'running' then
  call('ZREM', timers, 'j:' .. id)
  return {price, now, f.state or 'gone', tonumber(f.slice or 0), 0}
end
if number == tonumber(f.slice) and runner == f.runner then
  return {price, now, 'running', number, tonumber(f.next)}
end
if number ~= tonumber(f.slice) + 1 then return {price, now, 'stale', tonumber(f.slice), 0} end
if tonumber(f.next) > now then return {price, now, 'running', number - 1, tonumber(f.next)} end

local pace, created = tonumber(f.pace), tonumber(f.created)
local is_of_dead = f.kind == 'requeue' or f.kind == 'delete'
local change = {slice = int(number), runner = runner, updated = int(now)}

local function note()
  local flat = {}
  for field, value in pairs(change) do
    flat[#flat + 1] = field
    flat[#flat + 1] = value
  end
  call('HSET', job, unpack(flat))
end

local function go_on(next_ms)
  change.next = int(next_ms)
  note()
  call('ZADD', timers, int(next_ms > 0 and next_ms or now + HOLD_MS), 'j:' .. id)
  if next_ms > 0 then wake_at(next_ms) end
  wakes_flush()
  return {price, now, 'running', number, next_ms}
end

local function stop(state, reason)
  note()
  job_end(job, id, state, reason)
  audit_add('job ' .. state, id, f.by, f.kind .. ' ' .. (change.done or f.done))
  wakes_flush()
  return {price, now, state, number, 0}
end

call('ZREM', timers, 'j:') -- a removal first: memory may be full

-- Those that went first: ids that have not ended, or nil and why it stops.
local function canary_left()
  local ids, keys, left = {}, {}, {}
  for one in string.gmatch(f.canary, '%S+') do
    ids[#ids + 1] = one
    keys[#keys + 1] = prefix .. 't:' .. one
  end
  for i, text in ipairs(read_many(keys)) do
    local letter = text and string.sub(text, 1, 1)
    if not letter then return nil, ids[i] .. ' is not kept any more' end
    if letter == 'D' then return nil, ids[i] .. ' died again' end
    if letter == 'X' then return nil, ids[i] .. ' was cancelled' end
    if letter ~= 'C' then left[#left + 1] = ids[i] end
  end
  return left
end

if f.canary ~= '' then
  local left, reason = canary_left()
  if not left then return stop('stopped', reason) end
  change.canary = table.concat(left, ' ')
  if #left > 0 then
    local checks = tonumber(f.checks)
    change.checks = int(checks + 1)
    return go_on(now + math.min(CANARY_MAX_MS, CANARY_MS * 2 ^ math.min(checks, 10)))
  end
end

-- The indexes to go through, in their order; tasks that wait for a time first, as they move on to the others.
local function stages()
  if f.group ~= '' then return {'groups'} end
  if is_of_dead then return {'done'} end
  local found = {}
  local function add_queue(queue_name)
    if not string.find(f.states, 'P', 1, true) then return end
    local control = control_of(queue_name)
    found[#found + 1] = 'pending:' .. queue_name
    if control.keyed then found[#found + 1] = 'parked:' .. queue_name end
    for task_type in pairs(control.parked or {}) do
      if f.type == '' or f.type == task_type then found[#found + 1] = 'parked:' .. queue_name .. ':' .. task_type end
    end
  end
  if f.queue ~= '' then
    counts_load({f.queue})
    add_queue(f.queue)
  else
    local names, fields, values, all = {}, {}, {}, call('HGETALL', queues)
    for i = 1, #all, 2 do
      local queue_name = string.match(all[i], '^(.*):[^:]*$')
      fields[#fields + 1], values[#values + 1] = all[i], all[i + 1]
      if queue_name ~= '*' then names[queue_name] = true end
    end
    counts_take(fields, 0, values)
    for queue_name in pairs(names) do add_queue(queue_name) end
  end
  table.sort(found)
  if string.find(f.states, '[SY]') then table.insert(found, 1, 'timers') end
  return found
end

-- The next members of an index behind the last one looked at, as `walk` tells them; those of a group and what is
-- parked by limit keys are ordered by their text.
local function read_behind(stage, score, member)
  local low, high = '-', '+'
  if stage == 'groups' then
    low, high = '[' .. f.group .. ':', '(' .. f.group .. ';'
  elseif not string.find(stage, '^parked:[^:]+$') then
    if stage == 'done' and score == '' then score = band_bounds('D') end -- the last band
    return walk(prefix .. stage, score, member, WINDOW)
  end
  local found = {}
  local members = call('ZRANGE', prefix .. stage, member == '' and low or '(' .. member, high,
    'BYLEX', 'LIMIT', '0', int(WINDOW))
  for i, one in ipairs(members) do found[i] = {id = string.match(one, '[^:]+$'), member = one, score = '0'} end
  return found, #members < WINDOW
end

local function is_meant(text)
  local letter, head, made, queue_name, task_type = string.match(text, '^(%a)([^\n]*)\n(%d+) %d+ (%S+) (%S+)')
  if not letter or (f.queue ~= '' and queue_name ~= f.queue) or (f.type ~= '' and task_type ~= f.type) then return false end
  if is_of_dead then
    local finished = string.match(head, '^%d+ %d+ %d+ %S+ %d+ %d+ (%d+)')
    return letter == 'D' and finished and tonumber(finished) <= created
  end
  return string.find(f.states, letter, 1, true) and tonumber(made) <= created
end

-- Never more than one slice may write, whatever a payload weighs that all of them get.
local want = math.min(SLICE, math.max(1, math.floor(1048576 / (#f.payload + 1))))
if tonumber(f.first) > 0 then
  want = math.min(want, tonumber(f.first))
elseif pace > 0 then
  want = math.min(want, math.max(1, math.floor(1000 / pace)))
end

local chosen, names = {}, {'*'}
local skipped, missing, looked_at, reads = tonumber(f.skipped), tonumber(f.missing), 0, 0
local stage, score, member = f.stage, f.score, f.member

local function look_at(found)
  local keys = {}
  for i, one in ipairs(found) do keys[i] = prefix .. 't:' .. one.id end
  for i, text in ipairs(read_many(keys)) do
    if #chosen == want then return end
    local one = found[i]
    score, member, looked_at = one.score, one.member, looked_at + 1
    if not text then
      if f.pass == '1' then missing = missing + 1 end
    elseif is_meant(text) then
      one.r = record_parse(text)
      if f.kind == 'requeue' and not holds_unique_key(one.id, one.r) then
        skipped = skipped + 1
      else
        chosen[#chosen + 1] = one
        names[#names + 1] = one.r.queue
      end
    end
  end
end

-- Where to go on: the index of the last slice, or what comes behind it when that is gone.
local function place_in(list)
  for at = 1, #list do
    if list[at] == stage then return at end
  end
  score, member = '', ''
  local at = 1
  while stage ~= '' and at <= #list and (list[at] == 'timers' or list[at] < stage) do at = at + 1 end
  return at
end

-- Goes through the indexes from where the last slice ended; true when it came to their end.
local function gather()
  local list = stages()
  local at = place_in(list)
  while at <= #list do
    stage = list[at]
    local is_end = false
    while not is_end do
      if #chosen == want or looked_at >= LOOKED_AT or reads >= READS then return false end
      reads = reads + 1
      local found, all
      found, is_end, all = read_behind(stage, score, member)
      if #found > 0 then
        look_at(found)
        if member ~= found[#found].member then is_end = false end
      elseif not is_end then
        score, member = all[#all], all[#all - 1] -- nothing but timers of other kinds
      end
    end
    if at == #list then return true end
    at = at + 1
    score, member = '', ''
  end
  return true
end

local is_through = gather()
local done = tonumber(f.done) + #chosen
if #chosen > 0 then
  counts_load(names)
  for _, one in ipairs(chosen) do take_out(one.id, one.r) end
  place_flush()
  if f.kind == 'requeue' then
    requeue_all(chosen, f.by, f.payload)
  elseif f.kind == 'cancel' then
    for _, one in ipairs(chosen) do finish(one.id, one.r, 'X', one.r.rest, nil, f.by) end
  else
    remove_all(chosen)
  end
  pending_flush()
  fair_flush()
  done_flush()
  timers_flush('')
  records_flush()
  stats_flush()
  counts_flush(wake_queue)
  events_flush()
end

change.done, change.skipped, change.missing = int(done), int(skipped), int(missing)
change.stage, change.score, change.member = stage, score, member
change.changed = int(tonumber(f.changed) + #chosen)
local next_ms = pace > 0 and #chosen > 0 and math.ceil(now + #chosen * pace) or 0
if tonumber(f.first) > 0 and #chosen > 0 then
  local ids = {}
  for i, one in ipairs(chosen) do ids[i] = one.id end
  change.first, change.canary, change.checks = '0', table.concat(ids, ' '), '0'
  next_ms = now + CANARY_MS
end
if not is_through then return go_on(next_ms) end
if change.canary and change.canary ~= '' then return go_on(next_ms) end -- their end decides how it ends
if not is_of_dead and change.changed ~= '0' and tonumber(f.pass) < PASSES then
  change.pass, change.changed, change.stage, change.score, change.member = int(tonumber(f.pass) + 1), '0', '', '', ''
  return go_on(next_ms)
end
return stop('done', '')
