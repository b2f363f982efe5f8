#include "core/thread.h"

#include <signal.h>

hf_err hf_thread_start(pthread_t *thread, void *(*body)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failure = pthread_create(thread, NULL, body, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure ? HF_E_SYSTEM : HF_OK;
}

hf_err hf_thread_start_detached(void *(*body)(void *), void *arg)
{
    pthread_t    thread;
    const hf_err err = hf_thread_start(&thread, body, arg);
    if (!err) pthread_detach(thread);
    return err;
}
