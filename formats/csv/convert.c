/*
 * Fields to columns, one column for all rows of a batch at a time. For each type there is one loop,
 * made by inlining its parser into a common body; what is rare (quotes, null words, blanks around
 * numbers, failures) leaves the loop for a cold function. Strings point into the window.
 */
#include "formats/csv/csv_internal.h"
#include "formats/text_values.h"
#include "base/utf8.h"

#define COLD   __attribute__((noinline, cold))
#define INLINE static inline __attribute__((always_inline))

struct conversion {
    const struct csv_settings *settings;
    struct csv_rows *rows;
    const struct csv_column *column;
    struct leat_arena *scratch;
    bool any_null;
    bool out_of_memory;
};

/* What became of a field. */
enum outcome { FIELD_VALUE, FIELD_NULL, FIELD_BAD };

bool csv_is_null_word(const struct csv_settings *settings, struct leat_text text, bool as_text)
{
    static const char *const words[] = {"NA", "N/A", "n/a", "NULL", "null", "Null", "\\N", NULL};

    if (settings->own_nulls) {
        for (uint32_t i = 0; i < settings->null_count; i++)
            if (leat_text_equal(text, settings->nulls[i]))
                return true;
        return text.length == 0 && !as_text;
    }
    if (text.length == 0)
        return true;
    if (as_text || text.length > 4)
        return false;
    for (size_t i = 0; words[i]; i++)
        if (leat_text_equal(text, leat_text_of(words[i])))
            return true;
    return false;
}

static COLD void mark_bad(struct conversion *c, uint32_t row, uint16_t code)
{
    struct csv_rows *rows = c->rows;

    if (c->settings->on_error == CSV_ERROR_NULL)
        return;
    if (rows->bad_columns[row] == UINT32_MAX)
        rows->bad_count++;
    else if (rows->bad_columns[row] <= (uint32_t)c->column->from)
        return;
    rows->bad_columns[row] = (uint32_t)c->column->from;
    rows->bad_codes[row] = code;
}

INLINE void set_null(struct conversion *c, uint32_t row)
{
    c->column->validity[row >> 6] &= ~((uint64_t)1 << (row & 63));
    c->any_null = true;
}

/* The field of the column in a row. False: the row is too short. */
INLINE bool get_field(const struct csv_rows *rows, uint32_t field, uint32_t delimiter_length,
                      uint32_t row, const char **text, size_t *length)
{
    uint32_t at = rows->firsts[row] + field;
    uint32_t start, end;

    if (rows->ragged && field >= rows->fields[row])
        return false;
    end = rows->ends[at];
    start = field ? rows->ends[at - 1] + delimiter_length : rows->starts[row];
    if (rows->data[end] == '\n' && end > start && rows->data[end - 1] == '\r')
        end--;
    *text = (const char *)rows->data + start;
    *length = end - start;
    return true;
}

