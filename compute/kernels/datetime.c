/*
 * Dates, times and intervals: arithmetic, fields, truncation, construction.
 *
 * All calendar arithmetic goes through days since 1970 (columns/value.h). Adding an interval adds
 * months first (the day is cut to the month's last), then days, then microseconds. The session's
 * time zone is UTC; other zones come by AT TIME ZONE (timezone.c).
 */
#include "compute/kernels/datetime_internal.h"

#include <math.h>

static enum leat_status out_of_range(const char *what, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_BAD_DATETIME, "%s out of range", what);
}

static bool is_infinite(int64_t timestamp)
{
    return timestamp == INT64_MAX || timestamp == INT64_MIN;
}

unsigned days_in_month(int64_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool add_months(int32_t days, int32_t months, int64_t *out)
{
    int64_t year;
    unsigned month, day;

    leat_civil_from_days(days, &year, &month, &day);
    int64_t total = year * 12 + (int64_t)month - 1 + months;
    year = floor_divide(total, 12);
    month = (unsigned)floor_modulo(total, 12) + 1;
    if (year < -4800 || year > 294500)
        return false;
    if (day > days_in_month(year, month))
        day = days_in_month(year, month);
    *out = leat_days_from_civil(year, month, day);
    return true;
}

bool timestamp_add_interval(int64_t timestamp, const struct leat_interval *interval, int64_t *out)
{
    int64_t days = floor_divide(timestamp, MICROS_PER_DAY);
    int64_t rest = floor_modulo(timestamp, MICROS_PER_DAY), micros;

    if (is_infinite(timestamp)) {
        *out = timestamp;
        return true;
    }
    if (interval->months && !add_months((int32_t)days, interval->months, &days))
        return false;
    days += interval->days;
    return !__builtin_mul_overflow(days, MICROS_PER_DAY, &micros) &&
           !__builtin_add_overflow(micros, rest, &micros) &&
           !__builtin_add_overflow(micros, interval->microseconds, out) && !is_infinite(*out);
}

static struct leat_interval negated(struct leat_interval interval)
{
    return (struct leat_interval){-interval.months, -interval.days, -interval.microseconds};
}

/* --- arithmetic --- */

static enum leat_status run_date_plus_days(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        if (__builtin_add_overflow(ARG(int32_t, call, 0, i), ARG(int32_t, call, 1, i),
                                   &((int32_t *)call->out->data)[i]))
            return out_of_range("date", err);
    }
    return LEAT_OK;
}

static enum leat_status run_days_plus_date(struct kernel_call *call, struct leat_error *err)
{
    return run_date_plus_days(call, err);
}

static enum leat_status run_date_minus_days(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        if (__builtin_sub_overflow(ARG(int32_t, call, 0, i), ARG(int32_t, call, 1, i),
                                   &((int32_t *)call->out->data)[i]))
            return out_of_range("date", err);
    }
    return LEAT_OK;
}

static enum leat_status run_date_minus_date(struct kernel_call *call, struct leat_error *err)
{
    return run_date_minus_days(call, err);
}

static enum leat_status add_interval(struct kernel_call *call, uint32_t base, uint32_t other,
                                     bool minus, struct leat_error *err)
{
    bool date = call->args[base].type->id == LEAT_DATE;
    FOR_VALID(call, i)
    {
        struct leat_interval interval = ARG(struct leat_interval, call, other, i);
        int64_t start =
            date ? ARG(int32_t, call, base, i) * MICROS_PER_DAY : ARG(int64_t, call, base, i);
        if (minus)
            interval = negated(interval);
        if (!timestamp_add_interval(start, &interval, &((int64_t *)call->out->data)[i]))
            return out_of_range("timestamp", err);
    }
    return LEAT_OK;
}
static enum leat_status run_plus_interval(struct kernel_call *call, struct leat_error *err)
{
    return add_interval(call, 0, 1, false, err);
}
static enum leat_status run_interval_plus(struct kernel_call *call, struct leat_error *err)
{
    return add_interval(call, 1, 0, false, err);
}
static enum leat_status run_minus_interval(struct kernel_call *call, struct leat_error *err)
{
    return add_interval(call, 0, 1, true, err);
}

