/* Values on their way out. */
#include "api/postgres/values.h"

#include "api/postgres/stream.h"

#define DAYS_TO_2000         10957
#define MICROSECONDS_TO_2000 (INT64_C(10957) * 86400000000)

/* --- values out --- */

static leat_int128 decimal_at(const struct leat_vector *vector, uint32_t row)
{
    leat_int128 value;

    if (leat_type_is_small_decimal(vector->type))
        return ((const int64_t *)vector->data)[row];
    memcpy(&value, (const char *)vector->data + (size_t)row * sizeof(value), sizeof(value));
    return value;
}

/* Digits to the base 10,000, as numeric_send gives them. */
static enum leat_status put_numeric(leat_int128 value, unsigned scale, struct leat_buffer *out,
                                    struct leat_error *err)
{
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    unsigned fraction = (scale + 3) / 4;
    int digits[20], count = 0, first = 0;

    if (fraction * 4 != scale) { /* a value with 38 digits leaves no room for three more */
        unsigned cut = scale % 4;
        unsigned __int128 power = (unsigned __int128)leat_power_of_ten[cut];
        digits[count++] = (int)((unsigned)(rest % power) * (unsigned)leat_power_of_ten[4 - cut]);
        rest /= power;
    }
    for (; rest > 0 || count < (int)fraction; rest /= 10000)
        digits[count++] = (int)(rest % 10000);
    while (first < count && digits[first] == 0) /* trailing zeros are not sent */
        first++;
    LEAT_TRY(postgres_put_i16(out, count - first, err));
    LEAT_TRY(postgres_put_i16(out, first == count ? 0 : count - (int)fraction - 1, err));
    LEAT_TRY(postgres_put_i16(out, value < 0 ? 0x4000 : 0, err));
    LEAT_TRY(postgres_put_i16(out, (int)scale, err));
    for (int i = count; i > first; i--)
        LEAT_TRY(postgres_put_i16(out, digits[i - 1], err));
    return LEAT_OK;
}

static enum leat_status put_interval(const struct leat_interval *interval, struct leat_buffer *out,
                                     struct leat_error *err)
{
    LEAT_TRY(postgres_put_i64(out, interval->microseconds, err));
    LEAT_TRY(postgres_put_i32(out, interval->days, err));
    return postgres_put_i32(out, interval->months, err);
}

/* The dimensions of nested lists, which PostgreSQL wants to be as long as each other. */
static enum leat_status list_dimensions(const struct leat_vector *list, uint32_t row,
                                        uint32_t dimensions[6], unsigned *count,
                                        const struct leat_vector **items, struct leat_error *err)
{
    const struct leat_list_entry *entry = &((const struct leat_list_entry *)list->data)[row];
    const struct leat_vector *child = &list->children[0], *base;

    dimensions[(*count)++] = entry->length;
    *items = child;
    if (child->type->id != LEAT_LIST || entry->length == 0)
        return LEAT_OK;
    if (*count == 6)
        return leat_error_set(err, LEAT_E_LIMIT, "clients take arrays of 6 dimensions at most");
    row = leat_vector_locate(child, entry->offset, &base);
    return list_dimensions(base, row, dimensions, count, items, err);
}

static enum leat_status put_items(const struct leat_vector *list, uint32_t row,
                                  const uint32_t *dimensions, unsigned count,
                                  struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_list_entry *entry = &((const struct leat_list_entry *)list->data)[row];
    const struct leat_vector *child = &list->children[0], *base;

    if (entry->length != dimensions[0])
        return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                              "arrays of arrays of different lengths have no binary form");
    for (uint32_t i = 0; i < entry->length; i++) {
        if (count == 1) {
            LEAT_TRY(postgres_put_value(child, entry->offset + i, true, out, err));
            continue;
        }
        row = leat_vector_locate(child, entry->offset + i, &base);
        if (!leat_validity_get(base->validity, row))
            return leat_error_set(err, LEAT_E_BAD_ARGUMENT,
                                  "a null inside of an array of arrays has no binary form");
        LEAT_TRY(put_items(base, row, dimensions + 1, count - 1, out, err));
    }
    return LEAT_OK;
}

