#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"

#include "base/fault.h"
#include "formats/csv/csv_internal.h"
#include "formats/test_reading.h"
#include <zlib.h>
#include <zstd.h>

static struct reading *fresh(void)
{
    static struct reading r;
    memset(&r, 0, sizeof(r));
    r.format = &leat_csv_format;
    r.wanted = 1;
    return &r;
}

#define EXPECT_ROWS(given, input, expected)                                                        \
    do {                                                                                           \
        struct reading *once = (given);                                                            \
        if (read_text(once, input) != LEAT_OK)                                                     \
            fail_msg("%s: %s", input, once->err.message);                                          \
        assert_string_equal(once->text, expected);                                                 \
    } while (0)

static void csv__quoted_fields_hold_delimiters_newlines_and_quotes(void **state)
{
    (void)state;
    EXPECT_ROWS(fresh(), "a,b\n\"x,1\",\"y\nz\"\n\"he said \"\"hi\"\"\",\n",
                "x,1|y\nz\nhe said \"hi\"|~\n");
    EXPECT_ROWS(fresh(), "a,b\r\n1,x\r\n2,\"\r\n\"\r\n", "1|x\n2|\r\n\n");
    EXPECT_ROWS(fresh(), "a,b\r1,x\r2,y", "1|x\n2|y\n");
    EXPECT_ROWS(fresh(),
                "\xef\xbb\xbf"
                "a,b\n1,x\n",
                "1|x\n");
    /* a quote inside an unquoted field is a letter */
    EXPECT_ROWS(fresh(), "size,b\n5\" disk,x\n3.5\" disk,y\n", "5\" disk|x\n3.5\" disk|y\n");
}

static void csv__dialect_is_detected(void **state)
{
    struct reading *r;
    (void)state;
    EXPECT_ROWS(fresh(), "a;b\n1;\"x;y\"\n2;z\n", "1|x;y\n2|z\n");
    EXPECT_ROWS(fresh(), "a\tb\n1\tx y, z\n2\tz\n", "1|x y, z\n2|z\n");
    EXPECT_ROWS(fresh(), "1|x|\n2|y|\n", "1|x\n2|y\n");
    EXPECT_ROWS(fresh(), "name\nannie, may\nbob\n", "annie, may\nbob\n");
    r = fresh();
    set_text(r, "delimiter", "||");
    EXPECT_ROWS(r, "a||b\n1||x|y\n2||\"||\"\n", "1|x|y\n2|||\n");
    r = fresh();
    set_text(r, "comment", "#");
    EXPECT_ROWS(r, "# a \" comment\na,b\n1,2\n#3,4\n5,6\n", "1|2\n5|6\n");
    r = fresh();
    set_text(r, "escape", "\\");
    EXPECT_ROWS(r, "a,b\n\"x\\\"y\",\"\\\\\"\n", "x\"y|\\\n");
    r = fresh();
    set_text(r, "quote", "");
    EXPECT_ROWS(r, "a,b\n\"x,y\n", "\"x|y\n");
    r = fresh();
    set_number(r, "skip", 2);
    EXPECT_ROWS(r, "A report\nof two lines\na,b\n1,2\n", "1|2\n");
}

static void expect_types(const char *text, const char *expected)
{
    char path[] = "leat_csv_XXXXXX";
    struct leat_file_info info;
    struct leat_source *source;
    struct leat_error err = {0};
    struct leat_buffer out;
    close(mkstemp(path));
    assert_true(write_bytes(path, text, strlen(text)));
    assert_int_equal(leat_file_stat(path, &info, &err), LEAT_OK);
    info.path = path;
    assert_int_equal(leat_csv_format.open(&info, 1, NULL, 0, &source, &err), LEAT_OK);
    leat_buffer_init(&out, 0);
    for (uint32_t i = 0; i < source->schema.count; i++) {
        assert_int_equal(leat_buffer_printf(&out, &err, "%s ", source->schema.fields[i].name), 0);
        assert_int_equal(leat_type_print(source->schema.fields[i].type, &out, &err), LEAT_OK);
        assert_int_equal(leat_buffer_append_string(&out, ",", &err), LEAT_OK);
    }
    assert_int_equal(leat_buffer_append_byte(&out, 0, &err), LEAT_OK);
    assert_string_equal((char *)out.data, expected);
    leat_buffer_release(&out);
    leat_source_close(source);
    unlink(path);
}

