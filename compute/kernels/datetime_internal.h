/* Shared by the files of date and time functions. */
#ifndef LEAT_COMPUTE_KERNELS_DATETIME_INTERNAL_H
#define LEAT_COMPUTE_KERNELS_DATETIME_INTERNAL_H

#include "compute/kernels/kernels_internal.h"

enum unit {
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
    UNIT_EPOCH,
    UNIT_DOW,
    UNIT_ISODOW,
    UNIT_DOY,
    UNIT_ISOYEAR,
    UNIT_JULIAN,
    UNIT_TIMEZONE
};
/* Any of PostgreSQL's spellings, singular or plural. */
bool unit_of(struct leat_text name, enum unit *out);
unsigned days_in_month(int64_t year, unsigned month);
void iso_week(int32_t days, int64_t *year, unsigned *week);
/* False: the unit cannot be truncated to. */
bool timestamp_truncate(enum unit unit, int64_t timestamp, int64_t *out);

#endif
