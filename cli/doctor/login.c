#include "doctor.h"

#include <stdio.h>
#include <string.h>

/* What a failure is about, and what to do. */
struct cause {
    hf_err      err;
    const char *name;
    const char *advice;
};

/* clang-format off */

static const struct cause causes[] = {
    { HF_E_TLS, "tls",
      "Which certificate signed the server's? Name it with --tls-ca-file, and the name in "
      "the server's with --tls-server-name." },
    { HF_E_AUTH, "login",
      "Give the right password in REDIS_PASSWORD or by --password-file, and the user by "
      "--user." },
    { HF_E_NOPERM, "rights",
      "The user's ACL rules are too narrow: ACL LIST on the server tells them." },
    { HF_E_LOADING, "loading",
      "It has just been started and reads its data: wait, and see its log for how long." },
    { HF_E_MASTERDOWN, "role",
      "A replica that has lost its master: ask the master, or mend the replication." },
    { HF_E_MAX_CLIENTS, "clients",
      "Raise maxclients, or find who holds so many connections: CLIENT LIST." },
    { HF_E_SERVER_BUSY, "busy",
      "A script runs too long: SCRIPT KILL ends it, if it has not written yet." },
    { HF_E_REPLY, "answer",
      "Has it the database that the URL ends with? See `databases`; a cluster has only 0." },
    { HF_E_PROTOCOL, "answer",
      "That is no Redis, or one that wants TLS: is the port right? Try rediss://." },
    { HF_E_TIMEOUT, "answer",
      "It accepts connections and says nothing: a slow command, swapping, SIGSTOP; or it "
      "does not speak TLS where the URL says rediss://, or the other way round." },
    { HF_E_CONNECT, "answer",
      "It accepts connections and drops them: it wants TLS (rediss://), is in protected "
      "mode, or is no Redis. See its log." },
};

/* clang-format on */

static const struct cause *cause_of(hf_err err)
{
    if (err == HF_E_CONNECT_TIMEOUT || err == HF_E_TIMEOUT_SENT) err = HF_E_TIMEOUT;
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (causes[i].err == err) return &causes[i];
    }
    return NULL;
}

/* Beneath "the endpoint is down" and "no answer in time" there is a reason. */
static bool is_outward(hf_err err)
{
    return err == HF_E_UNAVAILABLE || err == HF_E_BREAKER_OPEN || err == HF_E_TIMEOUT ||
           err == HF_E_TIMEOUT_SENT;
}

static void say_failure(struct doctor *d, hf_err err)
{
    struct hf_health now;
    hf_health_get(d->c.client, &now);
    if (is_outward(err) && now.error) err = now.error;
    const char *detail = d->c.error.detail;
    if (err == HF_E_TLS && strstr(detail, "wrong version number")) {
        doctor_say(d, LEVEL_PROBLEM, "tls",
                   "This port does not speak TLS: use redis://, or the port of `tls-port`.",
                   "%s: %s", hf_err_text(err), detail);
        return;
    }
    if (err == HF_E_CONNECT && d->scheme == SCHEME_REDISS) {
        doctor_say(d, LEVEL_PROBLEM, "tls",
                   "It drops the connection once it is encrypted: perhaps it wants a client "
                   "certificate, --tls-cert-file and --tls-key-file. See its log.",
                   "%s: %s", hf_err_text(err), detail);
        return;
    }
    const struct cause *cause = cause_of(err);
    doctor_say(d, LEVEL_PROBLEM, cause ? cause->name : "answer",
               cause ? cause->advice : "See the server's log.", "%s%s%s", hf_err_text(err),
               *detail ? ": " : "", detail);
}

static void say_tls(struct doctor *d)
{
    if (d->scheme == SCHEME_REDISS) {
        doctor_say(d, LEVEL_OK, "tls", NULL, "encrypted");
    } else if (d->is_here) {
        doctor_say(d, LEVEL_OK, "tls", NULL, "not used; the server is on this machine");
    } else {
        doctor_say(d, LEVEL_WARNING, "tls",
                   "Unless nobody else is on that network, use rediss:// and `tls-port`.",
                   "not used: passwords and values can be read on the way");
    }
}

static bool is_password_needed(struct doctor *d)
{
    const char *const words[] = { "ACL", "GETUSER", "default" };
    struct hf_reply  *reply;
    bool              is_open = false;
    if (doctor_ask(d, words, 3, &reply)) return true;
    const struct hf_reply *flags = hf_reply_get(reply, "flags");
    for (size_t i = 0; i < hf_reply_count(flags); i++) {
        if (hf_reply_is_text(hf_reply_at(flags, i), "nopass")) is_open = true;
    }
    hf_reply_free(reply);
    return !is_open;
}

static void say_user(struct doctor *d)
{
    const char *const words[] = { "ACL", "WHOAMI" };
    struct hf_reply  *reply;
    struct hf_bytes   user;
    if (doctor_ask(d, words, 2, &reply)) {
        doctor_say(d, LEVEL_OK, "login", NULL, "accepted");
        return;
    }
    if (hf_reply_bytes(reply, &user)) user = hf_str("?");
    const char *name = user.data;
    if (strcmp(name, "default") == 0 && !d->is_here && !is_password_needed(d)) {
        doctor_say(d, LEVEL_WARNING, "login",
                   "Set `requirepass`, or ACL users with passwords.",
                   "as user default, without a password: everyone who can reach it may");
    } else {
        doctor_say(d, LEVEL_OK, "login", NULL, "as user %s", name);
    }
    hf_reply_free(reply);
}

bool doctor_login(struct doctor *d)
{
    const char *const words[] = { "PING" };
    struct hf_reply  *reply;
    const hf_err      err = doctor_ask(d, words, 1, &reply);
    if (err) {
        say_failure(d, err);
        return false;
    }
    hf_reply_free(reply);
    say_tls(d);
    say_user(d);
    return true;
}
