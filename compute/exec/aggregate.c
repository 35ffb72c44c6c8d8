/* Grouping. Each thread has a hash table of its own: key rows in chunks, a directory of group
 * numbers with a tag of the hash, and one contiguous record of states a group. The threads' tables
 * are then merged into the first one, and the result becomes a table.
 *
 * Calls with DISTINCT or ORDER BY need all rows of a group together: then the input is collected
 * first, groups are numbered in one pass, and each such call goes over the rows in its own order,
 * skipping repeated values. */
#include "compute/exec/exec_internal.h"

struct group_table {
    struct leat_arena arena; /* key strings, and what states hold */
    const struct leat_key_layout *layout;
    size_t state_stride;
    uint64_t *directory; /* hash's upper half | group + 1; 0: empty */
    uint64_t capacity;   /* a power of two */
    uint8_t *keys;       /* group * layout->width */
    uint8_t *states;     /* group * state_stride */
    uint64_t *hashes;
    uint32_t count;
    uint32_t room;
};

static void groups_release(struct group_table *groups)
{
    leat_free(groups->directory);
    leat_free(groups->keys);
    leat_free(groups->states);
    leat_free(groups->hashes);
    leat_arena_release(&groups->arena);
}

static void groups_init(struct group_table *groups, const struct leat_key_layout *layout,
                        size_t state_stride, struct leat_accountant *accountant)
{
    memset(groups, 0, sizeof(*groups));
    leat_arena_init(&groups->arena, accountant);
    groups->layout = layout;
    groups->state_stride = state_stride;
}

static enum leat_status grow_rows(struct group_table *groups, struct leat_error *err)
{
    uint32_t room = groups->room ? groups->room * 2 : 64;
    uint8_t *keys, *states;
    uint64_t *hashes;

    if (groups->room > UINT32_MAX / 4)
        return leat_error_set(err, LEAT_E_LIMIT, "more than %u groups", groups->room);
    keys = leat_realloc(groups->keys, (size_t)room * groups->layout->width);
    if (keys)
        groups->keys = keys;
    states = leat_realloc(groups->states, (size_t)room * groups->state_stride);
    if (states)
        groups->states = states;
    hashes = leat_realloc(groups->hashes, (size_t)room * sizeof(*hashes));
    if (hashes)
        groups->hashes = hashes;
    if (!keys || !states || !hashes)
        return leat_error_memory(err);
    memset(states + (size_t)groups->room * groups->state_stride, 0,
           (size_t)(room - groups->room) * groups->state_stride);
    groups->room = room;
    return LEAT_OK;
}

static enum leat_status grow_directory(struct group_table *groups, struct leat_error *err)
{
    uint64_t capacity = groups->capacity ? groups->capacity * 4 : 256;
    uint64_t *directory = leat_calloc(capacity, sizeof(*directory));

    if (!directory)
        return leat_error_memory(err);
    for (uint32_t g = 0; g < groups->count; g++) {
        uint64_t at = groups->hashes[g] & (capacity - 1);
        while (directory[at])
            at = (at + 1) & (capacity - 1);
        directory[at] = (groups->hashes[g] & ~(uint64_t)UINT32_MAX) | (g + 1);
    }
    leat_free(groups->directory);
    groups->directory = directory;
    groups->capacity = capacity;
    return LEAT_OK;
}

/* The group of each key row, made where it is new. */
enum { AHEAD = 12 }; /* rows between asking for a directory entry and reading it */

