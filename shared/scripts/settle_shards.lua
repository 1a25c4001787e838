--[[ settle_shards: write down how many shards the namespace has, when nobody has.
  Precondition  none; the keys are those of shard 0.
  @key  types   hash  {<namespace>:<shard>}:types  !shards -> how many there are
  @arg  shards  int   1..32
  @returns  {price, shards that the namespace has}
  Cost    O(1).
  Replay  the number is there already.
]]
--- @include "lib/call"
local settled = call('HGET', types, '!shards')
if settled then return {price, tonumber(settled)} end
call('HDEL', types, '!shards') -- a removal first: a worker must start when memory is full
call('HSET', types, '!shards', int(shards))
return {price, shards}
