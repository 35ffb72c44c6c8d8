/* Frames: round trips, and bytes that were cut, changed or made up. */
#include "compute/hosts/frame.h"
#include "base/fault.h"
#include <libdeflate.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "base/test_faults.h"

static struct leat_error err;

static void frame__comes_back(void **state)
{
    struct leat_wire_frame frame;
    struct leat_buffer bytes;
    size_t used, first;

    (void)state;
    leat_buffer_init(&bytes, 0);
    assert_int_equal(leat_wire_put(&bytes, LEAT_WIRE_RECEIPT, "abc", 3, &err), LEAT_OK);
    first = bytes.length;
    assert_int_equal(leat_wire_put(&bytes, LEAT_WIRE_DONE, NULL, 0, &err), LEAT_OK);
    assert_int_equal(leat_wire_next(bytes.data, bytes.length, &frame, &used, &err), LEAT_OK);
    assert_int_equal(used, first);
    assert_int_equal(frame.kind, LEAT_WIRE_RECEIPT);
    assert_int_equal(frame.body.length, 3);
    assert_memory_equal(frame.body.data, "abc", 3);
    assert_int_equal(leat_wire_next(bytes.data + first, bytes.length - first, &frame, &used, &err),
                     LEAT_OK);
    assert_int_equal(frame.kind, LEAT_WIRE_DONE);
    assert_int_equal(frame.body.length, 0);
    leat_buffer_release(&bytes);
}

static void frame__half_a_frame_is_waited_for(void **state)
{
    struct leat_wire_frame frame;
    struct leat_buffer bytes;
    size_t used;

    (void)state;
    leat_buffer_init(&bytes, 0);
    assert_int_equal(leat_wire_put(&bytes, LEAT_WIRE_OUTPUT, "some rows", 9, &err), LEAT_OK);
    for (size_t length = 0; length < bytes.length; length++) {
        assert_int_equal(leat_wire_next(bytes.data, length, &frame, &used, &err), LEAT_OK);
        assert_int_equal(used, 0);
    }
    leat_buffer_release(&bytes);
}

static void frame__changed_bytes_are_refused(void **state)
{
    struct leat_wire_frame frame;
    struct leat_buffer bytes;
    size_t used;

    (void)state;
    leat_buffer_init(&bytes, 0);
    assert_int_equal(leat_wire_put(&bytes, LEAT_WIRE_OUTPUT, "some rows", 9, &err), LEAT_OK);
    for (size_t at = 0; at < bytes.length; at++) {
        enum leat_status status;
        bytes.data[at] ^= 0x40;
        status = leat_wire_next(bytes.data, bytes.length, &frame, &used, &err);
        /* a longer length waits for more */
        assert_true(status == LEAT_CORRUPT || (at < 4 && status == LEAT_OK && used == 0));
        bytes.data[at] ^= 0x40;
    }
    leat_buffer_release(&bytes);
}

static void make_frame(struct leat_buffer *out, const void *payload, uint32_t length)
{
    out->length = 0;
    assert_int_equal(leat_buffer_put_bytes(out, payload, length, &err), LEAT_OK);
    assert_int_equal(leat_buffer_put_u32(out, libdeflate_crc32(0, payload, length), &err), LEAT_OK);
}

static void frame__made_up_ones_are_refused(void **state)
{
    static const uint8_t unknown[] = {200}, zero[] = {0},
                         huge[] = {255, 255, 255, 255, LEAT_WIRE_DONE, 0, 0, 0, 0, 0, 0, 0, 0};
    struct leat_wire_frame frame;
    struct leat_buffer bytes;
    size_t used;

    (void)state;
    leat_buffer_init(&bytes, 0);
    make_frame(&bytes, unknown, 1);
    assert_int_equal(leat_wire_next(bytes.data, bytes.length, &frame, &used, &err), LEAT_CORRUPT);
    make_frame(&bytes, zero, 1);
    assert_int_equal(leat_wire_next(bytes.data, bytes.length, &frame, &used, &err), LEAT_CORRUPT);
    make_frame(&bytes, "", 0);
    assert_int_equal(leat_wire_next(bytes.data, bytes.length, &frame, &used, &err), LEAT_CORRUPT);
    assert_int_equal(leat_wire_next(huge, sizeof(huge), &frame, &used, &err), LEAT_CORRUPT);
    leat_buffer_release(&bytes);
}

static struct leat_wire_frame only_frame(const struct leat_buffer *bytes)
{
    struct leat_wire_frame frame;
    size_t used;

    assert_int_equal(leat_wire_next(bytes->data, bytes->length, &frame, &used, &err), LEAT_OK);
    assert_int_equal(used, bytes->length);
    return frame;
}

