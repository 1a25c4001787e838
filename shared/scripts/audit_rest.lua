--[[ audit_rest: what workers hold, what is stored beside tasks, schedules and bulk operations.
  Precondition  none; counts are left to audit_queue and audit_settle.
  @key  repairs  hash    {<namespace>:<shard>}:repairs  what was repaired so far
  @key  queues   hash    {<namespace>:<shard>}:queues   what workers hold, beside the counts
  @key  timers   zset    {<namespace>:<shard>}:timers   due times, ms
  @key  wakes    stream  {<namespace>:<shard>}:wakes    wake-ups
  @arg  prefix  text  {<namespace>:<shard>}:
  @args item    at most 100: run:<worker>, or names of keys without the prefix: p:<id>, o:<id>, unique:<queue>:<key>, done,
                schedules, job:<id>
  @returns  {price, now ms, {kind, number, ...}}
  Cost    O(names + fields): of the groups in `done` 250 are looked at, of a worker at most 1,000 tasks.
  Replay  what was repaired is right.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/bands"
--- @include "lib/memory"
--- @include "lib/handoff"
--- @include "lib/wakes"
--- @include "lib/record"
--- @include "lib/repairs"

local CHECK = {}
local gone = {}

local function text_of(id)
  return call('GET', prefix .. 't:' .. id)
end

local function timer_at(member, due_ms)
  if call('ZSCORE', timers, member) then return end
  call('ZADD', timers, int(due_ms), member)
  wake_at(due_ms)
  repair_note('timers')
end

-- What a worker holds runs by its record, and who holds tasks has a lease.
function CHECK.run(worker)
  local known = call('HMGET', queues, memory_field(worker), handed_field(worker))
  local memory, handed_over = memory_of(known[1]) or memory_of(NO_MEMORY), known[2] or ''
  local ids, claims = held_of(memory, handed_over)
  local keys, is_stray, strays = {}, {}, 0
  for i = 1, math.min(#ids, CHUNK) do keys[i] = prefix .. 't:' .. ids[i] end
  for i, text in ipairs(#keys > 0 and read_many(keys) or {}) do
    local r = text and record_parse(text)
    if not r or r.status ~= 'R' or r.worker ~= worker or r.claim ~= claims[ids[i]] then
      is_stray[ids[i]] = ''
      strays = strays + 1
      repair_note('strays')
    end
  end
  if strays > 0 then
    memory.held = held_without(memory.held, is_stray)
    call('HSET', queues, memory_field(worker), memory_text(memory), handed_field(worker), held_without(handed_over, is_stray))
  end
  if not call('ZSCORE', timers, 'w:' .. worker) then
    if #ids > strays then
      repair_note('leases')
      call('ZADD', timers, int(now), 'w:' .. worker)
      call('HINCRBY', queues, '*:w', '1')
      wake_at(now)
    elseif known[1] or known[2] then
      if (known[1] or '') .. handed_over ~= '' then repair_note('workers') end -- of one that was reaped nothing is wrong
      call('HDEL', queues, memory_field(worker), handed_field(worker))
    end
  end
end

-- Bodies are of tasks that say so.
function CHECK.p(id)
  local text = text_of(id)
  if not text or not string.find(text, '^[^\n]*\n[^\n]*\n@') then
    repair_note('bodies')
    gone[#gone + 1] = prefix .. 'p:' .. id
  end
end

function CHECK.o(id)
  local text = text_of(id)
  if not text or not string.find(text, '\nr@', 1, true) then
    repair_note('bodies')
    gone[#gone + 1] = prefix .. 'o:' .. id
  end
end

-- A unique key is of a task that lives and has it.
function CHECK.unique(name)
  local key = prefix .. 'unique:' .. name
  local holder = call('GET', key)
  local text = holder and text_of(holder)
  local r = text and record_parse(text)
  if holder and (not r or not string.find('PSYR', r.status, 1, true) or unique_key_of(r.queue, r.options) ~= key) then
    repair_note('unique_keys')
    gone[#gone + 1] = key
  end
end

-- The oldest groups of errors are forgotten when no dead task is in them any more.
function CHECK.done()
  local first, last = band_bounds('groups')
  local empty = {}
  for _, member in ipairs(call('ZRANGE', prefix .. 'done', first, last, 'BYSCORE', 'LIMIT', '0', '250')) do
    local group = group_of_member(member)
    if group and call('ZLEXCOUNT', prefix .. 'groups', '[' .. group .. ':', '(' .. group .. ';') == 0 then
      empty[#empty + 1] = member
    end
  end
  if #empty > 0 then call('ZREM', prefix .. 'done', unpack(empty)) end
end

function CHECK.schedules()
  local stored, fields = call('HGETALL', prefix .. 'schedules'), {}
  for i = 1, #stored, 2 do fields[stored[i]] = stored[i + 1] end
  for id in pairs(fields) do
    if not string.find(id, ':', 1, true) and not fields[id .. ':p'] then
      timer_at('s:' .. id, tonumber(fields[id .. ':n'] or now))
    end
  end
end

function CHECK.job(id)
  local known = call('HMGET', prefix .. 'job:' .. id, 'state', 'created')
  if known[1] ~= 'running' then return end
  timer_at('j:' .. id, now)
  if call('ZADD', prefix .. 'jobs', 'NX', int(10000000000000 + tonumber(known[2])), id) == 1 then repair_note('timers') end
end

for i = 1, item_count do
  local kind, name = string.match(item(i), '^([^:]+):?(.*)$')
  CHECK[kind](name)
end
if #gone > 0 then call('DEL', unpack(gone)) end
wakes_flush()
return {price, now, repairs_flush()}
