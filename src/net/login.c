#include "net/login.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "core/thread.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum login_state { LOGIN_IDLE, LOGIN_ASKING, LOGIN_TOLD };

struct hf_login {
    const struct hf_allocator *allocator;
    hf_credentials_fn          ask;
    void                      *ctx;
    int                        event_fd;
    pthread_t                  thread;
    bool                       has_thread;  /* To be joined; it may have ended. */
    bool                       is_forked;   /* The count of who waits may be off by one. */
    struct hf_credentials      credentials; /* The thread's while ASKING. */
    struct hf_error            error;       /* Likewise. */

    pthread_mutex_t lock;
    struct {
        enum login_state state;
        unsigned         waiting; /* Started and not yet dropped. */
        bool             is_stale;
    } locked;
};

static void wipe(struct hf_login *login)
{
    explicit_bzero(&login->credentials, sizeof login->credentials);
}

static bool is_whole(const struct hf_credentials *c)
{
    return memchr(c->user, '\0', sizeof c->user) &&
           memchr(c->password, '\0', sizeof c->password);
}

static void ask(struct hf_login *login)
{
    struct hf_error story = { .code = HF_OK };
    wipe(login);
    const hf_err err = login->ask(&login->credentials, &story, login->ctx);
    login->error.code = HF_OK;
    story.detail[sizeof story.detail - 1] = '\0';
    if (err) {
        (void)hf_fail(&login->error, HF_E_AUTH, "credentials: %s",
                      story.detail[0] ? story.detail : hf_err_text(err));
    } else if (!is_whole(&login->credentials)) {
        (void)hf_fail(&login->error, HF_E_AUTH, "credentials: longer than the limit");
    }
}

/* Locked. Nobody waits: what was told is not kept. */
static void settle(struct hf_login *login)
{
    if (login->locked.waiting > 0 || login->locked.state != LOGIN_TOLD) return;
    eventfd_t count;
    wipe(login);
    login->locked.state = LOGIN_IDLE;
    (void)eventfd_read(login->event_fd, &count);
}

static void *work(void *arg)
{
    struct hf_login *login = arg;
    bool             is_stale = true;
    while (is_stale) {
        ask(login);
        pthread_mutex_lock(&login->lock);
        is_stale = login->locked.is_stale && login->locked.waiting > 0;
        login->locked.is_stale = false;
        if (!is_stale) {
            login->locked.state = LOGIN_TOLD;
            (void)eventfd_write(login->event_fd, 1);
            settle(login);
        }
        pthread_mutex_unlock(&login->lock);
    }
    return NULL;
}

hf_err hf_login_open(struct hf_login **opened, const struct hf_allocator *a,
                     hf_credentials_fn ask_fn, void *ctx)
{
    struct hf_login *login = hf_alloc_zero(a, 1, sizeof *login);
    if (!login) return HF_E_NOMEM;
    *login = (struct hf_login){ .allocator = a, .ask = ask_fn, .ctx = ctx };
    login->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (login->event_fd < 0) {
        hf_free(a, login);
        return HF_E_SYSTEM;
    }
    pthread_mutex_init(&login->lock, NULL);
    *opened = login;
    return HF_OK;
}

static void join(struct hf_login *login)
{
    if (login->has_thread) pthread_join(login->thread, NULL);
    login->has_thread = false;
}

void hf_login_forget_thread(struct hf_login *login)
{
    login->has_thread = false;
    pthread_mutex_init(&login->lock, NULL); /* The thread may have held it. */
    login->is_forked = true;
}

void hf_login_close(struct hf_login *login)
{
    if (!login) return;
    join(login);
    hf_assert(login->locked.waiting == 0 || login->is_forked);
    wipe(login);
    close(login->event_fd);
    pthread_mutex_destroy(&login->lock);
    hf_free(login->allocator, login);
}

hf_err hf_login_start(struct hf_login *login)
{
    pthread_mutex_lock(&login->lock);
    const bool is_first = login->locked.state == LOGIN_IDLE;
    if (is_first) login->locked.state = LOGIN_ASKING;
    login->locked.waiting++;
    pthread_mutex_unlock(&login->lock);
    if (!is_first) return HF_OK;

    join(login);
    login->has_thread = hf_thread_start(&login->thread, work, login) == HF_OK;
    if (login->has_thread) return HF_OK;
    pthread_mutex_lock(&login->lock);
    login->locked.state = LOGIN_IDLE;
    login->locked.waiting--;
    pthread_mutex_unlock(&login->lock);
    return HF_E_SYSTEM;
}

int hf_login_fd(const struct hf_login *login)
{
    return login->event_fd;
}

hf_err hf_login_take(struct hf_login *login, const struct hf_credentials **credentials,
                     struct hf_error *error)
{
    pthread_mutex_lock(&login->lock);
    const bool is_told = login->locked.state == LOGIN_TOLD;
    pthread_mutex_unlock(&login->lock);
    if (!is_told) return HF_E_TRYAGAIN;
    if (login->error.code) {
        return hf_fail(error, login->error.code, "%s", login->error.detail);
    }
    *credentials = &login->credentials;
    return HF_OK;
}

void hf_login_drop(struct hf_login *login)
{
    pthread_mutex_lock(&login->lock);
    hf_assert(login->locked.waiting > 0 || login->is_forked);
    if (login->locked.waiting > 0) login->locked.waiting--;
    settle(login);
    pthread_mutex_unlock(&login->lock);
}

void hf_login_renew(struct hf_login *login)
{
    pthread_mutex_lock(&login->lock);
    login->locked.is_stale = login->locked.state == LOGIN_ASKING;
    pthread_mutex_unlock(&login->lock);
}
