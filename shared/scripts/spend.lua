--[[ spend: add what was spent, and tell all that is known of it.
  Precondition  none.
  @key  cost  hash  {<namespace>:<shard>}:cost   <day since 1970>:<source> -> Redis calls, :tasks -> tasks; 62 days are kept
  @args item  two per source: submit | work | idle | viewers, and how many calls; tasks, and how many were completed
  @returns  {price, now ms, {"<day>:<source>", calls, ...}}
  Cost    O(days); three calls and one per source.
  Replay  added again: a lost answer counts twice, which errs on the safe side.
]]
--- @include "lib/call"
--- @include "lib/time"
local KEPT_DAYS = 62
local day = math.floor(now / 86400000)
local old = {}
for i = 1, item_count, 2 do
  call('HINCRBY', cost, int(day) .. ':' .. item(i), item(i + 1))
end
local known, found = call('HGETALL', cost), {}
for i = 1, #known, 2 do
  if tonumber(string.match(known[i], '^%d+')) <= day - KEPT_DAYS then
    old[#old + 1] = known[i]
  else
    found[#found + 1] = known[i]
    found[#found + 1] = known[i + 1]
  end
end
if #old > 0 then call('HDEL', cost, unpack(old)) end
return {price, now, found}
