/*
 * Making dates and times, ages, bins, the clock, and time zones.
 *
 * Time zones come from the system's TZif files (RFC 8536), read through base/file.h and kept for
 * the life of the call: transitions of the 64-bit block and, after the last, the POSIX rule of the
 * footer. Fixed offsets such as +02:00 and UTC need no file.
 */
#include "compute/kernels/datetime_internal.h"
#include "compute/kernels/timezone.h"

#include "base/system.h"
#include <math.h>

static enum leat_status field_range(const char *what, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_BAD_DATETIME, "%s field value out of range", what);
}

static bool civil(int64_t year, int64_t month, int64_t day, int32_t *out)
{
    if (year < 0)
        year++; /* year -1 is 1 BC */
    else if (year == 0)
        return false;
    if (year < -4712 || year > 294276 || month < 1 || month > 12 || day < 1 ||
        day > (int64_t)days_in_month(year, (unsigned)month))
        return false;
    *out = leat_days_from_civil(year, (unsigned)month, (unsigned)day);
    return true;
}

static bool clock_time(int64_t hour, int64_t minute, double second, int64_t *out)
{
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || !(second >= 0 && second <= 60))
        return false;
    *out = (hour * 60 + minute) * 60 * MICROS_PER_SECOND + (int64_t)rint(second * 1e6);
    return *out <= MICROS_PER_DAY;
}

static enum leat_status run_make_date(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        int32_t year = ARG(int32_t, call, 0, i), month = ARG(int32_t, call, 1, i);
        int32_t day = ARG(int32_t, call, 2, i);
        if (!civil(year, month, day, &((int32_t *)call->out->data)[i]))
            return leat_error_set(err, LEAT_E_BAD_DATETIME,
                                  "date field value out of range: %d-%02d-%02d", year, month, day);
    }
    return LEAT_OK;
}

static enum leat_status run_make_time(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        if (!clock_time(ARG(int32_t, call, 0, i), ARG(int32_t, call, 1, i), ARG(double, call, 2, i),
                        &((int64_t *)call->out->data)[i]))
            return field_range("time", err);
    }
    return LEAT_OK;
}

static enum leat_status run_make_timestamp(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        int32_t days;
        int64_t time;
        if (!civil(ARG(int32_t, call, 0, i), ARG(int32_t, call, 1, i), ARG(int32_t, call, 2, i),
                   &days) ||
            !clock_time(ARG(int32_t, call, 3, i), ARG(int32_t, call, 4, i), ARG(double, call, 5, i),
                        &time))
            return field_range("timestamp", err);
        ((int64_t *)call->out->data)[i] = days * MICROS_PER_DAY + time;
    }
    return LEAT_OK;
}

/* make_interval(years, months, weeks, days, hours, mins, secs), any number of them */
static enum leat_status run_make_interval(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        int64_t parts[6] = {0};
        double seconds = call->arg_count > 6 ? ARG(double, call, 6, i) : 0;
        for (uint32_t a = 0; a < 6 && a < call->arg_count; a++)
            parts[a] = ARG(int32_t, call, a, i);
        int64_t months = parts[0] * 12 + parts[1], days = parts[2] * 7 + parts[3];
        if (months > INT32_MAX || months < INT32_MIN || days > INT32_MAX || days < INT32_MIN ||
            !(fabs(seconds) < 9e12))
            return leat_error_set(err, LEAT_E_BAD_DATETIME, "interval out of range");
        ((struct leat_interval *)call->out->data)[i] = (struct leat_interval){
            (int32_t)months, (int32_t)days,
            (parts[4] * 60 + parts[5]) * 60 * MICROS_PER_SECOND + (int64_t)rint(seconds * 1e6)};
    }
    return LEAT_OK;
}

