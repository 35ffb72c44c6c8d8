/* From batches to groups: keys and arguments are evaluated, groups looked up by code where all keys
 * come as codes of small dictionaries, else by hash. */
#include "compute/exec/aggregate_internal.h"
#include "compute/exec/key_index.h"

enum leat_status leat_aggregate_describe(struct leat_exec *exec, const struct leat_plan *plan,
                                         struct leat_aggregate_state *state, struct leat_error *err)
{
    uint32_t total = plan->aggregate.key_count, at;

    for (uint32_t i = 0; i < plan->aggregate.call_count; i++)
        total += plan->aggregate.calls[i].arg_count + (plan->aggregate.calls[i].filter != NULL);
    state->calls = LEAT_NEW_ARRAY(&exec->arena, struct leat_call_info, plan->aggregate.call_count);
    state->exprs = LEAT_NEW_ARRAY(&exec->arena, struct leat_expr *, total);
    if (!state->calls || !state->exprs)
        return leat_error_memory(err);
    for (at = 0; at < plan->aggregate.key_count; at++)
        state->exprs[at] = plan->aggregate.keys[at];
    for (uint32_t i = 0; i < plan->aggregate.call_count; i++) {
        const struct leat_aggregate *call = &plan->aggregate.calls[i];
        struct leat_call_info *info = &state->calls[i];
        info->call = call;
        info->ops = leat_aggregate_ops_get(call);
        if (!info->ops)
            return leat_error_set(err, LEAT_E_UNSUPPORTED, "aggregate %s", call->function->name);
        info->offset = state->state_stride;
        state->state_stride += (info->ops->state_size + 7) / 8 * 8;
        info->first_result = at;
        for (uint32_t a = 0; a < call->arg_count; a++)
            state->exprs[at++] = call->args[a];
        info->filter_result = call->filter ? at : UINT32_MAX;
        if (call->filter)
            state->exprs[at++] = call->filter;
        info->whole = call->distinct || call->order_count > 0;
        state->whole |= info->whole;
    }
    state->expr_count = at;
    if (state->state_stride == 0)
        state->state_stride = 8;
    return LEAT_OK;
}

void leat_grouping_release(struct leat_grouping *worker)
{
    leat_evaluator_free(worker->evaluator);
    leat_free(worker->results);
    leat_free(worker->rows);
    leat_free(worker->hashes);
    leat_free(worker->group_of);
    leat_free(worker->selection);
    leat_free(worker->by_group);
    leat_free(worker->coded.groups);
    leat_arena_release(&worker->scratch);
    leat_groups_release(&worker->groups);
    leat_groups_list_release(&worker->aside);
}

enum leat_status leat_grouping_init(struct leat_exec *exec,
                                    const struct leat_aggregate_state *state,
                                    struct leat_grouping *worker, struct leat_error *err)
{
    leat_groups_init(&worker->groups, &state->layout, state->state_stride,
                     exec->options->accountant);
    leat_arena_init(&worker->scratch, exec->options->accountant);
    worker->results = leat_calloc(state->expr_count, sizeof(struct leat_vector));
    if (!worker->results)
        return leat_error_memory(err);
    if (state->expr_count == 0)
        return LEAT_OK;
    return leat_evaluator_new(state->exprs, state->expr_count, &exec->options->source,
                              exec->options->accountant, &worker->evaluator, err);
}

static enum leat_status worker_room(struct leat_grouping *worker, uint32_t rows, size_t width,
                                    struct leat_error *err)
{
    if (rows <= worker->capacity)
        return LEAT_OK;
    leat_free(worker->rows);
    leat_free(worker->hashes);
    leat_free(worker->group_of);
    leat_free(worker->selection);
    leat_free(worker->by_group);
    worker->capacity = 0;
    worker->rows = leat_malloc((size_t)rows * width);
    worker->hashes = leat_malloc((size_t)rows * sizeof(uint64_t));
    worker->group_of = leat_malloc((size_t)rows * sizeof(uint32_t));
    worker->selection = leat_malloc((size_t)rows * sizeof(uint32_t));
    worker->by_group = leat_malloc((size_t)rows * sizeof(uint32_t));
    if (!worker->rows || !worker->hashes || !worker->group_of || !worker->selection ||
        !worker->by_group)
        return leat_error_memory(err);
    worker->capacity = rows;
    return LEAT_OK;
}

/* How many combinations of codes the keys can have; 0 if not all come as such codes. */
static uint32_t coded_combinations(const struct leat_grouping *worker, uint32_t key_count)
{
    uint64_t product = 1;

    if (key_count > CODED_KEYS_MOST)
        return 0;
    for (uint32_t k = 0; k < key_count; k++) {
        const struct leat_vector *key = &worker->results[k];
        if (key->form != LEAT_DICTIONARY || key->validity || !key->dictionary->identity ||
            key->dictionary->validity)
            return 0;
        product *= key->dictionary->length;
        if (product > CODED_GROUPS_MOST)
            return 0;
    }
    return (uint32_t)product;
}

