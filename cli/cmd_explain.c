#include "connection.h"
#include "json.h"
#include "shown.h"

#include <holdfast/access.h>
#include <holdfast/explain.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What Redis has under the bare key, which is nothing of the cache's. */
struct plain {
    char    type[16]; /* "": nothing. */
    int64_t ttl_ms;   /* Below 0: for ever. */
    int64_t memory;   /* Bytes; below 0 when Redis does not tell. */
};

struct story {
    struct hf_explanation e;
    bool                  is_file;
    struct plain          plain;
    bool                  is_counted;
    struct hf_access      access;
};

/* ---- Asking -------------------------------------------------------------------- */

static int64_t ask_number(struct connection *c, const struct hf_bytes *argv, size_t argc)
{
    struct hf_reply *reply;
    int64_t          number = -1;
    if (hf_client_command(c->client, NULL, argv, argc, &reply, NULL)) return -1;
    if (hf_reply_int(reply, &number)) number = -1;
    hf_reply_free(reply);
    return number;
}

static void look_at_plain(struct connection *c, struct hf_bytes key, struct plain *plain)
{
    const struct hf_bytes type[] = { hf_str("TYPE"), key };
    const struct hf_bytes ttl[] = { hf_str("PTTL"), key };
    const struct hf_bytes memory[] = { hf_str("MEMORY"), hf_str("USAGE"), key };
    struct hf_reply      *reply;
    struct hf_bytes       text;
    if (hf_client_command(c->client, NULL, type, 2, &reply, NULL)) return;
    if (hf_reply_bytes(reply, &text) == HF_OK && !hf_reply_is_text(reply, "none")) {
        snprintf(plain->type, sizeof plain->type, "%.*s", (int)text.size,
                 (const char *)text.data);
    }
    hf_reply_free(reply);
    if (!plain->type[0]) return;
    plain->ttl_ms = ask_number(c, ttl, 2);
    plain->memory = ask_number(c, memory, 3);
}

/* Where there is no entry there may be one of files. */
static void look_at_files(struct connection *c, struct hf_bytes key, struct story *s)
{
    const struct hf_files_options how = { .host = "explain" };
    struct hf_explanation         e;
    struct hf_files              *files;
    if (hf_files_open(c->client, &how, &files, NULL)) return;
    s->is_file = hf_files_explain(files, NULL, key, &e, NULL) == HF_OK &&
                 e.state != HF_ENTRY_NONE;
    if (s->is_file) s->e = e;
    hf_files_close(files);
}

static hf_err look(struct connection *c, struct hf_bytes key, struct story *s)
{
    const hf_err err = hf_cache_explain(c->cache, NULL, key, &s->e, &c->error);
    if (err) return err;
    s->is_counted = hf_cache_access(c->cache, NULL, key, &s->access, NULL) == HF_OK;
    if (s->e.state == HF_ENTRY_NONE) {
        look_at_files(c, key, s);
        look_at_plain(c, key, &s->plain);
    }
    return HF_OK;
}

/* ---- Telling ------------------------------------------------------------------- */

static const char *const kinds[] = { "value", "large value", "file reference",
                                     "file content" };

static double seconds(hf_duration d)
{
    return (double)d.ns / 1e9;
}

static double seconds_ago(int64_t unix_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const double ago = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)unix_ms / 1e3;
    return ago > 0 ? ago : 0;
}

static void print_form(const struct hf_explanation *e)
{
    const char *unit = e->raw_size == 1 ? "byte" : "bytes";
    printf("kind      %s%s%s\n", kinds[e->kind], e->is_sealed ? ", encrypted" : "",
           e->is_sliding ? ", prolonged by reading" : "");
    printf("size      %" PRIu64 " %s", e->raw_size, unit);
    if (e->chunk_count) {
        printf(" in %" PRIu64 " chunks of %" PRIu64, e->chunk_count, e->chunk_size);
    } else {
        printf(", %" PRIu64 " stored", e->stored_size);
    }
    printf(", %" PRIu64 " in Redis; compression %s\n", e->size, e->codec);
    if (e->metadata_size) printf("metadata  %" PRIu64 " bytes\n", e->metadata_size);
    for (size_t i = 0; i < e->tag_count; i++) {
        printf(i ? ", " : "tags      ");
        shown_write(hf_str(e->tags[i]), stdout);
        if (!e->is_tag_valid[i]) fputs(" (invalidated)", stdout);
    }
    if (e->tag_count) putchar('\n');
    printf("age       %.1f s\n", seconds(e->age));
    printf("ttl       %.1f s left of %.1f s\n", seconds(e->ttl), seconds(e->ttl_whole));
}

