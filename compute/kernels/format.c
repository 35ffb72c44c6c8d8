/*
 * Text by template: to_char, to_date, to_timestamp, format, overlay, encode, decode.
 *
 * Date templates are read token by token from one table, by the printer and by the reader. Number
 * templates know 9 0 . , D G S MI PR $ and FM.
 */
#include "compute/kernels/datetime_internal.h"
#include "base/utf8.h"
#include "compute/kernels/text_internal.h"

#include <openssl/evp.h>
#include <strings.h>

enum token {
    TOKEN_YEAR,
    TOKEN_YEAR2,
    TOKEN_ISO_YEAR,
    TOKEN_MONTH_NUMBER,
    TOKEN_MONTH,
    TOKEN_MON,
    TOKEN_DAY_NUMBER,
    TOKEN_DAY_OF_YEAR,
    TOKEN_DOW,
    TOKEN_ISO_DOW,
    TOKEN_DAY,
    TOKEN_DY,
    TOKEN_HOUR24,
    TOKEN_HOUR12,
    TOKEN_MINUTE,
    TOKEN_SECOND,
    TOKEN_MILLIS,
    TOKEN_MICROS,
    TOKEN_HALF,
    TOKEN_QUARTER,
    TOKEN_ISO_WEEK,
    TOKEN_WEEK,
    TOKEN_WEEK_OF_MONTH,
    TOKEN_CENTURY,
    TOKEN_JULIAN,
    TOKEN_ZONE,
    TOKEN_FILL /* FM */
};
static const struct {
    const char *text;
    enum token token;
} token_table[] =
    {/* longer ones first */
     {"YYYY", TOKEN_YEAR},       {"IYYY", TOKEN_ISO_YEAR},  {"MONTH", TOKEN_MONTH},
     {"HH24", TOKEN_HOUR24},     {"HH12", TOKEN_HOUR12},    {"DDD", TOKEN_DAY_OF_YEAR},
     {"DAY", TOKEN_DAY},         {"MON", TOKEN_MON},        {"YY", TOKEN_YEAR2},
     {"MM", TOKEN_MONTH_NUMBER}, {"MI", TOKEN_MINUTE},      {"MS", TOKEN_MILLIS},
     {"DD", TOKEN_DAY_NUMBER},   {"DY", TOKEN_DY},          {"HH", TOKEN_HOUR12},
     {"SS", TOKEN_SECOND},       {"US", TOKEN_MICROS},      {"AM", TOKEN_HALF},
     {"PM", TOKEN_HALF},         {"IW", TOKEN_ISO_WEEK},    {"WW", TOKEN_WEEK},
     {"ID", TOKEN_ISO_DOW},      {"CC", TOKEN_CENTURY},     {"TZ", TOKEN_ZONE},
     {"FM", TOKEN_FILL},         {"Q", TOKEN_QUARTER},      {"D", TOKEN_DOW},
     {"J", TOKEN_JULIAN},        {"W", TOKEN_WEEK_OF_MONTH}};
static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

/* The token at the template's place, and its length; false: a plain character. */
static bool token_at(struct leat_text template, size_t at, enum token *token, size_t *length)
{
    for (size_t i = 0; i < sizeof(token_table) / sizeof(token_table[0]); i++) {
        size_t size = strlen(token_table[i].text);
        if (template.length - at >= size &&
            strncasecmp(template.data + at, token_table[i].text, size) == 0) {
            *token = token_table[i].token;
            *length = size;
            return true;
        }
    }
    return false;
}

/* --- printing dates --- */

struct moment {
    int64_t year, iso_year, micros;
    unsigned month, day, iso_week;
    int32_t days;
};

static struct moment moment_of(int64_t timestamp)
{
    struct moment m = {.days = (int32_t)floor_divide(timestamp, MICROS_PER_DAY),
                       .micros = floor_modulo(timestamp, MICROS_PER_DAY)};
    leat_civil_from_days(m.days, &m.year, &m.month, &m.day);
    iso_week(m.days, &m.iso_year, &m.iso_week);
    return m;
}

