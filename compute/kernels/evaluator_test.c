/* Expressions: evaluation by batch, conditional exactness, folding, errors. */
#include "compute/kernels/kernels_internal.h"

#include "base/fault.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;
static struct leat_arena arena;

static int setup(void **state)
{
    (void)state;
    leat_arena_init(&arena, NULL);
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    leat_arena_release(&arena);
    return 0;
}

static struct leat_expr *column(uint32_t index, enum leat_type_id id)
{
    struct leat_expr *expr = LEAT_NEW(&arena, struct leat_expr);
    assert_non_null(expr);
    expr->kind = LEAT_EXPR_COLUMN;
    expr->column = index;
    expr->type = leat_type_get(id);
    return expr;
}

static struct leat_expr *constant(int64_t value, enum leat_type_id id)
{
    struct leat_expr *expr = LEAT_NEW(&arena, struct leat_expr);
    assert_non_null(expr);
    expr->kind = LEAT_EXPR_CONSTANT;
    expr->type = leat_type_get(id);
    expr->constant = (struct leat_value){.type = expr->type, .integer = value};
    return expr;
}

static struct leat_expr *node(enum leat_expr_kind kind, enum leat_type_id id, uint32_t count, ...)
{
    struct leat_expr *expr = LEAT_NEW(&arena, struct leat_expr);
    va_list list;
    assert_non_null(expr);
    expr->kind = kind;
    expr->type = leat_type_get(id);
    expr->arg_count = count;
    expr->args = LEAT_NEW_ARRAY(&arena, struct leat_expr *, count);
    assert_non_null(expr->args);
    va_start(list, count);
    for (uint32_t i = 0; i < count; i++)
        expr->args[i] = va_arg(list, struct leat_expr *);
    va_end(list);
    return expr;
}

static struct leat_expr *call(const char *name, struct leat_expr *a, struct leat_expr *b)
{
    const struct leat_type *types[2] = {a->type, b->type};
    struct leat_function_match match;
    struct leat_expr *expr = node(LEAT_EXPR_CALL, LEAT_NULL, 2, a, b);
    assert_int_equal(leat_function_resolve(name, types, NULL, 2, &arena, &match, &err), LEAT_OK);
    expr->function = match.function;
    expr->type = match.result_type;
    for (int i = 0; i < 2; i++) {
        if (!leat_type_equal(types[i], match.arg_types[i])) {
            struct leat_expr *cast = node(LEAT_EXPR_CAST, LEAT_NULL, 1, expr->args[i]);
            cast->type = match.arg_types[i];
            expr->args[i] = cast;
        }
    }
    return expr;
}

/* A column 0, 1, 2, ... of integers with each third row null if asked. */
static struct leat_batch numbers(uint32_t count, bool nulls)
{
    struct leat_batch batch = {.column_count = 1, .length = count};
    struct leat_vector *vector = batch.columns = LEAT_NEW(&arena, struct leat_vector);
    assert_non_null(vector);
    assert_int_equal(leat_vector_init(vector, leat_type_get(LEAT_INT32), count, 0, &arena, &err),
                     LEAT_OK);
    vector->length = count;
    for (uint32_t i = 0; i < count; i++)
        ((int32_t *)vector->data)[i] = (int32_t)i;
    if (nulls) {
        assert_int_equal(leat_vector_make_validity(vector, count, &arena, &err), LEAT_OK);
        for (uint32_t i = 0; i < count; i += 3)
            leat_validity_set(vector->validity, i, false);
    }
    return batch;
}

static enum leat_status run(struct leat_expr *expr, const struct leat_batch *batch,
                            struct leat_vector *out)
{
    struct leat_evaluator *evaluator;
    struct leat_vector result;
    enum leat_status status;
    *out = (struct leat_vector){0};
    status = leat_evaluator_new(&expr, 1, NULL, NULL, &evaluator, &err);
    if (status)
        return status;
    status = leat_evaluator_run(evaluator, batch, &result, &err);
    if (!status)
        status = leat_vector_copy(&result, 0, batch->length, &arena, out, &err);
    leat_evaluator_free(evaluator);
    return status;
}

