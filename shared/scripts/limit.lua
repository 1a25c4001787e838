--[[ limit: set or lift the limit of a queue, of every limit key in it, or of one limit key; at once for all workers.
  Precondition  none; a queue that was never used can be limited, too.
  @key  queues  hash    {<namespace>:<shard>}:queues   counts and control of each queue
  @key  limits  hash    {<namespace>:<shard>}:limits   <queue>!<key> -> a key's own limit
  @key  timers  zset    {<namespace>:<shard>}:timers   due times, ms
  @key  wakes   stream  {<namespace>:<shard>}:wakes    wake-ups
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  name    text  the queue
  @arg  scope   text  "queue", "keys" for every key without a limit of its own, "!<key>" for one
  @arg  limit   text  "<most at once | -> <ms between starts | -> <ms of burst>", "" to lift it
  @arg  by      text  who asked
  @returns  {price, now ms}
  @error  DTQ_TOO_MANY_LIMITS: 1,000 keys of the queue have a limit of their own
  Cost    O(log N); what is parked is looked at afterwards, 100 an exchange.
  Replay  the same is written again.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/counts"
--- @include "lib/wakes"
--- @include "lib/audit"
local OWN_LIMITS = 1000

counts_load({name})
local control = control_of(name)
local stored = limit ~= '' and limit or nil
local function set_own(field)
  local own = tonumber(control.own or 0)
  if not stored then
    own = own - call('HDEL', limits, field)
  elseif own >= OWN_LIMITS and call('HEXISTS', limits, field) == 0 then
    return false
  else
    own = own + call('HSET', limits, field, stored)
  end
  control.own = own > 0 and int(own) or nil
  return true
end

local due = nil
if scope == 'queue' then
  control.limit = stored
elseif scope == 'keys' then
  control.key, control.sweep = stored, nil
  due = 'r:' .. name .. ':*'
else
  if not set_own(name .. scope) then return refused('DTQ_TOO_MANY_LIMITS') end
  due = 'r:' .. name .. ':' .. string.sub(scope, 2)
end
control_put(name, control)
wake_queue(name)
if due and count_of(fields_of(name).K) > 0 then
  call('ZADD', timers, int(now), due)
  wake_at(now)
end
counts_flush(wake_queue)
wakes_flush()
audit_add(stored and 'limit' or 'lift limit', name, by, scope .. ' ' .. limit)
return {price, now}
