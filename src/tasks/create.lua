#!lua
-- ARGV: id, type, priority, owner, unique, payload, metadata, delay and not-before (both
-- microseconds), retry limit, crash limit. Answers whether it is new, and its id.

local id, type, priority, owner, unique = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if call('EXISTS', base .. 't:' .. id) == 1 then
    local _, why = load(id)
    return why and { why } or { 'OK', 0, id }
end
if unique ~= '' then
    local holder = call('HGET', base .. 'unique', unique)
    local other, why
    if holder then other, why = load(holder) end
    if other and is_live(other.s) then return { 'OK', 0, holder } end
    if why == 'NEWER' then return { why } end -- Live, as far as anybody can tell.
end

local due = math.max(now + ARGV[10], tonumber(ARGV[11]))
local at = whole(now)
local fields = { 'f', '1', 's', PENDING, 't', type, 'p', priority, 'v', '1', 'c', at, 'd',
                 whole(due) }
local function set(field, value)
    if value == '' then return end
    fields[#fields + 1] = field
    fields[#fields + 1] = value
end
set('o', owner)
set('u', unique)
set('b', ARGV[8])
set('m', ARGV[9])
set('R', ARGV[12])
set('X', ARGV[13])
call('HSET', base .. 't:' .. id, unpack(fields))
call('ZADD', base .. 'in:' .. PENDING, at, id)
count(PENDING, priority .. type, 1)
if unique ~= '' then call('HSET', base .. 'unique', unique, id) end
if owner ~= '' then call('ZADD', base .. 'owner:' .. owner, at, id) end
enqueue(id, priority, type, due)
audit(id, 'create')
return { 'OK', 1, id }
