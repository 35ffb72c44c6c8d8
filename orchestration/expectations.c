/* The expectation sink. Each writer has an evaluator of its own that computes all conditions of a
 * batch at once; a row's fate is the strictest of those it violates. Null conditions pass, as in
 * CHECK. Writers count for themselves. Their counts are added to the expectations when they end,
 * or, in another process, stand in front of their receipts. */
#include "orchestration/expectations.h"
#include "compute/plan/sources.h"
#include "orchestration/row_lines.h"

struct expectation_sink {
    struct leat_sink base;
    struct leat_sink *inner;
    struct leat_expectation *items;
    uint32_t count;
    struct leat_expr_source source;
    _Atomic uint64_t *rows_passed; /* NULL in another process */
    struct leat_arena arena;       /* what a sink that was read holds */
};

struct expectation_writer {
    struct leat_writer base;
    struct expectation_sink *sink;
    struct leat_writer *inner;
    struct leat_evaluator *evaluator;
    struct leat_bad_row_handler *bad_rows;
    struct leat_arena arena;
    struct leat_row_lines lines;
    uint64_t rows;
    uint64_t *violations;
};

/* True unless the condition is false. */
static bool passes(const struct leat_vector *condition, uint32_t row)
{
    const struct leat_vector *base;
    uint32_t at;

    if (leat_vector_is_null(condition, row))
        return true;
    at = leat_vector_locate(condition, row, &base);
    return ((const uint8_t *)base->data)[at] != 0;
}

static enum leat_status put_name(const char *name, struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(out, '"', err));
    for (; *name; name++) {
        if (*name == '"' || *name == '\\')
            LEAT_TRY(leat_buffer_append_byte(out, '\\', err));
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)*name, err));
    }
    return leat_buffer_append_string(out, "\": ", err);
}

enum leat_status leat_expectation_put_row(const struct leat_schema *schema,
                                          const struct leat_batch *batch, uint32_t row,
                                          struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(out, '{', err));
    for (uint32_t c = 0; c < schema->count; c++) {
        LEAT_TRY(leat_buffer_append_string(out, c ? ", " : "", err));
        LEAT_TRY(put_name(schema->fields[c].name, out, err));
        if (leat_vector_is_null(&batch->columns[c], row))
            LEAT_TRY(leat_buffer_append_string(out, "null", err));
        else
            LEAT_TRY(leat_vector_print_json(&batch->columns[c], row, out, err));
    }
    return leat_buffer_append_byte(out, '}', err);
}

/* Where the row comes from, if the batch says so. The text of the file's name is in the arena. */
static enum leat_status find_origin(struct expectation_writer *writer,
                                    const struct leat_batch *batch, uint32_t row,
                                    struct leat_bad_row *bad, struct leat_error *err)
{
    const struct leat_vector *origin = &batch->columns[writer->sink->base.schema.count];
    struct leat_value file, offset;

    if (batch->column_count != writer->sink->base.schema.count + 2)
        return LEAT_OK;
    LEAT_TRY(leat_value_from_vector(&origin[0], row, &writer->arena, &file, err));
    LEAT_TRY(leat_value_from_vector(&origin[1], row, &writer->arena, &offset, err));
    if (file.is_null)
        return LEAT_OK;
    bad->file = leat_arena_copy(&writer->arena, file.text.data, file.text.length);
    if (!bad->file)
        return leat_error_memory(err);
    if (!offset.is_null) {
        bad->offset = (uint64_t)offset.integer;
        bad->line = leat_row_lines_find(&writer->lines, file.text, bad->offset);
    }
    return LEAT_OK;
}

static enum leat_status turn_away(struct expectation_writer *writer,
                                  const struct leat_expectation *expectation,
                                  const struct leat_batch *batch, uint32_t row,
                                  struct leat_error *err)
{
    struct leat_bad_row bad = {.rule = expectation->name};
    struct expectation_sink *sink = writer->sink;
    struct leat_buffer json;
    enum leat_status status;