static enum leat_status run_to_timestamp(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        double seconds = ARG(double, call, 0, i);
        if (isinf(seconds)) {
            ((int64_t *)call->out->data)[i] = seconds < 0 ? INT64_MIN : INT64_MAX;
            continue;
        }
        if (!(fabs(seconds) < 9.2e12))
            return leat_error_set(err, LEAT_E_BAD_DATETIME, "timestamp out of range: \"%g\"",
                                  seconds);
        ((int64_t *)call->out->data)[i] = (int64_t)rint(seconds * 1e6);
    }
    return LEAT_OK;
}

/* --- clock --- */

static enum leat_status run_now(struct kernel_call *call, struct leat_error *err)
{
    int64_t now = leat_clock_now();
    (void)err;
    for (uint32_t i = 0; i < call->count; i++)
        ((int64_t *)call->out->data)[i] = now;
    return LEAT_OK;
}
static enum leat_status run_current_date(struct kernel_call *call, struct leat_error *err)
{
    int32_t today = (int32_t)floor_divide(leat_clock_now(), MICROS_PER_DAY);
    (void)err;
    for (uint32_t i = 0; i < call->count; i++)
        ((int32_t *)call->out->data)[i] = today;
    return LEAT_OK;
}
static enum leat_status run_localtime(struct kernel_call *call, struct leat_error *err)
{
    int64_t now = floor_modulo(leat_clock_now(), MICROS_PER_DAY);
    (void)err;
    for (uint32_t i = 0; i < call->count; i++)
        ((int64_t *)call->out->data)[i] = now;
    return LEAT_OK;
}

/* --- ages, as PostgreSQL's timestamp_age --- */

static struct leat_interval age(int64_t a, int64_t b)
{
    bool negative = a < b;
    int64_t later = negative ? b : a, earlier = negative ? a : b;
    int64_t y1, y2, days;
    unsigned m1, d1, m2, d2;
    leat_civil_from_days((int32_t)floor_divide(later, MICROS_PER_DAY), &y1, &m1, &d1);
    leat_civil_from_days((int32_t)floor_divide(earlier, MICROS_PER_DAY), &y2, &m2, &d2);
    int64_t time = floor_modulo(later, MICROS_PER_DAY) - floor_modulo(earlier, MICROS_PER_DAY);
    int64_t months = (y1 - y2) * 12 + (int64_t)m1 - (int64_t)m2;

    days = (int64_t)d1 - (int64_t)d2;
    if (time < 0) {
        time += MICROS_PER_DAY;
        days--;
    }
    if (days < 0) { /* borrow the days of the earlier date's month */
        days += days_in_month(y2, m2);
        months--;
    }
    struct leat_interval result = {(int32_t)months, (int32_t)days, time};
    if (negative)
        result = (struct leat_interval){-result.months, -result.days, -result.microseconds};
    return result;
}

static enum leat_status run_age(struct kernel_call *call, struct leat_error *err)
{
    int64_t today = floor_divide(leat_clock_now(), MICROS_PER_DAY) * MICROS_PER_DAY;
    (void)err;
    FOR_VALID(call, i)
    {
        int64_t first = ARG(int64_t, call, 0, i);
        ((struct leat_interval *)call->out->data)[i] =
            call->arg_count > 1 ? age(first, ARG(int64_t, call, 1, i)) : age(today, first);
    }
    return LEAT_OK;
}

static enum leat_status run_date_bin(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_interval stride = ARG(struct leat_interval, call, 0, i);
        int64_t source = ARG(int64_t, call, 1, i), origin = ARG(int64_t, call, 2, i), width, span;
        if (stride.months)
            return leat_error_set(err, LEAT_E_UNSUPPORTED,
                                  "timestamps cannot be binned into intervals containing months "
                                  "or years");
        if (__builtin_mul_overflow((int64_t)stride.days, MICROS_PER_DAY, &width) ||
            __builtin_add_overflow(width, stride.microseconds, &width) ||
            __builtin_sub_overflow(source, origin, &span))
            return leat_error_set(err, LEAT_E_BAD_DATETIME, "interval out of range");
        if (width <= 0)
            return leat_error_set(err, LEAT_E_BAD_DATETIME, "stride must be greater than zero");
        ((int64_t *)call->out->data)[i] = origin + floor_divide(span, width) * width;
    }
    return LEAT_OK;
}

