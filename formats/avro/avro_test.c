/* Avro containers: what is written is read back, Iceberg's schemas, damage, and files of others. */
#include "formats/avro/avro.h"

#include "base/fault.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

static const char manifest_schema[] =
    "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":["
    "{\"name\":\"status\",\"type\":\"int\",\"field-id\":0},"
    "{\"name\":\"snapshot_id\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":1},"
    "{\"name\":\"file\",\"field-id\":2,\"type\":{\"type\":\"record\",\"name\":\"r2\",\"fields\":["
    "{\"name\":\"path\",\"type\":\"string\",\"field-id\":100},"
    "{\"name\":\"day\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}],\"field-"
    "id\":"
    "1000},"
    "{\"name\":\"sizes\",\"field-id\":108,\"type\":[\"null\",{\"type\":\"array\",\"logicalType\":"
    "\"map\",\"items\":{\"type\":\"record\",\"name\":\"k117_v118\",\"fields\":["
    "{\"name\":\"key\",\"type\":\"int\",\"field-id\":117},"
    "{\"name\":\"value\",\"type\":\"long\",\"field-id\":118}]}}]},"
    "{\"name\":\"splits\",\"field-id\":132,\"type\":[\"null\",{\"type\":\"array\",\"element-id\":"
    "133,"
    "\"items\":\"long\"}]}]}}]}";

static struct leat_schema columns_of(const char *text, struct leat_arena *arena)
{
    struct leat_schema schema;
    const struct leat_type *type;
    assert_int_equal(leat_type_parse(leat_text_of(text), arena, &type, &err), LEAT_OK);
    schema.count = type->field_count;
    schema.fields = (struct leat_field *)(uintptr_t)type->fields;
    return schema;
}

/* All rows of a container as JSON lines. */
static enum leat_status read_lines(const struct leat_buffer *bytes,
                                   const struct leat_schema *wanted, enum leat_avro_match match,
                                   struct leat_buffer *out, struct leat_error *error)
{
    struct leat_input *input = NULL;
    struct leat_avro_file *file = NULL;
    struct leat_reader *reader = NULL;
    struct leat_batch *batch = NULL;
    enum leat_status status =
        leat_input_open_memory(bytes->data, bytes->length, "test.avro", &input, error);
    if (!status)
        status = leat_avro_file_open(input, NULL, &file, error);
    if (!status)
        status = leat_avro_rows_open(file, wanted, match, 0, UINT64_MAX, NULL, &reader, error);
    while (!status) {
        status = reader->ops->next(reader, &batch, error);
        if (status || !batch)
            break;
        for (uint32_t row = 0; !status && row < batch->length; row++) {
            for (uint32_t i = 0; !status && i < batch->column_count; i++) {
                status = leat_buffer_append_string(out, i ? " " : "", error);
                if (!status)
                    status = leat_vector_print_json(&batch->columns[i], row, out, error);
            }
            if (!status)
                status = leat_buffer_append_byte(out, '\n', error);
        }
    }
    leat_reader_close(reader);
    leat_avro_file_close(file);
    leat_input_close(input);
    return status;
}

static void expect_lines(const struct leat_buffer *bytes, const struct leat_schema *wanted,
                         enum leat_avro_match match, const char *expected)
{
    struct leat_buffer out;
    leat_buffer_init(&out, 0);
    enum leat_status status = read_lines(bytes, wanted, match, &out, &err);
    if (status)
        print_error("%s\n", err.message);
    assert_int_equal(status, LEAT_OK);
    assert_int_equal(leat_buffer_append_byte(&out, 0, &err), LEAT_OK);
    assert_string_equal((const char *)out.data, expected);
    leat_buffer_release(&out);
}