    if (expectation->violation == LEAT_SQL_VIOLATION_DROP_ROW)
        return LEAT_OK;
    LEAT_TRY(find_origin(writer, batch, row, &bad, err));
    leat_buffer_init(&json, 0);
    status = leat_expectation_put_row(&sink->base.schema, batch, row, &json, err);
    if (status == LEAT_OK && expectation->violation == LEAT_SQL_VIOLATION_FAIL_UPDATE) {
        status =
            leat_error_set(err, LEAT_E_EXPECTATION, "expectation \"%s\" failed for the row %.*s",
                           expectation->name, (int)(json.length < 400 ? json.length : 400),
                           (const char *)json.data);
        if (bad.file && bad.line)
            leat_error_hint(err, "the row stands in %s, line %llu", bad.file,
                            (unsigned long long)bad.line);
    } else if (status == LEAT_OK) {
        (void)leat_error_set(&bad.error, LEAT_E_EXPECTATION, "expectation \"%s\" failed",
                             expectation->name);
        bad.raw = (struct leat_text){(const char *)json.data, json.length};
        status = writer->bad_rows ? writer->bad_rows->handle(writer->bad_rows, &bad, err)
                                  : leat_error_internal(err, "nobody takes quarantined rows");
    }
    leat_buffer_release(&json);
    return status;
}

/* Whether the row passes; counts its violations. */
static enum leat_status judge(struct expectation_writer *writer,
                              const struct leat_vector *conditions, const struct leat_batch *batch,
                              uint32_t row, bool *keep, struct leat_error *err)
{
    *keep = true;
    for (uint32_t e = 0; e < writer->sink->count; e++) {
        struct leat_expectation *item = &writer->sink->items[e];
        if (passes(&conditions[e], row))
            continue;
        writer->violations[e]++;
        if (item->violation == LEAT_SQL_VIOLATION_DEFAULT ||
            item->violation == LEAT_SQL_VIOLATION_WARN || !*keep)
            continue;
        *keep = false;
        LEAT_TRY(turn_away(writer, item, batch, row, err));
    }
    return LEAT_OK;
}

static enum leat_status write_rows(struct leat_writer *base, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    struct expectation_writer *writer = (struct expectation_writer *)base;
    struct expectation_sink *sink = writer->sink;
    struct leat_vector *conditions;
    struct leat_batch kept = {.column_count = sink->base.schema.count};
    struct leat_batch whole = {kept.column_count, batch->length, batch->columns};
    uint32_t *selection;

    leat_arena_reset(&writer->arena);
    conditions = LEAT_NEW_ARRAY(&writer->arena, struct leat_vector, sink->count);
    selection = leat_arena_alloc(&writer->arena, batch->length * sizeof(*selection) + 4);
    kept.columns = LEAT_NEW_ARRAY(&writer->arena, struct leat_vector, batch->column_count);
    if (!conditions || !selection || !kept.columns)
        return leat_error_memory(err);
    if (sink->count > 0)
        LEAT_TRY(leat_evaluator_run(writer->evaluator, batch, conditions, err));
    for (uint32_t r = 0; r < batch->length && sink->count > 0; r++) {
        bool keep;
        LEAT_TRY(judge(writer, conditions, batch, r, &keep, err));
        if (keep)
            selection[kept.length++] = r;
    }
    if (sink->count == 0 || kept.length == batch->length) {
        writer->rows += batch->length;
        return writer->inner->ops->write(writer->inner, &whole, err);
    }
    if (kept.length == 0)
        return LEAT_OK;
    for (uint32_t c = 0; c < kept.column_count; c++)
        LEAT_TRY(leat_vector_select(&batch->columns[c], selection, kept.length, &writer->arena,
                                    &kept.columns[c], err));
    writer->rows += kept.length;
    return writer->inner->ops->write(writer->inner, &kept, err);
}

static void writer_free(struct expectation_writer *writer)
{
    leat_evaluator_free(writer->evaluator);
    leat_row_lines_release(&writer->lines);
    leat_free(writer->violations);
    leat_arena_release(&writer->arena);
    leat_free(writer);
}

static void add_counts(const struct expectation_writer *writer)
{
    const struct expectation_sink *sink = writer->sink;

    if (!sink->rows_passed)
        return;
    atomic_fetch_add(sink->rows_passed, writer->rows);
    for (uint32_t e = 0; e < sink->count; e++)
        atomic_fetch_add(&sink->items[e].violations, writer->violations[e]);
}

