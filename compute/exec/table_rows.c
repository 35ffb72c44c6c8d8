/* Tables in memory: parts collected by threads joined into one contiguous vector a column, so that
 * rows are addressed by one number, and joins and sorts give their output as dictionary vectors
 * over them without copying. */
#include "compute/exec/exec_internal.h"

void leat_table_rows_init(struct leat_table_rows *table, struct leat_accountant *accountant)
{
    memset(table, 0, sizeof(*table));
    leat_arena_init(&table->arena, accountant);
}

void leat_table_rows_release(struct leat_table_rows *table)
{
    leat_arena_release(&table->arena);
    table->columns = NULL;
    table->length = 0;
}

enum { TASK_PIECES = 16, PARALLEL_LEAST = 1 << 17 };

struct joining {
    const struct leat_exec *exec; /* or NULL */
    const struct leat_schema *schema;
    struct leat_table_rows *out;
    const struct leat_vector **pieces; /* column * count + piece */
    uint32_t *lengths;
    uint64_t *starts; /* each piece's first row */
    size_t count;
};

/* Some pieces of all columns. */
static enum leat_status put_pieces(void *context, size_t task, struct leat_error *err)
{
    const struct joining *j = context;
    size_t end = (task + 1) * TASK_PIECES < j->count ? (task + 1) * TASK_PIECES : j->count;

    if (j->exec)
        LEAT_TRY(leat_exec_check(j->exec, err));
    for (uint32_t c = 0; c < j->schema->count; c++)
        for (size_t p = task * TASK_PIECES;
             !leat_type_is_nested(j->schema->fields[c].type) && p < end; p++)
            leat_vectors_join_put(&j->out->columns[c], j->pieces[c * j->count + p], j->lengths[p],
                                  j->starts[p]);
    return LEAT_OK;
}

static enum leat_status list_pieces(struct joining *j, struct leat_rows *parts, size_t count,
                                    struct leat_arena *scratch, struct leat_error *err)
{
    size_t at = 0;

    for (size_t p = 0; p < count; p++)
        j->count += parts[p].batch_count;
    j->pieces = LEAT_NEW_ARRAY(scratch, const struct leat_vector *, j->count * j->schema->count);
    j->lengths = LEAT_NEW_ARRAY(scratch, uint32_t, j->count);
    j->starts = LEAT_NEW_ARRAY(scratch, uint64_t, j->count);
    if (!j->pieces || !j->lengths || !j->starts)
        return leat_error_memory(err);
    for (size_t p = 0; p < count; p++)
        for (size_t b = 0; b < parts[p].batch_count; b++, at++) {
            for (uint32_t c = 0; c < j->schema->count; c++)
                j->pieces[c * j->count + at] = &parts[p].batches[b].columns[c];
            j->lengths[at] = parts[p].batches[b].length;
            j->starts[at] = j->out->length;
            j->out->length += j->lengths[at];
        }
    return LEAT_OK;
}

static enum leat_status join_columns(struct joining *j, struct leat_error *err)
{
    bool alone = !j->exec || j->out->length < PARALLEL_LEAST;

    j->out->columns = LEAT_NEW_ARRAY(&j->out->arena, struct leat_vector, j->schema->count);
    if (!j->out->columns)
        return leat_error_memory(err);
    j->out->column_count = j->schema->count;
    for (uint32_t c = 0; c < j->schema->count; c++) {
        const struct leat_type *type = j->schema->fields[c].type;
        const struct leat_vector **pieces = j->pieces + c * j->count;
        LEAT_TRY(leat_type_is_nested(type)
                     ? leat_vectors_join(pieces, j->lengths, j->count, type, &j->out->arena,
                                         &j->out->columns[c], err)
                     : leat_vectors_join_room(pieces, j->lengths, j->count, type, &j->out->arena,
                                              &j->out->columns[c], err));
    }
    return leat_parallel_run(alone ? 1 : j->exec->threads,
                             (j->count + TASK_PIECES - 1) / TASK_PIECES, put_pieces, j, err);
}

