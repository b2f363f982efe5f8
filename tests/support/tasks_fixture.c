#include "support/tasks_fixture.h"

#include "support/test.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

static struct hf_tasks *open_handle(struct tasks_fixture *f, const char *url,
                                    const struct hf_tasks_options *options)
{
    struct hf_options *settings;
    struct hf_tasks   *tasks;
    assert_int_equal(hf_options_open(&settings), HF_OK);
    assert_int_equal(hf_options_set(settings, "url", url, &f->error), HF_OK);
    hf_options_set_allocator(settings, &f->memory.base);
    hf_options_set_log(settings, HF_LOG_SILENT, NULL, NULL);
    const hf_err err = hf_tasks_open(settings, options, &tasks, &f->error);
    hf_options_close(settings);
    if (err) fail_msg("%s: %s", hf_err_name(err), f->error.detail);
    return tasks;
}

void tasks_fixture_open(struct tasks_fixture *f, const struct hf_tasks_options *options)
{
    tasks_fixture_open_with(f, options, NULL);
}

void tasks_fixture_open_with(struct tasks_fixture *f, const struct hf_tasks_options *options,
                             const char *const *args)
{
    static const struct hf_tasks_options passive = { .is_passive = true };
    *f = (struct tasks_fixture){ 0 };
    counting_allocator_init(&f->memory);
    f->server = redis_server_open(&(struct redis_server_options){ .args = args });
    f->tasks = open_handle(f, redis_server_unix_url(f->server), options ? options : &passive);
    const hf_err err = hf_client_wait_ready(hf_tasks_client(f->tasks), hf_seconds(30),
                                            &f->error);
    assert_int_equal(err, HF_OK);
}

struct hf_tasks *tasks_fixture_another(struct tasks_fixture          *f,
                                       const struct hf_tasks_options *options,
                                       const char                    *url)
{
    static const struct hf_tasks_options passive = { .is_passive = true };
    return open_handle(f, url ? url : redis_server_unix_url(f->server),
                       options ? options : &passive);
}

void tasks_fixture_close(struct tasks_fixture *f)
{
    if (redis_server_pid(f->server)) tasks_fixture_check(f);
    hf_tasks_close(f->tasks);
    redis_server_close(f->server);
    assert_int_equal(f->memory.blocks, 0);
}

void tasks_fixture_create(struct tasks_fixture *f, const char *id)
{
    const struct hf_new_task new_task = { .id = id, .type = "t", .payload = hf_str("work") };
    char                     given[HF_TASK_ID_MAX + 1];
    bool                     is_new = false;
    const hf_err err = hf_tasks_create(f->tasks, NULL, &new_task, given, &is_new, &f->error);
    if (err) fail_msg("%s: %s", hf_err_name(err), f->error.detail);
    assert_true(is_new);
    assert_string_equal(given, id);
}

struct hf_task *tasks_fixture_claim(struct tasks_fixture *f)
{
    struct hf_task *task;
    const hf_err    err = hf_tasks_claim(f->tasks, NULL, NULL, &task, &f->error);
    if (err == HF_MISS) return NULL;
    if (err) fail_msg("%s: %s", hf_err_name(err), f->error.detail);
    return task;
}

struct hf_task *tasks_fixture_get(struct tasks_fixture *f, const char *id)
{
    struct hf_task *task;
    const hf_err    err = hf_tasks_get(f->tasks, NULL, id, &task, &f->error);
    if (err) fail_msg("%s: %s", hf_err_name(err), f->error.detail);
    return task;
}

enum hf_task_status tasks_fixture_status(struct tasks_fixture *f, const char *id)
{
    struct hf_task           *task = tasks_fixture_get(f, id);
    const enum hf_task_status status = task->status;
    hf_task_free(task);
    return status;
}

static const char *as_text(redisReply *reply)
{
    static char text[1024];
    if (reply->type == REDIS_REPLY_INTEGER) {
        snprintf(text, sizeof text, "%lld", reply->integer);
    } else {
        snprintf(text, sizeof text, "%s", reply->str ? reply->str : "");
    }
    freeReplyObject(reply);
    return text;
}