static enum leat_status put_list(const struct leat_vector *list, uint32_t row,
                                 struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_vector *items;
    const struct leat_type *type = list->type;
    uint32_t dimensions[6];
    unsigned count = 0;

    while (type->id == LEAT_LIST)
        type = type->fields[0].type;
    LEAT_TRY(list_dimensions(list, row, dimensions, &count, &items, err));
    if (dimensions[0] == 0)
        count = 0;
    LEAT_TRY(postgres_put_i32(out, count, err));
    LEAT_TRY(postgres_put_i32(out, 1, err)); /* there may be nulls */
    LEAT_TRY(postgres_put_i32(out, leat_type_postgres_id(type), err));
    for (unsigned i = 0; i < count; i++) {
        LEAT_TRY(postgres_put_i32(out, dimensions[i], err));
        LEAT_TRY(postgres_put_i32(out, 1, err));
    }
    return count ? put_items(list, row, dimensions, count, out, err) : LEAT_OK;
}

static enum leat_status put_binary(const struct leat_vector *vector, uint32_t row,
                                   struct leat_buffer *out, struct leat_error *err)
{
    const char *at = (const char *)vector->data + (size_t)row * leat_type_width(vector->type);
    uint32_t bits32;
    int64_t value;

    switch (vector->type->id) {
    case LEAT_BOOLEAN:
        return leat_buffer_append_byte(out, *(const uint8_t *)at, err);
    case LEAT_INT8:
        return postgres_put_i16(out, *(const int8_t *)at, err);
    case LEAT_INT16:
        return postgres_put_i16(out, *(const int16_t *)at, err);
    case LEAT_INT32:
    case LEAT_FLOAT:
        memcpy(&bits32, at, 4);
        return postgres_put_i32(out, bits32, err);
    case LEAT_DATE:
        return postgres_put_i32(out, (int64_t) * (const int32_t *)at - DAYS_TO_2000, err);
    case LEAT_INT64:
    case LEAT_DOUBLE:
    case LEAT_TIME:
        memcpy(&value, at, 8);
        return postgres_put_i64(out, value, err);
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        memcpy(&value, at, 8);
        if (value != INT64_MAX && value != INT64_MIN) /* infinities stay what they are */
            value -= MICROSECONDS_TO_2000;
        return postgres_put_i64(out, value, err);
    case LEAT_DECIMAL:
        return put_numeric(decimal_at(vector, row), vector->type->scale, out, err);
    case LEAT_INTERVAL:
        return put_interval((const struct leat_interval *)(const void *)at, out, err);
    case LEAT_UUID:
        return leat_buffer_append(out, at, 16, err);
    case LEAT_LIST:
        return put_list(vector, row, out, err);
    case LEAT_STRUCT:
    case LEAT_MAP:
        return leat_vector_print_json(vector, row, out, err);
    default: { /* TEXT, JSON, BYTES */
        const struct leat_string *string = (const struct leat_string *)(const void *)at;
        return leat_buffer_append(out, leat_string_data(string), string->length, err);
    }
    }
}

static enum leat_status put_text(const struct leat_vector *vector, uint32_t row,
                                 struct leat_buffer *out, struct leat_error *err)
{
    switch (vector->type->id) {
    case LEAT_BOOLEAN:
        return leat_buffer_append_byte(out, ((const uint8_t *)vector->data)[row] ? 't' : 'f', err);
    case LEAT_STRUCT:
    case LEAT_MAP:
        return leat_vector_print_json(vector, row, out, err);
    default:
        return leat_vector_print(vector, row, out, err);
    }
}

enum leat_status postgres_put_value(const struct leat_vector *column, uint32_t row, bool binary,
                                    struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_vector *base;
    size_t start = out->length;
    uint32_t length;

    if (leat_vector_is_null(column, row))
        return postgres_put_i32(out, -1, err);
    row = leat_vector_locate(column, row, &base);
    LEAT_TRY(postgres_put_i32(out, 0, err));
    LEAT_TRY(binary ? put_binary(base, row, out, err) : put_text(base, row, out, err));
    length = __builtin_bswap32((uint32_t)(out->length - start - 4));
    memcpy(out->data + start, &length, 4);
    return LEAT_OK;
}
