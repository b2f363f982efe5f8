#!lua flags=allow-oom
-- Ends tasks, and claims others, in one go.
--
-- ARGV: priorities from high to low as digits, lease in microseconds, worker, id or '',
-- whether the claimer had to wait; how many types, how many nonces; types; nonces, one for
-- each task that is wanted; then id, token, message or '' and result of each task that is
-- completed.
--
-- Answers OK or NONE, the milliseconds until the next is due or -1, what came of each that
-- is completed, and of each that is claimed its id, what the claim changed in the record, and
-- the record as it was.

local priorities, lease, worker, wanted = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local has_waited = ARGV[7] == '1'
local types, nonces, grants = {}, {}, {}
local room = 262144 -- Bytes of payload after which no more is claimed.

local at = 9
for i = 1, tonumber(ARGV[8]) do types[i] = ARGV[at + i] end
at = at + #types
for i = 1, tonumber(ARGV[9]) do
    nonces[i] = ARGV[at + i]
    grants[i] = 'grant:' .. nonces[i]
end
at = at + #nonces

-- What came of them. A lease that had expired may have left a task in a status of its own.
local words = {}
local function complete_all()
    local running = {}
    for i = at + 1, #ARGV, 4 do
        local id, token = ARGV[i], ARGV[i + 1]
        local r, why = read(id, BRIEF)
        if r and not (r.s == SUCCESS and r.k == token) then
            why = lost(r, token)
            local fields = { 'e', 'done', 'g', '1', 'y', ARGV[i + 3] }
            if ARGV[i + 2] ~= '' then fields[7], fields[8] = 'j', ARGV[i + 2] end
            if not why and r.s == RUNNING then
                running[#running + 1] = { id = id, r = r, fields = fields }
            elseif not why then
                move(id, r, SUCCESS, 'complete', fields)
            end
        end
        words[#words + 1] = why or 'OK'
    end
    if #running > 0 then move_all(running, SUCCESS, 'complete') end
end

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

-- Tasks that were given out for these nonces before, but the answer was lost.
local answer, fresh = { 'OK', -1, words }, {}
local function give_again(granted)
    for i = 1, #nonces do
        local id, r, found = granted[i], nil, nil
        if id then r, found = load_whole(id) end
        if r and r.s == RUNNING and r.n == nonces[i] then
            call('ZADD', base .. 'leases', whole(now + lease), id)
            answer[#answer + 1] = id
            answer[#answer + 1] = {}
            answer[#answer + 1] = found
        else
            fresh[#fresh + 1] = nonces[i]
        end
    end
end

-- The type with the task of this priority that has been due longest, since when, and the
-- same of the type after it.
local function head_of(priority)
    local heads = base .. 'heads:' .. priority
    if #types == 0 then
        local head = call('ZRANGE', heads, 0, 1, 'WITHSCORES')
        return head[1], tonumber(head[2]), tonumber(head[4])
    end
    local type, due, after
    for i, score in ipairs(call('ZMSCORE', heads, unpack(types))) do
        score = tonumber(score)
        if score and (not due or score < due) then
            type, due, after = types[i], score, due
        elseif score and (not after or score < after) then
            after = score
        end
    end
    return type, due, after
end

-- From the front of one queue, until another type's turn. What cannot be claimed is put out
-- of the way. Answers how many.
local taken = {}
local function take_of(priority, type, number, last)
    local queue, gone, before, is_neat, i = queue_of(priority, type), {}, #taken, true, 1
    local line = call('ZRANGE', queue, 0, number, 'WITHSCORES')
    while i < 2 * number and line[i] and tonumber(line[i + 1]) <= last and room > 0 do
        local id = line[i]
        local r, found = load_whole(id)
        if r and r.s == PENDING and r.p == priority and r.t == type then
            taken[#taken + 1] = { id = id, r = r, found = found }
            room = room - #(r.b or '')
        else
            is_neat = false
        end
        if found == 'NEWER' then
            call('ZADD', queue, whole(now + 60000000), id)
        else
            gone[#gone + 1] = id
        end
        if not r and found ~= 'NEWER' then set_aside(id, found, priority, type) end
        i = i + 2
    end
    if #gone > 0 then call('ZREM', queue, unpack(gone)) end
    if i == 1 or not is_neat then
        show_head(priority, type)
    elseif line[i] then
        call('ZADD', base .. 'heads:' .. priority, line[i + 1], type)
    else
        call('ZREM', base .. 'heads:' .. priority, type)
    end
    return #taken - before
end

-- Up to so many of one priority; false when it has no more that are due.
local soonest
local function take(priority, number)
    for _ = 1, 10 + number do
        if number == 0 or room <= 0 then return true end
        local type, due, after = head_of(priority)
        if not due or due > now then
            if due and (not soonest or due < soonest) then soonest = due end
            return false
        end
        number = number - take_of(priority, type, number, math.min(after or now, now))
    end
    soonest = now
    return true
end

-- Of ten claims six look first for high priority, three for normal, one for low.
local function take_in_turn(turn, number)
    local share, is_left = {}, {}
    for i = turn, turn + number - 1 do
        local first = i % 10 == 9 and '2' or (i % 10 % 3 == 2 and '0') or '1'
        share[first] = (share[first] or 0) + 1
    end
    for priority in string.gmatch(priorities, '%d') do
        is_left[priority] = not share[priority] or take(priority, share[priority])
    end
    for priority in string.gmatch(priorities, '%d') do
        if is_left[priority] then take(priority, number - #taken) end
    end
end

-- Who was woken wakes the next one, if there is more to do.
local function pass_on()
    for priority in string.gmatch(priorities, '%d') do
        local type, due = head_of(priority)
        if due and due <= now then return wake(type) end
    end
end

local meta = call('HMGET', base .. 'meta', 'token', 'turn', unpack(grants))

local function give()
    local token, turn = math.max(now, (meta[1] or 0) + 1), (meta[2] or 0) + #taken
    local noted, leases = { 'turn', whole(turn) }, {}
    for i = 1, #taken do
        local id, r, text = taken[i].id, taken[i].r, whole(token + i - 1)
        local starts = (is_count(r.q) and r.q or 0) + 1
        taken[i].fields = { 'k', text, 'e', '', 'n', fresh[i], 'w', worker, 'l', lease, 'a',
                            whole(now), 'q', whole(starts) }
        noted[2 * i + 1], noted[2 * i + 2] = 'grant:' .. fresh[i], id
        leases[2 * i - 1], leases[2 * i] = whole(now + lease), id
        answer[#answer + 1] = id
        answer[#answer + 1] = taken[i].fields
        answer[#answer + 1] = taken[i].found
    end
    call('HSET', base .. 'meta', 'token', whole(token + #taken - 1), unpack(noted))
    move_all(taken, RUNNING, 'claim', nil, true)
    call('ZADD', base .. 'leases', unpack(leases))
end

complete_all()
give_again({ unpack(meta, 3) })
if wanted ~= '' and #fresh > 0 then
    local r, found = load_whole(wanted)
    if not r then return { found } end
    if r.s ~= PENDING then return { 'MOVE' } end
    if tonumber(r.d) > now then return { 'NONE', math.ceil((r.d - now) / 1000), words } end
    dequeue(wanted, r.p, r.t)
    taken[1] = { id = wanted, r = r, found = found }
elseif #fresh > 0 then
    take_in_turn((meta[2] or 0) % 10, #fresh)
end
if #taken > 0 then give() end
if #taken > 0 and has_waited then pass_on() end
if #answer == 3 then
    return { 'NONE', soonest and math.ceil((soonest - now) / 1000) or -1, words }
end
return answer
