/* Plans as bytes: a node's kind, output schema, estimate and members, then its children. Shared
 * subplans are written the first time they are met and by number afterwards. Depth and counts are
 * checked when reading. */
#include "compute/plan/plan.h"
#include "compute/plan/sources.h"

enum { MAX_DEPTH = 1000, MAX_SHARED = 1000 };

struct putting {
    const struct leat_plan *shared[MAX_SHARED];
    uint32_t shared_count;
};
struct reading {
    struct leat_cursor *cursor;
    struct leat_plan_owner *owner;
    struct leat_plan *shared[MAX_SHARED];
    uint32_t shared_count;
};

/* --- writing --- */

static enum leat_status put_optional(const struct leat_expr *expr, struct leat_buffer *out,
                                     struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u8(out, expr != NULL, err));
    return expr ? leat_expr_put(expr, out, err) : LEAT_OK;
}

static enum leat_status put_exprs(struct leat_expr *const *exprs, uint32_t count,
                                  struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u32(out, count, err));
    for (uint32_t i = 0; i < count; i++)
        LEAT_TRY(leat_expr_put(exprs[i], out, err));
    return LEAT_OK;
}

static enum leat_status put_keys(const struct leat_sort_key *keys, uint32_t count,
                                 struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u32(out, count, err));
    for (uint32_t i = 0; i < count; i++) {
        LEAT_TRY(leat_expr_put(keys[i].expr, out, err));
        LEAT_TRY(leat_buffer_put_u8(out, keys[i].descending, err));
        LEAT_TRY(leat_buffer_put_u8(out, keys[i].nulls_first, err));
    }
    return LEAT_OK;
}

/* Functions travel by name and argument types: leat_expr_put knows how, so a call is wrapped as
 * one. */
static enum leat_status put_call(const struct leat_aggregate *call, struct leat_buffer *out,
                                 struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_string(out, call->function->name, err));
    LEAT_TRY(leat_type_put(call->type, out, err));
    LEAT_TRY(leat_buffer_put_u8(out, call->distinct, err));
    LEAT_TRY(leat_buffer_put_u32(out, call->offset, err));
    LEAT_TRY(leat_buffer_put_u32(out, call->length, err));
    LEAT_TRY(put_exprs(call->args, call->arg_count, out, err));
    LEAT_TRY(put_optional(call->filter, out, err));
    return put_keys(call->order, call->order_count, out, err);
}

static enum leat_status put_scan(const struct leat_plan *plan, struct leat_buffer *out,
                                 struct leat_error *err)
{
    const struct leat_scan *scan = &plan->scan.scan;

    LEAT_TRY(leat_source_put(plan->scan.source, out, err));
    LEAT_TRY(leat_buffer_put_u32(out, scan->column_count, err));
    for (uint32_t i = 0; i < scan->column_count; i++)
        LEAT_TRY(leat_buffer_put_u32(out, scan->columns[i], err));
    LEAT_TRY(leat_buffer_put_u32(out, scan->predicate_count, err));
    for (uint32_t i = 0; i < scan->predicate_count; i++) {
        const struct leat_predicate *predicate = &scan->predicates[i];
        LEAT_TRY(leat_buffer_put_u32(out, predicate->column, err));
        LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)predicate->op, err));
        LEAT_TRY(leat_buffer_put_u32(out, predicate->value_count, err));
        for (uint32_t v = 0; v < predicate->value_count; v++)
            LEAT_TRY(leat_value_put(&predicate->values[v], out, err));
    }
    LEAT_TRY(leat_buffer_put_u64(out, scan->limit, err));
    LEAT_TRY(put_optional(plan->scan.filter, out, err));
    LEAT_TRY(leat_buffer_put_u32(out, plan->scan.output_count, err));
    LEAT_TRY(leat_buffer_put_u8(out, plan->scan.splits != NULL, err));
    LEAT_TRY(leat_buffer_put_u32(out, plan->scan.split_count, err));
    for (uint32_t i = 0; i < plan->scan.split_count; i++)
        LEAT_TRY(leat_buffer_put_bytes(out, plan->scan.splits[i].data, plan->scan.splits[i].length,
                                       err));
    return LEAT_OK;
}

