/* Dates and times by a pattern in strptime's language, without locale: names of months and days are
 * English. */
#include "columns/value.h"
#include "formats/csv/csv_internal.h"

struct moment {
    int64_t year;
    int month, day, hour, minute, second;
    int64_t fraction; /* microseconds */
    int half;         /* 1: AM, 2: PM */
    int day_of_year;
    int64_t zone; /* seconds east of UTC */
    bool has_zone;
    int64_t epoch;
    bool has_epoch;
};

struct input {
    const char *text;
    size_t length;
    size_t at;
};

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10;
}

static bool number(struct input *in, size_t most, int64_t low, int64_t high, int64_t *out)
{
    size_t start = in->at;
    int64_t value = 0;

    while (in->at < in->length && in->at - start < most && is_digit(in->text[in->at]))
        value = value * 10 + (in->text[in->at++] - '0');
    *out = value;
    return in->at > start && value >= low && value <= high;
}

static bool small(struct input *in, int64_t low, int64_t high, int *out)
{
    int64_t value;

    if (!number(in, high > 99 ? 3 : 2, low, high, &value))
        return false;
    *out = (int)value;
    return true;
}

/* One of the names, whole or its first three letters; *out is its index. */
static bool name(struct input *in, const char *const *names, int count, int *out)
{
    for (int i = 0; i < count; i++) {
        size_t whole = strlen(names[i]);
        for (size_t length = whole;; length = 3) {
            if (in->length - in->at >= length &&
                strncasecmp(in->text + in->at, names[i], length) == 0) {
                in->at += length;
                *out = i;
                return true;
            }
            if (length == 3)
                break;
        }
    }
    return false;
}

static bool fraction(struct input *in, int64_t *out)
{
    int64_t unit = 100000;
    size_t start = in->at;

    *out = 0;
    for (; in->at < in->length && is_digit(in->text[in->at]); in->at++) {
        *out += (in->text[in->at] - '0') * unit;
        unit /= 10;
    }
    return in->at > start;
}

static bool zone(struct input *in, struct moment *out)
{
    int64_t hours, minutes = 0;
    char sign;

    out->has_zone = true;
    if (in->at == in->length)
        return false;
    sign = in->text[in->at++];
    if ((sign | 0x20) == 'z')
        return true;
    if ((sign != '+' && sign != '-') || !number(in, 2, 0, 15, &hours))
        return false;
    if (in->at < in->length && in->text[in->at] == ':')
        in->at++;
    if (in->at < in->length && is_digit(in->text[in->at]) && !number(in, 2, 0, 59, &minutes))
        return false;
    out->zone = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

static const char *const months[12] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
static const char *const weekdays[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

static bool parse_into(const char *format, struct input *in, struct moment *out);

static bool directive(char c, struct input *in, struct moment *out)
{
    int64_t value;
    int ignored;

    switch (c) {
    case 'Y':
        return number(in, 4, 0, 9999, &out->year);
    case 'y':
        if (!number(in, 2, 0, 99, &value))
            return false;
        out->year = value < 69 ? 2000 + value : 1900 + value;
        return true;
    case 'm':
        return small(in, 1, 12, &out->month);
    case 'b':
    case 'B':
    case 'h':
        if (!name(in, months, 12, &out->month))
            return false;
        out->month++;
        return true;
    case 'e':
        while (in->at < in->length && in->text[in->at] == ' ')
            in->at++;
        return small(in, 1, 31, &out->day);
    case 'd':
        return small(in, 1, 31, &out->day);
    case 'j':
        return small(in, 1, 366, &out->day_of_year);
    case 'H':
        return small(in, 0, 24, &out->hour);
    case 'I':
        return small(in, 1, 12, &out->hour);
    case 'M':
        return small(in, 0, 59, &out->minute);
    case 'S':
        return small(in, 0, 60, &out->second);
    case 'f':
    case 'g':
    case 'n':
        return fraction(in, &out->fraction);
    case 'p':
        if (in->length - in->at < 2 || (in->text[in->at + 1] | 0x20) != 'm')
            return false;
        out->half = (in->text[in->at] | 0x20) == 'a' ? 1 : (in->text[in->at] | 0x20) == 'p' ? 2 : 0;
        in->at += 2;
        return out->half != 0;
    case 'a':
    case 'A':
        return name(in, weekdays, 7, &ignored);
    case 'z':
        return zone(in, out);
    case 'Z':
        out->has_zone = true;
        if (in->length - in->at >= 3 && (strncasecmp(in->text + in->at, "utc", 3) == 0 ||
                                         strncasecmp(in->text + in->at, "gmt", 3) == 0)) {
            in->at += 3;
            return true;
        }
        return zone(in, out);
    case 's':
        out->has_epoch = out->has_zone = true;
        return number(in, 12, 0, INT64_MAX, &out->epoch);
    case 'F':
        return parse_into("%Y-%m-%d", in, out);
    case 'T':
        return parse_into("%H:%M:%S", in, out);
    case 'R':
        return parse_into("%H:%M", in, out);
    case 'D':
        return parse_into("%m/%d/%y", in, out);
    case '%':
        return in->at < in->length && in->text[in->at++] == '%';
    default:
        return false;
    }
}

static bool parse_into(const char *format, struct input *in, struct moment *out)
{
    for (; *format; format++) {
        if (*format == '%' && format[1]) {
            format++;
            if (*format == '-' && format[1]) /* %-d: without leading zero, as we read it anyway */
                format++;
            if (!directive(*format, in, out))
                return false;
        } else if (*format == ' ') {
            if (in->at == in->length || in->text[in->at] != ' ')
                return false;
            while (in->at < in->length && in->text[in->at] == ' ')
                in->at++;
        } else if (in->at == in->length || in->text[in->at++] != *format) {
            return false;
        }
    }
    return true;
}

bool leat_time_format_parse(const char *format, const char *text, size_t length, int64_t *out,
                            bool *has_zone)
{
    static const uint8_t lengths[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct input in = {text, length, 0};
    struct moment m = {.year = 1970, .month = 1, .day = 1};
    int64_t days, seconds;
    bool leap;

    if (!parse_into(format, &in, &m) || in.at != in.length)
        return false;
    *has_zone = m.has_zone;
    if (m.has_epoch) {
        *out = m.epoch * 1000000 + m.fraction;
        return true;
    }
    leap = (m.year % 4 == 0 && m.year % 100 != 0) || m.year % 400 == 0;
    if (m.day > lengths[m.month] + (m.month == 2 && leap))
        return false;
    if (m.half) {
        if (m.hour > 12)
            return false;
        m.hour = m.hour % 12 + (m.half == 2 ? 12 : 0);
    }
    days = leat_days_from_civil(m.year, (unsigned)m.month, (unsigned)m.day);
    if (m.day_of_year)
        days = leat_days_from_civil(m.year, 1, 1) + m.day_of_year - 1;
    seconds = m.hour * 3600 + m.minute * 60 + m.second;
    if (seconds > 86400)
        return false;
    *out = (days * 86400 + seconds - m.zone) * 1000000 + m.fraction;
    return true;
}

bool leat_time_format_check(const char *format, char *bad)
{
    for (; *format; format++) {
        if (*format != '%')
            continue;
        format++;
        if (*format == '-')
            format++;
        if (!*format || !strchr("YymbBhedjHIMSfgnpaAzZsFTRD%", *format)) {
            *bad = *format ? *format : '%';
            return false;
        }
    }
    return true;
}
