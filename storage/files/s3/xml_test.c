#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"
#include "storage/files/s3/xml.h"

static struct leat_error err;

static enum leat_status fields_of(const char *text, struct s3_xml_field *fields, size_t count,
                                  struct leat_arena *arena)
{
    return s3_xml_fields(text, strlen(text), fields, count, arena, &err);
}

static void xml__gives_the_texts_of_elements_whatever_their_namespace(void **state)
{
    struct s3_xml_field fields[] = {{"Code", NULL}, {"Message", NULL}, {"None", NULL}};
    struct leat_arena arena;
    (void)state;
    leat_arena_init(&arena, NULL);
    assert_int_equal(fields_of("<?xml version=\"1.0\"?>\n<a:Error xmlns:a='x'><a:Code>No&amp;&lt;"
                               "&#x41;</a:Code><Message/><Code>later</Code></a:Error>",
                               fields, 3, &arena),
                     LEAT_OK);
    assert_string_equal(fields[0].value, "No&<A");
    assert_string_equal(fields[1].value, "");
    assert_null(fields[2].value);
    leat_arena_release(&arena);
}

static void xml__refuses_what_is_none_or_would_grow(void **state)
{
    static const char *const wrong[] = {
        "",
        "no",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>&undefined;</a>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
    };
    struct s3_xml_field fields[] = {{"a", NULL}};
    struct leat_arena arena;
    char deep[600] = "";
    (void)state;
    leat_arena_init(&arena, NULL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(fields_of(wrong[i], fields, 1, &arena), LEAT_IO);
        assert_int_equal(err.code, LEAT_E_HTTP);
    }
    for (int i = 0; i < 100; i++)
        strcat(deep, "<a>");
    assert_int_equal(fields_of(deep, fields, 1, &arena), LEAT_IO);
    leat_arena_release(&arena);
}

static void escape__is_read_back(void **state)
{
    static const char text[] = "a&b<c>\"d\"\t\n\xc3\xa9'";
    struct s3_xml_field fields[] = {{"a", NULL}};
    struct leat_buffer out;
    struct leat_arena arena;
    (void)state;
    leat_buffer_init(&out, 0);
    leat_arena_init(&arena, NULL);
    assert_int_equal(leat_buffer_append_string(&out, "<a>", &err), LEAT_OK);
    assert_int_equal(s3_xml_escape(&out, text, &err), LEAT_OK);
    assert_int_equal(leat_buffer_append(&out, "</a>", 5, &err), LEAT_OK);
    assert_int_equal(fields_of((char *)out.data, fields, 1, &arena), LEAT_OK);
    assert_string_equal(fields[0].value, text);
    leat_arena_release(&arena);
    leat_buffer_release(&out);
}

static void time__is_seconds_of_utc(void **state)
{
    (void)state;
    assert_int_equal(s3_time_parse("2009-10-12T17:50:30.000Z"), 1255369830000000ll);
    assert_int_equal(s3_time_parse("2009-10-12"), 0);
    assert_int_equal(s3_time_parse("no"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml__gives_the_texts_of_elements_whatever_their_namespace),
        cmocka_unit_test(xml__refuses_what_is_none_or_would_grow),
        cmocka_unit_test(escape__is_read_back),
        cmocka_unit_test(time__is_seconds_of_utc),
    };
    return LEAT_RUN_TESTS(tests);
}
