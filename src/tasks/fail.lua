#!lua flags=allow-oom
-- ARGV: id, token, text, whether it is final, base and cap of the pause (microseconds), a
-- random number from 0 to 1. Answers the status it came to.

local id, token = ARGV[3], ARGV[4]
local r, why = load(id)
if not r then return { why } end
if r.k == token and r.e == 'fail' then return { 'OK', r.s } end
why = ousted(id, r, token)
if why then return { why } end
local pause = { base = tonumber(ARGV[7]), cap = tonumber(ARGV[8]), random = tonumber(ARGV[9]) }
return { 'OK', fail(id, r, ARGV[5], ARGV[6] == '1', pause, {}) }
