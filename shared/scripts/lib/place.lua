-- Takes a task out of the index that its status names; the caller puts it elsewhere. Removals are
-- gathered, so that a batch is one call per index.
local out_of, out_order = {}, {}
local key_left = {} -- limit keys whose room may be free for a parked task now: nobody else would come for it

local function take_out_of(key, member)
  if not out_of[key] then
    out_of[key] = {}
    out_order[#out_order + 1] = key
  end
  local list = out_of[key]
  list[#list + 1] = member
end

-- Whether it was parked; how many of a key are is put right when the key has room again.
local function take_out_parked(id, r)
  local parked = control_of(r.queue).parked
  if parked and parked[r.type] and call('ZREM', prefix .. 'parked:' .. r.queue .. ':' .. r.type, id) == 1 then
    return true
  end
  local key = option_of(r.options, 'c')
  return key and call('ZREM', prefix .. 'parked:' .. r.queue, limit_member(key, r.priority, r.created, id)) == 1
end

local function take_out(id, r)
  if r.status == 'P' then
    if count_of(fields_of(r.queue).K) > 0 and take_out_parked(id, r) then
      count_add(fields_of(r.queue).K, -1)
    else
      local key = option_of(r.options, 'c')
      if key and count_of(fields_of(r.queue).K) > 0 then key_left[r.queue .. ':' .. key] = true end
      take_out_of(prefix .. 'pending:' .. r.queue, id)
      count_add(fields_of(r.queue)[r.priority], -1)
    end
  elseif r.status == 'S' or r.status == 'Y' then
    take_out_of(timers, 't:' .. id .. ':' .. r.queue)
    count_add(fields_of(r.queue)[r.status], -1)
  elseif BANDS[r.status] then
    take_out_of(prefix .. 'done', id)
    count_add(fields_of(r.queue)[r.status], -1)
    count_add('*:' .. r.status, -1)
    if r.status == 'D' then
      local group = string.match(r.tail, '^ %S+ %d+ %d+ %d+ (%S+)')
      if group then take_out_of(prefix .. 'groups', group .. ':' .. id) end
    end
  end
end

-- The first write of its script: a removal, which Redis lets through when memory is full.
local function place_flush()
  for _, key in ipairs(out_order) do call_variadic('ZREM', key, out_of[key]) end
  for field in pairs(key_left) do timer_add('r:' .. field, now) end
  out_of, out_order, key_left = {}, {}, {}
end
