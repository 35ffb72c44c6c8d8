#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"
#include "columns/arrow.h"
#include "columns/value.h"

#define ROWS 150u

static struct leat_error err;

static const char *const spellings[] = {"boolean",
                                        "int8",
                                        "smallint",
                                        "integer",
                                        "bigint",
                                        "real",
                                        "double precision",
                                        "numeric(9,2)",
                                        "numeric(18,0)",
                                        "numeric(38,10)",
                                        "text",
                                        "bytea",
                                        "date",
                                        "time",
                                        "timestamp",
                                        "timestamptz",
                                        "interval",
                                        "uuid",
                                        "json",
                                        "bigint[]",
                                        "struct(a integer, b text)",
                                        "map(text, bigint)",
                                        "struct(l text[], m map(integer, double precision))[]"};
#define COLUMNS (sizeof(spellings) / sizeof(spellings[0]))

static void fill(struct leat_vector *vector, const struct leat_type *type, uint32_t rows,
                 uint32_t seed, struct leat_arena *arena);

static void fill_value(struct leat_vector *vector, const struct leat_type *type, uint32_t i,
                       uint32_t seed, struct leat_arena *arena)
{
    size_t width = leat_type_width(type);
    char *out = (char *)vector->data + i * width;
    int64_t number = (int64_t)i * 7 - seed;
    leat_int128 wide = number;
    if (leat_type_is_string(type)) {
        const char *text = type->id == LEAT_JSON ? leat_arena_printf(arena, "{\"n\":%u}", i)
                           : i % 3               ? leat_arena_printf(arena, "t%u", i)
                                                 : leat_arena_printf(arena, "a longer text, %u", i);
        assert_non_null(text);
        *(struct leat_string *)(void *)out = leat_string_of(text, strlen(text));
    } else if (type->id == LEAT_FLOAT || type->id == LEAT_DOUBLE) {
        float small = (float)number / 4;
        double large = (double)number / 8;
        memcpy(out, type->id == LEAT_FLOAT ? (void *)&small : (void *)&large, width);
    } else if (type->id == LEAT_TIME) {
        number = i * 1000003;
        memcpy(out, &number, 8);
    } else if (type->id == LEAT_INTERVAL) {
        struct leat_interval interval = {(int32_t)i, -(int32_t)i, number};
        memcpy(out, &interval, 16);
    } else if (type->id == LEAT_BOOLEAN) {
        *out = i % 2;
    } else if (type->id == LEAT_INT8) {
        *out = (char)(i % 100);
    } else if (width) {
        memcpy(out, &wide, width);
    }
}

static void fill(struct leat_vector *vector, const struct leat_type *type, uint32_t rows,
                 uint32_t seed, struct leat_arena *arena)
{
    assert_int_equal(leat_vector_init(vector, type, rows, rows * 3, arena, &err), LEAT_OK);
    vector->length = rows;
    if (seed % 3) {
        assert_int_equal(leat_vector_make_validity(vector, rows, arena, &err), LEAT_OK);
        for (uint32_t i = seed % 5; i < rows; i += 5)
            leat_validity_set(vector->validity, i, false);
    }
    if (type->id == LEAT_LIST || type->id == LEAT_MAP) {
        struct leat_list_entry *entries = vector->data;
        uint32_t items = 0;
        for (uint32_t i = 0; i < rows; i++) {
            entries[i] = (struct leat_list_entry){items, i % 3};
            items += i % 3 + (seed % 2); /* gaps between, or none */
        }
        for (uint32_t k = 0; k < type->field_count; k++)
            fill(&vector->children[k], type->fields[k].type, items,
                 type->id == LEAT_MAP && k == 0 ? 3 : seed + k, arena);
        return;
    }
    for (uint32_t k = 0; type->id == LEAT_STRUCT && k < type->field_count; k++)
        fill(&vector->children[k], type->fields[k].type, rows, seed + k + 1, arena);
    for (uint32_t i = 0; i < rows; i++)
        fill_value(vector, type, i, seed, arena);
}

