/* EXPLAIN: one line an operator, with what decides its cost, children indented below. */
#include "compute/plan/plan.h"

struct printing {
    struct leat_buffer *out;
    struct leat_error *err;
    uint32_t shared[64]; /* ids printed already */
    uint32_t shared_count;
};

static enum leat_status put(struct printing *p, const char *text)
{
    return leat_buffer_append_string(p->out, text, p->err);
}

static enum leat_status put_exprs(struct printing *p, const char *title,
                                  struct leat_expr *const *exprs, uint32_t count,
                                  const struct leat_schema *schema)
{
    if (!count)
        return LEAT_OK;
    LEAT_TRY(put(p, title));
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            LEAT_TRY(put(p, ", "));
        if (i == 8 && count > 12)
            return leat_buffer_printf(p->out, p->err, "... %u more", count - 8);
        LEAT_TRY(leat_expr_print(exprs[i], schema, p->out, p->err));
    }
    return LEAT_OK;
}

static enum leat_status put_keys(struct printing *p, const struct leat_sort_key *keys,
                                 uint32_t count, const struct leat_schema *schema)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            LEAT_TRY(put(p, ", "));
        LEAT_TRY(leat_expr_print(keys[i].expr, schema, p->out, p->err));
        if (keys[i].descending)
            LEAT_TRY(put(p, " desc"));
        if (keys[i].nulls_first != keys[i].descending)
            LEAT_TRY(put(p, keys[i].nulls_first ? " nulls first" : " nulls last"));
    }
    return LEAT_OK;
}

static enum leat_status put_call(struct printing *p, const struct leat_aggregate *call,
                                 const struct leat_schema *schema)
{
    LEAT_TRY(put(p, call->function->name));
    LEAT_TRY(put(p, call->distinct ? "(distinct " : "("));
    if (!call->arg_count && call->function->kind == LEAT_FUNCTION_AGGREGATE)
        LEAT_TRY(put(p, "*"));
    LEAT_TRY(put_exprs(p, "", call->args, call->arg_count, schema));
    if (call->order_count) {
        LEAT_TRY(put(p, " order by "));
        LEAT_TRY(put_keys(p, call->order, call->order_count, schema));
    }
    LEAT_TRY(put(p, ")"));
    if (call->filter) {
        LEAT_TRY(put(p, " filter "));
        LEAT_TRY(leat_expr_print(call->filter, schema, p->out, p->err));
    }
    return LEAT_OK;
}

static enum leat_status put_scan(struct printing *p, const struct leat_plan *plan)
{
    const struct leat_scan *scan = &plan->scan.scan;
    const struct leat_schema *all = &plan->scan.source->schema;
    struct leat_field fields[64];
    struct leat_schema read = {.count = 0, .fields = fields};

    LEAT_TRY(leat_buffer_printf(p->out, p->err, "scan %s (%s) [", plan->scan.source->name,
                                plan->scan.source->ops->kind));
    for (uint32_t i = 0; i < scan->column_count; i++) {
        if (i < 64)
            fields[read.count++] = all->fields[scan->columns[i]];
        if (i < 16)
            LEAT_TRY(leat_buffer_printf(p->out, p->err, "%s%s", i ? ", " : "",
                                        all->fields[scan->columns[i]].name));
    }
    if (scan->column_count > 16)
        LEAT_TRY(leat_buffer_printf(p->out, p->err, ", ... %u more", scan->column_count - 16));
    LEAT_TRY(put(p, "]"));
    if (plan->scan.filter) {
        LEAT_TRY(put(p, " where "));
        LEAT_TRY(leat_expr_print(plan->scan.filter, scan->column_count <= 64 ? &read : NULL, p->out,
                                 p->err));
    }
    if (scan->predicate_count)
        LEAT_TRY(
            leat_buffer_printf(p->out, p->err, " (%u skip conditions)", scan->predicate_count));
    if (scan->limit != UINT64_MAX)
        LEAT_TRY(
            leat_buffer_printf(p->out, p->err, " limit %llu", (unsigned long long)scan->limit));
    return LEAT_OK;
}

