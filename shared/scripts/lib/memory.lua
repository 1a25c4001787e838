-- What the exchanges of a worker remember, in a field beside the counts, read and written with them, so it costs no call:
--   *:+<worker>  <last number>|<lost>|<cancelled>|<told>|<to cancel>|<d when it was asked to drain>|<held>
-- Lists of ids are separated by blanks: those of the last answer that were lost and cancelled, those that the worker was
-- told to cancel and still runs, those that it is to be told. What it holds is "<claim>:<id> …", in order of claims; what
-- was handed to it and is not acknowledged stands in a field of its own (handoff.lua).
local function memory_field(name) return '*:+' .. name end

-- Nil where a worker has none: it never registered, or is gone.
local function memory_of(text)
  local number, lost, cancelled, told, asked, draining, held =
    string.match(text or '', '^(%d+)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(d?)|([^|]*)$')
  return number and {
    number = number, lost = lost, cancelled = cancelled, told = told, asked = asked, draining = draining, held = held,
  }
end

-- Of one that has not exchanged yet.
local NO_MEMORY = '0||||||'

local function memory_text(m)
  return table.concat({m.number, m.lost, m.cancelled, m.told, m.asked, m.draining, m.held}, '|')
end

-- The ids that a worker holds, and by id with which claim.
local function held_of(memory, handed_over)
  local ids, claims = {}, {}
  for claim_text, id in string.gmatch((memory and memory.held or '') .. ' ' .. (handed_over or ''), '(%d+):(%S+)') do
    ids[#ids + 1], claims[id] = id, claim_text
  end
  return ids, claims
end

-- What is held without those that are over, whose ids lead to ''. A few are looked for, which takes a tenth of the time
-- where a thousand are held.
local FEW = 8

-- Where the word begins, with the blank before it, that has its colon at `at`.
local function start_of_word(held, at)
  while at > 1 and string.byte(held, at) ~= 32 do at = at - 1 end
  return at
end

local function held_without(held, is_over)
  local n = 0
  for _ in pairs(is_over) do n = n + 1 end
  if n > FEW then return (string.gsub(held, ' *%d+:(%S+)', is_over)) end
  for id in pairs(is_over) do
    local at, to = string.find(held, ':' .. id, 1, true)
    local from = at and start_of_word(held, at)
    if from then held = string.sub(held, 1, from - 1) .. string.sub(held, to + 1) end
  end
  return held
end

-- The same of a list of ids, of which there are few, and some perhaps twice.
local function ids_without(list, is_over)
  local left, is_seen = {}, {}
  for id in string.gmatch(list, '%S+') do
    if not is_over[id] and not is_seen[id] then left[#left + 1] = id end
    is_seen[id] = true
  end
  return table.concat(left, ' ')
end
