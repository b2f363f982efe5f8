/* An application that shows over HTTP how its cache is. */

#include <holdfast/exporter.h>
#include <holdfast/holdfast.h>
#include <stdio.h>

static int fail(const struct hf_error *error)
{
    fprintf(stderr, "%s\n", error->detail);
    return 1;
}

int main(void)
{
    struct hf_error     error;
    struct hf_options  *options;
    struct hf_client   *client;
    struct hf_exporter *exporter;
    if (hf_options_open(&options)) return 1;
    if (hf_options_set(options, "url", "embedded:", &error)) return fail(&error);
    if (hf_client_open(options, &client, &error)) return fail(&error);

    /* These three lines, and -lholdfast-exporter. */
    const struct hf_exporter_options how = { .port = 0 }; /* Any free one; 9121 is usual. */
    if (hf_exporter_open(&how, &exporter, &error)) return fail(&error);
    if (hf_exporter_add(exporter, "default", client)) return 1;

    if (hf_client_wait_ready(client, hf_seconds(10), &error)) return fail(&error);
    puts(hf_exporter_port(exporter) ? "somebody may look now" : "nobody can look");

    hf_exporter_close(exporter);
    hf_client_close(client);
    hf_options_close(options);
}
