#!lua
-- ARGV: id, owner, version or '0', status or '', token, progress or '', then three times
-- whether it is given, and what: message, result, metadata; at last as for fail: base, cap,
-- random.

local id, owner, version, status, token = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local r, why = load_as(owner, id)
if not r then return { why } end
if status == FAILURE and r.k == token and r.e == 'fail' then return { 'OK' } end
if version ~= '0' and version ~= r.v then return { 'VERSION' } end

local is_move = status ~= '' and status ~= r.s
if is_move then
    if r.s == RUNNING and status ~= CANCELLED then
        why = lost(r, token)
    elseif status == PENDING then
        why = refuses_requeue(id, r)
    elseif status ~= CANCELLED or not is_live(r.s) then
        why = 'MOVE'
    end
    if status == RUNNING then why = 'MOVE' end
    if why then return { why } end
end

local fields = {}
local function set(field, value)
    fields[#fields + 1] = field
    fields[#fields + 1] = value
end
if ARGV[8] ~= '' then set('g', ARGV[8]) end
if ARGV[9] == '1' then set('j', ARGV[10]) end
if ARGV[11] == '1' then set('y', ARGV[12]) end
if ARGV[13] == '1' then set('m', ARGV[14]) end
local by = owner ~= '' and owner or nil

if not is_move then
    if #fields > 0 then
        call('HSET', base .. 't:' .. id, 'v', whole(r.v + 1), unpack(fields))
        audit(id, 'update', by)
    end
elseif status == SUCCESS then
    set('e', 'done')
    if ARGV[8] == '' then set('g', 1) end
    move(id, r, SUCCESS, 'complete', fields, by)
elseif status == CANCELLED then
    cancel(id, r, fields, by)
elseif status == FAILURE then
    local pause = { base = tonumber(ARGV[15]), cap = tonumber(ARGV[16]),
                    random = tonumber(ARGV[17]) }
    fail(id, r, ARGV[10], false, pause, fields, by)
elseif r.s == RUNNING then
    set('e', 'release')
    put_back(id, r, 'release', fields, now, by)
else
    requeue(id, r, fields, by)
end
return { 'OK' }
