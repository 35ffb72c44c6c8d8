#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"

#include "base/fault.h"
#include "formats/json/json_internal.h"
#include "formats/test_reading.h"
#include <zlib.h>

static struct reading *fresh(void)
{
    static struct reading r;
    memset(&r, 0, sizeof(r));
    r.format = &leat_json_format;
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

static void json__lines_arrays_and_loose_records_are_read(void **state)
{
    struct reading *r = fresh();
    (void)state;
    EXPECT_ROWS(fresh(), "{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\"}\n\n{\"a\":3}", "1|x\n~|y\n3|~\n");
    EXPECT_ROWS(fresh(), "[{\"a\":1},\n {\"a\":2.5},{}\n]\n", "1\n2.5\n~\n");
    EXPECT_ROWS(fresh(), "{\n\"a\": 1\n}\n{\n\"a\": 2\n}\n", "1\n2\n");
    EXPECT_ROWS(fresh(), "\xef\xbb\xbf{\"a\":1}\r\n{\"a\":2}\r\n", "1\n2\n");
    EXPECT_ROWS(fresh(), "1\n2\n", "1\n2\n");
    set_text(r, "records", "false");
    EXPECT_ROWS(r, "{\"a\": 1}\n", "{\"a\": 1}\n");
}

static void json__types_are_unified(void **state)
{
    (void)state;
    EXPECT_ROWS(fresh(),
                "{\"n\":1,\"d\":\"2024-01-02\",\"t\":\"2024-01-02T03:04:05Z\",\"m\":1,\"b\":true}\n"
                "{\"n\":0.5,\"d\":null,\"t\":null,\"m\":\"x\",\"b\":null}\n",
                "1|2024-01-02|2024-01-02 03:04:05+00|1|t\n0.5|~|~|\"x\"|~\n");
    EXPECT_ROWS(
        fresh(), "{\"s\":{\"x\":1,\"y\":[1,2]}}\n{\"s\":{\"y\":[],\"z\":\"q\"}}\n{\"s\":null}\n",
        "{\"x\": 1, \"y\": [1, 2], \"z\": null}\n{\"x\": null, \"y\": [], \"z\": \"q\"}\n~\n");
    EXPECT_ROWS(fresh(), "{\"big\":123456789012345678901234567890}\n",
                "123456789012345678901234567890\n");
}

static void json__types_that_change_far_behind_the_sample_are_seen(void **state)
{
    static char text[(4 << 20) + 64];
    struct reading *r = fresh();
    size_t at = 0;
    (void)state;
    while (at < 3 << 20)
        at += (size_t)snprintf(text + at, 40, "{\"a\":1,\"b\":\"xyzxyzxyzxyz\"}\n");
    while (at < 4 << 20)
        at += (size_t)snprintf(text + at, 40, "{\"a\":1.5,\"b\":\"xyz\",\"c\":1}\n");
    assert_int_equal(read_text(r, text), LEAT_OK);
    assert_memory_equal(r->text, "1|xyzxyzxyzxyz|~\n", 17);
}

/* What is written as usual has a way of its own: both give the same. */
static void json__usual_and_unusual_forms_agree(void **state)
{
    static const char rows[] = "1|-12.5|x|2024-02-29\n-123456789012345|0.001|~|1999-12-31\n"
                               "0|7|a longer text than that|~\n~|~|~|~\n";
    (void)state;
    EXPECT_ROWS(fresh(),
                "{\"n\":1,\"d\":-12.5,\"t\":\"x\",\"w\":\"2024-02-29\"}\n"
                "{\"n\":-123456789012345,\"d\":0.001,\"t\":null,\"w\":\"1999-12-31\"}\n"
                "{\"n\":0,\"d\":7,\"t\":\"a longer text than that\",\"w\":null}\n{}\n",
                rows);
    EXPECT_ROWS(fresh(),
                "{\"\\u006e\" : 1.0, \"d\": -1.25e1, \"t\": \"\\u0078\", \"w\": \"2024-02-29\"}\n"
                "{\"w\":\"1999-12-31\",\"d\":1e-3,\"n\":-123456789012345e0}\n"
                "{\"n\":1,\"n\":0,\"t\":null,\"t\":\"a \\u006conger text than that\",\"d\":7.0}\n"
                "{\"n\":null}\n",
                rows);
    {
        static const char *const bad[] = {"01", "-", "1.", ".5", "1.e5", "-01", "1-", "00.5"};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            struct reading *r = fresh();
            char text[80];
            r->handler = true;
            snprintf(text, sizeof(text), "{\"n\":1,\"d\":0.5}\n{\"n\":%s}\n{\"d\":%s}\n", bad[i],
                     bad[i]);
            EXPECT_ROWS(r, text, "1|0.5\n");
            assert_non_null(strstr(r->bad, "2:16:json syntax:-"));
        }
    }
}