/* A name in the case of the template's letters, blank-padded unless FM. */
static enum leat_status append_name(struct leat_buffer *out, const char *name, size_t length,
                                    const char *like, bool fill, struct leat_error *err)
{
    bool upper = like[0] >= 'A' && like[0] <= 'Z' && like[1] >= 'A' && like[1] <= 'Z';
    bool lower = like[0] >= 'a' && like[0] <= 'z';
    size_t start = out->length, size = strlen(name);
    LEAT_TRY(leat_buffer_append(out, name, size < length || length == 0 ? size : length, err));
    for (size_t k = start; k < out->length; k++) {
        uint8_t byte = out->data[k];
        if (upper && byte >= 'a' && byte <= 'z')
            out->data[k] = (uint8_t)(byte - 32);
        if (lower && byte >= 'A' && byte <= 'Z')
            out->data[k] = (uint8_t)(byte + 32);
    }
    while (length == 0 && !fill && out->length - start < 9)
        LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
    return LEAT_OK;
}

static enum leat_status append_number(struct leat_buffer *out, int64_t value, int width, bool fill,
                                      struct leat_error *err)
{
    return leat_buffer_printf(out, err, "%0*lld", fill ? 1 : width, (long long)value);
}

static enum leat_status append_token(struct leat_buffer *out, const struct moment *m,
                                     enum token token, const char *like, bool fill,
                                     struct leat_error *err)
{
    int64_t hour = m->micros / 3600000000LL, shown = m->year > 0 ? m->year : 1 - m->year;
    int64_t dow = floor_modulo((int64_t)m->days + 4, 7);
    int64_t doy = m->days - leat_days_from_civil(m->year, 1, 1) + 1;
    switch (token) {
    case TOKEN_YEAR:
        return append_number(out, shown, 4, fill, err);
    case TOKEN_YEAR2:
        return append_number(out, shown % 100, 2, fill, err);
    case TOKEN_ISO_YEAR:
        return append_number(out, m->iso_year, 4, fill, err);
    case TOKEN_MONTH_NUMBER:
        return append_number(out, m->month, 2, fill, err);
    case TOKEN_MONTH:
        return append_name(out, month_names[m->month - 1], 0, like, fill, err);
    case TOKEN_MON:
        return append_name(out, month_names[m->month - 1], 3, like, fill, err);
    case TOKEN_DAY_NUMBER:
        return append_number(out, m->day, 2, fill, err);
    case TOKEN_DAY_OF_YEAR:
        return append_number(out, doy, 3, fill, err);
    case TOKEN_DOW:
        return append_number(out, dow + 1, 1, fill, err);
    case TOKEN_ISO_DOW:
        return append_number(out, dow ? dow : 7, 1, fill, err);
    case TOKEN_DAY:
        return append_name(out, day_names[dow], 0, like, fill, err);
    case TOKEN_DY:
        return append_name(out, day_names[dow], 3, like, fill, err);
    case TOKEN_HOUR24:
        return append_number(out, hour, 2, fill, err);
    case TOKEN_HOUR12:
        return append_number(out, hour % 12 ? hour % 12 : 12, 2, fill, err);
    case TOKEN_MINUTE:
        return append_number(out, m->micros / 60000000 % 60, 2, fill, err);
    case TOKEN_SECOND:
        return append_number(out, m->micros / 1000000 % 60, 2, fill, err);
    case TOKEN_MILLIS:
        return append_number(out, m->micros / 1000 % 1000, 3, fill, err);
    case TOKEN_MICROS:
        return append_number(out, m->micros % 1000000, 6, fill, err);
    case TOKEN_HALF:
        return leat_buffer_append_string(
            out, like[0] >= 'a' ? (hour < 12 ? "am" : "pm") : (hour < 12 ? "AM" : "PM"), err);
    case TOKEN_QUARTER:
        return append_number(out, (m->month - 1) / 3 + 1, 1, fill, err);
    case TOKEN_ISO_WEEK:
        return append_number(out, m->iso_week, 2, fill, err);
    case TOKEN_WEEK:
        return append_number(out, (doy - 1) / 7 + 1, 2, fill, err);
    case TOKEN_WEEK_OF_MONTH:
        return append_number(out, (m->day - 1) / 7 + 1, 1, fill, err);
    case TOKEN_CENTURY:
        return append_number(out, (m->year + 99) / 100, 2, fill, err);
    case TOKEN_JULIAN:
        return append_number(out, (int64_t)m->days + 2440588, 1, fill, err);
    case TOKEN_ZONE:
        return leat_buffer_append_string(out, like[0] >= 'a' ? "utc" : "UTC", err);
    case TOKEN_FILL:
        break;
    }
    return LEAT_OK;
}

/* TH behind a number: ST, ND, RD or TH, in the template's case. *length: of the suffix, 0 if there
 * is none. */
