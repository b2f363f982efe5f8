-- In front of every script: the keys of one prefix, and the only functions that change them.
-- docs/internals/tasks.md draws the keys. A script first checks everything, then writes, for
-- there is no rollback.
--
-- Redis runs all of a script each time it is called, so each is given only what it uses: a
-- paragraph that defines a name is left out where nothing below says that name.
--
-- KEYS[1]  "{prefix}:"     ARGV[1]  who      ARGV[2]  entries kept in the audit stream

local base, who, call = KEYS[1], ARGV[1], redis.call
local PENDING, RUNNING, SUCCESS, FAILURE, CANCELLED = '0', '1', '2', '3', '4'

local FORMAT = 1

local FIELDS = { 'f', 's', 't', 'p', 'v', 'c', 'd', 'o', 'u', 'k', 'e', 'n', 'l', 'w', 'r',
                 'x', 'R', 'X', 'E' }

local BRIEF = { 'f', 's', 't', 'p', 'v', 'u', 'k', 'e', 'n' } -- Enough to end a task.

local NUMBERS = { 'v', 'c', 'd', 'k', 'l', 'r', 'x', 'R', 'X' }

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2] -- Microseconds, exact in a double until 2255.

local function whole(number)
    return string.format('%d', number) -- Faster than %.0f; Redis has 64 bits here.
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
        string.find(r.p, '^[0-2]$') and r.t and r.t ~= '' and r.v
    for i = 1, #NUMBERS do
        local text = r[NUMBERS[i]]
        if text and not is_count(text) then is_whole = false end
    end
    if not is_whole then return 'DAMAGED' end
    return nil
end

-- These fields of a task's record, or nil and why there is none.
local function read(id, fields)
    local values = redis.pcall('HMGET', base .. 't:' .. id, unpack(fields))
    if values.err then return nil, 'DAMAGED' end
    local r = {}
    for i = 1, #fields do r[fields[i]] = values[i] or nil end
    if not r.f and call('EXISTS', base .. 't:' .. id) == 0 then return nil, 'UNKNOWN' end
    local why = flaw(r)
    if why then return nil, why end
    return r
end

-- All but what belongs to the application.
local function load(id)
    local r, why = read(id, FIELDS)
    if r and not (r.c and r.d) then return nil, 'DAMAGED' end
    return r, why
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

local function count(status, kind, by)
    local field = status .. kind -- Its priority and type.
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
    local heads = base .. 'heads:' .. priority
    call('ZADD', queue_of(priority, type), whole(due), id)
    local head = call('ZSCORE', heads, type)
    if not (head and tonumber(head) <= due) and not is_paused(type) then
        call('ZADD', heads, whole(due), type)
    end
    wake(type)
end

local function dequeue(id, priority, type)
    call('ZREM', queue_of(priority, type), id)
    show_head(priority, type)
end

-- Another live task may have taken the key meanwhile.
local function free_unique(id, key)
    if call('HGET', base .. 'unique', key) == id then call('HDEL', base .. 'unique', key) end
end

