#include "export/answer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hf_answer hf_answer_constant(const char *kind, const void *bytes, size_t size)
{
    return (struct hf_answer){
        .status = MHD_HTTP_OK,
        .kind = kind,
        .response = MHD_create_response_from_buffer(size, (void *)bytes,
                                                    MHD_RESPMEM_PERSISTENT),
    };
}

static struct hf_answer without_memory(void)
{
    static char text[] = "out of memory\n";
    return (struct hf_answer){
        .status = MHD_HTTP_SERVICE_UNAVAILABLE,
        .kind = "text/plain",
        .response = MHD_create_response_from_buffer(strlen(text), text,
                                                    MHD_RESPMEM_PERSISTENT),
    };
}

struct hf_answer hf_answer_text(unsigned status, const char *kind, char *text)
{
    struct hf_answer answer = { .status = status, .kind = kind };
    if (!text) return without_memory();
    answer.response = MHD_create_response_from_buffer(strlen(text), text,
                                                      MHD_RESPMEM_MUST_FREE);
    if (!answer.response) free(text);
    return answer;
}

struct hf_answer hf_answer_json(unsigned status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    return hf_answer_text(status, "application/json", text);
}

struct hf_answer hf_answer_error(unsigned status, const char *what)
{
    return hf_answer_json(status, json_pack("{s:s}", "error", what));
}

enum MHD_Result hf_answer_send(struct MHD_Connection *connection, struct hf_answer answer)
{
    if (!answer.response) return MHD_NO;
    MHD_add_response_header(answer.response, "Content-Type", answer.kind);
    MHD_add_response_header(answer.response, "Cache-Control", "no-store");
    MHD_add_response_header(answer.response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(answer.response, "X-Frame-Options", "DENY");
    if (answer.allow) MHD_add_response_header(answer.response, "Allow", answer.allow);
    if (answer.status == MHD_HTTP_UNAUTHORIZED) {
        MHD_add_response_header(answer.response, "WWW-Authenticate", "Bearer");
    }
    const enum MHD_Result sent = MHD_queue_response(connection, answer.status,
                                                    answer.response);
    MHD_destroy_response(answer.response);
    return sent;
}
