/*
 * Single values: to and from vectors and bytes, to text; their order. A nested value is a view of
 * one row of a vector, so everything about it is left to the vector's own functions.
 */
#include "columns/number_internal.h"

void leat_value_store(const struct leat_value *value, void *data)
{
    switch (value->type->id) {
    case LEAT_BOOLEAN:
    case LEAT_INT8:
        *(int8_t *)data = (int8_t)value->integer;
        break;
    case LEAT_INT16:
        *(int16_t *)data = (int16_t)value->integer;
        break;
    case LEAT_INT32:
    case LEAT_DATE:
        *(int32_t *)data = (int32_t)value->integer;
        break;
    case LEAT_INT64:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        *(int64_t *)data = value->integer;
        break;
    case LEAT_FLOAT:
        *(float *)data = (float)value->real;
        break;
    case LEAT_DOUBLE:
        *(double *)data = value->real;
        break;
    case LEAT_DECIMAL:
        if (leat_type_is_small_decimal(value->type))
            *(int64_t *)data = (int64_t)value->decimal;
        else
            *(leat_int128 *)data = value->decimal;
        break;
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        *(struct leat_string *)data = leat_string_of(value->text.data, value->text.length);
        break;
    case LEAT_INTERVAL:
        *(struct leat_interval *)data = value->interval;
        break;
    case LEAT_UUID:
        memcpy(data, value->uuid, 16);
        break;
    default:
        break;
    }
}

static void load(const struct leat_vector *vector, uint32_t row, struct leat_value *out)
{
    const void *data = vector->data;

    switch (vector->type->id) {
    case LEAT_BOOLEAN:
        out->integer = ((const uint8_t *)data)[row];
        break;
    case LEAT_INT8:
        out->integer = ((const int8_t *)data)[row];
        break;
    case LEAT_INT16:
        out->integer = ((const int16_t *)data)[row];
        break;
    case LEAT_INT32:
    case LEAT_DATE:
        out->integer = ((const int32_t *)data)[row];
        break;
    case LEAT_INT64:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        out->integer = ((const int64_t *)data)[row];
        break;
    case LEAT_FLOAT:
        out->real = (double)((const float *)data)[row];
        break;
    case LEAT_DOUBLE:
        out->real = ((const double *)data)[row];
        break;
    case LEAT_DECIMAL:
        out->decimal = leat_type_is_small_decimal(vector->type)
                           ? (leat_int128)((const int64_t *)data)[row]
                           : ((const leat_int128 *)data)[row];
        break;
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        out->text = leat_string_text(&((const struct leat_string *)data)[row]);
        break;
    case LEAT_INTERVAL:
        out->interval = ((const struct leat_interval *)data)[row];
        break;
    case LEAT_UUID:
        memcpy(out->uuid, (const uint8_t *)data + (size_t)row * 16, 16);
        break;
    default:
        break;
    }
}

static enum leat_status nested_to_vector(const struct leat_value *value, uint32_t length,
                                         struct leat_arena *arena, struct leat_vector *out,
                                         struct leat_error *err)
{
    const struct leat_vector *base;
    uint32_t row = leat_vector_locate(value->nested, 0, &base);

    *out = *base;
    out->form = LEAT_CONSTANT;
    out->length = length;
    out->validity = NULL;
    if (value->type->id != LEAT_STRUCT) {
        out->data = (struct leat_list_entry *)base->data + row;
        return LEAT_OK;
    }
    out->children = LEAT_NEW_ARRAY(arena, struct leat_vector, value->type->field_count);
    if (!out->children)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < value->type->field_count; i++) {
        struct leat_value field;
        LEAT_TRY(leat_value_from_vector(&base->children[i], row, arena, &field, err));
        LEAT_TRY(leat_value_to_vector(&field, length, arena, &out->children[i], err));
    }
    return LEAT_OK;
}

enum leat_status leat_value_to_vector(const struct leat_value *value, uint32_t length,
                                      struct leat_arena *arena, struct leat_vector *out,
                                      struct leat_error *err)
{
    memset(out, 0, sizeof(*out));
    if (!value->is_null && leat_type_is_nested(value->type))
        return nested_to_vector(value, length, arena, out, err);
    if (value->is_null && value->type->id == LEAT_STRUCT) { /* the children must be there too */
        LEAT_TRY(leat_vector_init(out, value->type, 1, 0, arena, err));
        for (uint32_t i = 0; i < value->type->field_count; i++) {
            struct leat_value field = {.type = value->type->fields[i].type, .is_null = true};
            LEAT_TRY(leat_value_to_vector(&field, length, arena, &out->children[i], err));
        }
    } else {
        LEAT_TRY(leat_vector_init(out, value->type, 1, 0, arena, err));
        if (out->data)
            memset(out->data, 0, leat_type_width(value->type));
    }
    out->form = LEAT_CONSTANT;
    out->length = length;
    if (value->is_null) {
        out->validity = leat_arena_calloc(arena, 1, sizeof(uint64_t));
        if (!out->validity)
            return leat_error_memory(err);
        return LEAT_OK;
    }
    leat_value_store(value, out->data);
    return LEAT_OK;
}

