/*
 * What a file tells about itself. The dialect is the one under which most rows of the first piece
 * have the same number of fields, more than one; quoting and escaping variants are tried only where
 * the sample gives reason. Types: each column starts as anything and every sampled value strikes
 * out what it cannot be. Leading zeros and plus signs make a code, not a number.
 */
#include "formats/csv/csv_internal.h"
#include "base/utf8.h"

enum { /* what a column may still be */
       MAY_BOOLEAN = 1,
       MAY_BIGINT = 2,
       MAY_DOUBLE = 4,
       MAY_DATE = 8,
       MAY_TIME = 16,
       MAY_TIMESTAMP = 32,
       MAY_TIMESTAMPTZ = 64,
       MAY_ALL = 127
};

enum leat_status csv_open_text(struct leat_text_stream *stream, struct csv_window *window,
                               const struct leat_source_file *file,
                               const struct csv_settings *settings, bool rows_only,
                               const struct leat_read_context *context, struct leat_error *err)
{
    enum leat_status status;

    LEAT_TRY(leat_text_stream_open(stream, file, settings->compression, settings->encoding,
                                   context ? context->bytes_read : NULL, err));
    status = csv_window_init(window, stream, &settings->dialect, settings->max_row, rows_only,
                             context ? context->accountant : NULL, err);
    if (status)
        leat_text_stream_close(stream);
    return status;
}

/* --- dialect --- */

struct shape {
    double consistent; /* part of the rows that have the commonest number of fields */
    uint32_t fields;
};

#define SHAPE_ROWS 1000u

static enum leat_status measure(const struct csv_dialect *dialect, const uint8_t *data,
                                size_t length, bool whole, struct shape *out,
                                struct leat_error *err)
{
    uint32_t counts[32] = {0}, kinds[32] = {0}, known = 0, rows = 0, best = 0, before = 0,
             start = 0;
    enum csv_state state = CSV_ROW_START;
    struct csv_index index = {.rows_only = true, .row_capacity = 4096};

    *out = (struct shape){0, 0};
    index.row_totals = leat_malloc(4096 * 2 * sizeof(uint32_t));
    if (!index.row_totals)
        return leat_error_memory(err);
    index.row_newlines = index.row_totals + 4096;
    whole &= csv_scan(dialect, data, 0, length, whole, &state, &index) == length;
    if (whole && state != CSV_ROW_START) {
        index.end_count++;
        index.row_totals[index.row_count] = (uint32_t)index.end_count;
        index.row_newlines[index.row_count++] = (uint32_t)length;
    }
    for (size_t row = 0; row < index.row_count && rows < SHAPE_ROWS; row++) {
        uint32_t fields = index.row_totals[row] - before;
        uint32_t end = index.row_newlines[row];
        bool blank = fields == 0 || (fields == 1 && end - start <= 1);
        before = index.row_totals[row];
        start = end + 1;
        if (blank)
            continue;
        rows++;
        for (uint32_t i = 0; i < 32; i++) {
            if (i == known) {
                kinds[i] = fields;
                known++;
            }
            if (kinds[i] == fields) {
                counts[i]++;
                break;
            }
        }
    }
    leat_free(index.row_totals);
    for (uint32_t i = 1; i < known; i++)
        if (counts[i] > counts[best])
            best = i;
    if (rows) {
        out->consistent = (double)counts[best] / rows;
        out->fields = kinds[best];
        if (state == CSV_QUOTED && whole)
            out->consistent *= 0.5; /* a quote is left open */
    }
    return LEAT_OK;
}

static bool better(const struct shape *a, const struct shape *b)
{
    if ((a->fields > 1) != (b->fields > 1))
        return a->fields > 1 && a->consistent >= 0.6;
    if (a->consistent > b->consistent + 0.02)
        return true;
    return a->consistent > b->consistent - 0.02 && a->fields > b->fields;
}

static enum leat_status choose_dialect(const struct csv_detect *detect, const uint8_t *data,
                                       size_t length, bool whole, struct csv_dialect *dialect,
                                       struct leat_error *err)
{
    static const char delimiters[] = ",\t;|";
    struct csv_dialect best = *dialect;
    struct shape best_shape, shape;

