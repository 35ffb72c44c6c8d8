/*
 * Frames of window calls: ROWS and GROUPS with numbers, RANGE with a distance from the value of the
 * one ORDER BY column, whose bounds are computed for each row like arguments.
 */
#include "compute/plan/planner_internal.h"

#include <string.h>

static bool fold(struct planner *pl, const struct leat_sql_expr *ast, struct leat_expr *expr,
                 struct leat_value *out)
{
    if (!expr)
        return false;
    if (expr->kind == LEAT_EXPR_CONSTANT)
        *out = expr->constant;
    else if (leat_expr_fold(expr, pl->arena, out, pl->err))
        return plan_place(pl, ast->offset, ast->length);
    return true;
}

static struct leat_expr *bind_offset(struct binding *b, const struct leat_sql_expr *ast)
{
    struct scope empty = {0};
    struct binding inner = {.pl = b->pl, .scope = &empty, .clause = CLAUSE_LIMIT};

    return bind_expr(&inner, ast);
}

static bool bad_offset(struct planner *pl, const struct leat_sql_window *window, bool null)
{
    return plan_fail(pl, LEAT_E_FRAME_OFFSET, window->offset, window->length, NULL,
                     "a frame's offset must not be %s", null ? "null" : "negative");
}

/* The number of rows or groups of n PRECEDING and n FOLLOWING. */
static bool count_offset(struct binding *b, const struct leat_sql_window *window,
                         const struct leat_sql_expr *ast, int64_t *out)
{
    struct leat_expr *expr = bind_offset(b, ast);
    struct leat_value value;

    expr = coerce(b->pl, expr, leat_type_get(LEAT_INT64), LEAT_CAST_ASSIGNMENT, "a frame's offset");
    if (!fold(b->pl, ast, expr, &value))
        return false;
    if (value.is_null || value.integer < 0)
        return bad_offset(b->pl, window, value.is_null);
    *out = value.integer;
    return true;
}

/* The offset's type for an ORDER BY column of that type; NULL: it has no distances. */
static const struct leat_type *distance_type(const struct leat_type *key)
{
    switch (key->id) {
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_INT64:
    case LEAT_DECIMAL:
        return leat_type_decimal(38, key->id == LEAT_DECIMAL ? key->scale : 0);
    case LEAT_FLOAT:
    case LEAT_DOUBLE:
        return leat_type_get(LEAT_DOUBLE);
    case LEAT_DATE:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
    case LEAT_INTERVAL:
        return leat_type_get(LEAT_INTERVAL);
    default:
        return NULL;
    }
}

/* Whether the folded offset is below zero, as its type compares. */
static bool is_negative(struct planner *pl, const struct leat_sql_expr *ast,
                        struct leat_expr *offset, bool *out)
{
    struct leat_expr *zero = expr_integer(pl, 0), *args[2] = {offset, NULL};
    struct leat_value value;

    if (zero && offset->type->id == LEAT_INTERVAL) {
        zero = expr_new(pl, LEAT_EXPR_CONSTANT, leat_type_get(LEAT_INTERVAL), 0);
        if (zero)
            zero->constant = (struct leat_value){.type = zero->type};
    }
    args[1] = zero;
    if (!zero || !fold(pl, ast, call_function(pl, "<", args, 2, 0, 0), &value))
        return false;
    *out = !value.is_null && value.integer;
    return true;
}

/* The distance as a constant expression. */
static struct leat_expr *range_offset(struct binding *b, const struct leat_sql_window *window,
                                      const struct leat_sql_expr *ast, const struct leat_type *key)
{
    struct planner *pl = b->pl;
    const struct leat_type *type = distance_type(key);
    struct leat_expr *offset = bind_offset(b, ast);
    struct leat_value value;
    bool negative = false;

    if (!offset)
        return NULL;
    if (!is_unknown(offset) && type &&
        (type->id == LEAT_INTERVAL) != (offset->type->id == LEAT_INTERVAL))
        type = NULL;
    if (!type) {
        plan_fail(pl, LEAT_E_SQL_UNSUPPORTED, window->offset, window->length, NULL,
                  "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and "
                  "offset type %s",
                  leat_type_name(pl->arena, key),
                  is_unknown(offset) ? "unknown" : leat_type_name(pl->arena, offset->type));
        return NULL;
    }
    /* A fraction in front of whole numbers keeps its digits. */
    if (type->id == LEAT_DECIMAL && offset->type->id == LEAT_DECIMAL)
        type = offset->type;
    offset = coerce(pl, offset, type, LEAT_CAST_ASSIGNMENT, "a frame's offset");
    if (!offset || !fold(pl, ast, offset, &value))
        return NULL;
    if (!value.is_null && !is_negative(pl, ast, offset, &negative))
        return NULL;
    if (value.is_null || negative) {
        bad_offset(pl, window, value.is_null);
        return NULL;
    }
    return offset;
}

