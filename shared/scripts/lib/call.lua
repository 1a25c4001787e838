-- Price: every Redis call inside a script is billed, so each goes through `call` and is counted.
-- The reply carries the sum; 1 is the EVALSHA itself.
local price = 1
local find, sub = string.find, string.sub
-- When memory is full Redis lets a script remove, and after that do all else. A script that must go on then names a hash
-- here: should its first write be refused, a field that is not there is removed from that first. Where nobody can tell
-- (Upstash's Lua is not Redis' own) it is removed in any case.
local guarded = nil
local GROWS = {HINCRBY = true, HSET = true, MSET = true, XADD = true, ZADD = true}
local REMOVES = {DEL = true, HDEL = true, ZPOPMIN = true, ZREM = true}

local function call_guarded(command, ...)
  local hash = guarded
  guarded = nil
  if GROWS[command] then
    if redis.pcall then
      local reply = redis.pcall(command, ...)
      if type(reply) ~= 'table' or not reply.err then return reply end
      price = price + 1
    end
    price = price + 1
    redis.call('HDEL', hash, '')
  elseif not REMOVES[command] then
    guarded = hash
  end
  return redis.call(command, ...)
end

local function call(command, ...)
  price = price + 1
  if guarded then return call_guarded(command, ...) end
  return redis.call(command, ...)
end

-- Numbers become text only here: Lua dialects print big numbers differently, Redis' own as 1e+15.
-- The same few numbers come up for each task of a call, so their text is kept.
local int_texts = {}
local function int(n)
  local text = int_texts[n]
  if not text then
    text = string.format('%.0f', n)
    int_texts[n] = text
  end
  return text
end

-- The reply of a script that refuses: its code, words, and the price as the last one.
local function refused(text)
  return redis.error_reply(text .. ' #' .. int(price))
end

-- Redis and Lua's C stack bound how many values one call may carry; 1,000 is portable.
local CHUNK = 1000
local function call_variadic(command, key, values)
  if #values <= CHUNK then
    return call(command, key, unpack(values))
  end
  local last
  for i = 1, #values, CHUNK do
    last = call(command, key, unpack(values, i, math.min(i + CHUNK - 1, #values)))
  end
  return last
end

local function call_multi(command, values)
  for i = 1, #values, CHUNK do
    call(command, unpack(values, i, math.min(i + CHUNK - 1, #values)))
  end
end

-- MGET for any number of keys; a missing one is false.
local function read_many(keys)
  if #keys <= CHUNK then
    return call('MGET', unpack(keys))
  end
  local all = {}
  for i = 1, #keys, CHUNK do
    local part = call('MGET', unpack(keys, i, math.min(i + CHUNK - 1, #keys)))
    for j = 1, #part do all[i + j - 1] = part[j] end
  end
  return all
end

-- One MGET for several lists of keys: a list of texts for each.
local function read_lists(...)
  local lists, keys, found = {...}, {}, {}
  for _, list in ipairs(lists) do
    for i = 1, #list do keys[#keys + 1] = list[i] end
  end
  local read, at = #keys > 0 and read_many(keys) or {}, 0
  for n, list in ipairs(lists) do
    found[n] = {unpack(read, at + 1, at + #list)}
    at = at + #list
  end
  return unpack(found)
end
