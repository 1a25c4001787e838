-- Takes pending tasks for one worker: ZPOPMIN per queue in order of service, one MGET for all. What this
-- worker does not know or what is over a limit is parked on the way.
local CLAIM_CAP = 100
local has_unparked = false

--- @lazy
-- The claims of an earlier exchange of this worker, for a replay: {id, record, ...}.
local function claims_of(memory, handed_over, claim_number)
  local held, claims = held_of(memory, handed_over)
  local ids, keys, found = {}, {}, {}
  for _, id in ipairs(held) do
    if tonumber(claims[id]) == claim_number then
      ids[#ids + 1] = id
      keys[#keys + 1] = prefix .. 't:' .. id
    end
  end
  for i, text in ipairs(#keys > 0 and read_many(keys) or {}) do
    if text then
      found[#found + 1] = ids[i]
      found[#found + 1] = text
    end
  end
  return found
end

local function unpark_types(name, control)
  local parked, are_left, is_changed = control.parked, false, false
  for task_type in pairs(parked) do
    local is_known = find(types, ' ' .. task_type .. ' ', 1, true)
    if is_known and not affords(3) then -- ZPOPMIN, ZADD, and HDEL of a control with nothing to say
      are_left = true
    elseif is_known then
      has_unparked = true
      local back = call('ZPOPMIN', prefix .. 'parked:' .. name .. ':' .. task_type, int(CLAIM_CAP))
      for i = 1, #back, 2 do
        make_pending_by_score(back[i], name, back[i + 1])
      end
      count_add(fields_of(name).K, -#back / 2)
      if #back < 2 * CLAIM_CAP then
        parked[task_type] = nil
        is_changed = true
      else
        are_left = true
      end
    end
  end
  if next(parked) == nil then control.parked = nil end
  if is_changed then control_put(name, control) end
  return are_left
end

--- @eager
-- Moves parked tasks back whose type this worker knows; at most CLAIM_CAP per type. Returns whether some are left.
local function unpark(names)
  local are_left = false
  for i = 2, #names do
    local control = counts[fields_of(names[i])['!']] and control_of(names[i])
    if control and control.parked then are_left = unpark_types(names[i], control) or are_left end
  end
  return are_left
end

-- Tasks to park, by queue and type: {score, id, ...}; one write for each. Nil while there are none.
local new_parked

--- @lazy
-- Calls that parked_flush will make: a write for each type, and a wake-up for all.
local function parked_owed()
  local calls = (want_cursor == 1 or owes_wake()) and 0 or 1
  for _, types_of_queue in pairs(new_parked) do
    for _ in pairs(types_of_queue) do calls = calls + 1 end
  end
  return calls
end

local function park(name, task_type, id, score)
  new_parked = new_parked or {}
  local types_of_queue = new_parked[name] or {}
  new_parked[name] = types_of_queue
  local list = types_of_queue[task_type] or {}
  types_of_queue[task_type] = list
  list[#list + 1] = score
  list[#list + 1] = id
end

-- Whether it fits that one more is parked by its type, or is dead (D). The call may cost two more for that: what does not
-- fit is put back, which is a call, too.
local SLACK = 2

local function fits(name, kind)
  local calls = new_parked and parked_owed() or 0
  if kind == 'D' then
    calls = calls + calls_for(name, 'D')
  elseif not (new_parked and new_parked[name] and new_parked[name][kind]) then
    calls = calls + 1
  end
  return affords(calls - SLACK)
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

-- A queue that gave less than was asked is empty, though its counts say otherwise: they are put right.
local function heal_empty(name)
  for priority = 1, 10 do
    local field = name .. ':' .. int(priority)
    local surplus = count_of(field)
    if surplus > 0 then count_add(field, -surplus) end
  end
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

local function set_limit(service, text)
  service.limit = limit_of(text)
  if service.limit.interval then
    service.tat = tonumber(call('ZSCORE', prefix .. 'rates', service.name) or nil)
    limit_calls = limit_calls + 1
  end
  service.room, service.at = allowance(service.limit, count_of(fields_of(service.name).R), service.tat)
end

-- Tells the rate of a queue what started, and when one more may.
local function note_rate(service)
  if service.started > 0 then set_rate(service.name, tat_after(service.limit, service.tat, service.started)) end
  if service.started == service.room and service.at and not service.is_empty then
    timer_of_limit(service.name, service.at)
  end
end

--- @eager
-- The served queues that are not paused. `room` is how many tasks the queue's limit lets start and `at` when
-- one more may; both are nil when it has none.
local function open_queues(names)
  local open = {}
  for q = 2, #names do
    local control = control_of(names[q])
    if not control.paused then
      local service = {name = names[q], key = pending(q - 1), is_keyed = control.keyed, started = 0, ids = {}}
      if control.limit then set_limit(service, control.limit) end
      open[#open + 1] = service
    end
  end
  return open
end

-- What was popped comes by rising scores: priorities that all have are counted at once.
local function take_from_counts(fields, popped)
  local length = #popped
  if length > 0 and priority_of(popped[2]) == priority_of(popped[length]) then
    count_add(fields[priority_of(popped[2])], -length / 2)
    return
  end
  for i = 2, length, 2 do count_add(fields[priority_of(popped[i])], -1) end
end

-- Pops what `want` slots may take, in order of service. A wide pop takes CLAIM_CAP of queues with limit keys. Unless it
-- has to look, a queue that has nothing by its counts is left alone.
local function pop(open, want, is_wide, must_look)
  local batch = {ids = {}, scores = {}, homes = {}, keys = {}}
  for _, service in ipairs(open) do
    local asked = math.min(want, service.room and service.room - service.started or want)
    if asked > 0 and is_wide and service.is_keyed then asked = CLAIM_CAP end
    if asked > 0 and not must_look and not service.is_empty then service.is_empty = not counts_pending(service.name) end
    if asked > 0 and not service.is_empty then
      local popped = call('ZPOPMIN', service.key, int(asked))
      local ids, scores, homes, keys, key_start = batch.ids, batch.scores, batch.homes, batch.keys, prefix .. 't:'
      local n = #ids
      for i = 1, #popped, 2 do
        n = n + 1
        ids[n], scores[n], homes[n], keys[n] = popped[i], popped[i + 1], service, key_start .. popped[i]
      end
      take_from_counts(fields_of(service.name), popped)
      service.is_empty = #popped < 2 * asked and not new_pending[service.name] -- but what was put back just now
      if service.is_empty and counts_pending(service.name) then heal_empty(service.name) end
      want = math.max(0, want - #popped / 2)
    end
  end
  return batch
end

--- @lazy
-- The limit keys of what was popped, from the first that has one on.
local function load_keys_of(batch, texts, first)
  local fields = {}
  for i = first, #texts do
    local options = string.match(texts[i] or '', '^[^\n]*\n%d+ %d+ %S+ %S+ %d+( [^\n]*)')
    local key = options and option_of(options, 'c')
    if key then
      fields[#fields + 1] = batch.homes[i].name .. ':' .. key
      if not batch.homes[i].is_keyed then
        batch.homes[i].is_keyed = true
        local control = control_of(batch.homes[i].name)
        control.keyed = 1
        control_put(batch.homes[i].name, control)
      end
    end
  end
  local price_before = price
  limits_load(fields)
  limit_calls = limit_calls + price - price_before
  batch.are_keys_loaded = true
end

-- A task of a key will not start now: its room may be for one that is parked.
local function leave_room(state)
  if state and state.parked > 0 then timer_of_limit(state.queue .. ':' .. state.key, now) end
end

local function start_by_key(state, text, head_end, id)
  local created, level = string.match(text, '^(%d+) (%d+)', head_end + 1)
  return limit_start(state, tonumber(level), tonumber(created), id)
end

--- @eager
-- Line 1 of a pending task as it is when this exchange claims it, and since when the task is due, ms, or 0; nothing
-- for one that is not pending. Most of a call have the same.
local function claimed_heads()
  local known, tail = {}, run_tail(worker, int(number))
  return function(head)
    local made = known[head]
    if made == nil then
      local attempt, free_and_due, due = string.match(head, '^P(%d+)( %d+ (%d+))')
      made = attempt and {text = 'R' .. int(attempt + 1) .. free_and_due .. tail, due = tonumber(due)}
      known[head] = made or false
    end
    return made
  end
end

-- The records of a batch. What promotion or the reaper changed in this very call is known, and not written yet.
local function texts_of(batch)
  local texts, missing, at = {}, {}, {}
  for i, key in ipairs(batch.keys) do
    texts[i] = value_of(key) or false
    if not texts[i] then missing[#missing + 1], at[#at + 1] = key, i end
  end
  for n, text in ipairs(#missing > 0 and read_many(missing) or {}) do texts[at[n]] = text end
  return texts
end

-- Puts a task back that was popped.
local function put_back(id, service, score)
  make_pending_by_score(id, service.name, score)
  service.is_empty = false
end

-- Claims up to `want` of a batch into `claimed`; parks what may not run here, puts the rest back. Returns
-- whether a limit key parked something.
local function take(batch, texts, want, claimed)
  local claimed_head, has_parked = claimed_heads(), false
  local length, most = #claimed, #claimed + 2 * want
  for i, text in ipairs(texts) do
    local id, service = batch.ids[i], batch.homes[i]
    local head_end = text and find(text, '\n', 1, true)
    local head = head_end and claimed_head(sub(text, 1, head_end - 1))
    if head then
      local line, line_from = attributes_of(text, head_end)
      local key = not line.is_plain and option_of(line.options, 'c')
      if key and not batch.are_keys_loaded then load_keys_of(batch, texts, i) end
      local state = key and limit_state(service.name, key)
      if line.is_known == nil then line.is_known = find(types, ' ' .. line.type .. ' ', 1, true) or false end
      local is_over = not line.is_plain and has_expired(line.options)
      if (is_over or not line.is_known) and not fits(service.name, is_over and 'D' or line.type) then
        put_back(id, service, batch.scores[i])
      elseif is_over then
        expire(id, text)
        leave_room(state)
      elseif not line.is_known then
        park(service.name, line.type, id, batch.scores[i])
        leave_room(state)
      elseif length == most or service.started == service.room then
        put_back(id, service, batch.scores[i])
      elseif state and not start_by_key(state, text, head_end, id) then
        has_parked = true
      else
        local record = head.text .. sub(text, head_end)
        value_put(batch.keys[i], record)
        if i <= SAMPLED then
          stats_wait(now - (head.due > 0 and head.due or tonumber(sub(text, head_end + 1, line_from - 1))))
        end
        service.started = service.started + 1
        service.ids[service.started] = id
        claimed[length + 1], claimed[length + 2] = id, record
        length = length + 2
      end
    end
  end
  return has_parked
end

-- What it costs to claim. What came to an empty queue in this very call need not be read, nor told of if all is
-- claimed.
local function calls_to_claim(names)
  local are_known, waiting, served = not has_unparked, 0, table.concat(names, ' ') .. ' '
  for i = 2, #names do
    are_known = are_known and not has_pending(names[i])
    for priority = 1, 10 do waiting = waiting + count_of(fields_of(names[i])[priority]) end
  end
  local is_told = want_cursor == 1 or not are_known or waiting > free or owes_alarm() or not owes_wake()
  for _, name in ipairs(pending_order) do is_told = is_told or not find(served, ' ' .. name .. ' ', 1, true) end
  return queue_count + calls_to_tell() + (are_known and 0 or 1) - (is_told and 0 or 1)
    + (is_lease_due and not holds_some and 1 or 0)
end

-- Whether something is pending, and no queue has rules or parked tasks.
local function are_plainly_pending(names)
  local is_any_pending = false
  for i = 2, #names do
    if counts[fields_of(names[i])['!']] then return false end
    is_any_pending = is_any_pending or counts_pending(names[i])
  end
  return is_any_pending
end

-- Pops before the outcomes are applied, so that one read serves all.
local function pop_first(names, must_look)
  local open = open_queues(names)
  return {open = open, batch = pop(open, math.min(free, CLAIM_CAP), false, must_look)}
end

-- Returns {id, record, ...} and whether claimable work may be left for the free slots. `popped` are what was popped
-- first and `texts` its records, or nil.
local function claim(names, must_look, popped, texts)
  local open, claimed, want, told = popped and popped.open or open_queues(names), {}, math.min(free, CLAIM_CAP), callbacks
  local batch = popped and popped.batch or pop(open, want, false, must_look)
  if #batch.ids > 0 and take(batch, texts or texts_of(batch), want, claimed) and #claimed / 2 < want then
    -- Over their limits stand many: a wide look behind them, so that they hold up nobody.
    local price_before = price
    batch = pop(open, want - #claimed / 2, true, must_look)
    texts = texts_of(batch)
    limit_calls = limit_calls + price - price_before
    take(batch, texts, want - #claimed / 2, claimed)
  end
  if new_parked then parked_flush() end
  local is_more = false
  for _, service in ipairs(open) do
    if service.started > 0 then
      count_add(fields_of(service.name).R, service.started)
      events_add(service.ids, service.name, 'R')
    end
    if service.limit and service.limit.interval then note_rate(service) end
    is_more = is_more or (not service.is_empty and service.started ~= service.room)
  end
  -- A webhook of a task that expired just now is pending in a queue that this worker believes to be empty.
  return claimed, callbacks > told or is_more and #claimed / 2 < free
end
