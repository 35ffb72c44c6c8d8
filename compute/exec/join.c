/* Hash joins of all types. The build side is collected into a table. A single integer-like key
 * whose values lie close together becomes an index (key_index.h); other keys become key rows, and a
 * directory maps a hash to the first of a chain of rows, with 32 tag bits beside it so that most
 * misses end there. Probe batches give pairs (probe row, build row); the output's build columns are
 * dictionary vectors over the build table, its probe columns selections of the probe batch, so no
 * value is copied. A join without keys is one chain of all rows (nested loop).
 *
 * What a row without partner means is decided after its batch: LEFT, FULL and SINGLE give it with
 * nulls, ANTI gives it, MARK answers false or null. Build rows without partner (RIGHT, FULL) are
 * given by the operator whose probe rows end last, since then all are known. SEMI and ANTI may also
 * hash the left side: then probes mark its rows, which are given at the end.
 *
 * If the build side does not fit in memory, both sides are moved to files by the hash of their
 * keys, and partition is joined with partition (spill.h). MARK joins and those without keys cannot
 * be divided so. */
#include "compute/exec/join_internal.h"

/* --- probe --- */

enum { AHEAD = 12 }; /* rows between asking for memory and reading it */

struct probe_operator {
    struct leat_operator base;
    struct leat_exec *exec;
    struct leat_node *node;
    struct leat_join_state *s;
    struct leat_operator *child;
    struct leat_evaluator *keys;     /* or NULL */
    struct leat_evaluator *residual; /* or NULL */
    struct leat_arena arena;         /* of the probe batch */
    struct leat_arena out_arena;
    struct leat_vector *results;
    struct leat_batch *batch; /* NULL: a new one is needed */
    uint8_t *rows;
    uint64_t *hashes;
    uint32_t *firsts; /* first build row + 1 of each probe row's chain, 0: none */
    uint8_t *found;   /* 1: the probe row has a partner */
    uint32_t capacity;
    uint32_t row;   /* where the search goes on */
    uint32_t chain; /* build row + 1, or 0: start at the directory */
    bool chain_open;
    bool tail_done;       /* the batch's rows without partner were given */
    bool ended;           /* there are no more probe rows */
    bool gives_rest;      /* it is the last to end, and build rows without partner are wanted */
    uint64_t rest;        /* build row where it goes on */
    uint32_t *probe_rows; /* pairs */
    uint32_t *build_rows;
    uint32_t *selection;
    struct leat_batch pairs; /* left columns, right columns */
    struct leat_batch out;
};

static void probe_close(struct leat_operator *base)
{
    struct probe_operator *op = (struct probe_operator *)base;

    leat_operator_close(op->child);
    leat_evaluator_free(op->keys);
    leat_evaluator_free(op->residual);
    leat_arena_release(&op->arena);
    leat_arena_release(&op->out_arena);
    leat_free(op->results);
    leat_free(op->rows);
    leat_free(op->hashes);
    leat_free(op->firsts);
    leat_free(op->found);
    leat_free(op->probe_rows);
    leat_free(op->build_rows);
    leat_free(op->selection);
    leat_free(op->pairs.columns);
    leat_free(op->out.columns);
    leat_free(op);
}

/* Where each probe row's chain starts, by the index: the value of its key leads there. */
static void find_indexed(struct probe_operator *op, uint32_t count)
{
    const struct leat_vector *key = &op->results[0];
    int64_t *values = (int64_t *)op->hashes;

    leat_key_values(key, count, values);
    leat_key_index_find(op->s->index, values, count, op->firsts);
    if (!leat_vector_may_be_null(key))
        return;
    for (uint32_t i = 0; i < count; i++)
        if (leat_vector_is_null(key, i))
            op->firsts[i] = 0;
}

/* Where each probe row's chain starts. The directory and then the keys are asked for well before
 * they are read, so that the cache misses of a batch overlap. */
static void find_chains(struct probe_operator *op, uint32_t count)
{
    const struct leat_join_state *s = op->s;
    size_t width = s->layout.width;

    for (uint32_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            __builtin_prefetch(&s->directory[op->hashes[i + AHEAD] & s->mask]);
        uint64_t entry = s->directory[op->hashes[i] & s->mask];
        bool may = (entry & leat_join_tag(op->hashes[i])) && (uint32_t)entry &&
                   !leat_join_cannot_match(s, op->rows + (size_t)i * width);
        op->firsts[i] = may ? (uint32_t)entry : 0;
        if (may)
            __builtin_prefetch(s->keys + (size_t)((uint32_t)entry - 1) * width);
    }
}

