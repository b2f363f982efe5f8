/* Commands that change their connection, at a client whose connections are shared. */

#include <holdfast/holdfast.h>

#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"

static void what_would_change_a_shared_connection_is_refused_and_harms_nobody(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    struct hf_client    *c = client_open_ready(redis_server_unix_url(server), NULL);
    assert_int_equal(client_do(c, "SET", "k", "v", NULL), HF_OK);

    assert_int_equal(client_do(c, "SELECT", "1", NULL), HF_E_INVALID);
    assert_int_equal(client_do(c, "multi", NULL), HF_E_INVALID);
    assert_int_equal(client_do(c, "WATCH", "k", NULL), HF_E_INVALID);
    assert_int_equal(client_do(c, "SUBSCRIBE", "channel", NULL), HF_E_INVALID);
    assert_int_equal(client_do(c, "MONITOR", NULL), HF_E_INVALID);
    assert_int_equal(client_do(c, "QUIT", NULL), HF_E_INVALID);
    assert_int_equal(client_do(c, "CLIENT", "REPLY", "OFF", NULL), HF_E_INVALID);

    assert_string_equal(client_text(c, "GET", "k", NULL), "v");
    assert_int_equal(client_do(c, "CLIENT", "ID", NULL), HF_OK);
    hf_client_close(c);
    redis_server_close(server);
}

static void a_batch_takes_none_either(void **state)
{
    (void)state;
    struct hf_client     *c = client_open("unix:/nowhere/at/all", NULL);
    struct hf_batch      *batch;
    const struct hf_bytes select[] = { hf_str("SELECT"), hf_str("1") };
    const struct hf_bytes get[] = { hf_str("GET"), hf_str("k") };
    const struct hf_bytes nothing = hf_bytes(NULL, 3);
    assert_int_equal(hf_batch_open(c, &batch), HF_OK);
    assert_int_equal(hf_batch_add(batch, select, 2), HF_E_INVALID);
    assert_int_equal(hf_batch_add(batch, &nothing, 1), HF_E_INVALID);
    assert_int_equal(hf_batch_add(batch, get, 0), HF_E_INVALID);
    assert_int_equal(hf_batch_count(batch), 0);
    assert_int_equal(hf_batch_add(batch, get, 2), HF_OK);
    assert_int_equal(hf_batch_count(batch), 1);
    hf_batch_close(batch);
    hf_client_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_would_change_a_shared_connection_is_refused_and_harms_nobody),
        cmocka_unit_test(a_batch_takes_none_either),
    };
    return RUN_TESTS(tests);
}
