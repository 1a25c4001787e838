-- What the exchanges of a worker remember, in a field beside the counts, read and written with them, so it costs no call:
--   *:+<worker>  <last number>|<lost>|<cancelled>|<told>|<to cancel>|<d when it was asked to drain>
-- Lists of ids are separated by blanks: those of the last answer that were lost and cancelled, those that the worker was
-- told to cancel and still runs, those that it is to be told.
local function memory_field(name) return '*:+' .. name end

-- Nil where a worker has none: it never registered, or is gone.
local function memory_of(text)
  local number, lost, cancelled, told, asked, draining =
    string.match(text or '', '^(%d+)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(d?)$')
  return number and {number = number, lost = lost, cancelled = cancelled, told = told, asked = asked, draining = draining}
end

-- Of one that has not exchanged yet.
local NO_MEMORY = '0|||||'

local function memory_text(m)
  return table.concat({m.number, m.lost, m.cancelled, m.told, m.asked, m.draining}, '|')
end
