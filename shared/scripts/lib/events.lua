-- One entry per script call: counts by queue and status (c), and the first ids with their status
-- (i, at most 20). An event is a notification; who follows one task reads its record. One with f tells that what was before
-- that id is trimmed (moment.lua).
local EVENTS_KEPT = '10000'
local EVENT_IDS = 20
local event_counts, event_order, event_ids, event_totals = {}, {}, {}, {}

-- Tasks of a queue that got a status.
local function events_add(ids, queue_name, status)
  local field, n = field_of(queue_name, status), #ids
  if not event_counts[field] then event_order[#event_order + 1] = field end
  event_counts[field] = (event_counts[field] or 0) + n
  event_totals[status] = (event_totals[status] or 0) + n
  for i = 1, math.min(n, EVENT_IDS - #event_ids) do event_ids[#event_ids + 1] = ids[i] .. ':' .. status end
end

--- @lazy
local function event_add(id, queue_name, status)
  events_add({id}, queue_name, status)
end

local function events_forget()
  event_counts, event_order, event_ids, event_totals = {}, {}, {}, {}
end

--- @eager
local function event_put(id, counted, ids, ...)
  return call('XADD', events, 'MAXLEN', '~', EVENTS_KEPT, id, 'c', counted, 'i', ids, ...)
end

-- The id of the entry, or nil when nothing happened.
local function events_flush()
  if #event_order == 0 then return nil end
  local parts = {}
  for i, field in ipairs(event_order) do parts[i] = field .. ':' .. int(event_counts[field]) end
  local told = table.concat(event_ids, ' ')
  event_order, event_ids = {}, {}
  return event_put('*', table.concat(parts, ' '), told)
end
