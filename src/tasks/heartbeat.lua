#!lua flags=allow-oom
-- ARGV: id, token, progress or '', whether there is a message, message.

local id, token, progress = ARGV[3], ARGV[4], ARGV[5]
local r, why = load(id)
if not r then return { why } end
why = ousted(id, r, token)
if why then return { why } end

local fields = {}
if progress ~= '' then fields = { 'g', progress } end
if ARGV[6] == '1' then
    fields[#fields + 1] = 'j'
    fields[#fields + 1] = ARGV[7]
end
if r.s ~= RUNNING then
    -- The lease had expired, so this was no crash after all.
    fields[#fields + 1] = 'x'
    fields[#fields + 1] = math.max(0, (r.x or 0) - 1)
    fields[#fields + 1] = 'e'
    fields[#fields + 1] = ''
    move(id, r, RUNNING, 'resume', fields)
elseif #fields > 0 then
    call('HSET', base .. 't:' .. id, unpack(fields))
end
call('ZADD', base .. 'leases', whole(now + (r.l or 30000000)), id)
return { 'OK' }
