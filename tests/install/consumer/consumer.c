/* What an application does first: options from text, and the reason when one is wrong. */

#include <holdfast/holdfast.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct hf_options *options;
    struct hf_error    error;

    if (hf_options_open(&options)) return 1;
    if (hf_options_set(options, "max_connections", "8", &error)) return 1;
    if (hf_options_set(options, "url", "redis://localhost:70000", &error) == HF_OK) return 1;
    printf("%s\n", error.detail);
    hf_options_close(options);
    return strstr(error.detail, "70000") == NULL;
}
