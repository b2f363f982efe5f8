#!lua flags=no-writes,allow-oom
-- ARGV: status, priority, type and owner, '' for any; tasks wanted; then from where: '' or a
-- status, score and id. Answers from where to go on, '' at the end, and id and record of each.

local status, priority, type, owner = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local limit, from, score, last = tonumber(ARGV[7]), ARGV[8], ARGV[9], ARGV[10]
local SHOWN = { 'q', 'a', 'z', 'g', 'j', 'm' }

local walk = { '0', '1', '2', '3', '4' }
if owner ~= '' then walk = { 'o' } elseif status ~= '' then walk = { status } end

local function index_of(step)
    return step == 'o' and base .. 'owner:' .. owner or base .. 'in:' .. step
end

local function is_wanted(r)
    return r and (status == '' or r.s == status) and (priority == '' or r.p == priority) and
        (type == '' or r.t == type) and (owner == '' or r.o == owner)
end

local function shown(id, r)
    local flat = {}
    for field, value in pairs(r) do
        flat[#flat + 1] = field
        flat[#flat + 1] = value
    end
    for i, value in ipairs(call('HMGET', base .. 't:' .. id, unpack(SHOWN))) do
        if value then
            flat[#flat + 1] = SHOWN[i]
            flat[#flat + 1] = value
        end
    end
    return flat
end

local found, looked = {}, 0
for _, step in ipairs(walk) do
    if from == '' or from == step then
        local max = from == '' and '+inf' or score
        local chunk = call('ZREVRANGEBYSCORE', index_of(step), max, '-inf', 'WITHSCORES',
            'LIMIT', 0, limit * 10 + 200)
        for i = 1, #chunk, 2 do
            local id, at = chunk[i], chunk[i + 1]
            if from == '' or at ~= score or id < last then
                local r = load(id)
                if is_wanted(r) then
                    found[#found + 1] = id
                    found[#found + 1] = shown(id, r)
                end
                looked = looked + 1
                if #found == 2 * limit or looked == 10 * limit then
                    return { 'OK', step, at, id, found }
                end
            end
        end
        from = ''
    end
end
return { 'OK', '', '', '', found }
