#!lua flags=allow-oom
-- ARGV: tasks in one step, age in microseconds and number of the finished ones that are kept,
-- whether only these are seen to. Answers how many finished ones it removed, and whether
-- there is more to do.

local step, age, keep, only_finished = tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[6]
local has_more, removed = 0, 0

local function crash(id, r)
    local crashes = (r.x or 0) + 1
    local fields = { 'e', 'crash', 'x', crashes, 'E',
                     errors_with(r, 'x', 'lost by ' .. (r.w or '')) }
    if crashes > tonumber(r.X or 3) then
        move(id, r, FAILURE, 'fail', fields)
    else
        put_back(id, r, 'recover', fields, now)
    end
end

local function mended()
    call('HINCRBY', base .. 'meta', 'mended', 1)
end

local function recover()
    local expired = call('ZRANGEBYSCORE', base .. 'leases', '-inf', whole(now), 'LIMIT', 0, step)
    for _, id in ipairs(expired) do
        local r, why = load(id)
        if r and r.s == RUNNING then
            crash(id, r)
            call('HINCRBY', base .. 'meta', 'recovered', 1)
        elseif why == 'NEWER' then
            call('ZADD', base .. 'leases', whole(now + 60000000), id)
        elseif why == 'DAMAGED' then
            set_aside(id, why)
        else
            call('ZREM', base .. 'leases', id)
            call('ZREM', base .. 'in:' .. RUNNING, id)
            mended()
        end
    end
    if #expired == step then has_more = 1 end
end

-- Looks at the next members of one index, and calls missing() for those not in the other.
local function compare(index, other, cursor, missing)
    local from = call('HGET', base .. 'meta', cursor) or '0'
    local found = call('ZSCAN', base .. index, from, 'COUNT', step)
    if found[1] ~= from then call('HSET', base .. 'meta', cursor, found[1]) end
    for i = 1, math.min(#found[2], 20 * step), 2 do
        local id = found[2][i]
        if not call('ZSCORE', base .. other, id) then
            local r, why = load(id)
            if r or why ~= 'NEWER' then missing(id, r, why) end
        end
    end
end

local function reconcile()
    compare('in:' .. RUNNING, 'leases', 'compared', function(id, r, why)
        if r and r.s == RUNNING then
            crash(id, r)
            mended()
        elseif r then
            call('ZREM', base .. 'in:' .. RUNNING, id)
            mended()
        else
            set_aside(id, why)
        end
    end)
    compare('leases', 'in:' .. RUNNING, 'compared_back', function(id, r, why)
        if r and r.s == RUNNING then
            call('ZADD', base .. 'in:' .. RUNNING, whole(now), id)
            mended()
        elseif r then
            call('ZREM', base .. 'leases', id)
            mended()
        else
            set_aside(id, why)
        end
    end)
end

-- What was mended or removed by hand is not set aside any more.
local function forget_aside()
    compare('aside', 'leases', 'compared_aside', function(id, r, why)
        if r or why == 'UNKNOWN' then call('ZREM', base .. 'aside', id) end
    end)
end

local function clean(status)
    local index, put_off = base .. 'in:' .. status, 0
    local old = call('ZRANGEBYSCORE', index, '-inf', whole(now - age), 'LIMIT', 0, step)
    local excess = math.min(step, call('ZCARD', index) - keep)
    if excess > #old then old = call('ZRANGE', index, 0, excess - 1) end
    for _, id in ipairs(old) do
        local r, why = load(id)
        if r and r.s == status then
            remove(id, r)
            removed = removed + 1
        elseif why == 'NEWER' then -- Comes up again in a minute.
            call('ZADD', index, whole(now - age + 60000000), id)
            put_off = put_off + 1
        elseif r then
            call('ZREM', index, id)
        else
            set_aside(id, why)
        end
    end
    if #old == step and put_off < step then has_more = 1 end
end

if only_finished ~= '1' then
    recover()
    reconcile()
    forget_aside()
end
for _, status in ipairs({ SUCCESS, FAILURE, CANCELLED }) do clean(status) end
return { 'OK', removed, has_more }
