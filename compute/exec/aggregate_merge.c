/* Many groups. A thread's table that has outgrown the caches, while most rows make new groups, is
 * set aside and a new one begun: so looking up stays quick where equal keys come close together,
 * and nothing is lost where they do not come again. In the end the groups of all tables are dealt
 * out by their hashes, or by ranges of a key whose values lie close together, and each part is
 * merged, by whichever thread comes for it, when its rows are asked for. */
#include "compute/exec/aggregate_internal.h"

#include <stdlib.h>

enum {
    OUTGROWN = 1 << 17,      /* groups */
    FEW_ROWS = 4,            /* rows of a group, on average, below which its table is set aside */
    SAMPLE = 2048,           /* groups looked up in the table set aside before */
    REPEATED = SAMPLE / 500, /* of them, met again: keys do not come close together */
    PART_GROUPS = 1 << 13,
    PARTS_LEAST = 16,
    PARTS_MOST = 4096,
    WIDEST = 24, /* values of a range, of a group, for which it goes by value */
    AHEAD = 32   /* groups between asking for memory and reading it */
};

static enum leat_status list_add(struct leat_groups_list *list, struct leat_groups *groups,
                                 struct leat_error *err)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 8;
        struct leat_groups *items = leat_realloc(list->items, capacity * sizeof(*items));
        if (!items)
            return leat_error_memory(err);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *groups;
    memset(groups, 0, sizeof(*groups));
    return LEAT_OK;
}

void leat_groups_list_release(struct leat_groups_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        leat_groups_release(&list->items[i]);
    leat_free(list->items);
    memset(list, 0, sizeof(*list));
}

uint64_t leat_grouping_bytes(const struct leat_grouping *worker)
{
    uint64_t bytes = leat_groups_bytes(&worker->groups);

    for (size_t i = 0; i < worker->aside.count; i++)
        bytes += leat_groups_bytes(&worker->aside.items[i]);
    return bytes;
}

/* How many of some of the table's groups are in the other one, too. */
static uint32_t met_before(const struct leat_groups *groups, const struct leat_groups *other)
{
    size_t width = groups->layout->width, step = groups->count / SAMPLE + 1;
    uint32_t met = 0;

    for (size_t g = 0; g < groups->count; g += step)
        met += leat_groups_have(other, groups->keys + g * width, groups->hashes[g]);
    return met;
}

void leat_grouping_restart(struct leat_grouping *worker, const struct leat_aggregate_state *state,
                           struct leat_accountant *accountant)
{
    leat_groups_init(&worker->groups, &state->layout, state->state_stride, accountant);
    leat_free(worker->coded.groups);
    worker->coded.groups = NULL;
    worker->rows_taken = 0;
}

enum leat_status leat_grouping_set_aside(struct leat_exec *exec,
                                         const struct leat_aggregate_state *state,
                                         struct leat_grouping *worker, struct leat_error *err)
{
    struct leat_groups *groups = &worker->groups, *before;

    if (worker->repeats || groups->count < OUTGROWN ||
        worker->rows_taken > (uint64_t)groups->count * FEW_ROWS)
        return LEAT_OK;
    before = worker->aside.count ? &worker->aside.items[worker->aside.count - 1] : NULL;
    if (before && met_before(groups, before) > REPEATED) {
        worker->repeats = true;
        return LEAT_OK;
    }
    if (before)
        leat_groups_drop_directory(before);
    LEAT_TRY(list_add(&worker->aside, groups, err));
    leat_grouping_restart(worker, state, exec->options->accountant);
    return LEAT_OK;
}

/* --- dealing groups out --- */

struct dealing {
    struct leat_merged_groups *merged;
    struct leat_exec *exec;
};

/* The part of a table's group. `last` is the part of the one before: equal keys of a range often
 * come together. */
