/*
 * Reads one split: takes whole rows from the window, sets those with a wrong number of fields
 * apart, converts the columns that are asked for, and removes rows whose values could not be read.
 * A row belongs to the split in which it starts. Columns are found by the names in the file's own
 * header, so that files with other columns or another order fit into one source.
 */
#include "formats/csv/csv_internal.h"
#include "base/utf8.h"

struct csv_reader {
    struct leat_reader base;
    struct leat_arena arena;   /* lives as long as the reader */
    struct leat_arena scratch; /* of one batch */
    const struct csv_settings *settings;
    struct leat_text_stream stream;
    struct csv_window window;
    struct leat_accountant *accountant;
    struct leat_cancel *cancel;
    struct leat_bad_row_handler *handler; /* NULL: bad rows fail the query */
    const char *path;
    const struct leat_schema *schema;
    uint32_t file_columns; /* fields of a row of this file */
    uint32_t column_count;
    struct csv_column *columns;
    const char **names; /* of the file's columns, for messages; by field */
    const struct leat_type **types;
    uint64_t rows_left; /* of the scan's limit */
    bool header_pending;
    struct csv_rows rows;
    struct leat_vector *vectors;
    struct leat_batch batch;
};

static void reader_close(struct leat_reader *base)
{
    struct csv_reader *r = (struct csv_reader *)base;

    csv_window_release(&r->window);
    leat_text_stream_close(&r->stream);
    leat_arena_release(&r->scratch);
    leat_arena_release(&r->arena);
    leat_free(r);
}

/* --- bad rows --- */

static uint32_t character_column(const uint8_t *row, size_t length)
{
    uint32_t column = 1;

    for (size_t i = 0; i < length; i++)
        column += (row[i] & 0xc0) != 0x80;
    return column;
}

/* Tells of a bad row: to the handler, or by failing. */
static enum leat_status report(struct csv_reader *r, size_t window_row, int code,
                               const char *column, uint32_t field_offset,
                               const struct leat_error *what, struct leat_error *err)
{
    static const char *const rules[] = {"field count", "type", "utf-8", "quote"};
    struct csv_window *w = &r->window;
    uint32_t start = csv_window_row_start(w, window_row);
    uint32_t end = w->index.row_newlines[window_row];
    struct leat_bad_row bad = {.file = r->path, .column = column, .error = *what};

    bad.line = csv_window_line(w, start);
    bad.offset = w->offset + start;
    if (end > start && w->data[end] == '\n' && w->data[end - 1] == '\r')
        end--;
    bad.raw = (struct leat_text){(const char *)w->data + start, end - start};
    bad.rule = rules[code - LEAT_E_CSV_FIELD_COUNT];
    leat_error_at(&bad.error, r->path, bad.line, character_column(w->data + start, field_offset),
                  bad.offset + field_offset);
    if (r->handler)
        return r->handler->handle(r->handler, &bad, err);
    if (err)
        *err = bad.error;
    return bad.error.status;
}

static enum leat_status report_field_count(struct csv_reader *r, size_t row, uint32_t fields,
                                           struct leat_error *err)
{
    struct leat_error what = {0};
    uint32_t wanted = r->file_columns;

    if (r->window.unterminated && row + 1 == r->window.index.row_count) {
        (void)leat_error_set(&what, LEAT_E_CSV_QUOTE,
                             "a quoted field is not closed before the end of %s", r->path);
        leat_error_hint(&what, "quote => '' reads quotes as ordinary characters; on_error => "
                               "'quarantine' keeps such rows apart");
        return report(r, row, LEAT_E_CSV_QUOTE, NULL, 0, &what, err);
    }
    (void)leat_error_set(&what, LEAT_E_CSV_FIELD_COUNT, "the row has %u field%s, not %u", fields,
                         fields == 1 ? "" : "s", wanted);
    leat_error_hint(&what, "%son_error => 'quarantine' keeps such rows apart",
                    fields < wanted ? "null_padding => true fills short rows with nulls; " : "");
    return report(r, row, LEAT_E_CSV_FIELD_COUNT, NULL, 0, &what, err);
}

static enum leat_status report_value(struct csv_reader *r, uint32_t row, struct leat_error *err)
{
    const struct csv_rows *rows = &r->rows;
    uint32_t field = rows->bad_columns[row], at = rows->firsts[row] + field;
    uint32_t end = rows->ends[at];
    uint32_t start =
        field ? rows->ends[at - 1] + r->settings->dialect.delimiter_length : rows->starts[row];
    int shown = end - start > 60 ? 57 : (int)(end - start);
    const char *dots = end - start > 60 ? "..." : "";
    const char *column = r->names[field] ? r->names[field] : "";
    struct leat_error what = {0};
    int code = rows->bad_codes[row];