static enum leat_status append_ordinal(struct leat_buffer *out, struct leat_text template,
                                       size_t at, size_t *length, struct leat_error *err)
{
    static const char *const endings[2][4] = {{"th", "st", "nd", "rd"}, {"TH", "ST", "ND", "RD"}};
    size_t digits = out->length;
    unsigned last, tens;

    *length = 0;
    if (template.length < at + 2 || strncasecmp(template.data + at, "th", 2) != 0 || digits == 0 ||
        out->data[digits - 1] < '0' || out->data[digits - 1] > '9')
        return LEAT_OK;
    last = out->data[digits - 1] - '0';
    tens = digits > 1 && out->data[digits - 2] >= '0' && out->data[digits - 2] <= '9'
               ? out->data[digits - 2] - '0'
               : 0;
    *length = 2;
    return leat_buffer_append_string(
        out, endings[template.data[at] == 'T'][tens == 1 || last > 3 ? 0 : last], err);
}

static enum leat_status row_date_to_char(struct kernel_call *call, uint32_t i,
                                         struct leat_buffer *out, struct leat_error *err)
{
    struct moment m = moment_of(ARG(int64_t, call, 0, i));
    struct leat_text template = text_arg(call, 1, i);
    bool fill = false;

    for (size_t at = 0, length; at < template.length; at += length) {
        enum token token;
        if (template.data[at] == '"') { /* plain text */
            const char *end = memchr(template.data + at + 1, '"', template.length - at - 1);
            size_t size = end ? (size_t)(end - template.data) - at - 1 : template.length - at - 1;
            LEAT_TRY(leat_buffer_append(out, template.data + at + 1, size, err));
            length = size + 1 + (end != NULL);
        } else if (token_at(template, at, &token, &length)) {
            size_t suffix = 0;
            if (token != TOKEN_FILL) {
                LEAT_TRY(append_token(out, &m, token, template.data + at, fill, err));
                LEAT_TRY(append_ordinal(out, template, at + length, &suffix, err));
            }
            fill = token == TOKEN_FILL;
            length += suffix;
        } else {
            length = 1;
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t) template.data[at], err));
        }
    }
    return LEAT_OK;
}

/* --- reading dates --- */

struct reading {
    struct leat_text text;
    size_t at;
    int64_t year, month, day, doy, hour, minute, second, micros;
    bool twelve, afternoon;
};

static bool read_digits(struct reading *r, unsigned most, int64_t *out, unsigned *digits)
{
    *out = 0;
    *digits = 0;
    while (r->at < r->text.length && r->text.data[r->at] == ' ')
        r->at++;
    while (*digits < most && r->at < r->text.length && r->text.data[r->at] >= '0' &&
           r->text.data[r->at] <= '9') {
        *out = *out * 10 + (r->text.data[r->at++] - '0');
        ++*digits;
    }
    return *digits > 0;
}

static bool read_name(struct reading *r, const char *const *names, int count, size_t length,
                      int64_t *out)
{
    for (int k = 0; k < count; k++) {
        size_t size = length ? length : strlen(names[k]);
        if (r->text.length - r->at >= size &&
            strncasecmp(r->text.data + r->at, names[k], size) == 0) {
            r->at += size;
            *out = k;
            return true;
        }
    }
    return false;
}

static bool read_token(struct reading *r, enum token token, bool exact)
{
    int64_t value = 0;
    unsigned digits;
    switch (token) {
    case TOKEN_YEAR:
        return read_digits(r, exact ? 4 : 6, &r->year, &digits);
    case TOKEN_YEAR2:
        if (!read_digits(r, 2, &value, &digits))
            return false;
        r->year = value < 70 ? 2000 + value : 1900 + value;
        return true;
    case TOKEN_MONTH_NUMBER:
        return read_digits(r, 2, &r->month, &digits);
    case TOKEN_MONTH:
    case TOKEN_MON:
        if (!read_name(r, month_names, 12, token == TOKEN_MON ? 3 : 0, &value))
            return false;
        r->month = value + 1;
        return true;
    case TOKEN_DAY_NUMBER:
        return read_digits(r, 2, &r->day, &digits);
    case TOKEN_DAY_OF_YEAR:
        return read_digits(r, 3, &r->doy, &digits);
    case TOKEN_DAY:
    case TOKEN_DY:
        return read_name(r, day_names, 7, token == TOKEN_DY ? 3 : 0, &value);
    case TOKEN_HOUR24:
        return read_digits(r, 2, &r->hour, &digits);
    case TOKEN_HOUR12:
        r->twelve = true;
        return read_digits(r, 2, &r->hour, &digits);
    case TOKEN_MINUTE:
        return read_digits(r, 2, &r->minute, &digits);
    case TOKEN_SECOND:
        return read_digits(r, 2, &r->second, &digits);
    case TOKEN_MILLIS:
    case TOKEN_MICROS: {
        unsigned most = token == TOKEN_MILLIS ? 3 : 6;
        if (!read_digits(r, most, &value, &digits))
            return false;
        for (; digits < 6; digits++)
            value *= 10;
        r->micros = value;
        return true;
    }
    case TOKEN_HALF:
        if (r->text.length - r->at < 2)
            return false;
        r->twelve = true;
        r->afternoon = (r->text.data[r->at] | 32) == 'p';
        r->at += 2;
        return true;
    case TOKEN_FILL:
        return true;
    default:
        return false;
    }
}