static enum leat_status begin_coded(struct leat_grouping *worker, uint32_t key_count,
                                    uint32_t combinations, struct leat_error *err)
{
    struct leat_coded_groups *coded = &worker->coded;
    bool same = coded->groups != NULL;

    for (uint32_t k = 0; k < key_count; k++) {
        uint64_t identity = worker->results[k].dictionary->identity;
        same = same && coded->identities[k] == identity;
        coded->identities[k] = identity;
    }
    if (same)
        return LEAT_OK;
    if (!coded->groups)
        coded->groups = leat_malloc(CODED_GROUPS_MOST * sizeof(uint32_t));
    if (!coded->groups)
        return leat_error_memory(err);
    memset(coded->groups, 0xff, combinations * sizeof(uint32_t));
    return LEAT_OK;
}

static void combine_codes(const struct leat_grouping *worker, uint32_t key_count, uint32_t length,
                          uint32_t *out)
{
    const uint32_t *first = worker->results[0].codes;

    for (uint32_t i = 0; i < length; i++)
        out[i] = first[i];
    for (uint32_t k = 1; k < key_count; k++) {
        const uint32_t *codes = worker->results[k].codes;
        uint32_t base = worker->results[k].dictionary->length;
        for (uint32_t i = 0; i < length; i++)
            out[i] = out[i] * base + codes[i];
    }
}

/* Finds the groups of the rows `missing`, whose combinations `codes` were not met before. */
static enum leat_status meet_coded(const struct leat_aggregate_state *state,
                                   struct leat_grouping *worker, const uint32_t *codes,
                                   const uint32_t *missing, uint32_t count, struct leat_error *err)
{
    const struct leat_key_layout *layout = &state->layout;
    struct leat_vector *keys = LEAT_NEW_ARRAY(&worker->scratch, struct leat_vector, layout->count);
    uint32_t *groups = leat_arena_alloc(&worker->scratch, count * sizeof(*groups) + 4);

    if (!keys || !groups)
        return leat_error_memory(err);
    for (uint32_t k = 0; k < layout->count; k++)
        LEAT_TRY(leat_vector_select(&worker->results[k], missing, count, &worker->scratch, &keys[k],
                                    err));
    LEAT_TRY(leat_key_rows_fill(layout, keys, count, worker->rows, &worker->scratch, err));
    leat_key_rows_hash(layout, worker->rows, count, worker->hashes);
    LEAT_TRY(leat_groups_find(&worker->groups, worker->rows, worker->hashes, count, groups, err));
    for (uint32_t i = 0; i < count; i++)
        worker->coded.groups[codes[missing[i]]] = groups[i];
    return LEAT_OK;
}

/* Groups of a batch whose keys come as codes: looked up by code. */
static enum leat_status group_coded(const struct leat_aggregate_state *state,
                                    struct leat_grouping *worker, uint32_t length,
                                    uint32_t combinations, struct leat_error *err)
{
    uint32_t *codes = leat_arena_alloc(&worker->scratch, length * sizeof(*codes) + 4);
    uint32_t missing = 0, key_count = state->layout.count, *group_of, *unmet;
    const uint32_t *groups;

    if (!codes)
        return leat_error_memory(err);
    LEAT_TRY(begin_coded(worker, key_count, combinations, err));
    combine_codes(worker, key_count, length, codes);
    groups = worker->coded.groups;
    group_of = worker->group_of;
    unmet = worker->selection;
    for (uint32_t i = 0; i < length; i++) {
        uint32_t group = groups[codes[i]];
        group_of[i] = group;
        unmet[missing] = i;
        missing += group == NO_GROUP;
    }
    if (missing == 0)
        return LEAT_OK;
    LEAT_TRY(meet_coded(state, worker, codes, unmet, missing, err));
    for (uint32_t i = 0; i < length; i++)
        worker->group_of[i] = worker->coded.groups[codes[i]];
    return LEAT_OK;
}

/* Groups of a batch by the values of its only key; *found false where that is not so. */
static enum leat_status group_by_value(const struct leat_key_layout *layout,
                                       struct leat_grouping *worker, uint32_t length, bool *found,
                                       struct leat_error *err)
{
    const struct leat_vector *key = &worker->results[0];
    int64_t *values = (int64_t *)worker->hashes; /* which are not needed then */
    uint8_t *nulls = NULL;

    *found = false;
    if (layout->count != 1 || !leat_key_index_takes(layout->types[0]) ||
        worker->groups.direct.unfit)
        return LEAT_OK;
    leat_key_values(key, length, values);
    if (leat_vector_may_be_null(key)) {
        nulls = leat_arena_alloc(&worker->scratch, length + 1);
        if (!nulls)
            return leat_error_memory(err);
        for (uint32_t i = 0; i < length; i++)
            nulls[i] = leat_vector_is_null(key, i);
    }
    return leat_groups_find_values(&worker->groups, values, nulls, length, worker->group_of, found,
                                   err);
}