static enum leat_status put_join(const struct leat_plan *plan, struct leat_buffer *out,
                                 struct leat_error *err)
{
    uint32_t count = plan->join.key_count;

    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)plan->join.type, err));
    LEAT_TRY(put_exprs(plan->join.left_keys, count, out, err));
    LEAT_TRY(put_exprs(plan->join.right_keys, count, out, err));
    for (uint32_t i = 0; i < count; i++)
        LEAT_TRY(leat_buffer_put_u8(out, plan->join.null_safe && plan->join.null_safe[i], err));
    LEAT_TRY(put_optional(plan->join.residual, out, err));
    return leat_buffer_put_u8(out, plan->join.build_left, err);
}

static enum leat_status put_frame(const struct leat_frame *frame, struct leat_buffer *out,
                                  struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)frame->unit, err));
    LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)frame->start, err));
    LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)frame->end, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)frame->exclude, err));
    return leat_buffer_put_u8(out, (uint8_t)(frame->start_value | frame->end_value << 1), err);
}

static enum leat_status get_frame(struct leat_cursor *cursor, struct leat_frame *out,
                                  struct leat_error *err)
{
    uint64_t start, end;
    uint8_t unit, exclude, values;

    LEAT_TRY(leat_cursor_get_u8(cursor, &unit, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &start, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &end, err));
    LEAT_TRY(leat_cursor_get_u8(cursor, &exclude, err));
    LEAT_TRY(leat_cursor_get_u8(cursor, &values, err));
    if (unit > LEAT_FRAME_GROUPS || exclude > LEAT_FRAME_EXCLUDE_TIES || values > 3)
        return leat_error_set(err, LEAT_E_MESSAGE, "a frame of kind %u, %u, %u", unit, exclude,
                              values);
    *out = (struct leat_frame){.unit = (enum leat_frame_unit)unit,
                               .start = (int64_t)start,
                               .end = (int64_t)end,
                               .exclude = (enum leat_frame_exclude)exclude,
                               .start_value = values & 1,
                               .end_value = values >> 1};
    return LEAT_OK;
}

static enum leat_status put_window(const struct leat_plan *plan, struct leat_buffer *out,
                                   struct leat_error *err)
{
    LEAT_TRY(put_exprs(plan->window.partition_keys, plan->window.key_count, out, err));
    LEAT_TRY(put_keys(plan->window.order, plan->window.order_count, out, err));
    LEAT_TRY(leat_buffer_put_u32(out, plan->window.call_count, err));
    for (uint32_t i = 0; i < plan->window.call_count; i++) {
        LEAT_TRY(put_frame(&plan->window.calls[i].frame, out, err));
        LEAT_TRY(put_call(&plan->window.calls[i].call, out, err));
    }
    return LEAT_OK;
}

