-- A rate by GCRA: one string per caller holds when its allowance is whole again (µs since 2026, as now_rank),
-- at most the burst ahead of the clock. It lives until then: an idle caller has none. What costs more than is
-- left passes when one more would, and is paid off after it, so that a batch is never refused for good.
local rate_left = -1

local function rate_put(key, whole_at, ...)
  return call('SET', key, int(whole_at), 'PX', int(math.ceil((whole_at - now_rank) / 1000)), ...)
end

-- Takes `cost` from an allowance of "<interval µs> <burst>". Returns nil, or the ms until one more passes.
local function rate_take(key, allowance, cost)
  local words = string.gmatch(allowance, '%d+')
  local interval, burst = tonumber(words()), tonumber(words())
  local span = interval * burst
  local whole_at = now_rank + cost * interval
  local stored = rate_put(key, whole_at, 'NX', 'GET')
  if stored then
    local before = math.max(tonumber(stored), now_rank)
    if before + interval > now_rank + span then
      rate_left = 0
      return math.ceil((before + interval - now_rank - span) / 1000)
    end
    whole_at = before + cost * interval
    rate_put(key, whole_at)
  end
  rate_left = math.max(0, math.floor((now_rank + span - whole_at) / interval))
  return nil
end
