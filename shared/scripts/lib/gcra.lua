-- A rate by GCRA: kept is when the allowance is whole again (µs since 2026, as now_rank), at most the burst ahead
-- of the clock. What costs more than is left passes when one more would, and is paid off after it, so that a batch
-- is never refused for good.
local rate_left = -1

-- Takes `cost` from an allowance of "<interval µs> <burst>" that is whole at `stored` (nil: is whole). Returns when
-- it is whole then, or nil and the ms until one more passes.
local function rate_take(allowance, stored, cost)
  local words = string.gmatch(allowance, '%d+')
  local interval, burst = tonumber(words()), tonumber(words())
  local span = interval * burst
  local before = math.max(tonumber(stored) or 0, now_rank)
  if before + interval > now_rank + span then
    rate_left = 0
    return nil, math.ceil((before + interval - now_rank - span) / 1000)
  end
  local whole_at = before + cost * interval
  rate_left = math.max(0, math.floor((now_rank + span - whole_at) / interval))
  return whole_at
end
