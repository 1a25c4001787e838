-- A task is one string, t:<id>:
--   line 1  <status letter><attempt> <free starts> <due ms> [<worker> <claim> <started ms> [<finished ms> [<last>]]]
--           <last> is the fingerprint of what killed a dead task, or who cancelled one before it ran
--   line 2  <created ms> <priority> <queue> <type> <max retries> [i=<fingerprint>] [k=<retention ms>]
--           [m=<id merged last>] [x=<expires ms>] [u=<mode>:<unique key>] [b=<ms>:<most ms>:<debounce key>] [h=<ms>:<throttle key>]
--           [c=<limit key>] [f=<fair key>] [w=<callback URL>] [o=<json>]
--   line 3  the payload as JSON, or @ when it is stored in p:<id>
--   then    tagged lines: a<attempt as JSON>, r<result as JSON> (r@ when it is stored in o:<id>),
--           g<progress as JSON>, l<one log line as JSON>
-- Status letters: S scheduled, P pending, R running, Y retrying, C completed, D dead, X cancelled.
-- Line 1 is rewritten by cutting; nothing here ever decodes what users wrote.
local BODY_INLINE = 16384
-- What the script will write, by key; the flat list is what MSET takes.
local value_at, flat_values, flat_length = {}, {}, 0

local function value_put(key, text)
  local at = value_at[key]
  if not at then
    at = flat_length + 1
    flat_length = at + 1
    value_at[key] = at
    flat_values[at] = key
  end
  flat_values[at + 1] = text
end

-- What this very script has made of a key; nil when it has not touched it.
local function value_of(key)
  local at = value_at[key]
  return at and flat_values[at + 1]
end

local function records_flush()
  if flat_length > 0 then call_multi('MSET', flat_values) end
end

-- How line 1 ends while a worker runs the task.
local function run_tail(worker_name, claim_text)
  return ' ' .. worker_name .. ' ' .. claim_text .. ' ' .. int(now)
end

--- @lazy
local ATTEMPT_BYTES = 16384

local function record_put(id, text)
  value_put(prefix .. 't:' .. id, text)
end

-- The parts that transitions need; `rest` begins with the line break after line 1.
local function record_parse(text)
  local status, attempt, free, due, tail, cut, created, priority, queue_name, task_type, max_retries, options =
    string.match(text, '^(%a)(%d+) (%d+) (%d+)([^\n]*)()\n(%d+) (%d+) (%S+) (%S+) (%d+)([^\n]*)')
  local worker_name, claim_number, started = string.match(tail, '^ (%S+) (%d+) (%d+)')
  return {
    status = status, attempt = tonumber(attempt), free = tonumber(free), due = due, tail = tail,
    worker = worker_name, claim = claim_number, started = started, created = tonumber(created),
    priority = tonumber(priority), queue = queue_name, type = task_type,
    max_retries = tonumber(max_retries), options = options, rest = sub(text, cut),
  }
end

--- @eager
-- Line 2 without when it was created is the same for many tasks: it is taken apart once a call. Returns its
-- parts and where it begins; plain is a task whose end concerns nobody: no key, limit, time or webhook of its own.
local lines_2 = {}
local function attributes_of(text, head_end)
  local from = find(text, ' ', head_end, true)
  local words = sub(text, from, find(text, '\n', from, true) - 1)
  local known = lines_2[words]
  if not known then
    local queue_name, task_type, options = string.match(words, '^ %d+ (%S+) (%S+) %d+([^\n]*)')
    known = {queue = queue_name, type = task_type, options = options, ids = {}}
    known.is_plain = options == '' or sub(options, 1, 3) == ' o='
    lines_2[words] = known
  end
  return known, from
end

--- @lazy
local function record_text(r, status, rest)
  return status .. int(r.attempt) .. ' ' .. int(r.free) .. ' ' .. r.due .. r.tail .. (rest or r.rest)
end

--- @eager
-- The value of an option word such as k=<ms>; nil when it is not there. The last word, o=, is JSON of
-- users, in which anything may stand: it is cut off first.
local function option_of(options, letter)
  if options == '' then return nil end
  local words = string.match(options, '^(.-) o=') or options
  return string.match(words, ' ' .. letter .. '=(%S+)')
end

--- @lazy
-- The key that holds the id of the one live task of a unique key, from the option u=<mode>:<key>.
local function unique_key_of(queue_name, options)
  local word = option_of(options, 'u')
  return word and prefix .. 'unique:' .. queue_name .. ':' .. sub(word, 3)
end

-- What stands in parked:<queue> for a task whose limit key is over its limit; the record alone tells it.
local function limit_member(key, priority_, created, id)
  return key .. ':' .. int(10 - priority_) .. ':' .. string.format('%015.0f', created) .. ':' .. id
end

-- The lines from 2 on with another payload; a large one goes to p:<id>, one that is none any more leaves it.
local function rest_with_payload(r, id, payload)
  local attributes, body, tagged = string.match(r.rest, '^\n([^\n]*)\n([^\n]*)(.*)$')
  if #payload > BODY_INLINE then
    value_put(prefix .. 'p:' .. id, payload)
    payload = '@'
  elseif body == '@' then
    call('DEL', prefix .. 'p:' .. id)
  end
  return '\n' .. attributes .. '\n' .. payload .. tagged
end

-- Adds an attempt's line; the oldest go when all of them together would pass ATTEMPT_BYTES.
local function rest_with_attempt(r, outcome, error_json)
  local line = '\na{"attempt":' .. int(r.attempt) .. ',"worker":"' .. r.worker .. '","started_at":' .. r.started
    .. ',"ended_at":' .. int(now) .. ',"outcome":"' .. outcome .. '","error":' .. (error_json ~= '' and error_json or 'null') .. '}'
  local rest = r.rest
  local oldest = find(rest, '\na', 1, true)
  while oldest and #rest - oldest + #line > ATTEMPT_BYTES do
    local following = find(rest, '\n', oldest + 1, true)
    rest = sub(rest, 1, oldest - 1) .. (following and sub(rest, following) or '')
    oldest = find(rest, '\na', oldest, true)
  end
  return rest .. line
end
