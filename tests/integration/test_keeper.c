/* What becomes of the server when the application, a thread of it, redis or the keeper ends.
 */

#include "support/embedded.h"
#include "support/process.h"
#include "support/test.h"
#include "support/wait.h"
#include "topology/shed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_to_be_killed(void)
{
    for (;;) pause();
}

static void execute_another_program(void)
{
    execlp("sleep", "sleep", "60", (char *)NULL);
}

/* A grandchild that holds copies of every descriptor must not keep the server alive. It ends
 * when the test closes the lifeline. */
static int lifeline[2];

static void fork_and_wait_to_be_killed(void)
{
    if (fork() == 0) {
        char byte;
        close(lifeline[1]);
        _exit(read(lifeline[0], &byte, 1) != 0);
    }
    wait_to_be_killed();
}

static void goes_when_its_host_is_killed(void **state)
{
    (void)state;
    char         socket[SOCKET_PATH_MAX];
    const pid_t  host = embedded_start_host(NULL, wait_to_be_killed, socket);
    struct sight sight = embedded_look(socket);
    process_kill(host);
    assert_all_gone(&sight);
}

static void goes_when_its_host_is_killed_though_redis_hangs(void **state)
{
    (void)state;
    char         socket[SOCKET_PATH_MAX];
    const pid_t  host = embedded_start_host(NULL, wait_to_be_killed, socket);
    struct sight sight = embedded_look(socket);
    kill(sight.redis, SIGSTOP);
    process_kill(host);
    assert_all_gone(&sight);
}

static void goes_when_its_host_executes_another_program(void **state)
{
    (void)state;
    char        socket[SOCKET_PATH_MAX];
    const pid_t host = embedded_start_host(NULL, execute_another_program, socket);
    *strrchr(socket, '/') = '\0';
    assert_true(wait_until(path_is_gone, socket, embedded_bound));
    process_kill(host);
}

static void end_at_sigusr1(void)
{
    sigset_t wanted;
    int      number;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    sigwait(&wanted, &number);
}

static void goes_when_its_host_exits_without_stopping_it(void **state)
{
    (void)state;
    char     socket[SOCKET_PATH_MAX];
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    const pid_t  host = embedded_start_host(NULL, end_at_sigusr1, socket);
    struct sight sight = embedded_look(socket);
    kill(host, SIGUSR1);
    waitpid(host, NULL, 0);
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    assert_all_gone(&sight);
}

static void goes_with_its_host_though_a_fork_lives_on(void **state)
{
    (void)state;
    char socket[SOCKET_PATH_MAX];
    assert_int_equal(pipe2(lifeline, O_CLOEXEC), 0);
    const pid_t  host = embedded_start_host(NULL, fork_and_wait_to_be_killed, socket);
    struct sight sight = embedded_look(socket);
    process_kill(host);
    assert_all_gone(&sight);
    close(lifeline[0]);
    close(lifeline[1]);
}

static void *start_in_thread(void *ctx)
{
    *(struct hf_embedded **)ctx = embedded_start(NULL);
    return NULL;
}

static void stays_when_the_thread_that_started_it_ends(void **state)
{
    (void)state;
    struct hf_embedded *server;
    pthread_t           thread;
    assert_int_equal(pthread_create(&thread, NULL, start_in_thread, &server), 0);
    pthread_join(thread, NULL);

    struct sight sight = embedded_look(hf_embedded_socket(server));
    assert_true(stays_true(redis_is_the_same, &sight, hf_ms(300)));
    hf_embedded_stop(server);
    assert_all_gone(&sight);
}

static void a_killed_redis_is_started_again_each_time(void **state)
{
    (void)state;
    struct hf_embedded *server = embedded_start(NULL);
    struct sight        sight = embedded_look(hf_embedded_socket(server));
    for (int i = 0; i < 3; i++) {
        kill(sight.redis, SIGKILL);
        assert_true(wait_until(redis_is_another, &sight, embedded_bound));
        sight = embedded_look(sight.socket);
    }
    hf_embedded_stop(server);
    assert_all_gone(&sight);
}