    if (shown && rows->data[end] == '\n' && rows->data[end - 1] == '\r')
        shown--;
    if (code == LEAT_E_CSV_UTF8) {
        (void)leat_error_set(&what, code, "column \"%s\" holds %s", column,
                             memchr(rows->data + start, 0, end - start)
                                 ? "zero bytes"
                                 : "bytes that are not valid UTF-8");
        leat_error_hint(&what, "if the file is in another encoding: encoding => 'latin-1' or "
                               "'windows-1252'; on_error => 'quarantine' keeps such rows apart");
    } else if (code == LEAT_E_CSV_QUOTE) {
        (void)leat_error_set(&what, code, "column \"%s\": quotes are out of place in %.*s%s",
                             column, shown, rows->data + start, dots);
        leat_error_hint(&what, "on_error => 'quarantine' keeps such rows apart; quote => '' reads "
                               "quotes as ordinary characters");
    } else {
        const char *type = leat_type_name(&r->scratch, r->types[field]);
        (void)leat_error_set(&what, code, "column \"%s\": \"%.*s%s\" is not a value of type %s",
                             column, shown, rows->data + start, dots, type ? type : "?");
        leat_error_hint(&what,
                        "types => {'%s': 'text'} reads the column as text, a larger "
                        "sample_rows detects its type from more rows, on_error => "
                        "'quarantine' keeps such rows apart",
                        column);
    }
    return report(r, rows->index_rows[row], code, column, start - rows->starts[row], &what, err);
}

/* --- rows --- */

static bool is_blank_row(const struct csv_window *w, uint32_t start, uint32_t end)
{
    return start == end || (end == start + 1 && w->data[start] == '\r' && w->data[end] == '\n');
}

/* Takes up to a batch of rows from the window into r->rows. */
static enum leat_status take_rows(struct csv_reader *r, struct leat_error *err)
{
    struct csv_window *w = &r->window;
    struct csv_rows *rows = &r->rows;
    const bool lenient = r->settings->on_error == CSV_ERROR_NULL;
    const uint32_t wanted = r->file_columns;
    uint32_t count = 0;
    uint32_t limit = r->rows_left < LEAT_BATCH_ROWS ? (uint32_t)r->rows_left : LEAT_BATCH_ROWS;

    rows->ragged = false;
    for (; w->row < w->index.row_count && count < limit; w->row++) {
        uint32_t first = w->row ? w->index.row_totals[w->row - 1] : 0;
        uint32_t fields = w->index.row_totals[w->row] - first;
        uint32_t start = csv_window_row_start(w, w->row);
        bool broken = w->unterminated && w->row + 1 == w->index.row_count;
        if (__builtin_expect(fields != wanted || broken, 0)) {
            if (fields == 0 ||
                (fields == 1 && is_blank_row(w, start, w->index.row_newlines[w->row])))
                continue;
            if (broken || !(lenient || (fields < wanted && r->settings->null_padding) ||
                            (r->settings->drop_last && fields + 1 == wanted))) {
                LEAT_TRY(report_field_count(r, w->row, fields, err));
                continue;
            }
            rows->ragged |= fields < wanted;
        }
        if (__builtin_expect(r->header_pending, 0)) {
            r->header_pending = false;
            continue;
        }
        rows->starts[count] = start;
        rows->firsts[count] = first;
        rows->fields[count] = fields;
        rows->index_rows[count] = (uint32_t)w->row;
        count++;
    }
    rows->count = count;
    rows->data = w->data;
    rows->ends = w->index.ends;
    return LEAT_OK;
}

/* The header is the first row that is not blank, whatever its number of fields. */
static void pass_header(struct csv_reader *r)
{
    struct csv_window *w = &r->window;

    while (w->row < w->index.row_count && r->header_pending) {
        uint32_t first = w->row ? w->index.row_totals[w->row - 1] : 0;
        uint32_t fields = w->index.row_totals[w->row] - first;
        uint32_t start = csv_window_row_start(w, w->row);
        bool blank =
            fields == 0 || (fields == 1 && is_blank_row(w, start, w->index.row_newlines[w->row]));
        r->header_pending = blank;
        w->row++;
    }
}

/* Where the rows start in the text. */
static enum leat_status give_offsets(struct csv_reader *r, struct leat_vector *out,
                                     struct leat_error *err)
{
    const struct csv_rows *rows = &r->rows;
    int64_t *offsets = leat_arena_alloc_aligned(&r->scratch, rows->count * sizeof(*offsets) + 8);