    LEAT_TRY(measure(&best, data, length, whole, &best_shape, err));
    if (detect->delimiter) {
        for (size_t i = 0; delimiters[i]; i++) {
            struct csv_dialect candidate = *dialect;
            candidate.delimiter[0] = delimiters[i];
            LEAT_TRY(measure(&candidate, data, length, whole, &shape, err));
            if (better(&shape, &best_shape)) {
                best = candidate;
                best_shape = shape;
            }
        }
    }
    if (detect->escape && best.quote && memmem(data, length, "\\\"", 2)) {
        struct csv_dialect candidate = best;
        candidate.escape = '\\';
        LEAT_TRY(measure(&candidate, data, length, whole, &shape, err));
        if (shape.consistent > best_shape.consistent + 0.0001) {
            best = candidate;
            best_shape = shape;
        }
    }
    if (detect->quote && best_shape.consistent < 0.9 && memchr(data, '"', length)) {
        struct csv_dialect candidate = best;
        candidate.quote = candidate.escape = 0;
        LEAT_TRY(measure(&candidate, data, length, whole, &shape, err));
        if (shape.consistent > best_shape.consistent + 0.1)
            best = candidate;
    }
    *dialect = best;
    return LEAT_OK;
}

enum leat_status csv_detect_dialect(const struct leat_source_file *file,
                                    const struct csv_detect *detect, struct csv_settings *settings,
                                    struct leat_error *err)
{
    struct leat_text_stream stream;
    struct csv_window window;
    enum leat_status status;

    LEAT_TRY(csv_open_text(&stream, &window, file, settings, true, NULL, err));
    status = csv_window_skip_lines(&window, settings->skip, err);
    if (!status)
        status = csv_window_fill(&window, err);
    if (!status && window.length && memchr(window.data, 0, window.length)) {
        status = leat_error_set(err, LEAT_E_CSV_NOT_TEXT, "%s is not a text file", file->path);
        leat_error_hint(err, "it holds zero bytes; is it Parquet, Avro or an archive?");
    }
    if (!status && window.length)
        status = choose_dialect(detect, window.data, window.length, window.at_end,
                                &settings->dialect, err);
    csv_window_release(&window);
    leat_text_stream_close(&stream);
    return status;
}

/* --- types --- */

static unsigned classify_number(const char *text, size_t length)
{
    size_t at = text[0] == '-', digits = 0, significant;
    int64_t whole;
    double real;

    while (at + digits < length && (unsigned)(text[at + digits] - '0') < 10)
        digits++;
    if (digits > 1 && text[at] == '0')
        return 0; /* a code such as 00501 */
    significant = digits;
    if (at + digits == length) {
        if (leat_parse_int64(text, length, &whole))
            return MAY_BIGINT | MAY_DOUBLE;
        return 0; /* too long for an integer: a code */
    }
    if (significant == 0 && text[at] != '.') { /* words such as nan and inf */
        return leat_parse_double(text, length, &real) ? MAY_DOUBLE : 0;
    }
    return leat_parse_double(text, length, &real) ? MAY_DOUBLE : 0;
}

static unsigned classify_moment(const struct csv_settings *settings, struct leat_text text)
{
    unsigned set = 0;
    int64_t moment;
    int32_t days;
    bool zone;

    if (settings->date_format) {
        if (leat_time_format_parse(settings->date_format, text.data, text.length, &moment, &zone))
            set |= MAY_DATE;
    } else if (leat_parse_date(text.data, text.length, &days)) {
        set |= MAY_DATE;
    }
    if (settings->timestamp_format) {
        if (leat_time_format_parse(settings->timestamp_format, text.data, text.length, &moment,
                                   &zone))
            set |= zone ? MAY_TIMESTAMPTZ : MAY_TIMESTAMP;
    } else if (leat_parse_timestamp(text.data, text.length, &moment, &zone)) {
        set |= zone ? MAY_TIMESTAMPTZ : MAY_TIMESTAMP;
    }
    if (leat_parse_time(text.data, text.length, &moment))
        set |= MAY_TIME;
    return set;
}

static unsigned classify(const struct csv_settings *settings, struct leat_text text)
{
    char c;
    bool flag;

    while (text.length && text.data[0] == ' ') {
        text.data++;
        text.length--;
    }
    while (text.length && text.data[text.length - 1] == ' ')
        text.length--;
    if (text.length == 0)
        return MAY_ALL;
    c = text.data[0];
    if ((text.length == 4 || text.length == 5) && (c == 't' || c == 'f' || c == 'T' || c == 'F') &&
        leat_parse_boolean(text.data, text.length, &flag))
        return MAY_BOOLEAN;
    if ((unsigned)(c - '0') < 10 || c == '-' || c == '.' || (c | 0x20) == 'i' ||
        (c | 0x20) == 'n') {
        unsigned set = classify_number(text.data, text.length);
        if (set && !((settings->date_format || settings->timestamp_format)))
            return set;
        return set | classify_moment(settings, text);
    }
    return settings->date_format || settings->timestamp_format ? classify_moment(settings, text)
                                                               : 0;
}

