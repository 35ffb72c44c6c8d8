/*
 * Text and JSON forms of vector values.
 *
 * Scalars share one table of printers (columns/value.h); lists print as PostgreSQL arrays, whose
 * items are quoted where they would be misread; structs and maps print as JSON with a blank after
 * colon and comma. A nested item inside a struct is always JSON.
 */
#include "columns/value.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

/* Prints a scalar of fixed size without quotes; 0 if the type is not such a one. */
static size_t print_fixed(const struct leat_vector *base, uint32_t i, char out[LEAT_PRINT_MAX])
{
    const struct leat_type *type = base->type;
    switch (type->id) {
    case LEAT_BOOLEAN:
        out[0] = ((const uint8_t *)base->data)[i] ? 't' : 'f';
        return 1;
    case LEAT_INT8:
        return leat_print_int64(((const int8_t *)base->data)[i], out);
    case LEAT_INT16:
        return leat_print_int64(((const int16_t *)base->data)[i], out);
    case LEAT_INT32:
        return leat_print_int64(((const int32_t *)base->data)[i], out);
    case LEAT_INT64:
        return leat_print_int64(((const int64_t *)base->data)[i], out);
    case LEAT_FLOAT:
        return leat_print_float(((const float *)base->data)[i], out);
    case LEAT_DOUBLE:
        return leat_print_double(((const double *)base->data)[i], out);
    case LEAT_DECIMAL:
        return leat_print_decimal(leat_type_is_small_decimal(type)
                                      ? ((const int64_t *)base->data)[i]
                                      : ((const leat_int128 *)base->data)[i],
                                  type->scale, out);
    case LEAT_DATE:
        return leat_print_date(((const int32_t *)base->data)[i], out);
    case LEAT_TIME:
        return leat_print_time(((const int64_t *)base->data)[i], out);
    case LEAT_TIMESTAMP:
        return leat_print_timestamp(((const int64_t *)base->data)[i], false, out);
    case LEAT_TIMESTAMPTZ:
        return leat_print_timestamp(((const int64_t *)base->data)[i], true, out);
    case LEAT_INTERVAL:
        return leat_print_interval(&((const struct leat_interval *)base->data)[i], out);
    case LEAT_UUID:
        return leat_print_uuid((const uint8_t *)base->data + (size_t)i * 16, out);
    default:
        return 0;
    }
}

static enum leat_status print_hex(const struct leat_string *string, const char *prefix,
                                  struct leat_buffer *out, struct leat_error *err)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = (const uint8_t *)leat_string_data(string);

    LEAT_TRY(leat_buffer_append_string(out, prefix, err));
    LEAT_TRY(leat_buffer_reserve(out, (size_t)string->length * 2, err));
    for (uint32_t k = 0; k < string->length; k++) {
        out->data[out->length++] = (uint8_t)digits[bytes[k] >> 4];
        out->data[out->length++] = (uint8_t)digits[bytes[k] & 15];
    }
    return LEAT_OK;
}

/* --- arrays --- */

static bool needs_quotes(const char *text, size_t length)
{
    if (length == 0 || (length == 4 && strncasecmp(text, "null", 4) == 0))
        return true;
    for (size_t k = 0; k < length; k++) {
        switch (text[k]) {
        case '{':
        case '}':
        case ',':
        case '"':
        case '\\':
        case ' ':
        case '\t':
        case '\n':
        case '\r':
        case '\v':
        case '\f':
            return true;
        default:
            break;
        }
    }
    return false;
}

/* Quotes what was appended since `start`, if an array's reader would misread it. */
static enum leat_status quote_item(struct leat_buffer *out, size_t start, struct leat_error *err)
{
    size_t length = out->length - start, extra = 2;
    uint8_t *text = out->data + start;

    if (!needs_quotes((const char *)text, length))
        return LEAT_OK;
    for (size_t k = 0; k < length; k++)
        extra += text[k] == '"' || text[k] == '\\';
    LEAT_TRY(leat_buffer_reserve(out, extra, err));
    text = out->data + start;
    uint8_t *to = text + length + extra;
    *--to = '"';
    for (size_t k = length; k-- > 0;) {
        *--to = text[k];
        if (text[k] == '"' || text[k] == '\\')
            *--to = '\\';
    }
    *--to = '"';
    out->length += extra;
    return LEAT_OK;
}

