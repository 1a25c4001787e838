-- Does what is due, as far as `affords` says: promotes tasks, refills limits, reaps workers, trims ended tasks. Whoever calls,
-- exchange or tick, does it for everybody. Returns true when more is due than one call may do.
local DUE_SLICE = 100
local due_schedules = {}

--- @lazy
-- The tasks among what is due, {id, queue, member, due}, and the keys of their records.
local function tasks_of(due)
  local found = {keys = {}}
  for i = 1, math.min(#due, 2 * DUE_SLICE), 2 do
    local id, queue_name = string.match(due[i], '^t:([^:]+):(.+)$')
    local due_ms = tonumber(due[i + 1])
    if due_ms > now then break end
    if id then
      found[#found + 1] = {id = id, queue = queue_name, member = due[i], due = due_ms}
      found.keys[#found] = prefix .. 't:' .. id
    end
  end
  return found
end

-- The due tasks that can be promoted within the budget, by their indexes, and the queues of these that nobody has read.
local function promotable(due_tasks, are_read)
  local is_chosen, unread, chosen, calls, wakes_owed = {}, {}, {}, calls_to_tell(), owes_wake() and 0 or 1
  for i, task in ipairs(due_tasks) do
    local name = task.queue
    if is_chosen[name] == nil then
      local is_read = queue_loaded[name]
      local wakes_here = (is_read and has_pending(name)) and 0 or wakes_owed
      -- A queue that is read adds to what the call may cost.
      local more = calls + wakes_here + (new_pending[name] and 0 or 1) - (is_read and 0 or 1)
      local reads = (is_read and #unread == 0) and 0 or 1
      is_chosen[name] = affords(more + (are_read and 0 or 1) + 1 + reads) -- MGET, ZREM, HMGET
      if is_chosen[name] then
        calls, wakes_owed = more, wakes_owed - wakes_here
        if not is_read then unread[#unread + 1] = name end
      end
    end
    if is_chosen[name] then chosen[#chosen + 1] = i end
  end
  return chosen, unread
end

-- Of the due tasks those `chosen`; `texts` are the records of all, or nil.
local function promote(due_tasks, texts, chosen, unread)
  if #unread > 0 then counts_load(unread) end
  local members, keys, found = {}, {}, {}
  for n, i in ipairs(chosen) do
    members[n], keys[n] = due_tasks[i].member, due_tasks.keys[i]
    found[n] = texts and texts[i]
  end
  call_variadic('ZREM', timers, members)
  if not texts then found = read_many(keys) end
  local promoted = {}
  for n, i in ipairs(chosen) do
    local text = value_of(keys[n]) or found[n]
    local r = text and record_parse(text)
    if r and (r.status == 'S' or r.status == 'Y') then
      promoted[#promoted + 1] = {id = due_tasks[i].id, r = r, rank = rank_of_ms(due_tasks[i].due) + n - 1}
      fair_note(r.queue, r.priority, r.options)
    end
  end
  fair_load()
  for _, one in ipairs(promoted) do
    local r = one.r
    count_add(fields_of(r.queue)[r.status], -1)
    record_put(one.id, record_text(r, 'P'))
    make_pending(one.id, r.queue, r.priority, fair_rank(r.queue, r.priority, r.options, one.rank))
    event_add(one.id, r.queue, 'P')
  end
  fair_flush()
end

-- Due schedules are handed to the caller, who knows cron; their timers go FIRE_MS ahead, so that another
-- caller comes when this one dies before it fires. {id, due ms, definition, ...}
local FIRE_MS, FIRE_SLICE = 10000, 10

local function hand_out(ids)
  local fields, moved = {}, {}
  for i = 1, math.min(#ids, FIRE_SLICE) do
    fields[#fields + 1] = ids[i] .. ':n'
    fields[#fields + 1] = ids[i]
    moved[#moved + 1] = int(now + FIRE_MS)
    moved[#moved + 1] = 's:' .. ids[i]
  end
  local stored = call('HMGET', prefix .. 'schedules', unpack(fields))
  call('ZADD', timers, unpack(moved))
  for i = 1, #fields, 2 do
    if stored[i] and stored[i + 1] then
      for _, value in ipairs({fields[i + 1], stored[i], stored[i + 1]}) do
        due_schedules[#due_schedules + 1] = value
      end
    else
      call('ZREM', timers, 's:' .. fields[i + 1]) -- it was removed
    end
  end
  return #ids > FIRE_SLICE
end

-- A bulk operation is handed out, too: its next slice is a script of its own. {j:<job>, number of the slice, ''}
local function hand_out_job(name)
  local slice = call('HGET', prefix .. 'job:' .. name, 'slice')
  if slice then
    call('ZADD', timers, int(now + FIRE_MS), 'j:' .. name)
    due_schedules[1], due_schedules[2], due_schedules[3] = 'j:' .. name, int(slice + 1), ''
  else
    call('ZREM', timers, 'j:' .. name)
  end
end

-- Calls that one of a kind costs, beside what it leaves to be written. What is not affordable
-- waits for the next call, which has less to do.
local DUE_CALLS = {s = 2, w = 4, d = 6, j = 2}

-- Takes back what a worker held whose lease expired, as much as fits; returns whether it held more.
local REAP_SLICE = 100

local function reap(name)
  local remembered = call('HMGET', queues, memory_field(name), handed_field(name), IDLE)
  local memory, handed_over = memory_of(remembered[1]) or memory_of(NO_MEMORY), remembered[2] or ''
  local ids, asked, keys, lost, unread = held_of(memory, handed_over), memory.told .. ' ' .. memory.asked, {}, {}, {}
  for i = 1, math.min(#ids, REAP_SLICE) do keys[i] = prefix .. 't:' .. ids[i] end
  for i, text in ipairs(#keys > 0 and read_many(keys) or {}) do
    local r, letter = nil, nil
    if text then r, letter = lost_as(ids[i], text, name, asked) end
    lost[i] = {r = r, letter = letter}
    if r and not queue_loaded[r.queue] then unread[#unread + 1] = r.queue end
  end
  if #unread > 0 then counts_load(unread) end
  local is_over, n_over = {}, 0
  for i, one in ipairs(lost) do
    if not one.r or affords(calls_for(one.r.queue, one.letter) + 1) then -- ZREM in the end
      is_over[ids[i]] = ''
      n_over = n_over + 1
      if one.r then take_back(ids[i], one.r, one.letter) end
    end
  end
  if is_idle_of(remembered[3], name) then field_put(IDLE, '') end
  local is_more = n_over < #ids
  if is_more then
    memory.held = held_without(memory.held, is_over)
    memory.number = '0'
  elseif call('ZREM', timers, 'w:' .. name) == 1 then
    count_add('*:w', -1)
  end
  -- Should it live after all, it is told that it lost its lease.
  field_put(memory_field(name), is_more and memory_text(memory) or '')
  if handed_over ~= '' then field_put(handed_field(name), is_more and held_without(handed_over, is_over) or '') end
  return is_more
end

-- Each does what it can of the names that are due, and returns whether some are left.
local DO_DUE = {
  s = hand_out,
  w = function(names) return reap(names[1]) or #names > 1 end,
  d = function(names) return trim(names[1]) or #names > 1 end,
  j = function(names) hand_out_job(names[1]) return #names > 1 end,
}

-- `due` are the first timers, with their scores; `texts` the records of the tasks among them, or nil. Returns whether more is
-- due, and whether that is as it did not fit.
local function do_due(due, own, texts)
  local due_tasks, is_more, next_head = due.tasks, false, nil
  local of_kind, refilled = {s = {}, w = {}, d = {}, j = {}}, {}
  for i = 1, #due, 2 do
    if due[i] ~= own and (tonumber(due[i + 1]) > now or i > 2 * DUE_SLICE) then
      next_head = tonumber(due[i + 1])
      is_more = next_head <= now
      break
    end
    local kind, name = string.match(due[i], '^(%a):([^:]+)')
    if kind == 'r' then
      refilled[#refilled + 1] = due[i]
      limit_refill(sub(due[i], 3))
    elseif kind ~= 't' and due[i] ~= own then
      table.insert(of_kind[kind], name)
    end
  end
  local is_refused, is_done = false, false
  if #due_tasks > 0 then
    local chosen, unread = promotable(due_tasks, texts)
    is_refused, is_done = #chosen < #due_tasks, #chosen > 0
    if is_done then promote(due_tasks, texts, chosen, unread) end
  end
  if #refilled > 0 then
    call_variadic('ZREM', timers, refilled)
    limit_calls = limit_calls + 1
  end
  -- One kind a call: it keeps the price of a call bounded, and the caller comes again at once.
  for _, kind in ipairs({'s', 'w', 'd', 'j'}) do
    local names = of_kind[kind]
    if names[1] and is_done then
      is_more = true
    elseif names[1] and not affords(DUE_CALLS[kind]) then
      is_refused = true
    elseif names[1] then
      is_done = true
      is_more = DO_DUE[kind](names) or is_more
    end
  end
  is_more = is_more or is_refused
  if is_more or #of_kind.d + #of_kind.s + #of_kind.j + #refilled > 0 then
    head_known, head_due = false, nil -- what was done in part is still due, a trimmed status has a new timer
  else
    head_due = next_head
    head_known = next_head ~= nil or #due < 2 * (DUE_SLICE + 2)
  end
  return is_more, is_refused
end

--- @eager
-- What is due, with the due times and the tasks among it, or nil; by the way the head is known.
local function what_is_due(own)
  -- By rank, not by score: one more than is done now, so that one read tells the next head, too.
  local due = call('ZRANGE', timers, '0', int(DUE_SLICE + 1), 'WITHSCORES')
  local first = due[1] == own and 3 or 1
  local first_due = due[first] and tonumber(due[first + 1])
  if first_due and first_due <= now then
    due.tasks = tasks_of(due)
    return due
  end
  head_due, head_known, all_know_head = first_due, true, due[first] ~= nil and sub(due[first], 1, 2) == 't:'
  return nil
end
