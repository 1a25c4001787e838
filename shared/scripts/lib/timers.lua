-- Everything that falls due is in one zset: t:<id>:<queue> (delayed, retrying), w:<worker> (lease or
-- presence), d:<status letter> (the oldest kept task of a status expires). Its head tells when the
-- next thing happens; whoever inserts something earlier than the head tells the sleepers.
local new_timers, earliest_new = {}, nil
local head_known, head_due = false, nil

local function timer_add(member, due_ms, is_lease)
  new_timers[#new_timers + 1] = int(due_ms)
  new_timers[#new_timers + 1] = member
  if not is_lease and (not earliest_new or due_ms < earliest_new) then earliest_new = due_ms end
end

-- Due time of the first timer that is not `own`; nil when there is none.
local function timers_head(own)
  if head_known then return head_due end
  head_known = true
  local first = call('ZRANGE', timers, '0', '1', 'WITHSCORES')
  for i = 1, #first, 2 do
    if first[i] ~= own then
      head_due = tonumber(first[i + 1])
      break
    end
  end
  return head_due
end

-- A timer was written that the head known here may not show yet.
local function timers_note(due_ms)
  if head_known and (not head_due or due_ms < head_due) then head_due = due_ms end
end

local function timers_flush(own)
  if #new_timers == 0 then return end
  if earliest_new then
    local head = timers_head(own)
    if not head or earliest_new < head then
      wake_at(earliest_new)
      timers_note(earliest_new)
    end
  end
  call_variadic('ZADD', timers, new_timers)
end
