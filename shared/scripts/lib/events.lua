-- One entry per script call: counts by queue and status (c), and the first ids with their status
-- (i, at most 20). An event is a notification; who follows one task reads its record.
local EVENTS_KEPT = '10000'
local EVENT_IDS = 20
local event_counts, event_order, event_ids, event_totals = {}, {}, {}, {}

local function event_add(id, queue_name, status)
  local field = fields_of(queue_name)[status]
  local count = event_counts[field]
  if not count then
    count = 0
    event_order[#event_order + 1] = field
  end
  event_counts[field] = count + 1
  event_totals[status] = (event_totals[status] or 0) + 1
  if #event_ids < EVENT_IDS then event_ids[#event_ids + 1] = id .. ':' .. status end
end

local function events_flush()
  if #event_order == 0 then return end
  local parts = {}
  for i, field in ipairs(event_order) do parts[i] = field .. ':' .. int(event_counts[field]) end
  call('XADD', events, 'MAXLEN', '~', EVENTS_KEPT, '*',
    'c', table.concat(parts, ' '), 'i', table.concat(event_ids, ' '))
end
