/* Batches as bytes and back: every type and form, and bytes that were cut or changed. */
#include "base/fault.h"
#include "base/hash.h"
#include "columns/value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/test_faults.h"

static struct leat_error err;
enum { ROWS = 70, HEADER = 20, BATCH_SEED = 0x3142544c };

/* A column of the type from texts; every fifth row is null. */
static void fill(struct leat_vector *vector, const struct leat_type *type, struct leat_arena *arena)
{
    struct leat_rows rows;
    struct leat_field field = {.name = "x", .type = type};
    struct leat_schema schema = {1, &field};

    assert_int_equal(leat_rows_init(&rows, &schema, NULL, &err), LEAT_OK);
    for (int r = 0; r < ROWS; r++) {
        struct leat_value value = {.type = type, .is_null = r % 5 == 3};
        struct leat_vector one;
        struct leat_batch batch = {1, 1, &one};
        char text[64];
        switch (type->id) {
        case LEAT_BOOLEAN:
            snprintf(text, sizeof(text), "%s", r % 2 ? "true" : "false");
            break;
        case LEAT_DATE:
            snprintf(text, sizeof(text), "2024-02-%02d", r % 28 + 1);
            break;
        case LEAT_TIME:
            snprintf(text, sizeof(text), "10:11:%02d.5", r % 60);
            break;
        case LEAT_TIMESTAMP:
        case LEAT_TIMESTAMPTZ:
            snprintf(text, sizeof(text), "2024-02-03 10:11:%02d", r % 60);
            break;
        case LEAT_INTERVAL:
            snprintf(text, sizeof(text), "%d days 3 hours", r);
            break;
        case LEAT_UUID:
            snprintf(text, sizeof(text), "00000000-0000-4000-8000-0000000000%02d", r);
            break;
        case LEAT_TEXT:
        case LEAT_BYTES:
            snprintf(text, sizeof(text), r % 2 ? "%d" : "%d that is longer than twelve bytes", r);
            break;
        case LEAT_JSON:
            snprintf(text, sizeof(text), r % 2 ? "%d" : "\"%d longer than twelve bytes\"", r);
            break;
        default:
            snprintf(text, sizeof(text), "%d", r);
        }
        if (!value.is_null)
            assert_int_equal(leat_value_parse(leat_text_of(text), type, arena, &value, &err),
                             LEAT_OK);
        assert_int_equal(leat_value_to_vector(&value, 1, arena, &one, &err), LEAT_OK);
        assert_int_equal(leat_rows_append(&rows, &batch, &err), LEAT_OK);
    }
    /* one vector of all rows */
    assert_int_equal(leat_vector_init(vector, type, ROWS, 0, arena, &err), LEAT_OK);
    assert_int_equal(leat_vector_make_validity(vector, ROWS, arena, &err), LEAT_OK);
    vector->length = ROWS;
    for (uint32_t r = 0; r < ROWS; r++) {
        struct leat_vector copy;
        size_t width = leat_type_width(type);
        assert_int_equal(leat_vector_copy(&rows.batches[r].columns[0], 0, 1, arena, &copy, &err),
                         LEAT_OK);
        leat_validity_set(vector->validity, r, !leat_vector_is_null(&copy, 0));
        if (width)
            memcpy((char *)vector->data + r * width, copy.data, width);
    }
    leat_rows_release(&rows);
}

enum { SIMPLE = 18, COLUMNS = SIMPLE + 5 };

/* All simple types FLAT, then a list, a struct, a map, a dictionary and a constant. */
static void make_batch(struct leat_schema *schema, struct leat_batch *batch,
                       struct leat_arena *arena)
{
    struct leat_vector *c = LEAT_NEW_ARRAY(arena, struct leat_vector, COLUMNS);
    struct leat_list_entry *entries = LEAT_NEW_ARRAY(arena, struct leat_list_entry, ROWS);
    uint32_t *selection = LEAT_NEW_ARRAY(arena, uint32_t, ROWS);
    struct leat_value seven = {.type = leat_type_get(LEAT_INT64), .integer = 7};
    struct leat_field fields[2] = {{.name = "a", .type = leat_type_get(LEAT_INT32)},
                                   {.name = "b", .type = leat_type_get(LEAT_TEXT)}};