static enum leat_status read_moment(struct leat_text text, struct leat_text template, int64_t *out,
                                    struct leat_error *err)
{
    struct reading r = {.text = text, .year = 1, .month = 1, .day = 1};
    for (size_t at = 0, length; at < template.length; at += length) {
        enum token token, next;
        size_t next_length;
        length = 1;
        if (token_at(template, at, &token, &length)) {
            bool exact = at + length < template.length &&
                         token_at(template, at + length, &next, &next_length);
            if (!read_token(&r, token, exact))
                return leat_error_set(
                    err, LEAT_E_BAD_TEXT, "\"%.*s\" does not fit the template \"%.*s\"",
                    (int)(text.length < 100 ? text.length : 100), text.data,
                    (int)(template.length < 100 ? template.length : 100), template.data);
        } else if (r.at < text.length && !(text.data[r.at] >= '0' && text.data[r.at] <= '9')) {
            r.at++; /* a separator stands for any separator */
        }
    }
    if (r.twelve)
        r.hour = r.hour % 12 + (r.afternoon ? 12 : 0);
    if (r.month < 1 || r.month > 12 || r.day < 1 || r.hour > 24 || r.minute > 59 || r.second > 59 ||
        r.day > (int64_t)days_in_month(r.year, (unsigned)r.month))
        return leat_error_set(err, LEAT_E_BAD_DATETIME,
                              "date/time field value out of range: \"%.*s\"",
                              (int)(text.length < 100 ? text.length : 100), text.data);
    int64_t days = leat_days_from_civil(r.year, (unsigned)r.month, (unsigned)r.day);
    if (r.doy)
        days = leat_days_from_civil(r.year, 1, 1) + r.doy - 1;
    *out = days * MICROS_PER_DAY + ((r.hour * 60 + r.minute) * 60 + r.second) * MICROS_PER_SECOND +
           r.micros;
    return LEAT_OK;
}

static enum leat_status run_to_date(struct kernel_call *call, struct leat_error *err)
{
    FOR_VALID(call, i)
    {
        int64_t moment;
        LEAT_TRY(read_moment(text_arg(call, 0, i), text_arg(call, 1, i), &moment, err));
        if (call->type->id == LEAT_DATE)
            ((int32_t *)call->out->data)[i] = (int32_t)floor_divide(moment, MICROS_PER_DAY);
        else
            ((int64_t *)call->out->data)[i] = moment;
    }
    return LEAT_OK;
}

/* --- numbers --- */

struct number_template {
    unsigned whole, fraction; /* digit places */
    unsigned zeros_from;      /* place of the first 0 among the whole digits */
    bool fill, sign_first, sign_last, minus_last, brackets, sign_given;
};

static struct number_template read_template(struct leat_text text)
{
    struct number_template t = {.zeros_from = UINT32_MAX};
    bool point = false;
    for (size_t k = 0; k < text.length; k++) {
        char c = text.data[k] | 32;
        char next = k + 1 < text.length ? (char)(text.data[k + 1] | 32) : '\0';
        if (c == 'f' && next == 'm') {
            t.fill = true;
            k++;
        } else if (c == 'm' && next == 'i') {
            t.minus_last = t.sign_given = true;
            k++;
        } else if (c == 'p' && next == 'r') {
            t.brackets = t.sign_given = true;
            k++;
        } else if (c == 's') {
            t.sign_given = true;
            *(t.whole || point ? &t.sign_last : &t.sign_first) = true;
        } else if (text.data[k] == '.' || c == 'd') {
            point = true;
        } else if (text.data[k] == '9' || text.data[k] == '0') {
            if (text.data[k] == '0' && !point && t.zeros_from == UINT32_MAX)
                t.zeros_from = t.whole;
            *(point ? &t.fraction : &t.whole) += 1;
        }
    }
    return t;
}