enum leat_status leat_value_from_vector(const struct leat_vector *vector, uint32_t row,
                                        struct leat_arena *arena, struct leat_value *out,
                                        struct leat_error *err)
{
    const struct leat_vector *base;
    uint32_t at;

    memset(out, 0, sizeof(*out));
    out->type = vector->type;
    if (vector->type->id == LEAT_NULL || leat_vector_is_null(vector, row)) {
        out->is_null = true;
        return LEAT_OK;
    }
    at = leat_vector_locate(vector, row, &base);
    if (!leat_type_is_nested(vector->type)) {
        load(base, at, out);
        return LEAT_OK;
    }
    out->nested = LEAT_NEW(arena, struct leat_vector);
    if (!out->nested)
        return leat_error_memory(err);
    return leat_vector_slice(base, at, 1, arena, out->nested, err);
}

enum leat_status leat_value_print(const struct leat_value *value, struct leat_buffer *out,
                                  struct leat_error *err)
{
    char text[LEAT_PRINT_MAX];
    size_t length = 0;

    if (value->is_null)
        return LEAT_OK;
    switch (value->type->id) {
    case LEAT_NULL:
        return LEAT_OK;
    case LEAT_BOOLEAN:
        return leat_buffer_append(out, value->integer ? "t" : "f", 1, err);
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_INT64:
        length = leat_print_int64(value->integer, text);
        break;
    case LEAT_FLOAT:
        length = leat_print_float((float)value->real, text);
        break;
    case LEAT_DOUBLE:
        length = leat_print_double(value->real, text);
        break;
    case LEAT_DECIMAL:
        length = leat_print_decimal(value->decimal, value->type->scale, text);
        break;
    case LEAT_DATE:
        length = leat_print_date((int32_t)value->integer, text);
        break;
    case LEAT_TIME:
        length = leat_print_time(value->integer, text);
        break;
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        length = leat_print_timestamp(value->integer, value->type->id == LEAT_TIMESTAMPTZ, text);
        break;
    case LEAT_INTERVAL:
        length = leat_print_interval(&value->interval, text);
        break;
    case LEAT_UUID:
        length = leat_print_uuid(value->uuid, text);
        break;
    case LEAT_TEXT:
    case LEAT_JSON:
        return leat_buffer_append(out, value->text.data, value->text.length, err);
    case LEAT_BYTES:
        LEAT_TRY(leat_buffer_append(out, "\\x", 2, err));
        for (size_t i = 0; i < value->text.length; i++) {
            static const char hex[] = "0123456789abcdef";
            uint8_t byte = (uint8_t)value->text.data[i];
            char pair[2] = {hex[byte >> 4], hex[byte & 15]};
            LEAT_TRY(leat_buffer_append(out, pair, 2, err));
        }
        return LEAT_OK;
    default:
        return leat_vector_print(value->nested, 0, out, err);
    }
    return leat_buffer_append(out, text, length, err);
}

/* --- order --- */

static int compare_reals(double a, double b)
{
    if (a < b)
        return -1;
    if (a > b)
        return 1;
    return (a != a) - (b != b); /* equal, or NaN above all */
}

int leat_value_compare(const struct leat_value *a, const struct leat_value *b)
{
    switch (a->type->id) {
    case LEAT_NULL:
        return 0;
    case LEAT_FLOAT:
    case LEAT_DOUBLE:
        return compare_reals(a->real, b->real);
    case LEAT_DECIMAL:
        return (a->decimal > b->decimal) - (a->decimal < b->decimal);
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_BYTES: {
        size_t shorter = a->text.length < b->text.length ? a->text.length : b->text.length;
        int order = shorter ? memcmp(a->text.data, b->text.data, shorter) : 0;
        return order ? order
                     : (a->text.length > b->text.length) - (a->text.length < b->text.length);
    }
    case LEAT_INTERVAL: {
        const __int128 day = 86400000000;
        __int128 left =
            (a->interval.months * (__int128)30 + a->interval.days) * day + a->interval.microseconds;
        __int128 right =
            (b->interval.months * (__int128)30 + b->interval.days) * day + b->interval.microseconds;
        return (left > right) - (left < right);
    }
    case LEAT_UUID:
        return memcmp(a->uuid, b->uuid, 16);
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP:
        return leat_vector_compare(a->nested, 0, b->nested, 0);
    default:
        return (a->integer > b->integer) - (a->integer < b->integer);
    }
}

