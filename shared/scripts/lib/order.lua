-- What comes new to a queue is first in, first out by the id of the event that tells of it: ids rise from script to script,
-- also within a millisecond.

-- No ms has so many: the id stands still, as the clock was ahead once and went back.
local STANDSTILL = 1000
local REACH_BACK = 100

-- The moment that the id of an event names: ms since 1970, a rank, and its number within the ms.
local function moment_of(entry)
  local ms, number = string.match(entry, '^(%d+)-(%d+)$')
  return tonumber(ms), rank_of_ms(tonumber(ms)) + tonumber(number), tonumber(number)
end

-- The rank of the first of `n` tasks of which an event tells, the others' follow. Those of the first event of a ms reach
-- back from it, as nothing reaches to the end of the ms before (a task takes more than a µs); else they reach ahead, and an
-- event of nothing moves the number past them.
local function first_rank(entry, n)
  local _, rank, number = moment_of(entry)
  if number > STANDSTILL then return now_rank end
  if number == 0 and n <= REACH_BACK then return rank - n + 1 end
  if n > 1 then event_put(string.match(entry, '^%d+') .. '-' .. int(number + n - 1), '', '') end
  return rank
end