/* digits: whole and fraction digits without point, at least t->whole of the former. */
static enum leat_status fill_template(struct leat_text text, const struct number_template *t,
                                      const char *digits, unsigned digit_count, bool negative,
                                      struct leat_buffer *out, struct leat_error *err)
{
    unsigned whole_digits = digit_count - t->fraction, place = 0, used = 0;
    bool overflow = whole_digits > t->whole, started = false, point = false;
    bool sign_due = !t->sign_given || t->sign_first;
    size_t start = out->length;

    for (size_t k = 0; k < text.length; k++) {
        char c = text.data[k], low = c | 32;
        char next = k + 1 < text.length ? (char)(text.data[k + 1] | 32) : '\0';
        if ((low == 'f' && next == 'm') || (low == 'm' && next == 'i') ||
            (low == 'p' && next == 'r')) {
            k++;
            continue;
        }
        if (low == 's')
            continue;
        if (c == '.' || low == 'd') {
            point = started = true;
            if (sign_due && place < t->whole + 1u && !overflow && used == 0) {
                LEAT_TRY(leat_buffer_append_string(out, negative ? "-" : t->fill ? "" : " ", err));
                sign_due = false;
            }
            LEAT_TRY(leat_buffer_append_byte(out, '.', err));
        } else if (c == ',' || low == 'g') {
            if (started)
                LEAT_TRY(leat_buffer_append_byte(out, ',', err));
            else if (!t->fill)
                LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
        } else if (c == '9' || c == '0') {
            bool has = point || place + whole_digits >= t->whole;
            bool zero = !point && !has && place >= t->zeros_from;
            place += !point;
            if (has || zero || overflow) {
                if (!started && sign_due) {
                    LEAT_TRY(leat_buffer_append_string(out,
                                                       negative        ? "-"
                                                       : t->sign_first ? "+"
                                                       : t->fill       ? ""
                                                                       : " ",
                                                       err));
                    sign_due = false;
                }
                started = true;
                char digit = overflow ? '#' : zero ? '0' : digits[used++];
                LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)digit, err));
            } else if (!t->fill) {
                LEAT_TRY(leat_buffer_append_byte(out, ' ', err));
            }
        } else {
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)c, err));
        }
    }
    if (t->fill && point) { /* FM drops zeros at the end that 9 asked for */
        while (out->length > start && out->data[out->length - 1] == '0' &&
               text.data[text.length - 1] == '9')
            out->length--;
    }
    if (t->minus_last)
        LEAT_TRY(leat_buffer_append_string(out, negative ? "-" : t->fill ? "" : " ", err));
    if (t->sign_last)
        LEAT_TRY(leat_buffer_append_byte(out, negative ? '-' : '+', err));
    return LEAT_OK;
}

static enum leat_status row_number_to_char(struct kernel_call *call, uint32_t i,
                                           struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_vector *arg = &call->args[0];
    struct leat_text text = text_arg(call, 1, i);
    struct number_template t = read_template(text);
    leat_int128 value = decimal_load(arg, i & ARG_MASK(arg));
    unsigned scale = arg->type->scale, length;
    char printed[LEAT_PRINT_MAX], digits[LEAT_PRINT_MAX + 40];

    if (t.fraction < scale)
        value = decimal_round(value, scale - t.fraction);
    bool negative = value < 0;
    if (negative)
        value = -value;
    length = (unsigned)leat_print_decimal(value, 0, printed);
    unsigned zeros = t.fraction > scale ? t.fraction - scale : 0;
    if (zeros > 38 || t.whole > 60)
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "number template is too long");
    unsigned have = 0;
    for (unsigned k = length + zeros; k < t.fraction; k++) /* 0.05 with two places: "05" */
        digits[have++] = '0';
    memcpy(digits + have, printed, length);
    have += length;
    memset(digits + have, '0', zeros);
    have += zeros;
    if (have == t.fraction + 1 && digits[0] == '0' && t.fraction) { /* no whole digit of its own */
        memmove(digits, digits + 1, --have);
    }
    if (have == t.fraction && t.whole && (t.fraction == 0 || t.zeros_from != UINT32_MAX)) {
        memmove(digits + 1, digits, have++);
        digits[0] = '0';
    }
    return fill_template(text, &t, digits, have, negative, out, err);
}