static enum leat_status put_join(struct printing *p, const struct leat_plan *plan)
{
    static const char *const names[] = {"inner join", "left join", "right join", "full join",
                                        "semi join",  "anti join", "mark join",  "single join"};
    const struct leat_schema *left = &plan->children[0]->schema;
    const struct leat_schema *right = &plan->children[1]->schema;

    LEAT_TRY(put(p, plan->join.key_count || plan->join.residual || plan->join.type
                        ? names[plan->join.type]
                        : "cross join"));
    for (uint32_t i = 0; i < plan->join.key_count; i++) {
        bool safe = plan->join.null_safe && plan->join.null_safe[i];
        LEAT_TRY(put(p, i ? " and " : " on "));
        LEAT_TRY(leat_expr_print(plan->join.left_keys[i], left, p->out, p->err));
        LEAT_TRY(put(p, safe ? " is not distinct from " : " = "));
        LEAT_TRY(leat_expr_print(plan->join.right_keys[i], right, p->out, p->err));
    }
    if (plan->join.residual) {
        struct leat_field fields[256];
        struct leat_schema both = {.count = left->count + right->count, .fields = fields};
        bool fits = both.count <= 256;
        for (uint32_t i = 0; fits && i < both.count; i++)
            fields[i] = i < left->count ? left->fields[i] : right->fields[i - left->count];
        LEAT_TRY(put(p, plan->join.key_count ? " and also " : " on "));
        LEAT_TRY(leat_expr_print(plan->join.residual, fits ? &both : NULL, p->out, p->err));
    }
    return plan->join.build_left ? put(p, " (hash left)") : LEAT_OK;
}

static enum leat_status put_window(struct printing *p, const struct leat_plan *plan)
{
    const struct leat_schema *child = &plan->children[0]->schema;

    LEAT_TRY(put(p, "window "));
    for (uint32_t i = 0; i < plan->window.call_count; i++) {
        if (i)
            LEAT_TRY(put(p, ", "));
        LEAT_TRY(put_call(p, &plan->window.calls[i].call, child));
    }
    LEAT_TRY(
        put_exprs(p, " partition by ", plan->window.partition_keys, plan->window.key_count, child));
    if (plan->window.order_count)
        LEAT_TRY(put(p, " order by "));
    return put_keys(p, plan->window.order, plan->window.order_count, child);
}

static enum leat_status put_aggregate(struct printing *p, const struct leat_plan *plan)
{
    static const char *const modes[] = {"", "partial ", "final "};
    const struct leat_schema *child = &plan->children[0]->schema;

    LEAT_TRY(leat_buffer_printf(p->out, p->err, "%s%s", modes[plan->aggregate.mode],
                                plan->aggregate.call_count ? "aggregate " : "distinct"));
    for (uint32_t i = 0; i < plan->aggregate.call_count; i++) {
        if (i)
            LEAT_TRY(put(p, ", "));
        LEAT_TRY(put_call(p, &plan->aggregate.calls[i], child));
    }
    return put_exprs(p, " by ", plan->aggregate.keys, plan->aggregate.key_count, child);
}

static enum leat_status put_limit(struct printing *p, uint64_t limit, uint64_t offset)
{
    if (limit != UINT64_MAX)
        LEAT_TRY(leat_buffer_printf(p->out, p->err, " limit %llu", (unsigned long long)limit));
    if (offset)
        LEAT_TRY(leat_buffer_printf(p->out, p->err, " offset %llu", (unsigned long long)offset));
    return LEAT_OK;
}

static enum leat_status put_node(struct printing *p, const struct leat_plan *plan)
{
    static const char *const exchanges[] = {"single", "hash", "broadcast", "range"};
    const struct leat_schema *child = plan->child_count ? &plan->children[0]->schema : NULL;

