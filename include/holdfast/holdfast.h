/* holdfast.h - all of the library. Start with client.h and cache.h. */

#ifndef HOLDFAST_HOLDFAST_H
#define HOLDFAST_HOLDFAST_H

#include <holdfast/access.h>
#include <holdfast/alloc.h>
#include <holdfast/api.h>
#include <holdfast/backup.h>
#include <holdfast/batch.h>
#include <holdfast/breaker.h>
#include <holdfast/bytes.h>
#include <holdfast/cache.h>
#include <holdfast/client.h>
#include <holdfast/credentials.h>
#include <holdfast/error.h>
#include <holdfast/explain.h>
#include <holdfast/file.h>
#include <holdfast/fingerprint.h>
#include <holdfast/health.h>
#include <holdfast/invalidate.h>
#include <holdfast/load.h>
#include <holdfast/log.h>
#include <holdfast/options.h>
#include <holdfast/reply.h>
#include <holdfast/script.h>
#include <holdfast/seal.h>
#include <holdfast/stats.h>
#include <holdfast/stream.h>
#include <holdfast/tasks.h>
#include <holdfast/time.h>
#include <holdfast/trace.h>
#include <holdfast/usage.h>
#include <holdfast/warm.h>
#include <holdfast/worker.h>

#endif