static void redis_dies_with_a_killed_keeper_and_stop_removes_the_folder(void **state)
{
    (void)state;
    struct hf_embedded *server = embedded_start(NULL);
    struct sight        sight = embedded_look(hf_embedded_socket(server));
    kill(sight.keeper, SIGKILL);
    assert_true(wait_until(process_is_gone, &sight.redis, embedded_bound));
    hf_embedded_stop(server);
    assert_all_gone(&sight);
}

static void the_keeper_stays_when_a_whole_service_is_told_to_end(void **state)
{
    (void)state;
    struct hf_embedded *server = embedded_start(NULL);
    struct sight        sight = embedded_look(hf_embedded_socket(server));
    kill(sight.keeper, SIGTERM);
    kill(sight.keeper, SIGHUP);
    kill(sight.redis, SIGTERM);
    assert_true(wait_until(redis_is_another, &sight, embedded_bound));
    sight = embedded_look(sight.socket);
    hf_embedded_stop(server);
    assert_all_gone(&sight);
}

static void holds_nothing_open_of_its_host(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0); /* Inheritable, like a shell's pipe. */
    struct hf_embedded *server = embedded_start(NULL);
    embedded_look(hf_embedded_socket(server));
    close(ends[1]);

    char          byte;
    struct pollfd end_of_file = { .fd = ends[0], .events = POLLIN };
    assert_int_equal(poll(&end_of_file, 1, 10000), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    hf_embedded_stop(server);
}

static void the_keeper_sheds_the_memory_of_its_host(void **state)
{
    (void)state;
    const size_t size = (size_t)64 << 20;
    char        *large = malloc(size);
    assert_non_null(large);
    memset(large, 1, size);
    struct hf_embedded *server = embedded_start(NULL);
    const struct sight  sight = embedded_look(hf_embedded_socket(server));
    if (HF_SHEDS_MEMORY) {
        assert_in_range(process_number(sight.keeper, "RssAnon:"), 0, 16 << 10); /* kB */
    }
    assert_int_equal(large[size - 1], 1);
    hf_embedded_stop(server);
    free(large);
}

static atomic_int children_heard;

static void hear_child(int number)
{
    (void)number;
    children_heard++;
}

static void the_host_hears_of_no_child(void **state)
{
    (void)state;
    struct sigaction before;
    struct sigaction hear = { .sa_handler = hear_child };
    children_heard = 0;
    sigaction(SIGCHLD, &hear, &before);
    struct hf_embedded *server = embedded_start(NULL);
    struct sight        sight = embedded_look(hf_embedded_socket(server));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    kill(sight.redis, SIGKILL);
    assert_true(wait_until(redis_is_another, &sight, embedded_bound));
    hf_embedded_stop(server);
    sigaction(SIGCHLD, &before, NULL);
    assert_int_equal(children_heard, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_when_its_host_is_killed),
        cmocka_unit_test(goes_when_its_host_is_killed_though_redis_hangs),
        cmocka_unit_test(goes_when_its_host_executes_another_program),
        cmocka_unit_test(goes_when_its_host_exits_without_stopping_it),
        cmocka_unit_test(goes_with_its_host_though_a_fork_lives_on),
        cmocka_unit_test(stays_when_the_thread_that_started_it_ends),
        cmocka_unit_test(a_killed_redis_is_started_again_each_time),
        cmocka_unit_test(redis_dies_with_a_killed_keeper_and_stop_removes_the_folder),
        cmocka_unit_test(the_keeper_stays_when_a_whole_service_is_told_to_end),
        cmocka_unit_test(holds_nothing_open_of_its_host),
        cmocka_unit_test(the_keeper_sheds_the_memory_of_its_host),
        cmocka_unit_test(the_host_hears_of_no_child),
    };
    return RUN_TESTS(tests);
}
