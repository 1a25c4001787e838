-- What happened in a minute, in one field that rides in the reads and writes of the counts, so it costs no call:
--   *:h   the hour of which minutes were moved and that is not summed up, or ""
--   *:@   "<minute since 1970> <submitted> <started> <completed> <retried> <dead> <cancelled>|<waits>|<runs>|<queues>"
-- Waits and runs are histograms, "<bucket>:<n> …" of a few tasks a call: bucket i holds what took at most STATS_MS[i]
-- ms. Queues are "<name>:<submitted>:<ended>:<retried>:<dead>:<pending before>:<running before>:<pending>:<running> …",
-- the first 64 of the minute; the last four, how many there were before the minute's first call and after its last one,
-- are told by calls that have read the queue's counts anyway. When the minute is over,
-- whoever writes next moves it to stats:<hour> <minute>; when the hour is over, whoever writes after that its sum without
-- queues to stats:day:<day> <hour>. Both expire.
local STATS_MS = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000, math.huge}
local SAMPLED = 10
local STATS_QUEUES = 64
local waits, runs = {}, {}
local minute, is_minute_over

local function stats_wait(ms)
  if #waits < SAMPLED then waits[#waits + 1] = ms end
end

local function stats_run(ms)
  if #runs < SAMPLED then runs[#runs + 1] = ms end
end

local function bucket_of(ms)
  local bucket = 1
  while ms > STATS_MS[bucket] do bucket = bucket + 1 end
  return bucket
end

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
    local bucket = bucket_of(ms)
    buckets[bucket] = (buckets[bucket] or 0) + 1
  end
  return buckets_text(buckets)
end

--- @lazy
local STATS_KEPT_S = '93600' -- 26 hours
local STATS_DAYS_KEPT_S = '777600' -- 9 days

-- The minutes of an hour as one.
local function hour_text(key)
  local sums, texts, waited, ran = {}, {}, {}, {}
  local stored = call('HGETALL', key)
  for i = 2, #stored, 2 do
    local numbers, minute_waits, minute_runs = string.match(stored[i], '^([^|]*)|([^|]*)|([^|]*)')
    local at = 0
    for n in string.gmatch(numbers, '%d+') do
      at = at + 1
      sums[at] = (sums[at] or 0) + tonumber(n)
    end
    add_buckets(waited, minute_waits)
    add_buckets(ran, minute_runs)
  end
  for i, n in ipairs(sums) do texts[i] = int(n) end
  return table.concat(texts, ' ') .. '|' .. buckets_text(waited) .. '|' .. buckets_text(ran)
end

-- Whether the hash of an hour may have no expiry: it is new, or has expired since the last minute was moved.
local function expires_anew(hour)
  return counts['*:h'] ~= hour or hour ~= math.floor(now / 3600000)
end

local function minute_close(stored)
  local last, text = string.match(stored, '^(%d+) (.*)$')
  local hour = math.floor(tonumber(last) / 60)
  local key = prefix .. 'stats:' .. int(hour)
  call('HSET', key, last, text)
  if expires_anew(hour) then
    call('EXPIRE', key, STATS_KEPT_S)
    field_put('*:h', int(hour))
  end
end

local function hour_close(hour)
  local day = prefix .. 'stats:day:' .. int(math.floor(hour / 24))
  call('HSET', day, int(hour), hour_text(prefix .. 'stats:' .. int(hour)))
  call('EXPIRE', day, STATS_DAYS_KEPT_S)
  field_put('*:h', '')
end

--- @eager
-- A number of a text, with some more. Most numbers stay, and so do their texts.
local function plus(text, n)
  return (not n or n == 0) and text or int(tonumber(text) + n)
end

