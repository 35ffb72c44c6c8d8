/* The build side of a join: rows are collected into a table; their keys become an index, or key
 * rows with a directory (join.c), and filters for the scans of the other side. */
#include "compute/exec/join_internal.h"

/* Where the keys of the build rows go: values of a single one, or key rows. */
struct key_target {
    int64_t *values;
    uint8_t *nulls; /* 1: the value is null */
};

static enum leat_status put_keys(struct leat_join_state *s, const struct key_target *target,
                                 const struct leat_vector *keys, uint64_t start, uint32_t count,
                                 struct leat_error *err)
{
    size_t width = s->layout.width;
    uint8_t *rows;

    if (target->values) {
        leat_key_values(keys, count, target->values + start);
        for (uint32_t i = 0; i < count; i++)
            target->nulls[start + i] = leat_vector_is_null(keys, i);
        return LEAT_OK;
    }
    rows = s->keys + start * width;
    LEAT_TRY(leat_key_rows_fill(&s->layout, keys, count, rows, &s->arena, err));
    for (uint32_t i = 0; s->layout.strings && i < count; i++)
        LEAT_TRY(leat_key_row_own(&s->layout, rows + (size_t)i * width, NULL, &s->arena, err));
    return LEAT_OK;
}

static enum leat_status build_keys(struct leat_exec *exec, struct leat_join_state *s,
                                   struct leat_expr *const *exprs, const struct key_target *target,
                                   struct leat_error *err)
{
    uint32_t key_count = s->layout.count;
    struct leat_vector *results = LEAT_NEW_ARRAY(&s->arena, struct leat_vector, key_count);
    struct leat_vector *columns =
        LEAT_NEW_ARRAY(&s->arena, struct leat_vector, s->build.column_count);
    struct leat_evaluator *evaluator = NULL;
    struct leat_arena views;
    enum leat_status status = results && columns ? LEAT_OK : leat_error_memory(err);

    leat_arena_init(&views, NULL);
    if (status == LEAT_OK && key_count > 0)
        status = leat_evaluator_new(exprs, key_count, &exec->options->source,
                                    exec->options->accountant, &evaluator, err);
    for (uint64_t start = 0; start < s->build.length && status == LEAT_OK;
         start += LEAT_BATCH_ROWS) {
        uint64_t left = s->build.length - start;
        struct leat_batch batch = {s->build.column_count,
                                   left < LEAT_BATCH_ROWS ? (uint32_t)left : LEAT_BATCH_ROWS,
                                   columns};
        leat_arena_reset(&views);
        status = leat_exec_check(exec, err);
        if (status == LEAT_OK)
            status = leat_table_rows_slice(&s->build, start, batch.length, &views, columns, err);
        if (status == LEAT_OK && evaluator)
            status = leat_evaluator_run(evaluator, &batch, results, err);
        if (status == LEAT_OK)
            status = put_keys(s, target, results, start, batch.length, err);
    }
    leat_arena_release(&views);
    leat_evaluator_free(evaluator);
    return status;
}

/* s->index, if there is a single key that one can be made of. */
static enum leat_status build_index(struct leat_exec *exec, struct leat_join_state *s,
                                    struct leat_expr *const *exprs, struct leat_error *err)
{
    struct leat_arena arena;
    struct key_target target;
    enum leat_status status = LEAT_OK;

    if (s->layout.count != 1 || s->null_ok || !leat_key_index_takes(s->layout.types[0]))
        return LEAT_OK;
    leat_arena_init(&arena, exec->options->accountant);
    target.values = leat_arena_alloc(&arena, s->build.length * sizeof(int64_t) + 8);
    target.nulls = leat_arena_alloc(&arena, s->build.length + 8);
    if (!target.values || !target.nulls)
        status = leat_error_memory(err);
    if (status == LEAT_OK)
        status = build_keys(exec, s, exprs, &target, err);
    if (status == LEAT_OK)
        status = leat_key_index_new(target.values, target.nulls, s->build.length,
                                    exec->options->cancel, &s->arena, &s->index, err);
    if (status == LEAT_OK && s->index)
        s->build_has_null = memchr(target.nulls, 1, s->build.length) != NULL;
    leat_arena_release(&arena);
    return status;
}

enum { CLEARED = 1 << 20 }; /* entries at a time */

static enum leat_status build_directory(struct leat_exec *exec, struct leat_join_state *s,
                                        struct leat_error *err)
{
    uint64_t capacity = 64, hashes[LEAT_BATCH_ROWS];

