--[[ stats: what happened minute by minute.
  Precondition  none.
  @key  queues  hash  {<namespace>:<shard>}:queues   counts of each queue, and the minute that is not over
  @arg  prefix   text  {<namespace>:<shard>}:
  @arg  minutes  int   how far back, 1..1440
  @returns  {price, now ms, {minute, numbers, ...}, the minute that is not over,
            {queue, tasks submitted that no exchange has seen, ...}, {queue, pending,
            pending that no exchange has seen, running, ...}}
  Cost    O(minutes + queues); a read per hour.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/unseen"
local this_minute = math.floor(now / 60000)
local first, found = this_minute - minutes + 1, {}
for hour = math.floor(first / 60), math.floor(this_minute / 60) do
  local stored = call('HGETALL', prefix .. 'stats:' .. int(hour))
  for i = 1, #stored, 2 do
    if tonumber(stored[i]) >= first then
      found[#found + 1] = stored[i]
      found[#found + 1] = stored[i + 1]
    end
  end
end
local current, waiting, levels = read_unseen()
return {price, now, found, current, waiting, levels}