static void error__comes_back_whole(void **state)
{
    static const char text[] = "SELECT\n 1/0 FROM t";
    struct leat_error sent, got;
    struct leat_wire_frame frame;
    struct leat_buffer bytes;

    (void)state;
    leat_buffer_init(&bytes, 0);
    (void)leat_error_set(&sent, LEAT_E_DIVISION_BY_ZERO, "division by zero");
    leat_error_hint(&sent, "use NULLIF");
    memcpy(sent.sqlstate, "22011", 6); /* not the code's own */
    leat_error_at_text(&sent, "query.sql", text, sizeof(text) - 1, 8, 3);
    assert_int_equal(leat_wire_put_error(&bytes, &sent, &err), LEAT_OK);
    frame = only_frame(&bytes);
    assert_int_equal(frame.kind, LEAT_WIRE_ERROR);
    assert_int_equal(leat_wire_read_error(&frame.body, &got, &err), LEAT_OK);
    assert_int_equal(got.status, LEAT_RUNTIME);
    assert_int_equal(got.code, sent.code);
    assert_string_equal(got.sqlstate, sent.sqlstate);
    assert_string_equal(got.message, sent.message);
    assert_string_equal(got.hint, sent.hint);
    assert_string_equal(got.place.source, "query.sql");
    assert_int_equal(got.place.line, 2);
    assert_int_equal(got.place.column, sent.place.column);
    assert_int_equal(got.place.offset, sent.place.offset);
    assert_int_equal(got.place.length, 3);
    assert_string_equal(got.excerpt, sent.excerpt);
    leat_buffer_release(&bytes);
}

/* No error is told as success, whatever its number. */
static void error__unknown_codes_are_errors(void **state)
{
    static const uint32_t codes[] = {0, 9999, UINT32_MAX};
    struct leat_error sent = {0}, got;
    struct leat_wire_frame frame;
    struct leat_buffer bytes;

    (void)state;
    leat_buffer_init(&bytes, 0);
    for (int i = 0; i < 3; i++) {
        bytes.length = 0;
        sent.code = (int)codes[i];
        assert_int_equal(leat_wire_put_error(&bytes, &sent, &err), LEAT_OK);
        frame = only_frame(&bytes);
        assert_int_equal(leat_wire_read_error(&frame.body, &got, &err), LEAT_OK);
        assert_int_equal(got.status, LEAT_CORRUPT);
    }
    leat_buffer_release(&bytes);
}

static void bad_row__comes_back(void **state)
{
    struct leat_bad_row sent = {.file = "a.csv", .line = 3, .offset = 40, .rule = "type"},
                        got = {0};
    struct leat_wire_frame frame;
    struct leat_buffer bytes;
    struct leat_arena arena;

    (void)state;
    leat_arena_init(&arena, NULL);
    leat_buffer_init(&bytes, 0);
    sent.raw = (struct leat_text){"a\0b", 3};
    (void)leat_error_set(&sent.error, LEAT_E_CSV_VALUE, "no number");
    assert_int_equal(leat_wire_put_bad_row(&bytes, &sent, &err), LEAT_OK);
    frame = only_frame(&bytes);
    for (size_t length = 0; length < frame.body.length; length++) {
        struct leat_cursor cut = {frame.body.data, length, 0};
        assert_int_equal(leat_wire_read_bad_row(&cut, &arena, &got, &err), LEAT_CORRUPT);
    }
    assert_int_equal(leat_wire_read_bad_row(&frame.body, &arena, &got, &err), LEAT_OK);
    assert_string_equal(got.file, "a.csv");
    assert_int_equal(got.line, 3);
    assert_int_equal(got.offset, 40);
    assert_string_equal(got.rule, "type");
    assert_null(got.column);
    assert_int_equal(got.raw.length, 3);
    assert_memory_equal(got.raw.data, "a\0b", 3);
    assert_int_equal(got.error.code, LEAT_E_CSV_VALUE);
    assert_string_equal(got.error.message, "no number");
    leat_buffer_release(&bytes);
    leat_arena_release(&arena);
}

static void hello__other_versions_are_refused(void **state)
{
    struct leat_wire_frame frame;
    struct leat_buffer bytes, body;

    (void)state;
    leat_buffer_init(&bytes, 0);
    leat_buffer_init(&body, 0);
    assert_int_equal(leat_wire_put_hello(&bytes, &err), LEAT_OK);
    frame = only_frame(&bytes);
    assert_int_equal(leat_buffer_append(&body, frame.body.data, frame.body.length, &err), LEAT_OK);
    assert_int_equal(leat_wire_check_hello(&frame.body, &err), LEAT_OK);
    body.data[4]++;
    frame.body = (struct leat_cursor){body.data, body.length, 0};
    assert_int_equal(leat_wire_check_hello(&frame.body, &err), LEAT_UNSUPPORTED);
    body.data[0]++;
    frame.body.position = 0;
    assert_int_equal(leat_wire_check_hello(&frame.body, &err), LEAT_CORRUPT);
    leat_buffer_release(&bytes);
    leat_buffer_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame__comes_back),
        cmocka_unit_test(frame__half_a_frame_is_waited_for),
        cmocka_unit_test(frame__changed_bytes_are_refused),
        cmocka_unit_test(frame__made_up_ones_are_refused),
        cmocka_unit_test(error__comes_back_whole),
        cmocka_unit_test(error__unknown_codes_are_errors),
        cmocka_unit_test(bad_row__comes_back),
        cmocka_unit_test(hello__other_versions_are_refused),
    };
    return LEAT_RUN_TESTS(tests);
}