/* A null of one batch, or of a bad record, must not be seen in the next. */
static void json__nulls_do_not_outlive_their_batch(void **state)
{
    static char text[1 << 17];
    struct reading *r = fresh();
    size_t at = 0;
    (void)state;
    for (int i = 0; i < 3000; i++)
        at += (size_t)snprintf(text + at, 64, "%s",
                               i == 10 ? "{\"a\":null,\"b\":[null,1]}\n" : "{\"a\":1,\"b\":[2]}\n");
    set_number(r, "sample_rows", 2000);
    r->handler = true;
    snprintf(text + at, 64, "{\"b\":null,\"a\":\"x\"}\n{\"a\":5,\"b\":[6]}\n");
    assert_int_equal(read_text(r, text), LEAT_OK);
    assert_int_equal(r->rows, 3001);
    assert_string_equal(r->text + strlen(r->text) - 12, "1|{2}\n5|{6}\n");
    assert_non_null(strstr(r->text, "~|{NULL,1}\n"));
}

static void json__null_words_are_nulls_of_any_type(void **state)
{
    struct reading *r = fresh();
    struct leat_error err = {0};
    struct leat_arena arena;
    struct leat_vector list;
    (void)state;
    leat_arena_init(&arena, NULL);
    const struct leat_type *type = leat_type_list(&arena, leat_type_get(LEAT_TEXT));
    assert_non_null(type);
    assert_int_equal(leat_vector_init(&list, type, 1, 2, &arena, &err), LEAT_OK);
    ((struct leat_string *)list.children[0].data)[0] = leat_string_of("NA", 2);
    ((struct leat_string *)list.children[0].data)[1] = leat_string_of("-", 1);
    ((struct leat_list_entry *)list.data)[0] = (struct leat_list_entry){0, 2};
    list.length = 1;
    list.children[0].length = 2;
    r->options[r->option_count].name = "nulls";
    r->options[r->option_count++].value = (struct leat_value){.type = type, .nested = &list};
    EXPECT_ROWS(r,
                "{\"n\":1,\"t\":\"N\\u0041\",\"d\":\"-\",\"l\":[\"-\",2]}\n"
                "{\"n\":\"NA\",\"t\":\"NAN\",\"d\":\"2024-01-02\",\"l\":[\"NA\"]}\n",
                "1|~|~|{NULL,2}\n~|NAN|2024-01-02|{NULL}\n");
    leat_arena_release(&arena);
}

static void json__strings_are_unescaped(void **state)
{
    (void)state;
    EXPECT_ROWS(fresh(), "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}\n",
                "\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80\n");
    EXPECT_ROWS(fresh(), "{\"\\u0061\":\"a string longer than twelve bytes\"}\n",
                "a string longer than twelve bytes\n");
}