static enum leat_status put_counts(const struct expectation_writer *writer,
                                   struct leat_buffer *receipt, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u64(receipt, writer->rows, err));
    LEAT_TRY(leat_buffer_put_u32(receipt, writer->sink->count, err));
    for (uint32_t e = 0; e < writer->sink->count; e++)
        LEAT_TRY(leat_buffer_put_u64(receipt, writer->violations[e], err));
    return LEAT_OK;
}

static enum leat_status finish(struct leat_writer *base, struct leat_buffer *receipt,
                               struct leat_error *err)
{
    struct expectation_writer *writer = (struct expectation_writer *)base;
    struct leat_writer *inner = writer->inner;
    enum leat_status status = LEAT_OK;

    add_counts(writer);
    if (!writer->sink->rows_passed)
        status = put_counts(writer, receipt, err);
    writer_free(writer);
    if (status != LEAT_OK) {
        leat_writer_abort(inner);
        return status;
    }
    return inner->ops->finish(inner, receipt, err);
}

enum leat_status leat_expectation_take_counts(struct leat_text *receipt,
                                              struct leat_expectation *expectations, uint32_t count,
                                              _Atomic uint64_t *rows_passed, struct leat_error *err)
{
    struct leat_cursor cursor = {(const uint8_t *)receipt->data, receipt->length, 0};
    uint64_t number;
    uint32_t given;

    LEAT_TRY(leat_cursor_get_u64(&cursor, &number, err));
    LEAT_TRY(leat_cursor_get_u32(&cursor, &given, err));
    if (given != count)
        return leat_error_set(err, LEAT_E_MESSAGE, "a receipt of %u expectations instead of %u",
                              given, count);
    atomic_fetch_add(rows_passed, number);
    for (uint32_t e = 0; e < count; e++) {
        LEAT_TRY(leat_cursor_get_u64(&cursor, &number, err));
        atomic_fetch_add(&expectations[e].violations, number);
    }
    receipt->data += cursor.position;
    receipt->length -= cursor.position;
    return LEAT_OK;
}

static void abort_writer(struct leat_writer *base)
{
    struct expectation_writer *writer = (struct expectation_writer *)base;

    add_counts(writer);
    leat_writer_abort(writer->inner);
    writer_free(writer);
}

static const struct leat_writer_ops writer_ops = {write_rows, finish, abort_writer};

static enum leat_status open_writer(struct leat_sink *base, const struct leat_attempt *attempt,
                                    struct leat_writer **out, struct leat_error *err)
{
    struct expectation_sink *sink = (struct expectation_sink *)base;
    struct expectation_writer *writer = leat_calloc(1, sizeof(*writer));
    struct leat_expr **exprs = leat_calloc(sink->count, sizeof(*exprs));
    enum leat_status status = writer && exprs ? LEAT_OK : leat_error_memory(err);

    *out = NULL;
    if (status == LEAT_OK) {
        writer->base.ops = &writer_ops;
        writer->sink = sink;
        leat_arena_init(&writer->arena, NULL);
        writer->bad_rows = attempt->bad_rows;
        writer->violations = leat_calloc(sink->count, sizeof(*writer->violations));
        if (!writer->violations)
            status = leat_error_memory(err);
        for (uint32_t i = 0; i < sink->count; i++)
            exprs[i] = sink->items[i].expr;
        if (status == LEAT_OK && sink->count > 0)
            status = leat_evaluator_new(exprs, sink->count, &sink->source, NULL, &writer->evaluator,
                                        err);
    }
    if (status == LEAT_OK)
        status = sink->inner->ops->open(sink->inner, attempt, &writer->inner, err);
    leat_free(exprs);
    if (status != LEAT_OK) {
        if (writer)
            writer_free(writer);
        return status;
    }
    *out = &writer->base;
    return LEAT_OK;
}

static enum leat_status put(struct leat_sink *base, struct leat_buffer *out, struct leat_error *err)
{
    struct expectation_sink *sink = (struct expectation_sink *)base;

