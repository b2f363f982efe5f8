#include "connection.h"
#include "exporter.h"
#include "json.h"
#include "page.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { LISTEN, TOKEN_FILE, PRIVATE, NAME, READY }; /* In the order of the command's flags. */

static bool read_rule(const char *text, enum hf_ready_rule *rule)
{
    *rule = HF_READY_ALWAYS;
    if (!text) return true;
    for (enum hf_ready_rule r = HF_READY_ALWAYS; r <= HF_READY_WHILE_UP; r++) {
        if (strcmp(text, hf_ready_rule_name(r)) != 0) continue;
        *rule = r;
        return true;
    }
    complain("--ready: \"%s\" is no rule; allowed: always, once_connected, unless_down, "
             "while_up",
             text);
    return false;
}

static enum exit_status show(struct page *page, struct connection *c, enum hf_ready_rule rule)
{
    const char  *name = c->inv->values[NAME] ? c->inv->values[NAME] : "default";
    const hf_err err = hf_exporter_add(page->exporter, name, c->client);
    if (err == HF_OK)
        return hf_exporter_set_ready_rule(page->exporter, c->client, rule) ? EXIT_USAGE
                                                                           : EXIT_OK;
    complain("--name: a name has 1 to %d bytes of UTF-8", HF_EXPORTER_NAME_MAX);
    return EXIT_USAGE;
}

static void announce(const struct page *page, const struct invocation *inv)
{
    if (inv->json) {
        json_begin();
        json_text("url", page->url);
        json_end();
    } else {
        printf("exporting on %s until interrupted\n", page->url);
    }
    (void)fflush(stdout);
}

/* All threads inherit the mask: the signals wait here. */
static void block(sigset_t *ends)
{
    sigemptyset(ends);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ends, NULL);
}

enum exit_status run_export(const struct invocation *inv)
{
    const char                *where = inv->values[LISTEN];
    struct page                page = { .exporter = NULL };
    struct hf_exporter_options options = { .is_private = inv->values[PRIVATE] != NULL };
    char                       token[EXPORTER_TOKEN_MAX + 1];
    enum hf_ready_rule         rule;
    struct connection          c = { .inv = inv };
    sigset_t                   ends;
    int                        which;
    if (!read_rule(inv->values[READY], &rule)) return EXIT_USAGE;
    if (!exporter_token(token, inv->values[TOKEN_FILE])) return EXIT_USAGE;
    if (*token) options.token = token;
    if (*token && strlen(token) < HF_EXPORTER_TOKEN_MIN) {
        complain("the token has %zu bytes; it must have %d to %d", strlen(token),
                 HF_EXPORTER_TOKEN_MIN, HF_EXPORTER_TOKEN_MAX);
        return EXIT_USAGE;
    }
    if (options.is_private && !*token) {
        complain("--private: it wants a token, by --token-file or HOLDFAST_EXPORTER_TOKEN");
        return EXIT_USAGE;
    }

    block(&ends);
    enum exit_status status = page_open(&page, "--listen", where ? where : "127.0.0.1:9121",
                                        options);
    if (status == EXIT_OK) status = connection_open(&c, inv);
    if (status == EXIT_OK) status = show(&page, &c, rule);
    if (status == EXIT_OK) {
        announce(&page, inv);
        (void)sigwait(&ends, &which);
    }
    page_close(&page);
    connection_close(&c);
    return status;
}
