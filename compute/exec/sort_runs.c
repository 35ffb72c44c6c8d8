/* Sorted runs in a file, and their merge. Of each run one batch is in memory; a heap of the runs,
 * by their next rows, says which row comes next. Rows are compared by the first words of their
 * first keys, and by value where these are equal. If there are too many runs to read at once,
 * neighbours are merged into longer ones first. */
#include "compute/exec/sort_internal.h"

enum { RUNS_LEAST = 8, RUNS_MOST = 256 };

struct leat_sort_runs {
    struct leat_exec *exec;
    const struct leat_plan *plan;
    struct leat_spill *spill;
    uint32_t first; /* runs before it were merged into later ones */
    atomic_flag taken;
};

enum leat_status leat_sort_runs_new(struct leat_exec *exec, struct leat_node *node,
                                    unsigned threads, struct leat_sort_runs **out,
                                    struct leat_error *err)
{
    struct leat_sort_runs *runs = leat_calloc(1, sizeof(*runs));
    enum leat_status status;

    *out = NULL;
    if (!runs)
        return leat_error_memory(err);
    runs->exec = exec;
    runs->plan = node->plan;
    atomic_flag_clear(&runs->taken);
    status = leat_spill_new(exec, node, &node->plan->schema, NULL, 0, threads, &runs->spill, err);
    if (status != LEAT_OK) {
        leat_free(runs);
        return status;
    }
    *out = runs;
    return LEAT_OK;
}

void leat_sort_runs_free(struct leat_sort_runs *runs)
{
    if (runs)
        leat_spill_free(runs->spill);
    leat_free(runs);
}

/* Rows of a batch so that a few make a block: all runs have one in memory at once. */
static uint32_t batch_rows(const struct leat_table_rows *table)
{
    uint64_t row = table->arena.used / (table->length + 1) + 1, rows = LEAT_SPILL_RUN_BLOCK / row;

    return rows < 64 ? 64 : rows > LEAT_BATCH_ROWS ? LEAT_BATCH_ROWS : (uint32_t)rows;
}

enum leat_status leat_sort_runs_add(struct leat_sort_runs *runs, unsigned thread,
                                    const struct leat_table_rows *table, const uint32_t *order,
                                    struct leat_error *err)
{
    struct leat_vector *columns = leat_calloc(table->column_count, sizeof(*columns));
    enum leat_status status = columns ? LEAT_OK : leat_error_memory(err);
    uint32_t most = batch_rows(table), run = 0;
    struct leat_arena arena;

    leat_arena_init(&arena, NULL);
    if (status == LEAT_OK)
        status = leat_spill_run_begin(runs->spill, &run, err);
    for (uint64_t start = 0; start < table->length && status == LEAT_OK; start += most) {
        uint64_t left = table->length - start;
        struct leat_batch batch = {table->column_count, left < most ? (uint32_t)left : most,
                                   columns};
        leat_arena_reset(&arena);
        for (uint32_t c = 0; c < table->column_count && status == LEAT_OK; c++)
            status = leat_vector_select(&table->columns[c], order + start, batch.length, &arena,
                                        &columns[c], err);
        if (status == LEAT_OK)
            status = leat_spill_run_add(runs->spill, thread, run, &batch, err);
    }
    if (status == LEAT_OK)
        status = leat_spill_run_end(runs->spill, thread, run, err);
    leat_arena_release(&arena);
    leat_free(columns);
    return status;
}

/* --- merging --- */

struct cursor { /* of a run */
    struct leat_reader *reader;
    struct leat_batch *batch; /* NULL: the run has ended */
    uint32_t row;
    struct leat_evaluator *evaluator;
    struct leat_vector *values; /* of the keys, for the batch */
    uint64_t *firsts;           /* words of the first key */
    uint32_t capacity;
    struct leat_arena arena;
};
struct merge {
    struct leat_operator base;
    struct leat_exec *exec;
    struct leat_sort_runs *runs;
    struct cursor *cursors;
    uint32_t count;
    struct cursor **heap; /* the one with the least row is the first */
    uint32_t heap_count;
    uint64_t skip, left; /* rows */
    struct leat_batch out;
    struct leat_arena arena;
    struct cursor *picked[LEAT_BATCH_ROWS];
    uint32_t rows[LEAT_BATCH_ROWS];
    struct cursor *refill; /* its batch was given to the end: it needs the next */
};

