--[[ stats: what happened minute by minute.
  Precondition  none.
  @key  queues  hash  {<namespace>:<shard>}:queues   counts of each queue, and the minute that is not over
  @arg  prefix   text  {<namespace>:<shard>}:
  @arg  minutes  int   how far back, 1..1440
  @returns  {price, now ms, {minute, numbers, ...}, the minute that is not over, tasks submitted that no exchange has seen}
  Cost    O(minutes + queues); a read per hour.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
local this_minute = math.floor(now / 60000)
local first, found, waiting = this_minute - minutes + 1, {}, 0
for hour = math.floor(first / 60), math.floor(this_minute / 60) do
  local stored = call('HGETALL', prefix .. 'stats:' .. int(hour))
  for i = 1, #stored, 2 do
    if tonumber(stored[i]) >= first then
      found[#found + 1] = stored[i]
      found[#found + 1] = stored[i + 1]
    end
  end
end
local fields, current = call('HGETALL', queues), ''
for i = 1, #fields, 2 do
  local n = tonumber(fields[i + 1])
  if fields[i] == '*:@' then
    current = fields[i + 1]
  elseif n and n >= SUBMITTED then
    waiting = waiting + math.floor(n / SUBMITTED)
  end
end
return {price, now, found, current, waiting}