/* Two entries of the manifest schema above, the second with nulls. */
static enum leat_status fill_manifest(struct leat_batch *batch, const struct leat_schema *schema,
                                      struct leat_arena *arena, struct leat_error *error)
{
    LEAT_TRY(leat_batch_init(batch, schema, 2, arena, error));
    struct leat_vector *file = &batch->columns[2];
    struct leat_vector *sizes = &file->children[2], *splits = &file->children[3];
    batch->length = 2;
    for (uint32_t i = 0; i < 3; i++)
        batch->columns[i].length = 2;
    for (uint32_t i = 0; i < 4; i++)
        file->children[i].length = 2;
    ((int32_t *)batch->columns[0].data)[0] = 1;
    ((int32_t *)batch->columns[0].data)[1] = -2;
    ((int64_t *)batch->columns[1].data)[0] = INT64_MAX;
    LEAT_TRY(leat_vector_make_validity(&batch->columns[1], 2, arena, error));
    leat_validity_set(batch->columns[1].validity, 1, false);
    struct leat_string *paths = file->children[0].data;
    paths[0] = leat_string_of("s3://bucket/long/path.parquet", 29);
    paths[1] = leat_string_of("b", 1);
    ((int32_t *)file->children[1].data)[0] = 19000;
    LEAT_TRY(leat_vector_make_validity(&file->children[1], 2, arena, error));
    leat_validity_set(file->children[1].validity, 1, false);
    LEAT_TRY(leat_vector_init(&sizes->children[0], leat_type_get(LEAT_INT32), 3, 0, arena, error));
    LEAT_TRY(leat_vector_init(&sizes->children[1], leat_type_get(LEAT_INT64), 3, 0, arena, error));
    for (int i = 0; i < 3; i++) {
        ((int32_t *)sizes->children[0].data)[i] = i + 1;
        ((int64_t *)sizes->children[1].data)[i] = -100 * i;
    }
    sizes->children[0].length = sizes->children[1].length = 3;
    ((struct leat_list_entry *)sizes->data)[0] = (struct leat_list_entry){0, 3};
    ((struct leat_list_entry *)sizes->data)[1] = (struct leat_list_entry){3, 0};
    LEAT_TRY(leat_vector_init(&splits->children[0], leat_type_get(LEAT_INT64), 1, 0, arena, error));
    ((int64_t *)splits->children[0].data)[0] = 4;
    splits->children[0].length = 1;
    ((struct leat_list_entry *)splits->data)[0] = (struct leat_list_entry){0, 1};
    ((struct leat_list_entry *)splits->data)[1] = (struct leat_list_entry){0, 0};
    LEAT_TRY(leat_vector_make_validity(splits, 2, arena, error));
    leat_validity_set(splits->validity, 1, false);
    return LEAT_OK;
}

static const char manifest_columns[] =
    "struct(status integer, snapshot_id bigint, file struct(path text, day date, "
    "sizes map(integer, bigint), splits bigint[]))";

static enum leat_status write_manifest(enum leat_codec_kind codec, const struct leat_type *type,
                                       struct leat_arena *arena, struct leat_buffer *out,
                                       struct leat_error *error)
{
    static const struct leat_avro_metadata pairs[] = {{"format-version", {"2", 1}}};
    const struct leat_avro_write_options options = {
        .schema_json = manifest_schema, .codec = codec, .metadata = pairs, .metadata_count = 1};
    struct leat_schema schema;
    struct leat_batch batch;
    struct leat_output *output = NULL;
    struct leat_avro_writer *writer = NULL;
    schema.count = type->field_count;
    schema.fields = (struct leat_field *)(uintptr_t)type->fields;
    LEAT_TRY(fill_manifest(&batch, &schema, arena, error));
    LEAT_TRY(leat_output_open_memory(out, &output, error));
    enum leat_status status = leat_avro_writer_open(output, &schema, &options, &writer, error);
    if (status) {
        leat_output_abort(output);
        return status;
    }
    status = leat_avro_writer_write(writer, &batch, error);
    if (status) {
        leat_avro_writer_abort(writer);
        return status;
    }
    return leat_avro_writer_finish(writer, NULL, NULL, error);
}

static const struct leat_type *manifest_type(struct leat_arena *arena)
{
    const struct leat_type *type;
    assert_int_equal(leat_type_parse(leat_text_of(manifest_columns), arena, &type, &err), LEAT_OK);
    return type;
}

#define MANIFEST_LINES                                                                             \
    "1 9223372036854775807 {\"path\":\"s3://bucket/long/path.parquet\",\"day\":\"2022-01-08\","    \
    "\"sizes\":{\"1\":0,\"2\":-100,\"3\":-200},\"splits\":[4]}\n"                                  \
    "-2 null {\"path\":\"b\",\"day\":null,\"sizes\":{},\"splits\":null}\n"

