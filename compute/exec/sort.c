/* Sorting: all rows are collected, their keys become words (sort_keys.c), and an index is sorted by
 * them (sort_order.c). The output are dictionary vectors over the collected rows, in the index's
 * order. With a small limit, threads drop what cannot be among the first rows as they go. What does
 * not fit in memory is sorted in parts, which are merged from a file (sort_runs.c). */
#include "compute/exec/sort_internal.h"

/* --- values of keys --- */

/* A vector of values for each key: the table's own column where the key is one. */
static enum leat_status fill_values(struct leat_exec *exec, const struct leat_table_rows *table,
                                    const struct leat_sort_key *keys, uint32_t key_count,
                                    struct leat_table_rows *computed, struct leat_vector *values,
                                    struct leat_arena *scratch, struct leat_error *err)
{
    struct leat_expr **exprs = LEAT_NEW_ARRAY(scratch, struct leat_expr *, key_count);
    uint32_t count = 0, at = 0;

    if (!exprs)
        return leat_error_memory(err);
    for (uint32_t k = 0; k < key_count; k++)
        if (keys[k].expr->kind != LEAT_EXPR_COLUMN)
            exprs[count++] = keys[k].expr;
    LEAT_TRY(leat_table_evaluate(exec, table, exprs, count, computed, err));
    for (uint32_t k = 0; k < key_count; k++)
        values[k] = keys[k].expr->kind == LEAT_EXPR_COLUMN ? table->columns[keys[k].expr->column]
                                                           : computed->columns[at++];
    return LEAT_OK;
}

static enum leat_status permute(struct leat_exec *exec, const struct leat_table_rows *table,
                                const struct leat_sort_key *keys, uint32_t key_count,
                                struct leat_table_rows *computed, struct leat_arena *scratch,
                                struct leat_arena *arena, uint32_t **out, struct leat_error *err)
{
    struct leat_vector *values = LEAT_NEW_ARRAY(scratch, struct leat_vector, key_count);
    struct leat_sort_words words;

    if (!values)
        return leat_error_memory(err);
    LEAT_TRY(fill_values(exec, table, keys, key_count, computed, values, scratch, err));
    LEAT_TRY(leat_sort_words_fill(exec, keys, key_count, values, (uint32_t)table->length, scratch,
                                  &words, err));
    return leat_sort_order(exec, &words, (uint32_t)table->length, arena, out, err);
}

enum leat_status leat_sort_permutation(struct leat_exec *exec, const struct leat_table_rows *table,
                                       const struct leat_sort_key *keys, uint32_t key_count,
                                       struct leat_arena *arena, uint32_t **out,
                                       struct leat_error *err)
{
    struct leat_table_rows computed;
    struct leat_arena scratch;
    enum leat_status status;

    leat_arena_init(&scratch, exec->options->accountant);
    leat_table_rows_init(&computed, exec->options->accountant);
    status = permute(exec, table, keys, key_count, &computed, &scratch, arena, out, err);
    leat_table_rows_release(&computed);
    leat_arena_release(&scratch);
    return status;
}

/* --- the node --- */
struct sort_state {
    struct leat_table_source source;
    struct leat_arena arena;
    struct leat_sort_runs *runs; /* not NULL: the rows did not fit, and are there */
};

/* Rows of each thread; pruned to the first `keep` whenever they are many more, from when on those
 * that come behind the last one kept are not taken (sort_bound.c). */
struct collecting {
    struct leat_exec *exec;
    const struct leat_plan *plan;
    struct leat_node *node;
    unsigned threads;
    struct leat_rows *parts;
    struct leat_top_bound *bounds; /* of each thread */
    uint64_t keep;                 /* UINT64_MAX: all */
    pthread_mutex_t lock;
    _Atomic(struct leat_sort_runs *) runs; /* NULL while all fits */
};

static enum leat_status prune(struct collecting *c, unsigned thread, struct leat_error *err)
{
    struct leat_rows *rows = &c->parts[thread];
    const struct leat_schema *schema = &c->plan->schema;
    struct leat_vector *columns = leat_calloc(schema->count, sizeof(*columns));
    struct leat_rows fresh = {0};
    struct leat_table_rows table;
    struct leat_arena arena;
    enum leat_status status = columns ? LEAT_OK : leat_error_memory(err);
    uint32_t *order = NULL;

