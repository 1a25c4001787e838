-- Calls that are owed for what has been done so far, so that a script which is bounded knows what more fits.

-- Whether a wake-up will be written, but for queues that got tasks.
local function owes_alarm()
  return wake_due or wake_worker or wake_queues[1] ~= nil
    or (earliest_new and not (head_known and all_know_head and head_due and head_due <= earliest_new))
end

-- Whether one will, as far as it is known. A queue that was not read may have been empty.
local function owes_wake()
  if owes_alarm() then return true end
  for name in pairs(queue_loaded) do
    if name ~= '*' and not has_pending(name) and counts_pending(name) then return true end
  end
  for _, name in ipairs(pending_order) do
    if not queue_loaded[name] then return true end
  end
  return false
end

--- @lazy
-- What a record that changes costs, and to tell of it, beside what is owed already.
local function calls_to_tell()
  return (flat_length > 0 and 0 or 1) + (#event_order > 0 and 0 or 1)
end

-- What one more task costs that comes to a status. Its queue has been read.
local function calls_for(queue_name, letter)
  local calls = calls_to_tell()
  if letter ~= 'P' then
    -- With its group, and perhaps the timer of the first that is kept.
    return calls + (#new_done > 0 and 0 or 1) + ((letter ~= 'D' or new_groups) and 0 or 1)
      + ((#new_timers > 0 or next(done_timer)) and 0 or 1)
  end
  if new_pending[queue_name] then return calls end
  return calls + ((has_pending(queue_name) or owes_wake()) and 1 or 2)
end