static void make_batch(struct leat_schema *schema, struct leat_batch *batch,
                       struct leat_arena *arena)
{
    schema->count = batch->column_count = COLUMNS;
    schema->fields = LEAT_NEW_ARRAY(arena, struct leat_field, COLUMNS);
    batch->columns = LEAT_NEW_ARRAY(arena, struct leat_vector, COLUMNS);
    batch->length = ROWS;
    assert_non_null(schema->fields);
    assert_non_null(batch->columns);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        struct leat_field *field = &schema->fields[i];
        field->name = leat_arena_printf(arena, "c%u", i);
        assert_non_null(field->name);
        assert_int_equal(leat_type_parse(leat_text_of(spellings[i]), arena, &field->type, &err),
                         LEAT_OK);
        fill(&batch->columns[i], field->type, ROWS, i, arena);
    }
}

static void print(const struct leat_batch *batch, uint32_t from, uint32_t count,
                  struct leat_buffer *out)
{
    out->length = 0;
    for (uint32_t row = from; row < from + count; row++)
        for (uint32_t i = 0; i < batch->column_count; i++) {
            assert_int_equal(leat_vector_print_json(&batch->columns[i], row, out, &err), LEAT_OK);
            assert_int_equal(
                leat_buffer_append_byte(out, i + 1 < batch->column_count ? ' ' : '\n', &err),
                LEAT_OK);
        }
    assert_int_equal(leat_buffer_append_byte(out, 0, &err), LEAT_OK);
}

struct exchange {
    struct leat_arena arena, imported;
    struct leat_schema schema, back_schema;
    struct leat_batch batch, back;
    struct ArrowSchema arrow_schema;
    struct ArrowArray array;
    struct leat_buffer before, after;
};

static void set_up(struct exchange *x)
{
    memset(x, 0, sizeof(*x));
    leat_arena_init(&x->arena, NULL);
    leat_arena_init(&x->imported, NULL);
    make_batch(&x->schema, &x->batch, &x->arena);
    assert_int_equal(leat_arrow_export_schema(&x->schema, &x->arrow_schema, &err), LEAT_OK);
}

static void send(struct exchange *x)
{
    print(&x->batch, 0, x->batch.length, &x->before);
    assert_int_equal(leat_arrow_export_batch(&x->batch, &x->arena, &x->array, &err), LEAT_OK);
    assert_int_equal(
        leat_arrow_import_schema(&x->arrow_schema, &x->imported, &x->back_schema, &err), LEAT_OK);
}

static enum leat_status receive(struct exchange *x, const struct ArrowArray *array)
{
    return leat_arrow_import_batch(array, &x->back_schema, &x->arrow_schema, &x->imported, &x->back,
                                   &err);
}

static void tear_down(struct exchange *x)
{
    if (x->array.release)
        x->array.release(&x->array);
    if (x->arrow_schema.release)
        x->arrow_schema.release(&x->arrow_schema);
    leat_arena_release(&x->arena);
    leat_arena_release(&x->imported);
    leat_buffer_release(&x->before);
    leat_buffer_release(&x->after);
}

static void arrow__all_types_come_back(void **state)
{
    struct exchange x;
    (void)state;
    set_up(&x);
    send(&x);
    assert_int_equal(x.back_schema.count, COLUMNS);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        struct leat_arena names;
        const struct leat_type *type;
        leat_arena_init(&names, NULL);
        assert_int_equal(leat_type_parse(leat_text_of(spellings[i]), &names, &type, &err), LEAT_OK);
        if (!leat_type_equal(x.back_schema.fields[i].type, type))
            fail_msg("%s", spellings[i]);
        leat_arena_release(&names);
    }
    assert_int_equal(receive(&x, &x.array), LEAT_OK);
    print(&x.back, 0, x.back.length, &x.after);
    assert_string_equal((char *)x.before.data, (char *)x.after.data);
    assert_ptr_equal(x.back.columns[4].data, x.array.children[4]->buffers[1]); /* no copy */
    tear_down(&x);
}

