/* report.h - the run in lines: one a second, a table at the end, and the verdict.
 *
 * Threads:  none. */

#ifndef CLI_DEMO_REPORT_H
#define CLI_DEMO_REPORT_H

#include "demo.h"

/* The last second in one line. */
void report_line(const struct demo *d);

/* The table of faults and the sums. */
void report_table(const struct demo *d);

/* The one line of --json. */
void report_json(const struct demo *d);

/* Says which promises were broken; true when none was. */
bool report_verdict(const struct demo *d);

#endif