static enum leat_status find_groups(struct group_table *groups, const uint8_t *rows,
                                    const uint64_t *hashes, uint32_t count, uint32_t *out,
                                    struct leat_error *err)
{
    size_t width = groups->layout->width;

    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *row = rows + (size_t)i * width;
        uint64_t tag = hashes[i] & ~(uint64_t)UINT32_MAX, at, entry;
        if (i > 0 && hashes[i] == hashes[i - 1] &&
            leat_key_rows_equal(groups->layout, row, row - width)) { /* equal keys come together */
            out[i] = out[i - 1];
            continue;
        }
        if (i + AHEAD < count && groups->capacity)
            __builtin_prefetch(&groups->directory[hashes[i + AHEAD] & (groups->capacity - 1)]);
        if ((uint64_t)groups->count * 2 >= groups->capacity)
            LEAT_TRY(grow_directory(groups, err));
        at = hashes[i] & (groups->capacity - 1);
        while ((entry = groups->directory[at]) != 0) {
            uint32_t group = (uint32_t)entry - 1;
            if ((entry & ~(uint64_t)UINT32_MAX) == tag &&
                leat_key_rows_equal(groups->layout, row, groups->keys + (size_t)group * width))
                break;
            at = (at + 1) & (groups->capacity - 1);
        }
        if (entry == 0) {
            if (groups->count == groups->room)
                LEAT_TRY(grow_rows(groups, err));
            memcpy(groups->keys + (size_t)groups->count * width, row, width);
            LEAT_TRY(leat_key_row_own(groups->layout, groups->keys + (size_t)groups->count * width,
                                      &groups->arena, err));
            groups->hashes[groups->count] = hashes[i];
            groups->directory[at] = tag | ++groups->count;
            out[i] = groups->count - 1;
        } else {
            out[i] = (uint32_t)entry - 1;
        }
    }
    return LEAT_OK;
}

/* --- what all threads share --- */
struct call_info {
    const struct leat_aggregate *call;
    const struct leat_aggregate_ops *ops;
    size_t offset;          /* of its state in the group's record */
    uint32_t first_result;  /* of its arguments among the evaluator's results */
    uint32_t filter_result; /* UINT32_MAX: none */
    bool whole;             /* DISTINCT or ORDER BY */
};
struct aggregate_state {
    struct leat_table_source source;
    struct leat_key_layout layout;
    struct call_info *calls;
    size_t state_stride;
    struct leat_expr **exprs; /* keys, then arguments and filters */
    uint32_t expr_count;
    bool whole; /* some call needs whole groups */
};
/* Groups of key codes while all keys come as codes of lasting dictionaries. */
enum { CODED_KEYS_MOST = 8, CODED_GROUPS_MOST = 1 << 14 };
#define NO_GROUP UINT32_MAX
struct coded_groups {
    uint64_t identities[CODED_KEYS_MOST];
    uint32_t *groups; /* by the codes as digits of one number; NO_GROUP: not met yet */
};
struct worker {
    struct leat_evaluator *evaluator;
    struct leat_vector *results;
    struct leat_arena scratch;
    uint8_t *rows;
    uint64_t *hashes;
    uint32_t *group_of;
    uint32_t *selection;
    uint32_t capacity;
    struct group_table groups;
    struct coded_groups coded;
};

static enum leat_status describe_calls(struct leat_exec *exec, const struct leat_plan *plan,
                                       struct aggregate_state *state, struct leat_error *err)
{
    uint32_t total = plan->aggregate.key_count, at;

