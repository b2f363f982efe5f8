/* thread.h - threads of the library, which leave the host's signals to the host.
 *
 * All signals are blocked in them from the start, so that a handler of the application runs
 * in its own threads, where it expects to.
 *
 * Errors:   HF_E_SYSTEM when no thread can be had. */

#ifndef HF_CORE_THREAD_H
#define HF_CORE_THREAD_H

#include <holdfast/error.h>
#include <pthread.h>

/* To be joined. */
HF_NODISCARD hf_err hf_thread_start(pthread_t *thread, void *(*body)(void *), void *arg);

/* Ends by itself. */
HF_NODISCARD hf_err hf_thread_start_detached(void *(*body)(void *), void *arg);

#endif
