/*
 * Intervals from text: PostgreSQL's verbose form ("1 year 2 months 3 days 04:05:06", "@ 1 hour
 * ago"), the SQL standard's ("1-2", "3 4:05:06"), and ISO 8601 ("P1Y2M3DT4H5M6.7S"). Each number is
 * kept as whole part and billionths; fractions of months become days of 30 a month, fractions of
 * days time.
 */
#include "columns/number_internal.h"

struct interval_sum {
    __int128 months;
    __int128 days;
    __int128 microseconds;
};

/* A decimal number: whole part and billionths, both with the sign. */
struct interval_number {
    int64_t whole;
    int64_t billionths;
    bool negative;
    bool fraction;
    bool is_clock; /* hh:mm[:ss], in microseconds in `whole` */
    bool is_years; /* y-m, in months in `whole` */
};

enum interval_unit {
    UNIT_NONE,
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM
};

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10;
}

static enum interval_unit unit_of(const char *text, size_t length)
{
    static const struct {
        const char *name;
        enum interval_unit unit;
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
        {"hr", UNIT_HOUR},
        {"h", UNIT_HOUR},
        {"day", UNIT_DAY},
        {"d", UNIT_DAY},
        {"week", UNIT_WEEK},
        {"w", UNIT_WEEK},
        {"month", UNIT_MONTH},
        {"mon", UNIT_MONTH},
        {"year", UNIT_YEAR},
        {"yr", UNIT_YEAR},
        {"y", UNIT_YEAR},
        {"decade", UNIT_DECADE},
        {"dec", UNIT_DECADE},
        {"century", UNIT_CENTURY},
        {"centurie", UNIT_CENTURY},
        {"cent", UNIT_CENTURY},
        {"c", UNIT_CENTURY},
        {"millennium", UNIT_MILLENNIUM},
        {"mil", UNIT_MILLENNIUM},
        {"millennia", UNIT_MILLENNIUM},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t name = strlen(units[i].name);
        bool plural = length == name + 1 && (text[name] | 0x20) == 's';
        if ((length == name || plural) && strncasecmp(text, units[i].name, name) == 0)
            return units[i].unit;
    }
    return UNIT_NONE;
}

/* Adds number * unit (microseconds a unit of time). */
static bool add_number(struct interval_sum *sum, const struct interval_number *number,
                       enum interval_unit unit)
{
    static const int64_t time_units[] = {0, 1, 1000, 1000000, 60000000, 3600000000};
    static const int32_t month_units[] = {1, 12, 120, 1200, 12000};
    __int128 whole = number->whole, part = number->billionths;

    if (unit == UNIT_NONE)
        return false;
    if (unit <= UNIT_HOUR) {
        __int128 tenths = part * time_units[unit] / 100000000; /* rounded half away from zero */
        sum->microseconds += whole * time_units[unit] + (tenths + (tenths < 0 ? -5 : 5)) / 10;
        return true;
    }
    if (unit <= UNIT_WEEK) {
        int days = unit == UNIT_WEEK ? 7 : 1;
        __int128 rest = part * days;
        sum->days += whole * days + rest / 1000000000;
        sum->microseconds += rest % 1000000000 * 864 / 10; /* 86,400e6 microseconds a day / 1e9 */
        return true;
    }
    {
        int32_t months = month_units[unit - UNIT_MONTH];
        __int128 rest = part * months;
        sum->months += whole * months + rest / 1000000000;
        rest = rest % 1000000000;
        if (unit == UNIT_MONTH) {
            rest *= 30;
            sum->days += rest / 1000000000;
            sum->microseconds += rest % 1000000000 * 864 / 10;
        } else if (rest) { /* PostgreSQL rounds fractional years to months */
            sum->months += rest >= 500000000 ? 1 : rest <= -500000000 ? -1 : 0;
        }
        return true;
    }
}

static size_t read_whole(const char *text, size_t length, int64_t *out)
{
    size_t at = 0;

    *out = 0;
    for (; at < length && is_digit(text[at]) && at < 18; at++)
        *out = *out * 10 + (text[at] - '0');
    return at;
}

static size_t read_billionths(const char *text, size_t length, int64_t *out)
{
    int64_t unit = 100000000;
    size_t at = 0;

    *out = 0;
    for (; at < length && is_digit(text[at]); at++) {
        *out += (text[at] - '0') * unit;
        unit /= 10;
    }
    return at;
}

/* What follows the hours of hh:mm[:ss[.f]]; `at` is behind the first colon. */
static size_t read_clock_rest(const char *text, size_t length, size_t at,
                              struct interval_number *out)
{
    int64_t hours = out->whole, minutes, seconds = 0, billionths = 0;
    size_t used = read_whole(text + at, length - at, &minutes);

    at += used;
    if (used == 0 || used > 2 || minutes > 59 || hours > 2562047787)
        return 0;
    if (at < length && text[at] == ':') {
        used = read_whole(text + at + 1, length - at - 1, &seconds);
        at += 1 + used;
        if (used == 0 || used > 2 || seconds > 60)
            return 0;
        if (at < length && text[at] == '.') {
            used = read_billionths(text + at + 1, length - at - 1, &billionths);
            at += 1 + used;
        }
    }
    out->whole = (hours * 3600 + minutes * 60 + seconds) * 1000000 + (billionths + 500) / 1000;
    out->is_clock = true;
    return at;
}

