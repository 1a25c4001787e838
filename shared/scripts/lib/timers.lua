-- Everything that falls due is in one zset: t:<id>:<queue> (delayed, retrying), w:<worker> (lease or
-- presence), d:<status letter> (the oldest kept task of a status expires). Its head tells when the
-- next thing happens; whoever inserts something earlier than the head tells the sleepers.
local new_timers, lease_timer, earliest_new, earliest_quiet = {}, nil, nil, nil
-- Of a task's timer at the head all have been told. Of a lease its owner knows nothing, of a d: timer
-- nobody: behind those a new timer must be told of, or nobody would come for it.
local head_known, head_due, all_know_head = false, nil, false
-- No call more: rather one wake-up too many than a look whether it is needed.
local is_tight = false

-- A quiet timer wakes nobody: what it stands for may happen late.
local function timer_add(member, due_ms, is_quiet)
  new_timers[#new_timers + 1] = int(due_ms)
  new_timers[#new_timers + 1] = member
  if is_quiet then
    earliest_quiet = math.min(earliest_quiet or due_ms, due_ms)
  else
    earliest_new = math.min(earliest_new or due_ms, due_ms)
  end
end

-- Due time of the first timer that is not `own`; nil when there is none.
local function timers_head(own)
  if head_known then return head_due end
  head_known = true
  local first = call('ZRANGE', timers, '0', '1', 'WITHSCORES')
  for i = 1, #first, 2 do
    if first[i] ~= own then
      head_due = tonumber(first[i + 1])
      all_know_head = string.sub(first[i], 1, 2) == 't:'
      break
    end
  end
  return head_due
end

-- One write for all: tasks' timers are always new, and of a d: timer the earlier time counts, so LT
-- fits both. A lease may move either way.
local function timers_flush(own)
  if earliest_new then
    local head = (head_known or not is_tight) and timers_head(own)
    if not head or not all_know_head or earliest_new < head then wake_at(earliest_new) end
  end
  if #new_timers > 0 then
    for i = 1, #new_timers, CHUNK do
      call('ZADD', timers, 'LT', unpack(new_timers, i, math.min(i + CHUNK - 1, #new_timers)))
    end
    local earliest = math.min(earliest_new or earliest_quiet, earliest_quiet or earliest_new)
    if head_known and (not head_due or earliest < head_due) then head_due = earliest end
  end
  if lease_timer then call('ZADD', timers, int(lease_timer), own) end
end