static void csv__types_are_detected(void **state)
{
    (void)state;
    expect_types("i,d,b,t,dt,ts,tz,tm,zip\n"
                 "1,1.5,true,x,2024-01-02,2024-01-02 03:04:05,2024-01-02T03:04:05Z,03:04,00501\n"
                 "NA,2,false,,NA,2024-01-02,2024-01-02T03:04:05+02,04:05:06,10001\n",
                 "i bigint,d double precision,b boolean,t text,dt date,ts timestamp,tz timestamptz,"
                 "tm time,zip text,");
    expect_types("id,big\n1,99999999999999999999\n", "id bigint,big text,");
    expect_types("1,x\n2,y\n", "column1 bigint,column2 text,");
    expect_types("a,a,\n1,2,3\n", "a bigint,a_1 bigint,column3 bigint,");
    expect_types("first,last\nann,lee\n", "first text,last text,");
    expect_types("a,b\n", "a text,b text,");
    expect_types("x\n4\n6\n", "x bigint,");
    expect_types("x\r\n4\r\n\r\n6\r\n", "x bigint,");
}

static void csv__types_that_change_far_behind_the_sample_are_seen(void **state)
{
    static char text[(3 << 20) + 64] = "a,b\n";
    struct reading *r = fresh();
    size_t at = 4;
    (void)state;
    while (at < 2 << 20)
        at += (size_t)snprintf(text + at, 16, "1,xyzxyzxyz\n");
    while (at < 3 << 20)
        at += (size_t)snprintf(text + at, 16, "1.5,xyzxyz\n");
    assert_int_equal(read_text(r, text), LEAT_OK);
    assert_memory_equal(r->text, "1|xyz", 5);
}

static void csv__null_words(void **state)
{
    struct reading *r = fresh();
    (void)state;
    /* NA is null where the column is otherwise a number, and text where it is text */
    EXPECT_ROWS(r, "n,t\n1,NA\nNA,x\nNULL,\n\\N,\"\"\n", "1|NA\n~|x\n~|~\n~|\n");
    r = fresh();
    set_text(r, "nulls", "x");
    EXPECT_ROWS(r, "n,t\n1,x\nx,\n", "1|~\n~|\n");
}

static void csv__bad_rows_reach_the_handler_with_their_bytes_and_place(void **state)
{
    struct reading *r = fresh();
    (void)state;
    r->handler = true;
    set_number(r, "sample_rows", 1);
    EXPECT_ROWS(r, "n,t\n1,a\nx,b\n2,c,d\n\"3\n4\",e\n5,\xff\n6\n7,h\n", "1|a\n7|h\n");
    assert_string_equal(r->bad, "4:12:field count:-:2,c,d\n"
                                "8:30:field count:-:6\n"
                                "3:8:type:n:x,b\n"
                                "5:18:type:n:\"3\n4\",e\n"
                                "7:26:utf-8:t:5,\xff\n");
}

static void csv__without_handler_the_first_bad_row_fails_with_its_place(void **state)
{
    struct reading *r = fresh();
    (void)state;
    set_number(r, "sample_rows", 1);
    assert_int_equal(read_text(r, "n,t\n1,a\n2,b\n12,c\nx y,d\n"), LEAT_CORRUPT);
    assert_int_equal(r->err.code, LEAT_E_CSV_VALUE);
    assert_int_equal(r->err.place.line, 5);
    assert_int_equal(r->err.place.column, 1);
    assert_int_equal(r->err.place.offset, 17);
    assert_non_null(strstr(r->err.message, "\"x y\""));
    assert_non_null(strstr(r->err.hint, "on_error"));
    r = fresh();
    r->handler = true;
    set_text(r, "on_error", "fail");
    assert_int_equal(read_text(r, "n,t\n1,a\n2\n"), LEAT_CORRUPT);
    assert_int_equal(r->err.code, LEAT_E_CSV_FIELD_COUNT);
}

static void csv__on_error_null_keeps_the_row(void **state)
{
    struct reading *r = fresh();
    (void)state;
    set_number(r, "sample_rows", 1);
    set_text(r, "on_error", "null");
    EXPECT_ROWS(r, "n,t\n1,a\nx,b\n2\n3,c,d\n", "1|a\n~|b\n2|~\n3|c\n");
    r = fresh();
    set_text(r, "null_padding", "true");
    EXPECT_ROWS(r, "n,t\n1,a\n2\n", "1|a\n2|~\n");
}

