#!lua flags=allow-oom
-- ARGV: id, owner, delay in microseconds.

local id, owner = ARGV[3], ARGV[4]
local r, why = load_as(owner, id)
if not r then return { why } end
if r.s ~= PENDING then return { 'MOVE' } end
local due = now + ARGV[5]
call('HSET', base .. 't:' .. id, 'd', whole(due), 'v', whole(r.v + 1))
enqueue(id, r.p, r.t, due)
show_head(r.p, r.t) -- It may be later than it was.
audit(id, 'schedule', owner ~= '' and owner or nil)
return { 'OK' }
