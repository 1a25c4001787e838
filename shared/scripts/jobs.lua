--[[ jobs: bulk operations, those that go on first, then by their end, the latest first.
  Precondition  none.
  @key  jobs  zset  {<namespace>:<shard>}:jobs  all of them
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  id      text  only this one, "" for all
  @arg  limit   int   operations, 1..100
  @args item    names of the fields that are wanted
  @returns  {price, now ms, {id, {value, ...}, ...}}: values in the order of the fields, "" for one that is not there
  Cost    O(operations).
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
local fields, found = {}, {}
for i = 1, item_count do fields[i] = item(i) end
local ids = id ~= '' and {id} or call('ZRANGE', jobs, '0', int(limit - 1), 'REV')
for _, one in ipairs(ids) do
  local values = call('HMGET', prefix .. 'job:' .. one, unpack(fields))
  if values[1] then
    for i = 1, #fields do values[i] = values[i] or '' end
    found[#found + 1] = one
    found[#found + 1] = values
  end
end
return {price, now, found}