/* Whether values point to bytes beside them. */
static bool shares_bytes(const struct leat_schema *schema)
{
    for (uint32_t c = 0; c < schema->count; c++)
        if (leat_type_is_string(schema->fields[c].type) ||
            leat_type_is_nested(schema->fields[c].type))
            return true;
    return false;
}

enum leat_status leat_table_rows_join(const struct leat_exec *exec, struct leat_rows *parts,
                                      size_t count, const struct leat_schema *schema,
                                      struct leat_table_rows *out, struct leat_error *err)
{
    struct joining joining = {.exec = exec, .schema = schema, .out = out};
    struct leat_arena scratch;
    enum leat_status status;

    leat_arena_init(&scratch, NULL);
    status = list_pieces(&joining, parts, count, &scratch, err);
    if (status == LEAT_OK)
        status = join_columns(&joining, err);
    leat_arena_release(&scratch);
    for (size_t p = 0; p < count; p++) {
        if (shares_bytes(schema))
            leat_arena_adopt(&out->arena, &parts[p].arena);
        leat_rows_release(&parts[p]);
    }
    if (status == LEAT_OK && out->length >= UINT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "more than 4 billion rows held at once");
    return status;
}

enum leat_status leat_table_rows_slice(const struct leat_table_rows *table, uint64_t start,
                                       uint32_t count, struct leat_arena *arena,
                                       struct leat_vector *columns, struct leat_error *err)
{
    for (uint32_t c = 0; c < table->column_count; c++)
        LEAT_TRY(
            leat_vector_slice(&table->columns[c], (uint32_t)start, count, arena, &columns[c], err));
    return LEAT_OK;
}

/* --- expressions over a table --- */

struct evaluating {
    struct leat_exec *exec;
    const struct leat_table_rows *table;
    struct leat_expr **exprs;
    uint32_t expr_count;
    const struct leat_schema *schema;
    struct leat_rows *parts;
    size_t tasks;
};

/* Evaluates rows [start, end) of the table, batch by batch. */
static enum leat_status evaluate_range(const struct evaluating *v, uint64_t start, uint64_t end,
                                       struct leat_evaluator *evaluator, struct leat_arena *scratch,
                                       struct leat_rows *kept, struct leat_error *err)
{
    uint32_t columns = v->table->column_count;
    struct leat_vector *in = LEAT_NEW_ARRAY(scratch, struct leat_vector, columns);
    struct leat_vector *results = LEAT_NEW_ARRAY(scratch, struct leat_vector, v->expr_count);
    struct leat_arena views;
    enum leat_status status = in && results ? LEAT_OK : leat_error_memory(err);

    leat_arena_init(&views, NULL);
    for (; status == LEAT_OK && start < end; start += LEAT_BATCH_ROWS) {
        uint64_t left = end - start;
        struct leat_batch batch = {columns,
                                   left < LEAT_BATCH_ROWS ? (uint32_t)left : LEAT_BATCH_ROWS, in};
        struct leat_batch out = {v->expr_count, batch.length, results};
        leat_arena_reset(&views);
        status = leat_exec_check(v->exec, err);
        if (status == LEAT_OK)
            status = leat_table_rows_slice(v->table, start, batch.length, &views, in, err);
        if (status == LEAT_OK)
            status = leat_evaluator_run(evaluator, &batch, results, err);
        if (status == LEAT_OK)
            status = leat_rows_append(kept, &out, err);
    }
    leat_arena_release(&views);
    return status;
}

static enum leat_status evaluate_part(void *context, size_t task, struct leat_error *err)
{
    struct evaluating *v = context;
    struct leat_accountant *accountant = v->exec->options->accountant;
    uint64_t rows = v->table->length;
    struct leat_evaluator *evaluator = NULL;
    struct leat_arena scratch;
    enum leat_status status;

    leat_arena_init(&scratch, accountant);
    status = leat_rows_init(&v->parts[task], v->schema, accountant, err);
    if (status == LEAT_OK)
        status = leat_evaluator_new(v->exprs, v->expr_count, &v->exec->options->source, accountant,
                                    &evaluator, err);
    if (status == LEAT_OK)
        status = evaluate_range(v, rows * task / v->tasks, rows * (task + 1) / v->tasks, evaluator,
                                &scratch, &v->parts[task], err);
    leat_evaluator_free(evaluator);
    leat_arena_release(&scratch);
    return status;
}

