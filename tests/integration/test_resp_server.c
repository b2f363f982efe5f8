/* The wire format against a real server: every type it can send, in both protocols, and the
 * errors that it gives when it is treated badly. */

#include "core/alloc.h"
#include "net/resp_reader.h"
#include "net/resp_writer.h"
#include "net/server_error.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/transcript.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { WORDS_MAX = 16 };

struct peer {
    int                   fd;
    struct hf_resp_reader reader;
};

static struct redis_server *server;

static void peer_open(struct peer *p)
{
    const struct timeval patience = { .tv_sec = 30 };
    struct sockaddr_un   address = { .sun_family = AF_UNIX };
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_in_range(strlen(redis_server_socket(server)), 1, sizeof address.sun_path - 1);
    strcpy(address.sun_path, redis_server_socket(server));
    assert_int_equal(connect(p->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience),
                     0);
    hf_resp_reader_init(&p->reader, &hf_allocator_default, &transcript_limits);
}

static void peer_close(struct peer *p)
{
    assert_true(hf_resp_reader_is_idle(&p->reader));
    hf_resp_reader_deinit(&p->reader);
    close(p->fd);
}

static void send_argv(struct peer *p, const struct hf_bytes *argv, size_t argc)
{
    struct hf_buffer out;
    hf_buffer_init(&out, &hf_allocator_default, 1 << 30);
    assert_int_equal(hf_resp_encode(&out, argv, argc), HF_OK);
    while (hf_buffer_size(&out) > 0) {
        const ssize_t sent = send(p->fd, hf_buffer_bytes(&out), hf_buffer_size(&out),
                                  MSG_NOSIGNAL);
        assert_true(sent > 0);
        hf_buffer_consume(&out, (size_t)sent);
    }
    hf_buffer_deinit(&out);
}

/* Words are separated by blanks, and '_' in a word is a blank. */
static void send_command(struct peer *p, const char *command)
{
    struct hf_bytes argv[WORDS_MAX];
    size_t          argc = 0;
    char           *copy = strdup(command);
    char           *rest = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        for (char *at = word; (at = strchr(at, '_'));) *at = ' ';
        assert_in_range(argc, 0, WORDS_MAX - 1);
        argv[argc++] = hf_str(word);
    }
    send_argv(p, argv, argc);
    free(copy);
}

static struct hf_reply *receive(struct peer *p)
{
    for (;;) {
        struct hf_reply *reply;
        assert_int_equal(hf_resp_reader_next(&p->reader, &reply), HF_OK);
        if (reply) return reply;

        void  *room;
        size_t size;
        assert_int_equal(hf_resp_reader_space(&p->reader, &room, &size), HF_OK);
        const ssize_t got = recv(p->fd, room, size, 0);
        assert_true(got > 0);
        hf_resp_reader_filled(&p->reader, (size_t)got);
    }
}

/* What the next reply comes to; valid until the next call. */
static const char *next(struct peer *p)
{
    static char      text[1000];
    struct hf_reply *reply = receive(p);
    FILE            *out = fmemopen(text, sizeof text, "w");
    transcript_reply(reply, out);
    fclose(out);
    hf_reply_free(reply);
    return text;
}

static const char *ask(struct peer *p, const char *command)
{
    send_command(p, command);
    return next(p);
}

static void greet(struct peer *p, const char *hello)
{
    send_command(p, hello);
    struct hf_reply *reply = receive(p);
    assert_true(hf_reply_is_text(hf_reply_get(reply, "server"), "redis"));
    hf_reply_free(reply);
}

static void every_type_arrives_over_resp3(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p);
    greet(&p, "HELLO 3");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL STRING"), "\"Hello World\"");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL INTEGER"), ":12345");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL DOUBLE"), ",3.141");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL NULL"), "null");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL ARRAY"), "[:0 :1 :2]");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL SET"), "~[:0 :1 :2]");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL MAP"), "{:0 #f :1 #t :2 #f}");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL VERBATIM"),
                        "=\"This is a verbatim\\x0astring\"");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL TRUE"), "#t");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL FALSE"), "#f");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL BIGNUM"),
                        "(1234567999999999999999999999999999999");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL ATTRIB"),
                        "\"Some real reply following the attribute\"");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL PUSH"), ">[\"server-cpu-usage\" :42]");
    assert_string_equal(next(&p), "\"Some real reply following the push reply\"");
    assert_string_equal(ask(&p, "ECHO in_step"), "\"in step\"");
    peer_close(&p);
}

static void every_type_arrives_over_resp2(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p);
    greet(&p, "HELLO 2");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL STRING"), "\"Hello World\"");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL INTEGER"), ":12345");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL DOUBLE"), "\"3.141\"");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL NULL"), "null");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL ARRAY"), "[:0 :1 :2]");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL SET"), "[:0 :1 :2]");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL MAP"), "[:0 :0 :1 :1 :2 :0]");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL VERBATIM"),
                        "\"This is a verbatim\\x0astring\"");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL TRUE"), ":1");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL FALSE"), ":0");
    assert_string_equal(ask(&p, "DEBUG PROTOCOL BIGNUM"),
                        "\"1234567999999999999999999999999999999\"");
    assert_string_equal(ask(&p, "BLPOP nosuch 0.001"), "null");
    assert_string_equal(ask(&p, "ECHO in_step"), "\"in step\"");
    peer_close(&p);
}

