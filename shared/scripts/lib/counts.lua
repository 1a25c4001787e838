-- The hash `queues` has, per queue: `<queue>:1` … `<queue>:10` pending by priority, `<queue>:K`
-- parked, `<queue>:<status letter>` the other statuses, `<queue>:!` the control object (paused,
-- parked types, limits: see limits.lua; only when there is something to say). `*:C`, `*:D`, `*:X` are totals over
-- all queues, `*:@` the minute (see stats.lua), `*:~<who>` a caller's allowance ("w" and lib/gcra's time), `*:+<worker>`
-- what its exchanges remember (memory.lua), `*:w` how many workers have a lease or a presence, `*:i` and `*:=<worker>` who
-- may be handed a task and was (handoff.lua), `*:v` when versions of workers began (register.lua). All fields of the queues that a script knows beforehand are read in one call; changes
-- are summed here and written in one call.
-- A count of pending, scheduled or running tasks also carries how many were submitted since an exchange last looked, as
-- multiples of SUBMITTED: so submitting adds to both with one HINCRBY.
local SUBMITTED = 67108864 -- 2^26
local TOTAL_FIELDS = {'*:C', '*:D', '*:X', '*:@', '*:w', '*:i'}
local LETTERS = {'K', 'R', 'S', 'Y', 'C', 'D', 'X', '!'}
local counts, deltas, queue_loaded = {}, {}, {}
local field_names = {}
local control_texts, control_gone = {}, {}
local submitted, unseen = {}, {}

-- The fields of a queue by their kind, spelled once per call; pending ones by their priority. P is for events alone.
local function fields_of(name)
  local fields = field_names[name]
  if not fields then
    local s = name .. ':'
    fields = {
      s .. '1', s .. '2', s .. '3', s .. '4', s .. '5', s .. '6', s .. '7', s .. '8', s .. '9', s .. '10', K = s .. 'K',
      R = s .. 'R', S = s .. 'S', Y = s .. 'Y', C = s .. 'C', D = s .. 'D', X = s .. 'X', P = s .. 'P', ['!'] = s .. '!',
    }
    field_names[name] = fields
  end
  return fields
end

-- Takes in what is stored: the count, and what was submitted since an exchange looked.
local function count_set(field, text)
  local n = tonumber(text)
  if n and n >= SUBMITTED then
    unseen[field] = math.floor(n / SUBMITTED)
    text = n % SUBMITTED
  end
  counts[field] = text
end