static enum leat_type_id type_of(unsigned may, bool seen)
{
    if (!seen)
        return LEAT_TEXT;
    if (may & MAY_BOOLEAN)
        return LEAT_BOOLEAN;
    if ((may & MAY_DATE) && (may & MAY_BIGINT))
        return LEAT_DATE; /* only with a dateformat such as %Y%m%d */
    if (may & MAY_BIGINT)
        return LEAT_INT64;
    if (may & MAY_DOUBLE)
        return LEAT_DOUBLE;
    if (may & MAY_DATE)
        return LEAT_DATE;
    if (may & MAY_TIME)
        return LEAT_TIME;
    if (may & MAY_TIMESTAMP)
        return LEAT_TIMESTAMP;
    return may & MAY_TIMESTAMPTZ ? LEAT_TIMESTAMPTZ : LEAT_TEXT;
}

struct column_guess {
    uint8_t may;       /* of all rows but the first */
    uint8_t first_may; /* of the first row */
    bool seen;
    bool first_seen;
    bool filled; /* some row but the first has text here */
};

struct inference {
    const struct csv_settings *settings;
    const struct csv_detect *detect;
    struct leat_arena *scratch;
    struct csv_cell *cells;
    struct column_guess *columns;
    uint32_t capacity;       /* of cells and columns */
    struct csv_cell *header; /* the first row, copied */
    uint32_t header_count;
    uint32_t fields; /* of most rows */
    uint64_t rows;
};

static void look_at_row(struct inference *in, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct column_guess *column = &in->columns[i];
        struct leat_text text = in->cells[i].text;
        column->filled |= text.length != 0;
        if (column->may == 0)
            continue;
        if (text.length && (unsigned)(text.data[0] - '1') < 9 && column->seen &&
            !(column->may & ~(unsigned)(MAY_BIGINT | MAY_DOUBLE)) && !in->settings->own_nulls) {
            int64_t ignored; /* the usual case, in short */
            if (leat_parse_int64(text.data, text.length, &ignored))
                continue;
        }
        if (csv_is_null_word(in->settings, text, false))
            continue;
        column->may &= (uint8_t)classify(in->settings, text);
        column->seen = true;
    }
}

static enum leat_status keep_header(struct inference *in, uint32_t count, struct leat_arena *arena,
                                    struct leat_error *err)
{
    in->header = LEAT_NEW_ARRAY(arena, struct csv_cell, count + 1);
    in->header_count = count;
    if (!in->header)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        struct leat_text text = in->cells[i].text;
        in->header[i].quoted = in->cells[i].quoted;
        in->header[i].text =
            (struct leat_text){leat_arena_copy(arena, text.data, text.length), text.length};
        if (!in->header[i].text.data)
            return leat_error_memory(err);
        if (csv_is_null_word(in->settings, text, false))
            continue;
        in->columns[i].first_may = (uint8_t)classify(in->settings, text);
        in->columns[i].first_seen = true;
    }
    return LEAT_OK;
}

/* Makes room for the longest row of the window. */
static enum leat_status reserve_columns(struct inference *in, const struct csv_index *index,
                                        struct leat_error *err)
{
    uint32_t most = 0, before = 0;
    void *block;

    for (size_t row = 0; row < index->row_count; row++) {
        uint32_t fields = index->row_totals[row] - before;
        before = index->row_totals[row];
        most = fields > most ? fields : most;
    }
    most = most < CSV_MAX_FIELDS ? most : CSV_MAX_FIELDS;
    if (most <= in->capacity)
        return LEAT_OK;
    block = leat_realloc(in->cells, most * sizeof(*in->cells));
    if (!block)
        return leat_error_memory(err);
    in->cells = block;
    block = leat_realloc(in->columns, most * sizeof(*in->columns));
    if (!block)
        return leat_error_memory(err);
    in->columns = block;
    for (uint32_t i = in->capacity; i < most; i++)
        in->columns[i] = (struct column_guess){.may = MAY_ALL, .first_may = MAY_ALL};
    in->capacity = most;
    return LEAT_OK;
}