static enum leat_status next_probe_batch(struct probe_operator *op, struct leat_error *err)
{
    struct leat_batch *batch;

    LEAT_TRY(leat_exec_check(op->exec, err));
    LEAT_TRY(op->child->ops->next(op->child, &batch, err));
    op->batch = batch;
    if (!batch)
        return LEAT_OK;
    if (batch->length > op->capacity) {
        leat_free(op->rows);
        leat_free(op->hashes);
        leat_free(op->firsts);
        leat_free(op->found);
        op->rows = op->found = NULL;
        op->hashes = NULL;
        op->firsts = NULL;
        op->capacity = 0;
        if (batch->length > LEAT_BATCH_ROWS) {
            leat_free(op->probe_rows);
            op->probe_rows = leat_malloc(batch->length * sizeof(uint32_t));
            if (!op->probe_rows)
                return leat_error_memory(err);
        }
        op->rows = leat_malloc((size_t)batch->length * op->s->layout.width);
        op->hashes = leat_malloc(batch->length * sizeof(uint64_t));
        op->firsts = leat_malloc(batch->length * sizeof(uint32_t));
        op->found = leat_malloc(batch->length);
        if (!op->rows || !op->hashes || !op->firsts || !op->found)
            return leat_error_memory(err);
        op->capacity = batch->length;
    }
    leat_arena_reset(&op->arena);
    if (op->keys)
        LEAT_TRY(leat_evaluator_run(op->keys, batch, op->results, err));
    if (op->s->index) {
        find_indexed(op, batch->length);
    } else {
        LEAT_TRY(leat_key_rows_fill(&op->s->layout, op->results, batch->length, op->rows,
                                    &op->arena, err));
        leat_key_rows_hash(&op->s->layout, op->rows, batch->length, op->hashes);
        find_chains(op, batch->length);
    }
    memset(op->found, 0, batch->length);
    op->row = op->chain = 0;
    op->chain_open = op->tail_done = false;
    return LEAT_OK;
}

/* Pairs of an index: no key need be compared. */
static uint32_t find_indexed_pairs(struct probe_operator *op, uint32_t room, bool one_is_enough)
{
    const struct leat_join_state *s = op->s;
    const uint32_t *next = one_is_enough ? NULL : s->index->next;
    uint32_t count = 0;

    while (!next && !s->build_given && count == 0 && op->row < op->batch->length) {
        uint32_t left = op->batch->length - op->row, end = op->row + (left < room ? left : room);
        for (uint32_t row = op->row; row < end; row++) { /* it has one partner at most */
            op->probe_rows[count] = row;
            op->build_rows[count] = op->firsts[row] - 1;
            count += op->firsts[row] != 0;
        }
        op->row = end;
    }
    if (!next && !s->build_given)
        return count;
    for (; op->row < op->batch->length; op->row++, op->chain_open = false) {
        if (!op->chain_open)
            op->chain = op->firsts[op->row];
        op->chain_open = true;
        while (op->chain) {
            uint32_t build = op->chain - 1;
            if (!s->build_given ||
                !atomic_load_explicit(&s->matched[build], memory_order_relaxed)) {
                if (count == room)
                    return count;
                op->probe_rows[count] = op->row;
                op->build_rows[count++] = build;
            }
            op->chain = next ? next[build] : 0;
        }
    }
    return count;
}

/* Fills up to `room` pairs of equal keys; stops at the end of the batch. */
static uint32_t find_pairs(struct probe_operator *op, uint32_t room)
{
    const struct leat_join_state *s = op->s;
    enum leat_join_type type = leat_join_type_of(op->node);
    size_t width = s->layout.width;
    uint32_t count = 0;
    /* whether there is a partner is all that is asked */
    bool one_is_enough =
        !op->residual && !s->matched &&
        (type == LEAT_JOIN_SEMI || type == LEAT_JOIN_ANTI || type == LEAT_JOIN_MARK);

    if (s->index)
        return find_indexed_pairs(op, room, one_is_enough);
    while (op->row < op->batch->length) {
        const uint8_t *row = op->rows + (size_t)op->row * width;
        if (!op->chain_open) {
            op->chain = op->firsts[op->row];
            op->chain_open = true;
        }
        while (op->chain) {
            uint32_t build = op->chain - 1;
            bool done =
                s->build_given && atomic_load_explicit(&s->matched[build], memory_order_relaxed);
            if (!done && leat_key_rows_equal(&s->layout, row, s->keys + (size_t)build * width)) {
                if (count == room)
                    return count;
                op->probe_rows[count] = op->row;
                op->build_rows[count++] = build;
                if (one_is_enough)
                    break;
            }
            op->chain = s->next[build];
        }
        op->row++;
        op->chain_open = false;
    }
    return count;
}

