-- A task that names a callback (option w=<url>) has its ending told by a task of type `webhook` in the same
-- queue. The very script that writes the ending makes it, so no ending is told twice or not at all; a task
-- without the option costs nothing. Its id is that of the task with other digits in front: a mark that
-- no id of a submission begins with (a ULID's first digit is 0..7) and the µs of the ending, as a requeued
-- task may end again.
local callbacks = 0

--- @lazy
local CALLBACK_MARKS = {C = 'w', D = 'x', X = 'y'}
local CALLBACK_NAMES = {C = 'completed', D = 'dead', X = 'cancelled'}
local CALLBACK_RETRIES = '8'
local CALLBACK_KEPT_MS = '86400000'
local BASE32 = '0123456789abcdefghjkmnpqrstvwxyz'

local function base32(number, length)
  local digits = {}
  for i = length, 1, -1 do
    local digit = number % 32
    digits[i] = string.sub(BASE32, digit + 1, digit + 1)
    number = (number - digit) / 32
  end
  return table.concat(digits)
end

-- Makes the webhook task of a task whose record, with its ending, was put before. Names and the URL hold
-- nothing that JSON would escape: submissions that say otherwise are refused.
local function call_back(id, letter, url)
  local r = record_parse(value_of(prefix .. 't:' .. id))
  local webhook = string.sub(id, 1, 1) .. CALLBACK_MARKS[letter] .. base32(now_rank, 10) .. string.sub(id, 13)
  local body = '{"url":"' .. url .. '","event":"task.' .. CALLBACK_NAMES[letter] .. '","at_ms":' .. int(now)
    .. ',"task":{"id":"' .. id .. '","task_type":"' .. r.type .. '","queue":"' .. r.queue
    .. '","attempt":' .. int(r.attempt) .. ',"created_ms":' .. int(r.created) .. '}}'
  record_put(webhook, 'P0 0 0\n' .. int(now) .. ' ' .. int(r.priority) .. ' ' .. r.queue .. ' webhook '
    .. CALLBACK_RETRIES .. ' k=' .. CALLBACK_KEPT_MS .. '\n' .. body)
  make_pending(webhook, r.queue, r.priority, now_rank + callbacks)
  callbacks = callbacks + 1
  event_add(webhook, r.queue, 'P')
end
