/* Grouping. Each thread has a hash table of its own: key rows in chunks, a directory of group
 * numbers with a tag of the hash, and one contiguous record of states a group. Few groups are then
 * merged into the first one, and become a table; many are merged in parts (aggregate_merge.c).
 *
 * A table that gets too large for the memory limit is moved to a file as partial states, by the
 * hash of the keys, and begun anew; in the end the states of each partition are brought together
 * (spill.h). */
#include "compute/exec/aggregate_internal.h"

struct aggregating {
    struct leat_exec *exec;
    struct leat_node *node;
    struct leat_aggregate_state *state;
    const struct leat_plan *plan;
    struct leat_grouping *workers;
    unsigned threads;
    pthread_mutex_t lock;
    _Atomic(struct leat_spill *) spill; /* NULL while all fits */
};

/* Adds the groups of `from` to `into`; from's memory is adopted, since states may point into it. */
static enum leat_status merge_groups(const struct leat_aggregate_state *state, uint32_t call_count,
                                     struct leat_groups *into, struct leat_groups *from,
                                     struct leat_error *err)
{
    size_t stride = state->state_stride, width = state->layout.width;
    uint32_t groups[LEAT_BATCH_ROWS] = {0};

    leat_arena_adopt(&into->arena, &from->arena);
    if (state->layout.count == 0 && from->count > 0 && into->count == 0) {
        LEAT_TRY(leat_groups_grow(into, err));
        into->count = 1;
    }
    for (uint32_t start = 0; start < from->count; start += LEAT_BATCH_ROWS) {
        uint32_t left = from->count - start,
                 count = left < LEAT_BATCH_ROWS ? left : LEAT_BATCH_ROWS;
        if (state->layout.count > 0)
            LEAT_TRY(leat_groups_find(into, from->keys + start * width, from->hashes + start, count,
                                      groups, err));
        for (uint32_t c = 0; c < call_count; c++) {
            const struct leat_call_info *info = &state->calls[c];
            for (uint32_t g = 0; g < count; g++)
                LEAT_TRY(info->ops->merge(
                    info->call, into->states + groups[g] * stride + info->offset,
                    from->states + (start + g) * stride + info->offset, &into->arena, err));
        }
    }
    return LEAT_OK;
}

/* --- groups beyond memory --- */

/* Moves the thread's groups to the file as states. */
static enum leat_status move_groups(const struct leat_plan *plan,
                                    const struct leat_aggregate_state *state,
                                    struct leat_spill *spill, unsigned thread,
                                    struct leat_groups *groups, struct leat_error *err)
{
    struct leat_vector *columns = leat_calloc(plan->schema.count, sizeof(*columns));
    enum leat_status status = columns ? LEAT_OK : leat_error_memory(err);
    struct leat_group_range range = {groups, 0, 0};
    struct leat_arena arena;

    leat_arena_init(&arena, NULL);
    for (; range.start < groups->count && status == LEAT_OK; range.start += range.count) {
        uint32_t left = groups->count - range.start;
        struct leat_batch batch = {plan->schema.count, 0, columns};
        range.count = batch.length = left < LEAT_BATCH_ROWS ? left : LEAT_BATCH_ROWS;
        leat_arena_reset(&arena);
        status = leat_group_columns(plan, state, &range, true, &arena, columns, err);
        if (status == LEAT_OK)
            status = leat_spill_put(spill, thread, &batch, err);
    }
    leat_arena_release(&arena);
    leat_free(columns);
    return status;
}

/* What spilled states look like, and the plan that brings those of a partition together. */
static enum leat_status divide_groups(struct leat_exec *exec, const struct leat_plan *plan,
                                      struct leat_aggregate_state *state, struct leat_error *err)
{
    const struct leat_schema *schemas[1] = {&state->partial};
    struct leat_divided *divided = &state->divided;

    LEAT_TRY(leat_divided_plan(plan, schemas, &exec->arena, &divided->plan, err));
    divided->plan->aggregate.mode = LEAT_AGGREGATE_FINAL;
    divided->plan->aggregate.keys = state->columns;
    if (plan->aggregate.mode == LEAT_AGGREGATE_PARTIAL) /* states are what it gives */
        divided->plan = divided->plan->children[0];
    return LEAT_OK;
}

static enum leat_status describe_states(struct leat_exec *exec, const struct leat_plan *plan,
                                        struct leat_aggregate_state *state, struct leat_error *err)
{
    uint32_t keys = plan->aggregate.key_count;