/* --- format(template, ...) --- */

static enum leat_status append_argument(struct kernel_call *call, uint32_t arg, char kind,
                                        uint32_t i, struct leat_buffer *out, struct leat_error *err)
{
    size_t start = out->length;
    if (arg >= call->arg_count)
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "too few arguments for format()");
    if (arg_is_null(call, arg, i)) {
        if (kind == 'I')
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                  "null values cannot be formatted as an SQL identifier");
        return kind == 'L' ? leat_buffer_append_string(out, "NULL", err) : LEAT_OK;
    }
    LEAT_TRY(leat_vector_print(&call->args[arg], i, out, err));
    if (kind == 's')
        return LEAT_OK;
    bool plain = kind == 'I' && out->length > start;
    for (size_t k = start; k < out->length; k++) {
        uint8_t c = out->data[k];
        plain =
            plain && ((c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9' && k > start));
    }
    if (plain)
        return LEAT_OK;
    uint8_t quote = kind == 'I' ? '"' : '\'';
    size_t length = out->length - start;
    char *copy = leat_arena_copy(call->arena, out->data + start, length);
    if (!copy)
        return leat_error_memory(err);
    out->length = start;
    LEAT_TRY(leat_buffer_append_byte(out, quote, err));
    for (size_t k = 0; k < length; k++) {
        if ((uint8_t)copy[k] == quote)
            LEAT_TRY(leat_buffer_append_byte(out, quote, err));
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)copy[k], err));
    }
    return leat_buffer_append_byte(out, quote, err);
}

static enum leat_status row_format(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i);
    uint32_t next = 1;
    for (size_t k = 0; k < text.length; k++) {
        if (text.data[k] != '%') {
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)text.data[k], err));
            continue;
        }
        size_t at = ++k;
        uint32_t number = 0;
        while (k < text.length && text.data[k] >= '0' && text.data[k] <= '9' && number < 10000)
            number = number * 10 + (uint32_t)(text.data[k++] - '0');
        if (k > at && k < text.length && text.data[k] == '$')
            k++;
        char kind = k < text.length ? text.data[k] : '\0';
        if (kind == '%') {
            LEAT_TRY(leat_buffer_append_byte(out, '%', err));
            continue;
        }
        if (kind != 's' && kind != 'I' && kind != 'L')
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                  "unrecognized format() type specifier \"%c\"", kind ? kind : ' ');
        if (number)
            next = number;
        LEAT_TRY(append_argument(call, next++, kind, i, out, err));
    }
    return LEAT_OK;
}

static enum leat_status run_format(struct kernel_call *call, struct leat_error *err)
{
    /* not strict: only a null template gives null */
    if (call->args[0].validity)
        for (uint32_t i = 0; i < call->count; i++) {
            if (arg_is_null(call, 0, i))
                LEAT_TRY(kernel_set_null(call, i, err));
        }
    return text_each(call, row_format, err);
}

/* --- overlay, encode, decode --- */

static enum leat_status row_overlay(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i), part = text_arg(call, 1, i);
    int64_t from = ARG(int32_t, call, 2, i);
    int64_t length =
        call->arg_count > 3 ? ARG(int32_t, call, 3, i) : (int64_t)text_characters(part);
    if (from < 1) {
        enum leat_status status =
            leat_error_set(err, LEAT_E_BAD_ARGUMENT, "negative substring length not allowed");
        return status;
    }
    size_t start = text_advance(text, (size_t)from - 1);
    int64_t end = from - 1 + length;
    size_t rest = text_advance(text, end < 0 ? 0 : (size_t)end);
    LEAT_TRY(leat_buffer_append(out, text.data, start, err));
    LEAT_TRY(leat_buffer_append(out, part.data, part.length, err));
    return leat_buffer_append(out, text.data + rest, text.length - rest, err);
}

