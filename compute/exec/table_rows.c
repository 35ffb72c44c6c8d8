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

/* Vectors to be put one behind the other; all FLAT. */
struct pieces {
    const struct leat_vector **items;
    uint32_t *lengths;
    size_t count;
    uint64_t total;
};

static void copy_bits(uint64_t *to, uint64_t at, const uint64_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, at++) /* all ones beforehand */
        if (!(from[i >> 6] >> (i & 63) & 1))
            to[at >> 6] &= ~((uint64_t)1 << (at & 63));
}

static enum leat_status join_validity(const struct pieces *pieces, struct leat_vector *out,
                                      struct leat_arena *arena, struct leat_error *err)
{
    uint64_t at = 0;

    for (size_t p = 0; p < pieces->count; p++) {
        if (pieces->items[p]->validity) {
            LEAT_TRY(leat_vector_make_validity(out, (uint32_t)pieces->total, arena, err));
            copy_bits(out->validity, at, pieces->items[p]->validity, pieces->lengths[p]);
        }
        at += pieces->lengths[p];
    }
    return LEAT_OK;
}

static enum leat_status join_pieces(const struct pieces *pieces, const struct leat_type *type,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err);

/* The children of list or struct pieces, field `c`. */
static enum leat_status join_children(const struct pieces *pieces, const struct leat_type *type,
                                      uint32_t c, struct leat_arena *arena, struct leat_vector *out,
                                      struct leat_error *err)
{
    struct pieces inner = {.count = pieces->count};

    inner.items = LEAT_NEW_ARRAY(arena, const struct leat_vector *, pieces->count);
    inner.lengths = LEAT_NEW_ARRAY(arena, uint32_t, pieces->count);
    if (!inner.items || !inner.lengths)
        return leat_error_memory(err);
    for (size_t p = 0; p < pieces->count; p++) {
        inner.items[p] = &pieces->items[p]->children[c];
        inner.lengths[p] =
            type->id == LEAT_STRUCT ? pieces->lengths[p] : pieces->items[p]->children[c].length;
        inner.total += inner.lengths[p];
    }
    return join_pieces(&inner, type->fields[c].type, arena, out, err);
}

static enum leat_status join_pieces(const struct pieces *pieces, const struct leat_type *type,
                                    struct leat_arena *arena, struct leat_vector *out,
                                    struct leat_error *err)
{
    size_t width = leat_type_width(type);
    uint64_t at = 0, shift = 0;

    *out = (struct leat_vector){.type = type, .form = LEAT_FLAT};
    if (pieces->total >= UINT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "more than 4 billion rows held at once");
    out->length = (uint32_t)pieces->total;
    LEAT_TRY(join_validity(pieces, out, arena, err));
    if (width > 0) {
        out->data = leat_arena_alloc_aligned(arena, pieces->total * width + 64);
        if (!out->data)
            return leat_error_memory(err);
    }
    for (size_t p = 0; p < pieces->count; p++) {
        if (width > 0 && pieces->lengths[p] > 0)
            memcpy((char *)out->data + at * width, pieces->items[p]->data,
                   pieces->lengths[p] * width);
        if (type->id == LEAT_LIST || type->id == LEAT_MAP) {
            struct leat_list_entry *entries = (struct leat_list_entry *)out->data + at;
            for (uint32_t i = 0; i < pieces->lengths[p]; i++)
                entries[i].offset += (uint32_t)shift;
            shift += pieces->items[p]->children[0].length;
        }
        at += pieces->lengths[p];
    }
    if (!leat_type_is_nested(type))
        return LEAT_OK;
    out->children = LEAT_NEW_ARRAY(arena, struct leat_vector, type->field_count);
    if (!out->children)
        return leat_error_memory(err);
    for (uint32_t c = 0; c < type->field_count; c++)
        LEAT_TRY(join_children(pieces, type, c, arena, &out->children[c], err));
    return LEAT_OK;
}

enum leat_status leat_vectors_join(const struct leat_vector **items, uint32_t *lengths,
                                   size_t count, const struct leat_type *type,
                                   struct leat_arena *arena, struct leat_vector *out,
                                   struct leat_error *err)
{
    struct pieces pieces = {items, lengths, count, 0};

    for (size_t i = 0; i < count; i++)
        pieces.total += lengths[i];
    return join_pieces(&pieces, type, arena, out, err);
}

static enum leat_status join_columns(struct leat_rows *parts, size_t count,
                                     const struct leat_schema *schema, struct leat_table_rows *out,
                                     struct leat_arena *scratch, struct leat_error *err)
{
    struct pieces pieces = {0};
    size_t batches = 0;

    for (size_t p = 0; p < count; p++)
        batches += parts[p].batch_count;
    pieces.items = LEAT_NEW_ARRAY(scratch, const struct leat_vector *, batches);
    pieces.lengths = LEAT_NEW_ARRAY(scratch, uint32_t, batches);
    out->columns = LEAT_NEW_ARRAY(&out->arena, struct leat_vector, schema->count);
    if (!pieces.items || !pieces.lengths || !out->columns)
        return leat_error_memory(err);
    out->column_count = schema->count;
    for (size_t p = 0; p < count; p++)
        out->length += parts[p].row_count;
    for (uint32_t c = 0; c < schema->count; c++) {
        pieces.count = pieces.total = 0;
        for (size_t p = 0; p < count; p++)
            for (size_t b = 0; b < parts[p].batch_count; b++) {
                pieces.items[pieces.count] = &parts[p].batches[b].columns[c];
                pieces.lengths[pieces.count] = parts[p].batches[b].length;
                pieces.total += parts[p].batches[b].length;
                pieces.count++;
            }
        LEAT_TRY(join_pieces(&pieces, schema->fields[c].type, &out->arena, &out->columns[c], err));
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
