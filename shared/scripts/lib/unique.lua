-- Keys by which a submission finds the task that stands for it already:
--   unique:<queue>:<key>    u=<mode>:<key>   the one live task; mode r reject, e answer it, p replace it
--   throttle:<queue>:<key>  h=<ms>:<key>     the one task of a window, which the key outlives
--   debounce:<queue>:<key>  b=<ms>:<most ms>:<key>  the task that waits for quiet, and takes the last payload
-- Those of unique and throttle are taken with one SET NX GET per task, before anything else is written, and
-- given back on refusal, and by tasks that turn out to be stored already. What replacing and debouncing change
-- is changed when nothing can be refused any more.
local answered, marks, are_keyed = {}, {}, false
for i = 1, record_count do marks[i] = '' end

--- @lazy
local DEBOUNCE_KEPT = 604800000 -- ms beyond its latest start: a repeated call must find what it did
local taken, debounced, debounce_first = {}, {}, {}
local replaced, replaced_by, is_taken = {}, {}, {}

-- Gives back what was taken, but for tasks that are stored now.
local function give_back_keys(is_new)
  local keys = {}
  for _, one in ipairs(taken) do
    if not (is_new and is_new[one.i]) then keys[#keys + 1] = one.key end
  end
  if #keys > 0 then call_multi('DEL', keys) end
end

local function take(i, key)
  taken[#taken + 1] = {i = i, key = key}
  is_taken[key] = true
end

-- Whether the task that has the key may be replaced: it does not run, and is none of this very call.
local function may_replace(i, holder, unique)
  if is_taken[unique] then return false end
  local text = call('GET', prefix .. 't:' .. holder)
  local r = text and record_parse(text)
  if r and r.status == 'R' then return false end
  replaced[#replaced + 1] = {i = i, id = holder, r = r, unique = unique}
  replaced_by[unique], is_taken[unique] = ids[i], true
  return true
end

-- Ends the tasks that have the keys of those that are stored now.
local function settle_replaced(is_new)
  for _, one in ipairs(replaced) do
    if is_new[one.i] then
      local r = one.r
      if r and (r.status == 'P' or r.status == 'S' or r.status == 'Y') then
        counts_load({'*', r.queue})
        take_out(one.id, r)
        finish(one.id, r, 'X', r.rest)
        place_flush()
        done_flush()
      end
      call('SET', one.unique, ids[one.i])
    end
  end
end

local function answer_with(i, holder, mark)
  answered[i], marks[i] = holder, mark
end

-- Whether a task is stored already: then the call is a repeat after a lost reply, and another's key is not asked.
local function is_repeat(i)
  return call('EXISTS', record(i)) == 1
end

-- The error of a task that may not be stored; whether it is stored is told by `answered`.
local function take_unique(i, unique, mode)
  local holder = replaced_by[unique] or call('SET', unique, ids[i], 'NX', 'GET')
  if not holder then
    take(i, unique)
  elseif holder == ids[i] or is_repeat(i) then
    return nil
  elseif mode == 'e' then
    answer_with(i, holder, 'e')
  elseif not (mode == 'p' and may_replace(i, holder, unique)) then
    return string.format('DTQ_UNIQUE_CONFLICT %.0f %s', i - 1, holder)
  end
end

local function take_window(i, queue_name, word)
  local window, key = string.match(word, '^(%d+):(.*)$')
  local throttle = prefix .. 'throttle:' .. queue_name .. ':' .. key
  local holder = call('SET', throttle, ids[i], 'NX', 'GET', 'PX', window)
  if not holder then
    take(i, throttle)
  elseif holder ~= ids[i] and not is_repeat(i) then
    answer_with(i, holder, 't')
  end
end

-- Of several in one call with the same key the last is stored.
local function find_debounced(i, queue_name, word)
  local quiet, most, key = string.match(word, '^(%d+):(%d+):(.*)$')
  local debounce = prefix .. 'debounce:' .. queue_name .. ':' .. key
  local found = debounce_first[debounce]
  if not found then
    local holder = call('GET', debounce)
    local text = holder and holder ~= ids[i] and call('GET', prefix .. 't:' .. holder)
    found = {key = debounce, holder = holder, r = text and record_parse(text), most = tonumber(most), stored = {}}
    debounce_first[debounce] = found
    debounced[#debounced + 1] = found
  end
  if found.holder and found.holder ~= ids[i] and is_repeat(i) then return end
  local merged = found.r and option_of(found.r.options, 'm')
  if found.r and (found.r.status == 'S' or found.r.status == 'P') then
    found.last, found.quiet = i, tonumber(quiet)
    answer_with(i, found.holder, 'd')
  elseif merged == ids[i] then
    answer_with(i, found.holder, 'd') -- by an earlier call, whose answer was lost
  else
    for _, earlier in ipairs(found.stored) do answer_with(earlier, ids[i], 'd') end
    found.stored[#found.stored + 1] = i
  end
end

local function take_all()
  local all = {}
  for i = 1, record_count do
    local queue_name, options = asked[i].queue, asked[i].options
    if options ~= '' then
      local unique, window, quiet = unique_key_of(queue_name, options), option_of(options, 'h'), option_of(options, 'b')
      local refusal = unique and take_unique(i, unique, string.sub(option_of(options, 'u'), 1, 1))
      if refusal then
        give_back_keys()
        return nil, refusal
      end
      if window then take_window(i, queue_name, window) end
      if quiet then find_debounced(i, queue_name, quiet) end
    end
  end
  for i = 1, record_count do
    if not answered[i] then all[#all + 1] = i end
  end
  return all
end

-- A waiting task takes the payload and waits on; a new one takes the key.
local function settle_debounced(is_new)
  for _, found in ipairs(debounced) do
    local stored = found.stored[#found.stored]
    if stored and is_new[stored] then call('SET', found.key, ids[stored], 'PX', int(found.most + DEBOUNCE_KEPT)) end
    local r, id = found.r, found.holder
    if found.last then
      local rest = rest_with_payload(r, id, item(3 * found.last))
      rest = string.gsub(rest, '^(\n%d+ %d+ %S+ %S+ %d+) m=%w+', '%1', 1)
      rest = string.gsub(rest, '^(\n%d+ %d+ %S+ %S+ %d+)', '%1 m=' .. ids[found.last], 1)
      if r.status == 'S' then
        take_out(id, r)
        place_flush()
        local due = math.max(now, math.min(now + found.quiet, r.created + found.most))
        r.due = int(due)
        timer_add('t:' .. id .. ':' .. r.queue, due, true)
        wake_at(due)
        count_add(fields_of(r.queue).S, 1)
      end
      record_put(id, record_text(r, r.status, rest))
      event_add(id, r.queue, r.status)
    end
  end
end

local function answer_taken(statuses)
  local keys, positions = {}, {}
  for i = 1, record_count do
    if answered[i] then
      ids[i] = answered[i]
      keys[#keys + 1] = prefix .. 't:' .. answered[i]
      positions[#positions + 1] = i
    end
  end
  if #keys == 0 then return end
  for n, text in ipairs(read_many(keys)) do
    statuses[positions[n]] = text and string.sub(text, 1, 1) or 'P'
  end
end

--- @eager
-- The indexes that are to be stored; or nil and the error of the first that may not.
local function take_keys()
  local all = {}
  for i = 1, record_count do
    all[i] = i
    are_keyed = are_keyed or asked[i].options ~= ''
  end
  if are_keyed then return take_all() end
  return all
end
