/*
 * Recursion: the first rows, then rounds. A round is an execution of its own, since all that its
 * operators keep depends on the rows of the round before; small ones take one thread.
 */
#include "compute/exec/exec_internal.h"

enum { SMALL = 4096 }; /* rows of a round that are not worth several threads */

struct leat_recursion {
    const struct leat_recursion *outer;
    uint32_t id;
    struct leat_rows *last;
    struct leat_rows *all;
};

/* --- WORKING: the batches of a round, each given to one thread --- */
struct working_state {
    const struct leat_rows *rows;
    _Atomic size_t next;
};

struct working_operator {
    struct leat_operator base;
    struct working_state *state;
    struct leat_batch batch;
};

static void working_close(struct leat_operator *base)
{
    leat_free(((struct working_operator *)base)->batch.columns);
    leat_free(base);
}

static enum leat_status working_next(struct leat_operator *base, struct leat_batch **out,
                                     struct leat_error *err)
{
    struct working_operator *op = (struct working_operator *)base;
    size_t at = atomic_fetch_add(&op->state->next, 1);
    const struct leat_rows *rows = op->state->rows;

    (void)err;
    *out = NULL;
    if (at >= rows->batch_count)
        return LEAT_OK;
    op->batch.length = rows->batches[at].length;
    if (op->batch.column_count)
        memcpy(op->batch.columns, rows->batches[at].columns,
               op->batch.column_count * sizeof(struct leat_vector));
    *out = &op->batch;
    return LEAT_OK;
}

static const struct leat_operator_ops working_ops = {working_next, working_close};

static enum leat_status working_open(struct leat_exec *exec, struct leat_node *node,
                                     struct leat_operator **out, struct leat_error *err)
{
    struct working_operator *op = leat_calloc(1, sizeof(*op));

    (void)exec;
    *out = NULL;
    if (!op)
        return leat_error_memory(err);
    op->base.ops = &working_ops;
    op->state = node->state;
    op->batch.column_count = node->plan->schema.count;
    op->batch.columns = leat_calloc(op->batch.column_count + 1u, sizeof(struct leat_vector));
    if (!op->batch.columns) {
        leat_free(op);
        return leat_error_memory(err);
    }
    *out = &op->base;
    return LEAT_OK;
}

static enum leat_status working_prepare(struct leat_exec *exec, struct leat_node *node,
                                        struct leat_error *err)
{
    const struct leat_recursion *recursion = exec->options->recursion;
    struct working_state *state = LEAT_NEW(&exec->arena, struct working_state);

    while (recursion && recursion->id != node->plan->recursion.id)
        recursion = recursion->outer;
    if (!recursion)
        return leat_error_internal(err, "rows of a recursion outside it");
    if (!state)
        return leat_error_memory(err);
    state->rows = node->plan->recursion.all ? recursion->all : recursion->last;
    node->state = state;
    return LEAT_OK;
}

const struct leat_node_ops leat_working_node = {working_prepare, working_open, NULL};

/* --- RECURSIVE --- */
struct rows_state {
    struct leat_table_source source;
};

static enum leat_status open_rows(struct leat_exec *exec, struct leat_node *node,
                                  struct leat_operator **out, struct leat_error *err)
{
    return leat_table_source_open(exec, &((struct rows_state *)node->state)->source, out, err);
}

static void release_rows(struct leat_node *node)
{
    leat_table_rows_release(&((struct rows_state *)node->state)->source.table);
}

static bool reads_sources(const struct leat_plan *plan)
{
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (reads_sources(plan->children[i]))
            return true;
    return plan->kind == LEAT_PLAN_SCAN;
}

/* Moves the rows of a round behind those of all, and says whether there are any. */
static enum leat_status keep_round(struct leat_recursion *recursion, struct leat_error *err)
{
    for (size_t i = 0; i < recursion->last->batch_count; i++)
        LEAT_TRY(leat_rows_append(recursion->all, &recursion->last->batches[i], err));
    return LEAT_OK;
}

static enum leat_status run_rounds(struct leat_exec *exec, const struct leat_plan *plan,
                                   struct leat_recursion *recursion, struct leat_error *err)
{
    struct leat_execute_options options = *exec->options;
    bool reads = reads_sources(plan->children[1]);

    options.recursion = recursion;
    options.profile = false;
    LEAT_TRY(leat_execute_rows(plan->children[0], &options, recursion->last, err));
    for (;;) {
        struct leat_rows next = {0};
        LEAT_TRY(leat_exec_check(exec, err));
        LEAT_TRY(keep_round(recursion, err));
        if (recursion->last->row_count == 0)
            return LEAT_OK;
        options.threads = reads || recursion->last->row_count > SMALL ? exec->threads : 1;
        LEAT_TRY(leat_execute_rows(plan->children[1], &options, &next, err));
        leat_rows_release(recursion->last);
        *recursion->last = next;
    }
}

static enum leat_status recursive_prepare(struct leat_exec *exec, struct leat_node *node,
                                          struct leat_error *err)
{
    struct leat_rows last = {0}, all = {0};
    struct leat_recursion recursion = {exec->options->recursion, node->plan->recursion.id, &last,
                                       &all};
    struct rows_state *state = LEAT_NEW(&exec->arena, struct rows_state);
    enum leat_status status;

    if (!state)
        return leat_error_memory(err);
    leat_table_rows_init(&state->source.table, exec->options->accountant);
    node->state = state;
    status = leat_rows_init(&all, &node->plan->schema, exec->options->accountant, err);
    if (status == LEAT_OK)
        status = run_rounds(exec, node->plan, &recursion, err);
    leat_rows_release(&last);
    if (status == LEAT_OK)
        status =
            leat_table_rows_join(exec, &all, 1, &node->plan->schema, &state->source.table, err);
    leat_rows_release(&all);
    state->source.end = state->source.table.length;
    return status;
}

const struct leat_node_ops leat_recursive_node = {recursive_prepare, open_rows, release_rows};
