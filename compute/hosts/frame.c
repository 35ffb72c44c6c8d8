/* Frames as bytes and back. Everything that is read may be hostile: lengths are checked before they
 * are used, numbers before they become enums. */
#include "compute/hosts/frame.h"
#include <libdeflate.h>
#include <stdio.h>

enum { HEAD = 4, TAIL = 4, HELLO_MAGIC = 0x5441454c /* "LEAT" */ };

enum leat_status leat_wire_begin(struct leat_buffer *out, enum leat_wire_kind kind, size_t *start,
                                 struct leat_error *err)
{
    *start = out->length;
    LEAT_TRY(leat_buffer_put_u32(out, 0, err));
    return leat_buffer_put_u8(out, (uint8_t)kind, err);
}

enum leat_status leat_wire_end(struct leat_buffer *out, size_t start, struct leat_error *err)
{
    size_t length = out->length - start - HEAD;
    uint32_t head = (uint32_t)length;

    if (length > LEAT_WIRE_MAXIMUM)
        return leat_error_set(err, LEAT_E_LIMIT, "a message of %zu bytes between processes",
                              length);
    memcpy(out->data + start, &head, sizeof(head));
    return leat_buffer_put_u32(out, libdeflate_crc32(0, out->data + start + HEAD, length), err);
}

enum leat_status leat_wire_put(struct leat_buffer *out, enum leat_wire_kind kind, const void *body,
                               size_t length, struct leat_error *err)
{
    size_t start;

    LEAT_TRY(leat_wire_begin(out, kind, &start, err));
    if (length)
        LEAT_TRY(leat_buffer_append(out, body, length, err));
    return leat_wire_end(out, start, err);
}

enum leat_status leat_wire_next(const uint8_t *bytes, size_t length, struct leat_wire_frame *out,
                                size_t *used, struct leat_error *err)
{
    uint32_t size, sum;

    *used = 0;
    if (length < HEAD)
        return LEAT_OK;
    memcpy(&size, bytes, sizeof(size));
    if (size == 0 || size > LEAT_WIRE_MAXIMUM)
        return leat_error_set(err, LEAT_E_MESSAGE, "a message of %u bytes", size);
    if (length - HEAD < (size_t)size + TAIL)
        return LEAT_OK;
    memcpy(&sum, bytes + HEAD + size, sizeof(sum));
    if (sum != libdeflate_crc32(0, bytes + HEAD, size))
        return leat_error_set(err, LEAT_E_MESSAGE, "a message's checksum does not fit its bytes");
    if (bytes[HEAD] < LEAT_WIRE_HELLO || bytes[HEAD] > LEAT_WIRE_FAILED ||
        (bytes[HEAD] > LEAT_WIRE_DONE && bytes[HEAD] < LEAT_WIRE_READY))
        return leat_error_set(err, LEAT_E_MESSAGE, "a message of the unknown kind %u", bytes[HEAD]);
    out->kind = (enum leat_wire_kind)bytes[HEAD];
    out->body = (struct leat_cursor){bytes + HEAD + 1, size - 1, 0};
    *used = HEAD + (size_t)size + TAIL;
    return LEAT_OK;
}

enum leat_status leat_wire_put_hello(struct leat_buffer *out, struct leat_error *err)
{
    size_t start;

    LEAT_TRY(leat_wire_begin(out, LEAT_WIRE_HELLO, &start, err));
    LEAT_TRY(leat_buffer_put_u32(out, HELLO_MAGIC, err));
    LEAT_TRY(leat_buffer_put_u32(out, LEAT_WIRE_VERSION, err));
    LEAT_TRY(leat_buffer_put_string(out, LEAT_VERSION, err));
    return leat_wire_end(out, start, err);
}

enum leat_status leat_wire_check_hello(struct leat_cursor *body, struct leat_error *err)
{
    struct leat_text program;
    uint32_t magic, version;

    LEAT_TRY(leat_cursor_get_u32(body, &magic, err));
    LEAT_TRY(leat_cursor_get_u32(body, &version, err));
    LEAT_TRY(leat_cursor_get_bytes(body, &program, err));
    if (magic != HELLO_MAGIC)
        return leat_error_set(err, LEAT_E_MESSAGE, "the other side is no leat");
    if (version != LEAT_WIRE_VERSION)
        return leat_error_set(
            err, LEAT_E_WORKER_VERSION,
            "the other side is leat %.*s with protocol %u, this is leat %s with %u",
            (int)(program.length < 40 ? program.length : 40), program.data, version, LEAT_VERSION,
            LEAT_WIRE_VERSION);
    return LEAT_OK;
}

/* --- errors --- */

