-- One live task per unique key: u=<mode>:<key>, mode r reject, e answer the existing one, p replace it. The
-- key is taken with one SET NX GET per task, before anything else is written, and given back on refusal.
local answered, taken = {}, {}

local function give_back_unique_keys()
  if #taken > 0 then call_multi('DEL', taken) end
end

-- Ends the task that has the key, when it does not run; false when it does.
local function replace(holder, unique)
  local text = call('GET', prefix .. 't:' .. holder)
  local r = text and record_parse(text)
  if r and r.status == 'R' then return false end
  if r and (r.status == 'P' or r.status == 'S' or r.status == 'Y') then
    counts_load({'*', r.queue})
    take_out(holder, r)
    finish(holder, r, 'X', r.rest)
    place_flush()
    done_flush()
  else
    call('DEL', unique)
  end
  return true
end

-- The indexes that are to be stored; or nil and the error of the first that may not.
local function take_unique_keys()
  local all = {}
  for i = 1, record_count do
    local queue_name, options = string.match(item(3 * i - 1), '^%d+ (%S+) %S+ %d+(.*)$')
    local unique = options ~= '' and unique_key_of(queue_name, options)
    local holder = unique and call('SET', unique, ids[i], 'NX', 'GET')
    local mode = holder and holder ~= ids[i] and string.sub(option_of(options, 'u'), 1, 1)
    if mode == 'p' and replace(holder, unique) then
      call('SET', unique, ids[i])
      mode = false
    end
    if mode == 'e' then
      answered[i] = holder
    elseif mode then
      give_back_unique_keys()
      return nil, string.format('DTQ_UNIQUE_CONFLICT %.0f %s', i - 1, holder)
    else
      all[#all + 1] = i
      if unique and not holder then taken[#taken + 1] = unique end
    end
  end
  return all
end

local function answer_unique(statuses)
  for i = 1, record_count do
    if answered[i] then
      local text = call('GET', prefix .. 't:' .. answered[i])
      ids[i] = answered[i]
      statuses[i] = text and string.sub(text, 1, 1) or 'P'
    end
  end
end
