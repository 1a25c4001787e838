-- Takes pending tasks for one worker: ZPOPMIN per queue in order of service, one MGET for all.
local CLAIM_CAP = 100
local has_popped = false

-- The claims of an earlier exchange of this worker, for a replay: {id, record, ...}.
local function claims_of(claim_number)
  local held = call('HGETALL', run)
  local ids, keys, found = {}, {}, {}
  for i = 1, #held, 2 do
    if #held[i] == 27 and tonumber(held[i + 1]) == claim_number then
      ids[#ids + 1] = held[i]
      keys[#keys + 1] = prefix .. 't:' .. held[i]
    end
  end
  if #ids == 0 then return found end
  for i, text in ipairs(read_many(keys)) do
    if text then
      found[#found + 1] = ids[i]
      found[#found + 1] = text
    end
  end
  return found
end

-- Moves parked tasks back whose type this worker knows; at most CLAIM_CAP per type.
local function unpark(names)
  for _, name in ipairs(names) do
    local control = counts[name .. ':!'] and control_of(name)
    if control and control.parked then
      local parked, is_changed = control.parked, false
      for task_type in pairs(parked) do
        if string.find(types, ' ' .. task_type .. ' ', 1, true) then
          local back = call('ZPOPMIN', prefix .. 'parked:' .. name .. ':' .. task_type, int(CLAIM_CAP))
          for i = 1, #back, 2 do
            local priority = priority_of(back[i + 1])
            make_pending(back[i], name, priority, tonumber(back[i + 1]) - (10 - priority) * PRIORITY_SPAN)
          end
          count_add(fields_of(name).K, -#back / 2)
          if #back < 2 * CLAIM_CAP then
            parked[task_type] = nil
            is_changed = true
          end
        end
      end
      if next(parked) == nil then control.parked = nil end
      if is_changed then control_put(name, control) end
    end
  end
end

-- Tasks to park, by queue and type: {score, id, ...}; one write for each.
local new_parked = {}

local function park(name, task_type, id, score)
  local types_of_queue = new_parked[name] or {}
  new_parked[name] = types_of_queue
  local list = types_of_queue[task_type] or {}
  types_of_queue[task_type] = list
  list[#list + 1] = score
  list[#list + 1] = id
end

local function parked_flush()
  for name, types_of_queue in pairs(new_parked) do
    local control = control_of(name)
    control.parked = control.parked or {}
    for task_type, list in pairs(types_of_queue) do
      call_variadic('ZADD', prefix .. 'parked:' .. name .. ':' .. task_type, list)
      count_add(fields_of(name).K, #list / 2)
      control.parked[task_type] = 1
    end
    control_put(name, control)
    wake_queue(name)
  end
end

-- A queue that gave less than was asked is empty: counts that say otherwise are put right.
local function heal_empty(name)
  for priority = 1, 10 do
    local field = name .. ':' .. int(priority)
    local surplus = count_of(field)
    if surplus > 0 then count_add(field, -surplus) end
  end
end

-- Pops what is pending, in order of service: {ids, scores, queues, keys} and how much room is left.
local function pop(names)
  local want = math.min(free, CLAIM_CAP)
  local ids, scores, homes, keys = {}, {}, {}, {}
  for q = 2, #names do
    if want == 0 then break end
    local name = names[q]
    if not control_of(name).paused then
      local popped = call('ZPOPMIN', pending(q - 1), int(want))
      local fields = fields_of(name)
      has_popped = true
      for i = 1, #popped, 2 do
        local n = #ids + 1
        ids[n], scores[n], homes[n], keys[n] = popped[i], popped[i + 1], name, prefix .. 't:' .. popped[i]
        count_add(fields[priority_of(popped[i + 1])], -1)
      end
      if #popped < 2 * want then heal_empty(name) end
      want = want - #popped / 2
    end
  end
  return ids, scores, homes, keys, want
end

local EXPIRED = '{"type":"Expired","message":"the task had not started when it expired","traceback":null}'

local function has_expired(options)
  local expires = option_of(options, 'x')
  return expires and tonumber(expires) <= now
end

local function expire(id, text)
  local r = record_parse(text)
  r.worker, r.started = '-', int(now)
  finish(id, r, 'D', rest_with_attempt(r, 'expired', EXPIRED), 'expired.' .. r.type)
end

-- Returns {id, record, ...} and whether claimable work may be left for the free slots.
local function claim(names)
  local ids, scores, homes, keys, room = pop(names)
  local claimed = {}
  if #ids == 0 then return claimed, false end
  local tail = ' ' .. worker .. ' ' .. int(number) .. ' ' .. int(now)
  local known, length = {}, 0
  for i, text in ipairs(read_many(keys)) do
    -- A record that promotion or the reaper changed in this very call is not written yet.
    text = value_of(keys[i]) or text or ''
    local attempt, free_and_due, task_type, options =
      string.match(text, '^P(%d+)( %d+ %d+)[^\n]*\n%d+ %d+ %S+ (%S+) %d+([^\n]*)')
    if attempt and options ~= '' and has_expired(options) then
      expire(ids[i], text)
    elseif attempt then
      if known[task_type] == nil then known[task_type] = string.find(types, ' ' .. task_type .. ' ', 1, true) or false end
      if known[task_type] then
        -- One substitution copies the record once; cutting and joining would twice.
        local record = string.gsub(text, '^[^\n]*', 'R' .. int(attempt + 1) .. free_and_due .. tail, 1)
        value_put(keys[i], record)
        count_add(fields_of(homes[i]).R, 1)
        event_add(ids[i], homes[i], 'R')
        claimed[length + 1], claimed[length + 2] = ids[i], record
        length = length + 2
      else
        park(homes[i], task_type, ids[i], scores[i])
      end
    end
  end
  parked_flush()
  return claimed, room == 0 and #claimed / 2 < free
end
