--[[ stats_hours: what happened hour by hour.
  Precondition  none.
  @key  queues  hash  {<namespace>:<shard>}:queues   counts of each queue, and the minute that is not over
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  hours   int   how far back, 1..168
  @returns  {price, now ms, {hour, numbers, ...}, {minute of the hour that is not summed up, numbers, ...}, the minute
            that is not over, {queue, tasks submitted that no exchange has seen, ...}}
  Cost    O(hours + queues); a read per day.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/unseen"
local this_hour = math.floor(now / 3600000)
local first, found = this_hour - hours + 1, {}
for day = math.floor(first / 24), math.floor(this_hour / 24) do
  local stored = call('HGETALL', prefix .. 'stats:day:' .. int(day))
  for i = 1, #stored, 2 do
    if tonumber(stored[i]) >= first then
      found[#found + 1] = stored[i]
      found[#found + 1] = stored[i + 1]
    end
  end
end
local current, waiting, _, hour = read_unseen()
local open = hour and call('HGETALL', prefix .. 'stats:' .. int(hour)) or {}
return {price, now, found, open, current, waiting}
