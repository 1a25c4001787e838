-- Who did what: one entry per control action, the newest 10,000 are kept.
local AUDIT_KEPT = '10000'
local function audit_add(action, target, by, detail)
  call('XADD', prefix .. 'audit', 'MAXLEN', '~', AUDIT_KEPT, '*',
    'action', action, 'target', target, 'by', by, 'detail', detail or '')
end
