#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"

#include "base/fault.h"
#include "columns/format.h"
#include "columns/number_internal.h"
#include <stdio.h>
#include <stdlib.h>

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ULL;
    uint64_t x = *state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static void parse_int64__takes_the_whole_range_and_no_more(void **state)
{
    int64_t value;
    (void)state;
    assert_true(leat_parse_int64("9223372036854775807", 19, &value));
    assert_true(value == INT64_MAX);
    assert_true(leat_parse_int64("-9223372036854775808", 20, &value));
    assert_true(value == INT64_MIN);
    assert_true(leat_parse_int64("+00000000000000000000012", 24, &value));
    assert_int_equal(value, 12);
    assert_true(leat_parse_int64("123456789012", 12, &value));
    assert_true(value == 123456789012);
    assert_false(leat_parse_int64("9223372036854775808", 19, &value));
    assert_false(leat_parse_int64("-9223372036854775809", 20, &value));
    assert_false(leat_parse_int64("99999999999999999999", 20, &value));
    assert_false(leat_parse_int64("", 0, &value));
    assert_false(leat_parse_int64("-", 1, &value));
    assert_false(leat_parse_int64("12a", 3, &value));
    assert_false(leat_parse_int64("1234567:", 8, &value));
    assert_false(leat_parse_int64("1234567/", 8, &value));
}

static void check_double(const char *text)
{
    double mine, theirs = strtod(text, NULL);
    bool good = leat_parse_double(text, strlen(text), &mine);
    if (theirs - theirs != 0 || (theirs == 0 && strpbrk(text, "123456789") && !good)) {
        assert_false(good);
        return;
    }
    if (!good || memcmp(&mine, &theirs, 8) != 0)
        fail_msg("%s: %d %a, not %a", text, good, mine, theirs);
}

static void parse_double__rounds_correctly(void **state)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "0.1",
        "1e22",
        "1e23",
        "9007199254740993",
        "9007199254740992.999999999999999999999",
        "9007199254740993.00000000000000000000000000000000000000001",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-400",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e309",
        "1e400",
        "0.500000000000000166533453693773481063544750213623046875",
        "8.5e21",
        "123456789012345678901234567890",
        "7.3177701707893310e+15",
        "6631236846766476e-316",
        "3."
        "237883913302901289588352412501532174863037669423108059901297049552301970670676565786835742"
        "587799557860615776559838283435514391084153169252689190564396459577394618038928365305143463"
        "955100356696665629202017331344031730044369360205258345803431471660032699580731300954848363"
        "975548690010751530018881758184174569652173110473696022749934638425380623369774736560008997"
        "404060967498028389191878963968575439222206416981462690113342524002724385941651051293552601"
        "421155333430225237291523843322331326138431477823591142408800030775170625915670728657003151"
        "953664260769822494937951845801530895238439819708403389937873241463484205608000027270531106"
        "827387907791444918534771598750162812548862768493201518991668028251730299953143924168545708"
        "6639132732746944639086723323670078274237e-318",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126",
        "1.e5",
        ".5",
        "5.",
        "1E5",
        "1e+5"};
    uint64_t seed = 7;
    double value;
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_double(texts[i]);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_random(&seed);
        double x;
        memcpy(&x, &bits, 8);
        if (x - x != 0)
            continue;
        snprintf(text, sizeof(text), "%.*e", (int)(bits % 25), x);
        check_double(text);
        snprintf(text, sizeof(text), "%llu.%03llue%d", (unsigned long long)bits >> (bits % 60),
                 (unsigned long long)(bits % 1000), (int)(bits % 70) - 35);
        check_double(text);
    }
    assert_true(leat_parse_double("-Infinity", 9, &value) && value < 0 && value - value != 0);
    assert_true(leat_parse_double("NaN", 3, &value) && value != value);
    assert_false(leat_parse_double("1e", 2, &value));
    assert_false(leat_parse_double(".", 1, &value));
    assert_false(leat_parse_double("", 0, &value));
    assert_false(leat_parse_double("1..2", 4, &value));
    assert_false(leat_parse_double("0x10", 4, &value));
    assert_false(leat_parse_double("1 ", 2, &value));
}

