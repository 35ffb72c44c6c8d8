/*
 * Reads records. In NDJSON a record is a line, so a bad one ends at its line's end, and a file can
 * be cut anywhere: a record belongs to the range in which it starts. In an array, and where records
 * go over several lines, a record ends where its value does; the value is passed over once to find
 * that, then read into columns.
 */
#include "formats/json/json_internal.h"
#include "base/utf8.h"

#define WINDOW_BYTES ((size_t)512 << 10)

/* --- window --- */

enum leat_status json_window_open(struct json_window *w, const struct leat_source_file *file,
                                  const struct json_settings *settings, uint64_t start,
                                  const struct leat_read_context *context, struct leat_error *err)
{
    size_t capacity = WINDOW_BYTES;

    memset(w, 0, sizeof(*w));
    LEAT_TRY(leat_text_stream_open(&w->stream, file, settings->compression, settings->encoding,
                                   context ? context->bytes_read : NULL, err));
    w->accountant = context ? context->accountant : NULL;
    w->maximum = settings->max_row;
    w->line = 1;
    if (start)
        leat_text_stream_seek(&w->stream, start);
    w->offset = w->stream.position;
    if (leat_text_stream_is_plain(&w->stream) && w->stream.input->size >= w->offset &&
        w->stream.input->size - w->offset + 128 < capacity)
        capacity = (size_t)(w->stream.input->size - w->offset) + 128; /* a small file */
    if (!leat_accountant_charge(w->accountant, capacity)) {
        leat_text_stream_close(&w->stream);
        return leat_error_set(err, LEAT_E_MEMORY_LIMIT, "no memory to read %s", file->path);
    }
    w->capacity = capacity;
    w->data = leat_malloc(capacity + JSON_PADDING);
    if (!w->data) {
        json_window_close(w);
        return leat_error_memory(err);
    }
    return LEAT_OK;
}

void json_window_close(struct json_window *w)
{
    leat_accountant_release(w->accountant, w->capacity);
    leat_free(w->data);
    leat_text_stream_close(&w->stream);
    memset(w, 0, sizeof(*w));
}

uint64_t json_window_line(const struct json_window *w, size_t position)
{
    uint64_t lines = w->line;
    const char *at = w->data, *end = w->data + position;

    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        lines++;
        at++;
    }
    return lines;
}

static enum leat_status grow_window(struct json_window *w, struct leat_error *err)
{
    size_t capacity = w->capacity * 2;
    char *data;

    if (w->capacity >= w->maximum) {
        enum leat_status status = leat_error_set(
            err, LEAT_E_JSON_TOO_LONG, "%s: the record at line %llu is longer than %zu bytes",
            w->stream.input->path, (unsigned long long)w->line, w->maximum);
        leat_error_hint(err, "max_row_size raises the limit");
        return status;
    }
    if (!leat_accountant_charge(w->accountant, capacity - w->capacity))
        return leat_error_set(err, LEAT_E_MEMORY_LIMIT,
                              "no memory for a record of more than %zu bytes", w->capacity);
    data = leat_realloc(w->data, capacity + JSON_PADDING);
    if (!data) {
        leat_accountant_release(w->accountant, capacity - w->capacity);
        return leat_error_memory(err);
    }
    w->data = data;
    w->capacity = capacity;
    return LEAT_OK;
}

enum leat_status json_window_more(struct json_window *w, struct leat_error *err)
{
    size_t got;

    if (w->at) {
        w->line = json_window_line(w, w->at);
        memmove(w->data, w->data + w->at, w->length - w->at);
        w->offset += w->at;
        w->length -= w->at;
        w->at = 0;
    }
    if (w->length + 64 > w->capacity)
        LEAT_TRY(grow_window(w, err));
    while (!w->at_end && w->length + 64 <= w->capacity) {
        LEAT_TRY(leat_text_stream_read(&w->stream, (uint8_t *)w->data + w->length,
                                       w->capacity - w->length, &got, err));
        w->length += got;
        w->at_end = got == 0;
        if (got && leat_text_stream_is_plain(&w->stream))
            break;
    }
    memset(w->data + w->length, 0, JSON_PADDING);
    return LEAT_OK;
}

