-- What an audit found and put right, by kind; the hash `repairs` sums it up for ever in n:<kind>.
local repaired = {}

local function repair_note(kind)
  repaired[kind] = (repaired[kind] or 0) + 1
end

-- {kind, number, ...}; the first write of what follows repairs may be this one.
local function repairs_flush()
  local flat = {}
  for kind, number in pairs(repaired) do
    call('HINCRBY', repairs, 'n:' .. kind, int(number))
    flat[#flat + 1] = kind
    flat[#flat + 1] = number
  end
  return flat
end
