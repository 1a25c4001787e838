-- The one way into `pending:<queue>`: the counts know whether the queue was empty, and only then
-- an entry goes to `wakes` (see counts_flush). Everything in here can be run by every worker that
-- serves the queue, except while the queue is paused or at a limit.
local new_pending, pending_order = {}, {}

-- `add` counts it: as one more, or as submitted.
local function make_pending(id, queue_name, priority, rank, add)
  local list = new_pending[queue_name]
  if not list then
    list = {}
    new_pending[queue_name] = list
    pending_order[#pending_order + 1] = queue_name
  end
  list[#list + 1] = score_of(priority, rank)
  list[#list + 1] = id
  local field = fields_of(queue_name)[priority]
  if add then add(field) else count_add(field, 1) end
end

local function pending_flush()
  for _, name in ipairs(pending_order) do
    call_variadic('ZADD', prefix .. 'pending:' .. name, new_pending[name])
  end
  new_pending, pending_order = {}, {}
end
