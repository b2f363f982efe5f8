#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool take_port(const char *text, uint16_t *port)
{
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits]) return false;
    const unsigned long number = strtoul(text, NULL, 10);
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

/* "[::1]:80" is ::1 and 80. Without a colon it is a port. */
static bool split(const char *where, char host[PAGE_HOST_MAX], uint16_t *port)
{
    const char *colon = strrchr(where, ':');
    if (!colon) return take_port(where, port);
    const bool   in_brackets = *where == '[' && colon[-1] == ']';
    const char  *from = in_brackets ? where + 1 : where;
    const size_t size = (size_t)(colon - from) - in_brackets;
    if (colon <= from || size == 0 || size >= PAGE_HOST_MAX) return false;
    if (!in_brackets && memchr(from, ':', size)) return false;
    memcpy(host, from, size);
    host[size] = '\0';
    return take_port(colon + 1, port);
}

enum exit_status page_open(struct page *page, const char *flag, const char *where,
                           struct hf_exporter_options options)
{
    char            host[PAGE_HOST_MAX] = "127.0.0.1";
    struct hf_error error = { .code = HF_OK };
    if (!split(where, host, &options.port)) {
        complain("%s: \"%s\" is not understood; allowed: PORT, or HOST:PORT such as "
                 "127.0.0.1:9121 or [::1]:9121",
                 flag, where);
        return EXIT_USAGE;
    }
    options.host = host;
    const hf_err err = hf_exporter_open(&options, &page->exporter, &error);
    if (err) {
        complain("%s: %s", flag, *error.detail ? error.detail : hf_err_text(err));
        return err == HF_E_INVALID ? EXIT_USAGE : EXIT_UNAVAILABLE;
    }
    snprintf(page->url, sizeof page->url,
             strchr(host, ':') ? "http://[%s]:%u/" : "http://%s:%u/", host,
             (unsigned)hf_exporter_port(page->exporter));
    return EXIT_OK;
}

void page_close(struct page *page)
{
    hf_exporter_close(page->exporter);
    page->exporter = NULL;
}