    while (capacity < s->build.length * 2 && s->layout.count > 0)
        capacity *= 2;
    s->mask = capacity - 1;
    s->directory = leat_arena_alloc(&s->arena, capacity * sizeof(uint64_t));
    s->next = leat_arena_alloc(&s->arena, s->build.length * sizeof(uint32_t) + 4);
    if (!s->directory || !s->next)
        return leat_error_memory(err);
    for (uint64_t at = 0; at < capacity; at += CLEARED) {
        LEAT_TRY(leat_exec_check(exec, err));
        memset(s->directory + at, 0,
               (capacity - at < CLEARED ? capacity - at : CLEARED) * sizeof(uint64_t));
    }
    /* From the last row to the first, so that chains run in the rows' order. */
    for (uint64_t end = s->build.length; end > 0;) {
        uint64_t start = (end - 1) / LEAT_BATCH_ROWS * LEAT_BATCH_ROWS;
        const uint8_t *rows = s->keys + start * s->layout.width;
        LEAT_TRY(leat_exec_check(exec, err));
        leat_key_rows_hash(&s->layout, rows, (uint32_t)(end - start), hashes);
        for (uint64_t i = end - start; i-- > 0;) {
            uint64_t *entry = &s->directory[hashes[i] & s->mask];
            if (leat_join_cannot_match(s, rows + i * s->layout.width)) {
                s->build_has_null = true;
                continue;
            }
            s->next[start + i] = (uint32_t)*entry;
            *entry = (*entry & ~(uint64_t)UINT32_MAX) | leat_join_tag(hashes[i]) | (start + i + 1);
        }
        end = start;
    }
    return LEAT_OK;
}

enum leat_status leat_join_push_filters(struct leat_exec *exec, struct leat_node *node,
                                        struct leat_join_state *s, struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    struct leat_expr *const *probe = s->build_left ? plan->join.right_keys : plan->join.left_keys;
    enum leat_join_type type = leat_join_type_of(node);

    if (exec->options->no_runtime_filters || s->probe_kept ||
        (type == LEAT_JOIN_ANTI && !s->build_given) || type == LEAT_JOIN_MARK)
        return LEAT_OK;
    for (uint32_t k = 0; k < plan->join.key_count; k++) {
        struct leat_runtime_filter *filter;
        uint32_t placed = 0;
        if ((s->null_ok >> k & 1) || probe[k]->kind != LEAT_EXPR_COLUMN ||
            !leat_key_index_takes(probe[k]->type))
            continue;
        filter = leat_runtime_filter_new(exec);
        if (!filter)
            return leat_error_memory(err);
        LEAT_TRY(leat_runtime_filter_push(exec, node->children[s->build_left ? 1 : 0],
                                          probe[k]->column, filter, &placed, err));
        if (placed > 0 && s->index)
            LEAT_TRY(leat_runtime_filter_copy(filter, s->index, &s->arena, err));
        else if (placed > 0)
            LEAT_TRY(leat_runtime_filter_fill(filter, &s->layout, k, s->keys, s->build.length,
                                              &s->arena, err));
    }
    return LEAT_OK;
}

enum { DIRECTORY_BYTES = 4 * 8 + 4 /* of a build row, at most */ };

enum leat_status leat_join_build(struct leat_exec *exec, struct leat_node *node,
                                 struct leat_join_state *s, struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    struct leat_expr *const *keys = s->build_left ? plan->join.left_keys : plan->join.right_keys;
    struct leat_node *child = node->children[s->build_left ? 0 : 1];
    bool divisible = plan->join.key_count > 0 && leat_join_type_of(node) != LEAT_JOIN_MARK;
    struct leat_divided *divided = &s->divided;

    LEAT_TRY(leat_key_layout_init(&s->layout, keys, plan->join.key_count, &s->arena, err));
    for (uint32_t k = 0; k < plan->join.key_count && plan->join.null_safe; k++)
        s->null_ok |= (uint64_t)plan->join.null_safe[k] << k;
    LEAT_TRY(leat_spill_collect(exec, node, child, keys, divisible ? plan->join.key_count : 0,
                                s->layout.width + DIRECTORY_BYTES, &s->build,
                                &divided->inputs[s->build_left ? 0 : 1], err));
    if (divided->inputs[s->build_left ? 0 : 1]) {
        divided->input_count = 2;
        return LEAT_OK;
    }
    LEAT_TRY(build_index(exec, s, keys, err));
    if (!s->index) {
        const struct key_target rows = {NULL, NULL};
        s->keys = leat_arena_alloc(&s->arena, s->build.length * s->layout.width + 8);
        if (!s->keys)
            return leat_error_memory(err);
        LEAT_TRY(build_keys(exec, s, keys, &rows, err));
        LEAT_TRY(build_directory(exec, s, err));
    }
    if (s->build_kept || s->build_given) {
        s->matched = leat_arena_calloc(&s->arena, s->build.length + 1, 1);
        if (!s->matched)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}
