/* Collecting rows that may not fit, and work done for one partition after the other. */
#include "compute/exec/spill.h"

/* --- collecting --- */

struct collecting {
    struct leat_exec *exec;
    struct leat_node *owner;
    const struct leat_schema *schema;
    struct leat_expr *const *keys;
    uint32_t key_count;
    size_t row_bytes;
    unsigned threads;
    struct leat_rows *parts;
    pthread_mutex_t lock;
    _Atomic(struct leat_spill *) spill; /* NULL while all fits */
};

static enum leat_status move_part(struct collecting *c, unsigned thread, struct leat_error *err)
{
    struct leat_rows *part = &c->parts[thread];

    for (size_t b = 0; b < part->batch_count; b++)
        LEAT_TRY(leat_spill_put(c->spill, thread, &part->batches[b], err));
    leat_rows_release(part);
    return LEAT_OK;
}

static enum leat_status begin_spill(struct collecting *c, struct leat_error *err)
{
    struct leat_spill *spill = NULL;
    enum leat_status status = LEAT_OK;

    pthread_mutex_lock(&c->lock);
    if (!atomic_load(&c->spill)) {
        status = leat_spill_new(c->exec, c->owner, c->schema, c->keys, c->key_count, c->threads,
                                &spill, err);
        atomic_store(&c->spill, spill);
    }
    pthread_mutex_unlock(&c->lock);
    return status;
}

static enum leat_status collect_batch(void *context, unsigned thread,
                                      const struct leat_batch *batch, struct leat_error *err)
{
    struct collecting *c = context;
    struct leat_rows *part = &c->parts[thread];
    uint64_t mine = part->arena.used * c->threads;
    uint64_t more = mine + part->row_count * c->threads * c->row_bytes;

    if (!atomic_load(&c->spill) && c->key_count > 0 && leat_spill_wanted(c->exec, mine, more))
        LEAT_TRY(begin_spill(c, err));
    if (!atomic_load(&c->spill))
        return leat_rows_append(part, batch, err);
    if (part->batch_count > 0)
        LEAT_TRY(move_part(c, thread, err));
    return leat_spill_put(c->spill, thread, batch, err);
}

static enum leat_status end_collecting(struct collecting *c, struct leat_table_rows *table,
                                       struct leat_error *err)
{
    if (!atomic_load(&c->spill))
        return leat_table_rows_join(c->exec, c->parts, c->threads, c->schema, table, err);
    for (unsigned i = 0; i < c->threads; i++)
        LEAT_TRY(move_part(c, i, err));
    return leat_spill_end(c->spill, err);
}

static enum leat_status run_collecting(struct collecting *c, struct leat_node *node,
                                       struct leat_table_rows *table, struct leat_spill **spill,
                                       struct leat_error *err)
{
    enum leat_status status = LEAT_OK;

    *spill = NULL;
    c->threads = leat_pipeline_threads(c->exec, node);
    c->parts = leat_calloc(c->threads, sizeof(*c->parts));
    if (!c->parts)
        return leat_error_memory(err);
    pthread_mutex_init(&c->lock, NULL);
    for (unsigned i = 0; i < c->threads && status == LEAT_OK; i++)
        status = leat_rows_init(&c->parts[i], c->schema, c->exec->options->accountant, err);
    if (status == LEAT_OK && !table)
        status = begin_spill(c, err);
    if (status == LEAT_OK)
        status = leat_pipeline_run(c->exec, node, collect_batch, c, err);
    if (status == LEAT_OK)
        status = end_collecting(c, table, err);
    for (unsigned i = 0; i < c->threads; i++)
        leat_rows_release(&c->parts[i]);
    leat_free(c->parts);
    pthread_mutex_destroy(&c->lock);
    if (status == LEAT_OK)
        *spill = c->spill;
    else
        leat_spill_free(c->spill);
    return status;
}

enum leat_status leat_spill_collect(struct leat_exec *exec, struct leat_node *owner,
                                    struct leat_node *node, struct leat_expr *const *keys,
                                    uint32_t key_count, size_t row_bytes,
                                    struct leat_table_rows *table, struct leat_spill **spill,
                                    struct leat_error *err)
{
    struct collecting c = {.exec = exec,
                           .owner = owner,
                           .schema = &node->plan->schema,
                           .keys = keys,
                           .key_count = key_count,
                           .row_bytes = row_bytes};

    return run_collecting(&c, node, table, spill, err);
}

enum leat_status leat_spill_run(struct leat_exec *exec, struct leat_node *owner,
                                struct leat_node *node, struct leat_expr *const *keys,
                                uint32_t key_count, struct leat_spill **out, struct leat_error *err)
{
    return leat_spill_collect(exec, owner, node, keys, key_count, 0, NULL, out, err);
}

