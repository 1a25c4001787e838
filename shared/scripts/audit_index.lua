--[[ audit_index: drop members of a sorted index whose record is gone or says something else.
  Precondition  none; counts are left to audit_queue and audit_settle.
  @key  repairs  hash    {<namespace>:<shard>}:repairs  what was repaired so far
  @key  queues   hash    {<namespace>:<shard>}:queues   counts and control of each queue
  @key  timers   zset    {<namespace>:<shard>}:timers   due times, ms
  @key  wakes    stream  {<namespace>:<shard>}:wakes    wake-ups
  @key  index    zset    {<namespace>:<shard>}:pending:<queue> | parked:… | timers | done | groups
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  from    int   rank to begin with
  @returns  {price, now ms, {kind, number, ...}, rank to go on with | -1 at the end}
  Cost    O(log N + 250): at most 250 members.
  Replay  what was dropped is gone. Members that move to and fro meanwhile are met by the next audit.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/wakes"
--- @include "lib/record"
--- @include "lib/bands"
--- @include "lib/repairs"

local WINDOW = 250
local suffix = string.sub(index, #prefix + 1)
local kind, name, task_type = string.match(suffix, '^([^:]+):?([^:]*):?(.*)$')

local function id_in(member)
  if kind == 'timers' then return string.match(member, '^t:([^:]+)') end
  if kind == 'done' and group_of_member(member) then return nil end
  return string.match(member, '[^:]+$') -- of groups and of what is parked by limit keys; else all of it
end

-- nil when a member may stay; else false to drop it, or the score that it should have.
local VERDICT = {}

function VERDICT.pending(_, score, r)
  if r.letter ~= 'P' or r.queue ~= name then return false end
  if priority_of(score) == r.priority then return nil end
  return score_of(r.priority, rank_of(score))
end

function VERDICT.parked(member, _, r)
  if r.letter ~= 'P' or r.queue ~= name then return false end
  local right = id_in(member)
  if task_type == '' then
    local limit_key = option_of(r.options, 'c')
    right = limit_key and limit_member(limit_key, r.priority, r.created, right)
  elseif r.type ~= task_type then
    return false
  end
  if member ~= right or call('ZSCORE', prefix .. 'pending:' .. name, id_in(member)) then return false end
  return nil
end

function VERDICT.timers(member, score, r)
  if (r.letter ~= 'S' and r.letter ~= 'Y') or string.match(member, '^t:[^:]+:(.*)$') ~= r.queue then return false end
  return tonumber(score) ~= tonumber(r.due) and r.due or nil
end

function VERDICT.done(_, score, r)
  if not BANDS[r.letter] then return false end
  local right = band_score(r.letter, band_ms(score))
  return tonumber(right) ~= tonumber(score) and right or nil
end

function VERDICT.groups(member, _, r)
  if r.letter ~= 'D' or string.match(member, '^(.*):[^:]+$') ~= r.group then return false end
  return nil
end

local members = call('ZRANGE', index, int(from), int(from + WINDOW - 1), 'WITHSCORES')
local tasks, keys = {}, {}
for i = 1, #members, 2 do
  local id = id_in(members[i])
  if id then
    tasks[#tasks + 1] = {member = members[i], score = members[i + 1]}
    keys[#keys + 1] = prefix .. 't:' .. id
  end
end

local dropped, moved, groups_met, keys_met = {}, {}, {}, {}
for i, text in ipairs(#keys > 0 and read_many(keys) or {}) do
  local one, r = tasks[i], {letter = ''}
  if text then
    local head
    r.letter, head, r.created, r.priority, r.queue, r.type, r.options =
      string.match(text, '^(%a)([^\n]*)\n(%d+) (%d+) (%S+) (%S+) %d+([^\n]*)')
    r.created, r.priority, r.due = tonumber(r.created), tonumber(r.priority), string.match(head or '', '^%d+ %d+ (%d+)')
    r.group = string.match(head or '', '^%d+ %d+ %d+ %S+ %d+ %d+ %d+ (%S+)')
  end
  local verdict = VERDICT[kind](one.member, one.score, r)
  if verdict == false then
    dropped[#dropped + 1] = one.member
    repair_note('strays')
  elseif verdict then
    moved[#moved + 1] = verdict
    moved[#moved + 1] = one.member
    repair_note('scores')
  end
  if kind == 'groups' and verdict ~= false then groups_met[r.group] = true end
  if kind == 'parked' and task_type == '' and verdict ~= false then keys_met[string.match(one.member, '^[^:]*')] = true end
end

-- Nobody would move back what is parked when the control of its queue does not name the type.
local function list_parked()
  counts_load({name})
  local control = control_of(name)
  if #tasks == 0 then return end
  if task_type == '' then
    if control.keyed then return end
    control.keyed = 1
  else
    control.parked = control.parked or {}
    if control.parked[task_type] then return end
    control.parked[task_type] = 1
  end
  control_put(name, control)
  counts_flush(wake_queue)
  wake_queue(name)
  repair_note('controls')
end

-- Of each limit key that parks tasks it is counted how many, and somebody comes for them.
local function count_keys(limit_keys)
  local fields = {}
  for limit_key in pairs(limit_keys) do fields[#fields + 1] = name .. ':' .. limit_key end
  if #fields == 0 then return end
  for i, known in ipairs(call('HMGET', prefix .. 'limits', unpack(fields))) do
    if not known then
      local limit_key = string.sub(fields[i], #name + 2)
      local parked = call('ZLEXCOUNT', index, '[' .. limit_key .. ':', '(' .. limit_key .. ';')
      repair_note('counts')
      call('HSET', prefix .. 'limits', fields[i], '0 ' .. int(parked))
      call('ZADD', timers, 'NX', int(now), 'r:' .. fields[i])
      wake_at(now)
    end
  end
end

-- What is kept for a time has a timer that is not too late.
local function time_done()
  local letters = {'C', 'D', 'X'}
  for i, at in ipairs(call('ZMSCORE', timers, 'd:C', 'd:D', 'd:X')) do
    local low, high = band_bounds(letters[i])
    local first = call('ZRANGE', index, low, high, 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')
    local due = first[2] and band_ms(first[2])
    if due and (not at or tonumber(at) > due) then
      call('ZADD', timers, int(due), 'd:' .. letters[i])
      repair_note('timers')
    end
  end
end

local function list_groups()
  local flat = {}
  for group in pairs(groups_met) do
    flat[#flat + 1] = band_score('groups', now)
    flat[#flat + 1] = group_member(group)
  end
  if #flat > 0 then
    for _ = 1, call('ZADD', prefix .. 'done', 'NX', unpack(flat)) do repair_note('groups') end
  end
end

if #dropped > 0 then call_variadic('ZREM', index, dropped) end
if #moved > 0 then call_variadic('ZADD', index, moved) end
if kind == 'parked' and from == 0 then list_parked() end
count_keys(keys_met)
if kind == 'groups' then list_groups() end
local following = #members == 2 * WINDOW and from + WINDOW - #dropped or -1
if kind == 'done' and following == -1 then time_done() end -- behind all that was moved
wakes_flush()
return {price, now, repairs_flush(), following}
