--[[ explain: all that can be known about why a task is where it is, in one read.
  Precondition  none.
  @key  record   string  {<namespace>:<shard>}:t:<id>     the task
  @key  queues   hash    {<namespace>:<shard>}:queues     counts and control of each queue
  @key  workers  hash    {<namespace>:<shard>}:workers    worker -> description
  @key  timers   zset    {<namespace>:<shard>}:timers     due times, ms
  @key  events   stream  {<namespace>:<shard>}:events     what changed: how fast the queue moves
  @key  limits   hash    {<namespace>:<shard>}:limits     <queue>:<key> -> running parked; <queue>!<key> -> own limit
  @key  rates    zset    {<namespace>:<shard>}:rates      <queue> or <queue>:<key> -> ms at which a start is on time
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  id      text  the task's id
  @returns  {price, now ms, {status letter, attempt, due ms, worker | '', started ms | '', finished ms | '', priority,
            queue, type, max retries, expires ms | ''}, {known worker, JSON, lease until ms | '', ...},
            asked to cancel 0 | 1, tasks ahead | -1, control JSON | '', running tasks of the queue,
            starts of the queue, ms in which they were seen, limit key that it is parked by | '',
            the key's own limit | '', its "running parked" | '', ms at which a start of key or queue is on time | ''}
  @error  DTQ_NOT_FOUND: no such task
  Cost    O(workers + log N); at most 9 calls: 3 of an ended task, 6 of a running one, 5 of one that is due later,
          8 of a pending one, 9 when it is parked by its limit key. Reads 8 KiB of the record and 100 events.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/memory"
--- @include "lib/record"
local HEAD_BYTES = '8191' -- the payload and what follows is not needed
local PACE_ENTRIES, PACE_MS = '100', 60000

local text = call('GETRANGE', record, '0', HEAD_BYTES)
if text == '' then return refused('DTQ_NOT_FOUND') end
local r = record_parse(text)
local task = {
  r.status, int(r.attempt), r.due, r.worker and r.worker ~= '-' and r.worker or '', r.started or '',
  string.match(r.tail, '^ %S+ %d+ %d+ (%d+)') or '', int(r.priority), r.queue, r.type, int(r.max_retries),
  option_of(r.options, 'x') or '',
}

-- {worker, JSON, lease until ms | '', ...} of all that are described, gone ones included.
local function known_workers()
  local described = call('HGETALL', workers)
  local members, known = {}, {}
  for i = 1, #described, 2 do members[#members + 1] = 'w:' .. described[i] end
  local ends = #members > 0 and call('ZMSCORE', timers, unpack(members)) or {}
  for i = 1, #members do
    known[#known + 1] = described[2 * i - 1]
    known[#known + 1] = described[2 * i]
    known[#known + 1] = ends[i] or ''
  end
  return known
end

-- How many tasks of the queue were started, and in how many ms: from the newest entries of the last minute.
local function pace()
  local starts, since = 0, now
  for _, entry in ipairs(call('XREVRANGE', events, '+', '-', 'COUNT', PACE_ENTRIES)) do
    local at = tonumber(string.match(entry[1], '^%d+'))
    if at < now - PACE_MS then return starts, PACE_MS end
    since = at
    for name, count in string.gmatch(entry[2][2], '(%S+):R:(%d+)') do
      if name == r.queue then starts = starts + tonumber(count) end
    end
  end
  return starts, now - since
end

local function reply(known, asked, ahead, more)
  more = more or {}
  return {
    price, now, task, known, asked, ahead, more.control or '', tonumber(more.running or 0), more.starts or 0,
    more.within or 0, more.key or '', more.own or '', more.state or '', more.tat or '',
  }
end

if r.status == 'R' then
  local memory = memory_of(call('HGET', queues, memory_field(r.worker))) or memory_of(NO_MEMORY)
  local asked = memory.told .. ' ' .. memory.asked
  local known = {
    r.worker, call('HGET', workers, r.worker) or '{}', call('ZSCORE', timers, 'w:' .. r.worker) or '',
  }
  return reply(known, string.find(' ' .. asked .. ' ', ' ' .. id .. ' ', 1, true) and 1 or 0, -1)
elseif r.status == 'S' or r.status == 'Y' then
  return reply(known_workers(), 0, -1)
elseif r.status ~= 'P' then
  return reply({}, 0, -1)
end

-- "<most at once | -> <ms between starts | -> <ms of burst>": whether starts are spread over time.
local function has_rate(limit)
  return limit ~= nil and not string.find(limit, '^%S+ %-')
end

local said = call('HMGET', queues, r.queue .. ':!', r.queue .. ':R')
local control = said[1] and cjson.decode(said[1]) or {}
local more = {control = said[1], running = said[2]}

local function parked_by_type()
  return control.parked and control.parked[r.type]
    and call('ZRANK', prefix .. 'parked:' .. r.queue .. ':' .. r.type, id)
end

-- Tasks of the same limit key that are parked before this one; what the key does is put into `more`.
local function parked_by_key(key)
  local field = r.queue .. ':' .. key
  local values = call('HMGET', limits, field, r.queue .. '!' .. key)
  more.key, more.state, more.own = key, values[1], values[2]
  if has_rate(values[2] or control.key) or tonumber(control.held or 0) > now then
    more.tat = call('ZSCORE', rates, field)
  end
  local member = limit_member(key, r.priority, r.created, id)
  return call('ZLEXCOUNT', prefix .. 'parked:' .. r.queue, '[' .. key .. ':', '(' .. member)
end

local ahead = call('ZRANK', prefix .. 'pending:' .. r.queue, id)
if ahead then
  if has_rate(control.limit) then
    more.tat = call('ZSCORE', rates, r.queue)
  elseif ahead > 0 and not control.paused then
    more.starts, more.within = pace()
  end
  return reply(known_workers(), 0, ahead, more)
end
ahead = parked_by_type()
local key = option_of(r.options, 'c')
if key and not ahead then return reply({}, 0, parked_by_key(key), more) end
return reply(known_workers(), 0, ahead or -1, more)