/* timestamp - timestamp: days and time, as PostgreSQL justifies hours. */
static enum leat_status run_timestamp_minus(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        int64_t span;
        if (__builtin_sub_overflow(ARG(int64_t, call, 0, i), ARG(int64_t, call, 1, i), &span))
            return out_of_range("interval", err);
        ((struct leat_interval *)call->out->data)[i] =
            (struct leat_interval){0, (int32_t)(span / MICROS_PER_DAY), span % MICROS_PER_DAY};
    }
    return LEAT_OK;
}

static enum leat_status run_date_plus_time(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((int64_t *)call->out->data)[i] =
            ARG(int32_t, call, 0, i) * MICROS_PER_DAY + ARG(int64_t, call, 1, i);
    }
    return LEAT_OK;
}

static enum leat_status time_interval(struct kernel_call *call, bool minus)
{
    FOR_VALID(call, i)
    {
        int64_t span = ARG(struct leat_interval, call, 1, i).microseconds % MICROS_PER_DAY;
        ((int64_t *)call->out->data)[i] =
            floor_modulo(ARG(int64_t, call, 0, i) + (minus ? -span : span), MICROS_PER_DAY);
    }
    return LEAT_OK;
}
static enum leat_status run_time_plus(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return time_interval(call, false);
}
static enum leat_status run_time_minus(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    return time_interval(call, true);
}
static enum leat_status run_time_minus_time(struct kernel_call *call, struct leat_error *err)
{
    (void)err;
    FOR_VALID(call, i)
    {
        ((struct leat_interval *)call->out->data)[i] =
            (struct leat_interval){0, 0, ARG(int64_t, call, 0, i) - ARG(int64_t, call, 1, i)};
    }
    return LEAT_OK;
}

static enum leat_status interval_sum(struct kernel_call *call, bool minus, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        struct leat_interval a = ARG(struct leat_interval, call, 0, i), *out = call->out->data;
        struct leat_interval b = call->arg_count > 1 ? ARG(struct leat_interval, call, 1, i) : a;
        if (call->arg_count == 1)
            a = (struct leat_interval){0, 0, 0};
        if (minus)
            b = negated(b);
        if (__builtin_add_overflow(a.months, b.months, &out[i].months) ||
            __builtin_add_overflow(a.days, b.days, &out[i].days) ||
            __builtin_add_overflow(a.microseconds, b.microseconds, &out[i].microseconds))
            return out_of_range("interval", err);
    }
    return LEAT_OK;
}
static enum leat_status run_interval_add(struct kernel_call *call, struct leat_error *err)
{
    return interval_sum(call, false, err);
}
static enum leat_status run_interval_sub(struct kernel_call *call, struct leat_error *err)
{
    return interval_sum(call, true, err);
}

/* Fractions of months and days cascade down, as in PostgreSQL's interval_mul. */
static bool scale_interval(struct leat_interval interval, double factor, struct leat_interval *out)
{
    double months = interval.months * factor, days = interval.days * factor;
    double micros = (double)interval.microseconds * factor;
    double whole_months = trunc(months), whole_days = trunc(days);
    double month_days = (months - whole_months) * 30.0;
    month_days = rint(month_days * 1e6) / 1e6;
    double seconds = (days - whole_days + month_days - trunc(month_days)) * 86400.0;
    seconds = rint(seconds * 1e6) / 1e6;
    double all_days = whole_days + trunc(month_days);

    if (fabs(seconds) >= 86400.0) {
        all_days += trunc(seconds / 86400.0);
        seconds -= trunc(seconds / 86400.0) * 86400.0;
    }
    micros = rint(micros + seconds * 1e6);
    if (!(fabs(whole_months) < 2147483648.0) || !(fabs(all_days) < 2147483648.0) ||
        !(fabs(micros) < 9.2e18))
        return false;
    *out = (struct leat_interval){(int32_t)whole_months, (int32_t)all_days, (int64_t)micros};
    return true;
}

