-- What becomes of a task when its attempt ends. An outcome names worker and claim; one that does
-- not match the record is lost, changes nothing, and the worker is told.
local OUTCOME = {}
-- The statuses that an outcome of each kind leaves: seen again, it has been applied before.
local LEAVES = {c = 'C', f = 'YD', x = 'D', k = 'X', s = 'S', w = 'S', h = 'P'}

function OUTCOME.f(id, r, body, delay_ms, group)
  local rest = rest_with_attempt(r, 'failed', body)
  if r.attempt > r.max_retries then
    finish(id, r, 'D', rest, group)
    return
  end
  r.due = int(now + delay_ms)
  record_put(id, record_text(r, 'Y', rest))
  timer_add('t:' .. id .. ':' .. r.queue, now + delay_ms)
  count_add(fields_of(r.queue).Y, 1)
  event_add(id, r.queue, 'Y')
end

function OUTCOME.x(id, r, body, _, group)
  finish(id, r, 'D', rest_with_attempt(r, 'rejected', body), group)
end

function OUTCOME.k(id, r, body)
  finish(id, r, 'X', rest_with_attempt(r, 'cancelled', body))
end

function OUTCOME.s(id, r, _, delay_ms)
  r.attempt, r.free, r.due = r.attempt - 1, r.free + 1, int(now + delay_ms)
  record_put(id, record_text(r, 'S'))
  timer_add('t:' .. id .. ':' .. r.queue, now + delay_ms)
  count_add(fields_of(r.queue).S, 1)
  event_add(id, r.queue, 'S')
end

-- Rate limited by the other side: nobody starts a task of its key before.
function OUTCOME.w(id, r, _, delay_ms)
  limit_hold(r.queue, r.options, now + delay_ms)
  OUTCOME.s(id, r, nil, delay_ms)
end

function OUTCOME.h(id, r)
  r.attempt, r.free = r.attempt - 1, r.free + 1
  record_put(id, record_text(r, 'P'))
  make_pending(id, r.queue, r.priority, rank_of_ms(tonumber(r.started)))
  event_add(id, r.queue, 'P')
end

-- What a running attempt says: its progress (g, the newest counts) and log lines (l, separated by RS).
local LOG_LINES, LOG_BYTES = 50, 8192
local NOTE = {}

function NOTE.g(rest, body)
  return string.gsub(rest, '\ng[^\n]*', '', 1) .. '\ng' .. body
end

