#!lua flags=allow-oom
-- ARGV: nonce, priorities from high to low as digits, lease in microseconds, worker, id or '',
-- whether the claimer had to wait, types... Answers id, what the claim changed in the record,
-- and the record as it was; or NONE with the milliseconds until the next is due, or -1.

local nonce, priorities, lease, worker, wanted = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local has_waited = ARGV[8] == '1'
local types = {}
for i = 9, #ARGV do types[#types + 1] = ARGV[i] end

-- A record with all its fields, and as Redis tells it; or nil and why there is none.
local function load_whole(id)
    local flat = redis.pcall('HGETALL', base .. 't:' .. id)
    if flat.err then return nil, 'DAMAGED' end
    if #flat == 0 then return nil, 'UNKNOWN' end
    local r = {}
    for i = 1, #flat, 2 do r[flat[i]] = flat[i + 1] end
    local why = flaw(r)
    if not why and not (r.c and r.d) then why = 'DAMAGED' end
    if why then return nil, why end
    return r, flat
end

-- This claim was served before, and the answer was lost.
local meta = call('HMGET', base .. 'meta', 'token', 'turn', 'grant:' .. nonce)
local granted = meta[3]
if granted then
    local before, flat = load_whole(granted)
    if before and before.s == RUNNING and before.n == nonce then
        call('ZADD', base .. 'leases', whole(now + lease), granted)
        return { 'OK', granted, {}, flat }
    end
end

local function take(id, r, flat, is_dequeued)
    local token = whole(math.max(now, (meta[1] or 0) + 1))
    local starts = (is_count(r.q) and r.q or 0) + 1
    local fields = { 'k', token, 'e', '', 'n', nonce, 'w', worker, 'l', lease, 'a', whole(now),
                     'q', whole(starts) }
    call('HSET', base .. 'meta', 'token', token, 'turn', whole((meta[2] or 0) + 1),
        'grant:' .. nonce, id)
    move(id, r, RUNNING, 'claim', fields, nil, is_dequeued)
    call('ZADD', base .. 'leases', whole(now + lease), id)
    return { 'OK', id, fields, flat }
end

if wanted ~= '' then
    local r, found = load_whole(wanted)
    if not r then return { found } end
    if r.s ~= PENDING then return { 'MOVE' } end
    if tonumber(r.d) > now then return { 'NONE', math.ceil((r.d - now) / 1000) } end
    return take(wanted, r, found)
end

-- Which priority is looked at first: six times of ten high, three normal, one low.
local turn = (meta[2] or 0) % 10
local first = turn == 9 and '2' or (turn % 3 == 2 and '0') or '1'
local order = { first }
for priority in string.gmatch(priorities, '%d') do
    if priority ~= first then order[#order + 1] = priority end
end
if not string.find(priorities, first, 1, true) then table.remove(order, 1) end

-- The type with the task of this priority that has been due longest, and since when.
local function head_of(priority)
    local heads = base .. 'heads:' .. priority
    if #types == 0 then
        local head = call('ZRANGE', heads, 0, 0, 'WITHSCORES')
        return head[1], tonumber(head[2])
    end
    local type, due
    for i, score in ipairs(call('ZMSCORE', heads, unpack(types))) do
        if score and (not due or tonumber(score) < due) then
            type, due = types[i], tonumber(score)
        end
    end
    return type, due
end

local function next_in_line()
    local soonest
    for _, priority in ipairs(order) do
        local type, due = head_of(priority)
        if due and due <= now then return priority, type end
        if due and (not soonest or due < soonest) then soonest = due end
    end
    return nil, nil, soonest
end

-- Who was woken wakes the next one, if there is more to do.
local function pass_on()
    local priority, type = next_in_line()
    if priority then wake(type) end
end

-- What cannot be claimed is put out of the way, at most so often in one call.
for _ = 1, 10 do
    local priority, type, soonest = next_in_line()
    if not priority then
        return { 'NONE', soonest and math.ceil((soonest - now) / 1000) or -1 }
    end
    local first = call('ZRANGE', queue_of(priority, type), 0, 1, 'WITHSCORES')
    local id, r, found = first[1], nil, nil
    if id then r, found = load_whole(id) end
    if r and r.s == PENDING and r.p == priority and r.t == type then
        call('ZREM', queue_of(priority, type), id)
        if first[4] then
            call('ZADD', base .. 'heads:' .. priority, first[4], type)
        else
            call('ZREM', base .. 'heads:' .. priority, type)
        end
        local taken = take(id, r, found, true)
        if has_waited then pass_on() end
        return taken
    end
    if found == 'NEWER' then
        call('ZADD', queue_of(priority, type), whole(now + 60000000), id)
    elseif id then
        call('ZREM', queue_of(priority, type), id)
        if not r then
            count(PENDING, priority, type, -1)
            set_aside(id, found)
        end
    end
    show_head(priority, type)
end
return { 'NONE', 0 }
