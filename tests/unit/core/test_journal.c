#include "core/journal.h"
#include "core/little_endian.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SIZE = 16384 };

static struct {
    char folder[64];
    char path[80];
    int  fd;
} journal;

static int open_journal(void **state)
{
    (void)state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(journal.folder, sizeof journal.folder, "/tmp/holdfast-journal-XXXXXX");
    assert_non_null(mkdtemp(journal.folder));
    snprintf(journal.path, sizeof journal.path, "%s/socket", journal.folder);
    memcpy(address.sun_path, journal.path, strlen(journal.path));
    journal.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(journal.fd >= 0);
    assert_int_equal(bind(journal.fd, (struct sockaddr *)&address, sizeof address), 0);
    return 0;
}

static int close_journal(void **state)
{
    (void)state;
    close(journal.fd);
    unlink(journal.path);
    rmdir(journal.folder);
    return 0;
}

static struct hf_log_record record_of(const char *text)
{
    static const struct hf_log_field fields[] = { { "endpoint", "unix:/run/s", 0 },
                                                  { "down_ms", NULL, 1234 } };
    return (struct hf_log_record){ .level = HF_LOG_WARN,
                                   .event = HF_EVENT_RECONNECTED,
                                   .part = "endpoint",
                                   .text = text,
                                   .fields = fields,
                                   .field_count = 2 };
}

static void a_record_is_one_datagram_of_fields(void **state)
{
    (void)state;
    struct hf_log_record record = record_of("connected again");
    char                 bytes[SIZE] = "";
    record.held_back = 3;
    record.is_cut = true;
    assert_true(hf_journal_write(journal.path, &record));
    assert_true(recv(journal.fd, bytes, SIZE - 1, 0) > 0);
    assert_string_equal(bytes, "MESSAGE=connected again\n"
                               "PRIORITY=4\n"
                               "HOLDFAST_EVENT=reconnected\n"
                               "HOLDFAST_PART=endpoint\n"
                               "HOLDFAST_ENDPOINT=unix:/run/s\n"
                               "HOLDFAST_DOWN_MS=1234\n"
                               "HOLDFAST_HELD_BACK=3\n"
                               "HOLDFAST_CUT=true\n");
}

static void a_value_with_a_newline_carries_its_length(void **state)
{
    (void)state;
    const char          *text = "two\nPRIORITY=0";
    struct hf_log_record record = record_of(text);
    unsigned char        bytes[SIZE];
    assert_true(hf_journal_write(journal.path, &record));
    assert_true(recv(journal.fd, bytes, SIZE, 0) > 0);
    assert_memory_equal(bytes, "MESSAGE\n", 8);
    assert_int_equal(hf_take_u64(bytes + 8), strlen(text));
    assert_memory_equal(bytes + 16, "two\nPRIORITY=0\nPRIORITY=4\n", 26);
}

static void levels_are_those_of_syslog(void **state)
{
    (void)state;
    const struct {
        enum hf_log_level level;
        const char       *line;
    } cases[] = {
        { HF_LOG_DEBUG, "\nPRIORITY=7\n" },
        { HF_LOG_INFO, "\nPRIORITY=6\n" },
        { HF_LOG_WARN, "\nPRIORITY=4\n" },
        { HF_LOG_ERROR, "\nPRIORITY=3\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hf_log_record record = record_of("x");
        char                 bytes[SIZE] = "";
        record.level = cases[i].level;
        assert_true(hf_journal_write(journal.path, &record));
        assert_true(recv(journal.fd, bytes, SIZE - 1, 0) > 0);
        assert_non_null(strstr(bytes, cases[i].line));
    }
}

static void a_journal_that_is_not_there_or_full_is_said_at_once(void **state)
{
    (void)state;
    const struct hf_log_record record = record_of("x");
    char                       endless[300];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_false(hf_journal_write("/nowhere/at/all", &record));
    assert_false(hf_journal_write(endless, &record));

    int written = 0;
    while (written < 100000 && hf_journal_write(journal.path, &record)) written++;
    assert_in_range(written, 1, 99999);
}

static void the_descriptor_must_be_the_one_that_is_named(void **state)
{
    (void)state;
    struct stat status;
    char        name[64], other[64];
    assert_int_equal(fstat(journal.fd, &status), 0);
    snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino);
    snprintf(other, sizeof other, "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino + 1);
    assert_true(hf_journal_is_stream(name, journal.fd));
    assert_false(hf_journal_is_stream(other, journal.fd));
    assert_false(hf_journal_is_stream(NULL, journal.fd));
    assert_false(hf_journal_is_stream(name, -1));
    const char *const bad[] = { "", ":", "1", "1:", "a:b", "8:1x", "8 1" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(hf_journal_is_stream(bad[i], journal.fd));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_is_one_datagram_of_fields, open_journal,
                                        close_journal),
        cmocka_unit_test_setup_teardown(a_value_with_a_newline_carries_its_length,
                                        open_journal, close_journal),
        cmocka_unit_test_setup_teardown(levels_are_those_of_syslog, open_journal,
                                        close_journal),
        cmocka_unit_test_setup_teardown(a_journal_that_is_not_there_or_full_is_said_at_once,
                                        open_journal, close_journal),
        cmocka_unit_test_setup_teardown(the_descriptor_must_be_the_one_that_is_named,
                                        open_journal, close_journal),
    };
    return RUN_TESTS(tests);
}