    for (uint32_t i = 0; i < plan->aggregate.call_count; i++)
        total += plan->aggregate.calls[i].arg_count + (plan->aggregate.calls[i].filter != NULL);
    state->calls = LEAT_NEW_ARRAY(&exec->arena, struct call_info, plan->aggregate.call_count);
    state->exprs = LEAT_NEW_ARRAY(&exec->arena, struct leat_expr *, total);
    if (!state->calls || !state->exprs)
        return leat_error_memory(err);
    for (at = 0; at < plan->aggregate.key_count; at++)
        state->exprs[at] = plan->aggregate.keys[at];
    for (uint32_t i = 0; i < plan->aggregate.call_count; i++) {
        const struct leat_aggregate *call = &plan->aggregate.calls[i];
        struct call_info *info = &state->calls[i];
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

static void worker_release(struct worker *worker)
{
    leat_evaluator_free(worker->evaluator);
    leat_free(worker->results);
    leat_free(worker->rows);
    leat_free(worker->hashes);
    leat_free(worker->group_of);
    leat_free(worker->selection);
    leat_free(worker->coded.groups);
    leat_arena_release(&worker->scratch);
    groups_release(&worker->groups);
}

static enum leat_status worker_init(struct leat_exec *exec, const struct aggregate_state *state,
                                    struct worker *worker, struct leat_error *err)
{
    groups_init(&worker->groups, &state->layout, state->state_stride, exec->options->accountant);
    leat_arena_init(&worker->scratch, exec->options->accountant);
    worker->results = leat_calloc(state->expr_count, sizeof(struct leat_vector));
    if (!worker->results)
        return leat_error_memory(err);
    if (state->expr_count == 0)
        return LEAT_OK;
    return leat_evaluator_new(state->exprs, state->expr_count, &exec->options->source,
                              exec->options->accountant, &worker->evaluator, err);
}

static enum leat_status worker_room(struct worker *worker, uint32_t rows, size_t width,
                                    struct leat_error *err)
{
    if (rows <= worker->capacity)
        return LEAT_OK;
    leat_free(worker->rows);
    leat_free(worker->hashes);
    leat_free(worker->group_of);
    leat_free(worker->selection);
    worker->capacity = 0;
    worker->rows = leat_malloc((size_t)rows * width);
    worker->hashes = leat_malloc((size_t)rows * sizeof(uint64_t));
    worker->group_of = leat_malloc((size_t)rows * sizeof(uint32_t));
    worker->selection = leat_malloc((size_t)rows * sizeof(uint32_t));
    if (!worker->rows || !worker->hashes || !worker->group_of || !worker->selection)
        return leat_error_memory(err);
    worker->capacity = rows;
    return LEAT_OK;
}

/* How many combinations of codes the keys can have; 0 if not all come as such codes. */
static uint32_t coded_combinations(const struct worker *worker, uint32_t key_count)
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

static enum leat_status begin_coded(struct worker *worker, uint32_t key_count,
                                    uint32_t combinations, struct leat_error *err)
{
    struct coded_groups *coded = &worker->coded;
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

static void combine_codes(const struct worker *worker, uint32_t key_count, uint32_t length,
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
static enum leat_status meet_coded(const struct aggregate_state *state, struct worker *worker,
                                   const uint32_t *codes, const uint32_t *missing, uint32_t count,
                                   struct leat_error *err)
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
    LEAT_TRY(find_groups(&worker->groups, worker->rows, worker->hashes, count, groups, err));
    for (uint32_t i = 0; i < count; i++)
        worker->coded.groups[codes[missing[i]]] = groups[i];
    return LEAT_OK;
}

/* Groups of a batch whose keys come as codes: looked up by code. */
static enum leat_status group_coded(const struct aggregate_state *state, struct worker *worker,
                                    uint32_t length, uint32_t combinations, struct leat_error *err)
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

/* Evaluates a batch and finds its rows' groups. */
static enum leat_status group_batch(const struct aggregate_state *state, struct worker *worker,
                                    const struct leat_batch *batch, struct leat_error *err)
{
    const struct leat_key_layout *layout = &state->layout;
    uint32_t combinations;

    LEAT_TRY(worker_room(worker, batch->length, layout->width, err));
    leat_arena_reset(&worker->scratch);
    if (worker->evaluator)
        LEAT_TRY(leat_evaluator_run(worker->evaluator, batch, worker->results, err));
    if (layout->count == 0) {
        if (worker->groups.count == 0) {
            if (worker->groups.room == 0)
                LEAT_TRY(grow_rows(&worker->groups, err));
            worker->groups.count = 1;
        }
        memset(worker->group_of, 0, batch->length * sizeof(uint32_t));
        return LEAT_OK;
    }
    combinations = coded_combinations(worker, layout->count);
    if (combinations > 0)
        return group_coded(state, worker, batch->length, combinations, err);
    LEAT_TRY(leat_key_rows_fill(layout, worker->results, batch->length, worker->rows,
                                &worker->scratch, err));
    leat_key_rows_hash(layout, worker->rows, batch->length, worker->hashes);
    return find_groups(&worker->groups, worker->rows, worker->hashes, batch->length,
                       worker->group_of, err);
}

/* Rows that the call's FILTER keeps; *selection NULL: all. */
static uint32_t filtered_rows(const struct call_info *info, struct worker *worker, uint32_t length,
                              const uint32_t **selection)
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

static enum leat_status update_call(const struct aggregate_state *state,
                                    const struct call_info *info, struct worker *worker,
                                    const uint32_t *selection, uint32_t count,
                                    struct leat_error *err)
{
    if (count == 0)
        return LEAT_OK;
    return info->ops->update(info->call, worker->groups.states + info->offset, state->state_stride,
                             worker->group_of, selection, count,
                             worker->results + info->first_result, &worker->groups.arena, err);
}

struct aggregating {
    struct aggregate_state *state;
    const struct leat_plan *plan;
    struct worker *workers;
};

static enum leat_status merge_partial(const struct aggregating *a, struct worker *worker,
                                      const struct leat_batch *batch, struct leat_error *err)
{
    const struct aggregate_state *state = a->state;
    uint64_t *scratch_state = leat_malloc(state->state_stride);
    enum leat_status status = scratch_state ? LEAT_OK : leat_error_memory(err);

    for (uint32_t c = 0; c < a->plan->aggregate.call_count && status == LEAT_OK; c++) {
        const struct leat_vector *column = &batch->columns[a->plan->aggregate.key_count + c];
        const struct call_info *info = &state->calls[c];
        for (uint32_t i = 0; i < batch->length && status == LEAT_OK; i++) {
            const struct leat_vector *base;
            uint32_t at = leat_vector_locate(column, i, &base);
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
    struct worker *worker = &a->workers[thread];

    LEAT_TRY(group_batch(a->state, worker, batch, err));
    if (a->plan->aggregate.mode == LEAT_AGGREGATE_FINAL)
        return merge_partial(a, worker, batch, err);
    for (uint32_t c = 0; c < a->plan->aggregate.call_count; c++) {
        const struct call_info *info = &a->state->calls[c];
        const uint32_t *selection;
        uint32_t count = filtered_rows(info, worker, batch->length, &selection);
        LEAT_TRY(update_call(a->state, info, worker, selection, count, err));
    }
    return LEAT_OK;
}

/* Adds the groups of `from` to `into`; from's memory is adopted, since states may point into it. */
static enum leat_status merge_groups(const struct aggregate_state *state, uint32_t call_count,
                                     struct group_table *into, struct group_table *from,
                                     struct leat_error *err)
{
    size_t stride = state->state_stride, width = state->layout.width;
    uint32_t groups[LEAT_BATCH_ROWS] = {0};

    leat_arena_adopt(&into->arena, &from->arena);
    if (state->layout.count == 0 && from->count > 0 && into->count == 0) {
        LEAT_TRY(grow_rows(into, err));
        into->count = 1;
    }
    for (uint32_t start = 0; start < from->count; start += LEAT_BATCH_ROWS) {
        uint32_t left = from->count - start,
                 count = left < LEAT_BATCH_ROWS ? left : LEAT_BATCH_ROWS;
        if (state->layout.count > 0)
            LEAT_TRY(find_groups(into, from->keys + start * width, from->hashes + start, count,
                                 groups, err));
        for (uint32_t c = 0; c < call_count; c++) {
            const struct call_info *info = &state->calls[c];
            for (uint32_t g = 0; g < count; g++)
                LEAT_TRY(info->ops->merge(
                    info->call, into->states + groups[g] * stride + info->offset,
                    from->states + (start + g) * stride + info->offset, &into->arena, err));
        }
    }
    return LEAT_OK;
}

/* --- from groups to columns --- */

static enum leat_status key_column(const struct group_table *groups, uint32_t k,
                                   struct leat_arena *arena, struct leat_vector *out,
                                   struct leat_error *err)
{
    const struct leat_key_layout *layout = groups->layout;
    const struct leat_type *type = layout->types[k];
    size_t width = leat_type_width(type);
    double real;

    if (leat_type_is_nested(type))
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "grouping by lists, structs or maps");
    LEAT_TRY(leat_vector_init(out, type, groups->count + 1, 0, arena, err));
    out->length = groups->count;
    for (uint32_t g = 0; g < groups->count; g++) {
        const uint8_t *row = groups->keys + (size_t)g * layout->width;
        const uint8_t *slot = row + layout->offsets[k];
        uint64_t nulls;
        memcpy(&nulls, row, 8);
        if (nulls >> k & 1) {
            LEAT_TRY(leat_vector_make_validity(out, groups->count, arena, err));
            leat_validity_set(out->validity, g, false);
        }
        if (type->id == LEAT_FLOAT) { /* kept as the bits of a double */
            memcpy(&real, slot, 8);
            ((float *)out->data)[g] = (float)real;
        } else if (width > 0) {
            memcpy((char *)out->data + g * width, slot, width);
        }
    }
    return LEAT_OK;
}

static enum leat_status call_column(const struct aggregate_state *state,
                                    const struct call_info *info, struct group_table *groups,
                                    bool partial, struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err)
{
    struct leat_buffer bytes;
    enum leat_status status = LEAT_OK;

    if (!partial) {
        LEAT_TRY(leat_vector_init(out, info->call->type, groups->count + 1, groups->count + 1,
                                  arena, err));
        return info->ops->finish(info->call, groups->states + info->offset, state->state_stride,
                                 groups->count, out, arena, err);
    }
    LEAT_TRY(leat_vector_init(out, leat_type_get(LEAT_BYTES), groups->count + 1, 0, arena, err));
    out->length = groups->count;
    leat_buffer_init(&bytes, 0);
    for (uint32_t g = 0; g < groups->count && status == LEAT_OK; g++) {
        char *copy = NULL;
        bytes.length = 0;
        status = info->ops->put(info->call, groups->states + g * state->state_stride + info->offset,
                                &bytes, err);
        if (status == LEAT_OK)
            copy = leat_arena_copy(arena, bytes.data, bytes.length);
        if (status == LEAT_OK && !copy)
            status = leat_error_memory(err);
        if (status == LEAT_OK)
            ((struct leat_string *)out->data)[g] = leat_string_of(copy, bytes.length);
    }
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status make_result(const struct leat_plan *plan, struct aggregate_state *state,
                                    struct group_table *groups, struct leat_error *err)
{
    struct leat_table_rows *table = &state->source.table;
    uint32_t keys = plan->aggregate.key_count;

    if (keys == 0 && groups->count == 0) { /* without GROUP BY there is always one row */
        LEAT_TRY(grow_rows(groups, err));
        groups->count = 1;
    }
    table->column_count = plan->schema.count;
    table->columns = LEAT_NEW_ARRAY(&table->arena, struct leat_vector, plan->schema.count);
    if (!table->columns)
        return leat_error_memory(err);
    for (uint32_t k = 0; k < keys; k++)
        LEAT_TRY(key_column(groups, k, &table->arena, &table->columns[k], err));
    for (uint32_t c = 0; c < plan->aggregate.call_count; c++)
        LEAT_TRY(call_column(state, &state->calls[c], groups,
                             plan->aggregate.mode == LEAT_AGGREGATE_PARTIAL, &table->arena,
                             &table->columns[keys + c], err));
    table->length = groups->count;
    leat_arena_adopt(&table->arena, &groups->arena);
    state->source.end = table->length;
    return LEAT_OK;
}

/* --- whole groups: DISTINCT and ORDER BY --- */

/* Rows `order[start..)` as a batch: evaluated, with their groups from the first pass. */
static enum leat_status whole_batch(const struct leat_table_rows *table, const uint32_t *order,
                                    uint32_t count, const uint32_t *group_of, struct worker *worker,
                                    struct leat_vector *columns, struct leat_arena *views,
                                    struct leat_error *err)
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
static enum leat_status drop_repeated(struct group_table *seen, const struct call_info *info,
                                      struct worker *worker, uint32_t length, uint32_t *selection,
                                      uint32_t *count, struct leat_arena *scratch,
                                      struct leat_error *err)
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
        LEAT_TRY(find_groups(seen, rows + (size_t)i * layout->width, &hashes[i], 1, &id, err));
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

static enum leat_status whole_call(struct leat_exec *exec, const struct aggregate_state *state,
                                   const struct call_info *info, struct worker *worker,
                                   const struct leat_table_rows *table, const uint32_t *group_of,
                                   struct leat_arena *arena, struct leat_error *err)
{
    struct leat_vector *columns = LEAT_NEW_ARRAY(arena, struct leat_vector, table->column_count);
    struct leat_key_layout layout;
    struct group_table seen;
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
    groups_init(&seen, &layout, 8, exec->options->accountant);
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
        count = filtered_rows(info, worker, length, &chosen);
        for (uint32_t i = 0; !chosen && i < length; i++)
            worker->selection[i] = i;
        if (info->call->distinct)
            status =
                drop_repeated(&seen, info, worker, length, worker->selection, &count, &views, err);
        if (status == LEAT_OK)
            status = update_call(state, info, worker, worker->selection, count, err);
    }
    leat_arena_release(&views);
    groups_release(&seen);
    return status;
}

/* The first pass: groups of all rows, and the calls that need nothing special. */
static enum leat_status whole_groups(struct leat_exec *exec, const struct leat_plan *plan,
                                     struct aggregate_state *state, struct worker *worker,
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
            status = group_batch(state, worker, &batch, err);
        if (status == LEAT_OK)
            memcpy(group_of + start, worker->group_of, batch.length * sizeof(uint32_t));
        for (uint32_t c = 0; c < plan->aggregate.call_count && status == LEAT_OK; c++) {
            const struct call_info *info = &state->calls[c];
            const uint32_t *selection;
            uint32_t count = filtered_rows(info, worker, batch.length, &selection);
            if (!info->whole)
                status = update_call(state, info, worker, selection, count, err);
        }
    }
    leat_arena_release(&views);
    return status;
}

static enum leat_status aggregate_whole(struct leat_exec *exec, struct leat_node *node,
                                        struct worker *worker, struct leat_error *err)
{
    struct aggregate_state *state = node->state;
    struct leat_table_rows table;
    struct leat_arena arena;
    enum leat_status status;
    uint32_t *group_of = NULL;

    leat_table_rows_init(&table, exec->options->accountant);
    leat_arena_init(&arena, exec->options->accountant);
    status = leat_pipeline_collect(exec, node->children[0], &table, err);
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
    /* States may hold views into the rows. */
    leat_arena_adopt(&worker->groups.arena, &table.arena);
    leat_table_rows_release(&table);
    leat_arena_release(&arena);
    return status;
}

/* --- the node --- */

static enum leat_status aggregate_all(struct leat_exec *exec, struct leat_node *node,
                                      struct worker *workers, unsigned threads,
                                      struct leat_error *err)
{
    struct aggregate_state *state = node->state;
    struct aggregating a = {state, node->plan, workers};

    for (unsigned i = 0; i < threads; i++)
        LEAT_TRY(worker_init(exec, state, &workers[i], err));
    if (state->whole) {
        LEAT_TRY(aggregate_whole(exec, node, &workers[0], err));
    } else {
        LEAT_TRY(leat_pipeline_run(exec, node->children[0], take_batch, &a, err));
        for (unsigned i = 1; i < threads; i++)
            LEAT_TRY(merge_groups(state, node->plan->aggregate.call_count, &workers[0].groups,
                                  &workers[i].groups, err));
    }
    return make_result(node->plan, state, &workers[0].groups, err);
}

static enum leat_status aggregate_prepare(struct leat_exec *exec, struct leat_node *node,
                                          struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    unsigned threads = leat_pipeline_threads(exec, node->children[0]);
    struct aggregate_state *state = LEAT_NEW(&exec->arena, struct aggregate_state);
    struct worker *workers;
    enum leat_status status;

    if (!state)
        return leat_error_memory(err);
    leat_table_rows_init(&state->source.table, exec->options->accountant);
    node->state = state;
    LEAT_TRY(leat_key_layout_init(&state->layout, plan->aggregate.keys, plan->aggregate.key_count,
                                  &exec->arena, err));
    LEAT_TRY(describe_calls(exec, plan, state, err));
    if (plan->aggregate.mode == LEAT_AGGREGATE_FINAL) {
        state->whole = false;
        state->expr_count = plan->aggregate.key_count; /* arguments are states already */
    }
    workers = leat_calloc(threads, sizeof(*workers));
    if (!workers)
        return leat_error_memory(err);
    status = aggregate_all(exec, node, workers, threads, err);
    for (unsigned i = 0; i < threads; i++)
        worker_release(&workers[i]);
    leat_free(workers);
    return status;
}

static void aggregate_release(struct leat_node *node)
{
    leat_table_rows_release(&((struct aggregate_state *)node->state)->source.table);
}

static enum leat_status aggregate_open(struct leat_exec *exec, struct leat_node *node,
                                       struct leat_operator **out, struct leat_error *err)
{
    return leat_table_source_open(exec, &((struct aggregate_state *)node->state)->source, out, err);
}

const struct leat_node_ops leat_aggregate_node = {aggregate_prepare, aggregate_open,
                                                  aggregate_release};