    assert_true(c && entries && selection);
    for (int i = 0; i < SIMPLE; i++) {
        const struct leat_type *type = leat_type_get((enum leat_type_id)i);
        if (i == LEAT_DECIMAL)
            type = leat_type_decimal(30, 2);
        fill(&c[i], type, arena);
    }
    for (uint32_t r = 0; r < ROWS; r++) {
        entries[r] = (struct leat_list_entry){r / 2, r % 3 && r / 2 + r % 3 < ROWS ? r % 3 : 0};
        selection[r] = (r * 7) % ROWS;
    }
    c[SIMPLE] = (struct leat_vector){.type = leat_type_list(arena, leat_type_get(LEAT_TEXT)),
                                     .length = ROWS,
                                     .validity = c[LEAT_INT32].validity,
                                     .data = entries,
                                     .children = &c[LEAT_TEXT]};
    c[SIMPLE + 1] = (struct leat_vector){.type = leat_type_struct(arena, fields, 2),
                                         .length = ROWS,
                                         .children = LEAT_NEW_ARRAY(arena, struct leat_vector, 2)};
    assert_true(c[SIMPLE].type && c[SIMPLE + 1].type && c[SIMPLE + 1].children);
    c[SIMPLE + 1].children[0] = c[LEAT_INT32];
    c[SIMPLE + 1].children[1] = c[LEAT_TEXT];
    c[SIMPLE + 2] = (struct leat_vector){
        .type = leat_type_map(arena, leat_type_get(LEAT_INT32), leat_type_get(LEAT_TEXT)),
        .length = ROWS,
        .data = entries,
        .children = c[SIMPLE + 1].children};
    assert_int_equal(
        leat_vector_select(&c[LEAT_TEXT], selection, ROWS, arena, &c[SIMPLE + 3], &err), LEAT_OK);
    assert_int_equal(leat_value_to_vector(&seven, ROWS, arena, &c[SIMPLE + 4], &err), LEAT_OK);
    *batch = (struct leat_batch){COLUMNS, ROWS, c};
    schema->count = COLUMNS;
    schema->fields = LEAT_NEW_ARRAY(arena, struct leat_field, COLUMNS);
    assert_true(c[SIMPLE + 2].type && schema->fields);
    for (int i = 0; i < COLUMNS; i++)
        schema->fields[i] = (struct leat_field){.name = "c", .type = c[i].type};
}

static void print(const struct leat_batch *batch, struct leat_buffer *out)
{
    for (uint32_t c = 0; c < batch->column_count; c++)
        for (uint32_t r = 0; r < batch->length; r++) {
            if (leat_vector_is_null(&batch->columns[c], r))
                assert_int_equal(leat_buffer_append_string(out, "null", &err), LEAT_OK);
            else
                assert_int_equal(leat_vector_print_json(&batch->columns[c], r, out, &err), LEAT_OK);
            assert_int_equal(leat_buffer_append_byte(out, '\n', &err), LEAT_OK);
        }
}

static void batch__all_types_and_forms_come_back(void **state)
{
    struct leat_buffer bytes, want, got;
    struct leat_batch batch, again;
    struct leat_schema schema;
    struct leat_cursor cursor;
    struct leat_arena arena;

    (void)state;
    leat_arena_init(&arena, NULL);
    leat_buffer_init(&bytes, 0);
    leat_buffer_init(&want, 0);
    leat_buffer_init(&got, 0);
    make_batch(&schema, &batch, &arena);
    assert_int_equal(leat_batch_put(&batch, &bytes, &err), LEAT_OK);
    cursor = (struct leat_cursor){bytes.data, bytes.length, 0};
    assert_int_equal(leat_batch_read(&cursor, &schema, &arena, &again, &err), LEAT_OK);
    assert_int_equal(cursor.position, bytes.length);
    print(&batch, &want);
    print(&again, &got);
    assert_int_equal(want.length, got.length);
    assert_memory_equal(want.data, got.data, want.length);
    leat_buffer_release(&bytes);
    leat_buffer_release(&want);
    leat_buffer_release(&got);
    leat_arena_release(&arena);
}

static void batch__cut_bytes_are_refused(void **state)
{
    struct leat_buffer bytes;
    struct leat_batch batch, again;
    struct leat_schema schema;
    struct leat_arena arena, scratch;

    (void)state;
    leat_arena_init(&arena, NULL);
    leat_arena_init(&scratch, NULL);
    leat_buffer_init(&bytes, 0);
    make_batch(&schema, &batch, &arena);
    assert_int_equal(leat_batch_put(&batch, &bytes, &err), LEAT_OK);
    for (size_t length = 0; length < bytes.length; length++) {
        struct leat_cursor cursor = {bytes.data, length, 0};
        leat_arena_reset(&scratch);
        assert_int_equal(leat_batch_read(&cursor, &schema, &scratch, &again, &err), LEAT_CORRUPT);
    }
    leat_buffer_release(&bytes);
    leat_arena_release(&scratch);
    leat_arena_release(&arena);
}

