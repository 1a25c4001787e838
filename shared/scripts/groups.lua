--[[ groups: dead tasks by the fingerprint of their error, the latest deaths first.
  Precondition  none.
  @key  done    zset  {<namespace>:<shard>}:done     what ended, and groups by their last death: see lib/bands.lua
  @key  groups  zset  {<namespace>:<shard>}:groups   <fingerprint>:<id>, score 0
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  limit   int   groups, 1..100
  @returns  {price, now ms, {fingerprint, count, last death ms, id of a task, its record, ...}}
  Cost    O(groups * log N); at most 100 groups. Fingerprints without a task are forgotten.
  Replay  reads, and forgets.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/bands"
local first, last = band_bounds('groups')
local listed = call('ZRANGE', done, last, first, 'BYSCORE', 'REV', 'LIMIT', '0', int(limit), 'WITHSCORES')
local found, empty, keys = {}, {}, {}
local function look_at(group, last_ms)
  local low, high = '[' .. group .. ':', '(' .. group .. ';'
  local count = call('ZLEXCOUNT', groups, low, high)
  local newest = count > 0 and call('ZRANGE', groups, high, low, 'BYLEX', 'REV', 'LIMIT', '0', '1')[1]
  if newest then
    local id = string.sub(newest, #group + 2)
    keys[#keys + 1] = prefix .. 't:' .. id
    for _, value in ipairs({group, int(count), int(last_ms), id, ''}) do found[#found + 1] = value end
  else
    empty[#empty + 1] = group_member(group)
  end
end

for i = 1, #listed, 2 do
  local group = group_of_member(listed[i])
  if group then look_at(group, band_ms(listed[i + 1])) end
end
if #empty > 0 then call('ZREM', done, unpack(empty)) end
if #keys > 0 then
  for i, text in ipairs(read_many(keys)) do found[5 * i] = text or '' end
end
return {price, now, found}
