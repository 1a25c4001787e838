-- The lease is renewed when a third of it has passed, and set when an idle worker, whose presence lasts
-- longer, gets something to run.
local is_lease_due = lease_until > now + lease_ms or lease_until < now + lease_ms * 2 / 3

local function renew_lease()
  local renewed = now + lease_ms
  if lease_until == 0 or renewed + lease_ms / 3 < lease_until then
    -- Earlier than sleepers know of: they must not sleep past it. There are none where this worker is the only one.
    local head = count_of('*:w') ~= 1 and timers_head(own_timer)
    if head ~= false and (not head or not all_know_head or renewed + lease_ms / 3 < head) then wake_at(renewed) end
  end
  lease_timer = renewed
  lease_until = renewed
end
