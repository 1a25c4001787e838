-- What happened in a minute, in one field that rides in the reads and writes of the counts, so it costs no call:
--   *:@   "<minute since 1970> <submitted> <started> <completed> <retried> <dead> <cancelled>|<waits>|<runs>"
-- Waits and runs are histograms, "<bucket>:<n> …" of a few tasks a call: bucket i holds what took at most STATS_MS[i]
-- ms. When the minute is over, whoever writes next moves it to stats:<hour> <minute>, which expires.
local STATS_MS = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000, math.huge}
local STATS_KEPT_S = '93600' -- 26 hours
local SAMPLED = 10
local waits, runs = {}, {}

local function sample(list, ms)
  if #list < SAMPLED then list[#list + 1] = ms end
end

local function stats_wait(ms) sample(waits, ms) end
local function stats_run(ms) sample(runs, ms) end

local function merged(text, samples)
  local buckets, parts = {}, {}
  for bucket, n in string.gmatch(text, '(%d+):(%d+)') do buckets[tonumber(bucket)] = tonumber(n) end
  for _, ms in ipairs(samples) do
    local bucket = 1
    while ms > STATS_MS[bucket] do bucket = bucket + 1 end
    buckets[bucket] = (buckets[bucket] or 0) + 1
  end
  for bucket = 1, #STATS_MS do
    if buckets[bucket] then parts[#parts + 1] = int(bucket) .. ':' .. int(buckets[bucket]) end
  end
  return table.concat(parts, ' ')
end

-- Calls that the end of a minute costs.
local function stats_owed()
  local last = string.match(counts['*:@'] or '', '^%d+')
  return last and last ~= int(math.floor(now / 60000)) and 2 or 0
end

-- To be called when all events are added and before the counts are written.
local function stats_flush()
  local minute, stored = int(math.floor(now / 60000)), counts['*:@'] or ''
  local arrived = harvest()
  local sums = {arrived}
  for _, letter in ipairs({'R', 'C', 'Y', 'D', 'X'}) do sums[#sums + 1] = event_totals[letter] or 0 end
  if math.max(unpack(sums)) == 0 then return end
  local last = string.match(stored, '^%d+')
  if last and last ~= minute then
    local hour = prefix .. 'stats:' .. int(math.floor(tonumber(last) / 60))
    call('HSET', hour, last, string.sub(stored, #last + 2))
    call('EXPIRE', hour, STATS_KEPT_S)
    stored = ''
  end
  local numbers, waited, ran = string.match(stored, '^([^|]*)|([^|]*)|([^|]*)$')
  local at = 0
  for n in string.gmatch(numbers or '', ' (%d+)') do
    at = at + 1
    sums[at] = sums[at] + tonumber(n)
  end
  for i = 1, #sums do sums[i] = int(sums[i]) end
  field_put('*:@', minute .. ' ' .. table.concat(sums, ' ') .. '|' .. merged(waited or '', waits) .. '|' .. merged(ran or '', runs))
end