static void avro__manifest_survives_every_codec(void **state)
{
    static const enum leat_codec_kind codecs[] = {LEAT_CODEC_NONE, LEAT_CODEC_DEFLATE,
                                                  LEAT_CODEC_ZSTD, LEAT_CODEC_SNAPPY};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct leat_arena arena;
        struct leat_buffer bytes;
        leat_arena_init(&arena, NULL);
        leat_buffer_init(&bytes, 0);
        enum leat_status status =
            write_manifest(codecs[i], manifest_type(&arena), &arena, &bytes, &err);
        if (status)
            print_error("%s\n", err.message);
        assert_int_equal(status, LEAT_OK);
        expect_lines(&bytes, NULL, LEAT_AVRO_BY_NAME, MANIFEST_LINES);
        leat_buffer_release(&bytes);
        leat_arena_release(&arena);
    }
}

static void avro__fields_are_found_by_id_and_missing_ones_are_null(void **state)
{
    struct leat_arena arena;
    struct leat_buffer bytes;
    (void)state;
    leat_arena_init(&arena, NULL);
    leat_buffer_init(&bytes, 0);
    assert_int_equal(write_manifest(LEAT_CODEC_NONE, manifest_type(&arena), &arena, &bytes, &err),
                     LEAT_OK);
    struct leat_schema wanted =
        columns_of("struct(f struct(gone text, p text), s bigint, nowhere integer[])", &arena);
    wanted.fields[0].id = 2;
    ((struct leat_field *)(uintptr_t)wanted.fields[0].type->fields)[0].id = 999;
    ((struct leat_field *)(uintptr_t)wanted.fields[0].type->fields)[1].id = 100;
    wanted.fields[1].id = LEAT_AVRO_FIELD_ID_ZERO;
    wanted.fields[2].id = 998;
    expect_lines(&bytes, &wanted, LEAT_AVRO_BY_ID,
                 "{\"gone\":null,\"p\":\"s3://bucket/long/path.parquet\"} 1 null\n"
                 "{\"gone\":null,\"p\":\"b\"} -2 null\n");
    leat_buffer_release(&bytes);
    leat_arena_release(&arena);
}

static void avro__schema_text_of_iceberg_columns(void **state)
{
    struct leat_arena arena;
    struct leat_buffer out;
    (void)state;
    leat_arena_init(&arena, NULL);
    leat_buffer_init(&out, 0);
    struct leat_schema schema = columns_of(
        "struct(\"a b\" numeric(9,2), t timestamp, m map(integer, bigint), l text[])", &arena);
    schema.fields[0].id = 1;
    schema.fields[1].id = 2;
    schema.fields[1].required = true;
    schema.fields[2].id = 3;
    ((struct leat_field *)(uintptr_t)schema.fields[2].type->fields)[0].id = 4;
    ((struct leat_field *)(uintptr_t)schema.fields[2].type->fields)[1].id = 5;
    ((struct leat_field *)(uintptr_t)schema.fields[2].type->fields)[1].required = true;
    schema.fields[3].id = 6;
    ((struct leat_field *)(uintptr_t)schema.fields[3].type->fields)[0].id = 7;
    assert_int_equal(leat_avro_schema_json(&schema, "t", &out, &err), LEAT_OK);
    assert_int_equal(leat_buffer_append_byte(&out, 0, &err), LEAT_OK);
    assert_string_equal(
        (const char *)out.data,
        "{\"type\":\"record\",\"name\":\"t\",\"fields\":[{\"name\":\"a_x20b\",\"iceberg-field-"
        "name\":"
        "\"a b\",\"type\":[\"null\",{\"type\":\"fixed\",\"name\":\"decimal_9_2\",\"size\":4,"
        "\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}],\"default\":null,\"field-id\":1}"
        ","
        "{\"name\":\"t\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\","
        "\"adjust-to-utc\":false},\"field-id\":2},"
        "{\"name\":\"m\",\"type\":[\"null\",{\"type\":\"array\",\"logicalType\":\"map\",\"items\":{"
        "\"type\":\"record\",\"name\":\"k4_v5\",\"fields\":[{\"name\":\"key\",\"type\":\"int\","
        "\"field-id\":4},{\"name\":\"value\",\"type\":\"long\",\"field-id\":5}]}}],\"default\":"
        "null,"
        "\"field-id\":3},"
        "{\"name\":\"l\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"string\"],"
        "\"element-id\":7}],\"default\":null,\"field-id\":6}]}");
    leat_buffer_release(&out);
    leat_arena_release(&arena);
}

