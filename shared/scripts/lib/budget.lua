-- One exchange costs at most BUDGET calls (and one for each further queue), whatever it carries; limits and turns
-- that are in use come on top, and the end of an hour. Outcomes come first and always fit; what is due and new
-- claims are done when they fit, else the caller is told that there is more and comes again at once.
local BUDGET = 18

-- Calls that the flushes will make for what has been done so far.
local function owed()
  local calls = 4 + stats_owed() -- HSET run, MSET, HSET queues, XADD events
  if #new_done > 0 then calls = calls + 1 end
  if new_groups then calls = calls + 1 end
  if #new_timers > 0 or next(done_timer) then calls = calls + 1 end
  if is_lease_due then calls = calls + 1 end
  if want_cursor == 1 then calls = calls + 1 end
  if (earliest_new or want_cursor + maintain > 0) and not head_known then calls = calls + 1 end
  if has_limits then calls = calls + limits_owed() end
  return calls + #pending_order
end

local function affords(calls)
  return price + owed() + calls <= BUDGET + limit_calls + queue_count - 1
end
