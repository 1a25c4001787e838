-- The minute that is not over (see stats.lua), and per queue how many were submitted that no exchange has seen.
local function read_unseen()
  local fields, current, waiting = call('HGETALL', queues), '', {}
  for i = 1, #fields, 2 do
    local n = tonumber(fields[i + 1])
    if fields[i] == '*:@' then
      current = fields[i + 1]
    elseif n and n >= SUBMITTED then
      waiting[#waiting + 1] = string.match(fields[i], '^(.*):')
      waiting[#waiting + 1] = math.floor(n / SUBMITTED)
    end
  end
  return current, waiting
end
