/*
 * Calendar, dates, times and intervals from text. The calendar arithmetic counts years from March,
 * so that the leap day is the last of the year (Hinnant, "chrono-compatible low-level date
 * algorithms"). The strict parsers read the fixed ISO positions that files hold; the loose ones
 * split the text into words and numbers, as PostgreSQL does, and decide by what stands where.
 */
#include "columns/number_internal.h"

#define DAY_MICROSECONDS ((int64_t)86400000000)

int32_t leat_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return (int32_t)(era * 146097 + day_of_era - 719468);
}

void leat_civil_from_days(int32_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t z = (int64_t)days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;

    *day = (unsigned)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10;
}

static bool is_letter(char c)
{
    return (unsigned)((c | 0x20) - 'a') < 26;
}

static bool valid_civil(int64_t year, int64_t month, int64_t day)
{
    static const uint8_t lengths[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month >= 1 && month <= 12 && day >= 1 && day <= lengths[month] + (month == 2 && leap) &&
           year >= -4713 && year <= 5874897;
}

/* Two digits at `text`; -1 if they are none. */
static int two_digits(const char *text)
{
    unsigned tens = (unsigned)(text[0] - '0');
    unsigned ones = (unsigned)(text[1] - '0');

    return tens < 10 && ones < 10 ? (int)(tens * 10 + ones) : -1;
}

static bool strip_era(const char *text, size_t *length, bool *bc)
{
    size_t n = *length;

    *bc = n > 3 && (text[n - 2] | 0x20) == 'b' && (text[n - 1] | 0x20) == 'c' && text[n - 3] == ' ';
    if (*bc ||
        (n > 3 && (text[n - 2] | 0x20) == 'a' && (text[n - 1] | 0x20) == 'd' && text[n - 3] == ' '))
        *length = n - 3;
    return *bc;
}

static bool parse_iso_date(const char *text, size_t length, bool bc, int32_t *out)
{
    int64_t year = 0;
    int month, day;
    size_t digits = length - 6;

    if (length < 10 || length > 13 || text[digits] != '-' || text[digits + 3] != '-')
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(text[i]))
            return false;
        year = year * 10 + (text[i] - '0');
    }
    month = two_digits(text + digits + 1);
    day = two_digits(text + digits + 4);
    if (bc)
        year = 1 - year;
    else if (year == 0)
        return false;
    if (!valid_civil(year, month, day))
        return false;
    *out = leat_days_from_civil(year, (unsigned)month, (unsigned)day);
    return true;
}

bool leat_parse_date(const char *text, size_t length, int32_t *out)
{
    bool bc = false;

    if (length > 10)
        strip_era(text, &length, &bc);
    return parse_iso_date(text, length, bc, out);
}

/* HH:MM[:SS[.ffffff]] at the start of the text; returns the bytes read, 0 if it is no time. More
 * than six fractional digits are rounded. */
static size_t read_clock(const char *text, size_t length, int64_t *out)
{
    int hour, minute, second = 0;
    int64_t fraction = 0;
    size_t at = 5;

    if (length < 5 || text[2] != ':')
        return 0;
    hour = two_digits(text);
    minute = two_digits(text + 3);
    if (hour < 0 || minute < 0 || hour > 24 || minute > 59)
        return 0;
    if (length >= 8 && text[5] == ':') {
        second = two_digits(text + 6);
        if (second < 0 || second > 60)
            return 0;
        at = 8;
        if (length > 9 && text[8] == '.' && is_digit(text[9])) {
            int64_t unit = 100000;
            for (at = 9; at < length && is_digit(text[at]); at++) {
                fraction += (text[at] - '0') * unit;
                if (unit == 0 && at == 15 && text[at] >= '5')
                    fraction++;
                unit /= 10;
            }
        }
    }
    *out = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000 + fraction;
    return *out > DAY_MICROSECONDS ? 0 : at;
}

bool leat_parse_time(const char *text, size_t length, int64_t *out)
{
    return length && read_clock(text, length, out) == length;
}

