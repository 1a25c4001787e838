-- The lease is renewed when a third of it has passed, and set when an idle worker, whose presence lasts
-- longer, gets something to run.
local is_lease_due = lease_until > now + lease_ms or lease_until < now + lease_ms * 2 / 3

local function renew_lease()
  local renewed = now + lease_ms
  local is_earlier = lease_until == 0 or renewed + lease_ms / 3 < lease_until
  if is_earlier and count_of('*:w') ~= 1 then
    -- Than sleepers know of: they must not sleep past it. Where this worker is the only one there are none.
    local head = timers_head(own_timer)
    if not head or not all_know_head or renewed + lease_ms / 3 < head then wake_at(renewed) end
  end
  lease_timer = renewed
  lease_until = renewed
end