    leat_arena_init(&arena, NULL);
    leat_table_rows_init(&table, c->exec->options->accountant);
    if (status == LEAT_OK)
        status = leat_table_rows_join(NULL, rows, 1, schema, &table, err);
    if (status == LEAT_OK)
        status = leat_sort_permutation(c->exec, &table, c->plan->sort.keys, c->plan->sort.key_count,
                                       &arena, &order, err);
    if (status == LEAT_OK)
        status = leat_rows_init(&fresh, schema, c->exec->options->accountant, err);
    for (uint64_t start = 0; status == LEAT_OK && start < c->keep && start < table.length;
         start += LEAT_BATCH_ROWS) {
        uint64_t left = (c->keep < table.length ? c->keep : table.length) - start;
        struct leat_batch batch = {
            schema->count, left < LEAT_BATCH_ROWS ? (uint32_t)left : LEAT_BATCH_ROWS, columns};
        for (uint32_t i = 0; i < schema->count && status == LEAT_OK; i++)
            status = leat_vector_select(&table.columns[i], order + start, batch.length, &arena,
                                        &columns[i], err);
        if (status == LEAT_OK)
            status = leat_rows_append(&fresh, &batch, err);
    }
    if (status == LEAT_OK && c->keep > 0 && c->keep <= table.length)
        status = leat_top_bound_set(&c->bounds[thread], c->plan->sort.keys, c->plan->sort.key_count,
                                    &table, order[c->keep - 1], err);
    leat_table_rows_release(&table);
    leat_arena_release(&arena);
    leat_free(columns);
    leat_rows_release(rows);
    *rows = fresh;
    return status;
}

static enum leat_status begin_runs(struct collecting *c, struct leat_error *err)
{
    struct leat_sort_runs *runs;
    enum leat_status status = LEAT_OK;

    pthread_mutex_lock(&c->lock);
    if (!atomic_load(&c->runs)) {
        status = leat_sort_runs_new(c->exec, c->node, c->threads, &runs, err);
        atomic_store(&c->runs, runs);
    }
    pthread_mutex_unlock(&c->lock);
    return status;
}

/* Sorts a thread's rows and moves them to the file. */
static enum leat_status move_rows(struct collecting *c, unsigned thread, struct leat_error *err)
{
    struct leat_execute_options options = *c->exec->options;
    struct leat_exec alone = {.options = &options, .threads = 1};
    struct leat_accountant *accountant = options.accountant;
    const struct leat_plan *plan = c->plan;
    struct leat_table_rows table;
    struct leat_arena arena;
    enum leat_status status;
    uint32_t *order;

    LEAT_TRY(begin_runs(c, err));
    leat_table_rows_init(&table, accountant);
    leat_arena_init(&arena, accountant);
    status = leat_table_rows_join(NULL, &c->parts[thread], 1, &plan->schema, &table, err);
    if (status == LEAT_OK && table.length > 0)
        status = leat_sort_permutation(&alone, &table, plan->sort.keys, plan->sort.key_count,
                                       &arena, &order, err);
    if (status == LEAT_OK && table.length > 0)
        status = leat_sort_runs_add(c->runs, thread, &table, order, err);
    leat_arena_release(&arena);
    leat_table_rows_release(&table);
    return status == LEAT_OK ? leat_rows_init(&c->parts[thread], &plan->schema, accountant, err)
                             : status;
}

static enum leat_status take_rows(void *context, unsigned thread, const struct leat_batch *batch,
                                  struct leat_error *err)
{
    struct collecting *c = context;
    struct leat_rows *rows = &c->parts[thread];
    uint64_t mine, more;