static void put_long(struct leat_buffer *out, int64_t value)
{
    uint64_t bits = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (; bits >= 0x80; bits >>= 7)
        assert_int_equal(leat_buffer_append_byte(out, (uint8_t)(bits | 0x80), &err), LEAT_OK);
    assert_int_equal(leat_buffer_append_byte(out, (uint8_t)bits, &err), LEAT_OK);
}

/* A container with that schema and one block. */
static void make_container(struct leat_buffer *out, const char *json, const void *block,
                           size_t length, int64_t rows)
{
    leat_buffer_init(out, 0);
    assert_int_equal(leat_buffer_append(out, "Obj\1", 4, &err), LEAT_OK);
    put_long(out, 1);
    put_long(out, 11);
    assert_int_equal(leat_buffer_append(out, "avro.schema", 11, &err), LEAT_OK);
    put_long(out, (int64_t)strlen(json));
    assert_int_equal(leat_buffer_append(out, json, strlen(json), &err), LEAT_OK);
    put_long(out, 0);
    assert_int_equal(leat_buffer_append(out, "0123456789abcdef", 16, &err), LEAT_OK);
    put_long(out, rows);
    put_long(out, (int64_t)length);
    assert_int_equal(leat_buffer_append(out, block, length, &err), LEAT_OK);
    assert_int_equal(leat_buffer_append(out, "0123456789abcdef", 16, &err), LEAT_OK);
}

static void expect_error(const char *json, const void *block, size_t length, int64_t rows, int code)
{
    struct leat_buffer bytes, out;
    make_container(&bytes, json, block, length, rows);
    leat_buffer_init(&out, 0);
    assert_int_not_equal(read_lines(&bytes, NULL, LEAT_AVRO_BY_NAME, &out, &err), LEAT_OK);
    assert_int_equal(err.code, code);
    leat_buffer_release(&out);
    leat_buffer_release(&bytes);
}

static void avro__recursive_schema_is_refused(void **state)
{
    (void)state;
    expect_error("{\"type\":\"record\",\"name\":\"list\",\"fields\":[{\"name\":\"next\",\"type\":["
                 "\"null\",\"list\"]}]}",
                 "\0", 1, 1, LEAT_E_AVRO_RECURSIVE);
}

static void avro__schema_that_grows_without_bound_is_refused(void **state)
{
    struct leat_buffer json;
    (void)state;
    leat_buffer_init(&json, 0);
    assert_int_equal(leat_buffer_append_string(
                         &json, "[{\"type\":\"record\",\"name\":\"a0\",\"fields\":[]}", &err),
                     LEAT_OK);
    for (int i = 1; i < 40; i++)
        assert_int_equal(
            leat_buffer_printf(&json, &err,
                               ",{\"type\":\"record\",\"name\":\"a%d\",\"fields\":[{\"name\":\"x\","
                               "\"type\":\"a%d\"},{\"name\":\"y\",\"type\":\"a%d\"}]}",
                               i, i - 1, i - 1),
            LEAT_OK);
    assert_int_equal(leat_buffer_append(&json, "]", 2, &err), LEAT_OK);
    expect_error((const char *)json.data, "\0", 1, 1, LEAT_E_LIMIT);
    leat_buffer_release(&json);
}

static void avro__unions_of_several_become_members(void **state)
{
    struct leat_buffer bytes;
    (void)state;
    make_container(&bytes, "[\"null\",\"int\",\"string\"]", "\0\2\6\4\2x", 6, 3);
    expect_lines(&bytes, NULL, LEAT_AVRO_BY_NAME,
                 "null\n{\"member0\":3,\"member1\":null}\n{\"member0\":null,\"member1\":\"x\"}\n");
    leat_buffer_release(&bytes);
}

static void avro__blocks_that_lie_about_themselves_are_errors(void **state)
{
    (void)state;
    expect_error("\"int\"", "\2", 1, 2, LEAT_E_AVRO_CORRUPT);     /* more rows than bytes */
    expect_error("\"int\"", "\2\2", 2, 1, LEAT_E_AVRO_CORRUPT);   /* bytes left over */
    expect_error("\"string\"", "\4a", 2, 1, LEAT_E_AVRO_CORRUPT); /* a text past the end */
    expect_error("\"string\"", "\2\xff", 2, 1, LEAT_E_AVRO_CORRUPT);
    expect_error("[\"null\",\"int\"]", "\4", 1, 1, LEAT_E_AVRO_CORRUPT); /* no such branch */
    expect_error("{\"type\":\"array\",\"items\":\"null\"}", "\x80\x80\x80\x80\x80\x80\x80\x01\0", 9,
                 1, LEAT_E_AVRO_CORRUPT); /* a length of 2^48 */
}

