-- Wake-ups are read, never consumed: an entry in the stream `wakes` names the queues that were
-- empty and are not (q), a due time earlier than sleepers know (t, ms), the worker that is
-- spoken to (x), or is handed a task (h, "<worker> <claim> <lease until> <id>", and its record, r).
-- One entry per script carries all of it.
local WAKES_KEPT = '128'
local wake_queues, wake_seen, wake_due, wake_worker = {}, {}, nil, nil
local wake_handed, wake_record = nil, nil

local function wake_queue(name)
  if not wake_seen[name] then
    wake_seen[name] = true
    wake_queues[#wake_queues + 1] = name
  end
end

local function wake_at(ms)
  if not wake_due or ms < wake_due then wake_due = ms end
end

-- The id of the entry, or nil when there was nothing to say.
local function wakes_flush()
  local entry = {}
  if #wake_queues > 0 then
    entry[#entry + 1] = 'q'
    entry[#entry + 1] = table.concat(wake_queues, ' ')
  end
  if wake_due then
    entry[#entry + 1] = 't'
    entry[#entry + 1] = int(wake_due)
  end
  if wake_worker then
    entry[#entry + 1] = 'x'
    entry[#entry + 1] = wake_worker
  end
  if wake_handed then
    for _, word in ipairs({'h', wake_handed, 'r', wake_record}) do entry[#entry + 1] = word end
  end
  if #entry == 0 then return nil end
  return call('XADD', wakes, 'MAXLEN', '~', WAKES_KEPT, '*', unpack(entry))
end
