--[[ probe: uses each feature that our scripts use, and says which ones answer otherwise than Redis does.
  A server that lacks one ends the script there; then each step is asked for alone.
  Precondition  the keys are the caller's own and hold nothing.
  @keys scratch  any  {<namespace>:<shard>}:doctor:<mark>:<n>  four
  @arg  only  int  0: all steps; -1: none, but the error below; else the number of the one to run
  @returns  {price, {name of a step that answers otherwise, ...}, {name of each step, ...}}
  @error  DTQ_NOT_FOUND  when asked for: shows whether error replies arrive as they are
  Cost    one or two calls a step.
  Replay  every step begins by writing; the last removes the keys.
]]
--- @include "lib/call"
local text, zset, hash, stream = scratch(1), scratch(2), scratch(3), scratch(4)
local BIG = 9007199254740991 -- 2^53 - 1, the largest score that is exact

if only < 0 then return redis.error_reply('DTQ_NOT_FOUND probe') end

local function same(list, ...)
  local wanted = {...}
  if type(list) ~= 'table' or #list ~= #wanted then return false end
  for i = 1, #wanted do
    if list[i] ~= wanted[i] then return false end
  end
  return true
end

local steps = {
  {'TIME', function()
    local clock = call('TIME')
    return tonumber(clock[1]) > 1767225600 and tonumber(clock[2]) < 1000000
  end},
  {'SET, GET, GETRANGE, EXISTS', function()
    call('SET', text, 'value')
    return call('GET', text) == 'value' and call('GETRANGE', text, '0', '1') == 'va'
      and call('EXISTS', text) == 1 and call('GET', hash .. ':none') == false
  end},
  {'SET NX, SET PX, SET NX GET PX, PEXPIRE, EXPIRE', function()
    call('SET', text, 'first')
    local denied = call('SET', text, 'second', 'NX')
    local set = call('SET', text, 'third', 'PX', '60000')
    local holder = call('SET', text, 'fourth', 'NX', 'GET', 'PX', '60000')
    return denied == false and set.ok == 'OK' and holder == 'third' and call('PEXPIRE', text, '60000') == 1
      and call('EXPIRE', text, '60') == 1
  end},
  {'MSET, MSETNX, MGET', function()
    call('MSET', text, 'one', stream, 'two')
    local denied = call('MSETNX', text, 'other', zset, 'new')
    local read = same(call('MGET', text, zset, stream), 'one', false, 'two')
    call('DEL', text, stream)
    return denied == 0 and read and call('MSETNX', text, 'other') == 1
  end},
  {'HSET, HGET, HMGET, HGETALL, HKEYS, HSCAN', function()
    call('HSET', hash, 'a', '1', 'b', '2')
    return call('HGET', hash, 'a') == '1' and same(call('HMGET', hash, 'b', 'none'), '2', false)
      and #call('HGETALL', hash) == 4 and #call('HKEYS', hash) == 2
      and #call('HSCAN', hash, '0', 'MATCH', '[ab]*', 'COUNT', '10')[2] == 4
  end},
  {'HDEL, HLEN, HEXISTS, HINCRBY', function()
    call('HSET', hash, 'a', '1', 'b', '2')
    return call('HINCRBY', hash, 'a', '-3') == -2 and call('HDEL', hash, 'a', 'b', 'none') == 2
      and call('HLEN', hash) == 0 and call('HEXISTS', hash, 'a') == 0
  end},
  {'ZADD with NX, XX, LT, CH', function()
    call('ZADD', zset, '5', 'm')
    return call('ZADD', zset, 'NX', '1', 'm') == 0 and call('ZADD', zset, 'XX', '1', 'none') == 0
      and call('ZADD', zset, 'LT', 'CH', '9', 'm') == 0 and call('ZADD', zset, 'LT', 'CH', '4', 'm') == 1
  end},
  {'scores up to 2^53', function()
    call('ZADD', zset, int(BIG), 'big', int(BIG - 1), 'less')
    local high, low = call('ZMSCORE', zset, 'big', 'none'), call('ZSCORE', zset, 'less')
    return tonumber(high[1]) == BIG and high[2] == false and tonumber(low) == BIG - 1
  end},
  {'ZRANGE by score, by name, in reverse', function()
    call('DEL', zset)
    call('ZADD', zset, '0', 'a', '0', 'b', '7', 'c')
    return same(call('ZRANGE', zset, '0', '+inf', 'BYSCORE', 'LIMIT', '1', '1', 'WITHSCORES'), 'b', '0')
      and same(call('ZRANGE', zset, '+inf', '(0', 'BYSCORE', 'REV', 'LIMIT', '0', '9'), 'c')
      and same(call('ZRANGE', zset, '(a', '+', 'BYLEX', 'LIMIT', '0', '1'), 'b')
      and same(call('ZRANGE', zset, '[a', '(b', 'BYLEX'), 'a') and same(call('ZRANGE', zset, '0', '0', 'REV'), 'c')
  end},
  {'ZCARD, ZCOUNT, ZLEXCOUNT, ZRANK', function()
    call('DEL', zset)
    call('ZADD', zset, '0', 'a', '0', 'b')
    return call('ZCOUNT', zset, '-inf', '0') == 2 and call('ZLEXCOUNT', zset, '[a', '(b') == 1
      and call('ZRANK', zset, 'b') == 1 and call('ZCARD', zset) == 2
  end},
  {'ZPOPMIN, ZREM, ZREMRANGEBYSCORE', function()
    call('DEL', zset)
    call('ZADD', zset, '1', 'a', '2', 'b', '3', 'c')
    return same(call('ZPOPMIN', zset, '1'), 'a', '1') and call('ZREM', zset, 'b', 'none') == 1
      and call('ZREMRANGEBYSCORE', zset, '-inf', '3') == 1
  end},
  {'XADD with MAXLEN, XRANGE, XREVRANGE, XDEL, XTRIM with MINID', function()
    call('DEL', stream)
    local id = call('XADD', stream, 'MAXLEN', '~', '128', '*', 'q', 'default')
    local newest = call('XREVRANGE', stream, '+', '-', 'COUNT', '1')
    local oldest = call('XRANGE', stream, '-', '+', 'COUNT', '1')
    return string.match(id, '^%d+%-%d+$') ~= nil and newest[1][1] == id and same(newest[1][2], 'q', 'default')
      and oldest[1][1] == id and #call('XRANGE', stream, '(' .. id, '+', 'COUNT', '1') == 0
      and call('XDEL', stream, id) == 1 and call('XTRIM', stream, 'MINID', '~', id) == 0
  end},
  {'XADD with an id, and rising ids after it', function()
    local ms, number = string.match(call('XADD', stream, '*', 'q', 'default'), '^(%d+)-(%d+)$')
    local ahead = ms .. '-' .. int(number + 5)
    local is_kept = call('XADD', stream, 'MAXLEN', '~', '128', ahead, 'q', 'default') == ahead
    local later_ms, later = string.match(call('XADD', stream, '*', 'q', 'default'), '^(%d+)-(%d+)$')
    local is_the_time = math.abs(tonumber(ms) / 1000 - tonumber(call('TIME')[1])) < 60
    return is_kept and is_the_time and (tonumber(later_ms) > tonumber(ms) or tonumber(later) == number + 6)
  end},
  {'cjson', function()
    local read = cjson.decode('{"a":{"b":[1,"x"]}}')
    return read.a.b[2] == 'x' and cjson.encode({n = 1}) == '{"n":1}'
  end},
  {'string and table functions', function()
    local words = {}
    for word in string.gmatch('b a c', '%S+') do words[#words + 1] = word end
    table.insert(words, 'd')
    table.sort(words)
    return table.concat(words, ' ') == 'a b c d' and int(BIG) == '9007199254740991'
      and string.match('name:12', '^(.*):(%d+)$') == 'name' and string.gsub('a.b', '%.', '-') == 'a-b'
      and string.gsub('a b', '%a', {a = ''}) == ' b'
      and string.find('a|b', '|', 1, true) == 2 and string.sub('abc', -2) == 'bc' and math.floor(2.7) == 2
      and string.byte('a') == 97 and string.rep('ab', 2) == 'abab'
      and math.max(1, 2) + math.min(1, 2) == 3 and math.ceil(2.1) == 3 and math.min(5, math.huge) == 5
  end},
  {'calls with 1,000 values', function()
    local values = {}
    for i = 1, 1000 do values[i] = 'member-' .. i end
    return call('ZREM', zset, unpack(values)) == 0
  end},
  {'DEL', function()
    call('SET', text, 'value')
    call('DEL', text, zset, hash, stream)
    return call('EXISTS', text) == 0
  end},
}

local others, all = {}, {}
for i, step in ipairs(steps) do
  all[i] = step[1]
  if (only == 0 or only == i) and not step[2]() then others[#others + 1] = step[1] end
end
return {price, others, all}