static uint32_t part_of(const struct leat_merged_groups *merged, const struct leat_groups *groups,
                        uint32_t group, uint32_t last)
{
    const int64_t *splitters = merged->splitters;
    uint32_t low = 0, high = merged->parts - 1;
    int64_t value;

    if (!splitters)
        return (uint32_t)((groups->hashes[group] >> 32) * merged->parts >> 32);
    if (!leat_groups_value(groups, group, &value))
        return 0;
    if ((last == 0 || splitters[last - 1] <= value) && (last == high || value < splitters[last]))
        return last;
    while (low < high) { /* the number of splitters that are not greater */
        uint32_t middle = (low + high) / 2;
        if (splitters[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int compare_values(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* Ranges of the key where its values lie close together: parts can then go by value too, and groups
 * that were made in the order of the key are read in order. Taken from a sample, so that parts are
 * of about the same size however the values are spread. */
static enum leat_status choose_ranges(struct leat_merged_groups *merged, uint64_t total,
                                      struct leat_error *err)
{
    enum { SAMPLED = 16 /* of each part */ };
    uint64_t dense = 0, step = total / ((uint64_t)merged->parts * SAMPLED) + 1, count = 0;
    int64_t *sample;

    for (size_t i = 0; i < merged->tables.count; i++)
        dense += merged->tables.items[i].direct.dense ? merged->tables.items[i].count : 0;
    if (dense < total - total / 8)
        return LEAT_OK;
    sample = leat_arena_alloc(&merged->arena, (total / step + merged->tables.count + 1) * 8);
    merged->splitters = LEAT_NEW_ARRAY(&merged->arena, int64_t, merged->parts);
    if (!sample || !merged->splitters)
        return leat_error_memory(err);
    for (size_t i = 0; i < merged->tables.count; i++)
        for (uint64_t g = 0; g < merged->tables.items[i].count; g += step)
            count += leat_groups_value(&merged->tables.items[i], (uint32_t)g, &sample[count]);
    qsort(sample, count, sizeof(*sample), compare_values);
    for (uint32_t p = 1; p < merged->parts; p++)
        merged->splitters[p - 1] = sample[count * p / merged->parts];
    return LEAT_OK;
}

/* The table's groups in the order of their parts. */
static enum leat_status deal_table(void *context, size_t table, struct leat_error *err)
{
    struct dealing *d = context;
    struct leat_merged_groups *merged = d->merged;
    const struct leat_groups *groups = &merged->tables.items[table];
    uint32_t *starts = merged->starts + table * (merged->parts + 1);
    uint32_t *next = leat_calloc(merged->parts + 1, sizeof(*next)), part = 0;

    if (!next)
        return leat_error_memory(err);
    for (uint32_t g = 0; g < groups->count; g++) {
        part = part_of(merged, groups, g, part);
        starts[part + 1]++;
    }
    for (uint32_t p = 0; p < merged->parts; p++) {
        starts[p + 1] += starts[p];
        next[p] = starts[p];
    }
    part = 0;
    for (uint32_t g = 0; g < groups->count; g++) {
        part = part_of(merged, groups, g, part);
        merged->orders[table][next[part]++] = g;
    }
    leat_free(next);
    return LEAT_OK;
}

static enum leat_status collect_tables(struct leat_merged_groups *merged,
                                       struct leat_grouping *workers, unsigned threads,
                                       uint64_t *total, struct leat_error *err)
{
    for (unsigned t = 0; t < threads; t++) {
        for (size_t i = 0; i < workers[t].aside.count; i++) {
            *total += workers[t].aside.items[i].count;
            LEAT_TRY(list_add(&merged->tables, &workers[t].aside.items[i], err));
        }
        workers[t].aside.count = 0;
        *total += workers[t].groups.count;
        LEAT_TRY(list_add(&merged->tables, &workers[t].groups, err));
    }
    for (size_t i = 0; i < merged->tables.count; i++)
        leat_groups_drop_directory(&merged->tables.items[i]);
    return LEAT_OK;
}

enum leat_status leat_aggregate_merge(struct leat_exec *exec, struct leat_aggregate_state *state,
                                      struct leat_grouping *workers, unsigned threads,
                                      struct leat_error *err)
{
    struct leat_merged_groups *merged = &state->merged;
    struct dealing dealing = {merged, exec};
    uint64_t total = 0;
    size_t count;

    leat_arena_init(&merged->arena, exec->options->accountant);
    LEAT_TRY(collect_tables(merged, workers, threads, &total, err));
    count = merged->tables.count;
    for (merged->parts = PARTS_LEAST;
         merged->parts < PARTS_MOST && total / merged->parts > PART_GROUPS;)
        merged->parts *= 2;
    LEAT_TRY(choose_ranges(merged, total, err));
    merged->starts = LEAT_NEW_ARRAY(&merged->arena, uint32_t, count * ((size_t)merged->parts + 1));
    merged->orders = LEAT_NEW_ARRAY(&merged->arena, uint32_t *, count);
    if (!merged->starts || !merged->orders)
        return leat_error_memory(err);
    for (size_t i = 0; i < count; i++) {
        merged->orders[i] =
            leat_arena_alloc(&merged->arena, merged->tables.items[i].count * sizeof(uint32_t) + 4);
        if (!merged->orders[i])
            return leat_error_memory(err);
    }
    return leat_parallel_run(exec->threads, count, deal_table, &dealing, err);
}

void leat_merged_groups_release(struct leat_merged_groups *merged)
{
    leat_groups_list_release(&merged->tables);
    leat_arena_release(&merged->arena);
    merged->parts = 0;
}

/* --- the operator: one part after the other --- */

struct merge_operator {
    struct leat_operator base;
    struct leat_exec *exec;
    struct leat_aggregate_state *state;
    const struct leat_plan *plan;
    struct leat_groups groups; /* of the part at work */
    struct leat_arena arena;   /* its columns */
    struct leat_arena views;
    struct leat_vector *columns;
    struct leat_batch batch;
    uint32_t given;
    uint8_t *rows;
};

static void merge_close(struct leat_operator *base)
{
    struct merge_operator *op = (struct merge_operator *)base;

    leat_groups_release(&op->groups);
    leat_arena_release(&op->arena);
    leat_arena_release(&op->views);
    leat_free(op->columns);
    leat_free(op->batch.columns);
    leat_free(op->rows);
    leat_free(op);
}

static enum leat_status find_by_hash(struct merge_operator *op, const struct leat_groups *from,
                                     const uint32_t *ids, uint32_t count, uint32_t *out,
                                     struct leat_error *err)
{
    size_t width = op->state->layout.width, stride = op->state->state_stride;
    uint64_t hashes[LEAT_BATCH_ROWS];

    for (uint32_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            __builtin_prefetch(from->keys + ids[i + AHEAD] * width);
            __builtin_prefetch(from->hashes + ids[i + AHEAD]);
            __builtin_prefetch(from->states + ids[i + AHEAD] * stride);
        }
        memcpy(op->rows + i * width, from->keys + ids[i] * width, width);
        hashes[i] = from->hashes[ids[i]];
    }
    return leat_groups_find(&op->groups, op->rows, hashes, count, out, err);
}

static enum leat_status find_by_value(struct merge_operator *op, const struct leat_groups *from,
                                      const uint32_t *ids, uint32_t count, uint32_t *out,
                                      struct leat_error *err)
{
    int64_t values[LEAT_BATCH_ROWS];
    uint8_t nulls[LEAT_BATCH_ROWS];
    bool found, any = false;

    for (uint32_t i = 0; i < count; i++) {
        nulls[i] = !leat_groups_value(from, ids[i], &values[i]);
        any |= nulls[i];
    }
    LEAT_TRY(
        leat_groups_find_values(&op->groups, values, any ? nulls : NULL, count, out, &found, err));
    return found ? LEAT_OK : find_by_hash(op, from, ids, count, out, err);
}

/* Adds groups `ids` of a table. */
static enum leat_status add_groups(struct merge_operator *op, const struct leat_groups *from,
                                   const uint32_t *ids, uint32_t count, struct leat_error *err)
{
    const struct leat_aggregate_state *state = op->state;
    size_t stride = state->state_stride;
    uint32_t groups[LEAT_BATCH_ROWS], fresh = op->groups.count;

    LEAT_TRY(op->groups.direct.groups ? find_by_value(op, from, ids, count, groups, err)
                                      : find_by_hash(op, from, ids, count, groups, err));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *into = op->groups.states + groups[i] * stride;
        const uint8_t *own = from->states + ids[i] * stride;
        if (groups[i] == fresh) { /* its first part */
            memcpy(into, own, stride);
            fresh++;
            continue;
        }
        for (uint32_t c = 0; c < op->plan->aggregate.call_count; c++) {
            const struct leat_call_info *info = &state->calls[c];
            LEAT_TRY(info->ops->merge(info->call, into + info->offset, own + info->offset,
                                      &op->groups.arena, err));
        }
    }
    return LEAT_OK;
}

/* A part of a range goes by value if it is not too wide. */
static void begin_part(struct merge_operator *op, uint32_t part)
{
    const struct leat_merged_groups *merged = &op->state->merged;
    int64_t low = INT64_MAX, high = INT64_MIN;
    uint64_t count = 0;

    if (!merged->splitters)
        return;
    for (size_t t = 0; t < merged->tables.count; t++) {
        const uint32_t *starts = merged->starts + t * (merged->parts + 1);
        for (uint32_t at = starts[part]; at < starts[part + 1]; at++) {
            int64_t value;
            if (!leat_groups_value(&merged->tables.items[t], merged->orders[t][at], &value))
                continue;
            low = value < low ? value : low;
            high = value > high ? value : high;
            count++;
        }
    }
    if (count > 0 && (uint64_t)high - (uint64_t)low < count * WIDEST)
        leat_groups_go_direct(&op->groups, low, high);
}

static enum leat_status merge_part(struct merge_operator *op, uint32_t part, struct leat_error *err)
{
    const struct leat_merged_groups *merged = &op->state->merged;
    struct leat_group_range all = {&op->groups, 0, 0};

    leat_groups_release(&op->groups);
    leat_groups_init(&op->groups, &op->state->layout, op->state->state_stride,
                     op->exec->options->accountant);
    op->groups.borrows = true; /* of the tables, which outlive the result */
    begin_part(op, part);
    for (size_t t = 0; t < merged->tables.count; t++) {
        const uint32_t *starts = merged->starts + t * (merged->parts + 1);
        for (uint32_t at = starts[part]; at < starts[part + 1]; at += LEAT_BATCH_ROWS) {
            uint32_t left = starts[part + 1] - at;
            LEAT_TRY(add_groups(op, &merged->tables.items[t], merged->orders[t] + at,
                                left < LEAT_BATCH_ROWS ? left : LEAT_BATCH_ROWS, err));
        }
    }
    leat_arena_reset(&op->arena);
    all.count = op->groups.count;
    op->given = 0;
    return leat_group_columns(op->plan, op->state, &all,
                              op->plan->aggregate.mode == LEAT_AGGREGATE_PARTIAL, &op->arena,
                              op->columns, err);
}

static enum leat_status merge_next(struct leat_operator *base, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct merge_operator *op = (struct merge_operator *)base;
    struct leat_merged_groups *merged = &op->state->merged;
    uint32_t left;

    *out = NULL;
    LEAT_TRY(leat_exec_check(op->exec, err));
    while (op->given == op->groups.count) {
        uint32_t part = atomic_fetch_add(&merged->next, 1);
        if (part >= merged->parts)
            return LEAT_OK;
        LEAT_TRY(merge_part(op, part, err));
    }
    left = op->groups.count - op->given;
    op->batch.length = left < op->exec->batch_rows ? left : op->exec->batch_rows;
    leat_arena_reset(&op->views);
    for (uint32_t c = 0; c < op->batch.column_count; c++)
        LEAT_TRY(leat_vector_slice(&op->columns[c], op->given, op->batch.length, &op->views,
                                   &op->batch.columns[c], err));
    op->given += op->batch.length;
    *out = &op->batch;
    return LEAT_OK;
}

static const struct leat_operator_ops merge_ops = {merge_next, merge_close};

enum leat_status leat_aggregate_merge_open(struct leat_exec *exec, const struct leat_plan *plan,
                                           struct leat_aggregate_state *state,
                                           struct leat_operator **out, struct leat_error *err)
{
    struct merge_operator *op = leat_calloc(1, sizeof(*op));

    *out = NULL;
    if (!op)
        return leat_error_memory(err);
    op->base.ops = &merge_ops;
    op->exec = exec;
    op->state = state;
    op->plan = plan;
    leat_groups_init(&op->groups, &state->layout, state->state_stride, exec->options->accountant);
    leat_arena_init(&op->arena, exec->options->accountant);
    leat_arena_init(&op->views, exec->options->accountant);
    op->columns = leat_calloc(plan->schema.count, sizeof(struct leat_vector));
    op->batch.columns = leat_calloc(plan->schema.count, sizeof(struct leat_vector));
    op->batch.column_count = plan->schema.count;
    op->rows = leat_malloc((size_t)LEAT_BATCH_ROWS * state->layout.width + 8);
    if (!op->columns || !op->batch.columns || !op->rows) {
        merge_close(&op->base);
        return leat_error_memory(err);
    }
    *out = &op->base;
    return LEAT_OK;
}