/* Bytes that are no ASCII as octal escapes. */
static enum leat_status append_escaped(struct leat_text bytes, struct leat_buffer *out,
                                       struct leat_error *err)
{
    for (size_t k = 0; k < bytes.length; k++) {
        uint8_t byte = (uint8_t)bytes.data[k];
        if (byte == 0 || byte >= 0x80)
            LEAT_TRY(leat_buffer_printf(out, err, "\\%03o", byte));
        else if (byte == '\\')
            LEAT_TRY(leat_buffer_append(out, "\\\\", 2, err));
        else
            LEAT_TRY(leat_buffer_append_byte(out, byte, err));
    }
    return LEAT_OK;
}

static enum leat_status row_encode(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct leat_text bytes = text_arg(call, 0, i), kind = text_arg(call, 1, i);
    if (leat_text_equal_nocase(kind, leat_text_of("hex"))) {
        for (size_t k = 0; k < bytes.length; k++)
            LEAT_TRY(leat_buffer_printf(out, err, "%02x", (unsigned)(uint8_t)bytes.data[k]));
        return LEAT_OK;
    }
    if (leat_text_equal_nocase(kind, leat_text_of("escape")))
        return append_escaped(bytes, out, err);
    if (!leat_text_equal_nocase(kind, leat_text_of("base64")))
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "unrecognized encoding: \"%.*s\"",
                              (int)(kind.length < 40 ? kind.length : 40), kind.data);
    for (size_t k = 0; k < bytes.length; k += 57) { /* lines of 76 characters */
        size_t size = bytes.length - k < 57 ? bytes.length - k : 57;
        if (k)
            LEAT_TRY(leat_buffer_append_byte(out, '\n', err));
        LEAT_TRY(leat_buffer_reserve(out, 80, err));
        out->length += (size_t)EVP_EncodeBlock(out->data + out->length,
                                               (const unsigned char *)bytes.data + k, (int)size);
    }
    return LEAT_OK;
}

static int digit_of(char c, bool base64)
{
    if (base64) {
        if (c >= 'A' && c <= 'Z')
            return c - 'A';
        if (c >= 'a' && c <= 'z')
            return c - 'a' + 26;
        if (c >= '0' && c <= '9')
            return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
    }
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static enum leat_status row_decode(struct kernel_call *call, uint32_t i, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i), kind = text_arg(call, 1, i);
    bool base64 = leat_text_equal_nocase(kind, leat_text_of("base64"));
    unsigned bits = 0, have = 0, width = base64 ? 6 : 4;

    if (!base64 && !leat_text_equal_nocase(kind, leat_text_of("hex")))
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "unrecognized encoding: \"%.*s\"",
                              (int)(kind.length < 40 ? kind.length : 40), kind.data);
    for (size_t k = 0; k < text.length; k++) {
        char c = text.data[k];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t' || (base64 && c == '='))
            continue;
        int digit = digit_of(c, base64);
        if (digit < 0)
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "invalid %s digit: \"%c\"",
                                  base64 ? "base64" : "hexadecimal", c);
        bits = bits << width | (unsigned)digit;
        have += width;
        if (have >= 8) {
            have -= 8;
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)(bits >> have), err));
        }
    }
    if (!base64 && have)
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                              "invalid hexadecimal data: odd number of digits");
    return LEAT_OK;
}

/* 8: UTF-8, 1: Latin-1, 0: no encoding that is known. */
static int encoding_of(struct leat_text name)
{
    static const char *const utf8[] = {"utf8", "utf-8", "unicode"};
    static const char *const latin1[] = {"latin1", "latin-1", "iso_8859_1", "iso-8859-1"};

    for (int i = 0; i < 3; i++)
        if (leat_text_equal_nocase(name, leat_text_of(utf8[i])))
            return 8;
    for (int i = 0; i < 4; i++)
        if (leat_text_equal_nocase(name, leat_text_of(latin1[i])))
            return 1;
    return 0;
}

static enum leat_status refuse_encoding(const char *which, struct leat_text name,
                                        struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "invalid %s encoding name \"%.*s\"", which,
                          (int)(name.length < 40 ? name.length : 40), name.data);
}

static enum leat_status row_convert_from(struct kernel_call *call, uint32_t i,
                                         struct leat_buffer *out, struct leat_error *err)
{
    struct leat_text bytes = text_arg(call, 0, i), name = text_arg(call, 1, i);
    int encoding = encoding_of(name);