    if (!offsets)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < rows->count; i++)
        offsets[i] =
            (int64_t)(r->window.offset + csv_window_row_start(&r->window, rows->index_rows[i]));
    *out = (struct leat_vector){.type = leat_type_get(LEAT_INT64),
                                .form = LEAT_FLAT,
                                .length = rows->count,
                                .data = offsets};
    return LEAT_OK;
}

static enum leat_status convert_columns(struct csv_reader *r, struct leat_error *err)
{
    struct csv_rows *rows = &r->rows;

    rows->bad_count = 0;
    memset(rows->bad_columns, 0xff, rows->count * sizeof(uint32_t));
    for (uint32_t i = 0; i < r->column_count; i++)
        if (r->columns[i].from >= 0)
            LEAT_TRY(
                csv_convert(r->settings, rows, &r->columns[i], &r->scratch, &r->vectors[i], err));
        else if (r->columns[i].from == CSV_FROM_OFFSET)
            LEAT_TRY(give_offsets(r, &r->vectors[i], err));
        else
            r->vectors[i].length = rows->count;
    return LEAT_OK;
}

/* Reports the rows that failed and takes them out; the rest is converted again. */
static enum leat_status remove_bad_rows(struct csv_reader *r, struct leat_error *err)
{
    struct csv_rows *rows = &r->rows;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < rows->count; i++) {
        if (rows->bad_columns[i] != UINT32_MAX) {
            LEAT_TRY(report_value(r, i, err));
            continue;
        }
        rows->starts[kept] = rows->starts[i];
        rows->firsts[kept] = rows->firsts[i];
        rows->fields[kept] = rows->fields[i];
        rows->index_rows[kept] = rows->index_rows[i];
        kept++;
    }
    rows->count = kept;
    leat_arena_reset(&r->scratch);
    return convert_columns(r, err);
}

static enum leat_status reader_next(struct leat_reader *base, struct leat_batch **out,
                                    struct leat_error *err)
{
    struct csv_reader *r = (struct csv_reader *)base;
    struct csv_window *w = &r->window;

    *out = NULL;
    for (;;) {
        if (leat_cancel_requested(r->cancel))
            return leat_error_set(err, LEAT_E_CANCELLED, "cancelled");
        if (r->rows_left == 0)
            return LEAT_OK;
        if (w->row == w->index.row_count) {
            LEAT_TRY(csv_window_fill(w, err));
            if (w->index.row_count == 0)
                return LEAT_OK;
            r->rows.check_utf8 = memchr(w->data, 0, w->length) ||
                                 (w->index.non_ascii && !leat_utf8_valid(w->data, w->length));
            if (r->header_pending)
                pass_header(r);
        }
        leat_arena_reset(&r->scratch);
        LEAT_TRY(take_rows(r, err));
        if (r->rows.count == 0)
            continue;
        LEAT_TRY(convert_columns(r, err));
        if (r->rows.bad_count)
            LEAT_TRY(remove_bad_rows(r, err));
        if (r->rows.count == 0)
            continue;
        if (r->rows_left != UINT64_MAX)
            r->rows_left -= r->rows.count;
        r->batch = (struct leat_batch){r->column_count, r->rows.count, r->vectors};
        *out = &r->batch;
        return LEAT_OK;
    }
}

static const struct leat_reader_ops reader_ops = {reader_next, reader_close};

/* --- opening --- */