/* The commonest number of fields in the window, leaving out the first row where there are more. */
static uint32_t common_fields(const struct csv_window *window)
{
    const struct csv_index *index = &window->index;
    uint32_t kinds[16] = {0}, counts[16] = {0}, known = 0, best = 0;
    size_t taken = 0;

    for (size_t row = 0; row < index->row_count && taken < SHAPE_ROWS; row++) {
        uint32_t fields = index->row_totals[row] - (row ? index->row_totals[row - 1] : 0);
        uint32_t start = csv_window_row_start(window, row);
        uint32_t length = index->row_newlines[row] - start;
        if (fields == 0 ||
            (fields == 1 && (length == 0 || (length == 1 && window->data[start] == '\r'))))
            continue;
        if (taken++ == 0 && row + 1 < index->row_count) {
            kinds[0] = fields; /* counts only if nothing else does */
            known = 1;
            continue;
        }
        for (uint32_t i = 0; i < 16; i++) {
            if (i == known) {
                kinds[i] = fields;
                known++;
            }
            if (kinds[i] == fields) {
                counts[i]++;
                break;
            }
        }
    }
    for (uint32_t i = 1; i < known; i++)
        if (counts[i] > counts[best])
            best = i;
    return kinds[best] < CSV_MAX_FIELDS ? kinds[best] : CSV_MAX_FIELDS;
}

static enum leat_status look_at_rows(struct inference *in, struct csv_window *window,
                                     struct leat_arena *arena, struct leat_error *err)
{
    while (in->rows <= in->detect->sample_rows) {
        LEAT_TRY(csv_window_fill(window, err));
        if (window->index.row_count == 0)
            return LEAT_OK;
        if (in->fields == 0)
            in->fields = common_fields(window);
        LEAT_TRY(reserve_columns(in, &window->index, err));
        for (size_t row = 0; row < window->index.row_count && in->rows <= in->detect->sample_rows;
             row++) {
            uint32_t count;
            leat_arena_reset(in->scratch);
            LEAT_TRY(
                csv_window_cells(window, row, in->scratch, in->cells, in->capacity, &count, err));
            if (count == 0 || (count == 1 && in->cells[0].text.length == 0 && in->fields > 1))
                continue;
            if (in->rows++ == 0)
                LEAT_TRY(keep_header(in, count, arena, err));
            else if (count == in->fields)
                look_at_row(in, count);
        }
    }
    return LEAT_OK;
}

#define FURTHER_PLACES 4u
#define FURTHER_ROWS   512u

/* Types may change far behind the first rows: looks at some rows in other places of a large file.
 * A place that holds quotes is left out, since a row's start cannot be told there. */
static enum leat_status look_further(struct inference *in, struct leat_text_stream *stream,
                                     struct csv_window *window, struct leat_error *err)
{
    uint64_t size = stream->input->size, read = window->offset + window->length;
    const struct csv_dialect *dialect = &in->settings->dialect;

    if (!leat_text_stream_is_plain(stream) || size < read + ((uint64_t)1 << 20) ||
        dialect->comment || in->detect->sample_rows < FURTHER_ROWS)
        return LEAT_OK;
    for (uint64_t place = 1; place <= FURTHER_PLACES; place++) {
        uint64_t offset = read + (size - read) / FURTHER_PLACES * place;
        size_t taken = 0;
        csv_window_release(window);
        leat_text_stream_seek(stream, offset < size - 65536 ? offset : size - 65536);
        LEAT_TRY(csv_window_init(window, stream, dialect, in->settings->max_row, false, NULL, err));
        LEAT_TRY(csv_window_skip_lines(window, 1, err));
        LEAT_TRY(csv_window_fill(window, err));
        if (dialect->quote && memchr(window->data, dialect->quote, window->length))
            continue;
        LEAT_TRY(reserve_columns(in, &window->index, err));
        for (size_t row = 0; row < window->index.row_count && taken < FURTHER_ROWS; row++) {
            uint32_t count;
            LEAT_TRY(
                csv_window_cells(window, row, in->scratch, in->cells, in->capacity, &count, err));
            if (count == in->fields) {
                look_at_row(in, count);
                taken++;
            }
        }
    }
    return LEAT_OK;
}