/* Returns the bytes read, 0 if there is no number. */
static size_t read_number(const char *text, size_t length, struct interval_number *out)
{
    size_t at = 0, used;

    *out = (struct interval_number){0};
    if (at < length && (text[at] == '-' || text[at] == '+'))
        out->negative = text[at++] == '-';
    used = read_whole(text + at, length - at, &out->whole);
    at += used;
    if (used == 0 && !(at + 1 < length && text[at] == '.' && is_digit(text[at + 1])))
        return 0;
    if (at < length && is_digit(text[at]))
        return 0; /* too many digits */
    if (at < length && text[at] == '.') {
        out->fraction = true;
        at += 1 + read_billionths(text + at + 1, length - at - 1, &out->billionths);
    } else if (at < length && text[at] == ':') {
        at = read_clock_rest(text, length, at + 1, out);
        if (at == 0)
            return 0;
    } else if (at + 1 < length && text[at] == '-' && is_digit(text[at + 1])) {
        int64_t months;
        used = read_whole(text + at + 1, length - at - 1, &months);
        if (months > 11 || out->whole > 200000000)
            return 0;
        out->whole = out->whole * 12 + months;
        out->is_years = true;
        at += 1 + used;
    }
    if (out->negative) {
        out->whole = -out->whole;
        out->billionths = -out->billionths;
    }
    return at;
}

static bool finish(const struct interval_sum *sum, bool negate, struct leat_interval *out)
{
    int sign = negate ? -1 : 1;
    __int128 months = sum->months * sign, days = sum->days * sign;
    __int128 microseconds = sum->microseconds * sign;

    if (months > INT32_MAX || months < INT32_MIN || days > INT32_MAX || days < INT32_MIN ||
        microseconds > INT64_MAX || microseconds < INT64_MIN)
        return false;
    out->months = (int32_t)months;
    out->days = (int32_t)days;
    out->microseconds = (int64_t)microseconds;
    return true;
}

static bool parse_iso(const char *text, size_t length, struct leat_interval *out)
{
    static const enum interval_unit dates[] = {UNIT_YEAR, UNIT_MONTH, UNIT_WEEK, UNIT_DAY};
    static const enum interval_unit times[] = {UNIT_HOUR, UNIT_MINUTE, UNIT_SECOND};
    struct interval_sum sum = {0};
    struct interval_number number;
    bool in_time = false, any = false;

    for (size_t at = 1; at < length; any = true) {
        const char *letters, *place;
        size_t used;
        if ((text[at] | 0x20) == 't' && !in_time) {
            in_time = true;
            at++;
            continue;
        }
        used = read_number(text + at, length - at, &number);
        at += used;
        if (used == 0 || number.is_years)
            return false;
        if (number.is_clock && in_time) {
            sum.microseconds += number.whole;
            continue;
        }
        if (number.is_clock || at == length)
            return false;
        letters = in_time ? "hms" : "ymwd";
        place = strchr(letters, text[at] | 0x20);
        if (!place || !*place ||
            !add_number(&sum, &number, in_time ? times[place - letters] : dates[place - letters]))
            return false;
        at++;
    }
    return any && finish(&sum, false, out);
}

/* Adds a number with the unit or meaning that follows from where it stands. */
static bool add_bare(struct interval_sum *sum, const struct interval_number *number,
                     bool clock_follows, enum interval_unit unit)
{
    if (number->is_clock) {
        sum->microseconds += number->whole;
        return unit == UNIT_NONE;
    }
    if (number->is_years) {
        sum->months += number->whole;
        return unit == UNIT_NONE;
    }
    if (unit == UNIT_NONE)
        unit = clock_follows ? UNIT_DAY : UNIT_SECOND;
    return add_number(sum, number, unit);
}

bool leat_parse_interval(const char *text, size_t length, struct leat_interval *out)
{
    struct interval_sum sum = {0};
    size_t at = 0;
    bool any = false, ago = false;

    if (length && (text[0] | 0x20) == 'p')
        return parse_iso(text, length, out);
    while (at < length) {
        struct interval_number number;
        enum interval_unit unit = UNIT_NONE;
        size_t used, word;
        if (text[at] == ' ' || (text[at] == '@' && !any)) {
            at++;
            continue;
        }
        if (length - at == 3 && any && strncasecmp(text + at, "ago", 3) == 0) {
            ago = true;
            break;
        }
        used = read_number(text + at, length - at, &number);
        if (used == 0)
            return false;
        at += used;
        while (at < length && text[at] == ' ')
            at++;
        for (word = at; word < length && (unsigned)((text[word] | 0x20) - 'a') < 26; word++)
            ;
        if (word > at && !(word - at == 3 && strncasecmp(text + at, "ago", 3) == 0)) {
            unit = unit_of(text + at, word - at);
            if (unit == UNIT_NONE)
                return false;
            at = word;
        }
        if (!add_bare(&sum, &number, at < length && memchr(text + at, ':', length - at), unit))
            return false;
        any = true;
    }
    return any && finish(&sum, ago, out);
}
