--[[ list_index: a page of tasks from one sorted index.
  Precondition  none.
  @key  index   zset  {<namespace>:<shard>}:pending:<queue> | parked:… | timers | done:<status>
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  order   text  asc | desc by score
  @arg  from    text  score to begin with, "" for the start
  @arg  skip    int   members of that score to pass over
  @arg  limit   int   tasks, 1..1000
  @arg  status  text  status letter, "" for any
  @arg  queue   text  "" for any
  @arg  kind    text  "" for any
  @arg  spots   int   1: tell where each task stands
  @returns  {price, {id, record, ...}, next score | "", members of it to pass over,
            {score, members of it before, ...} for each task}
  Cost    O(log N + 1000) at most: reads <= 1,000 ids; a page may be short and still have a successor.
  Replay  reads only.
]]
--- @include "lib/call"
local SCAN = 1000
local is_filtered = queue ~= '' or kind ~= '' or status ~= ''
local scan = is_filtered and SCAN or limit + 1
local members
if order == 'desc' then
  members = call('ZRANGE', index, from == '' and '+inf' or from, '-inf', 'BYSCORE', 'REV',
    'LIMIT', int(skip), int(scan), 'WITHSCORES')
else
  members = call('ZRANGE', index, from == '' and '-inf' or from, '+inf', 'BYSCORE',
    'LIMIT', int(skip), int(scan), 'WITHSCORES')
end

local function is_wanted(text)
  local letter, queue_name, task_type = string.match(text, '^(%a)[^\n]*\n%d+ %d+ (%S+) (%S+)')
  return (status == '' or letter == status) and (queue == '' or queue_name == queue)
    and (kind == '' or task_type == kind)
end

local found, passed = {}, 0
local found_spots, equal_score, equal_count = {}, from, skip
local i, total = 1, #members / 2
while i <= total and #found < 2 * limit do
  local ids, keys, last = {}, {}, math.min(total, i + 99)
  for j = i, last do
    local member = members[2 * j - 1]
    local id = string.match(member, '^t:([^:]+)') or string.match(member, '[^:]+$')
    ids[#ids + 1] = id
    keys[#keys + 1] = prefix .. 't:' .. id
  end
  local texts = read_many(keys)
  for j = 1, #ids do
    if #found == 2 * limit then break end
    passed = i + j - 1
    local here = members[2 * passed]
    if here ~= equal_score then equal_score, equal_count = here, 0 end
    if texts[j] and is_wanted(texts[j]) then
      found[#found + 1] = ids[j]
      found[#found + 1] = texts[j]
      if spots == 1 then
        found_spots[#found_spots + 1] = here
        found_spots[#found_spots + 1] = equal_count
      end
    end
    equal_count = equal_count + 1
  end
  i = last + 1
end

if passed >= total and total < scan then return {price, found, '', 0, found_spots} end
local score, behind = members[2 * passed], 0
for j = passed, 1, -1 do
  if members[2 * j] ~= score then break end
  behind = behind + 1
end
if behind == passed and score == from then behind = behind + skip end
return {price, found, score, behind, found_spots}