static enum leat_status put_members(const struct leat_plan *plan, struct leat_buffer *out,
                                    struct leat_error *err)
{
    switch (plan->kind) {
    case LEAT_PLAN_SCAN:
        return put_scan(plan, out, err);
    case LEAT_PLAN_VALUES:
        LEAT_TRY(leat_buffer_put_u32(out, plan->values.row_count, err));
        for (uint32_t r = 0; r < plan->values.row_count; r++)
            LEAT_TRY(put_exprs(plan->values.rows[r], plan->schema.count, out, err));
        return LEAT_OK;
    case LEAT_PLAN_FILTER:
        return leat_expr_put(plan->filter.condition, out, err);
    case LEAT_PLAN_PROJECT:
        return put_exprs(plan->project.exprs, plan->schema.count, out, err);
    case LEAT_PLAN_AGGREGATE:
        LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)plan->aggregate.mode, err));
        LEAT_TRY(put_exprs(plan->aggregate.keys, plan->aggregate.key_count, out, err));
        LEAT_TRY(leat_buffer_put_u32(out, plan->aggregate.call_count, err));
        for (uint32_t i = 0; i < plan->aggregate.call_count; i++)
            LEAT_TRY(put_call(&plan->aggregate.calls[i], out, err));
        return LEAT_OK;
    case LEAT_PLAN_JOIN:
        return put_join(plan, out, err);
    case LEAT_PLAN_SORT:
        LEAT_TRY(put_keys(plan->sort.keys, plan->sort.key_count, out, err));
        LEAT_TRY(leat_buffer_put_u64(out, plan->sort.limit, err));
        return leat_buffer_put_u64(out, plan->sort.offset, err);
    case LEAT_PLAN_LIMIT:
        LEAT_TRY(leat_buffer_put_u64(out, plan->limit.limit, err));
        return leat_buffer_put_u64(out, plan->limit.offset, err);
    case LEAT_PLAN_EXCHANGE:
        LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)plan->exchange.type, err));
        return put_exprs(plan->exchange.keys, plan->exchange.key_count, out, err);
    case LEAT_PLAN_WRITE:
        return leat_sink_put(plan->write.sink, out, err);
    case LEAT_PLAN_SHARED:
        return leat_buffer_put_u32(out, plan->shared.id, err);
    case LEAT_PLAN_WINDOW:
        return put_window(plan, out, err);
    case LEAT_PLAN_UNNEST:
        LEAT_TRY(leat_expr_put(plan->unnest.list, out, err));
        LEAT_TRY(leat_buffer_put_u8(out, plan->unnest.keep_empty, err));
        return leat_buffer_put_u8(out, plan->unnest.ordinality, err);
    case LEAT_PLAN_INPUT:
        return leat_buffer_put_u32(out, plan->input.stage, err);
    case LEAT_PLAN_SERIES:
        LEAT_TRY(leat_expr_put(plan->series.start, out, err));
        LEAT_TRY(leat_expr_put(plan->series.stop, out, err));
        return put_optional(plan->series.step, out, err);
    case LEAT_PLAN_RECURSIVE: /* run where the plan was made */
    case LEAT_PLAN_WORKING:
        return leat_error_internal(err, "a recursion cannot travel");
    case LEAT_PLAN_UNION:
        return LEAT_OK;
    }
    return leat_error_internal(err, "plan node %d cannot be serialised", (int)plan->kind);
}

static enum leat_status put_plan(struct putting *putting, const struct leat_plan *plan,
                                 unsigned depth, struct leat_buffer *out, struct leat_error *err)
{
    if (depth > MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "a plan deeper than %d", MAX_DEPTH);
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)plan->kind, err));
    LEAT_TRY(leat_schema_put(&plan->schema, out, err));
    LEAT_TRY(leat_buffer_put_double(out, plan->rows, err));
    LEAT_TRY(put_members(plan, out, err));
    if (plan->kind == LEAT_PLAN_SHARED) {
        for (uint32_t i = 0; i < putting->shared_count; i++)
            if (putting->shared[i] == plan->children[0])
                return leat_buffer_put_u32(out, i, err);
        if (putting->shared_count == MAX_SHARED)
            return leat_error_set(err, LEAT_E_LIMIT, "more than %d shared subplans", MAX_SHARED);
        LEAT_TRY(leat_buffer_put_u32(out, UINT32_MAX, err));
        LEAT_TRY(put_plan(putting, plan->children[0], depth + 1, out, err));
        putting->shared[putting->shared_count++] = plan->children[0];
        return LEAT_OK;
    }
    LEAT_TRY(leat_buffer_put_u32(out, plan->child_count, err));
    for (uint32_t i = 0; i < plan->child_count; i++)
        LEAT_TRY(put_plan(putting, plan->children[i], depth + 1, out, err));
    return LEAT_OK;
}

enum leat_status leat_plan_put(const struct leat_plan *plan, struct leat_buffer *out,
                               struct leat_error *err)
{
    struct putting putting = {.shared_count = 0};

    return put_plan(&putting, plan, 0, out, err);
}

/* --- reading --- */

/* A count of items that take at least one byte each. */
static enum leat_status get_count(struct reading *r, uint32_t *out, struct leat_error *err)
{
    LEAT_TRY(leat_cursor_get_u32(r->cursor, out, err));
    if (*out > r->cursor->length - r->cursor->position)
        return leat_error_set(err, LEAT_E_MESSAGE, "a plan with %u items in a list", *out);
    return LEAT_OK;
}