static enum leat_status scaled(struct kernel_call *call, uint32_t at, bool divide,
                               struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        double factor = ARG(double, call, 1 - at, i);
        struct leat_interval *out = call->out->data;
        if (divide && factor == 0)
            return error_division_by_zero(err);
        if (!scale_interval(ARG(struct leat_interval, call, at, i), divide ? 1 / factor : factor,
                            &out[i]))
            return out_of_range("interval", err);
    }
    return LEAT_OK;
}
static enum leat_status run_interval_mul(struct kernel_call *call, struct leat_error *err)
{
    return scaled(call, 0, false, err);
}
static enum leat_status run_mul_interval(struct kernel_call *call, struct leat_error *err)
{
    return scaled(call, 1, false, err);
}
static enum leat_status run_interval_div(struct kernel_call *call, struct leat_error *err)
{
    return scaled(call, 0, true, err);
}

/* --- fields --- */

bool unit_of(struct leat_text name, enum unit *out)
{
    static const struct {
        const char *name;
        enum unit unit;
    } units[] = {
        {"microsecond", UNIT_MICROSECOND},
        {"us", UNIT_MICROSECOND},
        {"usec", UNIT_MICROSECOND},
        {"millisecond", UNIT_MILLISECOND},
        {"ms", UNIT_MILLISECOND},
        {"msec", UNIT_MILLISECOND},
        {"second", UNIT_SECOND},
        {"sec", UNIT_SECOND},
        {"s", UNIT_SECOND},
        {"minute", UNIT_MINUTE},
        {"min", UNIT_MINUTE},
        {"m", UNIT_MINUTE},
        {"hour", UNIT_HOUR},
        {"h", UNIT_HOUR},
        {"hr", UNIT_HOUR},
        {"day", UNIT_DAY},
        {"d", UNIT_DAY},
        {"week", UNIT_WEEK},
        {"w", UNIT_WEEK},
        {"month", UNIT_MONTH},
        {"mon", UNIT_MONTH},
        {"quarter", UNIT_QUARTER},
        {"qtr", UNIT_QUARTER},
        {"year", UNIT_YEAR},
        {"y", UNIT_YEAR},
        {"yr", UNIT_YEAR},
        {"decade", UNIT_DECADE},
        {"century", UNIT_CENTURY},
        {"centurie", UNIT_CENTURY},
        {"millennium", UNIT_MILLENNIUM},
        {"millennia", UNIT_MILLENNIUM},
        {"epoch", UNIT_EPOCH},
        {"dow", UNIT_DOW},
        {"isodow", UNIT_ISODOW},
        {"doy", UNIT_DOY},
        {"isoyear", UNIT_ISOYEAR},
        {"julian", UNIT_JULIAN},
        {"timezone", UNIT_TIMEZONE},
        {"timezone_hour", UNIT_TIMEZONE},
        {"timezone_minute", UNIT_TIMEZONE},
    };
    struct leat_text singular = name;
    if (name.length > 2 && (name.data[name.length - 1] | 32) == 's')
        singular.length--;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        struct leat_text known = leat_text_of(units[i].name);
        if (leat_text_equal_nocase(known, name) || leat_text_equal_nocase(known, singular)) {
            *out = units[i].unit;
            return true;
        }
    }
    return false;
}

/* ISO week and the year it belongs to. */
void iso_week(int32_t days, int64_t *year, unsigned *week)
{
    unsigned month, day;
    int32_t weekday = (int32_t)floor_modulo((int64_t)days + 3, 7); /* Monday 0 */
    int32_t thursday = days - weekday + 3;
    leat_civil_from_days(thursday, year, &month, &day);
    *week = (unsigned)(thursday - leat_days_from_civil(*year, 1, 1)) / 7 + 1;
}

