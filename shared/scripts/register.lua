--[[ register: make a worker and the task types it knows visible, before its first exchange.
  Precondition  the worker's name is new.
  @key  workers  hash  {<namespace>:<shard>}:workers   worker -> description
  @key  types    hash  {<namespace>:<shard>}:types     task type -> description
  @key  timers   zset  {<namespace>:<shard>}:timers    due times, ms
  @key  queues   hash  {<namespace>:<shard>}:queues    *:w, how many workers there are; *:v, when their versions began
  @arg  worker       text  name
  @arg  description  text  JSON
  @arg  presence_ms  int   ms until the worker counts as gone
  @args item         two per task type: name, JSON
  @returns  {price, now ms, presence until ms}
  @error  DTQ_TOO_MANY_WORKERS: 256 workers are registered
  Cost    O(types + workers).
  Replay  the same is written again.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/memory"
--- @include "lib/handoff"
local MOST_WORKERS, KEPT_VERSIONS = 256, 8

-- What is kept of workers that are gone is forgotten here: reaping is dear enough. Their descriptions stay until room
-- is needed.
local function forget_gone()
  local names, members, gone, memories = call('HKEYS', workers), {}, {}, {}
  for i, name in ipairs(names) do members[i] = 'w:' .. name end
  for i, until_ms in ipairs(#names > 0 and call('ZMSCORE', timers, unpack(members)) or {}) do
    if not until_ms then
      gone[#gone + 1] = names[i]
      memories[#memories + 1] = memory_field(names[i])
      memories[#memories + 1] = handed_field(names[i])
    end
  end
  if #gone > 0 then call('HDEL', queues, unpack(memories)) end
  if #gone > 0 and #names >= MOST_WORKERS then call('HDEL', workers, unpack(gone)) end
  return #names - #gone
end

if forget_gone() >= MOST_WORKERS and call('HEXISTS', workers, worker) == 0 then return refused('DTQ_TOO_MANY_WORKERS') end
-- A removal first: a worker must start when memory is full.
local is_new = call('ZREM', timers, 'w:' .. worker) == 0
-- Where nobody has counted yet, those who were there before count as others, alive or not.
if is_new and not call('HGET', queues, '*:w') then call('HSET', queues, '*:w', int(call('HLEN', workers))) end
if is_new then
  call('HINCRBY', queues, '*:w', '1')
  call('HSET', queues, memory_field(worker), NO_MEMORY)
end
call('HSET', workers, worker, description)
local flat = {}
for i = 1, item_count do flat[i] = item(i) end
if #flat > 0 then call_variadic('HSET', types, flat) end
-- "<ms> <version>|…", the latest first: a worker of another version than the one before marks a deploy.
local version = string.match(description, '"version": ?"([^"|%s]+)"')
local begun = call('HGET', queues, '*:v') or ''
if version and string.match(begun, '^%d+ ([^|]+)') ~= version then
  local kept = {int(now) .. ' ' .. version}
  for one in string.gmatch(begun, '[^|]+') do
    if #kept < KEPT_VERSIONS then kept[#kept + 1] = one end
  end
  call('HSET', queues, '*:v', table.concat(kept, '|'))
end
call('ZADD', timers, int(now + presence_ms), 'w:' .. worker)
return {price, now, now + presence_ms}
