/* Binary parameters: each becomes the text that a literal would have, so that there is one way by
 * which values get their types. */
#include "api/postgres/stream.h"
#include "api/postgres/values.h"

#define MICROSECONDS_TO_2000 (INT64_C(10957) * 86400000000)

static enum leat_status wrong_length(const struct leat_type *type, size_t length,
                                     struct leat_error *err)
{
    char name[64] = "";
    struct leat_arena arena;
    const char *text;

    leat_arena_init(&arena, NULL);
    text = leat_type_name(&arena, type);
    if (text)
        strncpy(name, text, sizeof(name) - 1);
    leat_arena_release(&arena);
    return leat_error_set(err, LEAT_E_MESSAGE, "a binary value of type %s has %zu bytes", name,
                          length);
}

static enum leat_status keep(const char *text, size_t length, struct leat_arena *arena,
                             struct leat_text *out, struct leat_error *err)
{
    out->data = leat_arena_copy(arena, text, length);
    out->length = length;
    return out->data ? LEAT_OK : leat_error_memory(err);
}

/* Fixed-width values by way of a vector of one row. */
static enum leat_status print_value(const struct leat_type *type, const void *data,
                                    struct leat_arena *arena, struct leat_text *out,
                                    struct leat_error *err)
{
    struct leat_vector vector = {.type = type, .form = LEAT_FLAT, .length = 1};
    uint64_t copy[2] = {0};
    struct leat_buffer text;
    enum leat_status status;

    memcpy(copy, data, leat_type_width(type));
    vector.data = copy;
    leat_buffer_init(&text, 4096);
    status = leat_vector_print(&vector, 0, &text, err);
    if (status == LEAT_OK)
        status = keep((const char *)text.data, text.length, arena, out, err);
    leat_buffer_release(&text);
    return status;
}

static enum leat_status read_numeric(struct leat_cursor *body, struct leat_arena *arena,
                                     struct leat_text *out, struct leat_error *err)
{
    int16_t count, weight, sign, scale, digit = 0;
    struct leat_buffer text;
    enum leat_status status;

    LEAT_TRY(postgres_get_i16(body, &count, err));
    LEAT_TRY(postgres_get_i16(body, &weight, err));
    LEAT_TRY(postgres_get_i16(body, &sign, err));
    LEAT_TRY(postgres_get_i16(body, &scale, err));
    if ((uint16_t)sign == 0xc000)
        return keep("NaN", 3, arena, out, err);
    if (count < 0 || count > 64 || weight < -64 || weight > 64 || scale < 0 || scale > 256 ||
        (sign != 0 && sign != 0x4000))
        return leat_error_set(err, LEAT_E_OVERFLOW, "a number has more digits than numeric takes");
    leat_buffer_init(&text, 4096);
    status = leat_buffer_append_string(&text, sign ? "-" : "", err);
    if (weight < 0 && status == LEAT_OK)
        status = leat_buffer_append_string(&text, "0.", err);
    for (int i = -1; i > weight && status == LEAT_OK; i--)
        status = leat_buffer_append_string(&text, "0000", err);
    for (int i = 0; (i < count || i <= weight) && status == LEAT_OK; i++) {
        if (i == weight + 1 && i > 0)
            status = leat_buffer_append_byte(&text, '.', err);
        digit = 0;
        if (status == LEAT_OK && i < count)
            status = postgres_get_i16(body, &digit, err);
        if (status == LEAT_OK)
            status = leat_buffer_printf(&text, err, "%04d", digit);
    }
    if (count == 0 && weight < 0 && status == LEAT_OK)
        status = leat_buffer_append_byte(&text, '0', err);
    if (status == LEAT_OK)
        status = keep((const char *)text.data, text.length, arena, out, err);
    leat_buffer_release(&text);
    return status;
}

static enum leat_status read_bytes(struct leat_text bytes, struct leat_arena *arena,
                                   struct leat_text *out, struct leat_error *err)
{
    static const char hex[] = "0123456789abcdef";
    char *text = leat_arena_alloc(arena, bytes.length * 2 + 3);

    if (!text)
        return leat_error_memory(err);
    text[0] = '\\';
    text[1] = 'x';
    for (size_t i = 0; i < bytes.length; i++) {
        text[2 + i * 2] = hex[(uint8_t)bytes.data[i] >> 4];
        text[3 + i * 2] = hex[(uint8_t)bytes.data[i] & 15];
    }
    text[2 + bytes.length * 2] = '\0';
    *out = (struct leat_text){text, bytes.length * 2 + 2};
    return LEAT_OK;
}

/* One dimension, as {"a",NULL}. */
static enum leat_status read_list(struct leat_cursor *body, const struct leat_type *type,
                                  struct leat_arena *arena, struct leat_buffer *text,
                                  struct leat_error *err)
{
    int32_t dimensions, flags, id, count, bound, length;
    struct leat_text bytes, item;

