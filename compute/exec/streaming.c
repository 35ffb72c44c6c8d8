/* Operators that pass batches on: filter, project, limit, union, and nodes that only hand
 * through. */
#include "compute/exec/exec_internal.h"

/* --- a template for operators with one child and an evaluator --- */
struct stream_operator {
    struct leat_operator base;
    struct leat_exec *exec;
    struct leat_node *node;
    struct leat_operator *child;
    struct leat_evaluator *evaluator;
    struct leat_arena arena;
    struct leat_batch batch;
    uint32_t *selection;
    uint32_t selection_capacity;
    /* input */
    struct leat_reader *reader;
    /* union */
    uint32_t current;
};

static void stream_close(struct leat_operator *base)
{
    struct stream_operator *op = (struct stream_operator *)base;

    leat_reader_close(op->reader);
    leat_operator_close(op->child);
    leat_evaluator_free(op->evaluator);
    leat_free(op->batch.columns);
    leat_free(op->selection);
    leat_arena_release(&op->arena);
    leat_free(op);
}

/* `exprs` may be NULL: no evaluator. Opens the first child if `with_child`. */
static enum leat_status stream_new(struct leat_exec *exec, struct leat_node *node,
                                   const struct leat_operator_ops *ops, uint32_t columns,
                                   struct leat_expr *const *exprs, uint32_t expr_count,
                                   bool with_child, struct stream_operator **out,
                                   struct leat_error *err)
{
    struct stream_operator *op = leat_calloc(1, sizeof(*op));
    enum leat_status status = LEAT_OK;

    *out = NULL;
    if (!op)
        return leat_error_memory(err);
    op->base.ops = ops;
    op->exec = exec;
    op->node = node;
    leat_arena_init(&op->arena, exec->options->accountant);
    op->batch.column_count = columns;
    op->batch.columns = leat_calloc(columns, sizeof(struct leat_vector));
    if (!op->batch.columns)
        status = leat_error_memory(err);
    if (status == LEAT_OK && expr_count > 0)
        status = leat_evaluator_new(exprs, expr_count, &exec->options->source,
                                    exec->options->accountant, &op->evaluator, err);
    if (status == LEAT_OK && with_child)
        status = leat_node_open(exec, node->children[0], &op->child, err);
    if (status != LEAT_OK) {
        stream_close(&op->base);
        return status;
    }
    *out = op;
    return LEAT_OK;
}

/* Keeps the rows for which the evaluator's condition is true. *out is `in` itself if all are. */
static enum leat_status keep_selected(struct stream_operator *op, struct leat_batch *in,
                                      uint32_t column_count, struct leat_batch **out,
                                      struct leat_error *err)
{
    uint32_t count;

    if (in->length > op->selection_capacity) {
        leat_free(op->selection);
        op->selection_capacity = 0;
        op->selection = leat_malloc(in->length * sizeof(uint32_t));
        if (!op->selection)
            return leat_error_memory(err);
        op->selection_capacity = in->length;
    }
    LEAT_TRY(leat_evaluator_select(op->evaluator, in, op->selection, &count, err));
    op->batch.length = count;
    op->batch.column_count = column_count;
    leat_arena_reset(&op->arena);
    for (uint32_t c = 0; c < column_count; c++) {
        if (count == in->length)
            op->batch.columns[c] = in->columns[c];
        else
            LEAT_TRY(leat_vector_select(&in->columns[c], op->selection, count, &op->arena,
                                        &op->batch.columns[c], err));
    }
    *out = &op->batch;
    return LEAT_OK;
}

/* --- filter --- */
static enum leat_status filter_next(struct leat_operator *base, struct leat_batch **out,
                                    struct leat_error *err)
{
    struct stream_operator *op = (struct stream_operator *)base;
    struct leat_batch *batch;

    *out = NULL;
    do {
        LEAT_TRY(op->child->ops->next(op->child, &batch, err));
        if (!batch)
            return LEAT_OK;
        LEAT_TRY(keep_selected(op, batch, batch->column_count, &batch, err));
    } while (batch->length == 0);
    *out = batch;
    return LEAT_OK;
}

static const struct leat_operator_ops filter_ops = {filter_next, stream_close};

static enum leat_status filter_open(struct leat_exec *exec, struct leat_node *node,
                                    struct leat_operator **out, struct leat_error *err)
{
    struct leat_expr *condition = node->plan->filter.condition;
    struct stream_operator *op;

    *out = NULL;
    LEAT_TRY(stream_new(exec, node, &filter_ops, node->plan->schema.count, &condition, 1, true, &op,
                        err));
    *out = &op->base;
    return LEAT_OK;
}

const struct leat_node_ops leat_filter_node = {NULL, filter_open, NULL};

/* --- project --- */
static enum leat_status project_next(struct leat_operator *base, struct leat_batch **out,
                                     struct leat_error *err)
{
    struct stream_operator *op = (struct stream_operator *)base;
    struct leat_batch *batch;

    *out = NULL;
    LEAT_TRY(op->child->ops->next(op->child, &batch, err));
    if (!batch)
        return LEAT_OK;
    if (op->evaluator)
        LEAT_TRY(leat_evaluator_run(op->evaluator, batch, op->batch.columns, err));
    op->batch.length = batch->length;
    *out = &op->batch;
    return LEAT_OK;
}

static const struct leat_operator_ops project_ops = {project_next, stream_close};

