#include "support/embedded.h"

#include "core/alloc.h"
#include "support/counting_allocator.h"
#include "support/leaks.h"
#include "support/process.h"
#include "support/test.h"
#include "support/wait.h"
#include "topology/folder.h"
#include "topology/run_folder.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void wait_to_be_killed(void)
{
    for (;;) pause();
}

static char *fresh_folder(void)
{
    char name[] = "/tmp/hf-embedded-XXXXXX";
    assert_non_null(mkdtemp(name));
    return strdup(name);
}

static void runs_in_a_private_folder_without_a_port(void **state)
{
    (void)state;
    const struct leaks        before = leaks_count();
    struct counting_allocator memory;
    struct hf_embedded       *server;
    counting_allocator_init(&memory);
    assert_int_equal(hf_embedded_start(&memory.base, NULL, &server, NULL), HF_OK);
    struct sight sight = embedded_look(hf_embedded_socket(server));

    struct stat info;
    assert_int_equal(stat(sight.run_folder, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    char *tcp_port = redis_command(sight.socket, "INFO server");
    assert_non_null(strstr(tcp_port, "tcp_port:0\r\n"));
    free(tcp_port);
    assert_int_equal(process_number(sight.keeper, "Threads:"), 1);

    /* Ctrl-C is for us; a share of the processors is for both. */
    assert_int_equal(getsid(sight.redis), getsid(0));
    assert_int_not_equal(getpgid(sight.redis), getpgrp());
    const struct leaks during = leaks_count();
    assert_int_equal(during.children, before.children);
    assert_int_equal(during.descriptors, before.descriptors + 2);

    hf_embedded_stop(server);
    assert_true(path_is_gone(sight.run_folder));
    assert_true(process_is_gone(&sight.redis));
    assert_all_gone(&sight);
    assert_int_equal(memory.blocks, 0);
    assert_true(leaks_settle(&before));
}

static void keeps_data_in_a_folder_for_the_next_run(void **state)
{
    (void)state;
    char *parent = fresh_folder();
    char  folder[256];
    snprintf(folder, sizeof folder, "%s/%0*d", parent, 180, 0); /* Too long for a socket. */

    struct hf_embedded *server = embedded_start(folder);
    struct sight        sight = embedded_look(hf_embedded_socket(server));
    free(redis_command(sight.socket, "SET key kept"));
    hf_embedded_stop(server);
    assert_all_gone(&sight);

    server = embedded_start(folder);
    sight = embedded_look(hf_embedded_socket(server));
    char *value = redis_command(sight.socket, "GET key");
    assert_string_equal(value, "kept");
    free(value);
    hf_embedded_stop(server);
    assert_true(hf_folder_remove(AT_FDCWD, parent));
    free(parent);
}

static void a_second_user_of_a_kept_folder_is_refused_by_name(void **state)
{
    (void)state;
    char               *folder = fresh_folder();
    char                socket[SOCKET_PATH_MAX], text[32];
    const pid_t         host = embedded_start_host(folder, wait_to_be_killed, socket);
    struct hf_embedded *server = NULL;
    struct hf_error     error = { 0 };
    const struct leaks  before = leaks_count();

    assert_int_equal(hf_embedded_start(&hf_allocator_default, folder, &server, &error),
                     HF_E_INVALID);
    assert_null(server);
    assert_non_null(strstr(error.detail, folder));
    snprintf(text, sizeof text, "process %d", (int)host);
    assert_non_null(strstr(error.detail, text));
    assert_true(leaks_settle(&before));
    embedded_look(socket); /* The first is served on. */

    process_kill(host);
    /* At once: the dead host's keeper may still hold the folder. */
    server = embedded_start(folder);
    struct sight sight = embedded_look(hf_embedded_socket(server));
    hf_embedded_stop(server);
    assert_all_gone(&sight);
    hf_folder_remove(AT_FDCWD, folder);
    free(folder);
}

static void a_folder_that_cannot_be_used_is_an_error(void **state)
{
    (void)state;
    const char *const bad[] = { "", "/nonexistent/folder", "/dev/null", "/proc" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hf_embedded *server = NULL;
        struct hf_error     error = { 0 };
        assert_int_equal(hf_embedded_start(&hf_allocator_default, bad[i], &server, &error),
                         HF_E_INVALID);
        assert_null(server);
        assert_non_null(strstr(error.detail, bad[i]));
    }
}

static void without_redis_server_it_says_how_to_install_it(void **state)
{
    (void)state;
    const char         *found = getenv("PATH");
    char               *path = strdup(found ? found : "/usr/bin:/bin");
    struct hf_embedded *server = NULL;
    struct hf_error     error = { 0 };
    setenv("PATH", "/nonexistent::relative:/dev", 1);
    const hf_err err = hf_embedded_start(&hf_allocator_default, NULL, &server, &error);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(err, HF_E_NO_SERVER);
    assert_null(server);
    assert_non_null(strstr(error.detail, "apt-get install redis-server"));
}

static void make_older(const char *folder, time_t seconds)
{
    struct timespec times[2];
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    assert_int_equal(utimensat(AT_FDCWD, folder, times, 0), 0);
}

static void sweeps_old_folders_that_nobody_lives_in(void **state)
{
    (void)state;
    char         fresh[HF_RUN_FOLDER_MAX], alien[] = "/tmp/holdfast-run-alien-XXXXXX";
    char         socket[SOCKET_PATH_MAX];
    const pid_t  host = embedded_start_host(NULL, wait_to_be_killed, socket);
    struct sight stale = embedded_look(socket);
    kill(stale.keeper, SIGKILL); /* Before its host, so that nobody cleans up. */
    assert_true(wait_until(process_is_gone, &stale.keeper, embedded_bound));
    process_kill(host);
    make_older(stale.run_folder, HF_SWEEP_AGE_S + 2);
    assert_int_equal(hf_run_folder_make(fresh, NULL), HF_OK);
    assert_non_null(mkdtemp(alien)); /* Not ours: it has no lock file. */
    make_older(alien, 1000);

    struct hf_embedded *living = embedded_start(NULL);
    struct sight        sight = embedded_look(hf_embedded_socket(living));
    make_older(sight.run_folder, 1000);
    struct hf_embedded *server = embedded_start(NULL);
    assert_true(wait_until(path_is_gone, stale.run_folder, embedded_bound));
    assert_true(redis_is_the_same(&sight));
    assert_false(path_is_gone(sight.run_folder));
    assert_false(path_is_gone(fresh));
    assert_false(path_is_gone(alien));

    hf_embedded_stop(server);
    hf_embedded_stop(living);
    hf_folder_remove(AT_FDCWD, fresh);
    hf_folder_remove(AT_FDCWD, alien);
}

static void a_forked_child_that_stops_it_only_closes_its_descriptors(void **state)
{
    (void)state;
    struct hf_embedded *server = embedded_start(NULL);
    struct sight        sight = embedded_look(hf_embedded_socket(server));
    const pid_t         child = fork();
    if (child == 0) {
        hf_embedded_stop(server);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    assert_true(stays_true(redis_is_the_same, &sight, hf_ms(200)));
    hf_embedded_stop(server);
    assert_all_gone(&sight);
}

enum { BUSY_THREADS = 2, ROUNDS = 4 };

struct busy {
    pthread_t   thread[BUSY_THREADS];
    atomic_bool ending;
};

static void *allocate_all_the_time(void *ctx)
{
    struct busy *busy = ctx;
    while (!busy->ending) free(malloc(1000));
    return NULL;
}

static void starts_from_a_process_with_busy_threads(void **state)
{
    (void)state;
    struct busy busy = { 0 };
    for (int i = 0; i < BUSY_THREADS; i++) {
        assert_int_equal(pthread_create(&busy.thread[i], NULL, allocate_all_the_time, &busy),
                         0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct hf_embedded *server = embedded_start(NULL);
        struct sight        sight = embedded_look(hf_embedded_socket(server));
        hf_embedded_stop(server);
        assert_all_gone(&sight);
    }
    busy.ending = true;
    for (int i = 0; i < BUSY_THREADS; i++) pthread_join(busy.thread[i], NULL);
}

static void running_out_of_memory_starts_nothing(void **state)
{
    (void)state;
    struct counting_allocator memory;
    struct hf_embedded       *server = NULL;
    counting_allocator_init(&memory);
    memory.fail_at = 1;
    assert_int_equal(hf_embedded_start(&memory.base, NULL, &server, NULL), HF_E_NOMEM);
    assert_null(server);
    hf_embedded_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_in_a_private_folder_without_a_port),
        cmocka_unit_test(keeps_data_in_a_folder_for_the_next_run),
        cmocka_unit_test(a_second_user_of_a_kept_folder_is_refused_by_name),
        cmocka_unit_test(a_folder_that_cannot_be_used_is_an_error),
        cmocka_unit_test(without_redis_server_it_says_how_to_install_it),
        cmocka_unit_test(sweeps_old_folders_that_nobody_lives_in),
        cmocka_unit_test(a_forked_child_that_stops_it_only_closes_its_descriptors),
        cmocka_unit_test(starts_from_a_process_with_busy_threads),
        cmocka_unit_test(running_out_of_memory_starts_nothing),
    };
    return RUN_TESTS(tests);
}