function NOTE.l(rest, body)
  rest = rest .. '\nl' .. string.gsub(body, '\30', '\nl')
  local _, lines = string.gsub(rest, '\nl', '')
  local bytes = 0
  for line in string.gmatch(rest, '\nl[^\n]*') do bytes = bytes + #line end
  while lines > LOG_LINES or (bytes > LOG_BYTES and lines > 1) do
    local oldest = string.match(rest, '\nl[^\n]*')
    local at = string.find(rest, oldest, 1, true)
    rest = string.sub(rest, 1, at - 1) .. string.sub(rest, at + #oldest)
    lines, bytes = lines - 1, bytes - #oldest
  end
  return rest
end

local function apply_note(id, text, kind, claim_text, body)
  local r = text and record_parse(text)
  if not r or r.worker ~= worker or r.claim ~= claim_text or r.status ~= 'R' then return false end
  record_put(id, record_text(r, 'R', NOTE[kind](r.rest, body)))
  return true
end

-- An outcome that was asked to be cancelled meanwhile ends as cancelled, unless it completed.
local function kind_after_cancel(kind, id, asked)
  if kind ~= 'c' and kind ~= 'x' and contains(asked, id) then return 'k' end
  return kind
end

-- The ids that this worker was told to cancel and still runs: a crash must not forget them.
local function still_told(told, cancelled, removed)
  if told == '' and cancelled == '' then return '' end
  local is_over, left = {}, {}
  for _, id in ipairs(removed) do is_over[id] = true end
  for id in string.gmatch(told .. ' ' .. cancelled, '%S+') do
    if not is_over[id] then
      is_over[id] = true
      left[#left + 1] = id
    end
  end
  return table.concat(left, ' ')
end

-- Whether this worker runs the task by that claim; by any claim without one.
local held_as = {[''] = ' ' .. worker .. ' '}
local function is_held_by(text, claim_text)
  local mark = held_as[claim_text]
  if not mark then
    mark = held_as[''] .. claim_text .. ' '
    held_as[claim_text] = mark
  end
  local at = string.byte(text) == 82 and string.find(text, mark, 1, true) -- R
  return at and at < string.find(text, '\n', 1, true)
end

-- The way of most tasks, without taking the record apart: line 1 gets its end, the result goes to the
-- end.
local function complete(id, key, text, body)
  local head_end = string.find(text, '\n', 1, true)
  local created, queue_name, options = string.match(text, '^(%d+) %d+ (%S+) %S+ %d+([^\n]*)', head_end + 1)
  if #body > BODY_INLINE then
    value_put(prefix .. 'o:' .. id, body)
    body = '@'
  end
  value_put(key, 'C' .. string.sub(text, 2, head_end - 1) .. ' ' .. int(now) .. string.sub(text, head_end) .. '\nr' .. body)
  count_add(fields_of(queue_name).R, -1)
  limit_release(queue_name, options)
  if done_length.C < 20 then stats_run(now - tonumber(string.match(text, '^%S+ %d+ %d+ %S+ %d+ (%d+)'))) end
  ended(id, queue_name, 'C', tonumber(created), options)
end

local function apply_outcome(id, text, kind, claim_text, delay_ms, group, body)
  local r = text and record_parse(text)
  if not r or r.worker ~= worker or r.claim ~= claim_text then return false end
  if r.status ~= 'R' then return string.find(LEAVES[kind], r.status, 1, true) end
  count_add(fields_of(r.queue).R, -1)
  limit_release(r.queue, r.options)
  OUTCOME[kind](id, r, body, delay_ms, group)
  return true
end

-- Applies the outcomes of this call; fills `lost`; returns the ids removed from the run hash.
-- `asked` are the ids that were asked to be cancelled, told to the worker or not yet.
local function apply_outcomes(lost, asked, has_new_asked)
  local removed, keys, ids = {}, {}, {}
  local id_start = #prefix + 3
  for i = 1, record_count do
    keys[i] = record(i)
    ids[i] = string.sub(keys[i], id_start)
  end
  local texts = #keys > 0 and read_many(keys) or {}
  local kinds, claim_texts, delays, fingerprints, are_held = {}, {}, {}, {}, {}
  for i = 1, record_count do
    kinds[i], claim_texts[i], delays[i], fingerprints[i] =
      string.match(item(queue_count + 2 * i - 1), '^(%a) (%d+) ?(%d*) ?(%S*)$')
    local text = texts[i]
    are_held[i] = text and is_held_by(text, claim_texts[i])
    -- What this worker runs by another claim than the one that is named it goes on holding.
    local is_held_anew = text and not are_held[i] and is_held_by(text, '')
    if not NOTE[kinds[i]] and not is_held_anew then removed[#removed + 1] = ids[i] end
  end
  if has_new_asked then removed[#removed + 1] = 'x' end
  if #removed > 0 then call_variadic('HDEL', run, removed) end
  for i = 1, record_count do
    local id, kind, claim_text, group = ids[i], kinds[i], claim_texts[i], fingerprints[i]
    local body, text, is_held = item(queue_count + 2 * i), texts[i], are_held[i]
    local changed = value_of(keys[i]) -- one id twice in a call: by its notes, or the first outcome counts
    if changed then text, is_held = changed, is_held_by(changed, claim_text) end
    if kind == 'c' and is_held then
      complete(id, keys[i], text, body)
    elseif NOTE[kind] then
      apply_note(id, text, kind, claim_text, body)
    else
      kind = kind_after_cancel(kind, id, asked)
      group = group ~= '' and group or nil
      if not apply_outcome(id, text, kind, claim_text, tonumber(delays[i]), group, body) then
        lost[#lost + 1] = id
      end
    end
  end
  return removed
end