static void arrow__constant_and_dictionary_vectors_go_flat(void **state)
{
    static uint32_t selection[60];
    struct exchange x;
    (void)state;
    set_up(&x);
    for (uint32_t i = 0; i < 60; i++)
        selection[i] = i * 2 % 119;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        struct leat_vector *column = &x.batch.columns[i], all = *column;
        assert_int_equal(leat_vector_select(&all, selection, 60, &x.arena, column, &err), LEAT_OK);
        if (i % 4 == 1 && all.type->id < LEAT_LIST) {
            all.form = LEAT_CONSTANT;
            all.length = 60;
            *column = all;
        }
    }
    x.batch.length = 60;
    send(&x);
    assert_int_equal(receive(&x, &x.array), LEAT_OK);
    print(&x.back, 0, 60, &x.after);
    assert_string_equal((char *)x.before.data, (char *)x.after.data);
    tear_down(&x);
}

static void arrow__slices_with_an_offset_are_read(void **state)
{
    struct exchange x;
    struct ArrowArray slice;
    const char *line;
    (void)state;
    set_up(&x);
    send(&x);
    slice = x.array;
    slice.offset = 67;
    slice.length = 70;
    assert_int_equal(receive(&x, &slice), LEAT_OK);
    print(&x.back, 0, 70, &x.after);
    line = (const char *)x.before.data;
    for (int i = 0; i < 67; i++)
        line = strchr(line, '\n') + 1;
    assert_memory_equal(line, x.after.data, x.after.length - 1);
    tear_down(&x);
}

static void arrow__children_outlive_their_root(void **state)
{
    struct exchange x;
    struct ArrowArray child;
    (void)state;
    set_up(&x);
    send(&x);
    child = *x.array.children[10]; /* moved out, as consumers may */
    x.array.children[10]->release = NULL;
    x.array.release(&x.array);
    assert_null(x.array.release);
    assert_int_equal(child.length, ROWS);
    assert_memory_equal((const char *)child.buffers[1] + 16 + 4, "t1", 2);
    child.release(&child);
    tear_down(&x);
}

/* Dictionaries and types of other programs, made by hand. */
static void no_release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}
static void no_release_array(struct ArrowArray *array)
{
    array->release = NULL;
}

static void foreign(const char *format, const void *values, int64_t length, const char *expected)
{
    const void *buffers[] = {NULL, values}, *none[] = {NULL};
    struct ArrowSchema field = {.format = format, .name = "x", .flags = ARROW_FLAG_NULLABLE};
    struct ArrowSchema *fields[] = {&field};
    struct ArrowSchema schema = {.format = "+s", .n_children = 1, .children = fields};
    struct ArrowArray column = {.length = length, .n_buffers = 2, .buffers = buffers};
    struct ArrowArray *columns[] = {&column};
    struct ArrowArray array = {.length = length, .n_buffers = 1, .buffers = none, .n_children = 1};
    struct leat_schema found;
    struct leat_batch batch;
    struct leat_buffer text;
    struct leat_arena arena;
    array.children = columns;
    field.release = schema.release = no_release_schema;
    column.release = array.release = no_release_array;
    leat_arena_init(&arena, NULL);
    leat_buffer_init(&text, 0);
    assert_int_equal(leat_arrow_import_schema(&schema, &arena, &found, &err), LEAT_OK);
    assert_int_equal(leat_arrow_import_batch(&array, &found, &schema, &arena, &batch, &err),
                     LEAT_OK);
    print(&batch, 0, batch.length, &text);
    assert_string_equal((char *)text.data, expected);
    leat_buffer_release(&text);
    leat_arena_release(&arena);
}

