/*
 * A window slides over the text and always starts at a row. Filling it moves the unfinished row to
 * the front, reads behind it, and scans again from there; so the scanner's state is only ever that
 * of a row's start, and positions stay small. The window doubles while a row does not fit, up to
 * the longest row allowed.
 */
#include "formats/csv/csv_internal.h"

#define WINDOW_BYTES ((size_t)256 << 10)
#define INDEX_ENDS   ((size_t)64 << 10)
#define INDEX_ROWS   ((size_t)16 << 10)

static enum leat_status grow_data(struct csv_window *window, size_t capacity,
                                  struct leat_error *err)
{
    uint8_t *data;

    if (!leat_accountant_charge(window->accountant, capacity - window->capacity))
        return leat_error_set(err, LEAT_E_MEMORY_LIMIT,
                              "no memory for a row of more than %zu bytes of %s", window->capacity,
                              window->stream->input->path);
    data = leat_realloc(window->data, capacity + CSV_PADDING);
    if (!data) {
        leat_accountant_release(window->accountant, capacity - window->capacity);
        return leat_error_memory(err);
    }
    window->data = data;
    window->capacity = capacity;
    return LEAT_OK;
}

static enum leat_status grow_index(struct csv_window *window, size_t ends, size_t rows,
                                   struct leat_error *err)
{
    struct csv_index *index = &window->index;
    void *block;

    if (!leat_accountant_charge(window->accountant, (ends - index->end_capacity) * 4))
        return leat_error_set(err, LEAT_E_MEMORY_LIMIT, "no memory for a row of %zu fields", ends);
    block = leat_realloc(index->ends, ends * sizeof(uint32_t));
    if (!block) {
        leat_accountant_release(window->accountant, (ends - index->end_capacity) * 4);
        return leat_error_memory(err);
    }
    index->ends = block;
    index->end_capacity = ends;
    block = leat_realloc(index->row_totals, rows * sizeof(uint32_t));
    if (!block)
        return leat_error_memory(err);
    index->row_totals = block;
    block = leat_realloc(index->row_newlines, rows * sizeof(uint32_t));
    if (!block)
        return leat_error_memory(err);
    index->row_newlines = block;
    index->row_capacity = rows;
    return LEAT_OK;
}

enum leat_status csv_window_init(struct csv_window *window, struct leat_text_stream *stream,
                                 const struct csv_dialect *dialect, size_t maximum, bool rows_only,
                                 struct leat_accountant *accountant, struct leat_error *err)
{
    uint64_t left = stream->input->size - stream->position;
    size_t capacity = WINDOW_BYTES, ends = INDEX_ENDS, rows = INDEX_ROWS;
    enum leat_status status;

    if (leat_text_stream_is_plain(stream) && stream->position <= stream->input->size &&
        left + 128 < WINDOW_BYTES) { /* small files take little memory */
        capacity = (size_t)left + 128;
        ends = capacity + 256 < ends ? capacity + 256 : ends;
        rows = capacity + 256 < rows ? capacity + 256 : rows;
    }

    memset(window, 0, sizeof(*window));
    window->stream = stream;
    window->dialect = dialect;
    window->accountant = accountant;
    window->maximum = maximum;
    window->stop = UINT64_MAX;
    window->line = 1;
    window->offset = stream->position;
    window->index.rows_only = rows_only;
    status = grow_data(window, capacity, err);
    if (!status)
        status = grow_index(window, rows_only ? 256 : ends, rows, err);
    if (status)
        csv_window_release(window);
    return status;
}

void csv_window_release(struct csv_window *window)
{
    leat_accountant_release(window->accountant, window->capacity + window->index.end_capacity * 4);
    leat_free(window->data);
    leat_free(window->index.ends);
    leat_free(window->index.row_totals);
    leat_free(window->index.row_newlines);
    memset(window, 0, sizeof(*window));
}