local function counts_load(names, ...)
  local wanted = {...}
  for _, name in ipairs(names) do
    if not queue_loaded[name] then
      queue_loaded[name] = true
      if name == '*' then
        for _, field in ipairs(TOTAL_FIELDS) do wanted[#wanted + 1] = field end
      else
        local n, named = #wanted, fields_of(name)
        for priority = 1, 10 do wanted[n + priority] = named[priority] end
        for i, letter in ipairs(LETTERS) do wanted[n + 10 + i] = named[letter] end
      end
    end
  end
  if #wanted == 0 then return end
  for i = 1, #wanted, CHUNK do
    local values = call('HMGET', queues, unpack(wanted, i, math.min(i + CHUNK - 1, #wanted)))
    for j, text in ipairs(values) do
      if text then count_set(wanted[i + j - 1], text) end
    end
  end
end

local function count_add(field, n)
  deltas[field] = (deltas[field] or 0) + n
end

local function count_of(field)
  return (tonumber(counts[field] or 0) or 0) + (deltas[field] or 0)
end

-- Tasks were submitted: into `field`, the count of where they go.
local function submitted_add(field, n)
  submitted[field] = (submitted[field] or 0) + n
  count_add(field, n)
end

-- How many were submitted since an exchange last looked, of what this call has read, in all and by queue; they are
-- forgotten here.
local function harvest()
  local sum, of_queue = 0, {}
  for field, n in pairs(unseen) do
    local name = string.match(field, '^(.*):')
    sum = sum + n
    of_queue[name] = (of_queue[name] or 0) + n
    deltas[field] = deltas[field] or 0
    unseen[field] = 0
  end
  return sum, of_queue
end

local function field_put(field, text)
  counts[field] = text
  control_texts[field] = text
end

-- What is said about a queue beyond numbers; an empty table when nothing is.
local function control_of(name)
  local text = counts[fields_of(name)['!']]
  return text and cjson.decode(text) or {}
end

local function control_put(name, control)
  local field = fields_of(name)['!']
  if next(control) == nil then
    if counts[field] then control_gone[#control_gone + 1] = field end
    counts[field] = nil
  else
    field_put(field, cjson.encode(control))
  end
end

local function has_pending(name)
  for priority = 1, 10 do
    if (tonumber(counts[fields_of(name)[priority]]) or 0) > 0 then return true end
  end
  return false
end

-- The fields that changed, in order, and those of them (with all priorities of a queue that got
-- tasks) that were not read yet.
local function changed_fields()
  local missing, changed, added = {}, {}, {}
  for field, delta in pairs(deltas) do
    if delta ~= 0 or unseen[field] == 0 or submitted[field] then
      changed[#changed + 1] = field
      local name, kind = string.match(field, '^(.*):([^:]*)$')
      if not queue_loaded[name] and not tonumber(kind) then missing[#missing + 1] = field end
      -- A release may make what is pending claimable: limit and pending tasks tell.
      if not queue_loaded[name] and not added[name] and (tonumber(kind) or (kind == 'R' and delta < 0)) then
        added[name] = true
        for priority = 1, 10 do missing[#missing + 1] = fields_of(name)[priority] end
        missing[#missing + 1] = fields_of(name)['!']
      end
    end
  end
  table.sort(changed)
  return changed, missing
end

-- The one field that changed, when something came to a queue that was not read: most submissions.
-- HINCRBY is one call instead of a read and a write.
local function only_addition()
  local only = nil
  for field, delta in pairs(deltas) do
    if delta ~= 0 then
      if only or delta < 0 then return nil end
      only = field
    end
  end
  local name, kind = string.match(only or '', '^(.*):([^:]*)$')
  if not name or queue_loaded[name] or next(control_texts) or #control_gone > 0 then return nil end
  return only, tonumber(kind) and name
end

-- Whether a queue has pending tasks, with what this call has changed.
local function counts_pending(name)
  local fields = fields_of(name)
  for priority = 1, 10 do
    if count_of(fields[priority]) > 0 then return true end
  end
  return false
end

-- Whether a queue was at its limit of running tasks, has room now and tasks for it.
local function is_released(name, before, after)
  local limit = control_of(name).limit
  local most = limit and tonumber(string.match(limit, '^%S+'))
  return most and before >= most and after < most and counts_pending(name)
end

-- Writes what changed; calls `on_filled(queue)` for each queue that had no pending task and has
-- some: sleepers must learn of it. A count below zero cannot be: it is healed.
local function counts_flush(on_filled)
  local added, filled = only_addition()
  if added then
    local packed = deltas[added] + (submitted[added] or 0) * SUBMITTED
    local after = call('HINCRBY', queues, added, int(packed)) % SUBMITTED
    if after < deltas[added] then call('HSET', queues, added, int(packed)) end
    -- Other priorities were not looked at: a wake-up too many is cheaper than a call each time.
    if filled and after <= deltas[added] then on_filled(filled) end
    return
  end
  local changed, missing = changed_fields()
  if #missing > 0 then
    table.sort(missing)
    for i = 1, #missing, CHUNK do
      local values = call('HMGET', queues, unpack(missing, i, math.min(i + CHUNK - 1, #missing)))
      for j = 1, #values do
        if values[j] then count_set(missing[i + j - 1], values[j]) end
      end
    end
  end
  local writes = {}
  for _, field in ipairs(changed) do
    local before = tonumber(counts[field] or 0) or 0
    local after = math.max(0, before + deltas[field])
    writes[#writes + 1] = field
    writes[#writes + 1] = int(after + ((unseen[field] or 0) + (submitted[field] or 0)) * SUBMITTED)
    local name, kind = string.match(field, '^(.*):([^:]*)$')
    if tonumber(kind) and before <= 0 and after > 0 and not has_pending(name) then on_filled(name) end
    if kind == 'R' and after < before and is_released(name, before, after) then on_filled(name) end
  end
  for field, text in pairs(control_texts) do
    writes[#writes + 1] = field
    writes[#writes + 1] = text
  end
  if #control_gone > 0 then call('HDEL', queues, unpack(control_gone)) end
  if #writes > 0 then call_variadic('HSET', queues, writes) end
end