static void merge_close(struct leat_operator *base)
{
    struct merge *m = (struct merge *)base;

    for (uint32_t i = 0; m->cursors && i < m->count; i++) {
        struct cursor *cursor = &m->cursors[i];
        leat_reader_close(cursor->reader);
        leat_evaluator_free(cursor->evaluator);
        leat_free(cursor->values);
        leat_free(cursor->firsts);
        leat_arena_release(&cursor->arena);
    }
    leat_free(m->cursors);
    leat_free(m->heap);
    leat_free(m->out.columns);
    leat_arena_release(&m->arena);
    leat_free(m);
}

static enum leat_status next_batch(const struct merge *m, struct cursor *cursor,
                                   struct leat_error *err)
{
    const struct leat_plan *plan = m->runs->plan;

    do
        LEAT_TRY(cursor->reader->ops->next(cursor->reader, &cursor->batch, err));
    while (cursor->batch && cursor->batch->length == 0);
    cursor->row = 0;
    if (!cursor->batch)
        return LEAT_OK;
    leat_arena_reset(&cursor->arena);
    LEAT_TRY(leat_evaluator_run(cursor->evaluator, cursor->batch, cursor->values, err));
    for (uint32_t k = 0; k < plan->sort.key_count; k++)
        LEAT_TRY(leat_vector_flatten(&cursor->values[k], &cursor->arena, err));
    if (cursor->batch->length > cursor->capacity) {
        leat_free(cursor->firsts);
        cursor->capacity = 0;
        cursor->firsts = leat_malloc(cursor->batch->length * sizeof(uint64_t));
        if (!cursor->firsts)
            return leat_error_memory(err);
        cursor->capacity = cursor->batch->length;
    }
    leat_sort_first_words(&plan->sort.keys[0], &cursor->values[0], cursor->batch->length,
                          cursor->firsts);
    return LEAT_OK;
}

/* Whether a's row comes before b's; of equal rows that of the earlier run. */
static bool comes_first(const struct merge *m, const struct cursor *a, const struct cursor *b)
{
    const struct leat_plan *plan = m->runs->plan;
    uint64_t left = a->firsts[a->row], right = b->firsts[b->row];
    int order;

    if (left != right)
        return left < right;
    order = leat_sort_compare_values(plan->sort.keys, 0, plan->sort.key_count, a->values, a->row,
                                     b->values, b->row);
    return order != 0 ? order < 0 : a < b;
}

