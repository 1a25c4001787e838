-- The hash `queues` has, per queue: `<queue>:1` … `<queue>:10` pending by priority, `<queue>:K`
-- parked, `<queue>:<status letter>` the other statuses, `<queue>:!` the control object (paused,
-- parked types, limits: see limits.lua; only when there is something to say). `*:C`, `*:D`, `*:X` are totals over
-- all queues, `*:@` the minute and `*:h` its hour (see stats.lua), `*:~<who>` a caller's allowance ("w" and lib/gcra's time), `*:+<worker>`
-- what its exchanges remember (memory.lua), `*:w` how many workers have a lease or a presence, `*:i` and `*:=<worker>` who
-- may be handed a task and was (handoff.lua), `*:v` when versions of workers began (register.lua), `*:t` and `*:f` what was
-- taken back of the events and from where on they are kept (moment.lua). All fields of the
-- queues that a script knows beforehand are read in one call; changes are summed here and written in one call.
-- A count of pending, scheduled or running tasks also carries how many were submitted since an exchange last looked, as
-- multiples of SUBMITTED: so submitting adds to both with one HINCRBY.
local SUBMITTED = 67108864 -- 2^26
local COUNT_DIGITS = 17 -- no count is longer, an id is
local TOTAL_FIELDS = {'*:C', '*:D', '*:X', '*:@', '*:h', '*:w', '*:i'}
-- Numbers, or texts where none stands; false what is not stored, nil what was not read.
local counts, deltas, queue_loaded = {}, {}, {}
local field_names = {}
local control_texts, control_gone = {}, nil
local submitted, unseen = {}, {}

-- The fields of a queue by their kind, spelled once per call: pending ones by their priority, then all others, which
-- have their letters, too.
local function fields_of(name)
  local fields = field_names[name]
  if not fields then
    local s = name .. ':'
    local K, R, S, Y, C, D, X, control = s .. 'K', s .. 'R', s .. 'S', s .. 'Y', s .. 'C', s .. 'D', s .. 'X', s .. '!'
    fields = {
      s .. '1', s .. '2', s .. '3', s .. '4', s .. '5', s .. '6', s .. '7', s .. '8', s .. '9', s .. '10', K, R, S, Y, C, D, X,
      control, K = K, R = R, S = S, Y = Y, C = C, D = D, X = X, ['!'] = control,
    }
    field_names[name] = fields
  end
  return fields
end

-- One of them by its letter or priority, or P, which is for events alone.
local function field_of(name, kind)
  local fields = field_names[name]
  return fields and fields[kind] or name .. ':' .. (tonumber(kind) and int(kind) or kind)
end

local function count_add(field, n)
  deltas[field] = (deltas[field] or 0) + n
end

-- Tasks were submitted: into `field`, the count of where they go.
local function submitted_add(field, n)
  submitted[field] = (submitted[field] or 0) + n
  count_add(field, n)
end

local function field_put(field, text)
  counts[field] = text
  control_texts[field] = text
end

-- Takes in what is stored in fields, behind the first `before` of them: a count, and what was submitted since an
-- exchange looked.
local function counts_take(fields, before, values)
  for i = 1, #values do
    local field, text = fields[before + i], values[i]
    local n = text and #text <= COUNT_DIGITS and tonumber(text)
    if n and n >= SUBMITTED then
      unseen[field] = math.floor(n / SUBMITTED)
      n = n % SUBMITTED
    end
    counts[field] = n or text
  end
end

local function counts_read(fields)
  for i = 1, #fields, CHUNK do
    counts_take(fields, i - 1, call('HMGET', queues, unpack(fields, i, math.min(i + CHUNK - 1, #fields))))
  end
end

local function counts_load(names, ...)
  local wanted = {...}
  for _, name in ipairs(names) do
    if not queue_loaded[name] then
      queue_loaded[name] = true
      local fields, n = name == '*' and TOTAL_FIELDS or fields_of(name), #wanted
      for i = 1, #fields do wanted[n + i] = fields[i] end
    end
  end
  if #wanted > 0 then counts_read(wanted) end
end

local function count_of(field)
  return (counts[field] or 0) + (deltas[field] or 0)
end

-- How many were submitted since an exchange last looked, of what this call has read, in all, by queue and by field;
-- they are forgotten here.
local function harvest()
  local sum, of_queue, of_field = 0, {}, unseen
  unseen = {}
  for field, n in pairs(of_field) do
    local name = string.match(field, '^(.*):')
    sum = sum + n
    of_queue[name] = (of_queue[name] or 0) + n
    deltas[field] = deltas[field] or 0
    unseen[field] = 0
  end
  return sum, of_queue, of_field
end

-- What is said about a queue beyond numbers; an empty table when nothing is.
local function control_of(name)
  local text = counts[fields_of(name)['!']]
  return text and cjson.decode(text) or {}
end

-- Whether a queue has pending tasks, with what this call has changed.
local function counts_pending(name)
  local fields = fields_of(name)
  for priority = 1, 10 do
    if count_of(fields[priority]) > 0 then return true end
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
      if counts[field] == nil then
        local name, kind = string.match(field, '^(.*):([^:]*)$')
        local is_pending = tonumber(kind)
        if not is_pending then missing[#missing + 1] = field end
        -- A release may make what is pending claimable: limit and pending tasks tell.
        if not added[name] and (is_pending or (kind == 'R' and delta < 0)) then
          added[name] = true
          local fields = fields_of(name)
          for priority = 1, 10 do missing[#missing + 1] = fields[priority] end
          missing[#missing + 1] = fields['!']
        end
      end
    end
  end
  table.sort(changed)
  return changed, missing
end

--- @lazy
local function control_put(name, control)
  local field = fields_of(name)['!']
  if next(control) == nil then
    if counts[field] then
      control_gone = control_gone or {}
      control_gone[#control_gone + 1] = field
    end
    counts[field] = false
  else
    field_put(field, cjson.encode(control))
  end
end

--- @eager
local function has_pending(name)
  for priority = 1, 10 do
    if (counts[fields_of(name)[priority]] or 0) > 0 then return true end
  end
  return false
end

-- Whether a queue was at its limit of running tasks, has room now and tasks for it.
local function is_released(name, before, after)
  local limit = control_of(name).limit
  local most = limit and tonumber(string.match(limit, '^%S+'))
  return most and before >= most and after < most and counts_pending(name)
end

local function write_counts(on_filled)
  local changed, missing = changed_fields()
  if #missing > 0 then
    table.sort(missing)
    counts_read(missing)
  end
  local writes, length = {}, 0
  for i = 1, #changed do
    local field = changed[i]
    local before = counts[field] or 0
    local after = math.max(0, before + deltas[field])
    writes[length + 1], writes[length + 2] = field, int(after + ((unseen[field] or 0) + (submitted[field] or 0)) * SUBMITTED)
    length = length + 2
    local kind = sub(field, -1)
    if kind == 'R' and after < before then
      local name = sub(field, 1, -3)
      if counts[fields_of(name)['!']] and is_released(name, before, after) then on_filled(name) end
    elseif before <= 0 and after > 0 and tonumber(kind) then
      local name = string.match(field, '^(.*):')
      if not has_pending(name) then on_filled(name) end
    end
  end
  for field, text in pairs(control_texts) do
    writes[length + 1], writes[length + 2] = field, text
    length = length + 2
  end
  if control_gone then call('HDEL', queues, unpack(control_gone)) end
  if length > 0 then call_variadic('HSET', queues, writes) end
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
  if not name or queue_loaded[name] or next(control_texts) or control_gone then return nil end
  return only, tonumber(kind) and name
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
  write_counts(on_filled)
end
