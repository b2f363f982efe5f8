#include "support/fault.h"

#include "support/test.h"

#include <string.h>

static struct fault parse(const char *text, char data[FAULT_DATA_MAX])
{
    char         why[FAULT_WHY_MAX] = "";
    struct fault fault = { 0 };
    if (!fault_parse(text, &fault, data, why)) fail_msg("%s: %s", text, why);
    return fault;
}

static void reads_every_key(void **state)
{
    (void)state;
    char               data[FAULT_DATA_MAX];
    const struct fault cut = parse("cut:direction=to-client,connection=3,times=1,"
                                   "after-messages=2,after-bytes=10,end=half-close",
                                   data);
    assert_int_equal(cut.kind, FAULT_CUT);
    assert_int_equal(cut.direction, FAULT_TO_CLIENT);
    assert_int_equal(cut.connection, 3);
    assert_int_equal(cut.times, 1);
    assert_int_equal(cut.after_messages, 2);
    assert_int_equal(cut.after_bytes, 10);
    assert_int_equal(cut.end, FAULT_HALF_CLOSE);

    const struct fault delay = parse("delay:delay=1.5ms,jitter=300us", data);
    assert_int_equal(delay.delay.ns, 1500000);
    assert_int_equal(delay.jitter.ns, 300000);
    assert_int_equal(parse("throttle:rate=1000", data).rate, 1000);
    assert_int_equal(parse("trickle:delay=2s", data).delay.ns, 2000000000);
    assert_int_equal(parse("refuse", data).kind, FAULT_REFUSE);
    assert_int_equal(parse("refuse:", data).kind, FAULT_REFUSE);

    const struct fault inject = parse("inject:data=+a,b=c\\r\\n\\x00\\\\", data);
    assert_int_equal(inject.data.size, 10);
    assert_memory_equal(inject.data.data, "+a,b=c\r\n\0\\", 10);
}

static void what_it_cannot_read_it_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *named;
    } bad[] = {
        { "", "''" },
        { "explode", "'explode'" },
        { "cut:when=now", "when" },
        { "cut:after-bytes=-1", "after-bytes=-1" },
        { "cut:after-messages=4294967296", "4294967296" },
        { "cut:end=softly", "end=softly" },
        { "cut:end", "end=" },
        { "delay:delay=50", "delay=50" },
        { "delay:delay=ms", "delay=ms" },
        { "delay:delay=nanms", "delay=nanms" },
        { "delay:delay=3601s", "3601s" },
        { "delay", "delay=" },
        { "trickle", "delay=" },
        { "throttle", "rate=" },
        { "throttle:rate=0", "rate=0" },
        { "inject", "data=" },
        { "inject:data=\\q", "data=\\q" },
        { "black-hole:direction=up", "direction=up" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char         data[FAULT_DATA_MAX], why[FAULT_WHY_MAX] = "";
        struct fault fault = { .rate = 77 };
        if (fault_parse(bad[i].text, &fault, data, why)) fail_msg("took %s", bad[i].text);
        assert_int_equal(fault.rate, 77);
        if (!strstr(why, bad[i].named)) fail_msg("%s: says only: %s", bad[i].text, why);
    }
}

static void data_has_a_limit(void **state)
{
    (void)state;
    char text[FAULT_DATA_MAX + 64], data[FAULT_DATA_MAX], why[FAULT_WHY_MAX];
    strcpy(text, "inject:data=");
    const size_t start = strlen(text);
    memset(text + start, 'x', FAULT_DATA_MAX);
    text[start + FAULT_DATA_MAX] = '\0';
    assert_int_equal(parse(text, data).data.size, FAULT_DATA_MAX);

    struct fault fault;
    text[start + FAULT_DATA_MAX] = 'x';
    text[start + FAULT_DATA_MAX + 1] = '\0';
    assert_false(fault_parse(text, &fault, data, why));
}

static void random_ones_are_of_the_wanted_kinds_and_can_be_printed_and_read(void **state)
{
    (void)state;
    struct hf_rng  rng = { 1 };
    const unsigned wanted = 1u << FAULT_DELAY | 1u << FAULT_CUT | 1u << FAULT_THROTTLE |
                            1u << FAULT_TRICKLE | 1u << FAULT_BLACK_HOLE;
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        char               text[256], data[FAULT_DATA_MAX];
        const struct fault fault = fault_random(&rng, wanted);
        seen |= 1u << fault.kind;
        fault_print(&fault, text, sizeof text);
        const struct fault same = parse(text, data);
        assert_int_equal(same.kind, fault.kind);
        assert_int_equal(same.direction, fault.direction);
        if (fault.kind == FAULT_CUT) {
            assert_int_equal(same.after_bytes, fault.after_bytes);
            assert_int_equal(same.end, fault.end);
        }
    }
    assert_int_equal(seen, wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(what_it_cannot_read_it_names),
        cmocka_unit_test(data_has_a_limit),
        cmocka_unit_test(random_ones_are_of_the_wanted_kinds_and_can_be_printed_and_read),
    };
    return RUN_TESTS(tests);
}