/* The pairs as a batch of left columns, then right columns. */
static enum leat_status make_pairs(struct probe_operator *op, uint32_t count,
                                   struct leat_error *err)
{
    const struct leat_join_state *s = op->s;
    uint32_t left = s->build_left ? s->build.column_count : op->batch->column_count;
    struct leat_vector *probe = op->pairs.columns + (s->build_left ? left : 0);
    struct leat_vector *build = op->pairs.columns + (s->build_left ? 0 : left);

    leat_arena_reset(&op->out_arena);
    for (uint32_t c = 0; c < op->batch->column_count; c++)
        LEAT_TRY(leat_vector_select(&op->batch->columns[c], op->probe_rows, count, &op->out_arena,
                                    &probe[c], err));
    for (uint32_t c = 0; c < s->build.column_count; c++)
        LEAT_TRY(leat_vector_select(&s->build.columns[c], op->build_rows, count, &op->out_arena,
                                    &build[c], err));
    op->pairs.column_count = op->batch->column_count + s->build.column_count;
    op->pairs.length = count;
    return LEAT_OK;
}

static enum leat_status note_partners(struct probe_operator *op, uint32_t count,
                                      struct leat_error *err)
{
    bool single = leat_join_type_of(op->node) == LEAT_JOIN_SINGLE;

    for (uint32_t i = 0; i < count; i++) {
        if (single && op->found[op->probe_rows[i]])
            return leat_error_set(err, LEAT_E_MANY_ROWS,
                                  "more than one row returned by a subquery used as an expression");
        op->found[op->probe_rows[i]] = 1;
        if (op->s->matched)
            atomic_store_explicit(&op->s->matched[op->build_rows[i]], 1, memory_order_relaxed);
    }
    return LEAT_OK;
}

/* Next pairs that meet the residual condition too; count 0 at the end of the batch. */
static enum leat_status next_pairs(struct probe_operator *op, uint32_t *count,
                                   struct leat_error *err)
{
    for (;;) {
        uint32_t found = find_pairs(op, LEAT_BATCH_ROWS), kept = found;
        *count = 0;
        if (found == 0)
            return LEAT_OK;
        LEAT_TRY(leat_exec_check(op->exec, err));
        if (op->residual) {
            LEAT_TRY(make_pairs(op, found, err));
            LEAT_TRY(leat_evaluator_select(op->residual, &op->pairs, op->selection, &kept, err));
            for (uint32_t i = 0; i < kept; i++) {
                op->probe_rows[i] = op->probe_rows[op->selection[i]];
                op->build_rows[i] = op->build_rows[op->selection[i]];
            }
        }
        LEAT_TRY(note_partners(op, kept, err));
        *count = kept;
        if (kept > 0)
            return LEAT_OK;
    }
}

/* A vector of nulls. */
static enum leat_status null_vector(const struct leat_type *type, uint32_t count,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err)
{
    struct leat_value null = {.type = type, .is_null = true};

    return leat_value_to_vector(&null, count, arena, out, err);
}

/* The batch's rows with found == wanted. */
static uint32_t rows_with(struct probe_operator *op, uint8_t wanted)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < op->batch->length; i++)
        if (op->found[i] == wanted)
            op->probe_rows[count++] = i;
    return count;
}

static enum leat_status give_probe_rows(struct probe_operator *op, uint32_t count,
                                        struct leat_error *err)
{
    leat_arena_reset(&op->out_arena);
    for (uint32_t c = 0; c < op->batch->column_count; c++)
        LEAT_TRY(leat_vector_select(&op->batch->columns[c], op->probe_rows, count, &op->out_arena,
                                    &op->out.columns[c], err));
    op->out.column_count = op->batch->column_count;
    op->out.length = count;
    return LEAT_OK;
}

