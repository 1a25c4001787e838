-- Ended tasks wait in done:<status> until they expire; score = when, ms. A task with an idempotency
-- key is kept at least a day after its submission. The timer d:<letter> stands at the head of each.
local DONE_KEYS = {C = 'done:completed', D = 'done:dead', X = 'done:cancelled'}
local TOTALS = {C = '*:C', D = '*:D', X = '*:X'}
local KEYED_MS = 86400000
local RETENTION_MS, RETENTION_DEAD_MS = string.match(retention_ms, '^(%d+) (%d+)$')
local new_done, done_length = {C = {}, D = {}, X = {}}, {C = 0, D = 0, X = 0}
local done_first, done_timer = {}, {}
local released = {} -- unique keys of tasks that ended

-- Until when a task is kept that ended at `finished`, ms; and whether others that ended before it may be kept
-- longer: it names a time of its own, or they are kept for their keys.
local function kept_until(letter, finished, created, options)
  local own = option_of(options, 'k')
  local kept = finished + tonumber(own or letter == 'D' and RETENTION_DEAD_MS or RETENTION_MS)
  local may_be_first = own or kept < finished + KEYED_MS
  if option_of(options, 'i') then kept = math.max(kept, created + KEYED_MS) end
  return kept, may_be_first
end

-- Notes where an ended task is kept and until when, and who must hear of it.
local function ended(id, queue_name, letter, created, options)
  local kept, may_be_first = kept_until(letter, now, created, options)
  local unique = unique_key_of(queue_name, options)
  if unique then released[#released + 1] = unique end
  local list, length = new_done[letter], done_length[letter]
  list[length + 1], list[length + 2] = int(kept), id
  done_length[letter] = length + 2
  if not done_first[letter] or kept < done_first[letter] then done_first[letter] = kept end
  if may_be_first or count_of(TOTALS[letter]) <= 0 then
    done_timer[letter] = math.min(done_timer[letter] or kept, kept)
  end
  count_add(fields_of(queue_name)[letter], 1)
  count_add(TOTALS[letter], 1)
  event_add(id, queue_name, letter)
  local url = option_of(options, 'w')
  if url then call_back(id, letter, url) end
end

-- The same for plain tasks of a queue that completed.
local function ended_plain(ids, queue_name)
  local kept = now + tonumber(RETENTION_MS)
  local list, length, text = new_done.C, done_length.C, int(kept)
  for i, id in ipairs(ids) do list[length + 2 * i - 1], list[length + 2 * i] = text, id end
  done_length.C = length + 2 * #ids
  if not done_first.C or kept < done_first.C then done_first.C = kept end
  if kept < now + KEYED_MS or count_of(TOTALS.C) <= 0 then done_timer.C = math.min(done_timer.C or kept, kept) end
  count_add(fields_of(queue_name).C, #ids)
  count_add(TOTALS.C, #ids)
  events_add(ids, queue_name, 'C')
end

-- Dead tasks by the fingerprint of their error: `groups` holds <fingerprint>:<id>, all of score 0, so that
-- a group is a range and its size a count; `errors` lists fingerprints by their last death.
local new_groups, new_errors = {}, {}
local function group_add(id, group)
  new_groups[#new_groups + 1] = '0'
  new_groups[#new_groups + 1] = group .. ':' .. id
  new_errors[#new_errors + 1] = int(now)
  new_errors[#new_errors + 1] = group
end

-- Moves a task to its end. `r` is parsed, `rest` its lines from 2 on, with result or attempts;
-- `group` is the fingerprint of what killed it, `who` the name of who cancelled it; both may be nil.
local function finish(id, r, letter, rest, group, who)
  r.tail = (string.match(r.tail, '^ %S+ %d+ %d+') or ' - 0 0') .. ' ' .. int(now)
  if group then
    r.tail = r.tail .. ' ' .. group
    group_add(id, group)
  elseif who then
    r.tail = r.tail .. ' ' .. who
  end
  record_put(id, record_text(r, letter, rest))
  ended(id, r.queue, letter, r.created, r.options)
end

local function done_flush()
  if #released > 0 then call_multi('DEL', released) end
  for letter, key in pairs(DONE_KEYS) do
    if done_length[letter] > 0 then call_variadic('ZADD', prefix .. key, new_done[letter]) end
    if done_timer[letter] then timer_add('d:' .. letter, done_timer[letter], true) end
    new_done[letter], done_length[letter], done_timer[letter] = {}, 0, nil
  end
  if #new_groups > 0 then
    call_variadic('ZADD', prefix .. 'groups', new_groups)
    call_variadic('ZADD', prefix .. 'errors', new_errors)
  end
  released, new_groups, new_errors = {}, {}, {}
end