    if (!encoding)
        return refuse_encoding("source", name, err);
    if (encoding == 8 && !leat_utf8_valid(bytes.data, bytes.length))
        return leat_error_set(err, LEAT_E_BYTE_SEQUENCE,
                              "invalid byte sequence for encoding \"UTF8\"");
    if (encoding == 8)
        return leat_buffer_append(out, bytes.data, bytes.length, err);
    for (size_t k = 0; k < bytes.length; k++) {
        uint8_t byte = (uint8_t)bytes.data[k];
        if (byte >= 0x80)
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)(0xc0 | byte >> 6), err));
        LEAT_TRY(
            leat_buffer_append_byte(out, byte >= 0x80 ? (uint8_t)(0x80 | (byte & 63)) : byte, err));
    }
    return LEAT_OK;
}

static enum leat_status row_convert_to(struct kernel_call *call, uint32_t i,
                                       struct leat_buffer *out, struct leat_error *err)
{
    struct leat_text text = text_arg(call, 0, i), name = text_arg(call, 1, i);
    int encoding = encoding_of(name);

    if (!encoding)
        return refuse_encoding("destination", name, err);
    if (encoding == 8)
        return leat_buffer_append(out, text.data, text.length, err);
    for (size_t k = 0; k < text.length; k++) {
        uint8_t byte = (uint8_t)text.data[k];
        if (byte >= 0x80 && ((byte & 0xfc) != 0xc0 || k + 1 == text.length))
            return leat_error_set(err, LEAT_E_NO_EQUIVALENT,
                                  "a character has no equivalent in encoding \"LATIN1\"");
        if (byte >= 0x80)
            byte = (uint8_t)(byte << 6 | ((uint8_t)text.data[++k] & 63));
        LEAT_TRY(leat_buffer_append_byte(out, byte, err));
    }
    return LEAT_OK;
}

#define EACH_ROW(name)                                                                             \
    static enum leat_status run_##name(struct kernel_call *call, struct leat_error *err)           \
    {                                                                                              \
        return text_each(call, row_##name, err);                                                   \
    }
EACH_ROW(date_to_char)
EACH_ROW(number_to_char)
EACH_ROW(overlay)
EACH_ROW(encode)
EACH_ROW(decode)
EACH_ROW(convert_from)
EACH_ROW(convert_to)

#define OVERLAY "overlay(text placing part from start [for length]) -> text", "a part replaced"

static const struct leat_function functions[] = {
    FUNCTION("to_char", "to_char(timestamp, template) -> text", "by a template: YYYY-MM-DD ...",
             "St", 't', FUNCTION_TOTAL, run_date_to_char, NULL),
    FUNCTION("to_char", "to_char(timestamptz, template) -> text", "by a template: YYYY-MM-DD ...",
             "Zt", 't', FUNCTION_TOTAL, run_date_to_char, NULL),
    FUNCTION("to_char", "to_char(numeric, template) -> text", "by a template: 9,990.99 ...", "nt",
             't', 0, run_number_to_char, NULL),
    FUNCTION("to_date", "to_date(text, template) -> date", "date by a template", "tt", 'D', 0,
             run_to_date, NULL),
    FUNCTION("to_timestamp", "to_timestamp(text, template) -> timestamptz",
             "timestamp by a template", "tt", 'Z', 0, run_to_date, NULL),
    FUNCTION("format", "format(template, any, ...) -> text", "%s text, %I name, %L literal", "t",
             't', FUNCTION_NOT_STRICT, run_format, NULL),
    FUNCTION("format", "format(template, any, ...) -> text", "%s text, %I name, %L literal", "t*+",
             't', FUNCTION_NOT_STRICT, run_format, NULL),
    FUNCTION("overlay", OVERLAY, "tti", 't', 0, run_overlay, NULL),
    FUNCTION("overlay", OVERLAY, "ttii", 't', 0, run_overlay, NULL),
    FUNCTION("convert_from", "convert_from(bytea, encoding) -> text", "text of bytes: UTF8, LATIN1",
             "yt", 't', 0, run_convert_from, NULL),
    FUNCTION("convert_to", "convert_to(text, encoding) -> bytea", "bytes of text: UTF8, LATIN1",
             "tt", 'y', 0, run_convert_to, NULL),
    FUNCTION("encode", "encode(bytea, 'hex' | 'base64' | 'escape') -> text", "bytes as text", "yt",
             't', 0, run_encode, NULL),
    FUNCTION("decode", "decode(text, 'hex' | 'base64') -> bytea", "text to bytes", "tt", 'y', 0,
             run_decode, NULL),
};

struct function_table format_functions(void)
{
    return TABLE_OF(functions);
}
