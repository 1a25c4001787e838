-- Does what is due, bounded: promotes tasks, refills limits, reaps workers, trims ended tasks. Whoever calls,
-- exchange or tick, does it for everybody. Returns true when more is due than one call may do.
local DUE_SLICE = 100
local due_schedules = {}

--- @lazy
local function promote(due_tasks)
  local members, keys = {}, {}
  for i, task in ipairs(due_tasks) do
    members[i] = task.member
    keys[i] = prefix .. 't:' .. task.id
  end
  call_variadic('ZREM', timers, members)
  local promoted = {}
  for i, text in ipairs(read_many(keys)) do
    local r = text and record_parse(text)
    if r and (r.status == 'S' or r.status == 'Y') then
      promoted[#promoted + 1] = {id = due_tasks[i].id, r = r, rank = rank_of_ms(due_tasks[i].due) + i - 1}
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
  call('ZREM', timers, 's:') -- a removal first: memory may be full
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
  call('ZREM', timers, 'j:') -- a removal first: memory may be full
  local slice = call('HGET', prefix .. 'job:' .. name, 'slice')
  if slice then
    call('ZADD', timers, int(now + FIRE_MS), 'j:' .. name)
    due_schedules[1], due_schedules[2], due_schedules[3] = 'j:' .. name, int(slice + 1), ''
  else
    call('ZREM', timers, 'j:' .. name)
  end
end

-- `due` are the first timers, with their scores.
local function do_all(due, own)
  local due_tasks, is_more, next_head = {}, false, nil
  local lost_workers, expired, schedules, refilled, jobs_due = {}, {}, {}, {}, {}
  for i = 1, #due, 2 do
    if due[i] ~= own and (tonumber(due[i + 1]) > now or i > 2 * DUE_SLICE) then
      next_head = tonumber(due[i + 1])
      is_more = next_head <= now
      break
    end
    local kind, name = string.match(due[i], '^(%a):([^:]+)')
    if kind == 't' then
      due_tasks[#due_tasks + 1] = {id = name, member = due[i], due = tonumber(due[i + 1])}
    elseif kind == 'w' and due[i] ~= own then
      lost_workers[#lost_workers + 1] = name
    elseif kind == 'r' then
      refilled[#refilled + 1] = due[i]
      limit_refill(string.sub(due[i], 3))
    elseif kind == 's' then
      schedules[#schedules + 1] = name
    elseif kind == 'j' then
      jobs_due[#jobs_due + 1] = name
    elseif kind == 'd' then
      expired[#expired + 1] = name
    end
  end
  if #due_tasks > 0 then promote(due_tasks) end
  if #refilled > 0 then call_variadic('ZREM', timers, refilled) end
  -- One kind a call: it keeps the price of a call bounded, and the caller comes again at once.
  if #due_tasks > 0 then
    is_more = is_more or #lost_workers + #expired + #schedules + #jobs_due > 0
  elseif schedules[1] then
    is_more = hand_out(schedules) or is_more or #lost_workers + #expired + #jobs_due > 0
  elseif lost_workers[1] then
    is_more = reap(lost_workers[1]) or is_more or #lost_workers + #expired + #jobs_due > 1
  elseif expired[1] then
    is_more = trim(expired[1]) or is_more or #expired + #jobs_due > 1
  elseif jobs_due[1] then
    hand_out_job(jobs_due[1])
    is_more = is_more or #jobs_due > 1
  end
  if is_more or #expired + #schedules + #refilled + #jobs_due > 0 then
    head_known, head_due = false, nil -- what was done in part is still due, a trimmed status has a new timer
  else
    head_due = next_head
    head_known = next_head ~= nil or #due < 2 * (DUE_SLICE + 2)
  end
  return is_more
end

--- @eager
local function do_what_is_due(own)
  -- By rank, not by score: one more than is done now, so that one read tells the next head, too.
  local due = call('ZRANGE', timers, '0', int(DUE_SLICE + 1), 'WITHSCORES')
  local first = due[1] == own and 3 or 1
  local first_due = due[first] and tonumber(due[first + 1])
  if first_due and first_due <= now then return do_all(due, own) end
  head_due, head_known = first_due, true
  return false
end