static void evaluator__case_guards_division(void **state)
{
    struct leat_batch batch = numbers(100, false);
    struct leat_expr *x = column(0, LEAT_INT32);
    struct leat_expr *guarded =
        node(LEAT_EXPR_CASE, LEAT_INT32, 3, call("<>", x, constant(0, LEAT_INT32)),
             call("/", constant(100, LEAT_INT32), x), constant(-1, LEAT_INT32));
    struct leat_vector out;
    (void)state;
    assert_int_equal(run(guarded, &batch, &out), LEAT_OK);
    for (int32_t i = 0; i < 100; i++)
        assert_int_equal(((int32_t *)out.data)[i], i ? 100 / i : -1);
    assert_int_equal(run(call("/", constant(100, LEAT_INT32), x), &batch, &out), LEAT_RUNTIME);
    assert_int_equal(err.code, LEAT_E_DIVISION_BY_ZERO);
    assert_string_equal(err.sqlstate, "22012");
}

static void evaluator__and_stops_at_false(void **state)
{
    struct leat_batch batch = numbers(100, true);
    struct leat_expr *x = column(0, LEAT_INT32);
    struct leat_expr *both =
        node(LEAT_EXPR_AND, LEAT_BOOLEAN, 2, call(">", x, constant(0, LEAT_INT32)),
             call(">", call("/", constant(100, LEAT_INT32), x), constant(9, LEAT_INT32)));
    struct leat_vector out;
    (void)state;
    assert_int_equal(run(both, &batch, &out), LEAT_OK);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(leat_vector_is_null(&out, i), i % 3 == 0);
        if (i % 3)
            assert_int_equal(((uint8_t *)out.data)[i], 100 / i > 9);
    }
}

static void evaluator__overflow_of_null_rows_does_not_count(void **state)
{
    struct leat_batch batch = numbers(10, true);
    struct leat_vector out;
    (void)state;
    ((int32_t *)batch.columns[0].data)[3] = INT32_MAX;
    struct leat_expr *sum = call("+", column(0, LEAT_INT32), constant(1, LEAT_INT32));
    assert_int_equal(run(sum, &batch, &out), LEAT_OK);
    ((int32_t *)batch.columns[0].data)[4] = INT32_MAX;
    assert_int_equal(run(sum, &batch, &out), LEAT_RUNTIME);
    assert_int_equal(err.code, LEAT_E_OVERFLOW);
}

static void evaluator__selection_narrows(void **state)
{
    struct leat_batch batch = numbers(2000, true);
    struct leat_expr *x = column(0, LEAT_INT32);
    struct leat_expr *condition =
        node(LEAT_EXPR_AND, LEAT_BOOLEAN, 3, call("<", x, constant(1000, LEAT_INT32)),
             call("=", call("%", x, constant(7, LEAT_INT32)), constant(0, LEAT_INT32)),
             call(">", x, constant(500, LEAT_INT32)));
    struct leat_evaluator *evaluator;
    uint32_t selection[2000], count, want = 0;
    (void)state;
    assert_int_equal(leat_evaluator_new(&condition, 1, NULL, NULL, &evaluator, &err), LEAT_OK);
    assert_int_equal(leat_evaluator_select(evaluator, &batch, selection, &count, &err), LEAT_OK);
    for (uint32_t i = 0; i < 2000; i++) {
        if (i % 3 && i < 1000 && i % 7 == 0 && i > 500)
            assert_int_equal(selection[want++], i);
    }
    assert_int_equal(count, want);
    leat_evaluator_free(evaluator);
}