/* --- reader --- */

struct json_reader {
    struct leat_reader base;
    struct leat_arena arena;
    struct leat_arena scratch;
    const struct json_settings *settings;
    const struct leat_source_file *file;
    struct json_window window;
    struct json_builder builder;
    struct leat_cancel *cancel;
    struct leat_bad_row_handler *handler;
    uint64_t start;
    uint64_t stop;
    uint64_t first_line; /* of the split; 0: not yet known */
    uint64_t rows_left;
    bool check_utf8;
    bool in_array; /* behind the opening bracket */
    bool first;    /* no record of the array was read yet */
    bool done;
    bool any_wanted;
    uint32_t column_count;
    const int32_t *columns; /* of the builder; -1: the file's name or the rows' offsets */
    int64_t *offsets;       /* where each row of the batch starts, if wanted */
    struct leat_vector *vectors;
    struct leat_batch batch;
};

static void reader_close(struct leat_reader *base)
{
    struct json_reader *r = (struct json_reader *)base;

    json_builder_release(&r->builder);
    json_window_close(&r->window);
    leat_arena_release(&r->scratch);
    leat_arena_release(&r->arena);
    leat_free(r);
}

/* The line on which the split starts: found by reading what is before it, and only for messages. */
static uint64_t first_line(struct json_reader *r)
{
    if (!r->first_line)
        r->first_line = 1 + leat_text_stream_lines(&r->window.stream, r->start, false);
    return r->first_line;
}

