-- What ended is in one zset, `done`: whatever a call ends is one write. Each status has a band of scores in it, and within
-- the band a task stands by when it expires, ms. The lowest band has group:<fingerprint> by the last death in that group
-- of errors. Of tasks it is, from the highest score down, the order of lists: dead, cancelled, completed, newest first.
--- @lazy submit
local BAND_SPAN = 17592186044416 -- 2^44: ms until 2527; all scores are exact in a double
local BANDS = {groups = 0, C = 1, X = 2, D = 3}

local function band_score(band, ms)
  return int(BANDS[band] * BAND_SPAN + ms)
end

local function band_ms(score)
  return tonumber(score) % BAND_SPAN
end

-- The first score of a band and the one behind its last, as BYSCORE takes them; without a band those of all tasks.
local function band_bounds(band)
  local first, last = BANDS[band or 'C'], BANDS[band or 'D']
  return int(first * BAND_SPAN), '(' .. int((last + 1) * BAND_SPAN)
end

local function group_member(group)
  return 'group:' .. group
end

-- Nil of a task.
local function group_of_member(member)
  return string.match(member, '^group:(.+)$')
end