-- Moves tasks of one status, with what hangs on it; but into a queue only put_back() brings
-- them. Each is { id, r, fields }: its record, and what else to write there.
local function move_all(tasks, status, what, by, are_dequeued)
    local from, moved, ids, places, grants = tasks[1].r.s, {}, {}, {}, {}
    for i = 1, #tasks do
        local id, r, fields = tasks[i].id, tasks[i].r, tasks[i].fields
        now = now + 1 -- Nothing shares its place in an index.
        local at, size, kind = whole(now), #fields, r.p .. r.t
        if from == PENDING and not are_dequeued then dequeue(id, r.p, r.t) end
        if from == RUNNING and r.n then grants[#grants + 1] = 'grant:' .. r.n end
        if r.u and is_live(from) and not is_live(status) then free_unique(id, r.u) end
        if r.u and not is_live(from) and is_live(status) then
            call('HSET', base .. 'unique', r.u, id)
        end
        fields[size + 1], fields[size + 2] = 's', status
        fields[size + 3], fields[size + 4] = 'v', whole(r.v + 1)
        if not is_live(status) then fields[size + 5], fields[size + 6] = 'z', at end
        call('HSET', base .. 't:' .. id, unpack(fields))
        audit(id, what, by)
        ids[i], places[2 * i - 1], places[2 * i] = id, at, id
        moved[kind] = (moved[kind] or 0) + 1
    end
    if from == RUNNING then call('ZREM', base .. 'leases', unpack(ids)) end
    if #grants > 0 then call('HDEL', base .. 'meta', unpack(grants)) end
    call('ZREM', base .. 'in:' .. from, unpack(ids))
    call('ZADD', base .. 'in:' .. status, unpack(places))
    for kind, number in pairs(moved) do
        count(from, kind, -number)
        count(status, kind, number)
    end
end

local function move(id, r, status, what, fields, by)
    move_all({ { id = id, r = r, fields = fields } }, status, what, by)
end

-- To PENDING.
local function put_back(id, r, what, fields, due, by)
    fields[#fields + 1] = 'd'
    fields[#fields + 1] = whole(due)
    move(id, r, PENDING, what, fields, by)
    enqueue(id, r.p, r.t, due)
end

local function cancel(id, r, fields, by)
    fields[#fields + 1] = 'e'
    fields[#fields + 1] = 'cancel'
    move(id, r, CANCELLED, 'cancel', fields, by)
end

-- nil while the token still stands for this task, else why it does not. A lease that expired
-- is as good as before as long as nobody else took the task.
local function lost(r, token)
    if r.k ~= token then return 'TOKEN' end
    if r.s == RUNNING or r.e == 'crash' then return nil end
    return r.s == CANCELLED and 'CANCELLED' or 'TOKEN'
end

-- Whether its unique key is another live task's. A newer holdfast keeps it for live ones only.
local function is_taken(id, r)
    local holder = r.u and call('HGET', base .. 'unique', r.u)
    if not holder or holder == id then return false end
    local other, why = load(holder)
    return why == 'NEWER' or (other ~= nil and is_live(other.s))
end

-- The same as lost() for what goes on: a crash may have been its end, and its unique key be
-- another's since.
local function ousted(id, r, token)
    local why = lost(r, token)
    if not why and not is_live(r.s) and is_taken(id, r) then return 'TOKEN' end
    return why
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
local function fail(id, r, text, is_final, pause, fields, by)
    local retries = (r.r or 0) + 1
    for _, value in ipairs({ 'e', 'fail', 'r', retries, 'E', errors_with(r, 'e', text) }) do
        table.insert(fields, value)
    end
    if is_final or retries > tonumber(r.R or 3) then
        move(id, r, FAILURE, 'fail', fields, by)
        return FAILURE
    end
    local wait = math.min(pause.cap, pause.base * 2 ^ math.min(retries - 1, 60))
    put_back(id, r, 'retry', fields, now + wait * (1 - pause.random / 2), by)
    return PENDING
end

-- nil when it may live again, else why not.
local function refuses_requeue(id, r)
    if r.s ~= FAILURE and r.s ~= CANCELLED then return 'MOVE' end
    return is_taken(id, r) and 'UNIQUE' or nil
end

local function requeue(id, r, fields, by)
    for _, value in ipairs({ 'e', 'requeue', 'r', 0, 'x', 0, 'z', 0, 'g', 0 }) do
        table.insert(fields, value)
    end
    put_back(id, r, 'requeue', fields, now, by)
end

-- Out of everything but the record itself, which is damaged or gone. What was counted goes by
-- the priority and type that the caller knows, or that can still be read; where neither, it
-- stays counted.
local function set_aside(id, why, priority, type)
    local r = redis.pcall('HMGET', base .. 't:' .. id, 'p', 't', 'n', 'u', 'o')
    priority, type = priority or r[1], type or r[2]
    local is_known = priority and type and string.find(priority, '^[0-2]$')
    for status = 0, 4 do
        local was_there = call('ZREM', base .. 'in:' .. status, id) == 1
        if was_there and is_known then count(status, priority .. type, -1) end
    end
    call('ZREM', base .. 'leases', id)
    if r[3] then call('HDEL', base .. 'meta', 'grant:' .. r[3]) end
    if r[4] then free_unique(id, r[4]) end
    if r[5] then call('ZREM', base .. 'owner:' .. r[5], id) end
    if why == 'DAMAGED' then call('ZADD', base .. 'aside', whole(now), id) end
    if why == 'UNKNOWN' then call('HINCRBY', base .. 'meta', 'mended', 1) end
    audit(id, 'set aside')
end

local function remove(id, r, by)
    if r.s == PENDING then dequeue(id, r.p, r.t) end
    call('ZREM', base .. 'in:' .. r.s, id)
    count(r.s, r.p .. r.t, -1)
    if r.u and is_live(r.s) then free_unique(id, r.u) end
    if r.o then call('ZREM', base .. 'owner:' .. r.o, id) end
    call('UNLINK', base .. 't:' .. id)
    audit(id, 'delete', by)
end