static void arrow__other_layouts_are_converted(void **state)
{
    (void)state;
    foreign("C", (uint8_t[]){1, 255}, 2, "1\n255\n");
    foreign("S", (uint16_t[]){1, 65535}, 2, "1\n65535\n");
    foreign("I", (uint32_t[]){1, 4294967295}, 2, "1\n4294967295\n");
    foreign("L", (uint64_t[]){1, UINT64_MAX}, 2, "1\n18446744073709551615\n");
    foreign("e", (uint16_t[]){0x3c00, 0xc100, 0x0001}, 3, "1\n-2.5\n5.9604645e-08\n");
    foreign("tdm", (int64_t[]){86400000, -86400000}, 2, "\"1970-01-02\"\n\"1969-12-31\"\n");
    foreign("tts", (int32_t[]){3661}, 1, "\"01:01:01\"\n");
    foreign("ttn", (int64_t[]){1000001500}, 1, "\"00:00:01.000001\"\n");
    foreign("tsn:", (int64_t[]){-1}, 1, "\"1969-12-31T23:59:59.999999\"\n");
    foreign("tsm:UTC", (int64_t[]){1500}, 1, "\"1970-01-01T00:00:01.5+00:00\"\n");
    foreign("d:5,2,32", (int32_t[]){-12345, 1}, 2, "-123.45\n0.01\n");
    foreign("tiM", (int32_t[]){14}, 1, "\"1 year 2 mons\"\n");
}

static void refuse_for(struct exchange *x, uint32_t column, const char *reason)
{
    enum leat_status status = receive(x, &x->array);
    if (status != LEAT_CORRUPT || err.code != LEAT_E_ARROW_LAYOUT)
        fail_msg("%s is accepted: %s", spellings[column], reason);
}

/* Each field of the array in turn says what cannot be. */
static void arrow__hostile_arrays_are_refused(void **state)
{
    struct exchange x;
    (void)state;
    set_up(&x);
    send(&x);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        struct ArrowArray *column = x.array.children[i], kept = *column;
        column->length = -1;
        refuse_for(&x, i, "a negative length");
        column->length = ROWS - 1;
        refuse_for(&x, i, "a short length");
        *column = kept;
        column->offset = -1;
        refuse_for(&x, i, "a negative offset");
        column->offset = 1; /* beyond its length */
        column->length = ROWS - 1;
        refuse_for(&x, i, "an offset beyond the length");
        *column = kept;
        column->n_buffers = 0;
        refuse_for(&x, i, "no buffers");
        *column = kept;
        column->n_children++;
        refuse_for(&x, i, "too many children");
        *column = kept;
        column->release = NULL;
        refuse_for(&x, i, "a released child");
        *column = kept;
        if (column->n_buffers > 1) {
            const void *values = column->buffers[1];
            column->buffers[1] = NULL;
            refuse_for(&x, i, "no values");
            column->buffers[1] = values;
        }
    }
    { /* texts: a view of another buffer, beyond its buffer, not UTF-8 */
        struct ArrowArray *text = x.array.children[10];
        int32_t *view = (int32_t *)(uintptr_t)text->buffers[1] + 12; /* of row 3 */
        view[2] = 7;
        refuse_for(&x, 10, "a view of another buffer");
        view[2] = 0;
        view[3] = INT32_MAX;
        refuse_for(&x, 10, "a view beyond its buffer");
        view[3] = 0;
        view[0] = -5;
        refuse_for(&x, 10, "a negative length");
        view[0] = 2;
        memcpy(view + 1, "\xc3(", 2);
        refuse_for(&x, 10, "bytes that are not UTF-8");
        memcpy(view + 1, "ok", 2);
        assert_int_equal(receive(&x, &x.array), LEAT_OK);
    }
    { /* lists: offsets that descend, and beyond the items */
        int32_t *offsets = (int32_t *)(uintptr_t)x.array.children[19]->buffers[1];
        offsets[3] = 100000;
        refuse_for(&x, 19, "offsets beyond the items");
        offsets[3] = -1;
        refuse_for(&x, 19, "offsets that descend");
    }
    tear_down(&x);
}

static void arrow__types_without_counterpart_are_named(void **state)
{
    static const char *const formats[] = {"tDs", "+r", "+us:0,1", "d:76,0,256", "?", "", "w:-1"};
    struct leat_schema found;
    struct leat_arena arena;
    (void)state;
    leat_arena_init(&arena, NULL);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct ArrowSchema field = {.format = formats[i], .name = "x"}, *fields[] = {&field};
        struct ArrowSchema schema = {.format = "+s", .n_children = 1, .children = fields};
        field.release = schema.release = no_release_schema;
        assert_int_equal(leat_arrow_import_schema(&schema, &arena, &found, &err), LEAT_UNSUPPORTED);
        assert_int_equal(err.code, LEAT_E_ARROW_TYPE);
        field.release = NULL;
        assert_int_equal(leat_arrow_import_schema(&schema, &arena, &found, &err), LEAT_CORRUPT);
    }
    leat_arena_release(&arena);
}

