-- What becomes of a task when its attempt ends. An outcome names worker and claim; one that does
-- not match the record is lost, changes nothing, and the worker is told.
local NOT_HERE = {}

--- @lazy
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
    local at = find(rest, oldest, 1, true)
    rest = sub(rest, 1, at - 1) .. sub(rest, at + #oldest)
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

--- @eager
-- Line 1 of all that one exchange claimed is the same as a rule: it is taken apart once a call. `claim` is by which
-- this worker runs it, `completed` what the line becomes. Returns where it ends, too.
local heads = {}
local function head_of(text)
  local head_end = find(text, '\n', 1, true)
  local head = sub(text, 1, head_end - 1)
  local known = heads[head]
  if not known then
    local claim_text, started = string.match(head, '^R%d+ %d+ %d+ %S+ (%d+) (%d+)')
    local is_ours = claim_text and find(head, ' ' .. worker .. ' ', 1, true)
    known = {claim = is_ours and claim_text, started = tonumber(started), completed = 'C' .. sub(head, 2) .. ' ' .. int(now)}
    heads[head] = known
  end
  return known, head_end
end

-- The way of most tasks, without taking the record apart: line 1 gets its end, the result goes to the
-- end. Adds a plain task to `plain`, whose ends are noted together.
local function complete(id, key, text, head, head_end, body, plain)
  local line, line_from = attributes_of(text, head_end)
  if #body > BODY_INLINE then
    value_put(prefix .. 'o:' .. id, body)
    body = '@'
  end
  value_put(key, head.completed .. sub(text, head_end) .. '\nr' .. body)
  stats_run(now - head.started)
  if line.is_plain then
    if #line.ids == 0 then plain[#plain + 1] = line end
    line.ids[#line.ids + 1] = id
  else
    count_add(fields_of(line.queue).R, -1)
    limit_release(line.queue, line.options)
    ended(id, line.queue, 'C', tonumber(sub(text, head_end + 1, line_from - 1)), line.options)
  end
end

--- @lazy
local function apply_outcome(id, text, kind, claim_text, delay_ms, group, body)
  local r = text and record_parse(text)
  if not r or r.worker ~= worker or r.claim ~= claim_text then return false end
  if r.status ~= 'R' then return find(LEAVES[kind], r.status, 1, true) end
  count_add(fields_of(r.queue).R, -1)
  limit_release(r.queue, r.options)
  OUTCOME[kind](id, r, body, delay_ms, group)
  return true
end

--- @eager
-- What is said of an attempt: "<kind> <claim> <delay ms> <group>"; most of a call say the same.
local said = {}
local function said_by(words)
  local known = said[words]
  if not known then
    local kind, claim_text, delay, group = string.match(words, '^(%a) (%d+) ?(%d*) ?(%S*)$')
    known = {kind = kind, claim = claim_text, delay_ms = tonumber(delay), group = group ~= '' and group or nil}
    known.is_note = kind == 'g' or kind == 'l'
    said[words] = known
  end
  return known
end

-- Applies the outcomes of this call, whose records stand in `texts`; fills `lost`; returns by id which the worker holds
-- no more. `asked` are the ids that were asked to be cancelled, told to the worker or not yet.
local function apply_outcomes(keys, texts, lost, asked)
  local is_over, ids, outcomes, found, head_ends, plain = {}, {}, {}, {}, {}, {}
  local id_start = #prefix + 3
  for i = 1, record_count do
    local outcome, head = said_by(item(queue_count + 2 * i - 1)), NOT_HERE
    if texts[i] then head, head_ends[i] = head_of(texts[i]) end
    ids[i], outcomes[i], found[i] = sub(keys[i], id_start), outcome, head
    -- What this worker runs by another claim than the one that is named it goes on holding.
    if not outcome.is_note and (head.claim or outcome.claim) == outcome.claim then is_over[ids[i]] = '' end
  end
  for i = 1, record_count do
    local id, key, outcome, text, head, head_end = ids[i], keys[i], outcomes[i], texts[i], found[i], head_ends[i]
    local body = item(queue_count + 2 * i)
    if value_at[key] then -- one id twice in a call: by its notes, or the first outcome counts
      text = value_of(key)
      head, head_end = head_of(text)
    end
    if outcome.kind == 'c' and head.claim == outcome.claim then
      complete(id, key, text, head, head_end, body, plain)
    elseif outcome.is_note then
      apply_note(id, text, outcome.kind, outcome.claim, body)
    else
      local kind = kind_after_cancel(outcome.kind, id, asked)
      if not apply_outcome(id, text, kind, outcome.claim, outcome.delay_ms, outcome.group, body) then
        lost[#lost + 1] = id
      end
    end
  end
  for _, line in ipairs(plain) do
    count_add(fields_of(line.queue).R, -#line.ids)
    ended_plain(line.ids, line.queue)
  end
  return is_over
end
