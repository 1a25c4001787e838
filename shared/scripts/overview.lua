--[[ overview: the state of everything in one read: queues, workers, oldest pending task.
  Precondition  none.
  @key  queues   hash  {<namespace>:<shard>}:queues    counts of each queue
  @key  workers  hash  {<namespace>:<shard>}:workers   worker -> description
  @key  timers   zset  {<namespace>:<shard>}:timers    due times, ms
  @arg  prefix  text  {<namespace>:<shard>}:
  @returns  {price, now ms, {queue field, value, ...}, {worker, JSON, until ms, ...}, {queue field of a
            priority, ms since when its first task waits, ...}}
  Cost    O(queues + workers); looks for the oldest task in at most 32 queues and priorities.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
local PROBES = 32
local fields = call('HGETALL', queues)
local described = call('HGETALL', workers)
local members, alive = {}, {}
for i = 1, #described, 2 do members[#members + 1] = 'w:' .. described[i] end
local ends = #members > 0 and call('ZMSCORE', timers, unpack(members)) or {}
for i = 1, #members do
  if ends[i] then
    alive[#alive + 1] = described[2 * i - 1]
    alive[#alive + 1] = described[2 * i]
    alive[#alive + 1] = ends[i]
  end
end
local oldest, probes, told = {}, 0, {}
for i = 1, #fields, 2 do
  -- What workers hold is long, and nobody's business here.
  if not find(fields[i], '^%*:[+=]') then told[#told + 1], told[#told + 2] = fields[i], fields[i + 1] end
  local name, priority = string.match(fields[i], '^(.*):(%d+)$')
  if priority and probes < PROBES and (tonumber(fields[i + 1]) or 0) % SUBMITTED > 0 then
    probes = probes + 1
    local first = call('ZRANGE', prefix .. 'pending:' .. name, score_of(tonumber(priority), 0), '+inf',
      'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')
    if first[2] and priority_of(first[2]) == tonumber(priority) then
      oldest[#oldest + 1] = fields[i]
      oldest[#oldest + 1] = math.floor(rank_of(first[2]) / 1000) + EPOCH_S * 1000
    end
  end
end
return {price, now, told, alive, oldest}