static enum leat_status put_error(struct leat_buffer *out, const struct leat_error *error,
                                  struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u32(out, (uint32_t)error->code, err));
    LEAT_TRY(leat_buffer_put_string(out, error->message, err));
    LEAT_TRY(leat_buffer_put_string(out, error->sqlstate, err));
    LEAT_TRY(leat_buffer_put_string(out, error->hint, err));
    LEAT_TRY(leat_buffer_put_string(out, error->place.source, err));
    LEAT_TRY(leat_buffer_put_u64(out, error->place.line, err));
    LEAT_TRY(leat_buffer_put_u64(out, error->place.column, err));
    LEAT_TRY(leat_buffer_put_u64(out, error->place.offset, err));
    LEAT_TRY(leat_buffer_put_u32(out, error->place.length, err));
    return leat_buffer_put_string(out, error->excerpt, err);
}

static enum leat_status get_text(struct leat_cursor *body, char *out, size_t size,
                                 struct leat_error *err)
{
    struct leat_text text;
    size_t length;

    LEAT_TRY(leat_cursor_get_bytes(body, &text, err));
    length = text.length < size ? text.length : size - 1;
    if (length)
        memcpy(out, text.data, length);
    out[length] = '\0';
    return LEAT_OK;
}

enum leat_status leat_wire_read_error(struct leat_cursor *body, struct leat_error *out,
                                      struct leat_error *err)
{
    char message[sizeof(out->message)];
    uint32_t code;

    leat_error_clear(out);
    LEAT_TRY(leat_cursor_get_u32(body, &code, err));
    LEAT_TRY(get_text(body, message, sizeof(message), err));
    (void)leat_error_set(out, leat_error_info_get((int)code) && code ? (int)code : LEAT_E_MESSAGE,
                         "%s", message);
    LEAT_TRY(get_text(body, out->sqlstate, sizeof(out->sqlstate), err));
    LEAT_TRY(get_text(body, out->hint, sizeof(out->hint), err));
    LEAT_TRY(get_text(body, out->place.source, sizeof(out->place.source), err));
    LEAT_TRY(leat_cursor_get_u64(body, &out->place.line, err));
    LEAT_TRY(leat_cursor_get_u64(body, &out->place.column, err));
    LEAT_TRY(leat_cursor_get_u64(body, &out->place.offset, err));
    LEAT_TRY(leat_cursor_get_u32(body, &out->place.length, err));
    return get_text(body, out->excerpt, sizeof(out->excerpt), err);
}

enum leat_status leat_wire_put_error(struct leat_buffer *out, const struct leat_error *error,
                                     struct leat_error *err)
{
    size_t start;

    LEAT_TRY(leat_wire_begin(out, LEAT_WIRE_ERROR, &start, err));
    LEAT_TRY(put_error(out, error, err));
    return leat_wire_end(out, start, err);
}

/* --- bad rows: optional texts carry a flag --- */

static enum leat_status put_optional(struct leat_buffer *out, const char *text,
                                     struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u8(out, text != NULL, err));
    return text ? leat_buffer_put_string(out, text, err) : LEAT_OK;
}

static enum leat_status get_optional(struct leat_cursor *body, struct leat_arena *arena,
                                     const char **out, struct leat_error *err)
{
    uint8_t present;

    *out = NULL;
    LEAT_TRY(leat_cursor_get_u8(body, &present, err));
    return present ? leat_cursor_get_string(body, arena, out, err) : LEAT_OK;
}

enum leat_status leat_wire_put_bad_row(struct leat_buffer *out, const struct leat_bad_row *row,
                                       struct leat_error *err)
{
    size_t start;

    LEAT_TRY(leat_wire_begin(out, LEAT_WIRE_BAD_ROW, &start, err));
    LEAT_TRY(put_optional(out, row->file, err));
    LEAT_TRY(leat_buffer_put_u64(out, row->line, err));
    LEAT_TRY(leat_buffer_put_u64(out, row->offset, err));
    LEAT_TRY(leat_buffer_put_bytes(out, row->raw.data, row->raw.length, err));
    LEAT_TRY(put_optional(out, row->rule, err));
    LEAT_TRY(put_optional(out, row->column, err));
    LEAT_TRY(put_error(out, &row->error, err));
    return leat_wire_end(out, start, err);
}

enum leat_status leat_wire_read_bad_row(struct leat_cursor *body, struct leat_arena *arena,
                                        struct leat_bad_row *out, struct leat_error *err)
{
    LEAT_TRY(get_optional(body, arena, &out->file, err));
    LEAT_TRY(leat_cursor_get_u64(body, &out->line, err));
    LEAT_TRY(leat_cursor_get_u64(body, &out->offset, err));
    LEAT_TRY(leat_cursor_get_bytes(body, &out->raw, err));
    LEAT_TRY(get_optional(body, arena, &out->rule, err));
    LEAT_TRY(get_optional(body, arena, &out->column, err));
    return leat_wire_read_error(body, &out->error, err);
}