static void sift_down(struct merge *m, uint32_t at)
{
    struct cursor *cursor = m->heap[at];

    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= m->heap_count)
            break;
        if (child + 1 < m->heap_count && comes_first(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (!comes_first(m, m->heap[child], cursor))
            break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = cursor;
}

/* Reads on in the run whose batch was given to its end; it is the heap's first. */
static enum leat_status refill(struct merge *m, struct leat_error *err)
{
    struct cursor *cursor = m->refill;

    m->refill = NULL;
    if (!cursor)
        return LEAT_OK;
    LEAT_TRY(next_batch(m, cursor, err));
    if (!cursor->batch)
        m->heap[0] = m->heap[--m->heap_count];
    if (m->heap_count > 0)
        sift_down(m, 0);
    return LEAT_OK;
}

/* Picks the next rows, until a run's batch ends. */
static uint32_t pick(struct merge *m)
{
    uint32_t count = 0;

    while (count < LEAT_BATCH_ROWS && m->left > 0 && m->heap_count > 0 && !m->refill) {
        struct cursor *cursor = m->heap[0];
        if (m->skip > 0) {
            m->skip--;
        } else {
            m->picked[count] = cursor;
            m->rows[count++] = cursor->row;
            m->left -= m->left != UINT64_MAX;
        }
        if (++cursor->row == cursor->batch->length)
            m->refill = cursor;
        else
            sift_down(m, 0);
    }
    return count;
}

static enum leat_status gather_nested(struct merge *m, uint32_t c, uint32_t count,
                                      struct leat_vector *out, struct leat_error *err)
{
    struct leat_vector *rows = LEAT_NEW_ARRAY(&m->arena, struct leat_vector, count);
    const struct leat_vector **items = LEAT_NEW_ARRAY(&m->arena, const struct leat_vector *, count);
    uint32_t *lengths = LEAT_NEW_ARRAY(&m->arena, uint32_t, count);

    if (!rows || !items || !lengths)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        LEAT_TRY(leat_vector_copy(&m->picked[i]->batch->columns[c], m->rows[i], 1, &m->arena,
                                  &rows[i], err));
        items[i] = &rows[i];
        lengths[i] = 1;
    }
    return leat_vectors_join(items, lengths, count, m->runs->plan->schema.fields[c].type, &m->arena,
                             out, err);
}

/* The picked rows' values; strings stay in their runs' batches. */
static enum leat_status gather(struct merge *m, uint32_t c, uint32_t count, struct leat_vector *out,
                               struct leat_error *err)
{
    const struct leat_type *type = m->runs->plan->schema.fields[c].type;
    size_t width = leat_type_width(type);

    if (leat_type_is_nested(type))
        return gather_nested(m, c, count, out, err);
    LEAT_TRY(leat_vector_init(out, type, count + 1, 0, &m->arena, err));
    out->length = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct leat_vector *from = &m->picked[i]->batch->columns[c];
        if (!leat_validity_get(from->validity, m->rows[i])) {
            LEAT_TRY(leat_vector_make_validity(out, count, &m->arena, err));
            leat_validity_set(out->validity, i, false);
        }
        if (width == 8)
            ((uint64_t *)out->data)[i] = ((const uint64_t *)from->data)[m->rows[i]];
        else if (width > 0)
            memcpy((char *)out->data + i * width, (const char *)from->data + m->rows[i] * width,
                   width);
    }
    return LEAT_OK;
}

static enum leat_status merge_next(struct leat_operator *base, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct merge *m = (struct merge *)base;
    uint32_t count;

    *out = NULL;
    do {
        LEAT_TRY(leat_exec_check(m->exec, err));
        LEAT_TRY(refill(m, err));
        count = pick(m);
    } while (count == 0 && m->refill);
    if (count == 0)
        return LEAT_OK;
    leat_arena_reset(&m->arena);
    for (uint32_t c = 0; c < m->out.column_count; c++)
        LEAT_TRY(gather(m, c, count, &m->out.columns[c], err));
    m->out.length = count;
    *out = &m->out;
    return LEAT_OK;
}

static const struct leat_operator_ops merge_ops = {merge_next, merge_close};

static enum leat_status open_cursor(struct merge *m, uint32_t run, struct cursor *cursor,
                                    struct leat_error *err)
{
    const struct leat_plan *plan = m->runs->plan;
    struct leat_accountant *accountant = m->exec->options->accountant;
    struct leat_expr **exprs;

    leat_arena_init(&cursor->arena, accountant);
    exprs = LEAT_NEW_ARRAY(&cursor->arena, struct leat_expr *, plan->sort.key_count);
    cursor->values = leat_calloc(plan->sort.key_count, sizeof(*cursor->values));
    if (!exprs || !cursor->values)
        return leat_error_memory(err);
    for (uint32_t k = 0; k < plan->sort.key_count; k++)
        exprs[k] = plan->sort.keys[k].expr;
    LEAT_TRY(leat_evaluator_new(exprs, plan->sort.key_count, &m->exec->options->source, accountant,
                                &cursor->evaluator, err));
    LEAT_TRY(leat_spill_open(m->runs->spill, run, &cursor->reader, err));
    return next_batch(m, cursor, err);
}

