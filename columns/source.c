/* What all sources and sinks share: lists of byte strings, closing, and the source over rows in
 * memory. */
#include "columns/source.h"

void leat_bytes_list_init(struct leat_bytes_list *list)
{
    memset(list, 0, sizeof(*list));
    leat_arena_init(&list->arena, NULL);
}

void leat_bytes_list_release(struct leat_bytes_list *list)
{
    leat_free(list->items);
    leat_arena_release(&list->arena);
    memset(list, 0, sizeof(*list));
}

enum leat_status leat_bytes_list_append(struct leat_bytes_list *list, const void *bytes,
                                        size_t length, struct leat_error *err)
{
    char *copy = leat_arena_copy(&list->arena, bytes, length);

    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct leat_text *items = leat_realloc(list->items, capacity * sizeof(*items));
        if (!items)
            return leat_error_memory(err);
        list->items = items;
        list->capacity = capacity;
    }
    if (!copy)
        return leat_error_memory(err);
    list->items[list->count++] = (struct leat_text){copy, length};
    return LEAT_OK;
}

void leat_source_close(struct leat_source *source)
{
    if (source)
        source->ops->close(source);
}

void leat_reader_close(struct leat_reader *reader)
{
    if (reader)
        reader->ops->close(reader);
}

void leat_sink_close(struct leat_sink *sink)
{
    if (sink)
        sink->ops->close(sink);
}

void leat_writer_abort(struct leat_writer *writer)
{
    if (writer)
        writer->ops->abort(writer);
}

/* --- rows in memory --- */

struct rows_source {
    struct leat_source base;
    const struct leat_rows *rows;
    struct leat_rows own; /* when read from a message */
    bool owns;
    char *name;
};

struct rows_reader {
    struct leat_reader base;
    const struct leat_rows *rows;
    const struct leat_scan *scan;
    struct leat_cancel *cancel;
    size_t next;
    size_t end;
    struct leat_batch out;
    struct leat_vector columns[];
};

static enum leat_status rows_next(struct leat_reader *reader, struct leat_batch **out,
                                  struct leat_error *err)
{
    struct rows_reader *r = (struct rows_reader *)reader;
    const struct leat_batch *batch;

    *out = NULL;
    if (r->next == r->end)
        return LEAT_OK;
    if (leat_cancel_requested(r->cancel))
        return leat_error_set(err, LEAT_E_CANCELLED, "cancelled");
    batch = &r->rows->batches[r->next++];
    for (uint32_t i = 0; i < r->scan->column_count; i++)
        r->columns[i] = batch->columns[r->scan->columns[i]];
    r->out = (struct leat_batch){r->scan->column_count, batch->length, r->columns};
    *out = &r->out;
    return LEAT_OK;
}

static void rows_reader_close(struct leat_reader *reader)
{
    leat_free(reader);
}

static const struct leat_reader_ops rows_reader_ops = {rows_next, rows_reader_close};

/* A split is a range of batches: two u64. */
static enum leat_status rows_splits(struct leat_source *source, const struct leat_scan *scan,
                                    unsigned wanted, struct leat_bytes_list *out,
                                    struct leat_error *err)
{
    size_t count = ((struct rows_source *)source)->rows->batch_count;
    size_t pieces = wanted ? wanted * 4 : 1, step;

    (void)scan;
    step = (count + pieces - 1) / pieces;
    for (size_t start = 0; start < count; start += step) {
        uint64_t range[2] = {start, start + step < count ? start + step : count};
        LEAT_TRY(leat_bytes_list_append(out, range, sizeof(range), err));
    }
    return LEAT_OK;
}

static enum leat_status rows_open(struct leat_source *source, const struct leat_scan *scan,
                                  struct leat_text split, const struct leat_read_context *context,
                                  struct leat_reader **out, struct leat_error *err)
{
    const struct leat_rows *rows = ((struct rows_source *)source)->rows;
    struct rows_reader *reader;
    uint64_t range[2];

