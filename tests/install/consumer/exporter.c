#include <holdfast/exporter.h>
#include <stdio.h>

int main(void)
{
    struct hf_exporter *exporter;
    struct hf_error     error;
    if (hf_exporter_open(NULL, &exporter, &error)) {
        fprintf(stderr, "%s\n", error.detail);
        return 1;
    }
    const int has_port = hf_exporter_port(exporter) != 0;
    hf_exporter_close(exporter);
    return has_port ? 0 : 1;
}
