#include "storage/files/hdfs/site_files.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
#include "base/test_faults.h"
// clang-format on

static enum leat_status add(struct leat_site_files *files, const char *text, struct leat_error *err)
{
    return leat_site_files_add(files, "core-site.xml", text, strlen(text), err);
}

static void site_files__gives_the_last_value_of_a_name(void **state)
{
    struct leat_site_files files;
    struct leat_error err;

    (void)state;
    leat_site_files_init(&files);
    enum leat_status first = add(&files,
                                 "<?xml version='1.0'?><!-- x --><configuration>"
                                 "<property><name> a </name><value>1</value></property>"
                                 "<property><value>x &amp; y</value><name>b</name>"
                                 "<description>d <name>c</name></description></property>"
                                 "<property><name>without value</name></property>"
                                 "<property><name>empty</name><value/></property>"
                                 "</configuration>",
                                 &err);
    enum leat_status second = add(
        &files,
        "<configuration><property><name>a</name><value>2</value></property></configuration>", &err);
    if (first == LEAT_OK && second == LEAT_OK) {
        assert_string_equal(leat_site_files_get(&files, "a"), "2");
        assert_string_equal(leat_site_files_get(&files, "b"), "x & y");
        assert_string_equal(leat_site_files_get(&files, "empty"), "");
        assert_null(leat_site_files_get(&files, "c"));
        assert_null(leat_site_files_get(&files, "without value"));
    }
    leat_site_files_release(&files);
    assert_int_equal(first, LEAT_OK);
    assert_int_equal(second, LEAT_OK);
}

static void site_files__names_file_and_line_of_what_is_wrong(void **state)
{
    static const char *const texts[] = {
        "",
        "text",
        "<configuration>\n<property></configuration>",
        "<!DOCTYPE configuration [<!ENTITY a 'aaaaaaaaaa'>]>\n<configuration/>",
        "<configuration><property><name>\xff</name></property></configuration>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct leat_site_files files;
        struct leat_error err = {0};
        leat_site_files_init(&files);
        enum leat_status status = add(&files, texts[i], &err);
        leat_site_files_release(&files);
        if (status == LEAT_NO_MEMORY)
            fail();
        assert_int_equal(status, LEAT_INVALID);
        assert_int_equal(err.code, LEAT_E_HADOOP_CONFIGURATION);
        assert_non_null(strstr(err.message, "core-site.xml, line "));
    }
}

static void site_files__refuses_a_value_without_end(void **state)
{
    struct leat_site_files files;
    struct leat_buffer text;
    struct leat_error err = {0};
    enum leat_status status;

    (void)state;
    leat_site_files_init(&files);
    leat_buffer_init(&text, 0);
    status = leat_buffer_append_string(&text, "<configuration><property><value>", &err);
    for (int i = 0; i < 100 && status == LEAT_OK; i++)
        status = leat_buffer_printf(&text, &err, "%01000d", i);
    if (status == LEAT_OK)
        status = leat_site_files_add(&files, "x", text.data, text.length, &err);
    leat_buffer_release(&text);
    leat_site_files_release(&files);
    assert_int_equal(status, LEAT_LIMIT);
}

static void site_files__missing_files_are_passed_over(void **state)
{
    struct leat_site_files files;
    struct leat_error err = {0};
    enum leat_status status;

    (void)state;
    leat_site_files_init(&files);
    status = leat_site_files_load(&files, "no_such_folder", &err);
    size_t count = files.count;
    leat_site_files_release(&files);
    assert_int_equal(status, LEAT_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(site_files__gives_the_last_value_of_a_name),
        cmocka_unit_test(site_files__names_file_and_line_of_what_is_wrong),
        cmocka_unit_test(site_files__refuses_a_value_without_end),
        cmocka_unit_test(site_files__missing_files_are_passed_over),
    };
    return LEAT_RUN_TESTS(tests);
}