static void binary_keys_and_values_come_back_as_they_went(void **state)
{
    (void)state;
    static char all[256 * 1000];
    for (size_t i = 0; i < sizeof all; i++) all[i] = (char)(i + i / 256);
    const struct hf_bytes key = hf_bytes("a\0b\r\n*1\r\n", 9);
    const struct hf_bytes set[] = { hf_str("SET"), key, hf_bytes(all, sizeof all) };
    const struct hf_bytes get[] = { hf_str("GET"), key };
    struct peer           p;
    peer_open(&p);
    send_argv(&p, set, 3);
    assert_string_equal(next(&p), "+OK");
    send_argv(&p, get, 2);
    struct hf_reply *reply = receive(&p);
    struct hf_bytes  bytes;
    assert_int_equal(hf_reply_bytes(reply, &bytes), HF_OK);
    assert_int_equal(bytes.size, sizeof all);
    assert_memory_equal(bytes.data, all, sizeof all);
    hf_reply_free(reply);
    assert_string_equal(ask(&p, "FLUSHALL"), "+OK");
    peer_close(&p);
}

static void invalidations_come_as_pushes_between_replies(void **state)
{
    (void)state;
    struct peer p, other;
    peer_open(&p);
    peer_open(&other);
    greet(&p, "HELLO 3");
    assert_string_equal(ask(&p, "CLIENT TRACKING ON"), "+OK");
    assert_string_equal(ask(&p, "GET tracked"), "null");
    assert_string_equal(ask(&other, "SET tracked 1"), "+OK");
    assert_string_equal(next(&p), ">[\"invalidate\" [\"tracked\"]]");
    assert_string_equal(ask(&p, "GET tracked"), "\"1\"");
    assert_string_equal(ask(&other, "FLUSHALL"), "+OK");
    assert_string_equal(next(&p), ">[\"invalidate\" null]");
    assert_string_equal(ask(&p, "ECHO in_step"), "\"in step\"");
    peer_close(&other);
    peer_close(&p);
}

static void expect_error(struct peer *p, const char *command, hf_err code)
{
    send_command(p, command);
    struct hf_reply *reply = receive(p);
    struct hf_bytes  text = hf_str("");
    if (hf_reply_type(reply) != HF_REPLY_ERROR) fail_msg("%s: no error", command);
    assert_int_equal(hf_reply_bytes(reply, &text), HF_OK);
    if (hf_server_error(text) != code) {
        fail_msg("%s: %s", command, (const char *)text.data);
    }
    hf_reply_free(reply);
}

static void mistakes_of_a_command_are_told_apart(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p);
    assert_string_equal(ask(&p, "SET text x"), "+OK");
    expect_error(&p, "NOSUCH", HF_E_REPLY);
    expect_error(&p, "GET", HF_E_REPLY);
    expect_error(&p, "INCR text", HF_E_REPLY);
    expect_error(&p, "LPUSH text x", HF_E_WRONGTYPE);
    expect_error(&p, "EVALSHA 0000000000000000000000000000000000000000 0", HF_E_NOSCRIPT);
    expect_error(&p, "EVAL return_redis.call('lpush','text','x') 0", HF_E_WRONGTYPE);
    expect_error(&p, "EVAL error('x') 0", HF_E_REPLY);
    expect_error(&p, "RESTORE text 0 x", HF_E_REPLY);
    expect_error(&p, "XGROUP CREATE nosuch g 0", HF_E_REPLY);
    assert_string_equal(ask(&p, "MULTI"), "+OK");
    expect_error(&p, "GET", HF_E_REPLY);
    expect_error(&p, "EXEC", HF_E_EXECABORT);
    assert_string_equal(ask(&p, "FLUSHALL"), "+OK");
    peer_close(&p);
}

static void credentials_and_permissions_are_told_apart(void **state)
{
    (void)state;
    struct peer p, other;
    peer_open(&p);
    peer_open(&other);
    expect_error(&p, "AUTH secret", HF_E_AUTH);
    expect_error(&p, "AUTH nosuch secret", HF_E_AUTH);
    assert_string_equal(ask(&p, "ACL SETUSER reader on >secret ~r* +get"), "+OK");
    assert_string_equal(ask(&other, "AUTH reader secret"), "+OK");
    expect_error(&other, "SET r x", HF_E_NOPERM);
    expect_error(&other, "GET x", HF_E_NOPERM);
    peer_close(&other);

    assert_string_equal(ask(&p, "CONFIG SET requirepass secret"), "+OK");
    peer_open(&other);
    expect_error(&other, "GET x", HF_E_AUTH);
    expect_error(&other, "HELLO 3", HF_E_AUTH);
    peer_close(&other);
    assert_string_equal(ask(&p, "CONFIG SET requirepass "), "-ERR wrong number of arguments "
                                                            "for 'config|set' command");
    const struct hf_bytes clear[] = { hf_str("CONFIG"), hf_str("SET"), hf_str("requirepass"),
                                      hf_str("") };
    send_argv(&p, clear, 4);
    assert_string_equal(next(&p), "+OK");
    peer_close(&p);
}