/* Finds the source's columns among the file's: by the names in its header. */
static enum leat_status map_header(struct csv_reader *r, const struct leat_source_files *files,
                                   int32_t *map, uint32_t schema_columns, struct leat_error *err)
{
    struct csv_window *w = &r->window;
    struct csv_cell *cells;
    uint32_t fields = 0;
    size_t row = 0;

    cells = LEAT_NEW_ARRAY(&r->arena, struct csv_cell, CSV_MAX_FIELDS);
    if (!cells)
        return leat_error_memory(err);
    for (; row < w->index.row_count; row++) {
        LEAT_TRY(csv_window_cells(w, row, &r->arena, cells, CSV_MAX_FIELDS, &fields, err));
        if (fields > 1 || (fields == 1 && cells[0].text.length))
            break;
    }
    if (row == w->index.row_count)
        return LEAT_OK; /* nothing in the file: no rows will come either */
    r->file_columns = fields;
    for (uint32_t i = 0; i < fields; i++) {
        struct leat_text name = cells[i].text;
        int found;
        while (name.length && name.data[0] == ' ') {
            name.data++;
            name.length--;
        }
        while (name.length && name.data[name.length - 1] == ' ')
            name.length--;
        if (name.length == 0) {
            found = i < schema_columns && strncmp(r->schema->fields[i].name, "column", 6) == 0
                        ? (int)i
                        : -1;
            if (i + 1 == fields)
                continue;
        } else {
            found = leat_schema_find(r->schema, name);
        }
        if (found < 0 || (uint32_t)found >= schema_columns) {
            enum leat_status status = leat_error_set(
                err, LEAT_E_CSV_COLUMNS, "%s has a column \"%.*s\" that %s lacks", r->path,
                (int)(name.length < 200 ? name.length : 200), name.data, files->items[0].path);
            leat_error_hint(err, "union_by_name => true takes the columns of all files");
            leat_error_at(err, r->path, csv_window_line(w, csv_window_row_start(w, row)), 1, 0);
            return status;
        }
        if (map[found] < 0)
            map[found] = (int32_t)i;
    }
    for (uint32_t i = 0; i < schema_columns; i++)
        if (map[i] < 0 && !files->union_by_name) {
            enum leat_status status =
                leat_error_set(err, LEAT_E_CSV_COLUMNS, "%s lacks column \"%s\"", r->path,
                               r->schema->fields[i].name);
            leat_error_hint(err, "union_by_name => true fills it with nulls");
            return status;
        }
    return LEAT_OK;
}

static enum leat_status alloc_rows(struct csv_reader *r, struct leat_error *err)
{
    struct csv_rows *rows = &r->rows;
    size_t size = LEAT_BATCH_ROWS * sizeof(uint32_t);

    rows->starts = leat_arena_alloc(&r->arena, size);
    rows->firsts = leat_arena_alloc(&r->arena, size);
    rows->fields = leat_arena_alloc(&r->arena, size);
    rows->index_rows = leat_arena_alloc(&r->arena, size);
    rows->bad_columns = leat_arena_alloc(&r->arena, size);
    rows->bad_codes = leat_arena_alloc(&r->arena, size);
    if (!rows->starts || !rows->firsts || !rows->fields || !rows->index_rows ||
        !rows->bad_columns || !rows->bad_codes)
        return leat_error_memory(err);
    return LEAT_OK;
}

static enum leat_status alloc_columns(struct csv_reader *r, const struct leat_scan *scan,
                                      const int32_t *map, const struct leat_source_files *files,
                                      struct leat_error *err)
{
    uint32_t schema_columns = r->schema->count - leat_source_files_extra(files);

    r->column_count = scan->column_count;
    r->columns = LEAT_NEW_ARRAY(&r->arena, struct csv_column, scan->column_count + 1);
    r->vectors = LEAT_NEW_ARRAY(&r->arena, struct leat_vector, scan->column_count + 1);
    if (!r->columns || !r->vectors)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < scan->column_count; i++) {
        uint32_t at = scan->columns[i];
        struct csv_column *column = &r->columns[i];
        struct leat_value constant = {.type = r->schema->fields[at].type};
        column->type = r->schema->fields[at].type;
        column->from = at < schema_columns && map[at] < (int32_t)r->file_columns ? map[at] : -1;
        if (column->from >= 0) {
            size_t width = leat_type_width(column->type);
            column->validity =
                leat_arena_alloc(&r->arena, leat_validity_words(LEAT_BATCH_ROWS) * 8);
            column->data = leat_arena_alloc_aligned(&r->arena, width * LEAT_BATCH_ROWS + 64);
            if (!column->validity || !column->data)
                return leat_error_memory(err);
            continue;
        }
        if (files->origin && at + 1 == r->schema->count &&
            r->settings->encoding ==
                LEAT_TEXT_UTF8) { /* else bytes of the text are not the file's */
            column->from = CSV_FROM_OFFSET;
            continue;
        }
        if (at >= schema_columns && column->type->id == LEAT_TEXT)
            constant.text = leat_text_of(r->path);
        else
            constant.is_null = true;
        LEAT_TRY(leat_value_to_vector(&constant, 0, &r->arena, &r->vectors[i], err));
    }
    return LEAT_OK;
}

static enum leat_status name_fields(struct csv_reader *r, const int32_t *map,
                                    uint32_t schema_columns, struct leat_error *err)
{
    r->names = LEAT_NEW_ARRAY(&r->arena, const char *, r->file_columns + 1);
    r->types = LEAT_NEW_ARRAY(&r->arena, const struct leat_type *, r->file_columns + 1);
    if (!r->names || !r->types)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < schema_columns; i++)
        if (map[i] >= 0 && (uint32_t)map[i] < r->file_columns) {
            r->names[map[i]] = r->schema->fields[i].name;
            r->types[map[i]] = r->schema->fields[i].type;
        }
    return LEAT_OK;
}