static enum leat_status justify(struct kernel_call *call, bool hours, bool days)
{
    FOR_VALID(call, i)
    {
        struct leat_interval v = ARG(struct leat_interval, call, 0, i);
        if (hours) {
            v.days += (int32_t)(v.microseconds / MICROS_PER_DAY);
            v.microseconds %= MICROS_PER_DAY;
        }
        if (days) {
            v.months += v.days / 30;
            v.days %= 30;
        }
        if (days && v.months > 0 && (v.days < 0 || (v.days == 0 && v.microseconds < 0))) {
            v.days += 30;
            v.months--;
        } else if (days && v.months < 0 && (v.days > 0 || (v.days == 0 && v.microseconds > 0))) {
            v.days -= 30;
            v.months++;
        }
        if (hours && v.days > 0 && v.microseconds < 0) {
            v.microseconds += MICROS_PER_DAY;
            v.days--;
        } else if (hours && v.days < 0 && v.microseconds > 0) {
            v.microseconds -= MICROS_PER_DAY;
            v.days++;
        }
        ((struct leat_interval *)call->out->data)[i] = v;
    }
    return LEAT_OK;
}
static enum leat_status run_justify_hours(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return justify(call, true, false);
}
static enum leat_status run_justify_days(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return justify(call, false, true);
}
static enum leat_status run_justify_interval(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return justify(call, true, true);
}

static enum leat_status run_isfinite(struct kernel_call *call, struct leat_error *err)
{
    enum leat_type_id id = call->args[0].type->id;
    (void)err;
    FOR_VALID(call, i)
    {
        bool finite = true;
        if (id == LEAT_DATE)
            finite = ARG(int32_t, call, 0, i) != INT32_MAX && ARG(int32_t, call, 0, i) != INT32_MIN;
        else if (id != LEAT_INTERVAL)
            finite = ARG(int64_t, call, 0, i) != INT64_MAX && ARG(int64_t, call, 0, i) != INT64_MIN;
        ((uint8_t *)call->out->data)[i] = finite;
    }
    return LEAT_OK;
}

static enum leat_status run_last_day(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        int64_t year;
        unsigned month, day;
        leat_civil_from_days(ARG(int32_t, call, 0, i), &year, &month, &day);
        ((int32_t *)call->out->data)[i] =
            leat_days_from_civil(year, month, days_in_month(year, month));
    }
    return LEAT_OK;
}

/* --- time zones --- */

static void release_zone(void *data)
{
    timezone_free(data);
}

/* timezone(zone, timestamp): to UTC; timezone(zone, timestamptz): local time there. */
static enum leat_status run_timezone(struct kernel_call *call, struct leat_error *err)
{
    bool to_utc = call->type->id == LEAT_TIMESTAMPTZ;
    call->state->release = release_zone;
    FOR_VALID(call, i)
    {
        struct leat_text name = leat_string_text(&ARG(struct leat_string, call, 0, i));
        int64_t value = ARG(int64_t, call, 1, i);
        struct timezone_rules *zone = call->state->data;
        if (!zone || !timezone_is(zone, name)) {
            timezone_free(zone);
            call->state->data = NULL;
            LEAT_TRY(timezone_open(name, &zone, err));
            call->state->data = zone;
        }
        if (value != INT64_MAX && value != INT64_MIN)
            value = to_utc ? timezone_to_utc(zone, value) : timezone_to_local(zone, value);
        ((int64_t *)call->out->data)[i] = value;
    }
    return LEAT_OK;
}

/* A period with its start before its end; a null that remains is the end. */
struct period {
    int64_t start, end;
    bool no_start, no_end;
};