/* Evaluates a batch and finds its rows' groups. */
enum leat_status leat_grouping_batch(const struct leat_aggregate_state *state,
                                     struct leat_grouping *worker, const struct leat_batch *batch,
                                     struct leat_error *err)
{
    const struct leat_key_layout *layout = &state->layout;
    uint32_t combinations;
    bool found;

    worker->rows_taken += batch->length;
    LEAT_TRY(worker_room(worker, batch->length, layout->width, err));
    leat_arena_reset(&worker->scratch);
    if (worker->evaluator)
        LEAT_TRY(leat_evaluator_run(worker->evaluator, batch, worker->results, err));
    if (layout->count == 0) {
        if (worker->groups.count == 0) {
            if (worker->groups.room == 0)
                LEAT_TRY(leat_groups_grow(&worker->groups, err));
            worker->groups.count = 1;
        }
        memset(worker->group_of, 0, batch->length * sizeof(uint32_t));
        return LEAT_OK;
    }
    combinations = coded_combinations(worker, layout->count);
    if (combinations > 0)
        return group_coded(state, worker, batch->length, combinations, err);
    LEAT_TRY(group_by_value(layout, worker, batch->length, &found, err));
    if (found)
        return LEAT_OK;
    LEAT_TRY(leat_key_rows_fill(layout, worker->results, batch->length, worker->rows,
                                &worker->scratch, err));
    leat_key_rows_hash(layout, worker->rows, batch->length, worker->hashes);
    return leat_groups_find(&worker->groups, worker->rows, worker->hashes, batch->length,
                            worker->group_of, err);
}

/* Rows that the call's FILTER keeps; *selection NULL: all. */
uint32_t leat_grouping_filter(const struct leat_call_info *info, struct leat_grouping *worker,
                              uint32_t length, const uint32_t **selection)
{
    const struct leat_vector *filter, *base;
    uint32_t count = 0;

    *selection = NULL;
    if (info->filter_result == UINT32_MAX)
        return length;
    filter = &worker->results[info->filter_result];
    for (uint32_t i = 0; i < length; i++) {
        uint32_t at;
        if (leat_vector_is_null(filter, i))
            continue;
        at = leat_vector_locate(filter, i, &base);
        if (((const uint8_t *)base->data)[at])
            worker->selection[count++] = i;
    }
    *selection = worker->selection;
    return count;
}

enum leat_status leat_grouping_update(const struct leat_aggregate_state *state,
                                      const struct leat_call_info *info,
                                      struct leat_grouping *worker, const uint32_t *selection,
                                      uint32_t count, struct leat_error *err)
{
    if (count == 0)
        return LEAT_OK;
    return info->ops->update(info->call, worker->groups.states + info->offset, state->state_stride,
                             worker->group_of, selection, count,
                             worker->results + info->first_result, &worker->groups.arena, err);
}

void leat_grouping_arrange(struct leat_grouping *worker, uint32_t length)
{
    enum { LEAST = 32 }; /* rows of a group, on average, which pay for a call of their own */
    uint32_t groups = worker->groups.count, next[FEW_GROUPS + 1] = {0};
    const uint32_t *group_of = worker->group_of;
    uint32_t *rows = worker->by_group;

    worker->arranged = groups > 1 && groups <= FEW_GROUPS && length >= groups * LEAST;
    if (!worker->arranged)
        return;
    for (uint32_t i = 0; i < length; i++)
        next[group_of[i] + 1]++;
    for (uint32_t g = 0; g < groups; g++)
        next[g + 1] += next[g];
    memcpy(worker->starts, next, sizeof(worker->starts));
    for (uint32_t i = 0; i < length; i++)
        rows[next[group_of[i]]++] = i;
}

enum leat_status leat_grouping_call(const struct leat_aggregate_state *state,
                                    const struct leat_call_info *info, struct leat_grouping *worker,
                                    uint32_t length, struct leat_error *err)
{
    uint8_t *first = worker->groups.states + info->offset;
    const uint32_t *selection;
    uint32_t count;

    if (!worker->arranged || info->filter_result != UINT32_MAX) {
        count = leat_grouping_filter(info, worker, length, &selection);
        return leat_grouping_update(state, info, worker, selection, count, err);
    }
    for (uint32_t g = 0; g < worker->groups.count; g++) {
        count = worker->starts[g + 1] - worker->starts[g];
        if (count > 0)
            LEAT_TRY(info->ops->update(
                info->call, first + g * state->state_stride, state->state_stride, NULL,
                worker->by_group + worker->starts[g], count, worker->results + info->first_result,
                &worker->groups.arena, err));
    }
    return LEAT_OK;
}
