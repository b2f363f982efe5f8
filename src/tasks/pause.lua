#!lua flags=allow-oom
-- ARGV: type, '1' to pause it or '0' to resume.

local type, pauses = ARGV[3], ARGV[4] == '1'
local changed = call(pauses and 'SADD' or 'SREM', base .. 'paused', type)
if changed == 0 then return { 'OK' } end
for priority = 0, 2 do show_head(priority, type) end
if not pauses then wake(type) end
audit(type, pauses and 'pause' or 'resume')
return { 'OK' }