static void avro__every_failing_allocation_is_reported(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct leat_arena arena;
        struct leat_buffer bytes, out;
        leat_buffer_init(&bytes, 0);
        leat_buffer_init(&out, 0);
        leat_arena_init(&arena, NULL);
        const struct leat_type *type = manifest_type(&arena);
        leat_fault_alloc_arm(n, false);
        enum leat_status status = write_manifest(LEAT_CODEC_ZSTD, type, &arena, &bytes, &err);
        if (!status)
            status = read_lines(&bytes, NULL, LEAT_AVRO_BY_NAME, &out, &err);
        bool fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        if (fired)
            assert_int_equal(status, LEAT_NO_MEMORY);
        else
            assert_int_equal(status, LEAT_OK);
        leat_buffer_release(&out);
        leat_buffer_release(&bytes);
        leat_arena_release(&arena);
        if (!fired)
            break;
    }
}

/* Every file of the collection is read to its end, or refused for the reason given here. */
static void avro__files_of_other_writers(void **state)
{
    static const struct {
        const char *name;
        enum leat_status status;
    } refused[] = {
        {"c-avro-1237-bad-union-discriminant.avro", LEAT_CORRUPT},
        {"c-avro-1238-truncated.avro", LEAT_CORRUPT},
        {"js-person-10.no-codec.avro", LEAT_CORRUPT},
        {"alltypes_plain.bzip2.avro", LEAT_UNSUPPORTED},
        {"alltypes_plain.xz.avro", LEAT_UNSUPPORTED},
    };
    static const char *const folders[] = {"avro/interop/*.avro", "avro/interop/data/*.avro",
                                          "avro/arrow-testing/*.avro",
                                          "avro/iceberg-generated/**/*.avro"};
    const char *suites = getenv("LEAT_SUITES") ? getenv("LEAT_SUITES") : "../shared/suites";
    unsigned read = 0;
    (void)state;
    for (size_t f = 0; f < 4; f++) {
        struct leat_file_list list;
        char pattern[512];
        snprintf(pattern, sizeof(pattern), "%s/%s", suites, folders[f]);
        if (leat_file_glob(pattern, &list, &err) != LEAT_OK)
            skip();
        for (size_t i = 0; i < list.count; i++) {
            struct leat_buffer bytes, out;
            enum leat_status expected = LEAT_OK;
            for (size_t r = 0; r < sizeof(refused) / sizeof(*refused); r++) {
                if (strstr(list.items[i].path, refused[r].name))
                    expected = refused[r].status;
            }
            leat_buffer_init(&bytes, 0);
            leat_buffer_init(&out, 0);
            assert_int_equal(leat_file_read_all(list.items[i].path, &bytes, &err), LEAT_OK);
            enum leat_status status = read_lines(&bytes, NULL, LEAT_AVRO_BY_NAME, &out, &err);
            if (status != expected)
                print_error("%s: %s\n", list.items[i].path, status ? err.message : "was read");
            assert_int_equal(status, expected);
            leat_buffer_release(&out);
            leat_buffer_release(&bytes);
            read++;
        }
        leat_file_list_release(&list);
    }
    if (read == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avro__manifest_survives_every_codec),
        cmocka_unit_test(avro__fields_are_found_by_id_and_missing_ones_are_null),
        cmocka_unit_test(avro__schema_text_of_iceberg_columns),
        cmocka_unit_test(avro__recursive_schema_is_refused),
        cmocka_unit_test(avro__schema_that_grows_without_bound_is_refused),
        cmocka_unit_test(avro__unions_of_several_become_members),
        cmocka_unit_test(avro__blocks_that_lie_about_themselves_are_errors),
        cmocka_unit_test(avro__every_failing_allocation_is_reported),
        cmocka_unit_test(avro__files_of_other_writers),
    };
    return LEAT_RUN_TESTS(tests);
}
