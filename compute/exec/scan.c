/* Scans: splits are taken by threads in turn. What a scan's rows must meet (its condition, then the
 * runtime filters of joins above) is handed to the reader as a row filter, so that it need not
 * decode the rest; of a reader that does not ask, batches are narrowed here. A runtime filter that
 * keeps most rows is given up by the thread that sees it. */
#include "compute/exec/exec_internal.h"

enum { TRIAL_ROWS = 1 << 15 }; /* after which a filter must have shown that it is worth asking */

struct scan_state {
    struct leat_bytes_list splits;
    const struct leat_text *items;
    size_t count;
    _Atomic size_t next;
    struct leat_read_context context;
    uint32_t *condition_columns; /* used by the scan's condition */
    uint32_t condition_column_count;
    uint32_t use_count;
};

/* A runtime filter as one thread sees it. */
struct use {
    const struct leat_runtime_filter *filter;
    uint32_t column;
    uint64_t seen, kept;
    bool given_up;
};

struct scan_operator {
    struct leat_operator base;
    struct leat_exec *exec;
    struct leat_node *node;
    struct leat_evaluator *evaluator; /* of the condition, or NULL */
    struct leat_reader *reader;
    struct leat_row_filter filter;
    struct leat_row_filter_step *steps;
    struct use *uses;
    struct leat_read_context context;
    struct leat_arena arena;
    struct leat_batch batch;
    uint32_t *selection;
    uint32_t selection_capacity;
    /* Small batches, for tests: pieces of the reader's. */
    const struct leat_batch *whole;
    uint32_t given; /* rows of it */
    struct leat_batch piece;
    struct leat_arena piece_arena;
};

/* --- the node --- */

/* Marks the columns of an expression. */
static void mark_columns(const struct leat_expr *expr, bool *used)
{
    if (expr->kind == LEAT_EXPR_COLUMN)
        used[expr->column] = true;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        mark_columns(expr->args[i], used);
}

static enum leat_status find_columns(struct leat_exec *exec, const struct leat_plan *plan,
                                     struct scan_state *state, struct leat_error *err)
{
    uint32_t count = plan->scan.scan.column_count;
    bool *used = LEAT_NEW_ARRAY(&exec->arena, bool, count);

    state->condition_columns = LEAT_NEW_ARRAY(&exec->arena, uint32_t, count);
    if (!used || !state->condition_columns)
        return leat_error_memory(err);
    if (plan->scan.filter)
        mark_columns(plan->scan.filter, used);
    for (uint32_t i = 0; i < count; i++)
        if (used[i])
            state->condition_columns[state->condition_column_count++] = i;
    return LEAT_OK;
}

static enum leat_status scan_prepare(struct leat_exec *exec, struct leat_node *node,
                                     struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    struct scan_state *state = LEAT_NEW(&exec->arena, struct scan_state);

    if (!state)
        return leat_error_memory(err);
    node->state = state;
    leat_bytes_list_init(&state->splits);
    state->context = (struct leat_read_context){.accountant = exec->options->accountant,
                                                .cancel = exec->options->cancel,
                                                .bad_rows = exec->options->bad_rows,
                                                .bytes_read = exec->options->bytes_read};
    if (exec->options->bytes_total && plan->scan.source->byte_estimate != UINT64_MAX)
        atomic_fetch_add(exec->options->bytes_total, plan->scan.source->byte_estimate);
    LEAT_TRY(find_columns(exec, plan, state, err));
    for (const struct leat_filter_use *use = node->filters; use; use = use->next)
        state->use_count++;
    if (plan->scan.splits) {
        state->items = plan->scan.splits;
        state->count = plan->scan.split_count;
        return LEAT_OK;
    }
    LEAT_TRY(plan->scan.source->ops->splits(plan->scan.source, &plan->scan.scan, exec->threads,
                                            &state->splits, err));
    state->items = state->splits.items;
    state->count = state->splits.count;
    return LEAT_OK;
}

static void scan_release(struct leat_node *node)
{
    struct scan_state *state = node->state;

    leat_bytes_list_release(&state->splits);
}

/* --- choosing rows --- */

