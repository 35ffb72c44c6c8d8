/* Time zones by name, from the system's TZif files. */
#ifndef LEAT_COMPUTE_KERNELS_TIMEZONE_H
#define LEAT_COMPUTE_KERNELS_TIMEZONE_H

#include "base/buffer.h"

struct timezone_rules;
/* A zone by name ("Europe/Berlin"), "UTC", or a fixed offset ("+02", "-05:30": east is positive as
 * in ISO 8601). Unknown: L2204. */
LEAT_CHECKED enum leat_status timezone_open(struct leat_text name, struct timezone_rules **out,
                                            struct leat_error *err);
void timezone_free(struct timezone_rules *zone); /* NULL is allowed */
bool timezone_is(const struct timezone_rules *zone, struct leat_text name);
/* Microseconds since 1970: of UTC to local time, and back. A local time that a gap skips, or that
 * an overlap repeats, is read with the standard offset as PostgreSQL does. */
int64_t timezone_to_local(const struct timezone_rules *zone, int64_t utc);
int64_t timezone_to_utc(const struct timezone_rules *zone, int64_t local);

#endif
