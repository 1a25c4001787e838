-- One exchange costs at most BUDGET calls (and one for each further queue), whatever it carries; limits and turns
-- that are in use come on top. Outcomes come first and always fit; what is due and new claims are done when they
-- fit, else the caller is told that there is more and comes again at once; minutes are closed when there is room.
local BUDGET = 13
-- The lease is renewed when a third of it has passed, and set when an idle worker, whose presence lasts longer, gets
-- something to run.
local is_lease_due = lease_until > now + lease_ms or lease_until < now + lease_ms * 2 / 3
local holds_some = holding > 0

-- Calls that this exchange may cost.
local function calls_at_most()
  return BUDGET + limit_calls + queue_count - 1
end

-- Calls that the flushes will make for what has been done so far.
local function owed()
  local calls = 1 -- HSET queues
  if flat_length > 0 then calls = calls + 1 end
  if #event_order > 0 then calls = calls + 1 end
  if released or not has_removed then calls = calls + 1 end
  if #new_done > 0 then calls = calls + 1 end
  if new_groups then calls = calls + 1 end
  if #new_timers > 0 or next(done_timer) then calls = calls + 1 end
  if is_lease_due and holds_some then calls = calls + 1 end
  if want_cursor == 1 or owes_wake() then calls = calls + 1 end
  return calls + #pending_order
end

local function affords(calls)
  return price + owed() + calls <= calls_at_most()
end

-- What it costs to claim. What came to an empty queue in this very call need not be read, nor told of if all is claimed.
local function calls_to_claim(names)
  local are_known, waiting = true, 0
  for i = 2, #names do
    are_known = are_known and not has_pending(names[i])
    for priority = 1, 10 do waiting = waiting + count_of(fields_of(names[i])[priority]) end
  end
  local is_told = want_cursor == 1 or not are_known or waiting > free or owes_alarm() or not owes_wake()
  return queue_count + calls_to_tell() + (are_known and 0 or 1) - (has_removed and 0 or 1) - (is_told and 0 or 1)
    + (is_lease_due and not holds_some and 1 or 0)
end