static void narrow_by_use(struct use *use, const struct leat_batch *batch, uint32_t *selection,
                          uint32_t *count)
{
    if (use->given_up)
        return;
    use->seen += *count;
    leat_runtime_filter_narrow(use->filter, &batch->columns[use->column], selection, count);
    use->kept += *count;
    use->given_up = use->seen > TRIAL_ROWS && use->kept > use->seen - use->seen / 4;
}

static enum leat_status narrow(struct leat_row_filter *filter, uint32_t step,
                               const struct leat_batch *batch, uint32_t *selection, uint32_t *count,
                               struct leat_error *err)
{
    struct scan_operator *op =
        (struct scan_operator *)((char *)filter - offsetof(struct scan_operator, filter));

    if (op->evaluator && step == 0)
        return leat_evaluator_select(op->evaluator, batch, selection, count, err);
    narrow_by_use(&op->uses[step - (op->evaluator != NULL)], batch, selection, count);
    return LEAT_OK;
}

/* Narrows a batch of a reader that does not ask. *out is `in` itself if all rows stay. */
static enum leat_status narrow_batch(struct scan_operator *op, struct leat_batch *in,
                                     struct leat_batch **out, struct leat_error *err)
{
    uint32_t columns = op->node->plan->scan.output_count, count = in->length;

    if (in->length > op->selection_capacity) {
        leat_free(op->selection);
        op->selection_capacity = 0;
        op->selection = leat_malloc(in->length * sizeof(uint32_t));
        if (!op->selection)
            return leat_error_memory(err);
        op->selection_capacity = in->length;
    }
    for (uint32_t i = 0; i < count; i++)
        op->selection[i] = i;
    for (uint32_t s = 0; s < op->filter.step_count && count > 0; s++)
        LEAT_TRY(narrow(&op->filter, s, in, op->selection, &count, err));
    leat_arena_reset(&op->arena);
    op->batch = (struct leat_batch){columns, count, op->batch.columns};
    for (uint32_t c = 0; c < columns; c++) {
        if (count == in->length)
            op->batch.columns[c] = in->columns[c];
        else
            LEAT_TRY(leat_vector_select(&in->columns[c], op->selection, count, &op->arena,
                                        &op->batch.columns[c], err));
    }
    *out = &op->batch;
    return LEAT_OK;
}

/* --- the operator --- */

/* The next batch of any split; NULL at the end. */
static enum leat_status next_batch(struct scan_operator *op, struct leat_batch **out,
                                   struct leat_error *err)
{
    const struct leat_plan *plan = op->node->plan;
    struct scan_state *state = op->node->state;

    for (*out = NULL; !*out;) {
        LEAT_TRY(leat_exec_check(op->exec, err));
        if (!op->reader) {
            size_t i = atomic_fetch_add(&state->next, 1);
            if (i >= state->count)
                return LEAT_OK;
            op->filter.applied = false;
            LEAT_TRY(plan->scan.source->ops->open(plan->scan.source, &plan->scan.scan,
                                                  state->items[i], &op->context, &op->reader, err));
        }
        LEAT_TRY(op->reader->ops->next(op->reader, out, err));
        if (!*out) {
            leat_reader_close(op->reader);
            op->reader = NULL;
        }
    }
    return LEAT_OK;
}

static enum leat_status whole_next(struct scan_operator *op, struct leat_batch **out,
                                   struct leat_error *err)
{
    uint32_t columns = op->node->plan->scan.output_count;
    struct leat_batch *batch;

    *out = NULL;
    do {
        LEAT_TRY(next_batch(op, &batch, err));
        if (!batch)
            return LEAT_OK;
        if (op->exec->options->rows_read)
            atomic_fetch_add_explicit(op->exec->options->rows_read, batch->length,
                                      memory_order_relaxed);
        if (op->filter.step_count > 0 && !op->filter.applied) {
            LEAT_TRY(narrow_batch(op, batch, &batch, err));
        } else if (batch->column_count != columns) {
            op->batch = (struct leat_batch){columns, batch->length, op->batch.columns};
            if (columns)
                memcpy(op->batch.columns, batch->columns, columns * sizeof(struct leat_vector));
            batch = &op->batch;
        }
    } while (batch->length == 0);
    *out = batch;
    return LEAT_OK;
}