/* The value at which the frame begins or ends for a row. */
static struct leat_expr *range_value(struct binding *b, const struct leat_sql_window *window,
                                     const struct leat_sql_expr *ast, bool preceding,
                                     const struct leat_sort_key *key)
{
    struct leat_expr *offset = range_offset(b, window, ast, key->expr->type);
    struct leat_expr *args[2] = {key->expr, offset};

    if (!offset)
        return NULL;
    if (offset->type->id == LEAT_DECIMAL && key->expr->type->id != LEAT_DECIMAL)
        args[0] = coerce(b->pl, key->expr, leat_type_decimal(38, 0), LEAT_CAST_EXPLICIT, "RANGE");
    return args[0] ? call_function(b->pl, preceding != key->descending ? "-" : "+", args, 2,
                                   window->offset, window->length)
                   : NULL;
}

/* Values of both bounds and, before them, the column, all of one type. */
static bool bind_range(struct binding *b, const struct leat_sql_window *window,
                       struct window_call *out)
{
    const struct leat_sql_frame *frame = &window->frame;
    struct leat_expr *values[3] = {out->sort_count ? out->keys[0].expr : NULL};
    uint32_t count = 1;

    if (out->sort_count != 1)
        return plan_fail(b->pl, LEAT_E_WINDOW_FRAME, window->offset, window->length, NULL,
                         "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY "
                         "column");
    if (frame->start_value) {
        values[count] = range_value(b, window, frame->start_value,
                                    frame->start == LEAT_SQL_PRECEDING, &out->keys[0]);
        if (!values[count++])
            return false;
        out->frame.start_value = true;
    }
    if (frame->end_value) {
        values[count] = range_value(b, window, frame->end_value, frame->end == LEAT_SQL_PRECEDING,
                                    &out->keys[0]);
        if (!values[count++])
            return false;
        out->frame.end_value = true;
    }
    if (!coerce_common(b->pl, values, count, "RANGE"))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!exprs_add(b->pl, &out->range, values[i]))
            return false;
    return true;
}

static bool bind_bound(struct binding *b, const struct leat_sql_window *window,
                       enum leat_sql_bound bound, const struct leat_sql_expr *value, int64_t *out)
{
    *out = 0;
    switch (bound) {
    case LEAT_SQL_UNBOUNDED_PRECEDING:
        *out = -LEAT_FRAME_UNBOUNDED;
        return true;
    case LEAT_SQL_UNBOUNDED_FOLLOWING:
        *out = LEAT_FRAME_UNBOUNDED;
        return true;
    case LEAT_SQL_CURRENT_ROW:
        return true;
    case LEAT_SQL_PRECEDING:
    case LEAT_SQL_FOLLOWING:
        break;
    }
    if (window->frame.unit == LEAT_SQL_RANGE) /* bind_range */
        return true;
    if (!count_offset(b, window, value, out))
        return false;
    if (bound == LEAT_SQL_PRECEDING)
        *out = -*out;
    return true;
}

static bool ends_before_start(const struct leat_sql_frame *frame)
{
    return frame->start == LEAT_SQL_UNBOUNDED_FOLLOWING ||
           frame->end == LEAT_SQL_UNBOUNDED_PRECEDING ||
           (frame->start == LEAT_SQL_CURRENT_ROW && frame->end == LEAT_SQL_PRECEDING) ||
           (frame->start == LEAT_SQL_FOLLOWING &&
            (frame->end == LEAT_SQL_CURRENT_ROW || frame->end == LEAT_SQL_PRECEDING));
}

bool bind_frame(struct binding *b, const struct leat_sql_window *window, struct window_call *out)
{
    static const enum leat_frame_unit units[] = {
        [LEAT_SQL_ROWS] = LEAT_FRAME_ROWS,
        [LEAT_SQL_RANGE] = LEAT_FRAME_RANGE,
        [LEAT_SQL_GROUPS] = LEAT_FRAME_GROUPS,
    };
    const struct leat_sql_frame *frame = &window->frame;

    out->frame = (struct leat_frame){.start = -LEAT_FRAME_UNBOUNDED};
    if (!frame->given)
        return true;
    if (ends_before_start(frame))
        return plan_fail(b->pl, LEAT_E_WINDOW_FRAME, window->offset, window->length, NULL,
                         "the frame ends before it starts");
    if (frame->unit == LEAT_SQL_GROUPS && !out->sort_count)
        return plan_fail(b->pl, LEAT_E_WINDOW_FRAME, window->offset, window->length, NULL,
                         "GROUPS mode requires an ORDER BY clause");
    out->frame.unit = units[frame->unit];
    out->frame.exclude = (enum leat_frame_exclude)frame->exclude;
    if (!bind_bound(b, window, frame->start, frame->start_value, &out->frame.start) ||
        !bind_bound(b, window, frame->end, frame->end_value, &out->frame.end))
        return false;
    return frame->unit != LEAT_SQL_RANGE || !(frame->start_value || frame->end_value) ||
           bind_range(b, window, out);
}