static void evaluator__in_is_three_valued(void **state)
{
    struct leat_batch batch = numbers(10, false);
    struct leat_expr *null = constant(0, LEAT_INT32);
    struct leat_vector out;
    (void)state;
    null->constant.is_null = true;
    assert_int_equal(run(node(LEAT_EXPR_IN, LEAT_BOOLEAN, 3, column(0, LEAT_INT32),
                              constant(4, LEAT_INT32), null),
                         &batch, &out),
                     LEAT_OK);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(leat_vector_is_null(&out, i), i != 4);
}

static void evaluator__numeric_division_keeps_sixteen_digits(void **state)
{
    struct leat_value value;
    struct leat_buffer text;
    struct leat_expr *ten = constant(0, LEAT_NULL), *three = constant(0, LEAT_NULL);
    (void)state;
    ten->type = ten->constant.type = leat_type_decimal(3, 1);
    ten->constant.decimal = 100;
    three->type = three->constant.type = leat_type_decimal(1, 0);
    three->constant.decimal = -3;
    leat_buffer_init(&text, 0);
    assert_int_equal(leat_expr_fold(call("/", ten, three), &arena, &value, &err), LEAT_OK);
    assert_int_equal(leat_value_print(&value, &text, &err), LEAT_OK);
    assert_memory_equal(text.data, "-3.3333333333333333", text.length);
    assert_int_equal(text.length, 19);
    leat_buffer_release(&text);
}

static void refine__constant_digits_set_the_scale(void **state)
{
    struct leat_value value;
    struct leat_buffer text;
    struct leat_expr *number = constant(0, LEAT_NULL), *rounded;
    static const char *const want[] = {"-1.3", "-1.2500", "0"};
    static const int64_t digits[] = {1, 4, -1};
    (void)state;
    number->type = number->constant.type = leat_type_decimal(5, 2);
    number->constant.decimal = -125;
    leat_buffer_init(&text, 0);
    for (int i = 0; i < 3; i++) {
        rounded = call("round", number, constant(digits[i], LEAT_INT32));
        leat_function_refine(rounded);
        text.length = 0;
        assert_int_equal(leat_expr_fold(rounded, &arena, &value, &err), LEAT_OK);
        assert_int_equal(leat_value_print(&value, &text, &err), LEAT_OK);
        assert_int_equal(leat_buffer_append_byte(&text, 0, &err), LEAT_OK);
        assert_string_equal((const char *)text.data, want[i]);
    }
    leat_buffer_release(&text);
}

static void evaluator__every_failed_allocation_is_reported(void **state)
{
    struct leat_batch batch = numbers(100, true);
    struct leat_expr *x = column(0, LEAT_INT32);
    struct leat_expr *guarded =
        node(LEAT_EXPR_CASE, LEAT_INT32, 3, call("<>", x, constant(0, LEAT_INT32)),
             call("/", constant(100, LEAT_INT32), x), constant(-1, LEAT_INT32));
    (void)state;
    for (uint64_t n = 1; n < 1000; n++) {
        struct leat_vector out;
        leat_fault_alloc_arm(n, false);
        enum leat_status status = run(guarded, &batch, &out);
        bool fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        assert_int_equal(status, fired ? LEAT_NO_MEMORY : LEAT_OK);
        if (!fired)
            return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(evaluator__case_guards_division, setup, teardown),
        cmocka_unit_test_setup_teardown(evaluator__and_stops_at_false, setup, teardown),
        cmocka_unit_test_setup_teardown(evaluator__overflow_of_null_rows_does_not_count, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(evaluator__selection_narrows, setup, teardown),
        cmocka_unit_test_setup_teardown(evaluator__in_is_three_valued, setup, teardown),
        cmocka_unit_test_setup_teardown(evaluator__numeric_division_keeps_sixteen_digits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(refine__constant_digits_set_the_scale, setup, teardown),
        cmocka_unit_test_setup_teardown(evaluator__every_failed_allocation_is_reported, setup,
                                        teardown),
    };
    return LEAT_RUN_TESTS(tests);
}
