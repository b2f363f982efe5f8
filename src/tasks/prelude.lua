-- In front of every script: the keys of one prefix, and the only functions that change them.
-- docs/internals/tasks.md draws the keys. A script first checks everything, then writes, for
-- there is no rollback.
--
-- KEYS[1]  "{prefix}:"     ARGV[1]  who      ARGV[2]  entries kept in the audit stream

local base, who, call = KEYS[1], ARGV[1], redis.call
local PENDING, RUNNING, SUCCESS, FAILURE, CANCELLED = '0', '1', '2', '3', '4'
local FORMAT = 1
local FIELDS = { 'f', 's', 't', 'p', 'v', 'c', 'd', 'o', 'u', 'k', 'e', 'n', 'l', 'w', 'r',
                 'x', 'R', 'X', 'E' }
local NUMBERS = { 'v', 'c', 'd', 'k', 'l', 'r', 'x', 'R', 'X' }

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2] -- Microseconds, exact in a double until 2255.

local function whole(number)
    return string.format('%.0f', number)
end

local function is_live(status)
    return status == PENDING or status == RUNNING
end

local function is_count(text)
    return not text or (#text <= 16 and string.find(text, '^%d+$') ~= nil)
end

-- Why this is no record of ours, or nil.
local function flaw(r)
    if r.f ~= '1' then
        return is_count(r.f) and tonumber(r.f or 0) > FORMAT and 'NEWER' or 'DAMAGED'
    end
    local is_whole = r.s and string.find(r.s, '^[0-4]$') and r.p and
        string.find(r.p, '^[0-2]$') and r.t and r.t ~= '' and r.v and r.c and r.d
    for _, field in ipairs(NUMBERS) do is_whole = is_whole and is_count(r[field]) end
    if not is_whole then return 'DAMAGED' end
    return nil
end

-- The task's record without payload and result, or nil and why there is none.
local function load(id)
    local values = redis.pcall('HMGET', base .. 't:' .. id, unpack(FIELDS))
    if values.err then return nil, 'DAMAGED' end
    local r = {}
    for i, field in ipairs(FIELDS) do r[field] = values[i] or nil end
    if not r.f and call('EXISTS', base .. 't:' .. id) == 0 then return nil, 'UNKNOWN' end
    local why = flaw(r)
    if why then return nil, why end
    return r
end

-- The same for one who may only touch what is his; '' for who may touch all.
local function load_as(owner, id)
    local r, why = load(id)
    if r and owner ~= '' and r.o ~= owner then return nil, 'OWNER' end
    return r, why
end

local function audit(id, what, by)
    call('XADD', base .. 'audit', 'MAXLEN', '~', ARGV[2], '*', 'id', id, 'what', what, 'who',
        by or who)
end

local function count(status, priority, type, by)
    local field = status .. priority .. type
    if call('HINCRBY', base .. 'counts', field, by) <= 0 then
        call('HDEL', base .. 'counts', field)
    end
end

local function queue_of(priority, type)
    return base .. 'q:' .. priority .. ':' .. type
end

local function is_paused(type)
    return call('SISMEMBER', base .. 'paused', type) == 1
end

-- Brings the due time of a queue's first task up to date; a paused type shows none.
local function show_head(priority, type)
    local first = call('ZRANGE', queue_of(priority, type), 0, 0, 'WITHSCORES')
    if first[2] and not is_paused(type) then
        call('ZADD', base .. 'heads:' .. priority, first[2], type)
    else
        call('ZREM', base .. 'heads:' .. priority, type)
    end
end

-- Who waits sleeps on these lists. One element is enough: it is there until somebody wakes.
local function wake(type)
    local any, this = base .. 'wake:', base .. 'wake:' .. type
    if call('EXISTS', any, this) == 2 then return end
    for _, key in ipairs({ any, this }) do
        if call('EXISTS', key) == 0 then
            call('RPUSH', key, 1)
            call('EXPIRE', key, 60)
        end
    end
end

local function enqueue(id, priority, type, due)
    call('ZADD', queue_of(priority, type), whole(due), id)
    if not is_paused(type) then
        call('ZADD', base .. 'heads:' .. priority, 'LT', whole(due), type)
    end
    wake(type)
end

local function dequeue(id, priority, type)
    call('ZREM', queue_of(priority, type), id)
    show_head(priority, type)
end

-- Moves a task, with what hangs on its status. `fields` are written to the record, too; due
-- is for PENDING. Out of its queue it is already where is_dequeued.
local function move(id, r, status, what, fields, due, by, is_dequeued)
    now = now + 1 -- Nothing shares its place in an index.
    if r.s == PENDING and not is_dequeued then dequeue(id, r.p, r.t) end
    if r.s == RUNNING then
        call('ZREM', base .. 'leases', id)
        if r.n then call('HDEL', base .. 'meta', 'grant:' .. r.n) end
    end
    call('ZREM', base .. 'in:' .. r.s, id)
    call('ZADD', base .. 'in:' .. status, whole(now), id)
    count(r.s, r.p, r.t, -1)
    count(status, r.p, r.t, 1)
    if r.u and is_live(r.s) and not is_live(status) then call('HDEL', base .. 'unique', r.u) end
    if r.u and not is_live(r.s) and is_live(status) then
        call('HSET', base .. 'unique', r.u, id)
    end
    if not is_live(status) then
        table.insert(fields, 'z')
        table.insert(fields, whole(now))
    end
    if status == PENDING then
        table.insert(fields, 'd')
        table.insert(fields, whole(due))
    end
    for _, value in ipairs({ 's', status, 'v', whole(r.v + 1) }) do
        table.insert(fields, value)
    end
    call('HSET', base .. 't:' .. id, unpack(fields))
    if status == PENDING then enqueue(id, r.p, r.t, due) end
    audit(id, what, by)
end

-- nil while the token still stands for this task, else why it does not. A lease that expired
-- is as good as before as long as nobody else took the task.
local function lost(r, token)
    if r.k ~= token then return 'TOKEN' end
    if r.s == RUNNING or r.e == 'crash' then return nil end
    return r.s == CANCELLED and 'CANCELLED' or 'TOKEN'
end

-- The last errors, newest first, one a line: kind, microseconds, text.
local function errors_with(r, kind, text)
    local lines = kind .. whole(now) .. ' ' .. text .. '\n'
    local left = 4
    for line in string.gmatch(r.E or '', '[^\n]+\n') do
        if left == 0 then break end
        lines = lines .. line
        left = left - 1
    end
    return lines
end

-- A failure: a retry after a pause, or the end. Returns the status it came to.
local function fail(id, r, text, is_final, pause, fields)
    local retries = (r.r or 0) + 1
    for _, value in ipairs({ 'e', 'fail', 'r', retries, 'E', errors_with(r, 'e', text) }) do
        table.insert(fields, value)
    end
    if is_final or retries > tonumber(r.R or 3) then
        move(id, r, FAILURE, 'fail', fields)
        return FAILURE
    end
    local wait = math.min(pause.cap, pause.base * 2 ^ math.min(retries - 1, 60))
    move(id, r, PENDING, 'retry', fields, now + wait * (1 - pause.random / 2))
    return PENDING
end

-- nil when it may live again, else why not.
local function refuses_requeue(id, r)
    if r.s ~= FAILURE and r.s ~= CANCELLED then return 'MOVE' end
    if not r.u then return nil end
    local holder = call('HGET', base .. 'unique', r.u)
    if not holder or holder == id then return nil end
    local other = load(holder)
    if other and is_live(other.s) then return 'UNIQUE' end
    return nil
end

local function requeue(id, r, fields, by)
    for _, value in ipairs({ 'e', 'requeue', 'r', 0, 'x', 0, 'z', 0, 'g', 0 }) do
        table.insert(fields, value)
    end
    move(id, r, PENDING, 'requeue', fields, now, by)
end

-- Out of everything but the record itself, which is damaged or gone.
local function set_aside(id, why)
    for status = 0, 4 do call('ZREM', base .. 'in:' .. status, id) end
    call('ZREM', base .. 'leases', id)
    if why == 'DAMAGED' then call('ZADD', base .. 'aside', whole(now), id) end
    if why == 'UNKNOWN' then call('HINCRBY', base .. 'meta', 'mended', 1) end
    audit(id, 'set aside')
end

local function remove(id, r, by)
    if r.s == PENDING then dequeue(id, r.p, r.t) end
    call('ZREM', base .. 'in:' .. r.s, id)
    count(r.s, r.p, r.t, -1)
    if r.u and is_live(r.s) then call('HDEL', base .. 'unique', r.u) end
    if r.o then call('ZREM', base .. 'owner:' .. r.o, id) end
    call('UNLINK', base .. 't:' .. id)
    audit(id, 'delete', by)
end

