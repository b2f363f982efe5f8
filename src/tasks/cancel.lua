#!lua flags=allow-oom
-- ARGV: id, owner.

local id, owner = ARGV[3], ARGV[4]
local r, why = load_as(owner, id)
if not r then return { why } end
if r.s == CANCELLED then return { 'OK' } end
if not is_live(r.s) then return { 'MOVE' } end
cancel(id, r, {}, owner ~= '' and owner or nil)
return { 'OK' }