    switch (plan->kind) {
    case LEAT_PLAN_SCAN:
        return put_scan(p, plan);
    case LEAT_PLAN_VALUES:
        return leat_buffer_printf(p->out, p->err, "values %u rows", plan->values.row_count);
    case LEAT_PLAN_FILTER:
        LEAT_TRY(put(p, "filter "));
        return leat_expr_print(plan->filter.condition, child, p->out, p->err);
    case LEAT_PLAN_PROJECT:
        return put_exprs(p, "project ", plan->project.exprs, plan->schema.count, child);
    case LEAT_PLAN_AGGREGATE:
        return put_aggregate(p, plan);
    case LEAT_PLAN_JOIN:
        return put_join(p, plan);
    case LEAT_PLAN_SORT:
        LEAT_TRY(put(p, "sort "));
        LEAT_TRY(put_keys(p, plan->sort.keys, plan->sort.key_count, child));
        return put_limit(p, plan->sort.limit, plan->sort.offset);
    case LEAT_PLAN_LIMIT:
        LEAT_TRY(put(p, "rows"));
        return put_limit(p, plan->limit.limit, plan->limit.offset);
    case LEAT_PLAN_UNION:
        return put(p, "union all");
    case LEAT_PLAN_EXCHANGE:
        LEAT_TRY(leat_buffer_printf(p->out, p->err, "exchange %s", exchanges[plan->exchange.type]));
        return put_exprs(p, " by ", plan->exchange.keys, plan->exchange.key_count, child);
    case LEAT_PLAN_WRITE:
        return leat_buffer_printf(p->out, p->err, "write (%s)", plan->write.sink->ops->kind);
    case LEAT_PLAN_SHARED:
        return leat_buffer_printf(p->out, p->err, "shared #%u", plan->shared.id + 1);
    case LEAT_PLAN_WINDOW:
        return put_window(p, plan);
    case LEAT_PLAN_UNNEST:
        LEAT_TRY(put(p, "unnest "));
        return leat_expr_print(plan->unnest.list, child, p->out, p->err);
    case LEAT_PLAN_INPUT:
        return leat_buffer_printf(p->out, p->err, "input %u", plan->input.stage);
    case LEAT_PLAN_RECURSIVE:
        return leat_buffer_printf(p->out, p->err, "recursion #%u", plan->recursion.id + 1);
    case LEAT_PLAN_WORKING:
        return leat_buffer_printf(p->out, p->err, "%s of recursion #%u",
                                  plan->recursion.all ? "all rows" : "rows of the last round",
                                  plan->recursion.id + 1);
    case LEAT_PLAN_SERIES:
        LEAT_TRY(put(p, "series "));
        LEAT_TRY(leat_expr_print(plan->series.start, NULL, p->out, p->err));
        LEAT_TRY(put(p, " to "));
        return leat_expr_print(plan->series.stop, NULL, p->out, p->err);
    }
    return LEAT_OK;
}

static enum leat_status print(struct printing *p, const struct leat_plan *plan, unsigned depth)
{
    for (unsigned i = 0; i < depth && i < 200; i++)
        LEAT_TRY(put(p, "  "));
    LEAT_TRY(put_node(p, plan));
    if (plan->rows >= 1)
        LEAT_TRY(leat_buffer_printf(p->out, p->err, "  ~%.0f rows", plan->rows));
    if (plan->kind == LEAT_PLAN_SHARED) {
        for (uint32_t i = 0; i < p->shared_count; i++)
            if (p->shared[i] == plan->shared.id)
                return put(p, " (see above)\n");
        if (p->shared_count < 64)
            p->shared[p->shared_count++] = plan->shared.id;
    }
    LEAT_TRY(put(p, "\n"));
    if (depth > 900)
        return LEAT_OK;
    for (uint32_t i = 0; i < plan->child_count; i++)
        LEAT_TRY(print(p, plan->children[i], depth + 1));
    return LEAT_OK;
}

enum leat_status leat_plan_print(const struct leat_plan *plan, struct leat_buffer *out,
                                 struct leat_error *err)
{
    struct printing p = {.out = out, .err = err};
    return print(&p, plan, 0);
}
