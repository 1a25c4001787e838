-- An end of the lease that is earlier than sleepers know of they must be told: they must not sleep past it. Where this
-- worker is the only one there are none.
local function renew_lease()
  local renewed = now + lease_ms
  local is_earlier = lease_until == 0 or renewed + lease_ms / 3 < lease_until
  if is_earlier and count_of('*:w') ~= 1 then
    local head = (head_known or affords(owes_wake() and 1 or 2)) and timers_head(own_timer)
    if not head or not all_know_head or renewed + lease_ms / 3 < head then wake_at(renewed) end
  end
  lease_timer = renewed
  lease_until = renewed
end
