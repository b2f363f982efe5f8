#!lua flags=allow-oom
-- ARGV: id, token, result.

local id, token = ARGV[3], ARGV[4]
local r, why = read(id, BRIEF)
if not r then return { why } end
if r.s == SUCCESS and r.k == token then return { 'OK' } end
why = lost(r, token)
if why then return { why } end
move(id, r, SUCCESS, 'complete', { 'e', 'done', 'g', 1, 'y', ARGV[5] })
return { 'OK' }
