/* Growing buffers and the cursor that reads what they hold. Capacity doubles; the declared maximum
 * is checked first. */
#include "base/buffer.h"

#include <stdio.h>

bool leat_text_equal_nocase(struct leat_text a, struct leat_text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        char x = a.data[i], y = b.data[i];
        x = x >= 'A' && x <= 'Z' ? (char)(x + 32) : x;
        y = y >= 'A' && y <= 'Z' ? (char)(y + 32) : y;
        if (x != y)
            return false;
    }
    return true;
}

void leat_buffer_init(struct leat_buffer *buffer, size_t maximum)
{
    *buffer = (struct leat_buffer){.maximum = maximum};
}

void leat_buffer_release(struct leat_buffer *buffer)
{
    leat_free(buffer->data);
    *buffer = (struct leat_buffer){.maximum = buffer->maximum};
}

enum leat_status leat_buffer_reserve(struct leat_buffer *buffer, size_t extra,
                                     struct leat_error *err)
{
    size_t maximum = buffer->maximum ? buffer->maximum : LEAT_BUFFER_MAXIMUM;
    size_t capacity = buffer->capacity ? buffer->capacity : 64;
    uint8_t *data;

    if (extra <= buffer->capacity - buffer->length && buffer->data)
        return LEAT_OK;
    if (extra > maximum || buffer->length > maximum - extra)
        return leat_error_set(err, LEAT_E_LIMIT, "more than %zu bytes in one buffer", maximum);
    while (capacity < buffer->length + extra)
        capacity *= 2;
    if (capacity > maximum)
        capacity = maximum;
    data = leat_realloc(buffer->data, capacity);
    if (!data)
        return leat_error_memory(err);
    buffer->data = data;
    buffer->capacity = capacity;
    return LEAT_OK;
}

enum leat_status leat_buffer_append(struct leat_buffer *buffer, const void *bytes, size_t length,
                                    struct leat_error *err)
{
    LEAT_TRY(leat_buffer_reserve(buffer, length, err));
    if (length)
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    return LEAT_OK;
}

enum leat_status leat_buffer_append_string(struct leat_buffer *buffer, const char *string,
                                           struct leat_error *err)
{
    return leat_buffer_append(buffer, string, strlen(string), err);
}

enum leat_status leat_buffer_append_byte(struct leat_buffer *buffer, uint8_t byte,
                                         struct leat_error *err)
{
    return leat_buffer_append(buffer, &byte, 1, err);
}

enum leat_status leat_buffer_printf(struct leat_buffer *buffer, struct leat_error *err,
                                    const char *format, ...)
{
    enum leat_status status = LEAT_OK;
    va_list args, again;
    int length;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    if (length < 0)
        status = leat_error_internal(err, "bad format");
    else
        status = leat_buffer_reserve(buffer, (size_t)length + 1, err);
    if (status == LEAT_OK) {
        vsnprintf((char *)buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
    return status;
}

enum leat_status leat_buffer_put_u8(struct leat_buffer *buffer, uint8_t value,
                                    struct leat_error *err)
{
    return leat_buffer_append(buffer, &value, 1, err);
}

enum leat_status leat_buffer_put_u32(struct leat_buffer *buffer, uint32_t value,
                                     struct leat_error *err)
{
    return leat_buffer_append(buffer, &value, 4,
                              err); /* all supported machines are little-endian */
}

enum leat_status leat_buffer_put_u64(struct leat_buffer *buffer, uint64_t value,
                                     struct leat_error *err)
{
    return leat_buffer_append(buffer, &value, 8, err);
}

enum leat_status leat_buffer_put_double(struct leat_buffer *buffer, double value,
                                        struct leat_error *err)
{
    return leat_buffer_append(buffer, &value, 8, err);
}

enum leat_status leat_buffer_put_bytes(struct leat_buffer *buffer, const void *bytes, size_t length,
                                       struct leat_error *err)
{
    if (length > UINT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "a message part of %zu bytes", length);
    LEAT_TRY(leat_buffer_put_u32(buffer, (uint32_t)length, err));
    return leat_buffer_append(buffer, bytes, length, err);
}

enum leat_status leat_buffer_put_string(struct leat_buffer *buffer, const char *string,
                                        struct leat_error *err)
{
    return leat_buffer_put_bytes(buffer, string ? string : "", string ? strlen(string) : 0, err);
}

static enum leat_status cursor_take(struct leat_cursor *cursor, size_t size, const uint8_t **out,
                                    struct leat_error *err)
{
    if (size > cursor->length - cursor->position)
        return leat_error_set(err, LEAT_E_MESSAGE, "a message ends early at byte %zu",
                              cursor->position);
    *out = cursor->data + cursor->position;
    cursor->position += size;
    return LEAT_OK;
}

enum leat_status leat_cursor_get_u8(struct leat_cursor *cursor, uint8_t *out,
                                    struct leat_error *err)
{
    const uint8_t *at;

    LEAT_TRY(cursor_take(cursor, 1, &at, err));
    *out = *at;
    return LEAT_OK;
}

enum leat_status leat_cursor_get_u32(struct leat_cursor *cursor, uint32_t *out,
                                     struct leat_error *err)
{
    const uint8_t *at;

    LEAT_TRY(cursor_take(cursor, 4, &at, err));
    memcpy(out, at, 4);
    return LEAT_OK;
}

enum leat_status leat_cursor_get_u64(struct leat_cursor *cursor, uint64_t *out,
                                     struct leat_error *err)
{
    const uint8_t *at;

    LEAT_TRY(cursor_take(cursor, 8, &at, err));
    memcpy(out, at, 8);
    return LEAT_OK;
}

enum leat_status leat_cursor_get_double(struct leat_cursor *cursor, double *out,
                                        struct leat_error *err)
{
    const uint8_t *at;

    LEAT_TRY(cursor_take(cursor, 8, &at, err));
    memcpy(out, at, 8);
    return LEAT_OK;
}

enum leat_status leat_cursor_get_bytes(struct leat_cursor *cursor, struct leat_text *out,
                                       struct leat_error *err)
{
    const uint8_t *at;
    uint32_t length;

    LEAT_TRY(leat_cursor_get_u32(cursor, &length, err));
    LEAT_TRY(cursor_take(cursor, length, &at, err));
    *out = (struct leat_text){(const char *)at, length};
    return LEAT_OK;
}

enum leat_status leat_cursor_get_string(struct leat_cursor *cursor, struct leat_arena *arena,
                                        const char **out, struct leat_error *err)
{
    struct leat_text text;

    LEAT_TRY(leat_cursor_get_bytes(cursor, &text, err));
    *out = leat_arena_copy(arena, text.data, text.length);
    return *out ? LEAT_OK : leat_error_memory(err);
}