/* Probe rows without partner, with nulls for the build side. */
static enum leat_status give_unmatched(struct probe_operator *op, uint32_t count,
                                       struct leat_error *err)
{
    const struct leat_join_state *s = op->s;
    uint32_t left = s->build_left ? s->build.column_count : op->batch->column_count;
    struct leat_vector *probe = op->out.columns + (s->build_left ? left : 0);
    struct leat_vector *build = op->out.columns + (s->build_left ? 0 : left);

    leat_arena_reset(&op->out_arena);
    for (uint32_t c = 0; c < op->batch->column_count; c++)
        LEAT_TRY(leat_vector_select(&op->batch->columns[c], op->probe_rows, count, &op->out_arena,
                                    &probe[c], err));
    for (uint32_t c = 0; c < s->build.column_count; c++)
        LEAT_TRY(null_vector(s->build.columns[c].type, count, &op->out_arena, &build[c], err));
    op->out.column_count = op->batch->column_count + s->build.column_count;
    op->out.length = count;
    return LEAT_OK;
}

/* MARK: all rows, with true, false or null. */
static enum leat_status give_marks(struct probe_operator *op, struct leat_error *err)
{
    struct leat_batch *batch = op->batch;
    struct leat_vector *mark = &op->out.columns[batch->column_count];
    const struct leat_join_state *s = op->s;

    leat_arena_reset(&op->out_arena);
    if (batch->column_count)
        memcpy(op->out.columns, batch->columns, batch->column_count * sizeof(*batch->columns));
    LEAT_TRY(
        leat_vector_init(mark, leat_type_get(LEAT_BOOLEAN), batch->length, 0, &op->out_arena, err));
    LEAT_TRY(leat_vector_make_validity(mark, batch->length, &op->out_arena, err));
    mark->length = batch->length;
    for (uint32_t i = 0; i < batch->length; i++) {
        bool null_key = s->index
                            ? leat_vector_is_null(&op->results[0], i)
                            : leat_join_cannot_match(s, op->rows + (size_t)i * s->layout.width);
        ((uint8_t *)mark->data)[i] = op->found[i];
        if (!op->found[i] && s->build.length > 0 && (null_key || s->build_has_null))
            leat_validity_set(mark->validity, i, false);
    }
    op->out.column_count = batch->column_count + 1;
    op->out.length = batch->length;
    return LEAT_OK;
}

/* What is given once the batch's pairs are done; *out NULL if nothing is. */
static enum leat_status give_tail(struct probe_operator *op, struct leat_batch **out,
                                  struct leat_error *err)
{
    enum leat_join_type type = leat_join_type_of(op->node);
    uint32_t count;

    *out = NULL;
    op->tail_done = true;
    if (op->s->build_given)
        return LEAT_OK;
    if (type == LEAT_JOIN_MARK) {
        LEAT_TRY(give_marks(op, err));
    } else if (type == LEAT_JOIN_SEMI || type == LEAT_JOIN_ANTI) {
        count = rows_with(op, type == LEAT_JOIN_SEMI);
        if (count == 0)
            return LEAT_OK;
        LEAT_TRY(give_probe_rows(op, count, err));
    } else if (op->s->probe_kept) {
        count = rows_with(op, 0);
        if (count == 0)
            return LEAT_OK;
        LEAT_TRY(give_unmatched(op, count, err));
    } else {
        return LEAT_OK;
    }
    *out = &op->out;
    return LEAT_OK;
}

/* Whether the operator is the one to give the build rows without partner: the last to end. */
static bool ends_last(struct probe_operator *op)
{
    struct leat_join_state *s = op->s;

    if (!op->ended)
        op->gives_rest =
            s->build_kept && atomic_fetch_add(&s->ended, 1) + 1 == op->exec->pipeline_threads;
    op->ended = true;
    return op->gives_rest;
}

/* Build rows without partner, with nulls for the probe side; *out NULL if there are no more. */
static enum leat_status give_rest(struct probe_operator *op, struct leat_batch **out,
                                  struct leat_error *err)
{
    const struct leat_join_state *s = op->s;
    const struct leat_schema *schema = &op->node->plan->schema;
    uint32_t first = s->build_left ? 0 : op->node->plan->children[0]->schema.count, count = 0;