const char *tasks_fixture_ask(struct tasks_fixture *f, const char *format, ...)
{
    char    command[512];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);

    /* Split by the server's own script, so that any number of words will do. */
    return as_text(redis_server_command(
        f->server, "EVAL %s 0 %s",
        "local words = {} "
        "for word in string.gmatch(ARGV[1], '%S+') do words[#words + 1] = word end "
        "return redis.call(unpack(words))",
        command));
}

const char *tasks_fixture_eval(struct tasks_fixture *f, const char *script)
{
    return as_text(redis_server_command(f->server, "EVAL %s 0", script));
}

void tasks_fixture_expire(struct tasks_fixture *f, const char *id)
{
    bool has_more;
    redis_server_do(f->server, "ZADD {tasks}:leases XX 1 %s", id);
    assert_int_equal(hf_tasks_maintain(f->tasks, NULL, &has_more, &f->error), HF_OK);
}

/* Every record is in the index of its status and in no other; only pending ones are queued,
 * only running ones leased; the counts are right. Answers what is wrong. */
static const char auditor[] =
    "local base, seen, counts = '{tasks}:', {}, {} "
    "local function bad(what, id) return what .. ' ' .. id end "
    "local total = 0 "
    "for _, key in ipairs(redis.call('KEYS', base .. 't:*')) do "
    "  local id = string.sub(key, #base + 3) "
    "  local whole = redis.call('TYPE', key).ok == 'hash' and "
    "      redis.call('HGET', key, 'f') == '1' and redis.call('HGET', key, 's') "
    "  if whole and not redis.call('ZSCORE', base .. 'aside', id) then "
    "    local s, p, t = redis.call('HGET', key, 's'), redis.call('HGET', key, 'p'), "
    "        redis.call('HGET', key, 't') "
    "    for other = 0, 4 do "
    "      local there = redis.call('ZSCORE', base .. 'in:' .. other, id) "
    "      if there and tostring(other) ~= s then return bad('in ' .. other, id) end "
    "      if not there and tostring(other) == s then return bad('not in ' .. s, id) end "
    "    end "
    "    local queued = redis.call('ZSCORE', base .. 'q:' .. p .. ':' .. t, id) "
    "    if (s == '0') ~= (queued ~= false) then return bad('queue', id) end "
    "    local leased = redis.call('ZSCORE', base .. 'leases', id) "
    "    if (s == '1') ~= (leased ~= false) then return bad('lease', id) end "
    "    if queued and queued ~= redis.call('HGET', key, 'd') then return bad('due', id) end "
    "    counts[s .. p .. t] = (counts[s .. p .. t] or 0) + 1 "
    "    total = total + 1 "
    "  end "
    "end "
    "local kept = redis.call('HGETALL', base .. 'counts') "
    "for i = 1, #kept, 2 do "
    "  if counts[kept[i]] ~= tonumber(kept[i + 1]) then return bad('count', kept[i]) end "
    "  counts[kept[i]] = nil "
    "end "
    "for name in pairs(counts) do return bad('no count', name) end "
    "local all = 0 "
    "for s = 0, 4 do all = all + redis.call('ZCARD', base .. 'in:' .. s) end "
    "if all ~= total then return bad('indexes hold', all .. ' of ' .. total) end "
    "for p = 0, 2 do "
    "  for _, t in ipairs(redis.call('ZRANGE', base .. 'heads:' .. p, 0, -1)) do "
    "    local first = redis.call('ZRANGE', base .. 'q:' .. p .. ':' .. t, 0, 0, "
    "        'WITHSCORES') "
    "    if first[2] ~= redis.call('ZSCORE', base .. 'heads:' .. p, t) then "
    "      return bad('head', t) "
    "    end "
    "  end "
    "end "
    "return 'agreed'";

void tasks_fixture_check(struct tasks_fixture *f)
{
    assert_string_equal(tasks_fixture_eval(f, auditor), "agreed");
}
