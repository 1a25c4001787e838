--[[ key_limits: what limit keys of a queue do now: their limits, what runs and is parked, until when they are held.
  Precondition  none.
  @key  queues  hash  {<namespace>:<shard>}:queues   control of each queue
  @key  limits  hash  {<namespace>:<shard>}:limits   <queue>:<key> -> running parked; <queue>!<key> -> own limit
  @key  rates   zset  {<namespace>:<shard>}:rates    <queue>:<key> -> ms at which the next start is on time
  @arg  name    text  the queue
  @arg  only    text  one key, "" for a page of those that have a limit of their own, run or are parked
  @arg  cursor  text  of the page before, "0" for the first
  @returns  {price, now ms, next cursor | "0", control | "", {key, own limit | "", "running parked" | "", tat ms | "", ...}}
  Cost    O(page); reads at most about 500 fields.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
local SCAN = '500'
local control = call('HGET', queues, name .. ':!') or ''
local of_key, order, following = {}, {}, '0'

local function note(key, position, value)
  if not of_key[key] then
    of_key[key] = {'', ''}
    order[#order + 1] = key
  end
  of_key[key][position] = value
end

if only ~= '' then
  local values = call('HMGET', limits, name .. '!' .. only, name .. ':' .. only)
  note(only, 1, values[1] or '')
  note(only, 2, values[2] or '')
else
  local page = call('HSCAN', limits, cursor, 'MATCH', name .. '[!:]*', 'COUNT', SCAN)
  following = page[1]
  for i = 1, #page[2], 2 do
    local mark, key = string.match(page[2][i], '^[^!:]+([!:])(.*)$')
    note(key, mark == '!' and 1 or 2, page[2][i + 1])
  end
end
table.sort(order)
local found, members = {}, {}
for i, key in ipairs(order) do members[i] = name .. ':' .. key end
local tats = #members > 0 and call('ZMSCORE', rates, unpack(members)) or {}
for i, key in ipairs(order) do
  for _, value in ipairs({key, of_key[key][1], of_key[key][2], tats[i] or ''}) do found[#found + 1] = value end
end
return {price, now, following, control, found}
