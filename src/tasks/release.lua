#!lua flags=allow-oom
-- ARGV: id, token, delay in microseconds.

local id, token = ARGV[3], ARGV[4]
local r, why = load(id)
if not r then return { why } end
if r.k == token and r.e == 'release' then return { 'OK' } end
why = ousted(id, r, token)
if why then return { why } end
put_back(id, r, 'release', { 'e', 'release' }, now + ARGV[5])
return { 'OK' }