    state->partial.count = plan->schema.count;
    state->partial.fields = LEAT_NEW_ARRAY(&exec->arena, struct leat_field, plan->schema.count);
    state->columns = LEAT_NEW_ARRAY(&exec->arena, struct leat_expr *, keys);
    if (!state->partial.fields || !state->columns)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < plan->schema.count; i++) {
        state->partial.fields[i] = plan->schema.fields[i];
        if (i >= keys)
            state->partial.fields[i].type = leat_type_get(LEAT_BYTES);
    }
    for (uint32_t k = 0; k < keys; k++) {
        struct leat_expr *column = LEAT_NEW(&exec->arena, struct leat_expr);
        if (!column)
            return leat_error_memory(err);
        column->kind = LEAT_EXPR_COLUMN;
        column->type = plan->schema.fields[k].type;
        column->column = k;
        state->columns[k] = column;
    }
    return LEAT_OK;
}

static enum leat_status begin_spill(struct aggregating *a, struct leat_error *err)
{
    struct leat_aggregate_state *state = a->state;
    struct leat_spill *spill = NULL;
    enum leat_status status = LEAT_OK;

    pthread_mutex_lock(&a->lock);
    if (!atomic_load(&a->spill)) {
        status = describe_states(a->exec, a->plan, state, err);
        if (status == LEAT_OK)
            status = leat_spill_new(a->exec, a->node, &state->partial, state->columns,
                                    a->plan->aggregate.key_count, a->threads, &spill, err);
        state->divided.inputs[0] = spill;
        state->divided.input_count = 1;
        atomic_store(&a->spill, spill);
    }
    pthread_mutex_unlock(&a->lock);
    return status;
}

/* Moves a thread's groups to the file and begins anew. */
static enum leat_status move_worker(struct aggregating *a, unsigned thread, struct leat_error *err)
{
    struct leat_grouping *worker = &a->workers[thread];

    LEAT_TRY(begin_spill(a, err));
    for (size_t i = 0; i < worker->aside.count; i++)
        LEAT_TRY(move_groups(a->plan, a->state, a->spill, thread, &worker->aside.items[i], err));
    leat_groups_list_release(&worker->aside);
    LEAT_TRY(move_groups(a->plan, a->state, a->spill, thread, &worker->groups, err));
    leat_groups_release(&worker->groups);
    leat_grouping_restart(worker, a->state, a->exec->options->accountant);
    return LEAT_OK;
}

/* Tables double when they grow, and will be merged: what a thread has is asked for once more. */
static enum leat_status relieve(struct aggregating *a, unsigned thread, struct leat_error *err)
{
    struct leat_grouping *worker = &a->workers[thread];
    uint64_t mine = leat_grouping_bytes(worker);

    if (a->plan->aggregate.key_count == 0)
        return LEAT_OK;
    if (leat_spill_wanted(a->exec, mine, mine + leat_groups_bytes(&worker->groups)))
        return move_worker(a, thread, err);
    return leat_grouping_set_aside(a->exec, a->state, worker, err);
}

static enum leat_status merge_partial(const struct aggregating *a, struct leat_grouping *worker,
                                      const struct leat_batch *batch, struct leat_error *err)
{
    const struct leat_aggregate_state *state = a->state;
    uint64_t *scratch_state = leat_malloc(state->state_stride);
    enum leat_status status = scratch_state ? LEAT_OK : leat_error_memory(err);

    for (uint32_t c = 0; c < a->plan->aggregate.call_count && status == LEAT_OK; c++) {
        const struct leat_vector *column = &batch->columns[a->plan->aggregate.key_count + c];
        const struct leat_call_info *info = &state->calls[c];
        for (uint32_t i = 0; i < batch->length && status == LEAT_OK; i++) {
            const struct leat_vector *base;
            uint32_t at = leat_vector_locate(column, i, &base);
            if (base->validity && !leat_validity_get(base->validity, at))
                continue; /* a group without a state: its row only says that the group is there */
            struct leat_text bytes = leat_string_text((const struct leat_string *)base->data + at);
            struct leat_cursor cursor = {(const uint8_t *)bytes.data, bytes.length, 0};
            memset(scratch_state, 0, state->state_stride);
            status =
                info->ops->read(info->call, &cursor, scratch_state, &worker->groups.arena, err);
            if (status == LEAT_OK)
                status =
                    info->ops->merge(info->call,
                                     worker->groups.states +
                                         worker->group_of[i] * state->state_stride + info->offset,
                                     scratch_state, &worker->groups.arena, err);
        }
    }
    leat_free(scratch_state);
    return status;
}