static void expect_double(double value, const char *expected)
{
    char text[LEAT_PRINT_MAX + 1];
    text[leat_print_double(value, text)] = 0;
    assert_string_equal(text, expected);
}

static void print_double__is_shortest_in_postgresql_layout(void **state)
{
    uint64_t seed = 3;
    char text[LEAT_PRINT_MAX + 1], theirs[64];
    (void)state;
    expect_double(0.1, "0.1");
    expect_double(1e20, "1e+20");
    expect_double(1e15, "1e+15");
    expect_double(1e14, "100000000000000");
    expect_double(123456789012345.0, "123456789012345");
    expect_double(1.5e-7, "1.5e-07");
    expect_double(0.0001, "0.0001");
    expect_double(0.00001, "1e-05");
    expect_double(-0.0, "-0");
    expect_double(100, "100");
    expect_double(12.5, "12.5");
    expect_double(5e-324, "5e-324");
    expect_double(1.7976931348623157e308, "1.7976931348623157e+308");
    expect_double(9007199254740993.0, "9.007199254740992e+15");
    expect_double(2e-44, "2e-44");
    expect_double(__builtin_inf(), "Infinity");
    expect_double(__builtin_nan(""), "NaN");
    text[leat_print_float(1.1f, text)] = 0;
    assert_string_equal(text, "1.1");
    text[leat_print_float(1e6f, text)] = 0;
    assert_string_equal(text, "1e+06");
    text[leat_print_float(1.4e-45f, text)] = 0;
    assert_string_equal(text, "1e-45");
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_random(&seed);
        double x, back;
        size_t length, digits = 0;
        int precision = 1;
        memcpy(&x, &bits, 8);
        if (x - x != 0)
            continue;
        length = leat_print_double(x, text);
        assert_true(leat_parse_double(text, length, &back));
        assert_memory_equal(&back, &x, 8);
        for (; precision < 17; precision++) { /* none shorter reads back */
            snprintf(theirs, sizeof(theirs), "%.*e", precision - 1, x);
            if (strtod(theirs, NULL) == x)
                break;
        }
        for (size_t k = 0; k < length && text[k] != 'e'; k++)
            digits += text[k] >= '0' && text[k] <= '9';
        if (memchr(text, 'e', length)) /* else zeros may stand before or behind */
            assert_int_equal(digits, precision);
    }
}

static void parse_decimal__rounds_half_away_and_checks_range(void **state)
{
    leat_int128 value;
    char text[LEAT_PRINT_MAX + 1];
    (void)state;
    assert_true(leat_parse_decimal("1.005", 5, 10, 2, &value) && value == 101);
    assert_true(leat_parse_decimal("-1.005", 6, 10, 2, &value) && value == -101);
    assert_true(leat_parse_decimal("1.00499", 7, 10, 2, &value) && value == 100);
    assert_true(leat_parse_decimal("12e2", 4, 10, 2, &value) && value == 120000);
    assert_true(leat_parse_decimal("12e-3", 5, 10, 2, &value) && value == 1);
    assert_true(leat_parse_decimal("0.005", 5, 10, 2, &value) && value == 1);
    assert_true(leat_parse_decimal("0.0049", 6, 10, 2, &value) && value == 0);
    assert_false(leat_parse_decimal("99.995", 6, 4, 2, &value));
    assert_false(leat_parse_decimal("100", 3, 4, 2, &value));
    assert_false(leat_parse_decimal("1e99999999999", 13, 4, 2, &value));
    assert_true(leat_parse_decimal("0e99999999999", 13, 4, 2, &value) && value == 0);
    assert_true(leat_parse_decimal("99999999999999999999999999999999999999", 38, 38, 0, &value));
    text[leat_print_decimal(value, 0, text)] = 0;
    assert_string_equal(text, "99999999999999999999999999999999999999");
    text[leat_print_decimal(-5, 3, text)] = 0;
    assert_string_equal(text, "-0.005");
    text[leat_print_decimal(12345, 2, text)] = 0;
    assert_string_equal(text, "123.45");
    text[leat_print_decimal(0, 2, text)] = 0;
    assert_string_equal(text, "0.00");
}

