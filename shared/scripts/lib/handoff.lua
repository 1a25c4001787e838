-- Hand-off: a task that comes alone to an empty queue is claimed by its own submission for a worker that has a free slot.
-- It rides in the wake-up, and the worker starts it without an exchange: a round trip and its calls less.
--   *:i          who has had a free slot since its last exchange:
--                "<worker> <number> <lease ms> <seen ms> <tasks it holds>|<queues>|<types>", or "" for nobody; it is
--                given up with the task, so a slot is given once
--   *:=<worker>  "<claim>:<id>" of what was handed to it and that it has not acknowledged, or ""
-- The claim has the number of that last exchange, by which a worker that reads the wake-up knows whether it has exchanged
-- since: then that exchange has returned the task. So it starts once, whichever comes first.
local IDLE = '*:i'

local function handed_field(name) return '*:=' .. name end

local function is_idle_of(text, name)
  return text and string.sub(text, 1, #name + 1) == name .. ' '
end
