--[[ explain: all that can be known about why a task is where it is, in one read.
  Precondition  none.
  @key  record   string  {<namespace>:<shard>}:t:<id>     the task
  @key  queues   hash    {<namespace>:<shard>}:queues     counts and control of each queue
  @key  workers  hash    {<namespace>:<shard>}:workers    worker -> description
  @key  timers   zset    {<namespace>:<shard>}:timers     due times, ms
  @key  events   stream  {<namespace>:<shard>}:events     what changed: how fast the queue moves
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  id      text  the task's id
  @returns  {price, now ms, {status letter, attempt, due ms, worker | '', started ms | '', finished ms | '', priority,
            queue, type, max retries, expires ms | ''}, {known worker, JSON, lease until ms | '', ...},
            asked to cancel 0 | 1, tasks ahead | -1, control JSON | '', running tasks of the queue,
            starts of the queue, ms in which they were seen}
  @error  DTQ_NOT_FOUND: no such task
  Cost    O(workers + log N); at most 8 calls: 3 of an ended task, 6 of a running one, 5 of one that is due later,
          8 of a pending one. Reads 8 KiB of the record and 100 events.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
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

local function reply(known, asked, ahead, control, running, starts, within)
  return {price, now, task, known, asked, ahead, control or '', tonumber(running or 0), starts, within}
end

if r.status == 'R' then
  local asked = call('HGET', prefix .. 'run:' .. r.worker, 'x') or ''
  local known = {
    r.worker, call('HGET', workers, r.worker) or '{}', call('ZSCORE', timers, 'w:' .. r.worker) or '',
  }
  return reply(known, string.find(' ' .. asked .. ' ', ' ' .. id .. ' ', 1, true) and 1 or 0, -1, nil, 0, 0, 0)
elseif r.status == 'S' or r.status == 'Y' then
  return reply(known_workers(), 0, -1, nil, 0, 0, 0)
elseif r.status ~= 'P' then
  return reply({}, 0, -1, nil, 0, 0, 0)
end

local said = call('HMGET', queues, r.queue .. ':!', r.queue .. ':R')
local known = known_workers()
local ahead = call('ZRANK', prefix .. 'pending:' .. r.queue, id)
local starts, within = 0, 0
if not ahead then
  ahead = call('ZRANK', prefix .. 'parked:' .. r.queue .. ':' .. r.type, id) or -1
elseif ahead > 0 and not (said[1] and cjson.decode(said[1]).paused) then
  starts, within = pace()
end
return reply(known, 0, ahead, said[1], said[2], starts, within)
