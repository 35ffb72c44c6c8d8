/*
 * Expression trees as data: bytes and back, text, equality.
 *
 * A function travels by its name and its place among the functions of that name, together with the
 * number of arguments, so that the reader checks what it calls. Trees from outside are bounded in
 * depth and every argument count is checked against what is left.
 */
#include "compute/kernels/kernels_internal.h"

#define MAXIMUM_DEPTH 1000u

bool constants_equal(const struct leat_value *a, const struct leat_value *b)
{
    if (!leat_type_equal(a->type, b->type) || a->is_null != b->is_null)
        return false;
    if (a->is_null)
        return true;
    if (a->type->id == LEAT_DOUBLE ||
        a->type->id == LEAT_FLOAT) /* -0 and 0 are not the same here */
        return memcmp(&a->real, &b->real, sizeof(double)) == 0;
    return leat_value_compare(a, b) == 0;
}

bool leat_expr_equal(const struct leat_expr *a, const struct leat_expr *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->column != b->column || a->function != b->function ||
        a->arg_count != b->arg_count || !leat_type_equal(a->type, b->type))
        return false;
    if (a->kind == LEAT_EXPR_CONSTANT && !constants_equal(&a->constant, &b->constant))
        return false;
    for (uint32_t i = 0; i < a->arg_count; i++) {
        if (!leat_expr_equal(a->args[i], b->args[i]))
            return false;
    }
    return true;
}

bool leat_expr_is_deterministic(const struct leat_expr *expr)
{
    if (expr->kind == LEAT_EXPR_CALL && expr->function->volatile_result)
        return false;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        if (!leat_expr_is_deterministic(expr->args[i]))
            return false;
    }
    return true;
}

/* --- bytes --- */

enum leat_status leat_expr_put(const struct leat_expr *expr, struct leat_buffer *out,
                               struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)expr->kind, err));
    LEAT_TRY(leat_type_put(expr->type, out, err));
    LEAT_TRY(leat_buffer_put_u32(out, expr->offset, err));
    LEAT_TRY(leat_buffer_put_u32(out, expr->length, err));
    LEAT_TRY(leat_buffer_put_u32(out, expr->column, err));
    if (expr->kind == LEAT_EXPR_CONSTANT)
        LEAT_TRY(leat_value_put(&expr->constant, out, err));
    if (expr->kind == LEAT_EXPR_CALL)
        LEAT_TRY(leat_function_put(expr->function, out, err));
    LEAT_TRY(leat_buffer_put_u32(out, expr->arg_count, err));
    for (uint32_t i = 0; i < expr->arg_count; i++)
        LEAT_TRY(leat_expr_put(expr->args[i], out, err));
    return LEAT_OK;
}

enum leat_status leat_function_put(const struct leat_function *function, struct leat_buffer *out,
                                   struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_string(out, function->name, err));
    return leat_buffer_put_string(out, function->implementation->args, err);
}

enum leat_status leat_function_read(struct leat_cursor *cursor, const struct leat_function **out,
                                    struct leat_error *err)
{
    struct leat_text name, codes;
    const struct leat_function *function;

    LEAT_TRY(leat_cursor_get_bytes(cursor, &name, err));
    LEAT_TRY(leat_cursor_get_bytes(cursor, &codes, err));
    for (size_t i = 0; (function = leat_function_at(i)) != NULL; i++) {
        if (leat_text_equal(name, leat_text_of(function->name)) &&
            leat_text_equal(codes, leat_text_of(function->implementation->args))) {
            *out = function;
            return LEAT_OK;
        }
    }
    return leat_error_set(err, LEAT_E_MESSAGE, "a plan calls function %.*s, which is not there",
                          (int)(name.length < 100 ? name.length : 100), name.data);
}

/* What compilation relies on. */
static bool well_formed(const struct leat_expr *expr)
{
    uint32_t n = expr->arg_count;
    switch (expr->kind) {
    case LEAT_EXPR_COLUMN:
        return n == 0;
    case LEAT_EXPR_CONSTANT:
        return n == 0 && leat_type_equal(expr->type, expr->constant.type);
    case LEAT_EXPR_CALL:
        return expr->function->kind == LEAT_FUNCTION_SCALAR;
    case LEAT_EXPR_CAST:
    case LEAT_EXPR_TRY_CAST:
        return n == 1 && leat_cast_level_of(expr->args[0]->type, expr->type) != LEAT_CAST_NONE;
    case LEAT_EXPR_NOT:
    case LEAT_EXPR_IS_NULL:
    case LEAT_EXPR_IS_NOT_NULL:
        return n == 1;
    case LEAT_EXPR_FIELD:
        return n == 1 && expr->args[0]->type->id == LEAT_STRUCT &&
               expr->column < expr->args[0]->type->field_count;
    case LEAT_EXPR_ROW:
        return expr->type->id == LEAT_STRUCT && expr->type->field_count == n;
    case LEAT_EXPR_NULLIF:
        return n == 2;
    case LEAT_EXPR_CASE:
        return n >= 2;
    default:
        return n >= 1;
    }
}