static void print_plain(const struct plain *p)
{
    printf("plain     Redis has a %s under this very name, which is not the cache's",
           p->type);
    if (p->memory >= 0) printf("; %" PRId64 " bytes of memory", p->memory);
    if (p->ttl_ms >= 0) {
        printf("; gone in %.1f s\n", (double)p->ttl_ms / 1e3);
    } else {
        puts("; it never expires");
    }
}

static void print(struct hf_bytes key, const struct story *s)
{
    const struct hf_explanation *e = &s->e;
    fputs("key       ", stdout);
    shown_write(key, stdout);
    printf("\nentry     %s: %s%s\n", hf_entry_state_name(e->state),
           hf_entry_state_text(e->state), s->is_file ? ", by the functions of file.h" : "");
    printf("tier      %s\n", hf_tier_name(e->tier));
    if (e->state == HF_ENTRY_FOREIGN) printf("foreign   a %s\n", e->redis_type);
    if (e->is_readable) print_form(e);
    if (!e->is_readable && e->size) printf("size      %" PRIu64 " bytes in Redis\n", e->size);
    if (e->has_kept) printf("kept      Redis removes it in %.1f s\n", seconds(e->kept));
    const bool is_there = strcmp(e->redis_type, "none") != 0;
    if (is_there && !e->has_kept) puts("kept      for ever, unless it is evicted");
    if (s->is_counted) {
        printf("reads     %" PRIu64 " counted, the last %.1f s ago\n", s->access.reads,
               seconds_ago(s->access.last_unix_ms));
    }
    if (s->plain.type[0]) print_plain(&s->plain);
}

static void json_form(const struct hf_explanation *e)
{
    json_text("kind", kinds[e->kind]);
    json_number("age_seconds", seconds(e->age));
    json_number("ttl_seconds", seconds(e->ttl));
    json_number("ttl_whole_seconds", seconds(e->ttl_whole));
    json_bool("sliding", e->is_sliding);
    json_bool("encrypted", e->is_sealed);
    json_text("codec", e->codec);
    json_count("size", e->raw_size);
    json_count("stored_size", e->stored_size);
    json_count("metadata_size", e->metadata_size);
    json_count("chunks", e->chunk_count);
    json_open("tags", '[');
    for (size_t i = 0; i < e->tag_count; i++) json_element(e->tags[i]);
    json_close(']');
}

static void print_json(struct hf_bytes key, const struct story *s)
{
    const struct hf_explanation *e = &s->e;
    json_begin();
    json_bytes("key", key);
    json_text("state", hf_entry_state_name(e->state));
    json_text("text", hf_entry_state_text(e->state));
    json_text("tier", hf_tier_name(e->tier));
    json_bool("file", s->is_file);
    json_text("redis_type", e->redis_type);
    json_count("redis_size", e->size);
    if (e->has_kept) {
        json_number("kept_seconds", seconds(e->kept));
    } else {
        json_nothing("kept_seconds");
    }
    if (e->is_readable) json_form(e);
    if (s->is_counted) {
        json_count("reads", s->access.reads);
        json_number("last_read_seconds_ago", seconds_ago(s->access.last_unix_ms));
    }
    if (s->plain.type[0]) json_text("plain_type", s->plain.type);
    json_end();
}

static enum exit_status explain(struct connection *c)
{
    const struct hf_bytes key = hf_str(c->inv->args[0]);
    struct story          s = { 0 };
    const hf_err          err = look(c, key, &s);
    if (err) return connection_fail(c, err);
    if (c->inv->json) {
        print_json(key, &s);
    } else {
        print(key, &s);
    }
    return s.e.state == HF_ENTRY_FRESH ? EXIT_OK : EXIT_MISS;
}

enum exit_status run_explain(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = explain(&c);
    connection_close(&c);
    return status;
}
