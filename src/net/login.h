/* login.h - asks the application for its credentials, beside the thread that dials.
 *
 *     IDLE --start--> ASKING --answer--> TOLD --last drop--> IDLE, and wiped
 *
 *     err = hf_login_start(login);
 *     poll on hf_login_fd(login) ...
 *     err = hf_login_take(login, &credentials, error);   HF_E_TRYAGAIN: not yet
 *     hf_login_drop(login);
 *
 * The application's function may block for as long as it likes, so it runs in a thread of its
 * own, and only once at a time: dials that start meanwhile share its answer.
 *
 * Threads:  all from one, the dialling thread.
 * Memory:   one block from the allocator, wiped whenever nobody needs what is in it.
 * Time:     only closing waits for the application's function.
 * Errors:   HF_E_AUTH with what the function told, HF_E_SYSTEM. */

#ifndef HF_NET_LOGIN_H
#define HF_NET_LOGIN_H

#include <holdfast/alloc.h>
#include <holdfast/credentials.h>

struct hf_login;

/* HF_E_NOMEM, HF_E_SYSTEM. */
HF_NODISCARD hf_err hf_login_open(struct hf_login **login, const struct hf_allocator *a,
                                  hf_credentials_fn ask, void *ctx);

/* In a forked child, where the thread does not exist. Only hf_login_drop() and
 * hf_login_close() may follow. */
void hf_login_forget_thread(struct hf_login *login);

/* Waits for the function, if it is being asked. When nobody holds an answer. NULL is fine. */
void hf_login_close(struct hf_login *login);

HF_NODISCARD hf_err hf_login_start(struct hf_login *login);

/* Readable once there is an answer. */
int hf_login_fd(const struct hf_login *login);

/* The answer stays until it is dropped. */
HF_NODISCARD hf_err hf_login_take(struct hf_login              *login,
                                  const struct hf_credentials **credentials,
                                  struct hf_error              *error);

/* Ends what hf_login_start() began, answered or not. */
void hf_login_drop(struct hf_login *login);

/* What is being asked for now does not count any more: the function is asked once again. */
void hf_login_renew(struct hf_login *login);

#endif