static enum leat_status get_flag(struct reading *r, bool *out, struct leat_error *err)
{
    uint8_t byte;

    LEAT_TRY(leat_cursor_get_u8(r->cursor, &byte, err));
    *out = byte != 0;
    return LEAT_OK;
}

static enum leat_status get_optional(struct reading *r, struct leat_expr **out,
                                     struct leat_error *err)
{
    bool present;

    *out = NULL;
    LEAT_TRY(get_flag(r, &present, err));
    return present ? leat_expr_read(r->cursor, &r->owner->arena, out, err) : LEAT_OK;
}

static enum leat_status get_exprs(struct reading *r, struct leat_expr ***out, uint32_t *count,
                                  struct leat_error *err)
{
    LEAT_TRY(get_count(r, count, err));
    *out = LEAT_NEW_ARRAY(&r->owner->arena, struct leat_expr *, *count);
    if (!*out)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < *count; i++)
        LEAT_TRY(leat_expr_read(r->cursor, &r->owner->arena, &(*out)[i], err));
    return LEAT_OK;
}

/* The same where the number is known from elsewhere. */
static enum leat_status get_exprs_of(struct reading *r, uint32_t expected, struct leat_expr ***out,
                                     struct leat_error *err)
{
    uint32_t count;

    LEAT_TRY(get_exprs(r, out, &count, err));
    if (count != expected)
        return leat_error_set(err, LEAT_E_MESSAGE, "a plan with %u expressions for %u columns",
                              count, expected);
    return LEAT_OK;
}

static enum leat_status get_keys(struct reading *r, struct leat_sort_key **out, uint32_t *count,
                                 struct leat_error *err)
{
    LEAT_TRY(get_count(r, count, err));
    *out = LEAT_NEW_ARRAY(&r->owner->arena, struct leat_sort_key, *count);
    if (!*out)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < *count; i++) {
        LEAT_TRY(leat_expr_read(r->cursor, &r->owner->arena, &(*out)[i].expr, err));
        LEAT_TRY(get_flag(r, &(*out)[i].descending, err));
        LEAT_TRY(get_flag(r, &(*out)[i].nulls_first, err));
    }
    return LEAT_OK;
}

/* The last `more` arguments are a frame's, not the function's. */
static enum leat_status get_call(struct reading *r, uint32_t more, struct leat_aggregate *call,
                                 struct leat_error *err)
{
    struct leat_arena *arena = &r->owner->arena;
    struct leat_function_match match;
    const struct leat_type **types;
    bool *literal;
    const char *name;

    LEAT_TRY(leat_cursor_get_string(r->cursor, arena, &name, err));
    LEAT_TRY(leat_type_read(r->cursor, arena, &call->type, err));
    LEAT_TRY(get_flag(r, &call->distinct, err));
    LEAT_TRY(leat_cursor_get_u32(r->cursor, &call->offset, err));
    LEAT_TRY(leat_cursor_get_u32(r->cursor, &call->length, err));
    LEAT_TRY(get_exprs(r, &call->args, &call->arg_count, err));
    LEAT_TRY(get_optional(r, &call->filter, err));
    LEAT_TRY(get_keys(r, &call->order, &call->order_count, err));
    if (call->arg_count < more)
        return leat_error_set(err, LEAT_E_MESSAGE, "a frame without its values");
    types = LEAT_NEW_ARRAY(arena, const struct leat_type *, call->arg_count);
    literal = LEAT_NEW_ARRAY(arena, bool, call->arg_count);
    if (!types || !literal)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < call->arg_count; i++)
        types[i] = call->args[i]->type;
    LEAT_TRY(
        leat_function_resolve(name, types, literal, call->arg_count - more, arena, &match, err));
    call->function = match.function;
    return LEAT_OK;
}

static enum leat_status get_calls(struct reading *r, struct leat_aggregate **out, uint32_t *count,
                                  struct leat_error *err)
{
    LEAT_TRY(get_count(r, count, err));
    *out = LEAT_NEW_ARRAY(&r->owner->arena, struct leat_aggregate, *count);
    if (!*out)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < *count; i++)
        LEAT_TRY(get_call(r, 0, &(*out)[i], err));
    return LEAT_OK;
}

