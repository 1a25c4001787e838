-- The minute that is not over (see stats.lua), per queue how many were submitted that no exchange has seen, and how many
-- are pending, how many of these no exchange has seen, and how many of those that it has seen are running. Last the hour
-- that is not summed up, or nil.
local function read_unseen()
  local fields, current, waiting, levels, at, hour = call('HGETALL', queues), '', {}, {}, {}, nil
  for i = 1, #fields, 2 do
    local n, name, kind = tonumber(fields[i + 1]), string.match(fields[i], '^(.*):([^:]*)$')
    if fields[i] == '*:@' then
      current = fields[i + 1]
    elseif fields[i] == '*:h' then
      hour = n
    elseif n and n >= SUBMITTED then
      waiting[#waiting + 1] = name
      waiting[#waiting + 1] = math.floor(n / SUBMITTED)
    end
    if n and (tonumber(kind) or kind == 'K' or kind == 'R') then
      if not at[name] then
        at[name] = #levels + 1
        for _, value in ipairs({name, 0, 0, 0}) do levels[#levels + 1] = value end
      end
      if kind == 'R' then
        -- What was handed over began after the last exchange.
        levels[at[name] + 3] = levels[at[name] + 3] + n % SUBMITTED - math.floor(n / SUBMITTED)
      else
        levels[at[name] + 1] = levels[at[name] + 1] + n % SUBMITTED
        levels[at[name] + 2] = levels[at[name] + 2] + math.floor(n / SUBMITTED)
      end
    end
  end
  return current, waiting, levels, hour
end