/* A header if every cell is a name: text where a number could not be, and not empty. */
static bool looks_like_header(const struct inference *in)
{
    for (uint32_t i = 0; i < in->header_count; i++) {
        const struct column_guess *column = &in->columns[i];
        bool last = i + 1 == in->header_count && i > 0;
        if (!column->first_seen && !last && in->header[i].text.length == 0 && i > 0)
            return false;
        if (column->first_seen && column->first_may != 0 &&
            !(in->rows > 1 && column->seen && column->may == 0))
            return false;
    }
    return true;
}

static const char *column_name(struct inference *in, uint32_t i, bool header,
                               const struct leat_field *before, struct leat_arena *arena)
{
    struct leat_text text = {NULL, 0};
    const char *name;
    unsigned copy = 0;

    if (header && i < in->header_count)
        text = in->header[i].text;
    while (text.length && text.data[0] == ' ') {
        text.data++;
        text.length--;
    }
    while (text.length && text.data[text.length - 1] == ' ')
        text.length--;
    name = text.length ? leat_arena_copy(arena, text.data, text.length)
                       : leat_arena_printf(arena, "column%u", i + 1);
    for (uint32_t k = 0; name && k < i; k++) /* a name used before gets a number */
        if (strcmp(before[k].name, name) == 0) {
            name = leat_arena_printf(arena, "%.*s_%u", (int)text.length, text.data, ++copy);
            k = UINT32_MAX; /* look again from the start */
        }
    return name;
}

static enum leat_status make_schema(struct inference *in, bool decide,
                                    struct csv_settings *settings, const char *path,
                                    struct leat_arena *arena, struct leat_schema *out,
                                    struct leat_error *err)
{
    uint32_t count = in->fields > in->header_count ? in->fields : in->header_count;
    bool drop;

    if (decide) {
        settings->header = in->detect->header ? looks_like_header(in) : settings->header;
        if (!settings->header)
            count = in->fields;
        /* Rows that end with a delimiter have an empty last field without a name. */
        drop = count > 1 && in->rows > 1 && !in->columns[count - 1].filled &&
               (in->header_count < count || in->header[count - 1].text.length == 0);
        settings->drop_last = drop;
        settings->file_columns = count;
    } else if (settings->drop_last && count == settings->file_columns) {
        drop = true;
    } else {
        drop = false;
    }
    count -= drop;
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, count + 1);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        struct column_guess *column = &in->columns[i];
        struct leat_field *field = &out->fields[i];
        unsigned may = column->may;
        bool seen = column->seen;
        if (!settings->header && column->first_seen) {
            may &= column->first_may;
            seen = true;
        }
        field->type = leat_type_get(in->detect->all_text ? LEAT_TEXT : type_of(may, seen));
        field->name = column_name(in, i, settings->header, out->fields, arena);
        if (!field->name)
            return leat_error_memory(err);
        if (!leat_utf8_valid(field->name, strlen(field->name))) {
            enum leat_status status = leat_error_set(
                err, LEAT_E_CSV_UTF8, "%s: the name of column %u is not valid UTF-8", path, i + 1);
            leat_error_hint(err, "encoding => 'latin-1' or 'windows-1252'");
            return status;
        }
    }
    out->count = count;
    return LEAT_OK;
}

enum leat_status csv_infer_schema(const struct leat_source_file *file,
                                  const struct csv_detect *detect, bool decide_header,
                                  struct csv_settings *settings, struct leat_arena *arena,
                                  struct leat_schema *out, struct leat_error *err)
{
    struct leat_text_stream stream;
    struct csv_window window;
    struct leat_arena scratch;
    struct inference in = {.settings = settings, .detect = detect, .scratch = &scratch};
    enum leat_status status;

    *out = (struct leat_schema){0, NULL};
    LEAT_TRY(csv_open_text(&stream, &window, file, settings, false, NULL, err));
    leat_arena_init(&scratch, NULL);
    status = csv_window_skip_lines(&window, settings->skip, err);
    if (!status)
        status = look_at_rows(&in, &window, arena, err);
    if (!status && in.rows) {
        settings->row_bytes = (window.offset + window.length) / in.rows + 1;
        if (decide_header)
            status = look_further(&in, &stream, &window, err);
    }
    if (!status && in.rows)
        status = make_schema(&in, decide_header, settings, file->path, arena, out, err);
    leat_free(in.cells);
    leat_free(in.columns);
    leat_arena_release(&scratch);
    csv_window_release(&window);
    leat_text_stream_close(&stream);
    return status;
}
