--[[ audit_count: how many tasks of which queue and status stand in a part of an index; of those that
  run also how many of which limit key, as !<queue>:<key>.
  Precondition  none.
  @key  index   zset  {<namespace>:<shard>}:timers | done
  @key  queues  hash  {<namespace>:<shard>}:queues   what workers hold, beside the counts
  @arg  prefix  text  {<namespace>:<shard>}:
  @arg  worker  text  count what it holds instead of an index; "" for the index
  @arg  score   text  of the last member that was counted, "" for the start
  @arg  member  text  the last member that was counted, "" for the start
  @returns  {price, now ms, {field, number, ...}, score, member, 1 at the end | 0}
  Cost    O(log N + 250): at most 250 members; of a worker all that it holds.
  Replay  reads only.
]]
--- @include "lib/call"
--- @include "lib/time"
--- @include "lib/memory"
--- @include "lib/handoff"
--- @include "lib/record"
--- @include "lib/walk"
--- @include "lib/bands"
local WINDOW = 250
local keys, tally, flat, is_end, all = {}, {}, {}, true, {}
if worker ~= '' then
  local known = call('HMGET', queues, memory_field(worker), handed_field(worker))
  for i, id in ipairs((held_of(memory_of(known[1]), known[2]))) do keys[i] = prefix .. 't:' .. id end
else
  local found
  if score == '' and index == prefix .. 'done' then score = band_bounds() end -- past the groups of errors
  found, is_end, all = walk(index, score, member, WINDOW)
  for i, one in ipairs(found) do keys[i] = prefix .. 't:' .. one.id end
end
local function add(field)
  tally[field] = (tally[field] or 0) + 1
end
for _, text in ipairs(#keys > 0 and read_many(keys) or {}) do
  local letter, queue_name, options = string.match(text or '', '^(%a)[^\n]*\n%d+ %d+ (%S+) %S+ %d+([^\n]*)')
  local limit_key = letter == 'R' and option_of(options, 'c')
  if letter then add(queue_name .. ':' .. letter) end
  if limit_key then add('!' .. queue_name .. ':' .. limit_key) end
end
for field, number in pairs(tally) do
  flat[#flat + 1] = field
  flat[#flat + 1] = number
end
return {price, now, flat, all[#all] or '', all[#all - 1] or '', is_end and 1 or 0}
