local TRIM_SLICE = 100
local KEEP, KEEP_DEAD = string.match(keep, '^(%d+) (%d+)$')

local function kept_at_most(letter)
  return tonumber(letter == 'D' and KEEP_DEAD or KEEP)
end

-- Whether more than are kept of a status stand there, by so many slices.
local function is_over_full(letter, slices)
  return count_of(TOTALS[letter]) > kept_at_most(letter) + slices * TRIM_SLICE
end

local function are_over_full(slices)
  return is_over_full('C', slices) or is_over_full('D', slices) or is_over_full('X', slices)
end

--- @lazy
-- Removes ended tasks that expired, and the oldest above what is kept; at most TRIM_SLICE a call.
-- Returns true when more is left to trim. One that is quick leaves the timer, which is early then and put right when it
-- is due.
local function trim(letter, is_quick)
  local key = prefix .. 'done'
  local low, high = band_bounds(letter)
  local first = call('ZRANGE', key, low, high, 'BYSCORE', 'LIMIT', '0', int(TRIM_SLICE + 1), 'WITHSCORES')
  local surplus = count_of(TOTALS[letter]) - kept_at_most(letter)
  local ids, keys = {}, {}
  local next_due
  for i = 1, #first, 2 do
    local due = band_ms(first[i + 1])
    if #ids == TRIM_SLICE or (due > now and #ids >= surplus) then
      next_due = due
      break
    end
    ids[#ids + 1] = first[i]
    keys[#keys + 1] = prefix .. 't:' .. first[i]
  end
  if #ids > 0 then
    local grouped = {}
    for i, text in ipairs(read_many(keys)) do
      if text then
        local r = record_parse(text)
        count_add(fields_of(r.queue)[letter], -1)
        local group = letter == 'D' and string.match(r.tail, '^ %S+ %d+ %d+ %d+ (%S+)')
        if group then
          grouped[#grouped + 1] = group .. ':' .. ids[i]
        end
        if string.find(text, '\n@', 1, true) then keys[#keys + 1] = prefix .. 'p:' .. ids[i] end
        if string.find(text, '\nr@', 1, true) then keys[#keys + 1] = prefix .. 'o:' .. ids[i] end
      end
    end
    count_add(TOTALS[letter], -#ids)
    call_variadic('ZREM', key, ids)
    call_multi('DEL', keys)
    if #grouped > 0 then call_variadic('ZREM', prefix .. 'groups', grouped) end
  end
  -- What ended in this very call is not in `done` yet and may be all that is left.
  if not next_due then done_timer[letter] = done_first[letter] end
  if is_quick then return end
  if next_due then
    call('ZADD', timers, int(next_due), 'd:' .. letter)
  else
    call('ZREM', timers, 'd:' .. letter)
  end
  return next_due ~= nil and (next_due <= now or surplus > #ids)
end