static void csv__splits_give_the_rows_of_the_whole(void **state)
{
    static char whole[1 << 16];
    char text[8192] = "a,b,c\n";
    (void)state;
    for (int i = 0; i < 150; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at,
                 i % 7 == 0   ? "%d,\"x\n\"\"%d,\n\",y\r\n"
                 : i % 5 == 0 ? "%d,a\"b%d,\"z\"\n"
                              : "%d,word%d,\n",
                 i, i);
    }
    {
        struct reading *r = fresh();
        assert_int_equal(read_text(r, text), LEAT_OK);
        assert_int_equal(r->rows, 150);
        memcpy(whole, r->text, sizeof(whole));
    }
    for (int size = 1; size < 400; size += size < 40 ? 1 : 37) {
        struct reading *r = fresh();
        set_number(r, "split_size", size);
        r->wanted = 2;
        if (read_text(r, text) != LEAT_OK)
            fail_msg("split_size %d: %s", size, r->err.message);
        assert_string_equal(r->text, whole);
        r->count_only = true;
        assert_int_equal(read_text(r, text), LEAT_OK);
        assert_int_equal(r->rows, 150);
    }
}

static void csv__bad_rows_in_later_splits_name_their_line(void **state)
{
    char text[4096] = "a,b\n";
    struct reading *r = fresh();
    (void)state;
    for (int i = 0; i < 200; i++)
        strcat(text, i == 150 ? "1,2,3\n" : i == 20 ? "1,\"\n\n\"\n" : "1,2\n");
    set_number(r, "split_size", 100);
    r->handler = true;
    assert_int_equal(read_text(r, text), LEAT_OK);
    assert_true(r->splits > 3);
    assert_int_equal(r->rows, 199);
    assert_memory_equal(r->bad, "154:", 4);
}

static void csv__compressed_and_latin1_files_are_read(void **state)
{
    static const char text[] = "a,b\n1,x\n2,y\n";
    char packed[256];
    char path[] = "leat_csv_XXXXXX";
    struct reading *r = fresh();
    gzFile gz;
    size_t length;
    (void)state;
    close(mkstemp(path));
    gz = gzopen(path, "wb");
    assert_int_equal(gzwrite(gz, text, sizeof(text) - 1), sizeof(text) - 1);
    gzclose(gz);
    assert_int_equal(read_path(r, path), LEAT_OK);
    assert_string_equal(r->text, "1|x\n2|y\n");
    length = ZSTD_compress(packed, sizeof(packed), text, sizeof(text) - 1, 3);
    assert_true(write_bytes(path, packed, length));
    assert_int_equal(read_path(r, path), LEAT_OK);
    assert_string_equal(r->text, "1|x\n2|y\n");
    assert_true(write_bytes(path, packed, length - 3)); /* cut short */
    assert_int_equal(read_path(r, path), LEAT_CORRUPT);
    assert_int_equal(r->err.code, LEAT_E_COMPRESSED_DATA);
    unlink(path);
    r = fresh();
    set_text(r, "encoding", "latin-1");
    EXPECT_ROWS(r, "a,b\n1,caf\xe9\n", "1|caf\xc3\xa9\n");
    r = fresh();
    set_text(r, "encoding", "windows-1252");
    EXPECT_ROWS(r, "a,b\n1,\x80\n", "1|\xe2\x82\xac\n");
}

static void csv__unusable_files_give_clear_errors(void **state)
{
    struct reading *r = fresh();
    struct leat_file_info info;
    char path[] = "leat_csv_XXXXXX";
    (void)state;
    assert_int_equal(read_text(r, ""), LEAT_INVALID);
    assert_int_equal(r->err.code, LEAT_E_CSV_EMPTY);
    EXPECT_ROWS(r, "a,b\n", "");
    close(mkstemp(path));
    assert_true(write_bytes(path, "PAR1\0\1\2,\n", 9));
    assert_int_equal(read_path(r, path), LEAT_CORRUPT);
    assert_int_equal(r->err.code, LEAT_E_CSV_NOT_TEXT);
    assert_true(write_bytes(path, "a,b\n1,2\n", 8));
    assert_int_equal(leat_file_stat(path, &info, &r->err), LEAT_OK);
    info.path = path;
    assert_true(write_bytes(path, "a,b\n", 4)); /* it shrinks after it was planned */
    assert_int_equal(read_files(r, &info, 1), LEAT_CORRUPT);
    assert_int_equal(r->err.code, LEAT_E_FILE_CHANGED);
    unlink(path);
    assert_int_not_equal(read_files(r, &info, 1), LEAT_OK);
    set_text(r, "delimeter", ";");
    assert_int_equal(read_text(r, "a;b\n"), LEAT_INVALID);
    assert_int_equal(r->err.code, LEAT_E_UNKNOWN_OPTION);
    r = fresh();
    r->handler = true;
    EXPECT_ROWS(r, "a,b\n1,2\n3,\"x\n4,5\n", "1|2\n");
    assert_string_equal(r->bad, "3:8:quote:-:3,\"x\n4,5\n\n");
    r = fresh();
    set_number(r, "max_row_size", 1 << 19);
    {
        static char huge[2 << 20];
        memset(huge, 'x', sizeof(huge) - 1);
        memcpy(huge, "a,b\n1,\"", 7);
        assert_int_equal(read_text(r, huge), LEAT_LIMIT);
        assert_int_equal(r->err.code, LEAT_E_CSV_ROW_TOO_LONG);
        r = fresh();
        memcpy(huge + sizeof(huge) - 4, "\"\n\0", 3);
        assert_int_equal(read_text(r, huge), LEAT_OK);
        assert_int_equal(r->rows, 1);
    }
}

