-- The server's time and the order of tasks. A rank is µs since 2026, so that (10 - priority) * 2^49 + rank stays exact in
-- a double until 2043.
local EPOCH_S = 1767225600
local PRIORITY_SPAN = 562949953421312 -- 2^49

-- ms since 1970, and the rank of this moment.
local function read_clock()
  local clock = call('TIME')
  local seconds, micros = tonumber(clock[1]), tonumber(clock[2])
  return seconds * 1000 + math.floor(micros / 1000), (seconds - EPOCH_S) * 1000000 + micros
end

local function rank_of_ms(ms)
  return math.max(0, (ms - EPOCH_S * 1000) * 1000)
end

local function score_of(priority, rank)
  return string.format('%.0f', (10 - priority) * PRIORITY_SPAN + rank)
end

local function priority_of(score)
  return 10 - math.floor(tonumber(score) / PRIORITY_SPAN)
end

local function rank_of(score)
  return tonumber(score) - (10 - priority_of(score)) * PRIORITY_SPAN
end