static enum leat_status scan_next(struct leat_operator *base, struct leat_batch **out,
                                  struct leat_error *err)
{
    struct scan_operator *op = (struct scan_operator *)base;
    uint32_t rows = op->exec->batch_rows;
    struct leat_batch *whole;

    if (rows >= LEAT_BATCH_ROWS)
        return whole_next(op, out, err);
    *out = NULL;
    if (!op->whole || op->given == op->whole->length) {
        LEAT_TRY(whole_next(op, &whole, err));
        op->whole = whole;
        op->given = 0;
        if (!whole)
            return LEAT_OK;
    }
    if (rows > op->whole->length - op->given)
        rows = op->whole->length - op->given;
    leat_arena_reset(&op->piece_arena);
    op->piece.column_count = op->whole->column_count;
    op->piece.length = rows;
    op->piece.columns =
        LEAT_NEW_ARRAY(&op->piece_arena, struct leat_vector, op->piece.column_count);
    if (!op->piece.columns)
        return leat_error_memory(err);
    for (uint32_t c = 0; c < op->piece.column_count; c++)
        LEAT_TRY(leat_vector_slice(&op->whole->columns[c], op->given, rows, &op->piece_arena,
                                   &op->piece.columns[c], err));
    op->given += rows;
    *out = &op->piece;
    return LEAT_OK;
}

static void scan_close(struct leat_operator *base)
{
    struct scan_operator *op = (struct scan_operator *)base;

    leat_reader_close(op->reader);
    leat_evaluator_free(op->evaluator);
    leat_free(op->batch.columns);
    leat_free(op->selection);
    leat_free(op->steps);
    leat_free(op->uses);
    leat_arena_release(&op->arena);
    leat_arena_release(&op->piece_arena);
    leat_free(op);
}

static const struct leat_operator_ops scan_ops = {scan_next, scan_close};

static enum leat_status scan_init(struct scan_operator *op, struct leat_error *err)
{
    const struct scan_state *state = op->node->state;
    struct leat_expr *condition = op->node->plan->scan.filter;
    uint32_t step = 0;

    op->batch.columns =
        leat_calloc(op->node->plan->scan.scan.column_count, sizeof(struct leat_vector));
    op->steps = leat_calloc(state->use_count + 1, sizeof(*op->steps));
    op->uses = leat_calloc(state->use_count, sizeof(*op->uses));
    if (!op->batch.columns || !op->steps || !op->uses)
        return leat_error_memory(err);
    if (condition) {
        LEAT_TRY(leat_evaluator_new(&condition, 1, &op->exec->options->source,
                                    op->exec->options->accountant, &op->evaluator, err));
        op->steps[step++] =
            (struct leat_row_filter_step){state->condition_column_count, state->condition_columns};
    }
    op->context = state->context;
    for (const struct leat_filter_use *use = op->node->filters; use; use = use->next) {
        op->uses[step - (condition != NULL)] = (struct use){use->filter, use->column, 0, 0, false};
        op->steps[step++] = (struct leat_row_filter_step){1, &use->column};
    }
    op->filter = (struct leat_row_filter){.step_count = step, .steps = op->steps, .narrow = narrow};
    op->context.filter = step > 0 ? &op->filter : NULL;
    return LEAT_OK;
}

static enum leat_status scan_open(struct leat_exec *exec, struct leat_node *node,
                                  struct leat_operator **out, struct leat_error *err)
{
    struct scan_operator *op = leat_calloc(1, sizeof(*op));
    enum leat_status status;

    *out = NULL;
    if (!op)
        return leat_error_memory(err);
    op->base.ops = &scan_ops;
    op->exec = exec;
    op->node = node;
    leat_arena_init(&op->arena, exec->options->accountant);
    leat_arena_init(&op->piece_arena, exec->options->accountant);
    status = scan_init(op, err);
    if (status != LEAT_OK) {
        scan_close(&op->base);
        return status;
    }
    *out = &op->base;
    return LEAT_OK;
}

const struct leat_node_ops leat_scan_node = {scan_prepare, scan_open, scan_release};
