-- Ended tasks wait in `done` until they expire; see bands.lua. A task with an idempotency
-- key is kept at least a day after its submission. The timer d:<letter> stands at the head of each.
--- @lazy submit
local TOTALS = {C = '*:C', D = '*:D', X = '*:X'}
local KEYED_MS = 86400000
local RETENTION_MS, RETENTION_DEAD_MS = string.match(retention_ms, '^(%d+) (%d+)$')
-- {score, member, ...}; by letter when the first of them is over, and what the timer is to be. Nil while there is none:
-- unique keys of tasks that ended, and what died.
local new_done, done_first, done_timer = {}, {}, {}
local released, new_groups

--- @lazy
-- Until when a task is kept that ended at `finished`, ms; and whether others that ended before it may be kept
-- longer: it names a time of its own, or they are kept for their keys.
local function kept_until(letter, finished, created, options)
  local own = option_of(options, 'k')
  local kept = finished + tonumber(own or letter == 'D' and RETENTION_DEAD_MS or RETENTION_MS)
  local may_be_first = own or kept < finished + KEYED_MS
  if option_of(options, 'i') then kept = math.max(kept, created + KEYED_MS) end
  return kept, may_be_first
end

local function done_put(score, member)
  local length = #new_done
  new_done[length + 1], new_done[length + 2] = score, member
end

-- Notes where an ended task is kept and until when, and who must hear of it.
local function ended(id, queue_name, letter, created, options)
  local kept, may_be_first = kept_until(letter, now, created, options)
  local unique = unique_key_of(queue_name, options)
  if unique then
    released = released or {}
    released[#released + 1] = unique
  end
  done_put(band_score(letter, kept), id)
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

--- @lazy submit
-- The same for plain tasks of a queue that completed.
local function ended_plain(members, queue_name)
  local kept = now + tonumber(RETENTION_MS)
  local score, length = band_score('C', kept), #new_done
  for i = 1, #members do new_done[length + 2 * i - 1], new_done[length + 2 * i] = score, members[i] end
  if not done_first.C or kept < done_first.C then done_first.C = kept end
  if kept < now + KEYED_MS or count_of(TOTALS.C) <= 0 then done_timer.C = math.min(done_timer.C or kept, kept) end
  count_add(fields_of(queue_name).C, #members)
  count_add(TOTALS.C, #members)
  events_add(members, queue_name, 'C')
end

--- @lazy
-- Dead tasks by the fingerprint of their error: `groups` holds <fingerprint>:<id>, all of score 0, so that
-- a group is a range and its size a count; `done` lists them by their last death.
local function group_add(id, group)
  new_groups = new_groups or {}
  new_groups[#new_groups + 1] = '0'
  new_groups[#new_groups + 1] = group .. ':' .. id
  done_put(band_score('groups', now), group_member(group))
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

--- @lazy submit
local function done_flush()
  if released then call_multi('DEL', released) end
  if #new_done > 0 then call_variadic('ZADD', prefix .. 'done', new_done) end
  for letter, due in pairs(done_timer) do timer_add('d:' .. letter, due, true) end
  if new_groups then call_variadic('ZADD', prefix .. 'groups', new_groups) end
  new_done, done_timer, released, new_groups = {}, {}, nil, nil
end
