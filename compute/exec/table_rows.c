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

static enum leat_status join_columns(struct leat_rows *parts, size_t count,
                                     const struct leat_schema *schema, struct leat_table_rows *out,
                                     struct leat_arena *scratch, struct leat_error *err)
{
    const struct leat_vector **items;
    uint32_t *lengths;
    size_t batches = 0, used = 0;

    for (size_t p = 0; p < count; p++)
        batches += parts[p].batch_count;
    items = LEAT_NEW_ARRAY(scratch, const struct leat_vector *, batches);
    lengths = LEAT_NEW_ARRAY(scratch, uint32_t, batches);
    out->columns = LEAT_NEW_ARRAY(&out->arena, struct leat_vector, schema->count);
    if (!items || !lengths || !out->columns)
        return leat_error_memory(err);
    out->column_count = schema->count;
    for (size_t p = 0; p < count; p++)
        for (size_t b = 0; b < parts[p].batch_count; b++) {
            lengths[used++] = parts[p].batches[b].length;
            out->length += parts[p].batches[b].length;
        }
    for (uint32_t c = 0; c < schema->count; c++) {
        used = 0;
        for (size_t p = 0; p < count; p++)
            for (size_t b = 0; b < parts[p].batch_count; b++)
                items[used++] = &parts[p].batches[b].columns[c];
        LEAT_TRY(leat_vectors_join(items, lengths, used, schema->fields[c].type, &out->arena,
                                   &out->columns[c], err));
    }
    return LEAT_OK;
}

enum leat_status leat_table_rows_join(struct leat_rows *parts, size_t count,
                                      const struct leat_schema *schema, struct leat_table_rows *out,
                                      struct leat_error *err)
{
    struct leat_arena scratch;
    enum leat_status status;

    leat_arena_init(&scratch, NULL);
    status = join_columns(parts, count, schema, out, &scratch, err);
    leat_arena_release(&scratch);
    for (size_t p = 0; p < count; p++) {
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