static struct period period_of(const struct kernel_call *call, uint32_t first, uint32_t i)
{
    struct period p = {0, 0, arg_is_null(call, first, i), arg_is_null(call, first + 1, i)};

    p.start = p.no_start ? 0 : ARG(int64_t, call, first, i);
    p.end = p.no_end ? 0 : ARG(int64_t, call, first + 1, i);
    if (p.no_start || (!p.no_end && p.end < p.start))
        p = (struct period){p.end, p.start, p.no_end, p.no_start};
    return p;
}

/* PostgreSQL's OVERLAPS: periods without their end, or moments where start and end are the same. 1
 * true, 0 false, -1 unknown. */
static int overlap(struct period a, struct period b)
{
    if (a.no_start || b.no_start)
        return -1;
    if (a.start == b.start)
        return a.no_end || b.no_end ? -1 : 1;
    if (b.start < a.start) {
        struct period other = a;
        a = b;
        b = other;
    }
    if (a.no_end)
        return -1;
    return b.start < a.end ? 1 : b.no_end ? -1 : 0;
}

static enum leat_status run_overlaps(struct kernel_call *call, struct leat_error *err)
{
    for (uint32_t i = 0; i < call->count; i++) {
        int result = overlap(period_of(call, 0, i), period_of(call, 2, i));
        ((uint8_t *)call->out->data)[i] = result == 1;
        if (result < 0)
            LEAT_TRY(kernel_set_null(call, i, err));
    }
    return LEAT_OK;
}

#define OVERLAPS(args)                                                                             \
    FUNCTION("overlaps", "(start, end) OVERLAPS (start, end) -> boolean",                          \
             "whether periods have a moment in common; ends may be intervals", args, 'b',          \
             FUNCTION_NOT_STRICT | FUNCTION_TOTAL, run_overlaps, NULL)

#define CLOCK(name_, signature_, help_, result_, run_, once_)                                      \
    {                                                                                              \
        .name = (name_), .kind = LEAT_FUNCTION_SCALAR, .signature = (signature_), .help = (help_), \
        .volatile_result = true, .statement_clock = (once_),                                       \
        .implementation = &(const struct leat_function_implementation)                             \
        {                                                                                          \
            .args = "", .result = (result_), .flags = FUNCTION_TOTAL | FUNCTION_STABLE,            \
            .run = (run_)                                                                          \
        }                                                                                          \
    }
#define NOW(name) CLOCK(name, name " -> timestamptz", "start of the statement", 'Z', run_now, true)
#define MAKE_INTERVAL                                                                              \
    "make_interval(years, months, weeks, days, hours, mins, secs) -> interval", "interval of "     \
                                                                                "parts"
#define FINITE "isfinite(date or time) -> boolean", "false for infinity and -infinity"

