-- Who did what: one entry per control action, the newest 10,000 are kept. `by` may have a second line, the
-- id of the request that asked: it is for the audit alone, all else keeps the name.
local AUDIT_KEPT = '10000'
local function audit_add(action, target, by_whom, detail)
  local name, request = string.match(by_whom, '^([^\n]*)\n?(.*)$')
  call('XADD', prefix .. 'audit', 'MAXLEN', '~', AUDIT_KEPT, '*',
    'action', action, 'target', target, 'by', name, 'detail', detail or '', 'request', request)
end

local function name_of(by_whom)
  return string.match(by_whom, '^[^\n]*')
end
