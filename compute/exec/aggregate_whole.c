/* Calls that see whole groups: DISTINCT and ORDER BY. The input is collected first, groups are
 * numbered in one pass, and each such call goes over the rows in its own order, skipping repeated
 * values. */
#include "compute/exec/aggregate_internal.h"

/* Rows `order[start..)` as a batch: evaluated, with their groups from the first pass. */
static enum leat_status whole_batch(const struct leat_table_rows *table, const uint32_t *order,
                                    uint32_t count, const uint32_t *group_of,
                                    struct leat_grouping *worker, struct leat_vector *columns,
                                    struct leat_arena *views, struct leat_error *err)
{
    struct leat_batch batch = {table->column_count, count, columns};

    leat_arena_reset(views);
    for (uint32_t c = 0; c < table->column_count; c++)
        LEAT_TRY(leat_vector_select(&table->columns[c], order, count, views, &columns[c], err));
    LEAT_TRY(leat_evaluator_run(worker->evaluator, &batch, worker->results, err));
    for (uint32_t i = 0; i < count; i++)
        worker->group_of[i] = group_of[order[i]];
    return LEAT_OK;
}

/* Keeps the rows of `selection` whose (group, arguments) was not seen before. */
static enum leat_status drop_repeated(struct leat_groups *seen, const struct leat_call_info *info,
                                      struct leat_grouping *worker, uint32_t length,
                                      uint32_t *selection, uint32_t *count,
                                      struct leat_arena *scratch, struct leat_error *err)
{
    const struct leat_key_layout *layout = seen->layout;
    struct leat_vector *keys = LEAT_NEW_ARRAY(scratch, struct leat_vector, layout->count);
    int32_t *groups = leat_arena_alloc(scratch, length * sizeof(int32_t) + 4);
    uint8_t *rows = leat_arena_alloc(scratch, (size_t)length * layout->width + 8);
    uint64_t *hashes = leat_arena_alloc(scratch, length * sizeof(uint64_t) + 8);
    uint32_t kept = 0, id;

    if (!keys || !groups || !rows || !hashes)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < length; i++)
        groups[i] = (int32_t)worker->group_of[i];
    keys[0] = (struct leat_vector){
        .type = leat_type_get(LEAT_INT32), .form = LEAT_FLAT, .length = length, .data = groups};
    memcpy(keys + 1, worker->results + info->first_result, (layout->count - 1) * sizeof(*keys));
    LEAT_TRY(leat_key_rows_fill(layout, keys, length, rows, &seen->arena, err));
    leat_key_rows_hash(layout, rows, length, hashes);
    for (uint32_t s = 0; s < *count; s++) {
        uint32_t i = selection[s], before = seen->count;
        LEAT_TRY(leat_groups_find(seen, rows + (size_t)i * layout->width, &hashes[i], 1, &id, err));
        if (seen->count > before)
            selection[kept++] = i;
    }
    *count = kept;
    return LEAT_OK;
}

static enum leat_status distinct_layout(const struct leat_aggregate *call, struct leat_arena *arena,
                                        struct leat_key_layout *out, struct leat_error *err)
{
    struct leat_expr **exprs = LEAT_NEW_ARRAY(arena, struct leat_expr *, call->arg_count + 1);
    struct leat_expr *group = LEAT_NEW(arena, struct leat_expr);

    if (!exprs || !group)
        return leat_error_memory(err);
    group->type = leat_type_get(LEAT_INT32);
    exprs[0] = group;
    for (uint32_t i = 0; i < call->arg_count; i++)
        exprs[i + 1] = call->args[i];
    return leat_key_layout_init(out, exprs, call->arg_count + 1, arena, err);
}

static enum leat_status whole_call(struct leat_exec *exec, const struct leat_aggregate_state *state,
                                   const struct leat_call_info *info, struct leat_grouping *worker,
                                   const struct leat_table_rows *table, const uint32_t *group_of,
                                   struct leat_arena *arena, struct leat_error *err)
{
    struct leat_vector *columns = LEAT_NEW_ARRAY(arena, struct leat_vector, table->column_count);
    struct leat_key_layout layout;
    struct leat_groups seen;
    struct leat_arena views;
    enum leat_status status = LEAT_OK;
    uint32_t *order;

