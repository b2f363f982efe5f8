#include "exporter.h"

#include "command.h"
#include "http.h"
#include "password.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 9121 };

/* ---- Opening ------------------------------------------------------------------- */

static bool is_port(const char *text)
{
    const size_t size = strspn(text, "0123456789");
    if (size == 0 || size > 5 || text[size] != '\0') return false;
    const long port = strtol(text, NULL, 10);
    return port > 0 && port < 65536;
}

/* Behind http://, without a last slash. */
static bool take_address(struct exporter *e, const char *text)
{
    const bool   in_brackets = text[0] == '[';
    const size_t size = strcspn(text += in_brackets, in_brackets ? "]" : ":/");
    const char  *rest = text + size;
    if (size == 0 || size >= sizeof e->host || (in_brackets && *rest++ != ']')) return false;
    for (size_t i = 0; i < size; i++) {
        if (!isgraph((unsigned char)text[i]) || strchr("@?#", text[i])) return false;
    }
    snprintf(e->host, sizeof e->host, "%.*s", (int)size, text);
    snprintf(e->port, sizeof e->port, "%d", PORT_DEFAULT);
    if (*rest == ':') {
        const size_t port = strcspn(++rest, "/");
        if (port >= 6) return false;
        snprintf(e->port, sizeof e->port, "%.*s", (int)port, rest);
        rest += port;
    }
    return is_port(e->port) && (*rest == '\0' || strcmp(rest, "/") == 0);
}

bool exporter_token(char token[EXPORTER_TOKEN_MAX + 1], const char *file)
{
    const char *given = getenv("HOLDFAST_EXPORTER_TOKEN");
    token[0] = '\0';
    if (file) {
        if (!secret_from_file("--token-file", file, token, EXPORTER_TOKEN_MAX + 1))
            return false;
    } else if (given && strlen(given) <= EXPORTER_TOKEN_MAX) {
        snprintf(token, EXPORTER_TOKEN_MAX + 1, "%s", given);
    } else if (given) {
        complain("HOLDFAST_EXPORTER_TOKEN: more than %d bytes", EXPORTER_TOKEN_MAX);
        return false;
    }
    for (const char *c = token; *c; c++) {
        if (isgraph((unsigned char)*c)) continue;
        complain("the exporter's token has a space or an unprintable character in it");
        return false;
    }
    return true;
}

bool exporter_open(struct exporter *e, const char *url, const char *token_file)
{
    *e = (struct exporter){ .host = "" };
    const char *text = strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    if (!text || !take_address(e, text)) {
        const char *at = strrchr(url, '@'); /* A password may stand before it. */
        complain("\"%s%s\" is not understood; the URL of an exporter is http://HOST[:PORT]",
                 at ? "***" : "", at ? at : url);
        return false;
    }
    snprintf(e->shown, sizeof e->shown,
             strchr(e->host, ':') ? "http://[%s]:%s" : "http://%s:%s", e->host, e->port);
    return exporter_token(e->token, token_file);
}

/* ---- Asking -------------------------------------------------------------------- */

static bool refuse(struct exporter *e, const struct http_answer *answer)
{
    json_t     *body = json_loadb(answer->body, answer->body_size, 0, NULL);
    const char *said = json_string_value(json_object_get(body, "error"));
    if (answer->status == 401) {
        snprintf(e->why, sizeof e->why,
                 "%s: the token is %s (HTTP 401); give it by --token-file", e->shown,
                 e->token[0] ? "wrong" : "missing");
    } else if (answer->status == 404 && !said) {
        snprintf(e->why, sizeof e->why, "%s: HTTP 404: is that a holdfast exporter?",
                 e->shown);
    } else {
        snprintf(e->why, sizeof e->why, "%s: HTTP %d%s%s", e->shown, answer->status,
                 said ? ": " : "", said ? said : "");
    }
    json_decref(body);
    return false;
}

static bool ask(struct exporter *e, const char *method, const char *path,
                struct http_answer *answer)
{
    const struct http_question q = { .host = e->host,
                                     .port = e->port,
                                     .method = method,
                                     .path = path,
                                     .token = e->token,
                                     .seconds = EXPORTER_S };
    char                       why[300];
    if (!http_ask(&q, answer, why, sizeof why)) {
        snprintf(e->why, sizeof e->why, "%s: %s", e->shown, why);
        return false;
    }
    return answer->status / 100 == 2 || refuse(e, answer);
}

json_t *exporter_get(struct exporter *e, const char *path)
{
    struct http_answer answer;
    json_error_t       error;
    json_t            *root = NULL;
    if (ask(e, "GET", path, &answer)) {
        root = json_loadb(answer.body, answer.body_size, JSON_REJECT_DUPLICATES, &error);
        if (!root) {
            snprintf(e->why, sizeof e->why, "%s: the answer is no JSON: %s", e->shown,
                     error.text);
        } else if (!json_is_object(root)) {
            snprintf(e->why, sizeof e->why, "%s: the answer is no JSON object", e->shown);
            json_decref(root);
            root = NULL;
        }
    }
    http_answer_free(&answer);
    return root;
}

bool exporter_post(struct exporter *e, const char *path)
{
    struct http_answer answer;
    const bool         is_done = ask(e, "POST", path, &answer);
    http_answer_free(&answer);
    return is_done;
}
