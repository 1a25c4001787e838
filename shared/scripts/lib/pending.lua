-- The two ways into `pending:<queue>`: the counts know whether the queue was empty, and only then
-- an entry goes to `wakes` (see counts_flush). Everything in here can be run by every worker that
-- serves the queue, except while the queue is paused or at a limit.
local new_pending, pending_order = {}, {}

-- Of one that was submitted, which its caller counts.
local function put_pending(id, queue_name, priority, rank)
  local list = new_pending[queue_name]
  if not list then
    list = {}
    new_pending[queue_name] = list
    pending_order[#pending_order + 1] = queue_name
  end
  local length = #list
  list[length + 1], list[length + 2] = score_of(priority, rank), id
end

--- @lazy
local function make_pending(id, queue_name, priority, rank)
  put_pending(id, queue_name, priority, rank)
  count_add(fields_of(queue_name)[priority], 1)
end

-- To the place that it had.
local function make_pending_by_score(id, queue_name, score)
  make_pending(id, queue_name, priority_of(score), rank_of(score))
end

--- @eager
local function pending_flush()
  for _, name in ipairs(pending_order) do
    call_variadic('ZADD', prefix .. 'pending:' .. name, new_pending[name])
  end
  new_pending, pending_order = {}, {}
end