static enum leat_status print_array(const struct leat_vector *base, uint32_t i,
                                    struct leat_buffer *out, struct leat_error *err)
{
    struct leat_list_entry entry = ((const struct leat_list_entry *)base->data)[i];
    const struct leat_vector *items = &base->children[0];

    LEAT_TRY(leat_buffer_append_byte(out, '{', err));
    for (uint32_t k = 0; k < entry.length; k++) {
        size_t start;
        if (k)
            LEAT_TRY(leat_buffer_append_byte(out, ',', err));
        start = out->length;
        if (leat_vector_is_null(items, entry.offset + k)) {
            LEAT_TRY(leat_buffer_append_string(out, "NULL", err));
            continue;
        }
        LEAT_TRY(leat_vector_print(items, entry.offset + k, out, err));
        if (items->type->id != LEAT_LIST)
            LEAT_TRY(quote_item(out, start, err));
    }
    return leat_buffer_append_byte(out, '}', err);
}

/* --- JSON --- */

enum leat_status leat_json_string_append(const char *text, size_t length, struct leat_buffer *out,
                                         struct leat_error *err)
{
    size_t plain = 0;

    LEAT_TRY(leat_buffer_append_byte(out, '"', err));
    for (size_t k = 0; k < length; k++) {
        unsigned char byte = (unsigned char)text[k];
        const char *escape = NULL;
        char code[8];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        switch (byte) {
        case '"':
            escape = "\\\"";
            break;
        case '\\':
            escape = "\\\\";
            break;
        case '\n':
            escape = "\\n";
            break;
        case '\r':
            escape = "\\r";
            break;
        case '\t':
            escape = "\\t";
            break;
        case '\b':
            escape = "\\b";
            break;
        case '\f':
            escape = "\\f";
            break;
        default:
            snprintf(code, sizeof(code), "\\u%04x", byte);
            escape = code;
            break;
        }
        LEAT_TRY(leat_buffer_append(out, text + plain, k - plain, err));
        LEAT_TRY(leat_buffer_append_string(out, escape, err));
        plain = k + 1;
    }
    LEAT_TRY(leat_buffer_append(out, text + plain, length - plain, err));
    return leat_buffer_append_byte(out, '"', err);
}

static enum leat_status print_json(const struct leat_vector *vector, uint32_t row, bool spaced,
                                   struct leat_buffer *out, struct leat_error *err);

static enum leat_status print_json_list(const struct leat_vector *base, uint32_t i, bool spaced,
                                        struct leat_buffer *out, struct leat_error *err)
{
    struct leat_list_entry entry = ((const struct leat_list_entry *)base->data)[i];

    LEAT_TRY(leat_buffer_append_byte(out, '[', err));
    for (uint32_t k = 0; k < entry.length; k++) {
        if (k)
            LEAT_TRY(leat_buffer_append_string(out, spaced ? ", " : ",", err));
        LEAT_TRY(print_json(&base->children[0], entry.offset + k, spaced, out, err));
    }
    return leat_buffer_append_byte(out, ']', err);
}

static enum leat_status print_json_struct(const struct leat_vector *base, uint32_t i, bool spaced,
                                          struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(out, '{', err));
    for (uint32_t c = 0; c < base->type->field_count; c++) {
        const char *name = base->type->fields[c].name;
        if (c)
            LEAT_TRY(leat_buffer_append_string(out, spaced ? ", " : ",", err));
        LEAT_TRY(leat_json_string_append(name, strlen(name), out, err));
        LEAT_TRY(leat_buffer_append_string(out, spaced ? ": " : ":", err));
        LEAT_TRY(print_json(&base->children[c], i, spaced, out, err));
    }
    return leat_buffer_append_byte(out, '}', err);
}

/* Keys are printed in their text form as JSON strings. */
static enum leat_status print_json_map(const struct leat_vector *base, uint32_t i, bool spaced,
                                       struct leat_buffer *out, struct leat_error *err)
{
    struct leat_list_entry entry = ((const struct leat_list_entry *)base->data)[i];
    enum leat_status status = LEAT_OK;
    struct leat_buffer key;