static enum leat_status read_expr(struct leat_cursor *cursor, struct leat_arena *arena,
                                  unsigned depth, struct leat_expr **out, struct leat_error *err)
{
    struct leat_expr *expr = LEAT_NEW(arena, struct leat_expr);
    uint8_t kind;

    if (!expr)
        return leat_error_memory(err);
    if (depth > MAXIMUM_DEPTH)
        return leat_error_set(err, LEAT_E_MESSAGE, "an expression in a plan is nested too deeply");
    LEAT_TRY(leat_cursor_get_u8(cursor, &kind, err));
    if (kind > LEAT_EXPR_ROW)
        return leat_error_set(err, LEAT_E_MESSAGE, "unknown kind of expression %u", kind);
    expr->kind = (enum leat_expr_kind)kind;
    LEAT_TRY(leat_type_read(cursor, arena, &expr->type, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &expr->offset, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &expr->length, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &expr->column, err));
    if (expr->kind == LEAT_EXPR_CONSTANT)
        LEAT_TRY(leat_value_read(cursor, arena, &expr->constant, err));
    if (expr->kind == LEAT_EXPR_CALL)
        LEAT_TRY(leat_function_read(cursor, &expr->function, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &expr->arg_count, err));
    if (expr->arg_count > cursor->length - cursor->position)
        return leat_error_set(err, LEAT_E_MESSAGE, "an expression in a plan is cut short");
    expr->args = LEAT_NEW_ARRAY(arena, struct leat_expr *, expr->arg_count);
    if (!expr->args)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        LEAT_TRY(read_expr(cursor, arena, depth + 1, &expr->args[i], err));
    if (!well_formed(expr))
        return leat_error_set(err, LEAT_E_MESSAGE, "an expression in a plan is malformed");
    *out = expr;
    return LEAT_OK;
}

enum leat_status leat_expr_read(struct leat_cursor *cursor, struct leat_arena *arena,
                                struct leat_expr **out, struct leat_error *err)
{
    *out = NULL;
    return read_expr(cursor, arena, 0, out, err);
}

/* --- text --- */

static bool is_operator(const char *name)
{
    return name[0] && (strchr("+-*/%=<>|&#~@^!", name[0]) || strcmp(name, "like") == 0 ||
                       strcmp(name, "ilike") == 0 || strcmp(name, "not like") == 0 ||
                       strcmp(name, "not ilike") == 0 || strncmp(name, "is ", 3) == 0);
}

static enum leat_status print_list(const struct leat_expr *expr, uint32_t from,
                                   const char *separator, const struct leat_schema *schema,
                                   struct leat_buffer *out, struct leat_error *err)
{
    for (uint32_t i = from; i < expr->arg_count; i++) {
        if (i > from)
            LEAT_TRY(leat_buffer_append_string(out, separator, err));
        LEAT_TRY(leat_expr_print(expr->args[i], schema, out, err));
    }
    return LEAT_OK;
}

static enum leat_status print_around(const char *before, const struct leat_expr *expr,
                                     uint32_t from, const char *separator, const char *after,
                                     const struct leat_schema *schema, struct leat_buffer *out,
                                     struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(out, before, err));
    LEAT_TRY(print_list(expr, from, separator, schema, out, err));
    return leat_buffer_append_string(out, after, err);
}

static enum leat_status print_constant(const struct leat_expr *expr, struct leat_buffer *out,
                                       struct leat_error *err)
{
    bool bare = leat_type_is_numeric(expr->type) || expr->type->id == LEAT_BOOLEAN;
    if (expr->constant.is_null)
        return leat_buffer_append_string(out, "NULL", err);
    if (expr->type->id == LEAT_BOOLEAN)
        return leat_buffer_append_string(out, expr->constant.integer ? "true" : "false", err);
    if (!bare)
        LEAT_TRY(leat_buffer_append_byte(out, '\'', err));
    LEAT_TRY(leat_value_print(&expr->constant, out, err));
    return bare ? LEAT_OK : leat_buffer_append_byte(out, '\'', err);
}