/* Z, UTC, GMT, +HH, +HHMM, +HH:MM, +HH:MM:SS in whole; *out is the offset in microseconds. */
static bool parse_zone(const char *text, size_t length, int64_t *out)
{
    int hour, minute = 0, second = 0;

    *out = 0;
    if (length == 1 && (text[0] | 0x20) == 'z')
        return true;
    if (length == 3 && ((text[0] | 0x20) == 'u' || (text[0] | 0x20) == 'g'))
        return strncasecmp(text, "utc", 3) == 0 || strncasecmp(text, "gmt", 3) == 0;
    if (length < 2 || (text[0] != '+' && text[0] != '-'))
        return false;
    if (length == 2 && is_digit(text[1])) {
        hour = text[1] - '0';
    } else {
        if (length < 3)
            return false;
        hour = two_digits(text + 1);
        if (length == 5)
            minute = two_digits(text + 3);
        else if ((length == 6 || length == 9) && text[3] == ':')
            minute = two_digits(text + 4);
        else if (length != 3)
            return false;
        if (length == 9)
            second = text[6] == ':' ? two_digits(text + 7) : -1;
    }
    if (hour < 0 || hour > 15 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    *out = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000;
    if (text[0] == '-')
        *out = -*out;
    return true;
}

static bool timestamp_of(int32_t days, int64_t clock, int64_t zone, int64_t *out)
{
    if (days > 106650000 ||
        days < -106650000) /* int64 microseconds end at about 106,751,991 days */
        return false;
    *out = days * DAY_MICROSECONDS + clock - zone;
    return true;
}

bool leat_parse_timestamp(const char *text, size_t length, int64_t *out, bool *has_zone)
{
    size_t split = 10, used;
    int32_t days;
    int64_t clock = 0, zone = 0;
    bool bc = false;

    *has_zone = false;
    if (length < 10)
        return false;
    if ((text[length - 1] | 0x20) == 'c' || (text[length - 1] | 0x20) == 'd')
        strip_era(text, &length, &bc);
    while (split < length && is_digit(text[split - 1]) && split < 14 && text[split] != ' ' &&
           (text[split] | 0x20) != 't')
        split++; /* years of more than four digits */
    if (!parse_iso_date(text, split, bc, &days))
        return false;
    if (split < length) {
        if (text[split] != ' ' && (text[split] | 0x20) != 't')
            return false;
        split++;
        used = read_clock(text + split, length - split, &clock);
        if (used == 0)
            return false;
        split += used;
        if (split < length) {
            if (text[split] == ' ')
                split++;
            if (!parse_zone(text + split, length - split, &zone))
                return false;
            *has_zone = true;
        }
    }
    return timestamp_of(days, clock, zone, out);
}

/* --- dates as people write them --- */

static int month_of_name(const char *text, size_t length)
{
    static const char *const names[12] = {"january",   "february", "march",    "april",
                                          "may",       "june",     "july",     "august",
                                          "september", "october",  "november", "december"};

    for (int i = 0; i < 12; i++)
        if ((length == 3 || length == strlen(names[i]) || (i == 8 && length == 4)) &&
            strncasecmp(text, names[i], length) == 0)
            return i + 1;
    return 0;
}

/* The numbers and the month's name of a loose date. */
struct date_words {
    int64_t numbers[3];
    size_t digits[3]; /* how many digits each number has */
    char after[3];    /* what follows each number: separator, or 0 at the end */
    size_t count;
    int month;           /* from a name, or 0 */
    size_t month_before; /* numbers that stand before the name */
};

static bool split_date(const char *text, size_t length, struct date_words *out)
{
    size_t at = 0;

    *out = (struct date_words){0};
    while (at < length) {
        size_t start = at;
        if (is_digit(text[at])) {
            int64_t value = 0;
            if (out->count == 3)
                return false;
            for (; at < length && is_digit(text[at]) && at - start < 9; at++)
                value = value * 10 + (text[at] - '0');
            if (at < length && is_digit(text[at]))
                return false;
            out->numbers[out->count] = value;
            out->digits[out->count] = at - start;
            out->after[out->count++] = at < length ? text[at] : 0;
        } else if (is_letter(text[at])) {
            while (at < length && is_letter(text[at]))
                at++;
            if (out->month)
                return false;
            out->month = month_of_name(text + start, at - start);
            out->month_before = out->count;
            if (!out->month)
                return false;
        } else if (text[at] == '-' || text[at] == '/' || text[at] == '.' || text[at] == ' ' ||
                   text[at] == ',') {
            at++;
        } else {
            return false;
        }
    }
    return true;
}

static int64_t full_year(int64_t year, size_t digits)
{
    if (digits > 2)
        return year;
    return year < 70 ? 2000 + year : 1900 + year;
}

bool leat_parse_date_loose(const char *text, size_t length, int32_t *out)
{
    struct date_words words;
    int64_t year, month, day;
    bool bc;

    strip_era(text, &length, &bc);
    if (!split_date(text, length, &words))
        return false;
    if (words.month && words.count == 2) {
        /* "31 Jan 1994", "Jan 31, 1994" or "1994 Jan 31" */
        size_t day_at = words.digits[0] > 2 ? 1 : 0;
        month = words.month;
        day = words.numbers[day_at];
        year = full_year(words.numbers[1 - day_at], words.digits[1 - day_at]);
    } else if (words.month == 0 && words.count == 3) {
        if (words.digits[0] > 2) {
            year = words.numbers[0];
            month = words.numbers[1];
            day = words.numbers[2];
        } else if (words.after[0] == '.') {
            day = words.numbers[0];
            month = words.numbers[1];
            year = full_year(words.numbers[2], words.digits[2]);
        } else {
            month = words.numbers[0];
            day = words.numbers[1];
            year = full_year(words.numbers[2], words.digits[2]);
        }
    } else if (words.month == 0 && words.count == 1 && words.digits[0] == 8) {
        year = words.numbers[0] / 10000;
        month = words.numbers[0] / 100 % 100;
        day = words.numbers[0] % 100;
    } else {
        return false;
    }
    if (bc)
        year = 1 - year;
    else if (year == 0)
        return false;
    if (!valid_civil(year, month, day))
        return false;
    *out = leat_days_from_civil(year, (unsigned)month, (unsigned)day);
    return true;
}

bool leat_parse_time_loose(const char *text, size_t length, int64_t *out)
{
    char padded[32];
    int half = 0;

    if (length > 2 && (text[length - 1] | 0x20) == 'm' &&
        ((text[length - 2] | 0x20) == 'a' || (text[length - 2] | 0x20) == 'p')) {
        half = text[length - 2] | 0x20;
        length -= 2;
        if (text[length - 1] == ' ')
            length--;
    }
    if (length > 1 && length < sizeof(padded) - 1 && text[1] == ':') { /* one-digit hour */
        padded[0] = '0';
        memcpy(padded + 1, text, length);
        text = padded;
        length++;
    }
    if (!leat_parse_time(text, length, out))
        return false;
    if (half) {
        int64_t hour = (int64_t)3600000000;
        if (*out >= 13 * hour)
            return false;
        if (*out >= 12 * hour)
            *out -= 12 * hour;
        if (half == 'p')
            *out += 12 * hour;
    }
    return true;
}

bool leat_parse_timestamp_loose(const char *text, size_t length, int64_t *out, bool *has_zone)
{
    size_t colon = 0, split, stop;
    int32_t days;
    int64_t clock = 0, zone = 0;
    bool bc;

    if (leat_parse_timestamp(text, length, out, has_zone))
        return true;
    *has_zone = false;
    strip_era(text, &length, &bc);
    while (colon < length && text[colon] != ':')
        colon++;
    split = colon;
    if (colon < length) { /* the time starts at the blank or T before the first colon */
        while (split > 0 && text[split - 1] != ' ' && (text[split - 1] | 0x20) != 't')
            split--;
        if (split == 0)
            return false;
        stop = colon;
        while (stop < length && (is_digit(text[stop]) || text[stop] == ':' || text[stop] == '.'))
            stop++;
        if (stop < length &&
            ((text[stop] == ' ' && stop + 2 < length && (text[stop + 2] | 0x20) == 'm') ||
             (stop + 1 < length && (text[stop + 1] | 0x20) == 'm')))
            stop += text[stop] == ' ' ? 3 : 2;
        if (!leat_parse_time_loose(text + split, stop - split, &clock))
            return false;
        if (stop < length && text[stop] == ' ')
            stop++;
        if (stop < length) {
            if (!parse_zone(text + stop, length - stop, &zone))
                return false;
            *has_zone = true;
        }
        split--;
    }
    if (bc) {
        char era[64];
        if (split > sizeof(era) - 3)
            return false;
        memcpy(era, text, split);
        memcpy(era + split, " BC", 3);
        if (!leat_parse_date_loose(era, split + 3, &days))
            return false;
    } else if (!leat_parse_date_loose(text, split, &days)) {
        return false;
    }
    return timestamp_of(days, clock, zone, out);
}