static void states_of_the_server_are_told_apart(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p);
    assert_string_equal(ask(&p, "CONFIG SET maxmemory 1"), "+OK");
    expect_error(&p, "SET a b", HF_E_OOM);
    expect_error(&p, "EVAL return_redis.call('set','a','b') 0", HF_E_OOM_SCRIPT);
    assert_string_equal(ask(&p, "CONFIG SET maxmemory 0"), "+OK");

    assert_string_equal(ask(&p, "CONFIG SET min-replicas-to-write 1"), "+OK");
    expect_error(&p, "SET a b", HF_E_NOREPLICAS);
    assert_string_equal(ask(&p, "CONFIG SET min-replicas-to-write 0"), "+OK");

    assert_string_equal(ask(&p, "REPLICAOF 127.0.0.1 1"), "+OK");
    expect_error(&p, "SET a b", HF_E_READONLY);
    expect_error(&p, "EVAL return_redis.call('set','a','b') 0", HF_E_READONLY);
    assert_string_equal(ask(&p, "CONFIG SET replica-serve-stale-data no"), "+OK");
    expect_error(&p, "GET a", HF_E_MASTERDOWN);
    assert_string_equal(ask(&p, "CONFIG SET replica-serve-stale-data yes"), "+OK");
    assert_string_equal(ask(&p, "REPLICAOF NO ONE"), "+OK");
    peer_close(&p);
}

static void a_full_server_says_so_before_any_command(void **state)
{
    (void)state;
    struct peer p, other;
    peer_open(&p);
    assert_string_equal(ask(&p, "CONFIG SET maxclients 1"), "+OK");
    peer_open(&other);
    struct hf_reply *reply = receive(&other);
    struct hf_bytes  text = hf_str("");
    assert_int_equal(hf_reply_type(reply), HF_REPLY_ERROR);
    assert_int_equal(hf_reply_bytes(reply, &text), HF_OK);
    assert_int_equal(hf_server_error(text), HF_E_MAX_CLIENTS);
    hf_reply_free(reply);
    peer_close(&other);
    assert_string_equal(ask(&p, "CONFIG SET maxclients 100"), "+OK");
    peer_close(&p);
}

/* What was sent on another connection may reach the server after this. */
static void wait_until_refused(struct peer *p)
{
    int tries = 0;
    while (strcmp(ask(p, "GET nosuch"), "null") == 0) assert_in_range(++tries, 1, 10000);
}

static void a_server_in_a_script_is_busy(void **state)
{
    (void)state;
    struct peer p, other;
    peer_open(&p);
    peer_open(&other);
    assert_string_equal(ask(&p, "CONFIG SET busy-reply-threshold 1"), "+OK");
    send_command(&p, "EVAL while_true_do_end 0");
    wait_until_refused(&other);
    expect_error(&other, "GET a", HF_E_SERVER_BUSY);
    assert_string_equal(ask(&other, "SCRIPT KILL"), "+OK");
    hf_reply_free(receive(&p));
    assert_string_equal(ask(&p, "CONFIG SET busy-reply-threshold 5000"), "+OK");
    peer_close(&other);
    peer_close(&p);
}

static void a_loading_server_says_so(void **state)
{
    (void)state;
    struct peer p, other;
    redis_server_do(server, "DEBUG POPULATE 2000");
    redis_server_do(server, "SAVE");
    redis_server_do(server, "CONFIG SET loading-process-events-interval-bytes 1024");
    redis_server_do(server, "CONFIG SET key-load-delay 1000");
    peer_open(&p);
    peer_open(&other);
    send_command(&p, "DEBUG RELOAD NOSAVE");
    wait_until_refused(&other);
    expect_error(&other, "GET a", HF_E_LOADING);
    assert_string_equal(ask(&other, "CONFIG SET key-load-delay 0"), "+OK");
    assert_string_equal(next(&p), "+OK");
    assert_string_equal(ask(&p, "FLUSHALL"), "+OK");
    peer_close(&other);
    peer_close(&p);
}

static int start_server(void **state)
{
    (void)state;
    const char *const args[] = { "--enable-debug-command", "yes", NULL };
    server = redis_server_open(&(struct redis_server_options){ .args = args });
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    redis_server_close(server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_arrives_over_resp3),
        cmocka_unit_test(every_type_arrives_over_resp2),
        cmocka_unit_test(binary_keys_and_values_come_back_as_they_went),
        cmocka_unit_test(invalidations_come_as_pushes_between_replies),
        cmocka_unit_test(mistakes_of_a_command_are_told_apart),
        cmocka_unit_test(credentials_and_permissions_are_told_apart),
        cmocka_unit_test(states_of_the_server_are_told_apart),
        cmocka_unit_test(a_full_server_says_so_before_any_command),
        cmocka_unit_test(a_server_in_a_script_is_busy),
        cmocka_unit_test(a_loading_server_says_so),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
