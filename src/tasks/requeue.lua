#!lua flags=allow-oom
-- ARGV: id, owner.

local id, owner = ARGV[3], ARGV[4]
local r, why = load_as(owner, id)
if not r then return { why } end
if r.s == PENDING then return { 'OK' } end
why = refuses_requeue(id, r)
if why then return { why } end
requeue(id, r, {}, owner ~= '' and owner or nil)
return { 'OK' }