/* Reads the header of files that may differ from the first, and goes to where the split starts. */
static enum leat_status position(struct csv_reader *r, const struct leat_source_files *files,
                                 uint32_t file, int32_t *map, uint32_t schema_columns,
                                 uint64_t start, struct leat_error *err)
{
    bool by_name = r->settings->header && (file > 0 || files->union_by_name);

    r->file_columns = r->settings->file_columns;
    if (start == 0 || by_name)
        LEAT_TRY(csv_window_skip_lines(&r->window, r->settings->skip, err));
    if (by_name) {
        for (uint32_t i = 0; i < schema_columns; i++)
            map[i] = -1;
        LEAT_TRY(csv_window_fill(&r->window, err));
        r->rows.check_utf8 =
            r->window.index.non_ascii && !leat_utf8_valid(r->window.data, r->window.length);
        LEAT_TRY(map_header(r, files, map, schema_columns, err));
        if (start == 0) {
            r->header_pending = true;
            pass_header(r);
            return LEAT_OK;
        }
    }
    r->header_pending = r->settings->header && start == 0;
    if (start) {
        struct csv_window fresh;
        bool rows_only = r->window.index.rows_only;
        size_t maximum = r->window.maximum;
        csv_window_release(&r->window);
        leat_text_stream_seek(&r->stream, start);
        LEAT_TRY(csv_window_init(&fresh, &r->stream, &r->settings->dialect, maximum, rows_only,
                                 r->accountant, err));
        r->window = fresh;
        r->window.origin = start;
    }
    return LEAT_OK;
}

enum leat_status csv_reader_open(struct leat_source *source, const struct csv_settings *settings,
                                 const struct leat_source_files *files,
                                 const struct leat_scan *scan, uint32_t file, uint64_t start,
                                 uint64_t end, const struct leat_read_context *context,
                                 struct leat_reader **out, struct leat_error *err)
{
    struct csv_reader *r = leat_calloc(1, sizeof(*r));
    uint32_t schema_columns = source->schema.count - leat_source_files_extra(files);
    bool rows_only = true;
    enum leat_status status;
    int32_t *map;

    *out = NULL;
    if (!r)
        return leat_error_memory(err);
    r->base.ops = &reader_ops;
    r->settings = settings;
    r->schema = &source->schema;
    r->path = files->items[file].path;
    r->rows_left = scan->limit;
    r->accountant = context ? context->accountant : NULL;
    r->cancel = context ? context->cancel : NULL;
    if (context && settings->on_error != CSV_ERROR_FAIL)
        r->handler = context->bad_rows;
    leat_arena_init(&r->arena, r->accountant);
    leat_arena_init(&r->scratch, r->accountant);
    for (uint32_t i = 0; i < scan->column_count; i++)
        rows_only &= scan->columns[i] >= schema_columns;
    map = LEAT_NEW_ARRAY(&r->arena, int32_t, schema_columns + 1);
    status = map ? LEAT_OK : leat_error_memory(err);
    for (uint32_t i = 0; !status && i < schema_columns; i++)
        map[i] = (int32_t)i;
    if (!status && settings->header && (file > 0 || files->union_by_name))
        rows_only = false; /* the header's fields are needed */
    if (!status)
        status = csv_open_text(&r->stream, &r->window, &files->items[file], settings, rows_only,
                               context, err);
    if (!status && leat_text_stream_is_plain(&r->stream)) {
        uint64_t size = r->stream.input->size, stop = end < size ? end : size;
        struct leat_range range = {start, stop > start ? stop - start : 0};
        leat_input_prefetch(r->stream.input, &range, 1);
    }
    if (!status)
        status = position(r, files, file, map, schema_columns, start, err);
    if (!status) {
        r->window.stop = end;
        if (r->window.index.row_count) /* filled for the header, beyond the end perhaps */
            while (r->window.index.row_count > r->window.row &&
                   r->window.offset +
                           csv_window_row_start(&r->window, r->window.index.row_count - 1) >=
                       end)
                r->window.index.row_count--;
        status = alloc_rows(r, err);
    }
    if (!status)
        status = name_fields(r, map, schema_columns, err);
    if (!status)
        status = alloc_columns(r, scan, map, files, err);
    if (status)
        reader_close(&r->base);
    else
        *out = &r->base;
    return status;
}