    leat_buffer_init(&key, 0);
    status = leat_buffer_append_byte(out, '{', err);
    for (uint32_t k = 0; k < entry.length && !status; k++) {
        key.length = 0;
        if (k)
            status = leat_buffer_append_string(out, spaced ? ", " : ",", err);
        if (!status)
            status = leat_vector_print(&base->children[0], entry.offset + k, &key, err);
        if (!status)
            status = leat_json_string_append((const char *)key.data, key.length, out, err);
        if (!status)
            status = leat_buffer_append_string(out, spaced ? ": " : ":", err);
        if (!status)
            status = print_json(&base->children[1], entry.offset + k, spaced, out, err);
    }
    leat_buffer_release(&key);
    return status ? status : leat_buffer_append_byte(out, '}', err);
}

/* Numbers and booleans bare, all else of fixed size as a string; timestamps with T and +00:00. */
static enum leat_status print_json_fixed(const struct leat_vector *base, uint32_t i,
                                         struct leat_buffer *out, struct leat_error *err)
{
    char text[LEAT_PRINT_MAX + 4];
    size_t length = print_fixed(base, i, text);
    bool bare = leat_type_is_numeric(base->type);

    if (base->type->id == LEAT_BOOLEAN)
        return leat_buffer_append_string(out, text[0] == 't' ? "true" : "false", err);
    if (base->type->id == LEAT_DOUBLE)
        bare = isfinite(((const double *)base->data)[i]);
    if (base->type->id == LEAT_FLOAT)
        bare = isfinite(((const float *)base->data)[i]);
    if (base->type->id == LEAT_TIMESTAMP || base->type->id == LEAT_TIMESTAMPTZ) {
        char *blank = memchr(text, ' ', length);
        if (blank && blank[1] >= '0' && blank[1] <= '9')
            *blank = 'T';
        if (blank && length > 3 && memcmp(text + length - 3, "+00", 3) == 0) {
            memcpy(text + length, ":00", 3);
            length += 3;
        }
    }
    return bare ? leat_buffer_append(out, text, length, err)
                : leat_json_string_append(text, length, out, err);
}

static enum leat_status print_json(const struct leat_vector *vector, uint32_t row, bool spaced,
                                   struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_vector *base;
    uint32_t i;

    if (leat_vector_is_null(vector, row))
        return leat_buffer_append_string(out, "null", err);
    i = leat_vector_locate(vector, row, &base);
    switch (vector->type->id) {
    case LEAT_TEXT: {
        const struct leat_string *string = &((const struct leat_string *)base->data)[i];
        return leat_json_string_append(leat_string_data(string), string->length, out, err);
    }
    case LEAT_JSON: {
        const struct leat_string *string = &((const struct leat_string *)base->data)[i];
        return leat_buffer_append(out, leat_string_data(string), string->length, err);
    }
    case LEAT_BYTES:
        LEAT_TRY(print_hex(&((const struct leat_string *)base->data)[i], "\"\\\\x", out, err));
        return leat_buffer_append_byte(out, '"', err);
    case LEAT_LIST:
        return print_json_list(base, i, spaced, out, err);
    case LEAT_STRUCT:
        return print_json_struct(base, i, spaced, out, err);
    case LEAT_MAP:
        return print_json_map(base, i, spaced, out, err);
    default:
        return print_json_fixed(base, i, out, err);
    }
}

enum leat_status leat_vector_print(const struct leat_vector *vector, uint32_t row,
                                   struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_vector *base;
    char text[LEAT_PRINT_MAX];
    uint32_t i;

    if (leat_vector_is_null(vector, row))
        return LEAT_OK;
    i = leat_vector_locate(vector, row, &base);
    switch (vector->type->id) {
    case LEAT_TEXT:
    case LEAT_JSON: {
        const struct leat_string *string = &((const struct leat_string *)base->data)[i];
        return leat_buffer_append(out, leat_string_data(string), string->length, err);
    }
    case LEAT_BYTES:
        return print_hex(&((const struct leat_string *)base->data)[i], "\\x", out, err);
    case LEAT_LIST:
        return print_array(base, i, out, err);
    case LEAT_STRUCT:
        return print_json_struct(base, i, true, out, err);
    case LEAT_MAP:
        return print_json_map(base, i, true, out, err);
    default:
        return leat_buffer_append(out, text, print_fixed(base, i, text), err);
    }
}

enum leat_status leat_vector_print_json(const struct leat_vector *vector, uint32_t row,
                                        struct leat_buffer *out, struct leat_error *err)
{
    return print_json(vector, row, false, out, err);
}