/* Merges runs [first, first + count) into an operator. */
static enum leat_status merge_new(struct leat_exec *exec, struct leat_sort_runs *runs,
                                  uint32_t first, uint32_t count, struct merge **out,
                                  struct leat_error *err)
{
    struct merge *m = leat_calloc(1, sizeof(*m));
    enum leat_status status = LEAT_OK;

    *out = NULL;
    if (!m)
        return leat_error_memory(err);
    m->base.ops = &merge_ops;
    m->exec = exec;
    m->runs = runs;
    m->count = count;
    m->left = UINT64_MAX;
    leat_arena_init(&m->arena, exec->options->accountant);
    m->cursors = leat_calloc(count, sizeof(*m->cursors));
    m->heap = leat_calloc(count, sizeof(*m->heap));
    m->out.column_count = runs->plan->schema.count;
    m->out.columns = leat_calloc(m->out.column_count, sizeof(struct leat_vector));
    if (!m->cursors || !m->heap || !m->out.columns)
        status = leat_error_memory(err);
    for (uint32_t i = 0; i < count && status == LEAT_OK; i++) {
        status = open_cursor(m, first + i, &m->cursors[i], err);
        if (status == LEAT_OK && m->cursors[i].batch)
            m->heap[m->heap_count++] = &m->cursors[i];
    }
    if (status != LEAT_OK) {
        merge_close(&m->base);
        return status;
    }
    for (uint32_t i = m->heap_count; i-- > 0;)
        sift_down(m, i);
    *out = m;
    return LEAT_OK;
}

/* --- fewer runs --- */

static uint32_t runs_at_once(const struct leat_sort_runs *runs)
{
    const struct leat_accountant *accountant = runs->exec->options->accountant;
    uint64_t most = RUNS_MOST;

    if (runs->exec->options->spill_always)
        return RUNS_LEAST;
    if (accountant && accountant->limit)
        most = accountant->limit / 4 / (4 * LEAT_SPILL_RUN_BLOCK);
    return most < RUNS_LEAST ? RUNS_LEAST : most > RUNS_MOST ? RUNS_MOST : (uint32_t)most;
}

static enum leat_status merge_some(struct leat_sort_runs *runs, uint32_t count,
                                   struct leat_error *err)
{
    enum leat_status status;
    struct leat_batch *batch;
    struct merge *m;
    uint32_t run;

    LEAT_TRY(leat_spill_run_begin(runs->spill, &run, err));
    LEAT_TRY(merge_new(runs->exec, runs, runs->first, count, &m, err));
    do {
        status = merge_next(&m->base, &batch, err);
        if (status == LEAT_OK && batch)
            status = leat_spill_run_add(runs->spill, 0, run, batch, err);
    } while (status == LEAT_OK && batch);
    merge_close(&m->base);
    runs->first += count;
    return status == LEAT_OK ? leat_spill_run_end(runs->spill, 0, run, err) : status;
}

enum leat_status leat_sort_runs_end(struct leat_sort_runs *runs, struct leat_error *err)
{
    uint32_t most = runs_at_once(runs), left;

    while ((left = leat_spill_partitions(runs->spill) - runs->first) > most)
        LEAT_TRY(merge_some(runs, left - most + 1 < most ? left - most + 1 : most, err));
    return leat_spill_end(runs->spill, err);
}

enum leat_status leat_sort_runs_open(struct leat_exec *exec, struct leat_sort_runs *runs,
                                     struct leat_operator **out, struct leat_error *err)
{
    bool mine = !atomic_flag_test_and_set(&runs->taken);
    struct merge *m;

    LEAT_TRY(merge_new(exec, runs, runs->first,
                       mine ? leat_spill_partitions(runs->spill) - runs->first : 0, &m, err));
    m->skip = runs->plan->sort.offset;
    m->left = runs->plan->sort.limit;
    *out = &m->base;
    return LEAT_OK;
}