static const struct leat_function functions[] = {
    FUNCTION("make_date", "make_date(year, month, day) -> date", "date of its parts", "iii", 'D', 0,
             run_make_date, NULL),
    FUNCTION("make_time", "make_time(hour, minute, second) -> time", "time of its parts", "iid",
             'T', 0, run_make_time, NULL),
    FUNCTION("make_timestamp",
             "make_timestamp(year, month, day, hour, minute, second) -> timestamp",
             "timestamp of its parts", "iiiiid", 'S', 0, run_make_timestamp, NULL),
    FUNCTION("make_interval", MAKE_INTERVAL, "i", 'I', 0, run_make_interval, NULL),
    FUNCTION("make_interval", MAKE_INTERVAL, "ii", 'I', 0, run_make_interval, NULL),
    FUNCTION("make_interval", MAKE_INTERVAL, "iii", 'I', 0, run_make_interval, NULL),
    FUNCTION("make_interval", MAKE_INTERVAL, "iiii", 'I', 0, run_make_interval, NULL),
    FUNCTION("make_interval", MAKE_INTERVAL, "iiiii", 'I', 0, run_make_interval, NULL),
    FUNCTION("make_interval", MAKE_INTERVAL, "iiiiii", 'I', 0, run_make_interval, NULL),
    FUNCTION("make_interval", MAKE_INTERVAL, "iiiiiid", 'I', 0, run_make_interval, NULL),
    FUNCTION("to_timestamp", "to_timestamp(double precision) -> timestamptz",
             "seconds since 1970 UTC", "d", 'Z', 0, run_to_timestamp, NULL),
    NOW("now"),
    NOW("current_timestamp"),
    NOW("transaction_timestamp"),
    NOW("statement_timestamp"),
    CLOCK("clock_timestamp", "clock_timestamp() -> timestamptz", "now, while the statement runs",
          'Z', run_now, false),
    CLOCK("localtimestamp", "localtimestamp -> timestamp", "start of the statement", 'S', run_now,
          true),
    CLOCK("current_date", "current_date -> date", "today (UTC)", 'D', run_current_date, true),
    CLOCK("localtime", "localtime -> time", "time of day (UTC)", 'T', run_localtime, true),
    FUNCTION("age", "age(timestamp, timestamp) -> interval", "difference in years, months, days",
             "SS", 'I', FUNCTION_TOTAL, run_age, NULL),
    FUNCTION("age", "age(timestamptz, timestamptz) -> interval",
             "difference in years, months, days", "ZZ", 'I', FUNCTION_TOTAL, run_age, NULL),
    FUNCTION("age", "age(timestamp) -> interval", "difference to today", "S", 'I', FUNCTION_TOTAL,
             run_age, NULL),
    FUNCTION("age", "age(timestamptz) -> interval", "difference to today", "Z", 'I', FUNCTION_TOTAL,
             run_age, NULL),
    OVERLAPS("SSSS"),
    OVERLAPS("ZZZZ"),
    OVERLAPS("TTTT"),
    FUNCTION("date_bin", "date_bin(interval, timestamp, origin) -> timestamp",
             "start of the bin that holds it", "ISS", 'S', 0, run_date_bin, NULL),
    FUNCTION("date_bin", "date_bin(interval, timestamptz, origin) -> timestamptz",
             "start of the bin that holds it", "IZZ", 'Z', 0, run_date_bin, NULL),
    FUNCTION("justify_hours", "justify_hours(interval) -> interval", "24 hours become a day", "I",
             'I', FUNCTION_TOTAL, run_justify_hours, NULL),
    FUNCTION("justify_days", "justify_days(interval) -> interval", "30 days become a month", "I",
             'I', FUNCTION_TOTAL, run_justify_days, NULL),
    FUNCTION("justify_interval", "justify_interval(interval) -> interval", "both", "I", 'I',
             FUNCTION_TOTAL, run_justify_interval, NULL),
    FUNCTION("isfinite", FINITE, "D", 'b', FUNCTION_TOTAL, run_isfinite, NULL),
    FUNCTION("isfinite", FINITE, "S", 'b', FUNCTION_TOTAL, run_isfinite, NULL),
    FUNCTION("isfinite", FINITE, "Z", 'b', FUNCTION_TOTAL, run_isfinite, NULL),
    FUNCTION("isfinite", FINITE, "I", 'b', FUNCTION_TOTAL, run_isfinite, NULL),
    FUNCTION("last_day", "last_day(date) -> date", "last day of the month", "D", 'D',
             FUNCTION_TOTAL, run_last_day, NULL),
    FUNCTION("timezone", "timestamp AT TIME ZONE zone -> timestamptz", "local time to UTC", "tS",
             'Z', 0, run_timezone, NULL),
    FUNCTION("timezone", "timestamptz AT TIME ZONE zone -> timestamp", "UTC to local time", "tZ",
             'S', 0, run_timezone, NULL),
};

struct function_table calendar_functions(void)
{
    return TABLE_OF(functions);
}
