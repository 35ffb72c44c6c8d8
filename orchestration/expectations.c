/* The expectation sink. Each writer has an evaluator of its own that computes all conditions of a
 * batch at once; a row's fate is the strictest of those it violates. Null conditions pass, as in
 * CHECK. */
#include "orchestration/expectations.h"

struct expectation_sink {
    struct leat_sink base;
    struct leat_sink *inner;
    struct leat_expectation *items;
    uint32_t count;
    struct leat_expr_source source;
    struct leat_quarantine *quarantine;
    _Atomic uint64_t *rows_passed;
};

struct expectation_writer {
    struct leat_writer base;
    struct expectation_sink *sink;
    struct leat_writer *inner;
    struct leat_evaluator *evaluator;
    struct leat_arena arena;
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

/* The row as JSON, for messages and the quarantine. */
static enum leat_status row_json(const struct expectation_sink *sink,
                                 const struct leat_batch *batch, uint32_t row,
                                 struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(out, '{', err));
    for (uint32_t c = 0; c < batch->column_count; c++) {
        LEAT_TRY(leat_buffer_printf(out, err, "%s\"%s\": ", c ? ", " : "",
                                    sink->base.schema.fields[c].name));
        if (leat_vector_is_null(&batch->columns[c], row))
            LEAT_TRY(leat_buffer_append_string(out, "null", err));
        else
            LEAT_TRY(leat_vector_print_json(&batch->columns[c], row, out, err));
    }
    return leat_buffer_append_byte(out, '}', err);
}

static enum leat_status turn_away(struct expectation_sink *sink,
                                  const struct leat_expectation *expectation,
                                  const struct leat_batch *batch, uint32_t row,
                                  struct leat_error *err)
{
    struct leat_bad_row bad = {.rule = expectation->name};
    struct leat_buffer json;
    enum leat_status status;

    if (expectation->violation == LEAT_SQL_VIOLATION_DROP_ROW)
        return LEAT_OK;
    leat_buffer_init(&json, 0);
    status = row_json(sink, batch, row, &json, err);
    if (status == LEAT_OK && expectation->violation == LEAT_SQL_VIOLATION_FAIL_UPDATE) {
        status =
            leat_error_set(err, LEAT_E_EXPECTATION, "expectation \"%s\" failed for the row %.*s",
                           expectation->name, (int)(json.length < 400 ? json.length : 400),
                           (const char *)json.data);
    } else if (status == LEAT_OK) {
        (void)leat_error_set(&bad.error, LEAT_E_EXPECTATION, "expectation \"%s\" failed",
                             expectation->name);
        bad.raw = (struct leat_text){(const char *)json.data, json.length};
        status = leat_quarantine_add(sink->quarantine, &bad, err);
    }
    leat_buffer_release(&json);
    return status;
}

/* Whether the row passes; counts its violations. */
static enum leat_status judge(struct expectation_sink *sink, const struct leat_vector *conditions,
                              const struct leat_batch *batch, uint32_t row, bool *keep,
                              struct leat_error *err)
{
    *keep = true;
    for (uint32_t e = 0; e < sink->count; e++) {
        struct leat_expectation *item = &sink->items[e];
        if (passes(&conditions[e], row))
            continue;
        atomic_fetch_add_explicit(&item->violations, 1, memory_order_relaxed);
        if (item->violation == LEAT_SQL_VIOLATION_DEFAULT ||
            item->violation == LEAT_SQL_VIOLATION_WARN || !*keep)
            continue;
        *keep = false;
        LEAT_TRY(turn_away(sink, item, batch, row, err));
    }
    return LEAT_OK;
}

static enum leat_status write_rows(struct leat_writer *base, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    struct expectation_writer *writer = (struct expectation_writer *)base;
    struct expectation_sink *sink = writer->sink;
    struct leat_vector *conditions;
    struct leat_batch kept = {.column_count = batch->column_count};
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
        LEAT_TRY(judge(sink, conditions, batch, r, &keep, err));
        if (keep)
            selection[kept.length++] = r;
    }
    if (sink->count == 0 || kept.length == batch->length) {
        atomic_fetch_add(sink->rows_passed, batch->length);
        return writer->inner->ops->write(writer->inner, batch, err);
    }
    if (kept.length == 0)
        return LEAT_OK;
    for (uint32_t c = 0; c < batch->column_count; c++)
        LEAT_TRY(leat_vector_select(&batch->columns[c], selection, kept.length, &writer->arena,
                                    &kept.columns[c], err));
    atomic_fetch_add(sink->rows_passed, kept.length);
    return writer->inner->ops->write(writer->inner, &kept, err);
}

static void writer_free(struct expectation_writer *writer)
{
    leat_evaluator_free(writer->evaluator);
    leat_arena_release(&writer->arena);
    leat_free(writer);
}

static enum leat_status finish(struct leat_writer *base, struct leat_buffer *receipt,
                               struct leat_error *err)
{
    struct expectation_writer *writer = (struct expectation_writer *)base;
    struct leat_writer *inner = writer->inner;

    writer_free(writer);
    return inner->ops->finish(inner, receipt, err);
}

static void abort_writer(struct leat_writer *base)
{
    struct expectation_writer *writer = (struct expectation_writer *)base;

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
        for (uint32_t i = 0; i < sink->count; i++)
            exprs[i] = sink->items[i].expr;
        if (sink->count > 0)
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
    (void)base;
    (void)out;
    return leat_error_set(err, LEAT_E_UNSUPPORTED, "expectations run at the coordinator");
}

static void close_sink(struct leat_sink *base)
{
    leat_sink_close(((struct expectation_sink *)base)->inner);
    leat_free(base);
}

static const struct leat_sink_ops sink_ops = {
    .kind = "expectations", .open = open_writer, .put = put, .close = close_sink};

enum leat_status leat_expectation_sink(struct leat_sink *inner,
                                       struct leat_expectation *expectations, uint32_t count,
                                       const struct leat_expr_source *source,
                                       struct leat_quarantine *quarantine,
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
    sink->quarantine = quarantine;
    sink->rows_passed = rows_passed;
    *out = &sink->base;
    return LEAT_OK;
}