/* Each byte changed: the checksum finds it. With the checksum made to fit, whatever is read must
 * stand on its own memory: printing it finds what does not. */
static void batch__changed_bytes_never_crash(void **state)
{
    struct leat_buffer bytes, text;
    struct leat_batch batch, again;
    struct leat_schema schema;
    struct leat_arena arena, scratch;

    (void)state;
    leat_arena_init(&arena, NULL);
    leat_arena_init(&scratch, NULL);
    leat_buffer_init(&bytes, 0);
    leat_buffer_init(&text, 0);
    make_batch(&schema, &batch, &arena);
    assert_int_equal(leat_batch_put(&batch, &bytes, &err), LEAT_OK);
    for (size_t at = HEADER; at < bytes.length; at++) {
        struct leat_cursor cursor = {bytes.data, bytes.length, 0};
        uint8_t kept = bytes.data[at];
        uint64_t sum;
        bytes.data[at] = (uint8_t)(kept ^ (at % 3 ? 0xff : 0x01));
        leat_arena_reset(&scratch);
        assert_int_equal(leat_batch_read(&cursor, &schema, &scratch, &again, &err), LEAT_CORRUPT);
        sum = leat_hash_bytes(bytes.data + HEADER, bytes.length - HEADER, BATCH_SEED);
        memcpy(bytes.data + 4, &sum, 8);
        cursor.position = 0;
        if (leat_batch_read(&cursor, &schema, &scratch, &again, &err) == LEAT_OK &&
            again.length < 2 * ROWS) {
            text.length = 0;
            for (uint32_t c = 0; c < again.column_count; c++)
                for (uint32_t r = 0; r < again.length; r++)
                    if (!leat_vector_is_null(&again.columns[c], r))
                        (void)!leat_vector_print_json(&again.columns[c], r, &text, &err);
        }
        bytes.data[at] = kept;
        sum = leat_hash_bytes(bytes.data + HEADER, bytes.length - HEADER, BATCH_SEED);
        memcpy(bytes.data + 4, &sum, 8);
    }
    leat_buffer_release(&bytes);
    leat_buffer_release(&text);
    leat_arena_release(&scratch);
    leat_arena_release(&arena);
}

/* Rows outlive the plan whose batches they keep. */
static void rows__nested_types_are_their_own(void **state)
{
    struct leat_schema schema;
    struct leat_batch batch;
    struct leat_arena arena;
    struct leat_rows rows;

    (void)state;
    leat_arena_init(&arena, NULL);
    make_batch(&schema, &batch, &arena);
    assert_int_equal(leat_rows_init(&rows, &schema, NULL, &err), LEAT_OK);
    assert_int_equal(leat_rows_append(&rows, &batch, &err), LEAT_OK);
    leat_arena_release(&arena);
    for (int c = SIMPLE; c <= SIMPLE + 2; c++) {
        const struct leat_vector *kept = &rows.batches[0].columns[c];
        assert_ptr_equal(kept->type, rows.schema.fields[c].type);
        for (uint32_t f = 0; f < kept->type->field_count; f++)
            assert_ptr_equal(kept->children[f].type, kept->type->fields[f].type);
    }
    leat_rows_release(&rows);
}

static void batch__every_failed_allocation_is_reported(void **state)
{
    struct leat_batch batch, again;
    struct leat_schema schema;
    struct leat_arena arena;
    bool fired = true;

    (void)state;
    leat_arena_init(&arena, NULL);
    make_batch(&schema, &batch, &arena);
    for (uint64_t n = 1; fired; n++) {
        struct leat_buffer bytes;
        struct leat_arena scratch;
        struct leat_cursor cursor;
        enum leat_status status;
        leat_buffer_init(&bytes, 0);
        leat_arena_init(&scratch, NULL);
        leat_fault_alloc_arm(n, false);
        status = leat_batch_put(&batch, &bytes, &err);
        cursor = (struct leat_cursor){bytes.data, bytes.length, 0};
        if (status == LEAT_OK)
            status = leat_batch_read(&cursor, &schema, &scratch, &again, &err);
        fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        assert_int_equal(status, fired ? LEAT_NO_MEMORY : LEAT_OK);
        leat_buffer_release(&bytes);
        leat_arena_release(&scratch);
    }
    leat_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch__all_types_and_forms_come_back),
        cmocka_unit_test(batch__cut_bytes_are_refused),
        cmocka_unit_test(batch__changed_bytes_never_crash),
        cmocka_unit_test(rows__nested_types_are_their_own),
        cmocka_unit_test(batch__every_failed_allocation_is_reported),
    };
    return LEAT_RUN_TESTS(tests);
}
