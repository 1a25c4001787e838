--[[ schedules: all schedules, and what has become of their last tasks.
  Precondition  none.
  @key  schedules  hash  {<namespace>:<shard>}:schedules  id -> definition; <id>:n next ms, <id>:l last times, <id>:p why paused
  @arg  prefix  text  {<namespace>:<shard>}:
  @returns  {price, now ms, {field, value, ...}, {task id, first line of its record | "", ...}}
  Cost    O(schedules); the tasks of at most 100 schedules are looked at.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
local MOST = 1000
local fields, ids, keys, runs = call('HGETALL', schedules), {}, {}, {}
for i = 1, #fields, 2 do
  if string.sub(fields[i], -2) == ':l' then
    for id in string.gmatch(fields[i + 1], '%w+') do
      if #ids < MOST then
        ids[#ids + 1] = id
        keys[#keys + 1] = prefix .. 't:' .. id
      end
    end
  end
end
if #keys > 0 then
  for i, text in ipairs(call('MGET', unpack(keys))) do
    runs[2 * i - 1] = ids[i]
    runs[2 * i] = text and string.match(text, '^[^\n]*') or ''
  end
end
return {price, now, fields, runs}
