-- What becomes of a task when its attempt ends. An outcome names worker and claim; one that does
-- not match the record is lost, changes nothing, and the worker is told.
local OUTCOME = {}
-- The statuses that an outcome of each kind leaves: seen again, it has been applied before.
local LEAVES = {c = 'C', f = 'YD', x = 'D', k = 'X', s = 'S', h = 'P'}

function OUTCOME.c(id, r, body)
  if #body > BODY_INLINE then
    value_put(prefix .. 'o:' .. id, body)
    body = '@'
  end
  finish(id, r, 'C', r.rest .. '\nr' .. body)
end

function OUTCOME.f(id, r, body, delay_ms)
  local rest = rest_with_attempt(r, 'failed', body)
  if r.attempt > r.max_retries then
    finish(id, r, 'D', rest)
    return
  end
  r.due = int(now + delay_ms)
  record_put(id, record_text(r, 'Y', rest))
  timer_add('t:' .. id .. ':' .. r.queue, now + delay_ms)
  count_add(r.queue .. ':Y', 1)
  event_add(id, r.queue, 'Y')
end

function OUTCOME.x(id, r, body)
  finish(id, r, 'D', rest_with_attempt(r, 'rejected', body))
end

function OUTCOME.k(id, r, body)
  finish(id, r, 'X', rest_with_attempt(r, 'cancelled', body))
end

function OUTCOME.s(id, r, _, delay_ms)
  r.attempt, r.free, r.due = r.attempt - 1, r.free + 1, int(now + delay_ms)
  record_put(id, record_text(r, 'S'))
  timer_add('t:' .. id .. ':' .. r.queue, now + delay_ms)
  count_add(r.queue .. ':S', 1)
  event_add(id, r.queue, 'S')
end

function OUTCOME.h(id, r)
  r.attempt, r.free = r.attempt - 1, r.free + 1
  record_put(id, record_text(r, 'P'))
  make_pending(id, r.queue, r.priority, rank_of_ms(tonumber(r.started)))
  event_add(id, r.queue, 'P')
end

-- An outcome that was asked to be cancelled meanwhile ends as cancelled, unless it completed.
local function kind_after_cancel(kind, id, asked)
  if kind ~= 'c' and kind ~= 'x' and contains(asked, id) then return 'k' end
  return kind
end

-- The ids that this worker was told to cancel and still runs: a crash must not forget them.
local function still_told(told, cancelled, removed)
  if told == '' and cancelled == '' then return '' end
  local ended, left = {}, {}
  for _, id in ipairs(removed) do ended[id] = true end
  for id in string.gmatch(told .. ' ' .. cancelled, '%S+') do
    if not ended[id] then
      ended[id] = true
      left[#left + 1] = id
    end
  end
  return table.concat(left, ' ')
end

-- Applies the outcomes of this call; fills `lost`; returns the ids removed from the run hash.
-- `asked` are the ids that were asked to be cancelled, told to the worker or not yet.
local function apply_outcomes(lost, asked, has_new_asked)
  local removed, keys = {}, {}
  for i = 1, record_count do
    keys[i] = record(i)
    removed[i] = string.sub(keys[i], #prefix + 3)
  end
  if has_new_asked then removed[#removed + 1] = 'x' end
  if #removed == 0 then return removed end
  local texts = #keys > 0 and read_many(keys) or {}
  call('HDEL', run, unpack(removed))
  for i = 1, record_count do
    local id = removed[i]
    local kind, claim_text, delay = string.match(item(queue_count + 2 * i - 1), '^(%a) (%d+) (%d+)$')
    local body = item(queue_count + 2 * i)
    local text = new_values[keys[i]] or texts[i] -- one id twice in a call: the first counts
    local r = text and record_parse(text)
    if not r or r.worker ~= worker or r.claim ~= claim_text then
      lost[#lost + 1] = id
    elseif r.status == 'R' then
      count_add(r.queue .. ':R', -1)
      OUTCOME[kind_after_cancel(kind, id, asked)](id, r, body, tonumber(delay))
    elseif not string.find(LEAVES[kind_after_cancel(kind, id, asked)], r.status, 1, true) then
      lost[#lost + 1] = id
    end
  end
  return removed
end
