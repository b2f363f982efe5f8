/* routes.h - which path of an exporter answers what, and to whom.
 *
 * Threads:  the daemon's. Takes the exporter's lock for as long as numbers are read. */

#ifndef HF_EXPORT_ROUTES_H
#define HF_EXPORT_ROUTES_H

#include "export/answer.h"
#include "export/exporter.h"

struct hf_answer hf_route(struct hf_exporter *exporter, struct MHD_Connection *connection,
                          const char *method, const char *path);

#endif