    for (; op->rest < s->build.length && count < LEAT_BATCH_ROWS; op->rest++)
        if (!atomic_load_explicit(&s->matched[op->rest], memory_order_relaxed))
            op->build_rows[count++] = (uint32_t)op->rest;
    if (count == 0)
        return LEAT_OK;
    leat_arena_reset(&op->out_arena);
    for (uint32_t c = 0; c < schema->count; c++) {
        if (c >= first && c < first + s->build.column_count)
            LEAT_TRY(leat_vector_select(&s->build.columns[c - first], op->build_rows, count,
                                        &op->out_arena, &op->out.columns[c], err));
        else
            LEAT_TRY(null_vector(schema->fields[c].type, count, &op->out_arena, &op->out.columns[c],
                                 err));
    }
    op->out.column_count = schema->count;
    op->out.length = count;
    *out = &op->out;
    return LEAT_OK;
}

static enum leat_status probe_next(struct leat_operator *base, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct probe_operator *op = (struct probe_operator *)base;
    enum leat_join_type type = leat_join_type_of(op->node);
    bool gives_pairs = type != LEAT_JOIN_SEMI && type != LEAT_JOIN_ANTI && type != LEAT_JOIN_MARK;
    uint32_t count;

    *out = NULL;
    for (;;) {
        if (!op->batch || op->tail_done) {
            if (!op->ended)
                LEAT_TRY(next_probe_batch(op, err));
            if (!op->batch)
                return ends_last(op) ? give_rest(op, out, err) : LEAT_OK;
        }
        LEAT_TRY(next_pairs(op, &count, err));
        if (count > 0 && gives_pairs) {
            LEAT_TRY(make_pairs(op, count, err));
            *out = &op->pairs;
            return LEAT_OK;
        }
        if (count > 0)
            continue;
        LEAT_TRY(give_tail(op, out, err));
        if (*out)
            return LEAT_OK;
    }
}

static const struct leat_operator_ops probe_ops = {probe_next, probe_close};

static enum leat_status probe_init(struct probe_operator *op, struct leat_error *err)
{
    const struct leat_plan *plan = op->node->plan;
    struct leat_expr *const *keys =
        op->s->build_left ? plan->join.right_keys : plan->join.left_keys;
    uint32_t columns = plan->children[0]->schema.count + plan->children[1]->schema.count + 1;
    size_t rows = LEAT_BATCH_ROWS * sizeof(uint32_t);
    struct leat_exec *exec = op->exec;

    op->results = leat_calloc(plan->join.key_count, sizeof(struct leat_vector));
    op->pairs.columns = leat_calloc(columns, sizeof(struct leat_vector));
    op->out.columns = leat_calloc(columns, sizeof(struct leat_vector));
    op->probe_rows = leat_malloc(rows);
    op->build_rows = leat_malloc(rows);
    op->selection = leat_malloc(rows);
    if (!op->results || !op->pairs.columns || !op->out.columns || !op->probe_rows ||
        !op->build_rows || !op->selection)
        return leat_error_memory(err);
    if (plan->join.key_count > 0)
        LEAT_TRY(leat_evaluator_new(keys, plan->join.key_count, &exec->options->source,
                                    exec->options->accountant, &op->keys, err));
    if (plan->join.residual) {
        struct leat_expr *residual = plan->join.residual;
        LEAT_TRY(leat_evaluator_new(&residual, 1, &exec->options->source, exec->options->accountant,
                                    &op->residual, err));
    }
    return leat_node_open(exec, op->node->children[op->s->build_left ? 1 : 0], &op->child, err);
}

static enum leat_status probe_open(struct leat_exec *exec, struct leat_node *node,
                                   struct leat_operator **out, struct leat_error *err)
{
    struct probe_operator *op = leat_calloc(1, sizeof(*op));
    enum leat_status status;

    *out = NULL;
    if (!op)
        return leat_error_memory(err);
    op->base.ops = &probe_ops;
    op->exec = exec;
    op->node = node;
    op->s = node->state;
    leat_arena_init(&op->arena, exec->options->accountant);
    leat_arena_init(&op->out_arena, exec->options->accountant);
    status = probe_init(op, err);
    if (status != LEAT_OK) {
        probe_close(&op->base);
        return status;
    }
    *out = &op->base;
    return LEAT_OK;
}

static const struct leat_node_ops probe_node = {NULL, probe_open, NULL};

/* SEMI and ANTI that hash the left side: probes only mark, then the marked rows or the others are
 * given. */
static enum leat_status take_nothing(void *context, unsigned thread, const struct leat_batch *batch,
                                     struct leat_error *err)
{
    (void)context;
    (void)thread;
    (void)batch;
    (void)err;
    return LEAT_OK;
}