    *out = NULL;
    if (split.length != sizeof(range))
        return leat_error_set(err, LEAT_E_MESSAGE, "a split of %zu bytes", split.length);
    memcpy(range, split.data, sizeof(range));
    if (range[0] > range[1] || range[1] > rows->batch_count)
        return leat_error_set(err, LEAT_E_MESSAGE, "a split outside of its rows");
    reader = leat_calloc(1, sizeof(*reader) + scan->column_count * sizeof(struct leat_vector));
    if (!reader)
        return leat_error_memory(err);
    reader->base.ops = &rows_reader_ops;
    reader->rows = rows;
    reader->scan = scan;
    reader->cancel = context ? context->cancel : NULL;
    reader->next = range[0];
    reader->end = range[1];
    *out = &reader->base;
    return LEAT_OK;
}

static enum leat_status rows_put(struct leat_source *source, struct leat_buffer *out,
                                 struct leat_error *err)
{
    struct rows_source *s = (struct rows_source *)source;

    LEAT_TRY(leat_buffer_put_string(out, source->name, err));
    LEAT_TRY(leat_schema_put(&source->schema, out, err));
    LEAT_TRY(leat_buffer_put_u64(out, s->rows->batch_count, err));
    for (size_t i = 0; i < s->rows->batch_count; i++)
        LEAT_TRY(leat_batch_put(&s->rows->batches[i], out, err));
    return LEAT_OK;
}

static void rows_close(struct leat_source *source)
{
    struct rows_source *s = (struct rows_source *)source;

    if (s->owns)
        leat_rows_release(&s->own);
    leat_free(s->name);
    leat_free(s);
}

static const struct leat_source_ops rows_source_ops = {
    .kind = "rows", .splits = rows_splits, .open = rows_open, .put = rows_put, .close = rows_close};

enum leat_status leat_source_open_rows(const struct leat_rows *rows, const char *name,
                                       struct leat_source **out, struct leat_error *err)
{
    struct rows_source *source = leat_calloc(1, sizeof(*source));

    *out = NULL;
    if (!source)
        return leat_error_memory(err);
    source->name = leat_strdup(name);
    if (!source->name) {
        leat_free(source);
        return leat_error_memory(err);
    }
    source->base.ops = &rows_source_ops;
    source->base.schema = rows->schema;
    source->base.row_estimate = rows->row_count;
    source->base.byte_estimate = UINT64_MAX;
    source->base.name = source->name;
    source->rows = rows;
    *out = &source->base;
    return LEAT_OK;
}

/* Reads what rows_put wrote into rows of its own. */
static enum leat_status read_rows(struct leat_cursor *cursor, struct leat_rows *rows,
                                  struct leat_arena *scratch, const char **name,
                                  struct leat_error *err)
{
    struct leat_schema schema;
    uint64_t count;

    LEAT_TRY(leat_cursor_get_string(cursor, scratch, name, err));
    LEAT_TRY(leat_schema_read(cursor, scratch, &schema, err));
    LEAT_TRY(leat_rows_init(rows, &schema, NULL, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &count, err));
    for (uint64_t i = 0; i < count; i++) {
        struct leat_batch batch;
        LEAT_TRY(leat_batch_read(cursor, &rows->schema, scratch, &batch, err));
        LEAT_TRY(leat_rows_append(rows, &batch, err));
    }
    return LEAT_OK;
}

enum leat_status leat_source_read_rows(struct leat_cursor *cursor, struct leat_source **out,
                                       struct leat_error *err)
{
    struct leat_rows rows = {0};
    struct leat_arena scratch;
    const char *name = NULL;
    enum leat_status status;

    *out = NULL;
    leat_arena_init(&scratch, NULL);
    leat_arena_init(&rows.arena, NULL);
    status = read_rows(cursor, &rows, &scratch, &name, err);
    if (status == LEAT_OK)
        status = leat_source_open_rows(&rows, name, out, err);
    leat_arena_release(&scratch);
    if (status != LEAT_OK) {
        leat_rows_release(&rows);
        return status;
    }
    ((struct rows_source *)*out)->own = rows;
    ((struct rows_source *)*out)->rows = &((struct rows_source *)*out)->own;
    ((struct rows_source *)*out)->owns = true;
    return LEAT_OK;
}
