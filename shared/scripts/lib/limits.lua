-- Limits of a queue and of each limit key in it: how many run at once, and how often they start.
--   control of a queue  limit: the queue's own, key: of every limit key; as text "<most at once | -> <ms
--                       between starts | -> <ms of burst>"; keyed: tasks with limit keys were seen; held: ms until
--                       which a key of it was paused by RateLimited
--   limits  hash        <queue>:<key> -> "<running> <parked>", gone at 0 0; <queue>!<key> -> the key's own limit
--   rates   zset        <queue> or <queue>:<key> -> ms at which the next start is on time (the theoretical
--                       arrival time of GCRA, ITU-T I.371); a held key has one in the future
--   parked:<queue> zset <key>:<10 - priority>:<created>:<id>, all of score 0: of each key in order of service
--   timer r:<queue>     the queue's rate lets one start; r:<queue>:<key> the key's; r:<queue>:* limits changed
-- What is parked comes back when its key has room: a release and a due timer both end in limits_settle.

-- Whether this call has to do with limits. What that costs it goes beyond the budget of a call without.
local has_limits, limit_calls = false, 0

--- @lazy
local NO_LIMIT = {slack = 0}
local UNPARK_KEYS = 3
local RATES_SWEPT = 1000
local now_exact = now + now_rank % 1000 / 1000
local rates_changed = {}
local limit_states, limit_changed, rates_order = {}, {}, {}
local freed, holds, unparked, key_parked = {}, {}, {}, {}
local is_back = {} -- brought back by this call: a sweep finds it once more
local refills = {}

local function limit_of(text)
  local most, interval, slack = string.match(text, '^(%S+) (%S+) (%S+)$')
  return {most = tonumber(most), interval = tonumber(interval), slack = tonumber(slack)}
end

