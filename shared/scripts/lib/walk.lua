-- Goes through a sorted index behind a place in it, whatever others add and remove meanwhile. The place is
-- score and member of the last one that was seen; it need not be there any more.

-- The task that a member stands for; nil for timers of other kinds.
local function id_of_member(member)
  return #member == 27 and member or string.match(member, '^t:([^:]+)')
end

-- Ids are of one length and one case: in any locale they compare as the index orders them. What is no task
-- stands before or behind all of its score.
local function order_of_member(member)
  return id_of_member(member) or (string.byte(member) < 116 and '' or string.rep('z', 28))
end

-- Up to `window` members behind the place: {{id, member, score}, ...}, whether the index ends there, and all
-- that was read: {member, score, ...}.
local function walk(key, score, member, window)
  local seen = member ~= '' and order_of_member(member) or ''
  local members = call('ZRANGE', key, score == '' and '-inf' or score, '+inf', 'BYSCORE',
    'LIMIT', '0', int(window), 'WITHSCORES')
  if #members == 2 * window and members[2 * window] == score and order_of_member(members[2 * window - 1]) <= seen then
    -- Thousands may be due in one millisecond: the place among them is found by halving.
    local low = call('ZCOUNT', key, '-inf', '(' .. score)
    local high = low + call('ZCOUNT', key, score, score)
    while low < high do
      local middle = math.floor((low + high) / 2)
      if order_of_member(call('ZRANGE', key, int(middle), int(middle))[1]) <= seen then low = middle + 1 else high = middle end
    end
    members = call('ZRANGE', key, int(low), int(low + window - 1), 'WITHSCORES')
  end
  local found = {}
  for i = 1, #members, 2 do
    local id_ = id_of_member(members[i])
    if id_ and (members[i + 1] ~= score or id_ > seen) then
      found[#found + 1] = {id = id_, member = members[i], score = members[i + 1]}
    end
  end
  return found, #members < 2 * window, members
end
