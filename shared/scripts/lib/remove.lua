-- Removes what is stored of tasks that were taken out of their place.
local function remove_all(chosen)
  local stored = {}
  for _, one in ipairs(chosen) do
    local unique = not BANDS[one.r.status] and unique_key_of(one.r.queue, one.r.options)
    if unique then stored[#stored + 1] = unique end
    for _, kind in ipairs({'t:', 'p:', 'o:'}) do stored[#stored + 1] = prefix .. kind .. one.id end
  end
  call_multi('DEL', stored)
end
