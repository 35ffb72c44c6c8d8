/* UNNEST: each row of the child times the items of a list. Rows are repeated by index (dictionary
 * vectors over the child's batch) and items selected from the list's child vector, at most a
 * batch's rows at a time, so that long lists need no more memory than short ones. */
#include "compute/exec/exec_internal.h"

#include "columns/value.h"

struct unnest_operator {
    struct leat_operator base;
    struct leat_exec *exec;
    struct leat_node *node;
    struct leat_operator *child;
    struct leat_evaluator *evaluator;
    struct leat_arena list_arena; /* the list, flat, while its batch lasts */
    struct leat_arena arena;
    struct leat_batch *in; /* NULL: the next one is due */
    struct leat_vector list;
    uint32_t row;  /* next row of `in` */
    uint32_t item; /* next item of it */
    uint32_t *rows;
    uint32_t *items;
    int64_t *ordinals;
    uint8_t *missing;
    struct leat_batch batch;
};

static void unnest_close(struct leat_operator *base)
{
    struct unnest_operator *op = (struct unnest_operator *)base;

    leat_operator_close(op->child);
    leat_evaluator_free(op->evaluator);
    leat_arena_release(&op->list_arena);
    leat_arena_release(&op->arena);
    leat_free(op->rows);
    leat_free(op->items);
    leat_free(op->ordinals);
    leat_free(op->missing);
    leat_free(op->batch.columns);
    leat_free(op);
}

/* Fills rows, items, ordinals; returns how many. */
static uint32_t take_items(struct unnest_operator *op, bool *any_missing)
{
    bool keep_empty = op->node->plan->unnest.keep_empty;
    uint32_t count = 0, capacity = op->exec->batch_rows;

    *any_missing = false;
    while (op->row < op->in->length && count < capacity) {
        struct leat_list_entry entry = {0, 0};
        if (op->list.type->id == LEAT_LIST && !leat_vector_is_null(&op->list, op->row))
            entry = ((const struct leat_list_entry *)op->list.data)[op->row];
        if (entry.length == 0 && keep_empty) {
            op->rows[count] = op->row;
            op->items[count] = 0;
            op->ordinals[count] = 0;
            op->missing[count++] = 1;
            *any_missing = true;
        }
        for (; op->item < entry.length && count < capacity; op->item++) {
            op->rows[count] = op->row;
            op->items[count] = entry.offset + op->item;
            op->ordinals[count] = (int64_t)op->item + 1;
            op->missing[count++] = 0;
        }
        if (op->item < entry.length)
            break;
        op->row++;
        op->item = 0;
    }
    return count;
}

static enum leat_status mark_missing(struct unnest_operator *op, uint32_t count,
                                     struct leat_vector *vector, struct leat_error *err)
{
    LEAT_TRY(leat_vector_flatten(vector, &op->arena, err));
    LEAT_TRY(leat_vector_make_validity(vector, count, &op->arena, err));
    for (uint32_t i = 0; i < count; i++) {
        if (op->missing[i])
            leat_validity_set(vector->validity, i, false);
    }
    return LEAT_OK;
}

static enum leat_status fill_columns(struct unnest_operator *op, uint32_t count, bool any_missing,
                                     struct leat_error *err)
{
    const struct leat_plan *plan = op->node->plan;
    uint32_t width = plan->schema.count - 1 - plan->unnest.ordinality;
    struct leat_vector *column = &op->batch.columns[width];

    leat_arena_reset(&op->arena);
    op->batch.length = count;
    for (uint32_t c = 0; c < width; c++)
        LEAT_TRY(leat_vector_select(&op->in->columns[c], op->rows, count, &op->arena,
                                    &op->batch.columns[c], err));
    if (op->list.type->id != LEAT_LIST || op->list.children[0].length == 0) {
        struct leat_value null = {.type = plan->schema.fields[width].type, .is_null = true};
        LEAT_TRY(leat_value_to_vector(&null, count, &op->arena, column, err));
    } else {
        LEAT_TRY(
            leat_vector_select(&op->list.children[0], op->items, count, &op->arena, column, err));
        if (any_missing)
            LEAT_TRY(mark_missing(op, count, column, err));
    }
    if (!plan->unnest.ordinality)
        return LEAT_OK;
    column++;
    *column = (struct leat_vector){.type = plan->schema.fields[width + 1].type,
                                   .form = LEAT_FLAT,
                                   .length = count,
                                   .data = op->ordinals};
    return any_missing ? mark_missing(op, count, column, err) : LEAT_OK;
}

static enum leat_status unnest_next(struct leat_operator *base, struct leat_batch **out,
                                    struct leat_error *err)
{
    struct unnest_operator *op = (struct unnest_operator *)base;

    *out = NULL;
    for (;;) {
        bool any_missing;
        uint32_t count;
        LEAT_TRY(leat_exec_check(op->exec, err));
        if (!op->in) {
            LEAT_TRY(op->child->ops->next(op->child, &op->in, err));
            if (!op->in)
                return LEAT_OK;
            op->row = op->item = 0;
            leat_arena_reset(&op->list_arena);
            LEAT_TRY(leat_evaluator_run(op->evaluator, op->in, &op->list, err));
            op->list.length = op->in->length;
            LEAT_TRY(leat_vector_flatten(&op->list, &op->list_arena, err));
        }
        count = take_items(op, &any_missing);
        if (count == 0) {
            op->in = NULL;
            continue;
        }
        LEAT_TRY(fill_columns(op, count, any_missing, err));
        *out = &op->batch;
        return LEAT_OK;
    }
}

static const struct leat_operator_ops unnest_ops = {unnest_next, unnest_close};

static enum leat_status unnest_open(struct leat_exec *exec, struct leat_node *node,
                                    struct leat_operator **out, struct leat_error *err)
{
    struct unnest_operator *op = leat_calloc(1, sizeof(*op));
    const struct leat_plan *plan = node->plan;
    size_t rows = exec->batch_rows;
    enum leat_status status = LEAT_OK;

    *out = NULL;
    if (!op)
        return leat_error_memory(err);
    op->base.ops = &unnest_ops;
    op->exec = exec;
    op->node = node;
    leat_arena_init(&op->arena, exec->options->accountant);
    leat_arena_init(&op->list_arena, exec->options->accountant);
    op->rows = leat_malloc(rows * sizeof(uint32_t));
    op->items = leat_malloc(rows * sizeof(uint32_t));
    op->ordinals = leat_malloc(rows * sizeof(int64_t));
    op->missing = leat_malloc(rows);
    op->batch.column_count = plan->schema.count;
    op->batch.columns = leat_calloc(plan->schema.count, sizeof(struct leat_vector));
    if (!op->rows || !op->items || !op->ordinals || !op->missing || !op->batch.columns)
        status = leat_error_memory(err);
    if (!status)
        status = leat_evaluator_new(&plan->unnest.list, 1, &exec->options->source,
                                    exec->options->accountant, &op->evaluator, err);
    if (!status)
        status = leat_node_open(exec, node->children[0], &op->child, err);
    if (status) {
        unnest_close(&op->base);
        return status;
    }
    *out = &op->base;
    return LEAT_OK;
}

const struct leat_node_ops leat_unnest_node = {NULL, unnest_open, NULL};