static void json__declared_types(void **state)
{
    struct reading *r = fresh();
    struct leat_error err = {0};
    (void)state;
    set_text(r, "dateformat", "%d.%m.%Y");
    r->options[r->option_count].name = "types";
    {
        struct leat_arena arena;
        struct leat_field fields[3] = {{.name = "m"}, {.name = "d"}, {.name = "n"}};
        struct leat_vector vector;
        leat_arena_init(&arena, NULL);
        for (int i = 0; i < 3; i++)
            fields[i].type = leat_type_get(LEAT_TEXT);
        const struct leat_type *type = leat_type_struct(&arena, fields, 3);
        assert_non_null(type);
        assert_int_equal(leat_vector_init(&vector, type, 1, 0, &arena, &err), LEAT_OK);
        ((struct leat_string *)vector.children[0].data)[0] =
            leat_string_of("map(text, bigint)", 17);
        ((struct leat_string *)vector.children[1].data)[0] = leat_string_of("date", 4);
        ((struct leat_string *)vector.children[2].data)[0] = leat_string_of("numeric(9,2)", 12);
        vector.length = vector.children[0].length = vector.children[1].length =
            vector.children[2].length = 1;
        r->options[r->option_count++].value = (struct leat_value){.type = type, .nested = &vector};
        EXPECT_ROWS(r, "{\"m\":{\"k\":1,\"l\":2},\"d\":\"31.12.2023\",\"n\":1.005}\n{\"m\":{}}\n",
                    "{\"k\": 1, \"l\": 2}|2023-12-31|1.01\n{}|~|~\n");
        leat_arena_release(&arena);
    }
}

static void json__bad_records_reach_the_handler(void **state)
{
    struct reading *r = fresh();
    (void)state;
    r->handler = true;
    set_number(r, "sample_rows", 1);
    EXPECT_ROWS(
        r, "{\"a\":1}\n{\"a\":x}\n{\"a\":\"b\"}\n{\"a\":2}}\n[1]\n{\"a\":\"\xff\"}\n{\"a\":3}\n",
        "1\n3\n");
    assert_string_equal(r->bad, "2:8:json syntax:-:{\"a\":x}\n"
                                "3:16:type:a:{\"a\":\"b\"}\n"
                                "4:26:json syntax:-:{\"a\":2}}\n"
                                "5:35:type:-:[1]\n"
                                "6:39:utf-8:-:{\"a\":\"\xff\"}\n");
    r->handler = false;
    assert_int_equal(read_text(r, "{\"a\":1}\n{\"b\":{},\"a\":\"x\"}\n"), LEAT_CORRUPT);
    assert_int_equal(r->err.code, LEAT_E_JSON_VALUE);
    assert_int_equal(r->err.place.line, 2);
    assert_int_equal(r->err.place.column, 13);
    r = fresh();
    set_number(r, "sample_rows", 1);
    set_text(r, "on_error", "null");
    EXPECT_ROWS(r, "{\"a\":1,\"b\":2}\n{\"a\":\"x\",\"b\":3}\nrubbish\n", "1|2\n~|3\n~|~\n");
}

static void json__arrays_with_bad_records(void **state)
{
    struct reading *r = fresh();
    (void)state;
    r->handler = true;
    set_number(r, "sample_rows", 1);
    EXPECT_ROWS(r, "[{\"a\":1},\n{\"a\":\"x\"},\n{\"a\":2}]", "1\n2\n");
    assert_string_equal(r->bad, "2:10:type:a:{\"a\":\"x\"}\n");
    assert_int_equal(read_text(r, "[{\"a\":1},\n{\"a\":2"), LEAT_CORRUPT);
    assert_int_equal(r->err.code, LEAT_E_JSON_SYNTAX);
    assert_int_equal(r->err.place.line, 2);
    assert_int_equal(read_text(r, "[{\"a\":1}\n{\"a\":2}]"), LEAT_CORRUPT);
    assert_int_equal(read_text(r, "[{\"a\":1}"), LEAT_CORRUPT);
    assert_int_equal(read_text(r, "[{\"a\":1}] x"), LEAT_CORRUPT);
}

