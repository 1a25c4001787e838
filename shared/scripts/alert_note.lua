--[[ alert_note: keep what was said: which rules fire since when.
  Precondition  alert_turn gave the turn.
  @key  alerts  hash  {<namespace>:<shard>}:alerts   rule -> ms since when it fires; worker -> ms when one lived last
  @args item  two per field: name, ms since 1970, "" when the rule fires no more
  @returns  {price, now ms}
  Cost    O(rules).
  Replay  the same is written again.
]]
--- @include "lib/call"
--- @include "lib/time"
local set, gone = {}, {}
for i = 1, item_count, 2 do
  if item(i + 1) == '' then
    gone[#gone + 1] = item(i)
  else
    set[#set + 1] = item(i)
    set[#set + 1] = item(i + 1)
  end
end
if #gone > 0 then call('HDEL', alerts, unpack(gone)) end
if #set > 0 then call('HSET', alerts, unpack(set)) end
return {price, now}