static void arrow__dictionaries_keep_their_codes(void **state)
{
    static const char bytes[] = "onetwothree";
    const void *value_buffers[] = {NULL, (int32_t[]){0, 3, 6, 11}, bytes}, *none[] = {NULL};
    int8_t indices[] = {2, 0, 1, 2};
    uint8_t validity = 0x0b;
    const void *buffers[] = {&validity, indices};
    struct ArrowSchema values = {.format = "u", .name = "", .release = no_release_schema};
    struct ArrowSchema field = {.format = "c", .name = "x", .dictionary = &values};
    struct ArrowSchema *fields[] = {&field};
    struct ArrowSchema schema = {.format = "+s", .n_children = 1, .children = fields};
    struct ArrowArray texts = {.length = 3, .n_buffers = 3, .buffers = value_buffers};
    struct ArrowArray column = {.length = 4, .null_count = -1, .n_buffers = 2, .buffers = buffers};
    struct ArrowArray *columns[] = {&column};
    struct ArrowArray array = {.length = 4, .n_buffers = 1, .buffers = none, .n_children = 1};
    struct leat_schema found;
    struct leat_batch batch;
    struct leat_buffer text;
    struct leat_arena arena;
    (void)state;
    column.dictionary = &texts;
    array.children = columns;
    field.release = schema.release = no_release_schema;
    texts.release = column.release = array.release = no_release_array;
    leat_arena_init(&arena, NULL);
    leat_buffer_init(&text, 0);
    assert_int_equal(leat_arrow_import_schema(&schema, &arena, &found, &err), LEAT_OK);
    assert_int_equal(found.fields[0].type->id, LEAT_TEXT);
    assert_int_equal(leat_arrow_import_batch(&array, &found, &schema, &arena, &batch, &err),
                     LEAT_OK);
    assert_int_equal(batch.columns[0].form, LEAT_DICTIONARY);
    print(&batch, 0, 4, &text);
    assert_string_equal((char *)text.data, "\"three\"\n\"one\"\nnull\n\"three\"\n");
    indices[1] = 3;
    assert_int_equal(leat_arrow_import_batch(&array, &found, &schema, &arena, &batch, &err),
                     LEAT_CORRUPT);
    leat_buffer_release(&text);
    leat_arena_release(&arena);
}

static void arrow__every_failing_allocation_is_reported(void **state)
{
    bool fired = true;
    (void)state;
    for (uint64_t n = 1; fired; n++) {
        struct exchange x;
        set_up(&x);
        leat_fault_alloc_arm(n, false);
        enum leat_status status = leat_arrow_export_batch(&x.batch, &x.arena, &x.array, &err);
        if (!status)
            status = leat_arrow_import_schema(&x.arrow_schema, &x.imported, &x.back_schema, &err);
        if (!status)
            status = receive(&x, &x.array);
        fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        assert_int_equal(status, fired ? LEAT_NO_MEMORY : LEAT_OK);
        tear_down(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrow__all_types_come_back),
        cmocka_unit_test(arrow__constant_and_dictionary_vectors_go_flat),
        cmocka_unit_test(arrow__slices_with_an_offset_are_read),
        cmocka_unit_test(arrow__children_outlive_their_root),
        cmocka_unit_test(arrow__other_layouts_are_converted),
        cmocka_unit_test(arrow__hostile_arrays_are_refused),
        cmocka_unit_test(arrow__types_without_counterpart_are_named),
        cmocka_unit_test(arrow__dictionaries_keep_their_codes),
        cmocka_unit_test(arrow__every_failing_allocation_is_reported),
    };
    return LEAT_RUN_TESTS(tests);
}