/* The field in microseconds-scaled form: value * 10^-6. False: not a field of this type. */
static bool date_field(enum unit unit, int32_t days, int64_t *out)
{
    int64_t year, iso;
    unsigned month, day, week;
    leat_civil_from_days(days, &year, &month, &day);
    int64_t shown = year > 0 ? year : year - 1; /* there is no year 0 */
    switch (unit) {
    case UNIT_YEAR:
        *out = shown;
        break;
    case UNIT_MONTH:
        *out = month;
        break;
    case UNIT_DAY:
        *out = day;
        break;
    case UNIT_QUARTER:
        *out = (month - 1) / 3 + 1;
        break;
    case UNIT_DOW:
        *out = floor_modulo((int64_t)days + 4, 7);
        break;
    case UNIT_ISODOW:
        *out = floor_modulo((int64_t)days + 3, 7) + 1;
        break;
    case UNIT_DOY:
        *out = days - leat_days_from_civil(year, 1, 1) + 1;
        break;
    case UNIT_WEEK:
        iso_week(days, &iso, &week);
        *out = week;
        break;
    case UNIT_ISOYEAR:
        iso_week(days, &iso, &week);
        *out = iso > 0 ? iso : iso - 1;
        break;
    case UNIT_DECADE:
        *out = floor_divide(year, 10);
        break;
    case UNIT_CENTURY:
        *out = year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100);
        break;
    case UNIT_MILLENNIUM:
        *out = year > 0 ? (year + 999) / 1000 : -((999 - (year - 1)) / 1000);
        break;
    case UNIT_JULIAN:
        *out = (int64_t)days + 2440588;
        break;
    default:
        return false;
    }
    *out *= 1000000;
    return true;
}

static bool time_field(enum unit unit, int64_t micros, leat_int128 *out)
{
    switch (unit) {
    case UNIT_HOUR:
        *out = micros / 3600000000LL * 1000000;
        return true;
    case UNIT_MINUTE:
        *out = micros / 60000000LL % 60 * 1000000;
        return true;
    case UNIT_SECOND:
        *out = micros % 60000000LL;
        return true;
    case UNIT_MILLISECOND:
        *out = (leat_int128)(micros % 60000000LL) * 1000;
        return true;
    case UNIT_MICROSECOND:
        *out = (leat_int128)(micros % 60000000LL) * 1000000;
        return true;
    default:
        return false;
    }
}

static bool interval_field(enum unit unit, const struct leat_interval *value, leat_int128 *out)
{
    int32_t months = value->months;
    switch (unit) {
    case UNIT_YEAR:
        *out = (leat_int128)(months / 12) * 1000000;
        return true;
    case UNIT_MONTH:
        *out = (leat_int128)(months % 12) * 1000000;
        return true;
    case UNIT_QUARTER:
        *out = (leat_int128)(months % 12 / 3 + 1) * 1000000;
        return true;
    case UNIT_DAY:
        *out = (leat_int128)value->days * 1000000;
        return true;
    case UNIT_DECADE:
        *out = (leat_int128)(months / 120) * 1000000;
        return true;
    case UNIT_CENTURY:
        *out = (leat_int128)(months / 1200) * 1000000;
        return true;
    case UNIT_MILLENNIUM:
        *out = (leat_int128)(months / 12000) * 1000000;
        return true;
    case UNIT_EPOCH:
        *out = (leat_int128)(months / 12) * 31557600000000LL +
               (leat_int128)(months % 12) * 2592000000000LL +
               (leat_int128)value->days * MICROS_PER_DAY + value->microseconds;
        return true;
    default:
        return time_field(unit, value->microseconds, out);
    }
}

