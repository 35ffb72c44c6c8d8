/*
 * Result types that depend on constants: round(x, 2) has two fraction digits, EXTRACT(year FROM t)
 * none. Overloads are resolved by types alone; the binder calls this once the arguments are there.
 */
#include "compute/kernels/datetime_internal.h"

static bool constant_of(const struct leat_expr *expr, const struct leat_value **out)
{
    /* an implicit cast of a constant between integer types keeps its value */
    while (expr->kind == LEAT_EXPR_CAST && leat_type_is_integer(expr->type) &&
           leat_type_is_integer(expr->args[0]->type))
        expr = expr->args[0];
    *out = &expr->constant;
    return expr->kind == LEAT_EXPR_CONSTANT && !expr->constant.is_null;
}

/* round and trunc of a numeric to a constant number of digits. */
static void refine_digits(struct leat_expr *call)
{
    const struct leat_type *type = call->args[0]->type;
    const struct leat_value *digits;
    unsigned whole = type->precision - type->scale + 1u, scale;

    if (!constant_of(call->args[1], &digits) || !leat_type_is_integer(digits->type))
        return;
    scale = digits->integer < 0 ? 0 : digits->integer > 38 ? 38 : (unsigned)digits->integer;
    if (whole > 38)
        whole = 38;
    if (whole + scale > 38)
        scale = scale < type->scale ? scale : type->scale;
    call->type = leat_type_decimal(whole + scale > 38 ? 38 : whole + scale, scale);
}

/* Spark's round: one digit more before the point if any are cut. */
static void refine_spark_digits(struct leat_expr *call)
{
    const struct leat_type *type = call->args[0]->type;
    const struct leat_value *digits;
    unsigned whole = type->precision - type->scale + 1u, scale;

    if (!constant_of(call->args[1], &digits) || !leat_type_is_integer(digits->type))
        return;
    scale = digits->integer < 0 ? 0 : digits->integer > 38 ? 38 : (unsigned)digits->integer;
    call->type = scale >= type->scale
                     ? type
                     : leat_type_decimal(whole + scale > 38 ? 38 : whole + scale, scale);
}

static void refine_extract(struct leat_expr *call)
{
    const struct leat_value *name;
    enum unit unit;

    if (!constant_of(call->args[0], &name) || name->type->id != LEAT_TEXT ||
        !unit_of(name->text, &unit))
        return;
    if (unit == UNIT_SECOND || unit == UNIT_EPOCH || unit == UNIT_JULIAN)
        return;
    call->type = unit == UNIT_MILLISECOND ? leat_type_decimal(38, 3) : leat_type_decimal(18, 0);
}

void leat_function_refine(struct leat_expr *call)
{
    const char *name = call->function->name;
    const char *codes = call->function->implementation->args;

    if ((strcmp(name, "round") == 0 || strcmp(name, "trunc") == 0) && strcmp(codes, "ni") == 0)
        refine_digits(call);
    else if (strncmp(name, "spark_", 6) == 0 && strcmp(codes, "ni") == 0)
        refine_spark_digits(call);
    else if (strcmp(name, "extract") == 0)
        refine_extract(call);
}