static void csv__files_with_other_columns_join_by_name(void **state)
{
    char one[] = "leat_csv_XXXXXX", two[] = "leat_csv_XXXXXX";
    struct leat_file_info infos[2];
    struct reading *r = fresh();
    (void)state;
    close(mkstemp(one));
    close(mkstemp(two));
    assert_true(write_bytes(one, "a,b\n1,x\n", 8));
    assert_true(write_bytes(two, "b,a\ny,2\n", 8));
    assert_int_equal(leat_file_stat(one, &infos[0], &r->err), LEAT_OK);
    assert_int_equal(leat_file_stat(two, &infos[1], &r->err), LEAT_OK);
    infos[0].path = one;
    infos[1].path = two;
    assert_int_equal(read_files(r, infos, 2), LEAT_OK);
    assert_string_equal(r->text, "1|x\n2|y\n");
    assert_true(write_bytes(two, "c,a\ny,2.5\n", 10));
    infos[1].size = 10;
    infos[1].modified = 0;
    assert_int_equal(read_files(r, infos, 2), LEAT_INVALID);
    assert_int_equal(r->err.code, LEAT_E_CSV_COLUMNS);
    set_text(r, "union_by_name", "true");
    assert_int_equal(read_files(r, infos, 2), LEAT_OK);
    assert_string_equal(r->text, "1|x|~\n2.5|~|y\n");
    set_text(r, "filename", "true");
    assert_int_equal(read_files(r, infos, 2), LEAT_OK);
    assert_non_null(strstr(r->text, two));
    unlink(one);
    unlink(two);
}

static void csv__dates_by_pattern(void **state)
{
    struct reading *r = fresh();
    (void)state;
    set_text(r, "dateformat", "%d/%m/%Y");
    EXPECT_ROWS(r, "d,x\n31/01/2024,1\n", "2024-01-31|1\n");
    r = fresh();
    set_text(r, "timestampformat", "%b %e %Y %I:%M %p");
    EXPECT_ROWS(r, "t,x\nJan 31 2024 04:05 PM,1\n", "2024-01-31 16:05:00|1\n");
    r = fresh();
    set_text(r, "dateformat", "%Q");
    assert_int_equal(read_text(r, "a\n"), LEAT_INVALID);
    assert_int_equal(r->err.code, LEAT_E_OPTION_VALUE);
}

static void csv__every_failing_allocation_is_an_error(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct reading *r = fresh();
        enum leat_status status;
        bool fired;
        set_number(r, "split_size", 16);
        leat_fault_alloc_arm(n, false);
        status = read_text(r, "a,b\n1,\"x\"\"yyyyyyyyyyyyyyyyy\"\n2,z\n3,w\n");
        fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        if (status == LEAT_OK)
            assert_string_equal(r->text, "1|x\"yyyyyyyyyyyyyyyyy\n2|z\n3|w\n");
        else
            assert_int_equal(status, LEAT_NO_MEMORY);
        if (status == LEAT_OK && !fired)
            break;
        assert_true(n < 10000);
    }
}