    LEAT_TRY(leat_buffer_put_string(out, sink->source.name ? sink->source.name : "", err));
    LEAT_TRY(leat_buffer_put_bytes(out, sink->source.text ? sink->source.text : "",
                                   sink->source.text ? sink->source.length : 0, err));
    LEAT_TRY(leat_buffer_put_u32(out, sink->count, err));
    for (uint32_t i = 0; i < sink->count; i++) {
        LEAT_TRY(leat_buffer_put_string(out, sink->items[i].name, err));
        LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)sink->items[i].violation, err));
        LEAT_TRY(leat_expr_put(sink->items[i].expr, out, err));
    }
    return leat_sink_put(sink->inner, out, err);
}

static enum leat_status discard(struct leat_sink *base, const struct leat_attempt *attempt,
                                struct leat_error *err)
{
    struct leat_sink *inner = ((struct expectation_sink *)base)->inner;

    return inner->ops->discard ? inner->ops->discard(inner, attempt, err) : LEAT_OK;
}

static void close_sink(struct leat_sink *base)
{
    struct expectation_sink *sink = (struct expectation_sink *)base;

    leat_sink_close(sink->inner);
    leat_arena_release(&sink->arena);
    leat_free(base);
}

static const struct leat_sink_ops sink_ops = {"expectations", open_writer, put, discard,
                                              close_sink};

enum leat_status leat_expectation_sink(struct leat_sink *inner,
                                       struct leat_expectation *expectations, uint32_t count,
                                       const struct leat_expr_source *source,
                                       _Atomic uint64_t *rows_passed, struct leat_sink **out,
                                       struct leat_error *err)
{
    struct expectation_sink *sink = leat_calloc(1, sizeof(*sink));

    *out = NULL;
    if (!sink) {
        leat_sink_close(inner);
        return leat_error_memory(err);
    }
    sink->base.ops = &sink_ops;
    sink->base.schema = inner->schema;
    sink->inner = inner;
    sink->items = expectations;
    sink->count = count;
    sink->source = *source;
    sink->rows_passed = rows_passed;
    leat_arena_init(&sink->arena, NULL);
    *out = &sink->base;
    return LEAT_OK;
}

static enum leat_status read_items(struct leat_cursor *cursor, struct expectation_sink *sink,
                                   struct leat_error *err)
{
    struct leat_arena *arena = &sink->arena;
    struct leat_text text;

    LEAT_TRY(leat_cursor_get_string(cursor, arena, &sink->source.name, err));
    LEAT_TRY(leat_cursor_get_bytes(cursor, &text, err));
    sink->source.text = leat_arena_copy(arena, text.data, text.length);
    sink->source.length = text.length;
    LEAT_TRY(leat_cursor_get_u32(cursor, &sink->count, err));
    if (sink->count > cursor->length - cursor->position)
        return leat_error_set(err, LEAT_E_MESSAGE, "a sink with %u expectations", sink->count);
    sink->items = LEAT_NEW_ARRAY(arena, struct leat_expectation, sink->count);
    if (!sink->source.text || !sink->items)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < sink->count; i++) {
        uint8_t violation;
        LEAT_TRY(leat_cursor_get_string(cursor, arena, &sink->items[i].name, err));
        LEAT_TRY(leat_cursor_get_u8(cursor, &violation, err));
        if (violation > LEAT_SQL_VIOLATION_QUARANTINE_ROW)
            return leat_error_set(err, LEAT_E_MESSAGE, "an expectation of kind %u", violation);
        sink->items[i].violation = (enum leat_sql_violation)violation;
        LEAT_TRY(leat_expr_read(cursor, arena, &sink->items[i].expr, err));
    }
    return leat_sink_read(cursor, NULL, 0, &sink->inner, err);
}

static enum leat_status read_sink(struct leat_cursor *cursor, struct leat_sink **out,
                                  struct leat_error *err)
{
    struct expectation_sink *sink = leat_calloc(1, sizeof(*sink));
    enum leat_status status;

    *out = NULL;
    if (!sink)
        return leat_error_memory(err);
    sink->base.ops = &sink_ops;
    leat_arena_init(&sink->arena, NULL);
    status = read_items(cursor, sink, err);
    if (status != LEAT_OK) {
        close_sink(&sink->base);
        return status;
    }
    sink->base.schema = sink->inner->schema;
    *out = &sink->base;
    return LEAT_OK;
}

const struct leat_sink_kind leat_expectation_sink_kind = {"expectations", read_sink};
