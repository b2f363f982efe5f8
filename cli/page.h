/* page.h - an exporter of this program's own, and its address for people.
 *
 *     struct page page = { 0 };
 *     if (!page_open(&page, "--listen", "127.0.0.1:9121", &options)) return EXIT_UNAVAILABLE;
 *     hf_exporter_add(page.exporter, "default", client);
 *     printf("see %s\n", page.url);
 *     page_close(&page);                         before the client is closed
 *
 * Memory:   the caller's; all zero is one that was never opened, and may be closed.
 * Errors:   one line on standard error. */

#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include "command.h"

#include <holdfast/exporter.h>

enum { PAGE_HOST_MAX = 64 };

struct page {
    struct hf_exporter *exporter;
    char                url[PAGE_HOST_MAX + 24]; /* "http://127.0.0.1:9121/" */
};

/* where is PORT, or HOST:PORT with an IPv6 address in brackets; its host and port go into the
 * options. The flag is what the user knows it by. */
enum exit_status page_open(struct page *page, const char *flag, const char *where,
                           struct hf_exporter_options options);
void             page_close(struct page *page);

#endif