static void csv__every_failing_file_call_is_an_error(void **state)
{
    char path[] = "leat_csv_XXXXXX";
    const char text[] = "a,b\n1,x\n2,z\n";
    (void)state;
    close(mkstemp(path));
    assert_true(write_bytes(path, text, strlen(text)));
    for (uint64_t n = 1;; n++) {
        struct reading *r = fresh();
        enum leat_status status;
        bool fired;
        set_number(r, "split_size", 4);
        leat_fault_file_arm(n, false, 5 /* EIO */);
        status = read_path(r, path);
        fired = leat_fault_file_fired();
        leat_fault_file_arm(0, false, 0);
        if (status == LEAT_OK) {
            assert_string_equal(r->text, "1|x\n2|z\n");
            if (!fired)
                break;
        } else {
            assert_int_equal(status, LEAT_IO);
        }
        assert_true(n < 1000);
    }
    unlink(path);
}

static void csv__written_rows_read_back(void **state)
{
    char path[] = "leat_csv_XXXXXX";
    struct reading *r = fresh();
    struct leat_field fields[2] = {{.name = "a,1"}, {.name = "b"}};
    struct leat_schema schema = {2, fields};
    struct leat_output *output;
    struct leat_writer *writer;
    struct leat_buffer receipt;
    struct leat_batch batch;
    struct leat_arena arena;
    struct leat_error err = {0};
    const char *texts[] = {"plain", "with,comma", "with \"quote\"", "line\nbreak", ""};
    (void)state;
    fields[0].type = leat_type_get(LEAT_INT64);
    fields[1].type = leat_type_get(LEAT_TEXT);
    leat_arena_init(&arena, NULL);
    assert_int_equal(leat_batch_init(&batch, &schema, 6, &arena, &err), LEAT_OK);
    assert_int_equal(leat_vector_make_validity(&batch.columns[1], 6, &arena, &err), LEAT_OK);
    for (uint32_t i = 0; i < 6; i++) {
        ((int64_t *)batch.columns[0].data)[i] = i;
        ((struct leat_string *)batch.columns[1].data)[i] =
            leat_string_of(i < 5 ? texts[i] : "", i < 5 ? strlen(texts[i]) : 0);
    }
    leat_validity_set(batch.columns[1].validity, 5, false);
    batch.length = batch.columns[0].length = batch.columns[1].length = 6;
    close(mkstemp(path));
    for (int packed = 0; packed < 3; packed++) {
        static const char *const names[] = {"none", "gzip", "zstd"};
        struct leat_option_value option = {.name = "compression"};
        option.value = (struct leat_value){.type = leat_type_get(LEAT_TEXT),
                                           .text = leat_text_of(names[packed])};
        assert_int_equal(leat_file_create(path, LEAT_CREATE_REPLACE, &output, &err), LEAT_OK);
        assert_int_equal(leat_csv_format.create(output, &schema, &option, 1, &writer, &err),
                         LEAT_OK);
        assert_int_equal(writer->ops->write(writer, &batch, &err), LEAT_OK);
        leat_buffer_init(&receipt, 0);
        assert_int_equal(writer->ops->finish(writer, &receipt, &err), LEAT_OK);
        assert_int_equal(receipt.length, 16);
        leat_buffer_release(&receipt);
        assert_int_equal(read_path(r, path), LEAT_OK);
        assert_string_equal(r->text,
                            "0|plain\n1|with,comma\n2|with \"quote\"\n3|line\nbreak\n4|\n5|~\n");
    }
    leat_arena_release(&arena);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv__quoted_fields_hold_delimiters_newlines_and_quotes),
        cmocka_unit_test(csv__dialect_is_detected),
        cmocka_unit_test(csv__types_are_detected),
        cmocka_unit_test(csv__types_that_change_far_behind_the_sample_are_seen),
        cmocka_unit_test(csv__null_words),
        cmocka_unit_test(csv__bad_rows_reach_the_handler_with_their_bytes_and_place),
        cmocka_unit_test(csv__without_handler_the_first_bad_row_fails_with_its_place),
        cmocka_unit_test(csv__on_error_null_keeps_the_row),
        cmocka_unit_test(csv__splits_give_the_rows_of_the_whole),
        cmocka_unit_test(csv__bad_rows_in_later_splits_name_their_line),
        cmocka_unit_test(csv__compressed_and_latin1_files_are_read),
        cmocka_unit_test(csv__unusable_files_give_clear_errors),
        cmocka_unit_test(csv__files_with_other_columns_join_by_name),
        cmocka_unit_test(csv__dates_by_pattern),
        cmocka_unit_test(csv__every_failing_allocation_is_an_error),
        cmocka_unit_test(csv__every_failing_file_call_is_an_error),
        cmocka_unit_test(csv__written_rows_read_back),
    };
    return LEAT_RUN_TESTS(tests);
}