static enum leat_status get_predicates(struct reading *r, struct leat_scan *scan,
                                       uint32_t column_limit, struct leat_error *err)
{
    struct leat_predicate *predicates;

    LEAT_TRY(get_count(r, &scan->predicate_count, err));
    predicates = LEAT_NEW_ARRAY(&r->owner->arena, struct leat_predicate, scan->predicate_count);
    if (!predicates)
        return leat_error_memory(err);
    scan->predicates = predicates;
    for (uint32_t i = 0; i < scan->predicate_count; i++) {
        struct leat_value *values;
        uint8_t op;
        LEAT_TRY(leat_cursor_get_u32(r->cursor, &predicates[i].column, err));
        LEAT_TRY(leat_cursor_get_u8(r->cursor, &op, err));
        LEAT_TRY(get_count(r, &predicates[i].value_count, err));
        if (predicates[i].column >= column_limit || op > LEAT_PREDICATE_IS_NOT_NULL)
            return leat_error_set(err, LEAT_E_MESSAGE, "a predicate on no column");
        predicates[i].op = (enum leat_predicate_op)op;
        values = LEAT_NEW_ARRAY(&r->owner->arena, struct leat_value, predicates[i].value_count);
        if (!values)
            return leat_error_memory(err);
        predicates[i].values = values;
        for (uint32_t v = 0; v < predicates[i].value_count; v++)
            LEAT_TRY(leat_value_read(r->cursor, &r->owner->arena, &values[v], err));
    }
    return LEAT_OK;
}

static enum leat_status get_splits(struct reading *r, struct leat_plan *plan,
                                   struct leat_error *err)
{
    struct leat_text bytes;
    bool present;

    LEAT_TRY(get_flag(r, &present, err));
    LEAT_TRY(get_count(r, &plan->scan.split_count, err));
    if (!present)
        return LEAT_OK;
    plan->scan.splits = LEAT_NEW_ARRAY(&r->owner->arena, struct leat_text, plan->scan.split_count);
    if (!plan->scan.splits)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < plan->scan.split_count; i++) {
        LEAT_TRY(leat_cursor_get_bytes(r->cursor, &bytes, err));
        plan->scan.splits[i].data = leat_arena_copy(&r->owner->arena, bytes.data, bytes.length);
        plan->scan.splits[i].length = bytes.length;
        if (!plan->scan.splits[i].data)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

static enum leat_status get_scan(struct reading *r, struct leat_plan *plan, struct leat_error *err)
{
    struct leat_scan *scan = &plan->scan.scan;
    uint32_t *columns, limit;

    LEAT_TRY(leat_source_read(r->cursor, &plan->scan.source, err));
    LEAT_TRY(leat_plan_own_source(r->owner, plan->scan.source, err));
    limit = plan->scan.source->schema.count;
    LEAT_TRY(get_count(r, &scan->column_count, err));
    columns = LEAT_NEW_ARRAY(&r->owner->arena, uint32_t, scan->column_count);
    if (!columns)
        return leat_error_memory(err);
    scan->columns = columns;
    for (uint32_t i = 0; i < scan->column_count; i++) {
        LEAT_TRY(leat_cursor_get_u32(r->cursor, &columns[i], err));
        if (columns[i] >= limit)
            return leat_error_set(err, LEAT_E_MESSAGE, "a scan of column %u of %u", columns[i],
                                  limit);
    }
    LEAT_TRY(get_predicates(r, scan, limit, err));
    LEAT_TRY(leat_cursor_get_u64(r->cursor, &scan->limit, err));
    LEAT_TRY(get_optional(r, &plan->scan.filter, err));
    LEAT_TRY(leat_cursor_get_u32(r->cursor, &plan->scan.output_count, err));
    return get_splits(r, plan, err);
}

static enum leat_status get_join(struct reading *r, struct leat_plan *plan, struct leat_error *err)
{
    bool any = false, *null_safe;
    uint8_t type;

    LEAT_TRY(leat_cursor_get_u8(r->cursor, &type, err));
    plan->join.type = (enum leat_join_type)type;
    if (type > LEAT_JOIN_SINGLE)
        return leat_error_set(err, LEAT_E_MESSAGE, "join type %u", type);
    LEAT_TRY(get_exprs(r, &plan->join.left_keys, &plan->join.key_count, err));
    LEAT_TRY(get_exprs_of(r, plan->join.key_count, &plan->join.right_keys, err));
    null_safe = LEAT_NEW_ARRAY(&r->owner->arena, bool, plan->join.key_count);
    if (!null_safe)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < plan->join.key_count; i++) {
        LEAT_TRY(get_flag(r, &null_safe[i], err));
        any |= null_safe[i];
    }
    plan->join.null_safe = any ? null_safe : NULL;
    LEAT_TRY(get_optional(r, &plan->join.residual, err));
    return get_flag(r, &plan->join.build_left, err);
}

