-- What happened in a minute, in one field that rides in the reads and writes of the counts, so it costs no call:
--   *:@   "<minute since 1970> <submitted> <started> <completed> <retried> <dead> <cancelled>|<waits>|<runs>|<queues>"
-- Waits and runs are histograms, "<bucket>:<n> …" of a few tasks a call: bucket i holds what took at most STATS_MS[i]
-- ms. Queues are "<name>:<submitted>:<ended>:<retried>:<dead>:<pending before>:<running before>:<pending>:<running> …",
-- the first 64 of the minute; the last four, how many there were before the minute's first call and after its last one,
-- are told by calls that have read the queue's counts anyway. When the minute is over,
-- whoever writes next moves it to stats:<hour> <minute>; when the hour is over, its sum without queues to
-- stats:day:<day> <hour>. Both expire.
local STATS_MS = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000, math.huge}
local STATS_KEPT_S = '93600' -- 26 hours
local STATS_DAYS_KEPT_S = '777600' -- 9 days
local SAMPLED = 10
local STATS_QUEUES = 64
local waits, runs = {}, {}

local function sample(list, ms)
  if #list < SAMPLED then list[#list + 1] = ms end
end

local function stats_wait(ms) sample(waits, ms) end
local function stats_run(ms) sample(runs, ms) end

local function add_buckets(buckets, text)
  for bucket, n in string.gmatch(text, '(%d+):(%d+)') do
    buckets[tonumber(bucket)] = (buckets[tonumber(bucket)] or 0) + tonumber(n)
  end
end

local function buckets_text(buckets)
  local parts = {}
  for bucket = 1, #STATS_MS do
    if buckets[bucket] then parts[#parts + 1] = int(bucket) .. ':' .. int(buckets[bucket]) end
  end
  return table.concat(parts, ' ')
end

local function merged(text, samples)
  local buckets = {}
  add_buckets(buckets, text)
  for _, ms in ipairs(samples) do
    local bucket = 1
    while ms > STATS_MS[bucket] do bucket = bucket + 1 end
    buckets[bucket] = (buckets[bucket] or 0) + 1
  end
  return buckets_text(buckets)
end

local function add_numbers(sums, text)
  local at = 0
  for n in string.gmatch(text, '%d+') do
    at = at + 1
    sums[at] = (sums[at] or 0) + tonumber(n)
  end
end

local function numbers_text(sums)
  local parts = {}
  for i, n in ipairs(sums) do parts[i] = int(n) end
  return table.concat(parts, ' ')
end

-- The minutes of an hour as one.
local function hour_text(key)
  local sums, waited, ran = {}, {}, {}
  local stored = call('HGETALL', key)
  for i = 2, #stored, 2 do
    local numbers, minute_waits, minute_runs = string.match(stored[i], '^([^|]*)|([^|]*)|([^|]*)')
    add_numbers(sums, numbers)
    add_buckets(waited, minute_waits)
    add_buckets(ran, minute_runs)
  end
  return numbers_text(sums) .. '|' .. buckets_text(waited) .. '|' .. buckets_text(ran)
end

-- Where the end of a task or of an attempt is counted, by the letter of its event.
local ENDS = {C = {2}, X = {2}, D = {2, 4}, Y = {3}}

-- How many of a queue are pending and running: before this call, without what no exchange had seen, and after it.
local function levels_of(name, unseen_before)
  local fields = fields_of(name)
  local before, after = 0, 0
  for priority = 1, 11 do
    local field = priority <= 10 and fields[priority] or fields.K
    before = before + (tonumber(counts[field] or 0) or 0) - (unseen_before[field] or 0)
    after = after + math.max(0, count_of(field))
  end
  local running = (tonumber(counts[fields.R] or 0) or 0) - (unseen_before[fields.R] or 0)
  return {math.max(0, before), math.max(0, running), after, math.max(0, count_of(fields.R))}
end

local function merged_queues(text, arrived, unseen_before)
  local names, sums, parts, touched = {}, {}, {}, {}
  local function of(name)
    if not sums[name] and #names < STATS_QUEUES then
      names[#names + 1], sums[name] = name, {0, 0, 0, 0}
    end
    return sums[name]
  end
  for name, numbers in string.gmatch(text, '([^ :]+):(%S+)') do
    local sum, at = of(name) or {}, 0
    for n in string.gmatch(numbers, '%d+') do
      at = at + 1
      sum[at] = tonumber(n)
    end
  end
  for name, n in pairs(arrived) do
    local sum = of(name)
    if sum then sum[1] = sum[1] + n end
    touched[name] = true
  end
  for field, n in pairs(event_counts) do
    local name, letter = string.match(field, '^(.*):(.)$')
    local sum = (ENDS[letter] or queue_loaded[name]) and of(name)
    for _, at in ipairs(sum and ENDS[letter] or {}) do sum[at] = sum[at] + n end
    touched[name] = true
  end
  for name in pairs(touched) do
    local sum = queue_loaded[name] and sums[name]
    if sum then
      local levels = levels_of(name, unseen_before)
      sum[5], sum[6], sum[7], sum[8] = sum[5] or levels[1], sum[6] or levels[2], levels[3], levels[4]
    end
  end
  for i, name in ipairs(names) do
    for at, n in ipairs(sums[name]) do sums[name][at] = int(n) end
    parts[i] = name .. ':' .. table.concat(sums[name], ':')
  end
  return table.concat(parts, ' ')
end

-- Calls that the end of a minute costs; three more at the end of an hour are not planned for.
local function stats_owed()
  local last = string.match(counts['*:@'] or '', '^%d+')
  return last and last ~= int(math.floor(now / 60000)) and 2 or 0
end

local function minute_close(last, text)
  local hour = math.floor(tonumber(last) / 60)
  local key = prefix .. 'stats:' .. int(hour)
  call('HSET', key, last, text)
  call('EXPIRE', key, STATS_KEPT_S)
  if hour ~= math.floor(now / 3600000) then
    local day = prefix .. 'stats:day:' .. int(math.floor(hour / 24))
    call('HSET', day, int(hour), hour_text(key))
    call('EXPIRE', day, STATS_DAYS_KEPT_S)
  end
end

-- To be called when all events are added and before the counts are written.
local function stats_flush()
  local minute, stored = int(math.floor(now / 60000)), counts['*:@'] or ''
  local unseen_before = {}
  for field, n in pairs(unseen) do unseen_before[field] = n end
  local arrived, arrived_by_queue = harvest()
  local sums = {arrived}
  for _, letter in ipairs({'R', 'C', 'Y', 'D', 'X'}) do sums[#sums + 1] = event_totals[letter] or 0 end
  if math.max(unpack(sums)) == 0 then return end
  local last = string.match(stored, '^%d+')
  if last and last ~= minute then
    minute_close(last, string.sub(stored, #last + 2))
    stored = ''
  end
  local numbers, waited, ran, by_queue = string.match(stored, '^([^|]*)|([^|]*)|([^|]*)|?(.*)$')
  add_numbers(sums, string.match(numbers or '', '^%d+ (.*)$') or '')
  field_put('*:@', table.concat({
    minute .. ' ' .. numbers_text(sums), merged(waited or '', waits), merged(ran or '', runs),
    merged_queues(by_queue or '', arrived_by_queue, unseen_before),
  }, '|'))
end
