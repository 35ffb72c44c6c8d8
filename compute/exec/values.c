/* Sources of rows made here: constant rows, series of integers, and shared subplans computed once.
 * All become tables. */
#include "compute/exec/exec_internal.h"

struct table_state {
    struct leat_table_source source;
};

static enum leat_status new_state(struct leat_exec *exec, struct leat_node *node,
                                  struct table_state **out, struct leat_error *err)
{
    *out = LEAT_NEW(&exec->arena, struct table_state);
    if (!*out)
        return leat_error_memory(err);
    leat_table_rows_init(&(*out)->source.table, exec->options->accountant);
    node->state = *out;
    return LEAT_OK;
}

static void release_state(struct leat_node *node)
{
    leat_table_rows_release(&((struct table_state *)node->state)->source.table);
}

static enum leat_status open_state(struct leat_exec *exec, struct leat_node *node,
                                   struct leat_operator **out, struct leat_error *err)
{
    return leat_table_source_open(exec, &((struct table_state *)node->state)->source, out, err);
}

/* One row of expressions, evaluated over a batch of one row without columns. */
static enum leat_status append_row(struct leat_exec *exec, const struct leat_plan *plan,
                                   uint32_t row, struct leat_rows *rows, struct leat_error *err)
{
    struct leat_batch empty = {.length = 1}, batch = {plan->schema.count, 1, NULL};
    struct leat_evaluator *evaluator;
    enum leat_status status;

    LEAT_TRY(leat_evaluator_new(plan->values.rows[row], plan->schema.count, &exec->options->source,
                                exec->options->accountant, &evaluator, err));
    batch.columns = leat_calloc(plan->schema.count, sizeof(struct leat_vector));
    status = batch.columns ? leat_evaluator_run(evaluator, &empty, batch.columns, err)
                           : leat_error_memory(err);
    if (status == LEAT_OK)
        status = leat_rows_append(rows, &batch, err);
    leat_free(batch.columns);
    leat_evaluator_free(evaluator);
    return status;
}

static enum leat_status values_prepare(struct leat_exec *exec, struct leat_node *node,
                                       struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    struct table_state *state;
    struct leat_rows rows = {0};
    enum leat_status status;

    LEAT_TRY(new_state(exec, node, &state, err));
    if (plan->schema.count == 0) {
        state->source.end = state->source.table.length = plan->values.row_count;
        return LEAT_OK;
    }
    status = leat_rows_init(&rows, &plan->schema, exec->options->accountant, err);
    for (uint32_t r = 0; status == LEAT_OK && r < plan->values.row_count; r++)
        status = append_row(exec, plan, r, &rows, err);
    if (status == LEAT_OK)
        status = leat_table_rows_join(exec, &rows, 1, &plan->schema, &state->source.table, err);
    leat_rows_release(&rows);
    state->source.end = state->source.table.length;
    return status;
}

const struct leat_node_ops leat_values_node = {values_prepare, open_state, release_state};

/* --- generate_series of integers --- */
enum { SERIES_CHECK = 1 << 20 }; /* rows between looks whether the query is cancelled */

static int64_t constant_integer(const struct leat_value *value)
{
    return value->type->id == LEAT_DECIMAL ? (int64_t)value->decimal : value->integer;
}

static enum leat_status fill_series(struct leat_exec *exec, const struct leat_plan *plan,
                                    const int64_t bounds[3], struct leat_table_rows *table,
                                    struct leat_error *err)
{
    int64_t start = bounds[0], stop = bounds[1], step = bounds[2];
    uint64_t count = 0;
    bool wide = plan->schema.fields[0].type->id == LEAT_INT64;
    void *data;

    if (step == 0)
        return leat_error_set(err, LEAT_E_LIMIT, "generate_series: the step must not be zero");
    if (step > 0 && start <= stop)
        count = ((uint64_t)stop - (uint64_t)start) / (uint64_t)step + 1;
    else if (step < 0 && start >= stop)
        count = ((uint64_t)start - (uint64_t)stop) / (0 - (uint64_t)step) + 1;
    if (count >= UINT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "generate_series of %llu rows",
                              (unsigned long long)count);
    table->column_count = 1;
    table->columns = LEAT_NEW(&table->arena, struct leat_vector);
    data = leat_arena_alloc_aligned(&table->arena, count * 8 + 8);
    if (!table->columns || !data)
        return leat_error_memory(err);
    for (uint64_t i = 0; i < count; i++) {
        int64_t value = (int64_t)((uint64_t)start + i * (uint64_t)step);
        if (i % SERIES_CHECK == 0)
            LEAT_TRY(leat_exec_check(exec, err));
        if (wide)
            ((int64_t *)data)[i] = value;
        else
            ((int32_t *)data)[i] = (int32_t)value;
    }
    table->columns[0] = (struct leat_vector){.type = plan->schema.fields[0].type,
                                             .form = LEAT_FLAT,
                                             .length = (uint32_t)count,
                                             .data = data};
    table->length = count;
    return LEAT_OK;
}

static enum leat_status series_prepare(struct leat_exec *exec, struct leat_node *node,
                                       struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    const struct leat_expr *exprs[] = {plan->series.start, plan->series.stop, plan->series.step};
    enum leat_type_id type = plan->schema.fields[0].type->id;
    struct table_state *state;
    int64_t bounds[3] = {0, 0, 1};

    LEAT_TRY(new_state(exec, node, &state, err));
    if (type != LEAT_INT64 && type != LEAT_INT32)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "generate_series of this type");
    for (int i = 0; i < 3; i++) {
        struct leat_value value;
        if (!exprs[i])
            continue;
        LEAT_TRY(leat_expr_fold(exprs[i], &exec->arena, &value, err));
        if (value.is_null)
            return LEAT_OK;
        bounds[i] = constant_integer(&value);
    }
    LEAT_TRY(fill_series(exec, plan, bounds, &state->source.table, err));
    state->source.end = state->source.table.length;
    return LEAT_OK;
}

static enum leat_status series_open(struct leat_exec *exec, struct leat_node *node,
                                    struct leat_operator **out, struct leat_error *err)
{
    return open_state(exec, node, out, err);
}

const struct leat_node_ops leat_series_node = {series_prepare, series_open, release_state};

/* --- shared subplans: computed by the first node that names them; every node has a counter of its
 * own --- */
static enum leat_status shared_prepare(struct leat_exec *exec, struct leat_node *node,
                                       struct leat_error *err)
{
    struct table_state *state;

    if (node->owner) {
        LEAT_TRY(leat_node_prepare(exec, node->owner, err));
        state = LEAT_NEW(&exec->arena, struct table_state);
        if (!state)
            return leat_error_memory(err);
        state->source.table = ((struct table_state *)node->owner->state)->source.table;
        leat_arena_init(&state->source.table.arena, NULL); /* the owner frees the rows */
        node->state = state;
    } else {
        LEAT_TRY(new_state(exec, node, &state, err));
        LEAT_TRY(leat_pipeline_collect(exec, node->children[0], &state->source.table, err));
    }
    state->source.end = state->source.table.length;
    return LEAT_OK;
}

const struct leat_node_ops leat_shared_node = {shared_prepare, open_state, release_state};
