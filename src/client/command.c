#include "client/call.h"
#include "core/error.h"
#include "net/resp_writer.h"
#include "resilience/command_class.h"

static enum hf_command_class class_of(const struct hf_call           *call,
                                      const struct hf_command_traits *traits)
{
    if (call && call->command_class != HF_COMMAND_AUTO) return call->command_class;
    return traits->command_class;
}

hf_err hf_request_make(const struct hf_call *call, const struct hf_bytes *argv, size_t argc,
                       struct hf_request *request, struct hf_error *error)
{
    size_t       size;
    const hf_err err = hf_resp_encoded_size(argv, argc, &size);
    if (err) {
        return hf_fail(error, err,
                       argc ? "an argument is over 512 MB or has no data"
                            : "a command needs at least one argument");
    }
    const struct hf_command_traits traits = hf_command_traits(argv, argc);
    if (traits.is_session) {
        return hf_fail(error, HF_E_INVALID,
                       "%.*s would change a connection that others share", (int)argv[0].size,
                       (const char *)argv[0].data);
    }
    *request = (struct hf_request){
        .message = { .argv = argv, .argc = argc },
        .size = size,
        .class_ = class_of(call, &traits),
        .blocking = traits.is_blocking,
        .is_script = traits.is_script,
        .expected = 1,
        .is_single = true,
    };
    return HF_OK;
}

hf_err hf_client_command(struct hf_client *client, const struct hf_call *call,
                         const struct hf_bytes *argv, size_t argc, struct hf_reply **reply,
                         struct hf_error *error)
{
    struct hf_request request;
    struct hf_reply  *answer = NULL;
    hf_err            err = hf_request_make(call, argv, argc, &request, error);
    if (err) return err;

    request.replies = &answer;
    err = hf_call_run(client, call, &request, error);
    if (err) return err;
    *reply = answer;
    return HF_OK;
}