/* --- one partition after the other --- */

enum leat_status leat_divided_plan(const struct leat_plan *plan,
                                   const struct leat_schema *const *schemas,
                                   struct leat_arena *arena, struct leat_plan **out,
                                   struct leat_error *err)
{
    struct leat_plan *copy = LEAT_NEW(arena, struct leat_plan);
    struct leat_plan **children = LEAT_NEW_ARRAY(arena, struct leat_plan *, plan->child_count);

    if (!copy || !children)
        return leat_error_memory(err);
    *copy = *plan;
    copy->children = children;
    for (uint32_t i = 0; i < plan->child_count; i++) {
        children[i] = LEAT_NEW(arena, struct leat_plan);
        if (!children[i])
            return leat_error_memory(err);
        children[i]->kind = LEAT_PLAN_INPUT;
        children[i]->schema = *schemas[i];
        children[i]->input.stage = i;
    }
    *out = copy;
    return LEAT_OK;
}

void leat_divided_release(struct leat_divided *divided)
{
    for (uint32_t i = 0; i < divided->input_count; i++)
        leat_spill_free(divided->inputs[i]);
    divided->input_count = 0;
}

struct divided_operator {
    struct leat_operator base;
    struct leat_exec *outer;
    struct leat_divided *divided;
    struct leat_execute_options options;
    struct leat_exec exec; /* of the partition at work */
    struct leat_node *root;
    struct leat_operator *inner; /* NULL: no partition is at work */
    bool begun;                  /* exec is to be ended */
    uint32_t partition;
};

static enum leat_status open_partition(void *context, uint32_t stage, struct leat_reader **out,
                                       struct leat_error *err)
{
    const struct divided_operator *op = context;

    return leat_spill_open(op->divided->inputs[stage], op->partition, out, err);
}

static void end_partition(struct divided_operator *op)
{
    leat_operator_close(op->inner);
    op->inner = NULL;
    if (op->begun)
        leat_exec_end(&op->exec, op->root);
    op->root = NULL;
    op->begun = false;
}

static enum leat_status begin_partition(struct divided_operator *op, struct leat_error *err)
{
    leat_exec_begin(&op->exec, &op->options, NULL);
    op->begun = true;
    op->exec.pipeline_threads = 1;
    op->exec.level = op->outer->level + 1;
    op->exec.spilled = op->divided->inputs[0] ? leat_spill_counter(op->divided->inputs[0]) : NULL;
    LEAT_TRY(leat_node_new(&op->exec, op->divided->plan, &op->root, err));
    LEAT_TRY(leat_node_prepare(&op->exec, op->root, err));
    return leat_node_open(&op->exec, op->root, &op->inner, err);
}

static bool has_rows(const struct leat_divided *divided, uint32_t partition)
{
    for (uint32_t i = 0; i < divided->input_count; i++)
        if (leat_spill_rows(divided->inputs[i], partition) > 0)
            return true;
    return false;
}

static enum leat_status divided_next(struct leat_operator *base, struct leat_batch **out,
                                     struct leat_error *err)
{
    struct divided_operator *op = (struct divided_operator *)base;

    *out = NULL;
    for (;;) {
        LEAT_TRY(leat_exec_check(op->outer, err));
        if (op->inner) {
            LEAT_TRY(op->inner->ops->next(op->inner, out, err));
            if (*out)
                return LEAT_OK;
            end_partition(op);
        }
        op->partition = atomic_fetch_add(&op->divided->next, 1);
        if (op->partition >= LEAT_SPILL_PARTITIONS)
            return LEAT_OK;
        if (has_rows(op->divided, op->partition))
            LEAT_TRY(begin_partition(op, err));
    }
}

static void divided_close(struct leat_operator *base)
{
    end_partition((struct divided_operator *)base);
    leat_free(base);
}

static const struct leat_operator_ops divided_ops = {divided_next, divided_close};

enum leat_status leat_divided_open(struct leat_exec *exec, struct leat_divided *divided,
                                   struct leat_operator **out, struct leat_error *err)
{
    struct divided_operator *op = leat_calloc(1, sizeof(*op));

    *out = NULL;
    if (!op)
        return leat_error_memory(err);
    op->base.ops = &divided_ops;
    op->outer = exec;
    op->divided = divided;
    op->options = *exec->options;
    op->options.threads = 1;
    op->options.profile = false;
    op->options.open_input = open_partition;
    op->options.open_input_context = op;
    *out = &op->base;
    return LEAT_OK;
}
