#!lua flags=allow-oom
-- ARGV: id, owner.

local id, owner = ARGV[3], ARGV[4]
local r, why = load_as(owner, id)
if why == 'DAMAGED' and owner == '' then
    set_aside(id, why)
    call('ZREM', base .. 'aside', id)
    call('UNLINK', base .. 't:' .. id)
    audit(id, 'delete')
    return { 'OK' }
end
if not r then return { why } end
if r.s == RUNNING then return { 'MOVE' } end
remove(id, r, owner ~= '' and owner or nil)
return { 'OK' }