-- A histogram with some more; most calls add one sample to a bucket that there is.
local function with_samples(text, samples)
  if #samples == 0 then return text end
  if #samples == 1 then
    local padded = ' ' .. text
    local _, to = find(padded, ' ' .. int(bucket_of(samples[1])) .. ':', 1, true)
    if to then
      local n = string.match(padded, '^%d+', to + 1)
      return sub(padded, 2, to) .. plus(n, 1) .. sub(padded, to + 1 + #n)
    end
  end
  return merged(text, samples)
end

-- How many of a queue were pending and running before this call, without what no exchange had seen, and are after it.
local function levels_of(name, unseen_before)
  local fields = fields_of(name)
  local before, after = 0, 0
  for i = 1, 11 do -- of each priority, and parked ones
    local field = fields[i]
    local n = counts[field] or 0
    before = before + n - (unseen_before[field] or 0)
    n = n + (deltas[field] or 0)
    if n > 0 then after = after + n end
  end
  local running = (counts[fields.R] or 0) - (unseen_before[fields.R] or 0)
  return math.max(0, before), math.max(0, running), after, math.max(0, count_of(fields.R))
end

-- The numbers of the queues with those of one: how many of it were submitted, ended, retried and died more.
local function with_queue(text, name, more, unseen_before)
  local padded = ' ' .. text
  local _, to = find(padded, ' ' .. name .. ':', 1, true)
  local stored = to and string.match(padded, '^%S+', to + 1) or '0:0:0:0'
  if not to and select(2, string.gsub(padded, ' .', '')) == STATS_QUEUES then return text end
  local submissions, ends, retries, deaths, levels = string.match(stored, '^(%d+):(%d+):(%d+):(%d+)(.*)$')
  if queue_loaded[name] then
    local pending_before, running_before, pending_now, running_now = levels_of(name, unseen_before)
    local before = string.match(levels, '^:%d+:%d+') or ':' .. int(pending_before) .. ':' .. int(running_before)
    levels = before .. ':' .. int(pending_now) .. ':' .. int(running_now)
  end
  local numbers = plus(submissions, more[1]) .. ':' .. plus(ends, more[2]) .. ':' .. plus(retries, more[3]) .. ':'
    .. plus(deaths, more[4]) .. levels
  if to then return sub(padded, 2, to) .. numbers .. sub(padded, to + 1 + #stored) end
  return (text ~= '' and text .. ' ' or '') .. name .. ':' .. numbers
end

local function with_queues(text, arrived, unseen_before)
  local more_of = {}
  for name, n in pairs(arrived) do more_of[name] = {n, 0, 0, 0} end
  for field, n in pairs(event_counts) do
    local name, letter = sub(field, 1, -3), sub(field, -1)
    local is_end = letter == 'C' or letter == 'X' or letter == 'D'
    if is_end or letter == 'Y' or queue_loaded[name] then
      local more = more_of[name] or {0, 0, 0, 0}
      more_of[name] = more
      if is_end then more[2] = more[2] + n end
      if letter == 'Y' then more[3] = more[3] + n end
      if letter == 'D' then more[4] = more[4] + n end
    end
  end
  for name, more in pairs(more_of) do text = with_queue(text, name, more, unseen_before) end
  return text
end

-- Whether the minute that is stored has passed.
local function has_passed()
  if is_minute_over == nil then
    minute = int(math.floor(now / 60000))
    local last = string.match(counts['*:@'] or '', '^%d+')
    is_minute_over = last ~= nil and last ~= minute
  end
  return is_minute_over
end

-- The hour that is over and whose minutes have not been summed up; nil when there is none.
local function hour_over()
  local hour, last = tonumber(counts['*:h'] or nil), string.match(counts['*:@'] or '', '^%d+')
  return hour and last and hour ~= math.floor(tonumber(last) / 60) and hour or nil
end

-- Calls that the end of a minute costs; the hour before must have been summed up.
local function stats_owed()
  if not has_passed() then return 0 end
  local hour = math.floor(tonumber(string.match(counts['*:@'], '^%d+')) / 60)
  return (hour_over() and 3 or 0) + (expires_anew(hour) and 2 or 1)
end

-- What has passed waits for a call that has room to close it: until then the minute goes on.
local is_kept_open = false
local function stats_keep_open()
  is_kept_open = true
  if has_passed() then minute, is_minute_over = string.match(counts['*:@'], '^%d+'), false end
end

-- To be called when all events are added and before the counts are written.
local function stats_flush()
  local arrived, arrived_by_queue, unseen_before = harvest()
  local of = event_totals
  if arrived == 0 and not (of.R or of.C or of.Y or of.D or of.X) then return end
  local stored = counts['*:@'] or ''
  if hour_over() and not is_kept_open then hour_close(hour_over()) end
  if has_passed() then
    minute_close(stored)
    stored = ''
  end
  local submissions, starts, completions, retries, deaths, cancellations, waited, ran, queues_text =
    string.match(stored, '^%d+ (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)|([^|]*)|([^|]*)|?(.*)$')
  if not submissions then
    submissions, starts, completions, retries, deaths, cancellations = '0', '0', '0', '0', '0', '0'
    waited, ran, queues_text = '', '', ''
  end
  field_put('*:@', minute .. ' ' .. plus(submissions, arrived) .. ' ' .. plus(starts, of.R) .. ' '
    .. plus(completions, of.C) .. ' ' .. plus(retries, of.Y) .. ' ' .. plus(deaths, of.D) .. ' '
    .. plus(cancellations, of.X) .. '|' .. with_samples(waited, waits) .. '|' .. with_samples(ran, runs) .. '|'
    .. with_queues(queues_text, arrived_by_queue, unseen_before))
end