static bool field(enum unit unit, const struct kernel_call *call, uint32_t i, leat_int128 *out)
{
    enum leat_type_id id = call->args[1].type->id;
    int64_t part, value;

    if (id == LEAT_INTERVAL)
        return interval_field(unit, &ARG(struct leat_interval, call, 1, i), out);
    if (id == LEAT_DATE) {
        int32_t days = ARG(int32_t, call, 1, i);
        if (unit == UNIT_EPOCH) {
            *out = (leat_int128)days * MICROS_PER_DAY;
            return true;
        }
        bool known = date_field(unit, days, &part);
        *out = part;
        return known;
    }
    value = ARG(int64_t, call, 1, i);
    if (unit == UNIT_EPOCH) {
        *out = value;
        return true;
    }
    if (id == LEAT_TIME)
        return time_field(unit, value, out);
    if (unit == UNIT_TIMEZONE) {
        *out = 0;
        return id == LEAT_TIMESTAMPTZ;
    }
    if (unit == UNIT_JULIAN) {
        *out = (leat_int128)value * 1000000 / MICROS_PER_DAY + (leat_int128)2440588 * 1000000;
        return true;
    }
    if (date_field(unit, (int32_t)floor_divide(value, MICROS_PER_DAY), &part)) {
        *out = part;
        return true;
    }
    return time_field(unit, floor_modulo(value, MICROS_PER_DAY), out);
}

/* Fraction digits of the numeric that EXTRACT gives. */
#define EXTRACT_SCALE 6

static enum leat_status extract(struct kernel_call *call, struct leat_error *err)
{
    enum unit unit = UNIT_YEAR;
    bool first = true;
    for (uint32_t i = 0; i < call->count; i++) {
        leat_int128 value = 0;
        if (!leat_validity_get(call->out->validity, i))
            continue;
        if (first || call->args[0].form != LEAT_CONSTANT) {
            first = false;
            struct leat_text name = leat_string_text(&ARG(struct leat_string, call, 0, i));
            if (!unit_of(name, &unit))
                return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "unit \"%.*s\" not recognized",
                                      (int)(name.length < 60 ? name.length : 60), name.data);
        }
        if (!field(unit, call, i, &value))
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "this type has no such field");
        if (call->type->id == LEAT_DOUBLE) {
            ((double *)call->out->data)[i] = (double)value / 1e6;
        } else {
            value = decimal_round(value, 6u - call->type->scale);
            decimal_store(call->out, i, value);
        }
    }
    return LEAT_OK;
}

static bool rule_extract_whole(struct signature *s)
{
    s->result = leat_type_decimal(18, 0);
    return s->result != NULL;
}

static bool rule_extract(struct signature *s)
{
    enum leat_type_id id = s->cast[1]->id;
    s->result = leat_type_decimal(id == LEAT_DATE ? 18 : 38, id == LEAT_DATE ? 0 : EXTRACT_SCALE);
    return true;
}

/* --- truncation --- */

bool timestamp_truncate(enum unit unit, int64_t timestamp, int64_t *out)
{
    static const int64_t widths[] = {[UNIT_MICROSECOND] = 1,
                                     [UNIT_MILLISECOND] = 1000,
                                     [UNIT_SECOND] = MICROS_PER_SECOND,
                                     [UNIT_MINUTE] = 60 * MICROS_PER_SECOND,
                                     [UNIT_HOUR] = 3600 * MICROS_PER_SECOND,
                                     [UNIT_DAY] = MICROS_PER_DAY};
    int64_t days = floor_divide(timestamp, MICROS_PER_DAY), year;
    unsigned month, day;

    *out = timestamp;
    if (is_infinite(timestamp))
        return true;
    if (unit <= UNIT_DAY) {
        *out = timestamp - floor_modulo(timestamp, widths[unit]);
        return true;
    }
    leat_civil_from_days((int32_t)days, &year, &month, &day);
    switch (unit) {
    case UNIT_WEEK:
        days -= floor_modulo(days + 3, 7);
        *out = days * MICROS_PER_DAY;
        return true;
    case UNIT_MONTH:
        break;
    case UNIT_QUARTER:
        month = (month - 1) / 3 * 3 + 1;
        break;
    case UNIT_YEAR:
        month = 1;
        break;
    case UNIT_DECADE:
        year = floor_divide(year, 10) * 10;
        month = 1;
        break;
    case UNIT_CENTURY:
        year = floor_divide(year - 1, 100) * 100 + 1;
        month = 1;
        break;
    case UNIT_MILLENNIUM:
        year = floor_divide(year - 1, 1000) * 1000 + 1;
        month = 1;
        break;
    default:
        return false;
    }
    *out = leat_days_from_civil(year, month, 1) * MICROS_PER_DAY;
    return true;
}

