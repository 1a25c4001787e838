--[[ audit_settle: write counts that were summed up in parts, where nothing changed since the first part.
  Precondition  the newest event was read before the counts, and these before the first part.
  @key  repairs  hash    {<namespace>:<shard>}:repairs  what was repaired so far
  @key  queues   hash    {<namespace>:<shard>}:queues   counts and control of each queue
  @key  limits   hash    {<namespace>:<shard>}:limits   running and parked tasks of each limit key
  @key  timers   zset    {<namespace>:<shard>}:timers   due times, ms
  @key  events   stream  {<namespace>:<shard>}:events   what changed
  @key  wakes    stream  {<namespace>:<shard>}:wakes    wake-ups
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  since  text  id of the newest event then, "" when there was none
  @args item   three per count: field, its value then, what was summed up; at most 300 counts; !<queue>:<key> are of
               those that run of a limit key
  @returns  {price, now ms, {kind, number, ...}, counts that changed meanwhile}
  Cost    O(counts + events): at most 300 events; after more than these, or when some were trimmed, nothing is written.
  Replay  the counts are right.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/wakes"
--- @include "lib/repairs"
local MOST_EVENTS = 300
-- Whatever comes into a status is told by an event; what leaves one lowers its count.
local came, is_too_much = {}, false
local entries = call('XRANGE', events, since == '' and '-' or '(' .. since, '+', 'COUNT', int(MOST_EVENTS + 1))
if #entries > MOST_EVENTS then is_too_much = true end
for _, entry in ipairs(entries) do
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'c' then
      for field in string.gmatch(entry[2][i + 1], '(%S+):%d+') do came[field] = true end
    elseif entry[2][i] == 'f' then
      is_too_much = true
    end
  end
end

local fields, limit_fields, asked, changed = {}, {}, {}, 0
for i = 1, item_count, 3 do
  local one = {before = item(i + 1), really = tonumber(item(i + 2))}
  if string.sub(item(i), 1, 1) == '!' then
    one.field = string.sub(item(i), 2)
    limit_fields[#limit_fields + 1] = one.field
  else
    one.field = item(i)
    fields[#fields + 1] = one.field
  end
  asked[item(i)] = one
end

local wrong = {}
if #fields > 0 then
  for i, value in ipairs(call('HMGET', queues, unpack(fields))) do
    local one = asked[fields[i]]
    local number = tonumber(value or 0)
    local n = number % SUBMITTED
    if is_too_much or n ~= tonumber(one.before) % SUBMITTED or came[one.field] then
      changed = changed + 1
    elseif n ~= one.really then
      repair_note('counts')
      wrong[#wrong + 1] = one.field
      wrong[#wrong + 1] = int(one.really + number - n)
    end
  end
end
if #wrong > 0 then call('HSET', queues, unpack(wrong)) end

-- What is parked of a key is counted here and now; somebody must come for it.
local set, gone = {}, {}
for i, value in ipairs(#limit_fields > 0 and call('HMGET', limits, unpack(limit_fields)) or {}) do
  local one = asked['!' .. limit_fields[i]]
  local name, key = string.match(one.field, '^([^:]+):(.*)$')
  local running, parked = string.match(value or '0 0', '^(%d+) (%d+)$')
  local really_parked = call('ZLEXCOUNT', prefix .. 'parked:' .. name, '[' .. key .. ':', '(' .. key .. ';')
  local really = tonumber(running)
  if is_too_much or running ~= string.match(one.before, '^%d+') or came[name .. ':R'] then
    if really ~= one.really then changed = changed + 1 end
  else
    really = one.really
  end
  -- More than are parked may be counted: that is put right when the key has room.
  if really ~= tonumber(running) or really_parked > tonumber(parked) then
    repair_note('counts')
    set[#set + 1] = one.field
    set[#set + 1] = int(really) .. ' ' .. int(really_parked)
  end
  if really + really_parked == 0 and value then gone[#gone + 1] = one.field end
  -- One that was moved back and waits to start comes for the others, as long as it does start.
  if really_parked > 0 and really == 0 and call('ZADD', timers, 'NX', int(now), 'r:' .. one.field) == 1 then wake_at(now) end
end
if #set > 0 then call('HSET', limits, unpack(set)) end
if #gone > 0 then call('HDEL', limits, unpack(gone)) end
wakes_flush()
return {price, now, repairs_flush(), changed}