    LEAT_TRY(postgres_get_i32(body, &dimensions, err));
    LEAT_TRY(postgres_get_i32(body, &flags, err));
    LEAT_TRY(postgres_get_i32(body, &id, err));
    if (dimensions == 0)
        return leat_buffer_append_string(text, "{}", err);
    if (dimensions != 1)
        return leat_error_set(err, LEAT_E_UNSUPPORTED,
                              "binary arrays of more than one dimension are not taken");
    LEAT_TRY(postgres_get_i32(body, &count, err));
    LEAT_TRY(postgres_get_i32(body, &bound, err));
    LEAT_TRY(leat_buffer_append_byte(text, '{', err));
    for (int32_t i = 0; i < count; i++) {
        if (i > 0)
            LEAT_TRY(leat_buffer_append_byte(text, ',', err));
        LEAT_TRY(postgres_get_i32(body, &length, err));
        if (length < 0) {
            LEAT_TRY(leat_buffer_append_string(text, "NULL", err));
            continue;
        }
        LEAT_TRY(postgres_get_bytes(body, (size_t)length, &bytes, err));
        LEAT_TRY(postgres_read_binary(bytes, type->fields[0].type, arena, &item, err));
        LEAT_TRY(leat_buffer_append_byte(text, '"', err));
        for (size_t c = 0; c < item.length; c++) {
            if (item.data[c] == '"' || item.data[c] == '\\')
                LEAT_TRY(leat_buffer_append_byte(text, '\\', err));
            LEAT_TRY(leat_buffer_append_byte(text, (uint8_t)item.data[c], err));
        }
        LEAT_TRY(leat_buffer_append_byte(text, '"', err));
    }
    return leat_buffer_append_byte(text, '}', err);
}

static int64_t big_endian(struct leat_text bytes)
{
    uint64_t value = bytes.length && (uint8_t)bytes.data[0] & 0x80 ? UINT64_MAX : 0;

    for (size_t i = 0; i < bytes.length; i++)
        value = value << 8 | (uint8_t)bytes.data[i];
    return (int64_t)value;
}

static enum leat_status read_integer(struct leat_text bytes, struct leat_arena *arena,
                                     struct leat_text *out, struct leat_error *err)
{
    char text[LEAT_PRINT_MAX];

    /* of any width: clients send what they have */
    if (bytes.length != 2 && bytes.length != 4 && bytes.length != 8)
        return wrong_length(leat_type_get(LEAT_INT64), bytes.length, err);
    return keep(text, leat_print_int64(big_endian(bytes), text), arena, out, err);
}

enum leat_status postgres_read_binary(struct leat_text bytes, const struct leat_type *type,
                                      struct leat_arena *arena, struct leat_text *out,
                                      struct leat_error *err)
{
    struct leat_cursor body = {(const uint8_t *)bytes.data, bytes.length, 0};
    int64_t value = bytes.length <= 8 ? big_endian(bytes) : 0;
    int32_t narrow = (int32_t)value;
    struct leat_interval interval;
    struct leat_buffer text;
    enum leat_status status;

    switch (type->id) {
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_INT64:
        return read_integer(bytes, arena, out, err);
    case LEAT_DECIMAL:
        return read_numeric(&body, arena, out, err);
    case LEAT_BYTES:
        return read_bytes(bytes, arena, out, err);
    case LEAT_LIST:
        leat_buffer_init(&text, 64 << 20);
        status = read_list(&body, type, arena, &text, err);
        if (status == LEAT_OK)
            status = keep((const char *)text.data, text.length, arena, out, err);
        leat_buffer_release(&text);
        return status;
    case LEAT_BOOLEAN:
        if (bytes.length != 1)
            return wrong_length(type, bytes.length, err);
        return keep(bytes.data[0] ? "t" : "f", 1, arena, out, err);
    case LEAT_FLOAT:
    case LEAT_DATE:
        if (bytes.length != 4)
            return wrong_length(type, bytes.length, err);
        if (type->id == LEAT_DATE)
            narrow = (int32_t)((uint32_t)narrow + 10957);
        return print_value(type, &narrow, arena, out, err);
    case LEAT_DOUBLE:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        if (bytes.length != 8)
            return wrong_length(type, bytes.length, err);
        if ((type->id == LEAT_TIMESTAMP || type->id == LEAT_TIMESTAMPTZ) && value != INT64_MAX &&
            value != INT64_MIN && __builtin_add_overflow(value, MICROSECONDS_TO_2000, &value))
            return leat_error_set(err, LEAT_E_BAD_DATETIME, "timestamp out of range");
        return print_value(type, &value, arena, out, err);
    case LEAT_INTERVAL:
        if (bytes.length != 16)
            return wrong_length(type, bytes.length, err);
        LEAT_TRY(postgres_get_i64(&body, &interval.microseconds, err));
        LEAT_TRY(postgres_get_i32(&body, &interval.days, err));
        LEAT_TRY(postgres_get_i32(&body, &interval.months, err));
        return print_value(type, &interval, arena, out, err);
    case LEAT_UUID:
        if (bytes.length != 16)
            return wrong_length(type, bytes.length, err);
        return print_value(type, bytes.data, arena, out, err);
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_NULL:
        return keep(bytes.data, bytes.length, arena, out, err);
    default:
        return leat_error_set(err, LEAT_E_UNSUPPORTED,
                              "binary values of this type are not taken; send text");
    }
}