static enum leat_status evaluate(struct evaluating *v, struct leat_table_rows *out,
                                 struct leat_error *err)
{
    enum leat_status status;

    v->tasks = v->table->length < PARALLEL_LEAST ? 1 : v->exec->threads;
    v->parts = leat_calloc(v->tasks, sizeof(*v->parts));
    if (!v->parts)
        return leat_error_memory(err);
    status = leat_parallel_run(v->exec->threads, v->tasks, evaluate_part, v, err);
    if (status == LEAT_OK)
        status = leat_table_rows_join(v->exec, v->parts, v->tasks, v->schema, out, err);
    for (size_t i = 0; i < v->tasks; i++)
        leat_rows_release(&v->parts[i]);
    leat_free(v->parts);
    return status;
}

enum leat_status leat_table_evaluate(struct leat_exec *exec, const struct leat_table_rows *table,
                                     struct leat_expr **exprs, uint32_t count,
                                     struct leat_table_rows *out, struct leat_error *err)
{
    struct leat_schema schema = {count, leat_calloc(count, sizeof(struct leat_field))};
    struct evaluating v = {exec, table, exprs, count, &schema, NULL, 0};
    enum leat_status status = LEAT_OK;

    if (!schema.fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++)
        schema.fields[i] = (struct leat_field){.name = "expression", .type = exprs[i]->type};
    if (count > 0)
        status = evaluate(&v, out, err);
    leat_free(schema.fields);
    return status;
}

/* --- a table as source --- */

struct table_operator {
    struct leat_operator base;
    struct leat_exec *exec;
    struct leat_table_source *source;
    struct leat_arena arena;
    struct leat_batch batch;
    uint32_t *codes;
};

static enum leat_status table_next(struct leat_operator *base, struct leat_batch **out,
                                   struct leat_error *err)
{
    struct table_operator *op = (struct table_operator *)base;
    struct leat_table_source *source = op->source;
    const struct leat_table_rows *table = &source->table;
    uint64_t start = atomic_fetch_add(&source->next, op->exec->batch_rows) + source->start;
    uint64_t left = start < source->end ? source->end - start : 0;

    *out = NULL;
    LEAT_TRY(leat_exec_check(op->exec, err));
    if (left == 0)
        return LEAT_OK;
    leat_arena_reset(&op->arena);
    op->batch.length = left < op->exec->batch_rows ? (uint32_t)left : op->exec->batch_rows;
    for (uint32_t c = 0; c < op->batch.column_count; c++) {
        const struct leat_vector *column =
            &table->columns[source->columns ? source->columns[c] : c];
        if (source->order)
            LEAT_TRY(leat_vector_select(column, source->order + start, op->batch.length, &op->arena,
                                        &op->batch.columns[c], err));
        else
            LEAT_TRY(leat_vector_slice(column, (uint32_t)start, op->batch.length, &op->arena,
                                       &op->batch.columns[c], err));
    }
    *out = &op->batch;
    return LEAT_OK;
}

static void table_close(struct leat_operator *base)
{
    struct table_operator *op = (struct table_operator *)base;

    leat_free(op->batch.columns);
    leat_arena_release(&op->arena);
    leat_free(op);
}

static const struct leat_operator_ops table_ops = {table_next, table_close};

enum leat_status leat_table_source_open(struct leat_exec *exec, struct leat_table_source *source,
                                        struct leat_operator **out, struct leat_error *err)
{
    struct table_operator *op = leat_calloc(1, sizeof(*op));

    *out = NULL;
    if (!op)
        return leat_error_memory(err);
    op->base.ops = &table_ops;
    op->exec = exec;
    op->source = source;
    leat_arena_init(&op->arena, exec->options->accountant);
    op->batch.column_count = source->table.column_count;
    op->batch.columns = leat_calloc(op->batch.column_count, sizeof(struct leat_vector));
    if (!op->batch.columns) {
        table_close(&op->base);
        return leat_error_memory(err);
    }
    *out = &op->base;
    return LEAT_OK;
}
