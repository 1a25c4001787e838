-- Turns: of a priority, tasks with fair keys rank by start-time fair queuing (Goyal, Vin, Cheng 1996): a key's
-- next task starts FAIR_STEP of virtual time after its last, and never before what is at the head now. So
-- a customer with ten tasks does not stand behind another's ten thousand. Only the rank differs; a claim is
-- the same. `fair:<queue>:<priority>` holds the last start of each key, while something is pending.
local has_turns = false

--- @lazy
local FAIR_STEP = 1000 -- µs of rank
local FAIR_SWEPT = 1000
local fair_lines, fair_order = {}, {}

local function note_turn(queue_name, r_priority, key)
  has_turns = true
  local name = queue_name .. ':' .. int(r_priority)
  local line = fair_lines[name]
  if not line then
    line = {queue = queue_name, priority = r_priority, keys = {}, last = {}, seen = {}, changed = {}}
    fair_lines[name] = line
    fair_order[#fair_order + 1] = name
  end
  if not line.seen[key] then
    line.seen[key] = true
    line.keys[#line.keys + 1] = key
  end
end

local function load_turns()
  for _, name in ipairs(fair_order) do
    local line = fair_lines[name]
    if not line.is_loaded then
      line.is_loaded = true
      local head = call('ZRANGE', prefix .. 'pending:' .. line.queue, score_of(line.priority, 0), '+inf',
        'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')
      if head[2] and priority_of(head[2]) == line.priority then
        line.virtual = rank_of(head[2])
        for i = 1, #line.keys, CHUNK do
          local last = math.min(i + CHUNK - 1, #line.keys)
          for j, rank in ipairs(call('ZMSCORE', prefix .. 'fair:' .. name, unpack(line.keys, i, last))) do
            line.last[line.keys[i + j - 1]] = tonumber(rank or nil)
          end
        end
      end
    end
  end
end

local function turn_of(queue_name, r_priority, key, rank)
  local line = fair_lines[queue_name .. ':' .. int(r_priority)]
  local last = line.last[key]
  local turn = math.max(line.virtual or rank, last and last + FAIR_STEP or 0)
  line.last[key] = turn
  line.changed[key] = turn
  return turn
end

local function write_turns()
  for _, name in ipairs(fair_order) do
    local line, flat = fair_lines[name], {}
    local key = prefix .. 'fair:' .. name
    for fair_key, turn in pairs(line.changed) do
      flat[#flat + 1] = int(turn)
      flat[#flat + 1] = fair_key
    end
    if #flat > 0 then
      if not line.virtual then
        call('DEL', key) -- nobody waits: all turns begin anew
      elseif now % 16 == 0 then
        local past = call('ZRANGE', key, '-inf', int(line.virtual - 1), 'BYSCORE', 'LIMIT', '0', int(FAIR_SWEPT))
        if #past > 0 then call('ZREM', key, unpack(past)) end
      end
      call_variadic('ZADD', key, flat)
    end
  end
  fair_lines, fair_order = {}, {}
end

--- @lazy exchange, tick
-- Tells beforehand which key a task has, so that all of a line are read in one call.
local function fair_note(queue_name, priority, options)
  local key = options ~= '' and option_of(options, 'f')
  if key then note_turn(queue_name, priority, key) end
end

local function fair_load()
  if has_turns then load_turns() end
end

-- The rank of a task that would have `rank` without a fair key.
local function fair_rank(queue_name, priority, options, rank)
  local key = options ~= '' and option_of(options, 'f')
  return key and turn_of(queue_name, priority, key, rank) or rank
end

local function fair_flush()
  if has_turns then write_turns() end
end
