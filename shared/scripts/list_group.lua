--[[ list_group: a page of dead tasks whose errors have the same fingerprint, by id, the greatest first.
  Precondition  none.
  @key  groups  zset  {<namespace>:<shard>}:groups   <fingerprint>:<id>, score 0
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  group   text  the fingerprint
  @arg  after   text  id of the last task of the page before, "" for the start
  @arg  limit   int   tasks, 1..1000
  @arg  queue   text  "" for any
  @arg  kind    text  "" for any
  @arg  created_after   text  ms, created then or later; "" for any
  @arg  created_before  text  ms, created earlier; "" for any
  @returns  {price, {id, record, ...}, last id that was looked at | "" at the end}
  Cost    O(log N + 1000) at most; a page may be short and still have a successor.
  Replay  reads only.
]]
--- @include "lib/call"
local SCAN = 1000
local is_filtered = queue ~= '' or kind ~= '' or created_after ~= '' or created_before ~= ''
local scan = is_filtered and SCAN or limit
local members = call('ZRANGE', groups, '(' .. group .. (after ~= '' and ':' .. after or ';'), '[' .. group .. ':',
  'BYLEX', 'REV', 'LIMIT', '0', int(scan + 1))
if #members == 0 then return {price, {}, ''} end

local earliest, latest = tonumber(created_after) or 0, tonumber(created_before) or math.huge
local function is_wanted(text)
  local created, queue_name, task_type = string.match(text, '^D[^\n]*\n(%d+) %d+ (%S+) (%S+)')
  created = tonumber(created)
  return created and (queue == '' or queue_name == queue) and (kind == '' or task_type == kind)
    and created >= earliest and created < latest
end

local ids, keys = {}, {}
for i = 1, math.min(#members, scan) do
  ids[i] = string.sub(members[i], #group + 2)
  keys[i] = prefix .. 't:' .. ids[i]
end
local found, last = {}, ''
for i, text in ipairs(read_many(keys)) do
  if #found == 2 * limit then break end
  last = ids[i]
  if text and is_wanted(text) then
    found[#found + 1] = ids[i]
    found[#found + 1] = text
  end
end
return {price, found, last == ids[#ids] and #members <= scan and '' or last}