static void json__splits_give_the_rows_of_the_whole(void **state)
{
    static char text[1 << 14], whole[1 << 16];
    struct reading *r = fresh();
    (void)state;
    text[0] = 0;
    for (int i = 0; i < 200; i++)
        snprintf(text + strlen(text), 64, "{\"a\":%d,\"l\":[%d,{\"x\":\"y\"}]}%s", i, i * i,
                 i % 3 ? "\n" : "\r\n\n");
    assert_int_equal(read_text(r, text), LEAT_OK);
    assert_int_equal(r->rows, 200);
    memcpy(whole, r->text, sizeof(whole));
    for (int size = 1; size < 500; size += size < 50 ? 1 : 61) {
        r = fresh();
        set_number(r, "split_size", size);
        assert_int_equal(read_text(r, text), LEAT_OK);
        assert_string_equal(r->text, whole);
    }
    r = fresh();
    r->handler = true;
    set_number(r, "split_size", 100);
    memcpy(strstr(text, "{\"a\":150"), "[", 1);
    assert_int_equal(read_text(r, text), LEAT_OK);
    assert_memory_equal(r->bad, "201:", 4); /* 150 lines, 50 empty ones before it */
}

static void json__windows_grow_for_long_records(void **state)
{
    static char text[3 << 20];
    struct reading *r = fresh();
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + sizeof(text) - 5, "\"}\n", 4);
    assert_int_equal(read_text(r, text), LEAT_OK);
    assert_int_equal(r->rows, 1);
    text[0] = '[';
    text[1] = '{';
    memcpy(text, "[ {\"a\":\"", 8);
    memcpy(text + sizeof(text) - 6, "\"}]\n", 5);
    assert_int_equal(read_text(r, text), LEAT_OK);
    assert_int_equal(r->rows, 1);
    set_number(r, "max_row_size", 1 << 19);
    assert_int_equal(read_text(r, text), LEAT_LIMIT);
    assert_int_equal(r->err.code, LEAT_E_JSON_TOO_LONG);
}

static void json__unusable_files_give_clear_errors(void **state)
{
    struct reading *r = fresh();
    (void)state;
    assert_int_equal(read_text(r, ""), LEAT_INVALID);
    assert_int_equal(r->err.code, LEAT_E_JSON_EMPTY);
    assert_int_equal(read_text(r, "rubbish\n"), LEAT_INVALID);
    set_text(r, "format", "xml");
    assert_int_equal(read_text(r, "{}"), LEAT_INVALID);
    assert_int_equal(r->err.code, LEAT_E_OPTION_VALUE);
}

static void json__every_failing_allocation_is_an_error(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct reading *r = fresh();
        enum leat_status status;
        bool fired;
        leat_fault_alloc_arm(n, false);
        status =
            read_text(r, "{\"a\":[1,{\"b\":\"\\u00e9\"}],\"c\":{\"d\":[[2]]}}\n{\"a\":null}\n");
        fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        if (status != LEAT_OK && status != LEAT_NO_MEMORY)
            fail_msg("%llu: %d %s", (unsigned long long)n, status, r->err.message);
        if (status == LEAT_OK) {
            assert_int_equal(r->rows, 2);
            if (!fired)
                break;
        }
        assert_true(n < 10000);
    }
}

/* Every file of JSONTestSuite: y_ must be accepted, n_ refused, i_ may be either. */
static void json__conforms_to_the_test_suite(void **state)
{
    const char *suites = getenv("LEAT_SUITES");
    struct leat_file_list files;
    struct leat_error err = {0};
    char folder[512];
    unsigned seen = 0;
    (void)state;
    snprintf(folder, sizeof(folder), "%s/json/test_parsing", suites ? suites : "../shared/suites");
    if (access(folder, R_OK) != 0)
        skip();
    assert_int_equal(leat_folder_list(folder, &files, &err), LEAT_OK);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = strrchr(files.items[i].path, '/') + 1;
        struct leat_buffer bytes;
        size_t at;
        const char *reason;
        bool good;
        leat_buffer_init(&bytes, 0);
        assert_int_equal(leat_file_read_all(files.items[i].path, &bytes, &err), LEAT_OK);
        char *copy = malloc(bytes.length + 1); /* exact size: a sanitizer sees reads beyond it */
        if (bytes.length)
            memcpy(copy, bytes.data, bytes.length);
        good = leat_json_validate(copy, bytes.length, 512, &at, &reason);
        assert_true(at <= bytes.length);
        if ((name[0] == 'y' && !good) || (name[0] == 'n' && good))
            fail_msg("%s: %s", name, good ? "accepted" : reason);
        seen++;
        free(copy);
        leat_buffer_release(&bytes);
    }
    leat_file_list_release(&files);
    assert_true(seen > 300);
}

