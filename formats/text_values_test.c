#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"

#include "base/system.h"
#include "columns/value.h"
#include "formats/text_values.h"
#include <stdio.h>

/* A text with room behind it, and something there that must not count. */
struct sample {
    char text[64];
    size_t length;
};

static void sample_of(struct sample *sample, const char *letters)
{
    size_t count = strlen(letters);

    memset(sample->text, '7', sizeof(sample->text));
    sample->length = 1 + leat_random_u64() % 20;
    for (size_t i = 0; i < sample->length; i++)
        sample->text[i] = letters[leat_random_u64() % count];
}

static void text_values__digits_are_those_of_the_general_parser(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct sample s;
        uint64_t value;
        int64_t wanted;
        sample_of(&s, i % 3 ? "0123456789" : "0123456789/:.+\x80");
        if (s.length > 8)
            s.length = 8;
        if (leat_text_parse_digits(s.text, s.length, &value)) {
            assert_true(leat_parse_int64(s.text, s.length, &wanted));
            assert_int_equal(value, wanted);
        } else {
            assert_true(strspn(s.text, "0123456789") < s.length);
        }
    }
}

static void text_values__doubles_are_those_of_the_general_parser(void **state)
{
    int taken = 0;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct sample s;
        double value, wanted;
        sample_of(&s, i % 3 ? "0123456789" : "0123456789.-+eE ");
        if (i % 2)
            s.text[leat_random_u64() % s.length] = '.';
        if (i % 5 == 0)
            s.text[0] = '-';
        if (!leat_text_parse_double(s.text, s.length, &value))
            continue;
        taken++;
        if (!leat_parse_double(s.text, s.length, &wanted))
            fail_msg("%.*s is no number", (int)s.length, s.text);
        assert_memory_equal(&value, &wanted, sizeof(value));
    }
    assert_true(taken > 50000);
}

static void text_values__dates_are_those_of_the_general_parser(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 400000; i++) {
        char text[32] = "";
        int32_t value, wanted;
        bool good, right;
        snprintf(text, sizeof(text), "%04u-%02u-%02u7777", i % 3001, i / 7 % 14, i / 3 % 34);
        if (i % 11 == 0)
            text[leat_random_u64() % 10] = "/:x "[i % 4];
        good = leat_text_parse_date(text, &value);
        right = leat_parse_date(text, 10, &wanted);
        if (good != right && text[0] != '0' && strspn(text, "0123456789-") >= 10)
            fail_msg("%.10s: %d", text, good);
        if (good)
            assert_int_equal(value, wanted);
    }
}

static void text_values__short_strings_keep_nothing_of_what_follows(void **state)
{
    (void)state;
    for (size_t length = 0; length <= 20; length++) {
        struct sample s;
        struct leat_string value, wanted;
        sample_of(&s, "abc");
        wanted = leat_string_of(s.text, length);
        memset(&value, 0xff, sizeof(value));
        leat_text_store(&value, s.text, length);
        assert_memory_equal(&value, &wanted, sizeof(value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_values__digits_are_those_of_the_general_parser),
        cmocka_unit_test(text_values__doubles_are_those_of_the_general_parser),
        cmocka_unit_test(text_values__dates_are_those_of_the_general_parser),
        cmocka_unit_test(text_values__short_strings_keep_nothing_of_what_follows),
    };
    return LEAT_RUN_TESTS(tests);
}