static enum leat_status get_window(struct reading *r, struct leat_plan *plan,
                                   struct leat_error *err)
{
    LEAT_TRY(get_exprs(r, &plan->window.partition_keys, &plan->window.key_count, err));
    LEAT_TRY(get_keys(r, &plan->window.order, &plan->window.order_count, err));
    LEAT_TRY(get_count(r, &plan->window.call_count, err));
    plan->window.calls =
        LEAT_NEW_ARRAY(&r->owner->arena, struct leat_window_call, plan->window.call_count);
    if (!plan->window.calls)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < plan->window.call_count; i++) {
        struct leat_window_call *call = &plan->window.calls[i];
        LEAT_TRY(get_frame(r->cursor, &call->frame, err));
        LEAT_TRY(get_call(r, leat_frame_values(&call->frame), &call->call, err));
    }
    return LEAT_OK;
}

static enum leat_status get_values(struct reading *r, struct leat_plan *plan,
                                   struct leat_error *err)
{
    LEAT_TRY(get_count(r, &plan->values.row_count, err));
    plan->values.rows =
        LEAT_NEW_ARRAY(&r->owner->arena, struct leat_expr **, plan->values.row_count);
    if (!plan->values.rows)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < plan->values.row_count; i++)
        LEAT_TRY(get_exprs_of(r, plan->schema.count, &plan->values.rows[i], err));
    return LEAT_OK;
}

static enum leat_status get_members(struct reading *r, struct leat_plan *plan,
                                    struct leat_error *err)
{
    struct leat_arena *arena = &r->owner->arena;
    uint8_t byte;

    switch (plan->kind) {
    case LEAT_PLAN_SCAN:
        return get_scan(r, plan, err);
    case LEAT_PLAN_VALUES:
        return get_values(r, plan, err);
    case LEAT_PLAN_FILTER:
        return leat_expr_read(r->cursor, arena, &plan->filter.condition, err);
    case LEAT_PLAN_PROJECT:
        return get_exprs_of(r, plan->schema.count, &plan->project.exprs, err);
    case LEAT_PLAN_AGGREGATE:
        LEAT_TRY(leat_cursor_get_u8(r->cursor, &byte, err));
        plan->aggregate.mode = (enum leat_aggregate_mode)(byte <= 2 ? byte : 0);
        LEAT_TRY(get_exprs(r, &plan->aggregate.keys, &plan->aggregate.key_count, err));
        return get_calls(r, &plan->aggregate.calls, &plan->aggregate.call_count, err);
    case LEAT_PLAN_JOIN:
        return get_join(r, plan, err);
    case LEAT_PLAN_SORT:
        LEAT_TRY(get_keys(r, &plan->sort.keys, &plan->sort.key_count, err));
        LEAT_TRY(leat_cursor_get_u64(r->cursor, &plan->sort.limit, err));
        return leat_cursor_get_u64(r->cursor, &plan->sort.offset, err);
    case LEAT_PLAN_LIMIT:
        LEAT_TRY(leat_cursor_get_u64(r->cursor, &plan->limit.limit, err));
        return leat_cursor_get_u64(r->cursor, &plan->limit.offset, err);
    case LEAT_PLAN_EXCHANGE:
        LEAT_TRY(leat_cursor_get_u8(r->cursor, &byte, err));
        plan->exchange.type = (enum leat_exchange_type)(byte & 3);
        return get_exprs(r, &plan->exchange.keys, &plan->exchange.key_count, err);
    case LEAT_PLAN_WRITE:
        LEAT_TRY(leat_sink_read(r->cursor, r->owner->sink_kinds, r->owner->sink_kind_count,
                                &plan->write.sink, err));
        return leat_plan_own_sink(r->owner, plan->write.sink, err);
    case LEAT_PLAN_SHARED:
        return leat_cursor_get_u32(r->cursor, &plan->shared.id, err);
    case LEAT_PLAN_WINDOW:
        return get_window(r, plan, err);
    case LEAT_PLAN_UNNEST:
        LEAT_TRY(leat_expr_read(r->cursor, arena, &plan->unnest.list, err));
        LEAT_TRY(get_flag(r, &plan->unnest.keep_empty, err));
        return get_flag(r, &plan->unnest.ordinality, err);
    case LEAT_PLAN_INPUT:
        return leat_cursor_get_u32(r->cursor, &plan->input.stage, err);
    case LEAT_PLAN_SERIES:
        LEAT_TRY(leat_expr_read(r->cursor, arena, &plan->series.start, err));
        LEAT_TRY(leat_expr_read(r->cursor, arena, &plan->series.stop, err));
        return get_optional(r, &plan->series.step, err);
    case LEAT_PLAN_UNION:
        return LEAT_OK;
    case LEAT_PLAN_RECURSIVE:
    case LEAT_PLAN_WORKING:
        break;
    }
    return leat_error_set(err, LEAT_E_MESSAGE, "plan node %d", (int)plan->kind);
}