static struct leat_text trim(struct leat_text text)
{
    while (text.length && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.length--;
    }
    while (text.length && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* --- parsers: text to the value at `out` --- */

INLINE bool parse_bigint(const char *text, size_t length, int64_t *out)
{
    bool negative = *text == '-';
    uint64_t value, low;

    if (negative) {
        text++;
        length--;
    }
    if (length - 1 < 8) {
        if (!leat_text_parse_digits(text, length, &value))
            return !negative && *text == '+' && leat_parse_int64(text, length, out);
    } else if (length - 9 < 8) {
        if (!leat_text_parse_digits(text, length - 8, &value) ||
            !leat_text_parse_digits(text + length - 8, 8, &low))
            return false;
        value = value * 100000000 + low;
    } else {
        return leat_parse_int64(text - negative, length + negative, out);
    }
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

INLINE bool parse_int64_field(const struct leat_type *type, const char *text, size_t length,
                              void *out)
{
    (void)type;
    return parse_bigint(text, length, out);
}

INLINE bool parse_int32_field(const struct leat_type *type, const char *text, size_t length,
                              void *out)
{
    int64_t value;

    (void)type;
    if (!parse_bigint(text, length, &value) || value != (int32_t)value)
        return false;
    *(int32_t *)out = (int32_t)value;
    return true;
}

INLINE bool parse_int16_field(const struct leat_type *type, const char *text, size_t length,
                              void *out)
{
    int64_t value;

    (void)type;
    if (!parse_bigint(text, length, &value) || value != (int16_t)value)
        return false;
    *(int16_t *)out = (int16_t)value;
    return true;
}

INLINE bool parse_int8_field(const struct leat_type *type, const char *text, size_t length,
                             void *out)
{
    int64_t value;

    (void)type;
    if (!parse_bigint(text, length, &value) || value != (int8_t)value)
        return false;
    *(int8_t *)out = (int8_t)value;
    return true;
}

INLINE bool parse_double_field(const struct leat_type *type, const char *text, size_t length,
                               void *out)
{
    (void)type;
    return leat_text_parse_double(text, length, out) || leat_parse_double(text, length, out);
}

INLINE bool parse_float_field(const struct leat_type *type, const char *text, size_t length,
                              void *out)
{
    double value;

    (void)type;
    if (!leat_parse_double(text, length, &value) ||
        (value - value == 0 && (value > 3.4028235677973366e38 || value < -3.4028235677973366e38)))
        return false;
    *(float *)out = (float)value;
    return true;
}

/* Digits with a point and as many behind it as the scale, or less. */
INLINE bool parse_small_decimal(const struct leat_type *type, const char *text, size_t length,
                                void *out)
{
    bool negative = *text == '-';
    int64_t value = 0;
    size_t at = negative, point = length;
    unsigned fraction;
    leat_int128 wide;

    if (length - at <= 18 && length > at) {
        for (; at < length; at++) {
            unsigned digit = (unsigned)(uint8_t)text[at] - '0';
            if (digit < 10) {
                value = value * 10 + digit;
            } else {
                if (text[at] != '.' || point != length)
                    break;
                point = at;
            }
        }
        fraction = point < length ? (unsigned)(length - point - 1) : 0;
        if (at == length && fraction <= type->scale && length - negative > (point < length)) {
            wide = (leat_int128)value * leat_power_of_ten[type->scale - fraction];
            if (wide < leat_power_of_ten[type->precision]) {
                *(int64_t *)out = negative ? -(int64_t)wide : (int64_t)wide;
                return true;
            }
            return false;
        }
    }
    if (!leat_parse_decimal(text, length, type->precision, type->scale, &wide))
        return false;
    *(int64_t *)out = (int64_t)wide;
    return true;
}

INLINE bool parse_large_decimal(const struct leat_type *type, const char *text, size_t length,
                                void *out)
{
    leat_int128 value;

    if (!leat_parse_decimal(text, length, type->precision, type->scale, &value))
        return false;
    memcpy(out, &value, 16);
    return true;
}

INLINE bool parse_boolean_field(const struct leat_type *type, const char *text, size_t length,
                                void *out)
{
    bool value;

    (void)type;
    if (!leat_parse_boolean(text, length, &value))
        return false;
    *(uint8_t *)out = value;
    return true;
}

INLINE bool parse_date_field(const struct leat_type *type, const char *text, size_t length,
                             void *out)
{
    (void)type;
    if (length != 10)
        return leat_parse_date(text, length, out);
    return leat_text_parse_date(text, out);
}

INLINE bool parse_time_field(const struct leat_type *type, const char *text, size_t length,
                             void *out)
{
    (void)type;
    return leat_parse_time(text, length, out);
}

INLINE bool parse_timestamp_field(const struct leat_type *type, const char *text, size_t length,
                                  void *out)
{
    bool zone;

    /* A zone in a column without one would be lost: such a value does not fit. */
    return leat_parse_timestamp(text, length, out, &zone) &&
           (!zone || type->id == LEAT_TIMESTAMPTZ);
}

/* --- the common body --- */

typedef bool (*field_parser)(const struct leat_type *type, const char *text, size_t length,
                             void *out);

/* A field that the fast way did not take: quoted, a null word, blanks around, or bad. */
static COLD enum outcome convert_rare(struct conversion *c, uint32_t row, const char *text,
                                      size_t length, field_parser parse, void *out)
{
    const struct csv_dialect *dialect = &c->settings->dialect;
    struct leat_text value = {text, length};
    bool memory = false;
    char padded[64 + 16];

    if (length && dialect->quote && text[0] == dialect->quote) {
        if (!csv_unquote(dialect, value, c->scratch, &value, &memory)) {
            c->out_of_memory |= memory;
            mark_bad(c, row, LEAT_E_CSV_QUOTE);
            return FIELD_BAD;
        }
    }
    if (csv_is_null_word(c->settings, value, false))
        return FIELD_NULL;
    value = trim(value);
    if (csv_is_null_word(c->settings, value, false))
        return FIELD_NULL;
    if (value.length && value.length <= 64) { /* the parsers read whole words */
        memset(padded, 0, sizeof(padded));
        memcpy(padded, value.data, value.length);
        if (parse(c->column->type, padded, value.length, out))
            return FIELD_VALUE;
    } else if (value.length && parse(c->column->type, value.data, value.length, out)) {
        return FIELD_VALUE;
    }
    mark_bad(c, row, LEAT_E_CSV_VALUE);
    return FIELD_BAD;
}

INLINE void convert_loop(struct conversion *c, size_t width, field_parser parse)
{
    const struct csv_rows *rows = c->rows;
    const uint32_t field = (uint32_t)c->column->from, count = rows->count;
    const uint32_t delimiter_length = c->settings->dialect.delimiter_length;
    const struct leat_type *type = c->column->type;
    char *out = c->column->data;

    for (uint32_t row = 0; row < count; row++, out += width) {
        const char *text;
        size_t length;
        if (!get_field(rows, field, delimiter_length, row, &text, &length) || length == 0) {
            memset(out, 0, width);
            set_null(c, row);
            continue;
        }
        if (__builtin_expect(parse(type, text, length, out), 1))
            continue;
        if (convert_rare(c, row, text, length, parse, out) != FIELD_VALUE) {
            memset(out, 0, width);
            set_null(c, row);
        }
    }
}

#define LOOP(name, width, parser)                                                                  \
    static __attribute__((noinline)) void name(struct conversion *c)                               \
    {                                                                                              \
        convert_loop(c, width, parser);                                                            \
    }
LOOP(convert_boolean, 1, parse_boolean_field)
LOOP(convert_int8, 1, parse_int8_field)
LOOP(convert_int16, 2, parse_int16_field)
LOOP(convert_int32, 4, parse_int32_field)
LOOP(convert_int64, 8, parse_int64_field)
LOOP(convert_float, 4, parse_float_field)
LOOP(convert_double, 8, parse_double_field)
LOOP(convert_small_decimal, 8, parse_small_decimal)
LOOP(convert_large_decimal, 16, parse_large_decimal)
LOOP(convert_date, 4, parse_date_field)
LOOP(convert_time, 8, parse_time_field)
LOOP(convert_timestamp, 8, parse_timestamp_field)

/* --- text --- */

static COLD enum outcome unquote_text(struct conversion *c, uint32_t row, struct leat_text *text)
{
    bool memory = false;
    struct leat_text raw = *text;

    if (csv_unquote(&c->settings->dialect, raw, c->scratch, text, &memory))
        return FIELD_VALUE;
    /* Blanks behind the closing quote are forgiven. */
    raw = trim(raw);
    if (!memory && raw.length < text->length &&
        csv_unquote(&c->settings->dialect, raw, c->scratch, text, &memory))
        return FIELD_VALUE;
    c->out_of_memory |= memory;
    mark_bad(c, row, LEAT_E_CSV_QUOTE);
    return FIELD_BAD;
}

INLINE void convert_text_loop(struct conversion *c, bool check_utf8, bool own_nulls)
{
    const struct csv_rows *rows = c->rows;
    const uint32_t field = (uint32_t)c->column->from, count = rows->count;
    const uint32_t delimiter_length = c->settings->dialect.delimiter_length;
    const char quote = c->settings->dialect.quote;
    struct leat_string *out = c->column->data;

    for (uint32_t row = 0; row < count; row++, out++) {
        struct leat_text text;
        if (!get_field(rows, field, delimiter_length, row, &text.data, &text.length))
            goto null;
        if (text.length && *text.data == quote && quote) {
            /* Most quoted fields hold no quote: those need no copy. */
            size_t inner = text.length - 2;
            if (text.length >= 2 && text.data[text.length - 1] == quote &&
                c->settings->dialect.escape == quote && !memchr(text.data + 1, quote, inner))
                text = (struct leat_text){text.data + 1, inner};
            else if (unquote_text(c, row, &text) != FIELD_VALUE)
                goto null;
        } else if (own_nulls ? csv_is_null_word(c->settings, text, true) : text.length == 0) {
            goto null;
        }
        if (check_utf8 &&
            (!leat_utf8_valid(text.data, text.length) || memchr(text.data, 0, text.length))) {
            mark_bad(c, row, LEAT_E_CSV_UTF8);
            goto null;
        }
        if (__builtin_expect(c->scratch->used != 0 && text.length <= LEAT_STRING_INLINE, 0))
            *out = leat_string_of(text.data, text.length); /* may lie at the end of the arena */
        else
            leat_text_store(out, text.data, text.length);
        continue;
    null:
        memset(out, 0, sizeof(*out));
        set_null(c, row);
    }
}

static void convert_text(struct conversion *c)
{
    if (c->rows->check_utf8)
        convert_text_loop(c, true, c->settings->own_nulls);
    else if (c->settings->own_nulls)
        convert_text_loop(c, false, true);
    else
        convert_text_loop(c, false, false);
}

/* --- types without a loop of their own, and dates by pattern --- */

static bool store_value(const struct leat_value *value, void *out)
{
    switch (value->type->id) {
    case LEAT_BYTES:
    case LEAT_JSON:
        *(struct leat_string *)out = leat_string_of(value->text.data, value->text.length);
        return true;
    case LEAT_INTERVAL:
        *(struct leat_interval *)out = value->interval;
        return true;
    case LEAT_UUID:
        memcpy(out, value->uuid, 16);
        return true;
    default:
        return false;
    }
}

static bool parse_pattern(const struct csv_settings *settings, const struct leat_type *type,
                          struct leat_text text, void *out)
{
    const char *format = type->id == LEAT_DATE ? settings->date_format : settings->timestamp_format;
    int64_t moment;
    bool zone;

    if (!leat_time_format_parse(format, text.data, text.length, &moment, &zone))
        return false;
    if (type->id == LEAT_DATE) {
        int64_t days = moment / 86400000000 - (moment % 86400000000 < 0);
        *(int32_t *)out = (int32_t)days;
        return true;
    }
    *(int64_t *)out = moment;
    return !zone || type->id == LEAT_TIMESTAMPTZ;
}

static void convert_general(struct conversion *c, bool pattern)
{
    const struct csv_rows *rows = c->rows;
    const struct leat_type *type = c->column->type;
    size_t width = leat_type_width(type);
    char *out = c->column->data;

    for (uint32_t row = 0; row < rows->count; row++, out += width) {
        struct leat_text text;
        struct leat_value value;
        bool good;
        memset(out, 0, width);
        if (!get_field(rows, (uint32_t)c->column->from, c->settings->dialect.delimiter_length, row,
                       &text.data, &text.length)) {
            set_null(c, row);
            continue;
        }
        if (text.length && c->settings->dialect.quote &&
            text.data[0] == c->settings->dialect.quote &&
            unquote_text(c, row, &text) != FIELD_VALUE) {
            set_null(c, row);
            continue;
        }
        if (csv_is_null_word(c->settings, text, false)) {
            set_null(c, row);
            continue;
        }
        if (pattern)
            good = parse_pattern(c->settings, type, trim(text), out);
        else
            good = leat_value_parse(text, type, c->scratch, &value, NULL) == LEAT_OK &&
                   leat_utf8_valid(text.data, text.length) && store_value(&value, out);
        if (!good) {
            mark_bad(c, row, LEAT_E_CSV_VALUE);
            set_null(c, row);
        }
    }
}

static enum leat_status run(struct conversion *c, struct leat_error *err)
{
    const struct leat_type *type = c->column->type;

    switch (type->id) {
    case LEAT_BOOLEAN:
        convert_boolean(c);
        break;
    case LEAT_INT8:
        convert_int8(c);
        break;
    case LEAT_INT16:
        convert_int16(c);
        break;
    case LEAT_INT32:
        convert_int32(c);
        break;
    case LEAT_INT64:
        convert_int64(c);
        break;
    case LEAT_FLOAT:
        convert_float(c);
        break;
    case LEAT_DOUBLE:
        convert_double(c);
        break;
    case LEAT_DECIMAL:
        if (leat_type_is_small_decimal(type))
            convert_small_decimal(c);
        else
            convert_large_decimal(c);
        break;
    case LEAT_TEXT:
        convert_text(c);
        break;
    case LEAT_DATE:
        if (c->settings->date_format)
            convert_general(c, true);
        else
            convert_date(c);
        break;
    case LEAT_TIME:
        convert_time(c);
        break;
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        if (c->settings->timestamp_format)
            convert_general(c, true);
        else
            convert_timestamp(c);
        break;
    case LEAT_BYTES:
    case LEAT_JSON:
    case LEAT_INTERVAL:
    case LEAT_UUID:
        convert_general(c, false);
        break;
    default:
        return leat_error_internal(err, "a CSV column of a type that text cannot hold");
    }
    return c->out_of_memory ? leat_error_memory(err) : LEAT_OK;
}

enum leat_status csv_convert(const struct csv_settings *settings, struct csv_rows *rows,
                             const struct csv_column *column, struct leat_arena *scratch,
                             struct leat_vector *out, struct leat_error *err)
{
    struct conversion c = {settings, rows, column, scratch, false, false};

    memset(column->validity, 0xff, leat_validity_words(rows->count) * sizeof(uint64_t));
    LEAT_TRY(run(&c, err));
    *out = (struct leat_vector){.type = column->type,
                                .form = LEAT_FLAT,
                                .length = rows->count,
                                .validity = c.any_null ? column->validity : NULL,
                                .data = column->data};
    return LEAT_OK;
}