static enum leat_status report(struct json_reader *r, const char *start, const char *end,
                               const struct json_text *t, bool utf8, struct leat_error *err)
{
    struct json_window *w = &r->window;
    size_t position = (size_t)(start - w->data), at = position;
    struct leat_bad_row bad = {.file = r->file->path, .column = r->builder.failed_column};
    uint32_t column = 1;

    while (end > start && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    bad.raw = (struct leat_text){start, (size_t)(end - start)};
    bad.line = json_window_line(w, position) + first_line(r) - 1;
    bad.offset = w->offset + position;
    if (utf8) {
        bad.rule = "utf-8";
        bad.column = NULL;
        (void)leat_error_set(&bad.error, LEAT_E_JSON_UTF8,
                             "the record holds bytes that are not valid UTF-8");
        leat_error_hint(&bad.error,
                        "if the file is in another encoding: encoding => 'latin-1' or "
                        "'windows-1252'; on_error => 'quarantine' keeps such records apart");
    } else if (t->failure == JSON_TYPE) {
        int shown = 0;
        at = (size_t)(t->failed_at - w->data);
        while (shown < 60 && t->failed_at + shown < end && t->failed_at[shown] != '\n')
            shown++;
        bad.rule = "type";
        (void)leat_error_set(&bad.error, LEAT_E_JSON_VALUE, "%s%s%s%s at %.*s",
                             bad.column ? "column \"" : "", bad.column ? bad.column : "",
                             bad.column ? "\": " : "", t->reason, shown, t->failed_at);
        leat_error_hint(&bad.error,
                        "types => {'%s': 'json'} keeps any value, a larger sample_rows "
                        "detects the type from more records, on_error => 'quarantine' "
                        "keeps such records apart",
                        bad.column ? bad.column : "column");
    } else {
        at = (size_t)(t->failed_at - w->data);
        bad.rule = "json syntax";
        bad.column = NULL;
        (void)leat_error_set(&bad.error, LEAT_E_JSON_SYNTAX, "%s", t->reason);
        leat_error_hint(&bad.error, "on_error => 'quarantine' keeps such records apart");
    }
    {
        size_t line_start = at;
        while (line_start > 0 && w->data[line_start - 1] != '\n')
            line_start--;
        for (size_t i = line_start; i < at; i++)
            column += ((uint8_t)w->data[i] & 0xc0) != 0x80;
        leat_error_at(&bad.error, r->file->path, json_window_line(w, at) + first_line(r) - 1,
                      column, w->offset + at);
    }
    if (r->handler)
        return r->handler->handle(r->handler, &bad, err);
    if (err)
        *err = bad.error;
    return bad.error.status;
}

/* Reads the record in [start, end) into row *rows; adds one to *rows if that went well. */
static enum leat_status read_record(struct json_reader *r, const char *start, const char *end,
                                    uint32_t *rows, struct leat_error *err)
{
    struct json_text t = {.at = start,
                          .end = end,
                          .depth = (unsigned)r->settings->depth,
                          .nulls = r->settings->nulls,
                          .null_count = r->settings->null_count};
    bool good;

    if (r->offsets)
        r->offsets[*rows] = (int64_t)(r->window.offset + (uint64_t)(start - r->window.data));
    if (r->check_utf8 && !leat_utf8_valid(start, (size_t)(end - start))) {
        if (r->settings->on_error == JSON_ERROR_NULL) {
            json_builder_null_row(&r->builder, (*rows)++);
            return LEAT_OK;
        }
        return report(r, start, end, &t, true, err);
    }
    good = json_builder_row(&r->builder, &t, *rows, r->settings->single);
    if (good) {
        json_skip_blanks(&t);
        if (t.at < end)
            good = json_fail(&t, JSON_SYNTAX, t.at, "more text behind the record");
    }
    if (good) {
        ++*rows;
        return LEAT_OK;
    }
    if (t.failure == JSON_MEMORY)
        return leat_error_memory(err);
    if (r->settings->on_error == JSON_ERROR_NULL) {
        json_builder_null_row(&r->builder, (*rows)++);
        return LEAT_OK;
    }
    return report(r, start, end, &t, false, err);
}

/* Lines of the window, up to a batch. */
static enum leat_status read_lines(struct json_reader *r, uint32_t limit, uint32_t *rows,
                                   struct leat_error *err)
{
    struct json_window *w = &r->window;

    while (*rows < limit) {
        const char *start = w->data + w->at, *stop = w->data + w->length;
        const char *feed = start < stop ? memchr(start, '\n', (size_t)(stop - start)) : NULL;
        const char *at = start, *end = feed ? feed : stop;
        if (!feed && !w->at_end)
            return LEAT_OK; /* the caller reads more */
        if (w->offset + w->at >= r->stop || (!feed && start == stop)) {
            r->done = true;
            return LEAT_OK;
        }
        w->at = feed ? (size_t)(feed - w->data) + 1 : w->length;
        while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
            at++;
        if (at < end)
            LEAT_TRY(read_record(r, start, end, rows, err));
    }
    return LEAT_OK;
}

/* Passes over what stands between records. *out: a record starts at window.at. */
static enum leat_status find_record(struct json_reader *r, bool *out, struct leat_error *err)
{
    struct json_window *w = &r->window;
    struct json_text t = {.at = w->data + w->at, .end = w->data + w->length};
    const char *problem = NULL;

    *out = false;
    json_skip_blanks(&t);
    if (t.at == t.end) {
        w->at = w->length;
        if (!w->at_end)
            return LEAT_OK;
        r->done = true;
        if (r->settings->layout != JSON_ARRAY || (r->done && !r->in_array && !r->first))
            return LEAT_OK;
        problem = "the array is not closed";
    } else if (r->settings->layout == JSON_RECORDS) {
        if (*t.at == ',' && !r->first) /* records set apart by commas are met in the wild */
            t.at++;
        json_skip_blanks(&t);
        *out = t.at < t.end;
    } else if (!r->in_array) {
        if (r->first && *t.at == '[') {
            r->in_array = true;
            t.at++;
        } else {
            problem = r->first ? "expected [" : "more text behind the array";
        }
    } else if (*t.at == ']') {
        r->in_array = false;
        r->first = false;
        t.at++;
    } else if (*t.at == ',' && !r->first) {
        t.at++;
        json_skip_blanks(&t);
        if (t.at == t.end && !w->at_end)
            return LEAT_OK; /* the comma is read again with what follows */
        *out = true;
    } else if (r->first) {
        *out = true;
    } else {
        problem = "expected , or ] behind a record";
    }
    if (problem) {
        enum leat_status status = leat_error_set(err, LEAT_E_JSON_SYNTAX, "%s", problem);
        leat_error_at(err, r->file->path, json_window_line(w, (size_t)(t.at - w->data)), 1,
                      w->offset + (uint64_t)(t.at - w->data));
        return status;
    }
    w->at = (size_t)(t.at - w->data);
    return LEAT_OK;
}

/* Records that end where their value ends. */
static enum leat_status read_values(struct json_reader *r, uint32_t limit, uint32_t *rows,
                                    struct leat_error *err)
{
    struct json_window *w = &r->window;

    while (*rows < limit && !r->done) {
        size_t before = w->at;
        bool comma_taken = false, found;
        struct json_text t = {.depth = (unsigned)r->settings->depth,
                              .nulls = r->settings->nulls,
                              .null_count = r->settings->null_count};
        LEAT_TRY(find_record(r, &found, err));
        if (!found) {
            if (w->at == w->length || w->at == before)
                return LEAT_OK;
            continue;
        }
        comma_taken = w->at != before;
        t.at = w->data + w->at;
        t.end = w->data + w->length;
        if (json_skip_value(&t)) {
            const char *start = w->data + w->at;
            if (t.at == t.end && !w->at_end) { /* a number may go on */
                w->at = before;
                return LEAT_OK;
            }
            w->at = (size_t)(t.at - w->data);
            r->first = false;
            LEAT_TRY(read_record(r, start, t.at, rows, err));
            continue;
        }
        if (t.cut && !w->at_end) { /* read it again with what follows */
            if (comma_taken)
                w->at = before;
            return LEAT_OK;
        }
        {
            const char *start = w->data + w->at;
            const char *feed = memchr(t.failed_at, '\n', (size_t)(t.end - t.failed_at));
            bool array = r->settings->layout == JSON_ARRAY;
            r->builder.failed_column = NULL;
            if (array)
                r->handler = NULL; /* where the next record starts is not known */
            LEAT_TRY(report(r, start, feed ? feed : t.end, &t, false, err));
            w->at = feed ? (size_t)(feed - w->data) + 1 : w->length;
            r->first = false;
        }
    }
    return LEAT_OK;
}

static enum leat_status make_batch(struct json_reader *r, uint32_t rows, struct leat_batch **out,
                                   struct leat_error *err)
{
    for (uint32_t i = 0; i < r->column_count; i++) {
        if (r->columns[i] >= 0)
            LEAT_TRY(json_column_vector(&r->builder.columns[r->columns[i]], rows, &r->scratch,
                                        &r->vectors[i], err));
        else
            r->vectors[i].length = rows;
    }
    r->batch = (struct leat_batch){r->column_count, rows, r->vectors};
    if (r->rows_left != UINT64_MAX)
        r->rows_left -= rows;
    *out = &r->batch;
    return LEAT_OK;
}

static enum leat_status reader_next(struct leat_reader *base, struct leat_batch **out,
                                    struct leat_error *err)
{
    struct json_reader *r = (struct json_reader *)base;
    struct json_window *w = &r->window;
    uint32_t rows = 0, limit;

    *out = NULL;
    leat_arena_reset(&r->scratch);
    json_builder_reset(&r->builder);
    limit = r->rows_left < LEAT_BATCH_ROWS ? (uint32_t)r->rows_left : LEAT_BATCH_ROWS;
    while (!r->done && limit) {
        size_t before = w->at;
        if (leat_cancel_requested(r->cancel))
            return leat_error_set(err, LEAT_E_CANCELLED, "cancelled");
        if (r->settings->layout == JSON_LINES)
            LEAT_TRY(read_lines(r, limit, &rows, err));
        else
            LEAT_TRY(read_values(r, limit, &rows, err));
        if (rows)
            return make_batch(r, rows, out, err);
        if (r->done)
            break;
        if (w->at_end && w->at == before && w->at < w->length)
            return leat_error_internal(err, "no progress in %s at byte %llu", r->file->path,
                                       (unsigned long long)(w->offset + w->at));
        LEAT_TRY(json_window_more(w, err));
        r->check_utf8 = !leat_utf8_valid(w->data, w->length);
    }
    return LEAT_OK;
}

static const struct leat_reader_ops reader_ops = {reader_next, reader_close};

/* A range starts at the first line that starts in it. */
static enum leat_status pass_partial_line(struct json_reader *r, struct leat_error *err)
{
    struct json_window *w = &r->window;

    for (;;) {
        const char *feed;
        LEAT_TRY(json_window_more(w, err));
        feed = memchr(w->data, '\n', w->length);
        w->at = feed ? (size_t)(feed - w->data) + 1 : w->length;
        if (feed || w->at_end)
            break;
    }
    r->check_utf8 = !leat_utf8_valid(w->data, w->length);
    return LEAT_OK;
}

/* The column of row offsets: null where bytes of the text are not the file's. */
static enum leat_status open_offsets(struct json_reader *r, struct leat_vector *out,
                                     struct leat_error *err)
{
    struct leat_value none = {.type = leat_type_get(LEAT_INT64), .is_null = true};

    if (r->settings->encoding != LEAT_TEXT_UTF8)
        return leat_value_to_vector(&none, 0, &r->arena, out, err);
    r->offsets = leat_arena_alloc_aligned(&r->arena, LEAT_BATCH_ROWS * sizeof(*r->offsets));
    if (!r->offsets)
        return leat_error_memory(err);
    *out = (struct leat_vector){
        .type = leat_type_get(LEAT_INT64), .form = LEAT_FLAT, .data = r->offsets};
    return LEAT_OK;
}

static enum leat_status open_columns(struct json_reader *r, const struct leat_schema *schema,
                                     const struct leat_scan *scan,
                                     const struct leat_source_files *files, struct leat_error *err)
{
    uint32_t count = schema->count - leat_source_files_extra(files);
    int32_t *columns = LEAT_NEW_ARRAY(&r->arena, int32_t, scan->column_count + 1);

    r->columns = columns;
    r->column_count = scan->column_count;
    r->vectors = LEAT_NEW_ARRAY(&r->arena, struct leat_vector, scan->column_count + 1);
    if (!columns || !r->vectors)
        return leat_error_memory(err);
    LEAT_TRY(json_builder_init(&r->builder, schema, count, &r->arena, r->window.accountant, err));
    r->builder.scratch = &r->scratch;
    r->builder.date_format = r->settings->date_format;
    r->builder.timestamp_format = r->settings->timestamp_format;
    r->builder.lenient = r->settings->on_error == JSON_ERROR_NULL;
    for (uint32_t i = 0; i < scan->column_count; i++) {
        columns[i] = scan->columns[i] < count ? (int32_t)scan->columns[i] : -1;
        if (columns[i] >= 0) {
            r->builder.columns[columns[i]].wanted = true;
        } else if (schema->fields[scan->columns[i]].type->id == LEAT_INT64) {
            LEAT_TRY(open_offsets(r, &r->vectors[i], err));
        } else {
            struct leat_value name = {.type = leat_type_get(LEAT_TEXT),
                                      .text = leat_text_of(r->file->path)};
            LEAT_TRY(leat_value_to_vector(&name, 0, &r->arena, &r->vectors[i], err));
        }
    }
    return json_builder_reserve(&r->builder, err);
}

enum leat_status json_reader_open(const struct leat_schema *schema,
                                  const struct json_settings *settings,
                                  const struct leat_source_files *files,
                                  const struct leat_scan *scan, uint32_t file, uint64_t start,
                                  uint64_t end, const struct leat_read_context *context,
                                  struct leat_reader **out, struct leat_error *err)
{
    struct json_reader *r = leat_calloc(1, sizeof(*r));
    struct leat_accountant *accountant = context ? context->accountant : NULL;
    enum leat_status status;

    *out = NULL;
    if (!r)
        return leat_error_memory(err);
    r->base.ops = &reader_ops;
    r->settings = settings;
    r->file = &files->items[file];
    r->start = start ? start - 1 : 0;
    r->stop = end;
    r->first = true;
    r->rows_left = scan->limit;
    r->cancel = context ? context->cancel : NULL;
    if (context && settings->on_error != JSON_ERROR_FAIL)
        r->handler = context->bad_rows;
    leat_arena_init(&r->arena, accountant);
    leat_arena_init(&r->scratch, accountant);
    status = json_window_open(&r->window, r->file, settings, r->start, context, err);
    if (status) {
        memset(&r->window, 0, sizeof(r->window));
    } else {
        status = open_columns(r, schema, scan, files, err);
    }
    if (!status && start)
        status = pass_partial_line(r, err);
    if (status)
        reader_close(&r->base);
    else
        *out = &r->base;
    return status;
}

/* --- sample --- */

/* The layout of the first piece: an array, records that fill their lines, or others. */
static enum json_layout find_layout(const struct json_window *w, unsigned depth)
{
    struct json_text t = {.at = w->data, .end = w->data + w->length, .depth = depth};
    const char *line = w->data;
    unsigned lines = 0;

    json_skip_blanks(&t);
    if (t.at < t.end && *t.at == '[') {
        /* An array of arrays a line is NDJSON too, but objects in one array are the usual case. */
        struct json_text inner = t;
        inner.at++;
        json_skip_blanks(&inner);
        if (inner.at >= inner.end || *inner.at == '{' || *inner.at == ']')
            return JSON_ARRAY;
        if (json_skip_value(&t)) {
            json_skip_blanks(&t);
            return t.at < t.end ? JSON_LINES : JSON_ARRAY;
        }
        return JSON_ARRAY;
    }
    while (line < w->data + w->length && lines < 100) {
        const char *end = memchr(line, '\n', (size_t)(w->data + w->length - line));
        struct json_text one = {.at = line, .end = end ? end : w->data + w->length, .depth = depth};
        json_skip_blanks(&one);
        if (one.at < one.end) {
            lines++;
            if (!end && !w->at_end)
                break;
            if (!json_skip_value(&one)) {
                /* A first line that just ends early is the start of a record over several lines;
                 * anything else is a bad line. */
                if (lines == 1 && one.cut && end)
                    return JSON_RECORDS;
            } else {
                json_skip_blanks(&one);
                if (lines == 1 && one.at < one.end && *one.at == '{')
                    return JSON_RECORDS;
            }
        }
        if (!end)
            break;
        line = end + 1;
    }
    return JSON_LINES;
}

static enum leat_status sample_lines(struct json_window *w, const struct json_settings *settings,
                                     uint64_t rows, struct json_shape *shape,
                                     struct leat_arena *arena, struct leat_error *err)
{
    while (rows) {
        const char *start = w->data + w->at;
        const char *feed = memchr(start, '\n', w->length - w->at);
        struct json_text t = {.at = start,
                              .depth = (unsigned)settings->depth,
                              .nulls = settings->nulls,
                              .null_count = settings->null_count};
        if (!feed && !w->at_end) {
            LEAT_TRY(json_window_more(w, err));
            continue;
        }
        if (!feed && w->at == w->length)
            return LEAT_OK;
        t.end = feed ? feed : w->data + w->length;
        w->at = feed ? (size_t)(feed - w->data) + 1 : w->length;
        json_skip_blanks(&t);
        if (t.at == t.end)
            continue;
        rows--;
        { /* bad lines do not count: reading will tell of them */
            struct json_text check = t;
            if (!json_skip_value(&check))
                continue;
            json_skip_blanks(&check);
            if (check.at < check.end)
                continue;
        }
        if (!json_shape_add(shape, &t, arena) && t.failure == JSON_MEMORY)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

#define FURTHER_PLACES 4u
#define FURTHER_ROWS   256u

/* Types and keys may change far behind the first records: looks at some lines in other places. */
static enum leat_status sample_further(const struct leat_source_file *file,
                                       const struct json_settings *settings, uint64_t read,
                                       struct json_shape *shape, struct leat_arena *arena,
                                       struct leat_error *err)
{
    for (uint64_t place = 1; place <= FURTHER_PLACES; place++) {
        uint64_t offset = read + (file->size - read) / FURTHER_PLACES * place;
        struct json_window window;
        const char *feed;
        enum leat_status status;
        if (offset > file->size - 65536)
            offset = file->size - 65536;
        LEAT_TRY(json_window_open(&window, file, settings, offset, NULL, err));
        status = json_window_more(&window, err);
        feed = memchr(window.data, '\n', window.length);
        if (!status && feed) {
            window.at = (size_t)(feed - window.data) + 1;
            status = sample_lines(&window, settings, FURTHER_ROWS, shape, arena, err);
        }
        json_window_close(&window);
        LEAT_TRY(status);
    }
    return LEAT_OK;
}

/* Records that end where their value ends. */
static enum leat_status sample_values(struct json_window *w, const struct json_settings *settings,
                                      uint64_t rows, struct json_shape *shape,
                                      struct leat_arena *arena, struct leat_error *err)
{
    bool opened = settings->layout != JSON_ARRAY;

    while (rows) {
        struct json_text t = {.at = w->data + w->at,
                              .end = w->data + w->length,
                              .depth = (unsigned)settings->depth,
                              .nulls = settings->nulls,
                              .null_count = settings->null_count};
        struct json_text check;
        json_skip_blanks(&t);
        if (t.at < t.end && !opened && *t.at == '[') {
            opened = true;
            t.at++;
            w->at = (size_t)(t.at - w->data);
            continue;
        }
        if (t.at < t.end && *t.at == ',') {
            t.at++;
            json_skip_blanks(&t);
        }
        if (t.at < t.end && *t.at == ']')
            return LEAT_OK;
        check = t;
        if (!json_skip_value(&check) || (check.at == check.end && !w->at_end)) {
            if (w->at_end || (check.failure && !check.cut))
                return LEAT_OK; /* the end, or an error that reading will tell of */
            LEAT_TRY(json_window_more(w, err));
            continue;
        }
        if (!json_shape_add(shape, &t, arena) && t.failure == JSON_MEMORY)
            return leat_error_memory(err);
        w->at = (size_t)(t.at - w->data);
        rows--;
    }
    return LEAT_OK;
}

enum leat_status json_sample(const struct leat_source_file *file, struct json_settings *settings,
                             uint64_t rows, struct json_shape *shape, struct leat_arena *arena,
                             struct leat_error *err)
{
    struct json_window window;
    enum leat_status status;

    LEAT_TRY(json_window_open(&window, file, settings, 0, NULL, err));
    status = json_window_more(&window, err);
    if (!status && memchr(window.data, 0, window.length)) {
        status = leat_error_set(err, LEAT_E_CSV_NOT_TEXT, "%s is not a text file", file->path);
        leat_error_hint(err, "it holds zero bytes; is it Parquet, Avro or an archive?");
    }
    if (!status && settings->layout == JSON_AUTO)
        settings->layout = find_layout(&window, (unsigned)settings->depth);
    if (!status)
        status = settings->layout == JSON_LINES
                     ? sample_lines(&window, settings, rows, shape, arena, err)
                     : sample_values(&window, settings, rows, shape, arena, err);
    if (!status && settings->layout == JSON_LINES && rows >= FURTHER_ROWS &&
        leat_text_stream_is_plain(&window.stream) &&
        window.stream.position + ((uint64_t)1 << 20) < file->size)
        status = sample_further(file, settings, window.stream.position, shape, arena, err);
    json_window_close(&window);
    return status;
}