static enum leat_status take_batch(void *context, unsigned thread, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    struct aggregating *a = context;
    struct leat_grouping *worker = &a->workers[thread];

    LEAT_TRY(leat_grouping_batch(a->state, worker, batch, err));
    if (a->plan->aggregate.mode == LEAT_AGGREGATE_FINAL) {
        LEAT_TRY(merge_partial(a, worker, batch, err));
        return relieve(a, thread, err);
    }
    leat_grouping_arrange(worker, batch->length);
    for (uint32_t c = 0; c < a->plan->aggregate.call_count; c++)
        LEAT_TRY(leat_grouping_call(a->state, &a->state->calls[c], worker, batch->length, err));
    return relieve(a, thread, err);
}

/* --- the node --- */

/* Few groups become a table. */
static enum leat_status merge_few(struct aggregating *a, struct leat_error *err)
{
    for (unsigned i = 1; i < a->threads; i++)
        LEAT_TRY(merge_groups(a->state, a->plan->aggregate.call_count, &a->workers[0].groups,
                              &a->workers[i].groups, err));
    return leat_aggregate_result(a->plan, a->state, &a->workers[0].groups, err);
}

/* Brings the threads' tables together, or moves all to the file if one was, or if there is no room
 * for the result. */
static enum leat_status merge_workers(struct aggregating *a, struct leat_error *err)
{
    enum { FEW = 1 << 15 };
    uint64_t bytes = 0, groups = 0;

    for (unsigned i = 0; i < a->threads; i++) {
        bytes += leat_grouping_bytes(&a->workers[i]);
        groups += a->workers[i].groups.count;
        groups += a->workers[i].aside.count ? FEW : 0;
    }
    if (a->plan->aggregate.key_count == 0)
        return merge_few(a, err);
    if (!a->spill && !leat_spill_wanted(a->exec, bytes, bytes / 4))
        return groups < FEW ? merge_few(a, err)
                            : leat_aggregate_merge(a->exec, a->state, a->workers, a->threads, err);
    for (unsigned i = 0; i < a->threads; i++)
        LEAT_TRY(move_worker(a, i, err));
    LEAT_TRY(leat_spill_end(a->spill, err));
    return divide_groups(a->exec, a->plan, a->state, err);
}

static enum leat_status aggregate_all(struct aggregating *a, struct leat_error *err)
{
    for (unsigned i = 0; i < a->threads; i++)
        LEAT_TRY(leat_grouping_init(a->exec, a->state, &a->workers[i], err));
    if (a->state->whole)
        return leat_aggregate_whole(a->exec, a->node, &a->workers[0], err);
    LEAT_TRY(leat_pipeline_run(a->exec, a->node->children[0], take_batch, a, err));
    return merge_workers(a, err);
}

static enum leat_status aggregate_prepare(struct leat_exec *exec, struct leat_node *node,
                                          struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    struct leat_aggregate_state *state = LEAT_NEW(&exec->arena, struct leat_aggregate_state);
    struct aggregating a = {.exec = exec,
                            .node = node,
                            .state = state,
                            .plan = plan,
                            .threads = leat_pipeline_threads(exec, node->children[0])};
    enum leat_status status;

    if (!state)
        return leat_error_memory(err);
    leat_table_rows_init(&state->source.table, exec->options->accountant);
    node->state = state;
    LEAT_TRY(leat_key_layout_init(&state->layout, plan->aggregate.keys, plan->aggregate.key_count,
                                  &exec->arena, err));
    LEAT_TRY(leat_aggregate_describe(exec, plan, state, err));
    if (plan->aggregate.mode == LEAT_AGGREGATE_FINAL) {
        state->whole = false;
        state->expr_count = plan->aggregate.key_count; /* arguments are states already */
    }
    a.workers = leat_calloc(a.threads, sizeof(*a.workers));
    if (!a.workers)
        return leat_error_memory(err);
    pthread_mutex_init(&a.lock, NULL);
    status = aggregate_all(&a, err);
    for (unsigned i = 0; i < a.threads; i++)
        leat_grouping_release(&a.workers[i]);
    pthread_mutex_destroy(&a.lock);
    leat_free(a.workers);
    return status;
}

static void aggregate_release(struct leat_node *node)
{
    struct leat_aggregate_state *state = node->state;

    leat_table_rows_release(&state->source.table);
    leat_divided_release(&state->divided);
    leat_merged_groups_release(&state->merged);
}

static enum leat_status aggregate_open(struct leat_exec *exec, struct leat_node *node,
                                       struct leat_operator **out, struct leat_error *err)
{
    struct leat_aggregate_state *state = node->state;

    if (state->divided.input_count > 0)
        return leat_divided_open(exec, &state->divided, out, err);
    if (state->merged.parts > 0)
        return leat_aggregate_merge_open(exec, node->plan, state, out, err);
    return leat_table_source_open(exec, &state->source, out, err);
}

const struct leat_node_ops leat_aggregate_node = {aggregate_prepare, aggregate_open,
                                                  aggregate_release};