    LEAT_TRY(leat_top_bound_append(&c->bounds[thread], c->plan->sort.keys, batch, rows, err));
    if (c->keep <= 1 << 20 && rows->row_count >= c->keep * 4 + 2 * LEAT_BATCH_ROWS)
        LEAT_TRY(prune(c, thread, err));
    mine = rows->arena.used * c->threads;
    more = mine + rows->row_count * c->threads * LEAT_SORT_BYTES(c->plan->sort.key_count);
    return leat_spill_wanted(c->exec, mine, more) ? move_rows(c, thread, err) : LEAT_OK;
}

static enum leat_status end_collecting(struct collecting *c, struct leat_table_rows *out,
                                       struct leat_error *err)
{
    if (!c->runs)
        return leat_table_rows_join(c->exec, c->parts, c->threads, &c->plan->schema, out, err);
    for (unsigned i = 0; i < c->threads; i++)
        LEAT_TRY(move_rows(c, i, err));
    return leat_sort_runs_end(c->runs, err);
}

static enum leat_status collect(struct leat_exec *exec, struct leat_node *node,
                                struct leat_table_rows *out, struct leat_sort_runs **runs,
                                struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    struct collecting c = {.exec = exec,
                           .plan = plan,
                           .node = node,
                           .threads = leat_pipeline_threads(exec, node->children[0]),
                           .keep = UINT64_MAX};
    enum leat_status status = LEAT_OK;

    if (plan->sort.limit < UINT64_MAX - plan->sort.offset)
        c.keep = plan->sort.limit + plan->sort.offset;
    c.parts = leat_calloc(c.threads, sizeof(*c.parts));
    c.bounds = leat_calloc(c.threads, sizeof(*c.bounds));
    if (!c.parts || !c.bounds) {
        leat_free(c.parts);
        leat_free(c.bounds);
        return leat_error_memory(err);
    }
    pthread_mutex_init(&c.lock, NULL);
    for (unsigned i = 0; i < c.threads && status == LEAT_OK; i++)
        status = leat_rows_init(&c.parts[i], &plan->schema, exec->options->accountant, err);
    if (status == LEAT_OK)
        status = leat_pipeline_run(exec, node->children[0], take_rows, &c, err);
    if (status == LEAT_OK)
        status = end_collecting(&c, out, err);
    for (unsigned i = 0; i < c.threads; i++) {
        leat_rows_release(&c.parts[i]);
        leat_top_bound_release(&c.bounds[i]);
    }
    leat_free(c.parts);
    leat_free(c.bounds);
    pthread_mutex_destroy(&c.lock);
    *runs = c.runs;
    return status;
}

static enum leat_status sort_prepare(struct leat_exec *exec, struct leat_node *node,
                                     struct leat_error *err)
{
    struct sort_state *state = LEAT_NEW(&exec->arena, struct sort_state);
    const struct leat_plan *plan = node->plan;
    uint64_t length;
    uint32_t *order;

    if (!state)
        return leat_error_memory(err);
    leat_table_rows_init(&state->source.table, exec->options->accountant);
    leat_arena_init(&state->arena, exec->options->accountant);
    node->state = state;
    LEAT_TRY(collect(exec, node, &state->source.table, &state->runs, err));
    if (state->runs)
        return LEAT_OK;
    length = state->source.table.length;
    LEAT_TRY(leat_sort_permutation(exec, &state->source.table, plan->sort.keys,
                                   plan->sort.key_count, &state->arena, &order, err));
    state->source.order = order;
    state->source.start = plan->sort.offset < length ? plan->sort.offset : length;
    state->source.end = plan->sort.limit < length - state->source.start
                            ? state->source.start + plan->sort.limit
                            : length;
    return LEAT_OK;
}

static void sort_release(struct leat_node *node)
{
    struct sort_state *state = node->state;

    leat_table_rows_release(&state->source.table);
    leat_arena_release(&state->arena);
    leat_sort_runs_free(state->runs);
}

static enum leat_status sort_open(struct leat_exec *exec, struct leat_node *node,
                                  struct leat_operator **out, struct leat_error *err)
{
    struct sort_state *state = node->state;

    if (state->runs)
        return leat_sort_runs_open(exec, state->runs, out, err);
    return leat_table_source_open(exec, &state->source, out, err);
}

const struct leat_node_ops leat_sort_node = {sort_prepare, sort_open, sort_release};