static enum leat_status choose_build_rows(struct leat_exec *exec, struct leat_node *node,
                                          struct leat_join_state *s, struct leat_error *err)
{
    struct leat_node probe = {.plan = node->plan,
                              .ops = &probe_node,
                              .children = node->children,
                              .ordered = node->children[1]->ordered,
                              .prepared = true,
                              .state = s};
    bool wanted = leat_join_type_of(node) == LEAT_JOIN_SEMI;
    uint32_t *order, count = 0;

    LEAT_TRY(leat_pipeline_run(exec, &probe, take_nothing, NULL, err));
    order = leat_arena_alloc(&s->arena, s->build.length * sizeof(*order) + 4);
    if (!order)
        return leat_error_memory(err);
    for (uint64_t row = 0; row < s->build.length; row++)
        if (atomic_load_explicit(&s->matched[row], memory_order_relaxed) == wanted)
            order[count++] = (uint32_t)row;
    s->output.table.columns = s->build.columns; /* the build table keeps owning them */
    s->output.table.column_count = s->build.column_count;
    s->output.table.length = s->build.length;
    s->output.order = order;
    s->output.end = count;
    s->collected = true;
    return LEAT_OK;
}

/* The build side is in a file: so goes the probe side. */
static enum leat_status divide_probe(struct leat_exec *exec, struct leat_node *node,
                                     struct leat_join_state *s, struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    const struct leat_schema *schemas[2] = {&plan->children[0]->schema, &plan->children[1]->schema};
    unsigned probe = s->build_left ? 1 : 0;

    LEAT_TRY(leat_divided_plan(plan, schemas, &exec->arena, &s->divided.plan, err));
    return leat_spill_run(exec, node, node->children[probe],
                          probe ? plan->join.right_keys : plan->join.left_keys,
                          plan->join.key_count, &s->divided.inputs[probe], err);
}

static enum leat_status join_prepare(struct leat_exec *exec, struct leat_node *node,
                                     struct leat_error *err)
{
    struct leat_join_state *s = LEAT_NEW(&exec->arena, struct leat_join_state);
    enum leat_join_type type = leat_join_type_of(node);

    if (!s)
        return leat_error_memory(err);
    leat_table_rows_init(&s->build, exec->options->accountant);
    leat_table_rows_init(&s->output.table, exec->options->accountant);
    leat_arena_init(&s->arena, exec->options->accountant);
    node->state = s;
    s->build_given =
        node->plan->join.build_left && (type == LEAT_JOIN_SEMI || type == LEAT_JOIN_ANTI);
    s->build_left = s->build_given || (node->plan->join.build_left && type <= LEAT_JOIN_FULL);
    s->probe_kept = type == LEAT_JOIN_FULL || type == LEAT_JOIN_SINGLE ||
                    (type == LEAT_JOIN_LEFT && !s->build_left) ||
                    (type == LEAT_JOIN_RIGHT && s->build_left);
    s->build_kept = type == LEAT_JOIN_FULL || (type == LEAT_JOIN_RIGHT && !s->build_left) ||
                    (type == LEAT_JOIN_LEFT && s->build_left);
    LEAT_TRY(leat_join_build(exec, node, s, err));
    if (s->divided.input_count > 0)
        return divide_probe(exec, node, s, err);
    LEAT_TRY(leat_join_push_filters(exec, node, s, err));
    LEAT_TRY(leat_node_prepare(exec, node->children[s->build_left ? 1 : 0], err));
    return s->build_given ? choose_build_rows(exec, node, s, err) : LEAT_OK;
}

static void join_release(struct leat_node *node)
{
    struct leat_join_state *s = node->state;

    leat_table_rows_release(&s->build);
    leat_table_rows_release(&s->output.table);
    leat_arena_release(&s->arena);
    leat_divided_release(&s->divided);
}

static enum leat_status join_open(struct leat_exec *exec, struct leat_node *node,
                                  struct leat_operator **out, struct leat_error *err)
{
    struct leat_join_state *s = node->state;

    if (s->divided.input_count > 0)
        return leat_divided_open(exec, &s->divided, out, err);
    return s->collected ? leat_table_source_open(exec, &s->output, out, err)
                        : probe_open(exec, node, out, err);
}

const struct leat_node_ops leat_join_node = {join_prepare, join_open, join_release};