static uint64_t count_lines(const uint8_t *data, size_t length)
{
    uint64_t lines = 0;

    for (size_t at = 0; at < length;) { /* in pieces whose count fits a byte: it vectorises */
        size_t stop = length - at < 255 ? length : at + 255;
        uint8_t feeds = 0;
        for (; at < stop; at++)
            feeds = (uint8_t)(feeds + (data[at] == '\n'));
        lines += feeds;
    }
    if (memchr(data, '\r', length)) {
        for (size_t i = 0; i < length; i++)
            lines += data[i] == '\r' && data[i + 1] != '\n';
    }
    return lines;
}

uint64_t csv_window_line(struct csv_window *window, size_t position)
{
    if (window->origin) {
        window->line += leat_text_stream_lines(window->stream, window->origin, true);
        window->origin = 0;
    }
    return window->line + count_lines(window->data, position);
}

/* Drops the rows already taken from the front. */
static void compact(struct csv_window *window)
{
    size_t done = window->next;

    if (window->index.row_count)
        done = window->index.row_newlines[window->index.row_count - 1] + 1;
    if (done > window->length)
        done = window->length; /* the last row had no newline */
    if (done) {
        if (window->scanned >= done) /* the scan has counted; little lies behind the last row */
            window->line +=
                window->index.lines - count_lines(window->data + done, window->scanned - done);
        else
            window->line += count_lines(window->data, done);
        memmove(window->data, window->data + done, window->length - done);
        window->offset += done;
        window->length -= done;
    }
    window->next = 0;
    window->row = 0;
    window->index.row_count = 0;
    window->index.end_count = 0;
    window->index.non_ascii = false;
    window->scanned = 0;
    window->unterminated = false;
}

static enum leat_status read_more(struct csv_window *window, struct leat_error *err)
{
    bool plain = leat_text_stream_is_plain(window->stream);

    while (!window->at_end && window->length + 64 <= window->capacity) {
        size_t room = window->capacity - window->length, got;
        if (plain && window->stop != UINT64_MAX) { /* not far beyond our range */
            uint64_t wanted =
                (window->stop > window->stream->position ? window->stop - window->stream->position
                                                         : 0) +
                ((uint64_t)64 << 10);
            if (wanted < room)
                room = (size_t)wanted;
        }
        LEAT_TRY(
            leat_text_stream_read(window->stream, window->data + window->length, room, &got, err));
        window->at_end = got == 0;
        window->length += got;
        if (plain && got)
            break;
    }
    memset(window->data + window->length, 0, CSV_PADDING);
    return LEAT_OK;
}

/* The last row of the text may lack a newline. */
static void finish_last_row(struct csv_window *window, enum csv_state state)
{
    struct csv_index *index = &window->index;

    if (state == CSV_ROW_START)
        return;
    if (state != CSV_COMMENT) {
        if (!index->rows_only)
            index->ends[index->end_count] = (uint32_t)window->length;
        index->end_count++;
    }
    index->row_totals[index->row_count] = (uint32_t)index->end_count;
    index->row_newlines[index->row_count++] = (uint32_t)window->length;
    window->unterminated = state == CSV_QUOTED || state == CSV_ESCAPED;
}

/* Rows that start at or behind `stop` are not ours. */
static void cut_at_stop(struct csv_window *window)
{
    struct csv_index *index = &window->index;

    if (window->offset + window->length <= window->stop)
        return;
    while (index->row_count &&
           window->offset + csv_window_row_start(window, index->row_count - 1) >= window->stop) {
        index->row_count--;
        window->unterminated = false;
    }
}

static enum leat_status too_long(struct csv_window *window, struct leat_error *err)
{
    uint64_t line = csv_window_line(window, 0);
    enum leat_status status = leat_error_set(
        err, LEAT_E_CSV_ROW_TOO_LONG, "%s: the row at line %llu is longer than %zu bytes",
        window->stream->input->path, (unsigned long long)line, window->maximum);

    leat_error_hint(err, "is a quote never closed? else raise max_row_size");
    leat_error_at(err, window->stream->input->path, line, 1, window->offset);
    return status;
}

enum leat_status csv_window_fill(struct csv_window *window, struct leat_error *err)
{
    struct csv_index *index = &window->index;