local function set_rate(member, tat)
  has_limits = true
  if not rates_changed[member] then rates_order[#rates_order + 1] = member end
  rates_changed[member] = string.format('%.3f', tat)
end

-- How many more may start now, and when one more may, ms, if it is the rate that says no.
local function allowance(limit, running, tat, is_held)
  local most = limit.most and math.max(0, limit.most - running) or math.huge
  if not limit.interval then
    if tat and tat > now_exact then return 0, tat end
    return most
  end
  local early = math.max(0, (tat or 0) - now_exact)
  -- Later than this no start of the present limit has put it: a slower one was lifted.
  if not is_held and early > limit.slack + limit.interval then early = limit.slack end
  local by_rate = early <= limit.slack and math.floor((limit.slack - early) / limit.interval + 1e-6) + 1 or 0
  if by_rate >= most then return most end
  return by_rate, now_exact + early + by_rate * limit.interval - limit.slack
end

local function tat_after(limit, tat, starts)
  return math.max(tat or 0, now_exact) + starts * limit.interval
end

local function timer_of_limit(member, at)
  timer_add('r:' .. member, math.max(now, math.ceil(at)))
end

-- Of what is stored: a slower limit that was lifted has put it later than any start of the present one.
local function tat_in_force(state)
  local tat, limit = state.tat or 0, state.limit
  if limit.interval and not state.is_held and tat - now_exact > limit.slack + limit.interval then
    return now_exact + limit.slack
  end
  return tat
end

-- Reads what is known of keys, "<queue>:<key>" each; their queues' controls must be loaded.
local function limits_load(fields)
  local wanted = {}
  for _, field in ipairs(fields) do
    if not limit_states[field] then
      local name, key = string.match(field, '^([^:]+):(.*)$')
      limit_states[field] = {queue = name, key = key}
      wanted[#wanted + 1] = field
      wanted[#wanted + 1] = name .. '!' .. key
    end
  end
  if #wanted == 0 then return end
  local values, timed = call('HMGET', prefix .. 'limits', unpack(wanted)), {}
  for i = 1, #wanted, 2 do
    local state = limit_states[wanted[i]]
    local control = control_of(state.queue)
    local running, parked = string.match(values[i] or '0 0', '^(%d+) (%d+)$')
    state.running, state.parked = tonumber(running), tonumber(parked)
    local text = values[i + 1] or control.key
    state.limit = text and limit_of(text) or NO_LIMIT
    state.is_held = tonumber(control.held or 0) > now
    if state.limit.interval or state.is_held then timed[#timed + 1] = wanted[i] end
  end
  if #timed > 0 then
    for i, tat in ipairs(call('ZMSCORE', prefix .. 'rates', unpack(timed))) do
      limit_states[timed[i]].tat = tonumber(tat or nil)
    end
  end
end

-- A running task of a key ended its attempt.
local function limit_release(queue_name, options)
  local key = options ~= '' and option_of(options, 'c')
  if key then
    local field = queue_name .. ':' .. key
    freed[field] = (freed[field] or 0) + 1
    has_limits = true
  end
end

local function limit_hold(queue_name, options, until_ms)
  local key = option_of(options, 'c')
  if key then
    holds[queue_name .. ':' .. key] = until_ms
    has_limits = true
  end
end

-- The timer of a key or a queue is due.
local function limit_refill(member)
  refills[member] = true
  has_limits = true
end

-- What limits_load has read of a key.
local function limit_state(queue_name, key)
  return limit_states[queue_name .. ':' .. key]
end

-- Whether a claimed task of a key may start; it is counted, or parked.
local function limit_start(state, r_priority, created, id)
  local room, at = allowance(state.limit, state.running, state.tat, state.is_held)
  limit_changed[state.queue .. ':' .. state.key] = state
  has_limits = true
  if room >= 1 then
    state.running = state.running + 1
    if state.limit.interval then
      state.tat = tat_after(state.limit, state.tat, 1)
      set_rate(state.queue .. ':' .. state.key, state.tat)
    end
    return true
  end
  local list = key_parked[state.queue] or {}
  key_parked[state.queue] = list
  list[#list + 1] = '0'
  list[#list + 1] = limit_member(state.key, r_priority, created, id)
  count_add(fields_of(state.queue).K, 1)
  state.parked = state.parked + 1
  if at then timer_of_limit(state.queue .. ':' .. state.key, at) end
  return false
end

local function unpark_members(name, members)
  if #members == 0 then return end
  local list = unparked[name] or {}
  unparked[name] = list
  for _, member in ipairs(members) do
    local level, created, id = string.match(member, '^[^:]*:(%d):(%d+):(%S+)$')
    list[#list + 1] = member
    is_back[name .. ':' .. member] = true
    make_pending(id, name, 10 - tonumber(level), rank_of_ms(tonumber(created)))
  end
  count_add(fields_of(name).K, -#members)
end

-- Moves as many parked tasks of a key back as may start, and sees to the rest.
local function unpark_key(field, state)
  local room, at = allowance(state.limit, state.running, state.tat, state.is_held)
  local most = math.min(room, state.parked, 100)
  if most > 0 then
    local back = call('ZRANGE', prefix .. 'parked:' .. state.queue, '[' .. state.key .. ':', '(' .. state.key .. ';',
      'BYLEX', 'LIMIT', '0', int(most))
    unpark_members(state.queue, back)
    state.parked = #back < most and 0 or state.parked - #back
    limit_changed[field] = state
  end
  if state.parked > 0 and at then
    timer_of_limit(field, at)
  elseif state.parked > 0 and room > most then
    timer_of_limit(field, now)
  end
end

-- Limits of a queue changed: all that is parked by key gets another try, a slice a call, each once.
local function sweep(name)
  local control = control_of(name)
  local key = prefix .. 'parked:' .. name
  local slice = call('ZRANGE', key, control.sweep and '(' .. control.sweep or '-', '+', 'BYLEX', 'LIMIT', '0', '100')
  local of_key, fields = {}, {}
  for _, member in ipairs(slice) do
    local field = name .. ':' .. string.match(member, '^[^:]*')
    if not of_key[field] then
      of_key[field] = {}
      fields[#fields + 1] = field
    end
    local list = of_key[field]
    if not is_back[name .. ':' .. member] then list[#list + 1] = member end
  end
  limits_load(fields)
  for _, field in ipairs(fields) do
    local state, members = limit_states[field], of_key[field]
    local room, at = allowance(state.limit, state.running, state.tat, state.is_held)
    for i = #members, math.min(room, #members) + 1, -1 do members[i] = nil end
    unpark_members(name, members)
    state.parked = math.max(0, state.parked - #members)
    limit_changed[field] = state
    if state.parked > 0 and at then timer_of_limit(field, at) end
  end
  control.sweep = #slice == 100 and slice[100] or nil
  control_put(name, control)
  if control.sweep then timer_of_limit(name .. ':*', now) end
  return control.sweep ~= nil
end

-- Takes in what ended, what was held and what is due; before claims, so that these find what came back.
-- Returns true when more is due than one call may do.
local function settle_limits()
  local fields, names, is_more = {}, {}, false
  for _, set in ipairs({freed, refills, holds}) do
    for field in pairs(set) do
      fields[#fields + 1] = field
      names[#names + 1] = string.match(field, '^[^:]+')
    end
  end
  if #fields == 0 then return false end
  local price_before = price
  table.sort(fields)
  counts_load(names)
  local of_keys, swept = {}, {}
  for _, field in ipairs(fields) do
    if string.sub(field, -2) == ':*' then
      swept[#swept + 1] = string.match(field, '^[^:]+')
    elseif string.find(field, ':', 1, true) then
      of_keys[#of_keys + 1] = field
    end
  end
  limits_load(of_keys)
  local candidates = {}
  for _, field in ipairs(of_keys) do
    local state = limit_states[field]
    if freed[field] then
      state.running = math.max(0, state.running - freed[field])
      limit_changed[field] = state
    end
    if holds[field] then
      local control = control_of(state.queue)
      control.held = int(math.max(tonumber(control.held or 0), holds[field]))
      control_put(state.queue, control)
      -- A hold that ends before the key's own rate lets one start does not hasten that, nor end a longer hold.
      state.tat = math.max(tat_in_force(state), holds[field] + state.limit.slack)
      state.is_held = true
      set_rate(field, state.tat)
    end
    if state.parked > 0 and candidates[#candidates] ~= field then candidates[#candidates + 1] = field end
    freed[field], holds[field], refills[field] = nil, nil, nil
  end
  for i, field in ipairs(candidates) do
    if i <= UNPARK_KEYS then
      unpark_key(field, limit_states[field])
    else
      timer_of_limit(field, now)
      is_more = true
    end
  end
  for _, name in ipairs(swept) do
    refills[name .. ':*'] = nil
    is_more = sweep(name) or is_more
  end
  refills = {}
  for name, members in pairs(unparked) do call_variadic('ZREM', prefix .. 'parked:' .. name, members) end
  unparked = {}
  limit_calls = limit_calls + price - price_before
  return is_more
end

local function write_limits()
  local set, gone = {}, {}
  for field, state in pairs(limit_changed) do
    if state.running + state.parked > 0 then
      set[#set + 1] = field
      set[#set + 1] = int(state.running) .. ' ' .. int(state.parked)
    else
      gone[#gone + 1] = field
    end
  end
  if #gone > 0 then call('HDEL', prefix .. 'limits', unpack(gone)) end
  if #set > 0 then call('HSET', prefix .. 'limits', unpack(set)) end
  for name, list in pairs(key_parked) do call_variadic('ZADD', prefix .. 'parked:' .. name, list) end
  if #rates_order > 0 then
    local flat = {}
    for _, member in ipairs(rates_order) do
      flat[#flat + 1] = rates_changed[member]
      flat[#flat + 1] = member
    end
    call('ZADD', prefix .. 'rates', unpack(flat))
    -- What is past says nothing any more; swept now and then, by the clock, in bounded slices.
    if now_rank % 8 == 0 then
      local past = call('ZRANGE', prefix .. 'rates', '-inf', int(now - 1), 'BYSCORE', 'LIMIT', '0', int(RATES_SWEPT))
      if #past > 0 then call('ZREM', prefix .. 'rates', unpack(past)) end
    end
  end
  limit_changed, key_parked, rates_changed, rates_order = {}, {}, {}, {}
end

--- @eager
local function limits_settle()
  return has_limits and settle_limits()
end

local function limits_flush()
  if has_limits then write_limits() end
end
