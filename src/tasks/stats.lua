#!lua flags=no-writes,allow-oom
-- Answers numbers, the counts by status, priority and type, and the paused types.

local numbers = { whole(now) }
for status = 0, 4 do numbers[#numbers + 1] = call('ZCARD', base .. 'in:' .. status) end
for status = 0, 4 do
    local oldest = call('ZRANGE', base .. 'in:' .. status, 0, 0, 'WITHSCORES')
    numbers[#numbers + 1] = oldest[2] or 0
end
local due = 0
for priority = 0, 2 do
    local head = call('ZRANGE', base .. 'heads:' .. priority, 0, 0, 'WITHSCORES')[2]
    if head and (due == 0 or tonumber(head) < due) then due = tonumber(head) end
end
numbers[#numbers + 1] = whole(due)
numbers[#numbers + 1] = call('ZCARD', base .. 'leases')
numbers[#numbers + 1] = call('HGET', base .. 'meta', 'recovered') or 0
numbers[#numbers + 1] = call('HGET', base .. 'meta', 'mended') or 0
numbers[#numbers + 1] = call('ZCARD', base .. 'aside')
return { 'OK', numbers, call('HGETALL', base .. 'counts'), call('SMEMBERS', base .. 'paused') }