static enum leat_status print_call(const struct leat_expr *expr, const struct leat_schema *schema,
                                   struct leat_buffer *out, struct leat_error *err)
{
    const char *name = expr->function->name;
    if (is_operator(name) && expr->arg_count == 2) {
        LEAT_TRY(leat_buffer_append_byte(out, '(', err));
        LEAT_TRY(leat_expr_print(expr->args[0], schema, out, err));
        LEAT_TRY(leat_buffer_printf(out, err, " %s ", name));
        LEAT_TRY(leat_expr_print(expr->args[1], schema, out, err));
        return leat_buffer_append_byte(out, ')', err);
    }
    LEAT_TRY(leat_buffer_append_string(out, name, err));
    return print_around("(", expr, 0, ", ", ")", schema, out, err);
}

static enum leat_status print_case(const struct leat_expr *expr, const struct leat_schema *schema,
                                   struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(out, "CASE", err));
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        bool last = i + 1 == expr->arg_count && i % 2 == 0;
        LEAT_TRY(leat_buffer_append_string(out,
                                           last    ? " ELSE "
                                           : i % 2 ? " THEN "
                                                   : " WHEN ",
                                           err));
        LEAT_TRY(leat_expr_print(expr->args[i], schema, out, err));
    }
    return leat_buffer_append_string(out, " END", err);
}

enum leat_status leat_expr_print(const struct leat_expr *expr, const struct leat_schema *schema,
                                 struct leat_buffer *out, struct leat_error *err)
{
    switch (expr->kind) {
    case LEAT_EXPR_COLUMN:
        if (schema && expr->column < schema->count)
            return leat_buffer_append_string(out, schema->fields[expr->column].name, err);
        return leat_buffer_printf(out, err, "$%u", expr->column);
    case LEAT_EXPR_CONSTANT:
        return print_constant(expr, out, err);
    case LEAT_EXPR_CALL:
        return print_call(expr, schema, out, err);
    case LEAT_EXPR_CAST:
    case LEAT_EXPR_TRY_CAST:
        LEAT_TRY(leat_buffer_append_string(
            out, expr->kind == LEAT_EXPR_CAST ? "CAST(" : "TRY_CAST(", err));
        LEAT_TRY(leat_expr_print(expr->args[0], schema, out, err));
        LEAT_TRY(leat_buffer_append_string(out, " AS ", err));
        LEAT_TRY(leat_type_print(expr->type, out, err));
        return leat_buffer_append_byte(out, ')', err);
    case LEAT_EXPR_AND:
        return print_around("(", expr, 0, " AND ", ")", schema, out, err);
    case LEAT_EXPR_OR:
        return print_around("(", expr, 0, " OR ", ")", schema, out, err);
    case LEAT_EXPR_NOT:
        return print_around("(NOT ", expr, 0, "", ")", schema, out, err);
    case LEAT_EXPR_IS_NULL:
        return print_around("(", expr, 0, "", " IS NULL)", schema, out, err);
    case LEAT_EXPR_IS_NOT_NULL:
        return print_around("(", expr, 0, "", " IS NOT NULL)", schema, out, err);
    case LEAT_EXPR_CASE:
        return print_case(expr, schema, out, err);
    case LEAT_EXPR_COALESCE:
        return print_around("coalesce(", expr, 0, ", ", ")", schema, out, err);
    case LEAT_EXPR_IN:
        LEAT_TRY(leat_buffer_append_byte(out, '(', err));
        LEAT_TRY(leat_expr_print(expr->args[0], schema, out, err));
        return print_around(" IN (", expr, 1, ", ", "))", schema, out, err);
    case LEAT_EXPR_FIELD:
        LEAT_TRY(leat_expr_print(expr->args[0], schema, out, err));
        return leat_buffer_printf(out, err, ".%s", expr->args[0]->type->fields[expr->column].name);
    case LEAT_EXPR_NULLIF:
        return print_around("nullif(", expr, 0, ", ", ")", schema, out, err);
    case LEAT_EXPR_ROW:
        return print_around("row(", expr, 0, ", ", ")", schema, out, err);
    }
    return LEAT_OK;
}