static enum leat_status get_plan(struct reading *r, unsigned depth, struct leat_plan **out,
                                 struct leat_error *err);

static enum leat_status get_shared(struct reading *r, unsigned depth, struct leat_plan *plan,
                                   struct leat_error *err)
{
    uint32_t number;

    LEAT_TRY(leat_cursor_get_u32(r->cursor, &number, err));
    plan->child_count = 1;
    if (number < r->shared_count) {
        plan->children[0] = r->shared[number];
        return LEAT_OK;
    }
    if (number != UINT32_MAX || r->shared_count == MAX_SHARED)
        return leat_error_set(err, LEAT_E_MESSAGE, "shared subplan %u", number);
    LEAT_TRY(get_plan(r, depth + 1, &plan->children[0], err));
    r->shared[r->shared_count++] = plan->children[0];
    return LEAT_OK;
}

static enum leat_status get_plan(struct reading *r, unsigned depth, struct leat_plan **out,
                                 struct leat_error *err)
{
    struct leat_plan *plan = LEAT_NEW(&r->owner->arena, struct leat_plan);
    uint8_t kind;

    if (!plan)
        return leat_error_memory(err);
    LEAT_TRY(leat_cursor_get_u8(r->cursor, &kind, err));
    if (depth > MAX_DEPTH)
        return leat_error_set(err, LEAT_E_MESSAGE, "a plan deeper than %d", MAX_DEPTH);
    plan->kind = (enum leat_plan_kind)kind;
    LEAT_TRY(leat_schema_read(r->cursor, &r->owner->arena, &plan->schema, err));
    LEAT_TRY(leat_cursor_get_double(r->cursor, &plan->rows, err));
    LEAT_TRY(get_members(r, plan, err));
    if (plan->kind == LEAT_PLAN_SHARED)
        plan->child_count = 1;
    else
        LEAT_TRY(get_count(r, &plan->child_count, err));
    plan->children = LEAT_NEW_ARRAY(&r->owner->arena, struct leat_plan *, plan->child_count);
    if (!plan->children)
        return leat_error_memory(err);
    *out = plan;
    if (plan->kind == LEAT_PLAN_SHARED)
        return get_shared(r, depth, plan, err);
    for (uint32_t i = 0; i < plan->child_count; i++)
        LEAT_TRY(get_plan(r, depth + 1, &plan->children[i], err));
    return LEAT_OK;
}

enum leat_status leat_plan_read(struct leat_cursor *cursor, struct leat_plan_owner *owner,
                                struct leat_plan **out, struct leat_error *err)
{
    struct reading reading = {.cursor = cursor, .owner = owner};

    *out = NULL;
    return get_plan(&reading, 0, out, err);
}
