--[[ list_index: a page of tasks from one sorted index.
  Precondition  none.
  @key  index   zset  {<namespace>:<shard>}:pending:<queue> | parked:… | timers | done
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  order   text  asc | desc by score
  @arg  from    text  score to begin with, "" for the start
  @arg  before  text  score to end before, rising; "" for the end
  @arg  member  text  the last member that was shown, of that score; "" for the start
  @arg  skip    int   members of that score up to it, when it was shown
  @arg  limit   int   tasks, 1..1000
  @arg  status  text  status letter, "" for any; of `done` that band is read
  @arg  queue   text  "" for any
  @arg  kind    text  "" for any
  @arg  priority  text  "" for any
  @arg  created_after   text  ms, created then or later; "" for any
  @arg  created_before  text  ms, created earlier; "" for any
  @arg  spots   int   1: tell the place before each task
  @returns  {price, {id, record, ...}, score of the last one looked at | "" at the end, that one, members of its
            score up to it, {score of a task, the member before it with that score | "", members of it up to there,
            ...}}
  Cost    O(log N + 2000) at most: reads <= 1,000 records; a page may be short and still have a successor.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/bands"
local SCAN, AGAIN = 1000, 1000
local low, high = '-inf', '+inf'
if index == prefix .. 'done' then
  low, high = band_bounds(status ~= '' and status or nil)
  status = ''
  -- A forged cursor leads into no other band.
  if tonumber(from) and tonumber(from) >= tonumber(string.sub(high, 2)) then from = '' end
end
local is_filtered = queue ~= '' or kind ~= '' or status ~= '' or priority ~= '' or created_after ~= ''
  or created_before ~= ''
-- Members of the score of the last page are read again, and passed over by name: some of them may have gone
-- meanwhile, and a count alone would then pass over others that were never shown.
local offset = math.max(0, skip - AGAIN)
local scan = (is_filtered and SCAN or limit + 1) + skip - offset
local earliest, latest = tonumber(created_after) or 0, tonumber(created_before) or math.huge
local members
if order == 'desc' then
  members = call('ZRANGE', index, from == '' and high or from, low, 'BYSCORE', 'REV',
    'LIMIT', int(offset), int(scan), 'WITHSCORES')
else
  members = call('ZRANGE', index, from == '' and low or from, before == '' and high or '(' .. before, 'BYSCORE',
    'LIMIT', int(offset), int(scan), 'WITHSCORES')
end

local function is_wanted(text)
  local letter, created, level, queue_name, task_type =
    string.match(text, '^(%a)[^\n]*\n(%d+) (%d+) (%S+) (%S+)')
  created = tonumber(created)
  return (status == '' or letter == status) and (queue == '' or queue_name == queue)
    and (kind == '' or task_type == kind) and (priority == '' or level == priority) and created >= earliest and created < latest
end

-- Byte by byte, as the index sorts: Lua's own comparison follows the server's locale.
local function is_before(a, b)
  for j = 1, math.min(#a, #b) do
    local x, y = string.byte(a, j), string.byte(b, j)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local function was_shown(j)
  local name = members[2 * j - 1]
  if member == '' or tonumber(members[2 * j]) ~= tonumber(from) then return false end
  if name == member then return true end
  return is_before(name, member) == (order ~= 'desc')
end

-- The id of the task that a member stands for; "" where it stands for none.
local is_timers = index == prefix .. 'timers'
local function id_in(name)
  if is_timers then return string.match(name, '^t:([^:]+)') or '' end
  if not string.find(name, ':', 1, true) then return name end
  return string.match(name, '[^:]+$') -- what is parked by its limit key has that before it
end

local found, passed, total = {}, 0, #members / 2
while passed < total and was_shown(passed + 1) do passed = passed + 1 end
-- The place before the next member.
local places, here_score, here_count = {}, from, offset + passed
-- From here on scores are compared as the server writes them.
if total > 0 and tonumber(from) == tonumber(members[2]) then here_score = members[2] end
local here_member = passed > 0 and members[2 * passed - 1] or member
local i, length, most = passed + 1, 0, 2 * limit
while i <= total and length < most do
  local ids, keys, last = {}, {}, math.min(total, i + 99)
  for j = i, last do
    local id = id_in(members[2 * j - 1])
    ids[j - i + 1] = id
    keys[j - i + 1] = prefix .. 't:' .. id
  end
  local texts = read_many(keys)
  for j, id in ipairs(ids) do
    if length == most then break end
    passed = passed + 1
    local name, score, text = members[2 * passed - 1], members[2 * passed], texts[j]
    if score ~= here_score then here_score, here_member, here_count = score, '', 0 end
    if text and (not is_filtered or is_wanted(text)) then
      found[length + 1], found[length + 2] = id, text
      length = length + 2
      if spots == 1 then
        places[#places + 1] = score
        places[#places + 1] = here_member
        places[#places + 1] = here_count
      end
    end
    here_member, here_count = name, here_count + 1
  end
  i = last + 1
end

if passed >= total and total < scan then return {price, found, '', '', 0, places} end
return {price, found, here_score, here_member, here_count, places}