static void truncate_interval(enum unit unit, struct leat_interval *v)
{
    static const int64_t widths[] = {[UNIT_MICROSECOND] = 1,
                                     [UNIT_MILLISECOND] = 1000,
                                     [UNIT_SECOND] = MICROS_PER_SECOND,
                                     [UNIT_MINUTE] = 60 * MICROS_PER_SECOND,
                                     [UNIT_HOUR] = 3600 * MICROS_PER_SECOND};
    if (unit < UNIT_DAY) {
        v->microseconds -= v->microseconds % widths[unit];
        return;
    }
    v->microseconds = 0;
    if (unit > UNIT_DAY)
        v->days = 0;
    int32_t months = unit == UNIT_QUARTER      ? 3
                     : unit == UNIT_YEAR       ? 12
                     : unit == UNIT_DECADE     ? 120
                     : unit == UNIT_CENTURY    ? 1200
                     : unit == UNIT_MILLENNIUM ? 12000
                                               : 1;
    v->months -= v->months % months;
}

static enum leat_status run_date_trunc(struct kernel_call *call, struct leat_error *err)
{
    enum leat_type_id id = call->args[1].type->id;
    FOR_VALID(call, i)
    {
        struct leat_text name = leat_string_text(&ARG(struct leat_string, call, 0, i));
        enum unit unit;
        if (!unit_of(name, &unit) || unit > UNIT_MILLENNIUM)
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "unit \"%.*s\" not recognized",
                                  (int)(name.length < 60 ? name.length : 60), name.data);
        if (id == LEAT_INTERVAL) {
            struct leat_interval *out = call->out->data;
            out[i] = ARG(struct leat_interval, call, 1, i);
            truncate_interval(unit, &out[i]);
        } else if (!timestamp_truncate(unit, ARG(int64_t, call, 1, i),
                                       &((int64_t *)call->out->data)[i])) {
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "cannot truncate to this unit");
        }
    }
    return LEAT_OK;
}

#define EXTRACT    "extract(field from date or time) -> numeric", "a field: year, month, hour, ..."
#define DATE_PART  "date_part(field, date or time) -> double precision", "a field, as extract"
#define DATE_TRUNC "date_trunc(unit, timestamp) -> timestamp", "start of the hour, day, month, ..."
#define ADDS(a, b) a " + " b, "addition"
#define SUBS(a, b) a " - " b, "subtraction"

