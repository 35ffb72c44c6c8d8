/* The messages between processes over any bytes: as a run of frames, and, with a length and
 * checksum made to fit, as the body of every kind of frame: errors, bad rows, fragments with their
 * plans, batches. */
#include "compute/hosts/fragment.h"
#include "compute/hosts/frame.h"

#include "base/hash.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_batch(struct leat_cursor *body)
{
    struct leat_field fields[] = {{.name = "a", .type = leat_type_get(LEAT_INT64)},
                                  {.name = "b", .type = leat_type_get(LEAT_TEXT)},
                                  {.name = "c"}};
    struct leat_schema schema = {3, fields};
    struct leat_batch batch;
    struct leat_buffer text;
    struct leat_arena arena;
    struct leat_error err;

    leat_arena_init(&arena, NULL);
    leat_buffer_init(&text, 0);
    fields[2].type = leat_type_list(&arena, leat_type_get(LEAT_TEXT));
    if (fields[2].type && leat_batch_read(body, &schema, &arena, &batch, &err) == LEAT_OK)
        for (uint32_t c = 0; c < batch.column_count; c++)
            for (uint32_t r = 0; r < batch.length; r++) {
                text.length = 0;
                if (!leat_vector_is_null(&batch.columns[c], r))
                    (void)!leat_vector_print_json(&batch.columns[c], r, &text, &err);
            }
    leat_buffer_release(&text);
    leat_arena_release(&arena);
}

static void read_body(struct leat_wire_frame *frame)
{
    struct leat_fragment fragment;
    struct leat_plan_owner owner;
    struct leat_bad_row row = {0};
    struct leat_error told, err;
    struct leat_buffer text;

    leat_error_clear(&err);
    leat_plan_owner_init(&owner, NULL);
    leat_buffer_init(&text, 0);
    switch (frame->kind) {
    case LEAT_WIRE_HELLO:
        (void)!leat_wire_check_hello(&frame->body, &err);
        break;
    case LEAT_WIRE_ERROR:
        (void)!leat_wire_read_error(&frame->body, &told, &err);
        break;
    case LEAT_WIRE_BAD_ROW:
        (void)!leat_wire_read_bad_row(&frame->body, &owner.arena, &row, &err);
        break;
    case LEAT_WIRE_FRAGMENT:
        (void)!leat_fragment_read(&frame->body, &owner, &fragment, &err);
        break;
    case LEAT_WIRE_INPUT:
    case LEAT_WIRE_OUTPUT:
        read_batch(&frame->body);
        break;
    default:
        break;
    }
    if (err.code == LEAT_E_INTERNAL) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    leat_buffer_release(&text);
    leat_plan_owner_release(&owner);
}

static void read_frames(const uint8_t *bytes, size_t length)
{
    struct leat_wire_frame frame;
    struct leat_error err;
    size_t used;

    for (size_t at = 0; at <= length; at += used) {
        if (leat_wire_next(bytes + at, length - at, &frame, &used, &err) != LEAT_OK || used == 0)
            return;
        if (used > length - at)
            abort();
        read_body(&frame);
    }
}

/* The bytes behind a batch's header that fits them. */
static void read_stamped_batch(const uint8_t *data, size_t size)
{
    uint32_t magic = 0x3142544c;
    uint64_t length = size, sum = leat_hash_bytes(data, size, magic);
    struct leat_cursor cursor;
    struct leat_buffer bytes;
    struct leat_error err;

    leat_buffer_init(&bytes, 0);
    if (leat_buffer_put_u32(&bytes, magic, &err) == LEAT_OK &&
        leat_buffer_put_u64(&bytes, sum, &err) == LEAT_OK &&
        leat_buffer_put_u64(&bytes, length, &err) == LEAT_OK &&
        leat_buffer_append(&bytes, data, size, &err) == LEAT_OK && size >= 4) {
        uint32_t rows;
        memcpy(&rows, data, 4);
        cursor = (struct leat_cursor){bytes.data, bytes.length, 0};
        if (rows < 10000) /* rows of no bytes are read for long */
            read_batch(&cursor);
    }
    leat_buffer_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leat_buffer bytes;
    struct leat_error err;

    read_frames(data, size);
    if (size == 0)
        return 0;
    read_stamped_batch(data, size);
    leat_buffer_init(&bytes, 0);
    if (leat_wire_put(&bytes, (enum leat_wire_kind)(data[0] % LEAT_WIRE_DONE + 1), data + 1,
                      size - 1, &err) == LEAT_OK)
        read_frames(bytes.data, bytes.length);
    leat_buffer_release(&bytes);
    return 0;
}