enum leat_status leat_value_copy(const struct leat_value *value, struct leat_arena *arena,
                                 struct leat_value *out, struct leat_error *err)
{
    *out = *value;
    LEAT_TRY(leat_type_copy(value->type, arena, &out->type, err));
    if (value->is_null)
        return LEAT_OK;
    if (leat_type_is_string(value->type)) {
        out->text.data = leat_arena_copy(arena, value->text.data, value->text.length);
        return out->text.data ? LEAT_OK : leat_error_memory(err);
    }
    if (leat_type_is_nested(value->type)) {
        out->nested = LEAT_NEW(arena, struct leat_vector);
        if (!out->nested)
            return leat_error_memory(err);
        return leat_vector_copy(value->nested, 0, 1, arena, out->nested, err);
    }
    return LEAT_OK;
}

/* --- bytes: type, null flag, then the payload --- */

enum leat_status leat_value_put(const struct leat_value *value, struct leat_buffer *out,
                                struct leat_error *err)
{
    LEAT_TRY(leat_type_put(value->type, out, err));
    LEAT_TRY(leat_buffer_put_u8(out, value->is_null, err));
    if (value->is_null)
        return LEAT_OK;
    switch (value->type->id) {
    case LEAT_NULL:
        return LEAT_OK;
    case LEAT_FLOAT:
    case LEAT_DOUBLE:
        return leat_buffer_put_double(out, value->real, err);
    case LEAT_DECIMAL:
        LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)value->decimal, err));
        return leat_buffer_put_u64(out, (uint64_t)(value->decimal >> 64), err);
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_BYTES:
        return leat_buffer_put_bytes(out, value->text.data, value->text.length, err);
    case LEAT_INTERVAL:
        LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)value->interval.months, err));
        LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)value->interval.days, err));
        return leat_buffer_put_u64(out, (uint64_t)value->interval.microseconds, err);
    case LEAT_UUID:
        return leat_buffer_append(out, value->uuid, 16, err);
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP: {
        struct leat_batch batch = {1, 1, value->nested};
        return leat_batch_put(&batch, out, err);
    }
    default:
        return leat_buffer_put_u64(out, (uint64_t)value->integer, err);
    }
}

static enum leat_status read_nested(struct leat_cursor *cursor, struct leat_arena *arena,
                                    struct leat_value *out, struct leat_error *err)
{
    struct leat_field field = {.name = "value", .type = out->type};
    struct leat_schema schema = {1, &field};
    struct leat_batch batch;

    LEAT_TRY(leat_batch_read(cursor, &schema, arena, &batch, err));
    if (batch.length != 1 || batch.column_count != 1)
        return leat_error_set(err, LEAT_E_MESSAGE, "a nested value has %u rows", batch.length);
    out->nested = batch.columns;
    return LEAT_OK;
}

enum leat_status leat_value_read(struct leat_cursor *cursor, struct leat_arena *arena,
                                 struct leat_value *out, struct leat_error *err)
{
    uint64_t low, high;
    uint32_t months, days;
    uint8_t is_null;

    memset(out, 0, sizeof(*out));
    LEAT_TRY(leat_type_read(cursor, arena, &out->type, err));
    LEAT_TRY(leat_cursor_get_u8(cursor, &is_null, err));
    out->is_null = is_null != 0;
    if (is_null)
        return LEAT_OK;
    switch (out->type->id) {
    case LEAT_NULL:
        return LEAT_OK;
    case LEAT_FLOAT:
    case LEAT_DOUBLE:
        return leat_cursor_get_double(cursor, &out->real, err);
    case LEAT_DECIMAL:
        LEAT_TRY(leat_cursor_get_u64(cursor, &low, err));
        LEAT_TRY(leat_cursor_get_u64(cursor, &high, err));
        out->decimal = (leat_int128)((unsigned __int128)high << 64 | low);
        return LEAT_OK;
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_BYTES:
        LEAT_TRY(leat_cursor_get_bytes(cursor, &out->text, err));
        out->text.data = leat_arena_copy(arena, out->text.data, out->text.length);
        return out->text.data ? LEAT_OK : leat_error_memory(err);
    case LEAT_INTERVAL:
        LEAT_TRY(leat_cursor_get_u32(cursor, &months, err));
        LEAT_TRY(leat_cursor_get_u32(cursor, &days, err));
        LEAT_TRY(leat_cursor_get_u64(cursor, &low, err));
        out->interval = (struct leat_interval){(int32_t)months, (int32_t)days, (int64_t)low};
        return LEAT_OK;
    case LEAT_UUID:
        LEAT_TRY(leat_cursor_get_u64(cursor, &low, err));
        LEAT_TRY(leat_cursor_get_u64(cursor, &high, err));
        memcpy(out->uuid, &low, 8);
        memcpy(out->uuid + 8, &high, 8);
        return LEAT_OK;
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP:
        return read_nested(cursor, arena, out, err);
    default:
        LEAT_TRY(leat_cursor_get_u64(cursor, &low, err));
        out->integer = (int64_t)low;
        return LEAT_OK;
    }
}