static const struct leat_function functions[] = {
    FUNCTION("+", ADDS("date", "integer -> date"), "Di", 'D', 0, run_date_plus_days, NULL),
    FUNCTION("+", ADDS("integer", "date -> date"), "iD", 'D', 0, run_days_plus_date, NULL),
    FUNCTION("+", ADDS("date", "interval -> timestamp"), "DI", 'S', 0, run_plus_interval, NULL),
    FUNCTION("+", ADDS("timestamp", "interval -> timestamp"), "SI", 'S', 0, run_plus_interval,
             NULL),
    FUNCTION("+", ADDS("timestamptz", "interval -> timestamptz"), "ZI", 'Z', 0, run_plus_interval,
             NULL),
    FUNCTION("+", ADDS("interval", "date -> timestamp"), "ID", 'S', 0, run_interval_plus, NULL),
    FUNCTION("+", ADDS("interval", "timestamp -> timestamp"), "IS", 'S', 0, run_interval_plus,
             NULL),
    FUNCTION("+", ADDS("interval", "timestamptz -> timestamptz"), "IZ", 'Z', 0, run_interval_plus,
             NULL),
    FUNCTION("+", ADDS("interval", "interval -> interval"), "II", 'I', 0, run_interval_add, NULL),
    FUNCTION("+", ADDS("date", "time -> timestamp"), "DT", 'S', 0, run_date_plus_time, NULL),
    FUNCTION("+", ADDS("time", "interval -> time"), "TI", 'T', 0, run_time_plus, NULL),
    FUNCTION("-", SUBS("date", "integer -> date"), "Di", 'D', 0, run_date_minus_days, NULL),
    FUNCTION("-", SUBS("date", "date -> integer"), "DD", 'i', 0, run_date_minus_date, NULL),
    FUNCTION("-", SUBS("date", "interval -> timestamp"), "DI", 'S', 0, run_minus_interval, NULL),
    FUNCTION("-", SUBS("timestamp", "interval -> timestamp"), "SI", 'S', 0, run_minus_interval,
             NULL),
    FUNCTION("-", SUBS("timestamptz", "interval -> timestamptz"), "ZI", 'Z', 0, run_minus_interval,
             NULL),
    FUNCTION("-", SUBS("timestamp", "timestamp -> interval"), "SS", 'I', 0, run_timestamp_minus,
             NULL),
    FUNCTION("-", SUBS("timestamptz", "timestamptz -> interval"), "ZZ", 'I', 0, run_timestamp_minus,
             NULL),
    FUNCTION("-", SUBS("interval", "interval -> interval"), "II", 'I', 0, run_interval_sub, NULL),
    FUNCTION("-", "- interval -> interval", "negation", "I", 'I', 0, run_interval_sub, NULL),
    FUNCTION("-", SUBS("time", "interval -> time"), "TI", 'T', 0, run_time_minus, NULL),
    FUNCTION("-", SUBS("time", "time -> interval"), "TT", 'I', 0, run_time_minus_time, NULL),
    FUNCTION("*", "interval * double precision -> interval", "scaled", "Id", 'I', 0,
             run_interval_mul, NULL),
    FUNCTION("*", "double precision * interval -> interval", "scaled", "dI", 'I', 0,
             run_mul_interval, NULL),
    FUNCTION("/", "interval / double precision -> interval", "scaled", "Id", 'I', 0,
             run_interval_div, NULL),
    FUNCTION("extract", EXTRACT, "tD", 0, 0, extract, rule_extract),
    FUNCTION("extract", EXTRACT, "tS", 0, 0, extract, rule_extract),
    FUNCTION("extract", EXTRACT, "tZ", 0, 0, extract, rule_extract),
    FUNCTION("extract", EXTRACT, "tT", 0, 0, extract, rule_extract),
    FUNCTION("extract", EXTRACT, "tI", 0, 0, extract, rule_extract),
    FUNCTION("extract_whole", EXTRACT, "tD", 0, 0, extract, rule_extract_whole),
    FUNCTION("extract_whole", EXTRACT, "tS", 0, 0, extract, rule_extract_whole),
    FUNCTION("extract_whole", EXTRACT, "tZ", 0, 0, extract, rule_extract_whole),
    FUNCTION("extract_whole", EXTRACT, "tT", 0, 0, extract, rule_extract_whole),
    FUNCTION("extract_whole", EXTRACT, "tI", 0, 0, extract, rule_extract_whole),
    FUNCTION("date_part", DATE_PART, "tD", 'd', 0, extract, NULL),
    FUNCTION("date_part", DATE_PART, "tS", 'd', 0, extract, NULL),
    FUNCTION("date_part", DATE_PART, "tZ", 'd', 0, extract, NULL),
    FUNCTION("date_part", DATE_PART, "tT", 'd', 0, extract, NULL),
    FUNCTION("date_part", DATE_PART, "tI", 'd', 0, extract, NULL),
    FUNCTION("date_trunc", DATE_TRUNC, "tS", 'S', 0, run_date_trunc, NULL),
    FUNCTION("date_trunc", DATE_TRUNC, "tZ", 'Z', 0, run_date_trunc, NULL),
    FUNCTION("date_trunc", DATE_TRUNC, "tI", 'I', 0, run_date_trunc, NULL),
};

struct function_table datetime_functions(void)
{
    return TABLE_OF(functions);
}