    compact(window);
    for (;;) {
        enum csv_state state = CSV_ROW_START;
        size_t reached;
        if (window->offset >= window->stop)
            return LEAT_OK;
        LEAT_TRY(read_more(window, err));
        if (window->length == 0)
            return LEAT_OK;
        index->row_count = 0;
        index->end_count = 0;
        index->non_ascii = false;
        index->lines = 0;
        reached = csv_scan(window->dialect, window->data, 0, window->length, window->at_end, &state,
                           index);
        window->scanned = reached;
        if (window->at_end && reached == window->length)
            finish_last_row(window, state);
        if (index->row_count) {
            cut_at_stop(window);
            return LEAT_OK;
        }
        if (reached < window->length && index->end_capacity - index->end_count < 128) {
            LEAT_TRY(grow_index(window, index->end_capacity * 2, index->row_capacity, err));
            continue;
        }
        if (window->length + 64 <= window->capacity)
            continue; /* there is room to read more */
        if (window->capacity >= window->maximum)
            return too_long(window, err);
        LEAT_TRY(grow_data(window,
                           window->capacity * 2 < window->maximum + WINDOW_BYTES
                               ? window->capacity * 2
                               : window->maximum + WINDOW_BYTES,
                           err));
    }
}

enum leat_status csv_window_skip_lines(struct csv_window *window, uint64_t count,
                                       struct leat_error *err)
{
    while (count) {
        const uint8_t *feed;
        LEAT_TRY(read_more(window, err));
        if (window->length == 0)
            return LEAT_OK;
        feed = memchr(window->data, '\n', window->length);
        window->next = feed ? (size_t)(feed - window->data) + 1 : window->length;
        count -= feed != NULL;
        compact(window);
    }
    return LEAT_OK;
}

bool csv_unquote(const struct csv_dialect *dialect, struct leat_text raw, struct leat_arena *arena,
                 struct leat_text *out, bool *memory)
{
    const char *data = raw.data + 1;
    size_t length, at = 0, end = 0;
    char *copy;

    *memory = false;
    if (raw.length < 2 || raw.data[raw.length - 1] != dialect->quote)
        return false;
    length = raw.length - 2;
    *out = (struct leat_text){data, length};
    if (!memchr(data, dialect->quote, length) &&
        (dialect->escape == dialect->quote || !dialect->escape ||
         !memchr(data, dialect->escape, length)))
        return true;
    copy = leat_arena_alloc(arena, length);
    if (!copy) {
        *memory = true;
        return false;
    }
    while (at < length) {
        char c = data[at++];
        if (dialect->escape && c == dialect->escape) {
            if (at == length)
                return false; /* the closing quote was escaped, or a quote stands alone */
            if (data[at] == dialect->quote || data[at] == dialect->escape)
                c = data[at++];
            else if (dialect->escape == dialect->quote)
                return false;
        } else if (c == dialect->quote) {
            return false;
        }
        copy[end++] = c;
    }
    *out = (struct leat_text){copy, end};
    return true;
}

enum leat_status csv_window_cells(const struct csv_window *window, size_t row,
                                  struct leat_arena *arena, struct csv_cell *cells,
                                  uint32_t maximum, uint32_t *count, struct leat_error *err)
{
    const struct csv_index *index = &window->index;
    uint32_t first = row ? index->row_totals[row - 1] : 0;
    uint32_t fields = index->row_totals[row] - first;
    uint32_t start = csv_window_row_start(window, row);

    *count = fields < maximum ? fields : maximum;
    for (uint32_t i = 0; i < *count; i++) {
        uint32_t end = index->ends[first + i];
        struct leat_text raw;
        bool memory = false;
        uint32_t next = end + window->dialect->delimiter_length;
        if (i + 1 == fields && end > start && window->data[end] == '\n' &&
            window->data[end - 1] == '\r')
            end--;
        raw = (struct leat_text){(const char *)window->data + start, end - start};
        cells[i] = (struct csv_cell){raw, false};
        if (raw.length && window->dialect->quote && raw.data[0] == window->dialect->quote) {
            cells[i].quoted = true;
            if (!csv_unquote(window->dialect, raw, arena, &cells[i].text, &memory)) {
                if (memory)
                    return leat_error_memory(err);
                cells[i].text = raw;
            }
        }
        start = next;
    }
    return LEAT_OK;
}