    if (!columns)
        return leat_error_memory(err);
    LEAT_TRY(distinct_layout(info->call, arena, &layout, err));
    if (info->call->order_count > 0) {
        LEAT_TRY(leat_sort_permutation(exec, table, info->call->order, info->call->order_count,
                                       arena, &order, err));
    } else {
        order = leat_arena_alloc(arena, table->length * sizeof(*order) + 4);
        if (!order)
            return leat_error_memory(err);
        for (uint64_t i = 0; i < table->length; i++)
            order[i] = (uint32_t)i;
    }
    leat_arena_init(&views, NULL);
    leat_groups_init(&seen, &layout, 8, exec->options->accountant);
    for (uint64_t start = 0; start < table->length && status == LEAT_OK; start += LEAT_BATCH_ROWS) {
        uint64_t left = table->length - start;
        uint32_t length = left < LEAT_BATCH_ROWS ? (uint32_t)left : LEAT_BATCH_ROWS, count;
        const uint32_t *chosen;
        status = leat_exec_check(exec, err);
        if (status == LEAT_OK)
            status =
                whole_batch(table, order + start, length, group_of, worker, columns, &views, err);
        if (status != LEAT_OK)
            break;
        count = leat_grouping_filter(info, worker, length, &chosen);
        for (uint32_t i = 0; !chosen && i < length; i++)
            worker->selection[i] = i;
        if (info->call->distinct)
            status =
                drop_repeated(&seen, info, worker, length, worker->selection, &count, &views, err);
        if (status == LEAT_OK)
            status = leat_grouping_update(state, info, worker, worker->selection, count, err);
    }
    leat_arena_release(&views);
    leat_groups_release(&seen);
    return status;
}

/* The first pass: groups of all rows, and the calls that need nothing special. */
static enum leat_status whole_groups(struct leat_exec *exec, const struct leat_plan *plan,
                                     struct leat_aggregate_state *state,
                                     struct leat_grouping *worker,
                                     const struct leat_table_rows *table, uint32_t *group_of,
                                     struct leat_arena *arena, struct leat_error *err)
{
    struct leat_vector *columns = LEAT_NEW_ARRAY(arena, struct leat_vector, table->column_count);
    struct leat_arena views;
    enum leat_status status = columns ? LEAT_OK : leat_error_memory(err);

    leat_arena_init(&views, NULL);
    for (uint64_t start = 0; start < table->length && status == LEAT_OK; start += LEAT_BATCH_ROWS) {
        uint64_t left = table->length - start;
        struct leat_batch batch = {table->column_count,
                                   left < LEAT_BATCH_ROWS ? (uint32_t)left : LEAT_BATCH_ROWS,
                                   columns};
        leat_arena_reset(&views);
        status = leat_exec_check(exec, err);
        if (status == LEAT_OK)
            status = leat_table_rows_slice(table, start, batch.length, &views, columns, err);
        if (status == LEAT_OK)
            status = leat_grouping_batch(state, worker, &batch, err);
        if (status == LEAT_OK)
            memcpy(group_of + start, worker->group_of, batch.length * sizeof(uint32_t));
        for (uint32_t c = 0; c < plan->aggregate.call_count && status == LEAT_OK; c++) {
            const struct leat_call_info *info = &state->calls[c];
            const uint32_t *selection;
            uint32_t count = leat_grouping_filter(info, worker, batch.length, &selection);
            if (!info->whole)
                status = leat_grouping_update(state, info, worker, selection, count, err);
        }
    }
    leat_arena_release(&views);
    return status;
}

/* A row's group, place in an order, and entry in a table of those seen already, which doubles. */
enum { WHOLE_BYTES = 200 };

enum leat_status leat_aggregate_whole(struct leat_exec *exec, struct leat_node *node,
                                      struct leat_grouping *worker, struct leat_error *err)
{
    struct leat_aggregate_state *state = node->state;
    const struct leat_plan *plan = node->plan;
    const struct leat_schema *schemas[1] = {&plan->children[0]->schema};
    struct leat_table_rows table;
    struct leat_arena arena;
    enum leat_status status;
    uint32_t *group_of = NULL;

    leat_table_rows_init(&table, exec->options->accountant);
    leat_arena_init(&arena, exec->options->accountant);
    status = leat_spill_collect(exec, node, node->children[0], plan->aggregate.keys,
                                plan->aggregate.key_count, WHOLE_BYTES, &table,
                                &state->divided.inputs[0], err);
    if (status == LEAT_OK && state->divided.inputs[0]) {
        leat_table_rows_release(&table);
        state->divided.input_count = 1;
        return leat_divided_plan(plan, schemas, &exec->arena, &state->divided.plan, err);
    }
    if (status == LEAT_OK) {
        group_of = leat_arena_alloc(&arena, table.length * sizeof(*group_of) + 4);
        status = group_of
                     ? whole_groups(exec, node->plan, state, worker, &table, group_of, &arena, err)
                     : leat_error_memory(err);
    }
    for (uint32_t c = 0; c < node->plan->aggregate.call_count && status == LEAT_OK; c++)
        if (state->calls[c].whole)
            status =
                whole_call(exec, state, &state->calls[c], worker, &table, group_of, &arena, err);
    if (status == LEAT_OK)
        status = leat_aggregate_result(plan, state, &worker->groups, err);
    /* States, and so results, may hold views into the rows. */
    leat_arena_adopt(&state->source.table.arena, &table.arena);
    leat_table_rows_release(&table);
    leat_arena_release(&arena);
    return status;
}
