-- A task is one string, t:<id>:
--   line 1  <status letter><attempt> <free starts> <due ms> [<worker> <claim> <started ms> [<finished ms>]]
--   line 2  <created ms> <priority> <queue> <type> <max retries> [i=<fingerprint>] [k=<retention ms>] [o=<json>]
--   line 3  the payload as JSON, or @ when it is stored in p:<id>
--   then    tagged lines: a<attempt as JSON>, r<result as JSON> (r@ when it is stored in o:<id>)
-- Status letters: S scheduled, P pending, R running, Y retrying, C completed, D dead, X cancelled.
-- Line 1 is rewritten by cutting; nothing here ever decodes what users wrote.
local BODY_INLINE = 16384
local ATTEMPT_BYTES = 16384
local new_values, value_order = {}, {}

local function value_put(key, text)
  if not new_values[key] then value_order[#value_order + 1] = key end
  new_values[key] = text
end

local function record_put(id, text)
  value_put(prefix .. 't:' .. id, text)
end

local function records_flush()
  local flat = {}
  for _, key in ipairs(value_order) do
    flat[#flat + 1] = key
    flat[#flat + 1] = new_values[key]
  end
  if #flat > 0 then call_multi('MSET', flat) end
end

-- The parts that transitions need; `rest` begins with the line break after line 1.
local function record_parse(text)
  local status, attempt, free, due, tail, cut, created, priority, queue_name, task_type, max_retries, options =
    string.match(text, '^(%a)(%d+) (%d+) (%d+)([^\n]*)()\n(%d+) (%d+) (%S+) (%S+) (%d+)([^\n]*)')
  local worker_name, claim, started = string.match(tail, '^ (%S+) (%d+) (%d+)')
  return {
    status = status, attempt = tonumber(attempt), free = tonumber(free), due = due, tail = tail,
    worker = worker_name, claim = claim, started = started, created = tonumber(created),
    priority = tonumber(priority), queue = queue_name, type = task_type,
    max_retries = tonumber(max_retries), options = options, rest = string.sub(text, cut),
  }
end

local function record_text(r, status, rest)
  return string.format('%s%.0f %.0f %s%s', status, r.attempt, r.free, r.due, r.tail) .. (rest or r.rest)
end

-- Adds an attempt's line; the oldest go when all of them together would pass ATTEMPT_BYTES.
local function rest_with_attempt(r, outcome, error_json)
  local line = '\na{"attempt":' .. int(r.attempt) .. ',"worker":"' .. r.worker .. '","started_at":' .. r.started
    .. ',"ended_at":' .. int(now) .. ',"outcome":"' .. outcome .. '","error":' .. (error_json ~= '' and error_json or 'null') .. '}'
  local rest = r.rest
  local oldest = string.find(rest, '\na', 1, true)
  while oldest and #rest - oldest + #line > ATTEMPT_BYTES do
    local following = string.find(rest, '\n', oldest + 1, true)
    rest = string.sub(rest, 1, oldest - 1) .. (following and string.sub(rest, following) or '')
    oldest = string.find(rest, '\na', oldest, true)
  end
  return rest .. line
end