static void json__every_failing_file_call_is_an_error(void **state)
{
    char path[] = "leat_json_XXXXXX";
    const char text[] = "{\"a\":1}\n{\"a\":2}\n";
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
            assert_string_equal(r->text, "1\n2\n");
            if (!fired)
                break;
        } else {
            assert_int_equal(status, LEAT_IO);
        }
        assert_true(n < 1000);
    }
    unlink(path);
}

static void json__written_rows_read_back(void **state)
{
    char path[] = "leat_json_XXXXXX";
    struct leat_field fields[2] = {{.name = "a \"q\""}, {.name = "b"}};
    struct leat_schema schema = {2, fields};
    struct leat_output *output;
    struct leat_writer *writer;
    struct leat_buffer receipt;
    struct leat_batch batch;
    struct leat_arena arena;
    struct leat_error err = {0};
    (void)state;
    fields[0].type = leat_type_get(LEAT_INT64);
    fields[1].type = leat_type_get(LEAT_TEXT);
    leat_arena_init(&arena, NULL);
    assert_int_equal(leat_batch_init(&batch, &schema, 2, &arena, &err), LEAT_OK);
    ((int64_t *)batch.columns[0].data)[0] = 1;
    ((int64_t *)batch.columns[0].data)[1] = -2;
    ((struct leat_string *)batch.columns[1].data)[0] = leat_string_of("x\n\"y\"", 5);
    ((struct leat_string *)batch.columns[1].data)[1] = leat_string_of("", 0);
    batch.length = batch.columns[0].length = batch.columns[1].length = 2;
    close(mkstemp(path));
    for (int array = 0; array < 2; array++) {
        struct reading *r = fresh();
        struct leat_option_value option = {.name = "array"};
        option.value = (struct leat_value){.type = leat_type_get(LEAT_BOOLEAN), .integer = array};
        assert_int_equal(leat_file_create(path, LEAT_CREATE_REPLACE, &output, &err), LEAT_OK);
        assert_int_equal(leat_json_format.create(output, &schema, &option, 1, &writer, &err),
                         LEAT_OK);
        assert_int_equal(writer->ops->write(writer, &batch, &err), LEAT_OK);
        leat_buffer_init(&receipt, 0);
        assert_int_equal(writer->ops->finish(writer, &receipt, &err), LEAT_OK);
        leat_buffer_release(&receipt);
        assert_int_equal(read_path(r, path), LEAT_OK);
        assert_string_equal(r->text, "1|x\n\"y\"\n-2|\n");
    }
    leat_arena_release(&arena);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__lines_arrays_and_loose_records_are_read),
        cmocka_unit_test(json__types_are_unified),
        cmocka_unit_test(json__types_that_change_far_behind_the_sample_are_seen),
        cmocka_unit_test(json__usual_and_unusual_forms_agree),
        cmocka_unit_test(json__nulls_do_not_outlive_their_batch),
        cmocka_unit_test(json__null_words_are_nulls_of_any_type),
        cmocka_unit_test(json__strings_are_unescaped),
        cmocka_unit_test(json__declared_types),
        cmocka_unit_test(json__bad_records_reach_the_handler),
        cmocka_unit_test(json__arrays_with_bad_records),
        cmocka_unit_test(json__splits_give_the_rows_of_the_whole),
        cmocka_unit_test(json__windows_grow_for_long_records),
        cmocka_unit_test(json__unusable_files_give_clear_errors),
        cmocka_unit_test(json__every_failing_allocation_is_an_error),
        cmocka_unit_test(json__conforms_to_the_test_suite),
        cmocka_unit_test(json__every_failing_file_call_is_an_error),
        cmocka_unit_test(json__written_rows_read_back),
    };
    return LEAT_RUN_TESTS(tests);
}