static void calendar__inverts_itself(void **state)
{
    (void)state;
    for (int32_t days = -1500000; days < 3000000; days += 37) {
        int64_t year;
        unsigned month, day;
        leat_civil_from_days(days, &year, &month, &day);
        assert_int_equal(leat_days_from_civil(year, month, day), days);
    }
    assert_int_equal(leat_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(leat_days_from_civil(2000, 2, 29), 11016);
}

/* `text` as a value of the type, printed again. */
static void expect_text(const char *type_name, const char *text, const char *expected)
{
    struct leat_arena arena;
    struct leat_buffer out;
    struct leat_value value;
    const struct leat_type *type;
    struct leat_error err = {0};
    leat_arena_init(&arena, NULL);
    leat_buffer_init(&out, 0);
    assert_int_equal(leat_type_parse(leat_text_of(type_name), &arena, &type, &err), LEAT_OK);
    if (leat_value_parse(leat_text_of(text), type, &arena, &value, &err) != LEAT_OK) {
        assert_int_equal(err.code, LEAT_E_BAD_TEXT);
        if (strcmp(expected, err.sqlstate) != 0)
            fail_msg("%s '%s': %s %s", type_name, text, err.sqlstate, err.message);
    } else {
        assert_int_equal(leat_value_print(&value, &out, &err), LEAT_OK);
        assert_int_equal(leat_buffer_append_byte(&out, 0, &err), LEAT_OK);
        if (strcmp((char *)out.data, expected) != 0)
            fail_msg("%s '%s': %s, not %s", type_name, text, (char *)out.data, expected);
    }
    leat_buffer_release(&out);
    leat_arena_release(&arena);
}

static void value_parse__reads_what_postgresql_reads(void **state)
{
    static const char *const cases[][3] = {
        {"bigint", " 12 ", "12"},
        {"smallint", "32768", "22003"},
        {"integer", "1.5", "22P02"},
        {"bigint", "99999999999999999999", "22003"},
        {"double precision", "1e400", "22003"},
        {"real", "1e39", "22003"},
        {"real", "0.1", "0.1"},
        {"boolean", "yes", "t"},
        {"boolean", "0", "f"},
        {"boolean", "maybe", "22P02"},
        {"numeric(5,2)", "1234.5", "22003"},
        {"numeric(5,2)", "123.455", "123.46"},
        {"date", "2024-02-29", "2024-02-29"},
        {"date", "2023-02-29", "22008"},
        {"date", "0044-03-15 BC", "0044-03-15 BC"},
        {"date", "19940131", "1994-01-31"},
        {"date", "1/31/1994", "1994-01-31"},
        {"date", "Jan 31, 1994", "1994-01-31"},
        {"date", "31-Jan-1994", "1994-01-31"},
        {"date", "12024-01-01", "12024-01-01"},
        {"date", "2024-01-02 23:59:59", "2024-01-02"},
        {"date", "yesterdayish", "22007"},
        {"time", "04:05", "04:05:00"},
        {"time", "04:05:06.789", "04:05:06.789"},
        {"time", "4:05 PM", "16:05:00"},
        {"time", "24:00:01", "22007"},
        {"timestamp", "2024-01-02 03:04:05", "2024-01-02 03:04:05"},
        {"timestamp", "2024-01-02T03:04:05.1234567", "2024-01-02 03:04:05.123457"},
        {"timestamp", "2024-01-02", "2024-01-02 00:00:00"},
        {"timestamp", "2024-01-02 03:04:05+02", "2024-01-02 03:04:05"},
        {"timestamp", "1/2/2024 3:04", "2024-01-02 03:04:00"},
        {"timestamptz", "2024-01-02 03:04:05+02", "2024-01-02 01:04:05+00"},
        {"timestamptz", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05+00"},
        {"timestamptz", "2024-01-02 03:04:05.5 -05:30", "2024-01-02 08:34:05.5+00"},
        {"timestamp", "1969-12-31 23:59:59.5", "1969-12-31 23:59:59.5"},
        {"interval", "1 year 2 months 3 days 04:05:06.789", "1 year 2 mons 3 days 04:05:06.789"},
        {"interval", "-1 year -2 months +3 days -04:05:06", "-1 years -2 mons +3 days -04:05:06"},
        {"interval", "@ 1 hour ago", "-01:00:00"},
        {"interval", "P1Y2M3DT4H5M6.5S", "1 year 2 mons 3 days 04:05:06.5"},
        {"interval", "1-2", "1 year 2 mons"},
        {"interval", "3 4:05:06", "3 days 04:05:06"},
        {"interval", "1.5 days", "1 day 12:00:00"},
        {"interval", "1.5 months", "1 mon 15 days"},
        {"interval", "1.5 years", "1 year 6 mons"},
        {"interval", "2 weeks", "14 days"},
        {"interval", "90 minutes", "01:30:00"},
        {"interval", "100 hours", "100:00:00"},
        {"interval", "0", "00:00:00"},
        {"interval", "5 lightyears", "22007"},
        {"interval", "", "22007"},
        {"uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
        {"uuid", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
        {"uuid", "a0eebc99", "22P02"},
        {"bytea", "\\xDEADbeef", "\\xdeadbeef"},
        {"bytea", "\\xDEA", "22P02"},
        {"text", " a ", " a "},
        {"integer[]", "{1, NULL ,3}", "{1,NULL,3}"},
        {"integer[]", "{}", "{}"},
        {"integer[]", "{1,x}", "22P02"},
        {"integer[]", "{1", "22P02"},
        {"integer[]", "{1}}", "22P02"},
        {"integer[]", "{1,,2}", "22P02"},
        {"text[]", "{a b,\"c,\\\"d\",\"NULL\"}", "{\"a b\",\"c,\\\"d\",\"NULL\"}"},
        {"integer[][]", "{{1,2},{},{3}}", "{{1,2},{},{3}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_text(cases[i][0], cases[i][1], cases[i][2]);
}

static void print_interval__fits_the_declared_size(void **state)
{
    struct leat_interval longest = {INT32_MIN, INT32_MIN, -9223372036854775807 + 193};
    char text[LEAT_PRINT_MAX];
    (void)state;
    assert_true(leat_print_interval(&longest, text) <= LEAT_PRINT_MAX);
}

static void value_bytes__come_back_equal(void **state)
{
    static const char *const cases[][2] = {{"bigint", "-5"},
                                           {"numeric(38,3)", "-12345678901234567890.123"},
                                           {"text", "longer than twelve"},
                                           {"double precision", "0.1"},
                                           {"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
                                           {"interval", "1 year 2 days 00:00:01"},
                                           {"date", "2024-01-02"},
                                           {"boolean", "t"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leat_arena arena;
        struct leat_buffer bytes;
        struct leat_value value, back, copy;
        const struct leat_type *type;
        struct leat_error err = {0};
        leat_arena_init(&arena, NULL);
        leat_buffer_init(&bytes, 0);
        assert_int_equal(leat_type_parse(leat_text_of(cases[i][0]), &arena, &type, &err), LEAT_OK);
        assert_int_equal(leat_value_parse(leat_text_of(cases[i][1]), type, &arena, &value, &err),
                         LEAT_OK);
        assert_int_equal(leat_value_put(&value, &bytes, &err), LEAT_OK);
        struct leat_cursor cursor = {bytes.data, bytes.length, 0};
        assert_int_equal(leat_value_read(&cursor, &arena, &back, &err), LEAT_OK);
        assert_int_equal(leat_value_compare(&value, &back), 0);
        assert_int_equal(leat_value_copy(&back, &arena, &copy, &err), LEAT_OK);
        assert_int_equal(leat_value_compare(&value, &copy), 0);
        for (size_t cut = 0; cut < bytes.length; cut++) {
            struct leat_cursor shorter = {bytes.data, cut, 0};
            assert_int_not_equal(leat_value_read(&shorter, &arena, &back, &err), LEAT_OK);
        }
        leat_buffer_release(&bytes);
        leat_arena_release(&arena);
    }
}

static void options__unknown_name_proposes_the_nearest(void **state)
{
    static const struct leat_option table[] = {
        {"header", LEAT_BOOLEAN, NULL, "first row holds names"},
        {"delimiter", LEAT_TEXT, NULL, "between fields"},
        {NULL, LEAT_NULL, NULL, NULL}};
    struct leat_option_value option = {.name = "delimeter"};
    struct leat_error err = {0};
    (void)state;
    option.value.type = leat_type_get(LEAT_TEXT);
    option.value.text = leat_text_of(";");
    assert_int_equal(leat_options_check("read_csv", table, &option, 1, &err), LEAT_INVALID);
    assert_int_equal(err.code, 1401);
    assert_non_null(strstr(err.hint, "delimiter"));
    option.name = "header";
    assert_int_equal(leat_options_check("read_csv", table, &option, 1, &err), LEAT_INVALID);
    assert_int_equal(err.code, 1402);
    option.name = "Delimiter";
    assert_int_equal(leat_options_check("read_csv", table, &option, 1, &err), LEAT_OK);
    assert_ptr_equal(leat_option_find(&option, 1, "delimiter"), &option.value);
    assert_null(leat_option_find(&option, 1, "header"));
    assert_null(leat_nearest_name(leat_text_of("zzzzzz"), (const char *const[]){"header", NULL}));
}

static void json__is_known_from_what_is_none(void **state)
{
    static const char *const good[] = {"1",
                                       " -0.5e+10 ",
                                       "\"a\\u00e9\\n\"",
                                       "[]",
                                       "{}",
                                       "[[],{}]",
                                       "{\"a\":[1,2,{\"b\":null}]}",
                                       "true",
                                       "[1 , 2 ]",
                                       "{ \"a\" : 1 , \"a\" : 2 }",
                                       "\t\r\n0"};
    static const char *const bad[] = {
        "",     " ",         "x",        "01",      "1.",          ".5",   "1e",
        "+1",   "'a'",       "\"a",      "\"\\x\"", "\"\\u12g4\"", "[1",   "[1,]",
        "[,1]", "{\"a\"}",   "{\"a\":}", "{a:1}",   "{\"a\":1,}",  "[1]]", "1 2",
        "nul",  "truefalse", "\"a\nb\"", "[1}",     "{]",          "-",    "\v1"};
    char deep[2048];
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!leat_json_valid(leat_text_of(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (leat_json_valid(leat_text_of(bad[i])))
            fail_msg("taken: %s", bad[i]);
    memset(deep, '[', 1024);
    memset(deep + 1024, ']', 1024);
    assert_true(leat_json_valid((struct leat_text){deep + 512, 1024}));
    assert_false(leat_json_valid((struct leat_text){deep + 511, 1026}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_int64__takes_the_whole_range_and_no_more),
        cmocka_unit_test(parse_double__rounds_correctly),
        cmocka_unit_test(print_double__is_shortest_in_postgresql_layout),
        cmocka_unit_test(parse_decimal__rounds_half_away_and_checks_range),
        cmocka_unit_test(calendar__inverts_itself),
        cmocka_unit_test(value_parse__reads_what_postgresql_reads),
        cmocka_unit_test(print_interval__fits_the_declared_size),
        cmocka_unit_test(value_bytes__come_back_equal),
        cmocka_unit_test(options__unknown_name_proposes_the_nearest),
        cmocka_unit_test(json__is_known_from_what_is_none),
    };
    return LEAT_RUN_TESTS(tests);
}
