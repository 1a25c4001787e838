-- One exchange costs at most BUDGET calls, and one for each further queue that it serves or changes, whatever it carries;
-- limits and turns that are in use come on top. Outcomes come first and always fit; what is due and new claims are done
-- when they fit, else the caller is told that there is more and comes again at once; minutes are closed when there is room.
local BUDGET = 13
-- The lease is renewed when a third of it has passed, and set when an idle worker, whose presence lasts longer, gets
-- something to run.
local is_lease_due = lease_until > now + lease_ms or lease_until < now + lease_ms * 2 / 3
local holds_some = holding > 0

-- Calls that this exchange may cost; each queue of which it reads the counts is one more.
local function calls_at_most()
  local n_queues = -1
  for _ in pairs(queue_loaded) do n_queues = n_queues + 1 end -- and what is of all queues
  return BUDGET + limit_calls + n_queues - 1
end

-- Calls that the flushes will make for what has been done so far.
local function owed()
  local calls = 1 -- HSET queues
  if flat_length > 0 then calls = calls + 1 end
  if #event_order > 0 then calls = calls + 1 end
  if control_gone then calls = calls + 1 end
  if released then calls = calls + 1 end
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

-- What an exchange costs at most that applies outcomes of these kinds and does nothing else, but for unique keys and
-- webhooks, of which only the records tell.
local function calls_at_worst(has)
  local is_end, may_die, is_later = has.c or has.f or has.x or has.k, has.f or has.x, has.f or has.s or has.w
  local is_short = math.min(tonumber(RETENTION_MS), tonumber(RETENTION_DEAD_MS)) < KEYED_MS
  local calls = 7 -- itself, the clock, HMGET, MGET, MSET, HSET, XADD
  if is_end then calls = calls + 1 end -- done
  if may_die then calls = calls + 1 end -- groups
  if is_later or (is_end and is_short) then calls = calls + 1 end -- timers
  if has.h then calls = calls + 1 end -- pending
  if is_later or has.h or want_cursor == 1 then calls = calls + 1 end -- a wake-up
  return calls
end
