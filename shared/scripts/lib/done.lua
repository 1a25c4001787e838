-- Ended tasks wait in done:<status> until they expire; score = when, ms. A task with an idempotency
-- key is kept at least a day after its submission. The timer d:<letter> stands at the head of each.
local DONE_KEYS = {C = 'done:completed', D = 'done:dead', X = 'done:cancelled'}
local KEYED_MS = 86400000
local new_done = {C = {}, D = {}, X = {}}
local done_first, done_timer = {}, {}

-- Moves a task to its end. `r` is parsed, `rest` its lines from 2 on, with result or attempts.
local function finish(id, r, letter, rest)
  -- Anchored: the last option is JSON of users, in which anything may stand.
  local own = string.match(r.options, '^ k=(%d+)') or string.match(r.options, '^ i=%S+ k=(%d+)')
  local kept = now + tonumber(own or retention_ms)
  if string.find(r.options, '^ i=') then kept = math.max(kept, r.created + KEYED_MS) end
  local list = new_done[letter]
  list[#list + 1] = int(kept)
  list[#list + 1] = id
  done_first[letter] = math.min(done_first[letter] or kept, kept)
  if own or count_of('*:' .. letter) <= 0 then
    done_timer[letter] = math.min(done_timer[letter] or kept, kept)
  end
  r.tail = string.match(r.tail, '^ %S+ %d+ %d+') or ' - 0 0'
  r.tail = r.tail .. ' ' .. int(now)
  record_put(id, record_text(r, letter, rest))
  count_add(r.queue .. ':' .. letter, 1)
  count_add('*:' .. letter, 1)
  event_add(id, r.queue, letter)
end

local function done_flush()
  for letter, key in pairs(DONE_KEYS) do
    if #new_done[letter] > 0 then
      call_variadic('ZADD', prefix .. key, new_done[letter])
      if done_timer[letter] then
        call('ZADD', timers, 'LT', int(done_timer[letter]), 'd:' .. letter)
        timers_note(done_timer[letter])
      end
    end
  end
end