static enum leat_status project_open(struct leat_exec *exec, struct leat_node *node,
                                     struct leat_operator **out, struct leat_error *err)
{
    struct stream_operator *op;

    *out = NULL;
    LEAT_TRY(stream_new(exec, node, &project_ops, node->plan->schema.count,
                        node->plan->project.exprs, node->plan->schema.count, true, &op, err));
    *out = &op->base;
    return LEAT_OK;
}

const struct leat_node_ops leat_project_node = {NULL, project_open, NULL};

/* --- limit: threads share what is left to skip and to give --- */
struct limit_state {
    _Atomic uint64_t seen;
};

static enum leat_status limit_prepare(struct leat_exec *exec, struct leat_node *node,
                                      struct leat_error *err)
{
    node->state = LEAT_NEW(&exec->arena, struct limit_state);
    if (!node->state)
        return leat_error_memory(err);
    return leat_node_prepare(exec, node->children[0], err);
}

static enum leat_status limit_next(struct leat_operator *base, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct stream_operator *op = (struct stream_operator *)base;
    struct limit_state *state = op->node->state;
    uint64_t skip = op->node->plan->limit.offset, limit = op->node->plan->limit.limit, before;
    uint64_t end = limit > UINT64_MAX - skip ? UINT64_MAX : skip + limit, first, last;
    struct leat_batch *batch;

    *out = NULL;
    for (;;) {
        if (atomic_load(&state->seen) >= end)
            return LEAT_OK;
        LEAT_TRY(op->child->ops->next(op->child, &batch, err));
        if (!batch)
            return LEAT_OK;
        before = atomic_fetch_add(&state->seen, batch->length);
        first = before < skip ? skip - before : 0;
        last = before >= end ? 0 : end - before < batch->length ? end - before : batch->length;
        if (first < last)
            break;
    }
    if (first == 0 && last == batch->length) {
        *out = batch;
        return LEAT_OK;
    }
    leat_arena_reset(&op->arena);
    op->batch.length = (uint32_t)(last - first);
    for (uint32_t c = 0; c < batch->column_count; c++)
        LEAT_TRY(leat_vector_slice(&batch->columns[c], (uint32_t)first, op->batch.length,
                                   &op->arena, &op->batch.columns[c], err));
    *out = &op->batch;
    return LEAT_OK;
}

static const struct leat_operator_ops limit_ops = {limit_next, stream_close};

static enum leat_status limit_open(struct leat_exec *exec, struct leat_node *node,
                                   struct leat_operator **out, struct leat_error *err)
{
    struct stream_operator *op;

    *out = NULL;
    LEAT_TRY(stream_new(exec, node, &limit_ops, node->plan->schema.count, NULL, 0, true, &op, err));
    *out = &op->base;
    return LEAT_OK;
}

const struct leat_node_ops leat_limit_node = {limit_prepare, limit_open, NULL};

/* --- union all: each thread goes through the children in turn --- */
static enum leat_status union_next(struct leat_operator *base, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct stream_operator *op = (struct stream_operator *)base;

    *out = NULL;
    while (op->current < op->node->plan->child_count) {
        if (!op->child)
            LEAT_TRY(leat_node_open(op->exec, op->node->children[op->current], &op->child, err));
        LEAT_TRY(op->child->ops->next(op->child, out, err));
        if (*out)
            return LEAT_OK;
        leat_operator_close(op->child);
        op->child = NULL;
        op->current++;
    }
    return LEAT_OK;
}

static const struct leat_operator_ops union_ops = {union_next, stream_close};

static enum leat_status union_open(struct leat_exec *exec, struct leat_node *node,
                                   struct leat_operator **out, struct leat_error *err)
{
    struct stream_operator *op;

    *out = NULL;
    LEAT_TRY(stream_new(exec, node, &union_ops, 0, NULL, 0, false, &op, err));
    *out = &op->base;
    return LEAT_OK;
}

const struct leat_node_ops leat_union_node = {NULL, union_open, NULL};

/* --- exchange within one process: nothing to do --- */
static enum leat_status pass_open(struct leat_exec *exec, struct leat_node *node,
                                  struct leat_operator **out, struct leat_error *err)
{
    return leat_node_open(exec, node->children[0], out, err);
}

const struct leat_node_ops leat_pass_node = {NULL, pass_open, NULL};

/* --- rows of another stage --- */
static enum leat_status input_next(struct leat_operator *base, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct stream_operator *op = (struct stream_operator *)base;

    *out = NULL;
    return op->reader ? op->reader->ops->next(op->reader, out, err) : LEAT_OK;
}

static const struct leat_operator_ops input_ops = {input_next, stream_close};

static enum leat_status input_open(struct leat_exec *exec, struct leat_node *node,
                                   struct leat_operator **out, struct leat_error *err)
{
    struct stream_operator *op;
    enum leat_status status;

    *out = NULL;
    if (!exec->options->open_input)
        return leat_error_internal(err, "a fragment without inputs");
    LEAT_TRY(stream_new(exec, node, &input_ops, 0, NULL, 0, false, &op, err));
    status = exec->options->open_input(exec->options->open_input_context, node->plan->input.stage,
                                       &op->reader, err);
    if (status != LEAT_OK) {
        stream_close(&op->base);
        return status;
    }
    *out = &op->base;
    return LEAT_OK;
}

const struct leat_node_ops leat_input_node = {NULL, input_open, NULL};
