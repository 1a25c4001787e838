-- A bulk operation is a hash, job:<id>, with a timer j:<id> while it goes on:
--   kind    requeue | delete (dead tasks), purge | cancel (tasks that wait)
--   group, queue, type   which tasks, "" for any; states letters of those that wait, such as PSY
--   by, created          who asked and when (ms); what died or was submitted later is left alone
--   payload              JSON for the requeued, "" to keep theirs
--   first, pace          so many go first, the rest when all of them completed; ms per task, 0 at once
--   state                running | done | cancelled | stopped (one of the first did not complete)
--   slice, runner, next  number of the last slice, who did it, ms when the next may begin (0 at once)
--   stage, score, member where it is: index and the last member that was looked at
--   canary, checks       ids of the first that have not ended, how often they were looked at
--   pass, changed        how often it went through all indexes, tasks changed in this round
--   done, skipped, missing, total, updated, ended, reason
-- `jobs` lists them: those that run by LIVE + created, ended ones by the time of their end.
local LIVE = 10000000000000 -- more than any time in ms until 2286
local JOBS_LIVE, JOBS_ENDED, JOB_KEPT_MS = 100, 100, 86400000

-- Forgets ended jobs after a day, and the oldest above JOBS_ENDED; at most 100 a call.
local function jobs_prune()
  call('ZREMRANGEBYSCORE', jobs, '-inf', int(now - JOB_KEPT_MS)) -- their hashes have expired
  local surplus = call('ZCOUNT', jobs, '-inf', '(' .. int(LIVE)) - JOBS_ENDED
  if surplus <= 0 then return end
  local oldest, keys = call('ZRANGE', jobs, '0', int(math.min(surplus, 100) - 1)), {}
  for i, name in ipairs(oldest) do keys[i] = prefix .. 'job:' .. name end
  call('ZREM', jobs, unpack(oldest))
  call('DEL', unpack(keys))
end

local function job_end(key, name, state, reason)
  call('ZREM', timers, 'j:' .. name) -- a removal first: memory may be full
  call('HSET', key, 'state', state, 'reason', reason, 'ended', int(now), 'updated', int(now))
  call('ZADD', jobs, int(now), name)
  call('PEXPIRE', key, int(JOB_KEPT_MS))
end
