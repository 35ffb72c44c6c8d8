/*
 * Cutting a file into ranges of records. A line feed inside quotes is no end of a record, so
 * whether one is depends on all quotes before it. The file is cut behind line feeds, about where
 * the ranges should end; each piece is then scanned, on all cores, once as if it began outside
 * quotes and once as if inside; the first piece's true state is known, and so, one after the other,
 * are all the others'. Pieces without quotes, the usual case, need no scan at all. The number of
 * lines is counted on the way, so that every error can name its line.
 */
#include "formats/csv/csv_internal.h"

#define PIECE_BYTES ((uint64_t)256 << 10)
#define LEAST_SPLIT ((uint64_t)4 << 20)

struct piece {
    uint64_t start; /* behind a line feed, or the file's start; UINT64_MAX: none lies here */
    uint64_t lines;
    bool quoted_after[2];     /* state at the end, if it began outside, inside quotes */
    uint64_t first_record[2]; /* where its first record starts; UINT64_MAX: nowhere */
    uint64_t first_lines[2];  /* lines before that record */
};

struct planner {
    const struct csv_settings *settings;
    const struct leat_source_file *file;
    struct piece *pieces;
    size_t count;
    uint64_t step;
    uint64_t size;
    bool finding; /* first pass: where pieces start */
};

static enum leat_status find_start(struct planner *p, size_t i, struct leat_input *input,
                                   uint8_t *data, struct leat_error *err)
{
    uint64_t at = i * p->step, stop = at + p->step;

    p->pieces[i].start = UINT64_MAX;
    if (i == 0) {
        p->pieces[i].start = 0;
        return LEAT_OK;
    }
    while (at < stop && at < p->size) {
        size_t wanted = at + 65536 < p->size ? 65536 : (size_t)(p->size - at), got;
        const uint8_t *feed;
        LEAT_TRY(input->ops->read_at(input, at, data, wanted, &got, err));
        if (got == 0)
            return LEAT_OK;
        feed = memchr(data, '\n', got);
        if (feed) {
            at += (uint64_t)(feed - data) + 1;
            if (at < p->size && at < stop)
                p->pieces[i].start = at;
            return LEAT_OK;
        }
        at += got;
    }
    return LEAT_OK;
}

static uint64_t count_feeds(const uint8_t *data, size_t length)
{
    uint64_t feeds = 0;

    for (size_t at = 0; at < length;) {
        size_t stop = length - at < 255 ? length : at + 255;
        uint8_t some = 0;
        for (; at < stop; at++)
            some = (uint8_t)(some + (data[at] == '\n'));
        feeds += some;
    }
    return feeds;
}

/* Follows one assumption through a block of the piece. */
static void follow(struct planner *p, struct piece *piece, int inside, enum csv_state *state,
                   const uint8_t *data, size_t length, uint64_t offset, struct csv_index *index)
{
    size_t at = 0;

    if (p->settings->dialect.quote == 0)
        return;
    /* Nothing can change without a quote, but for the escaped state of the byte before. */
    if (*state == CSV_QUOTED && !memchr(data, p->settings->dialect.quote, length) &&
        !(p->settings->dialect.escape && p->settings->dialect.escape != p->settings->dialect.quote))
        return;
    while (at < length) {
        size_t before = at;
        index->row_count = 0;
        index->end_count = 0;
        at = csv_scan(&p->settings->dialect, data, at, length, true, state, index);
        if (index->row_count && piece->first_record[inside] == UINT64_MAX) {
            uint32_t newline = index->row_newlines[0];
            piece->first_record[inside] = offset + newline + 1;
            piece->first_lines[inside] = piece->lines + count_feeds(data, newline + 1);
        }
        if (at == before)
            break;
    }
}

static enum leat_status scan_piece(struct planner *p, size_t i, struct leat_input *input,
                                   uint8_t *data, struct csv_index *index, struct leat_error *err)
{
    struct piece *piece = &p->pieces[i];
    enum csv_state states[2] = {CSV_ROW_START, CSV_QUOTED};
    uint64_t at = piece->start, stop = p->size;
    bool quotes = false;

    for (size_t k = i + 1; k < p->count; k++)
        if (p->pieces[k].start != UINT64_MAX) {
            stop = p->pieces[k].start;
            break;
        }
    piece->first_record[0] = piece->start;
    piece->first_record[1] = UINT64_MAX;
    while (at < stop) {
        size_t wanted = stop - at < PIECE_BYTES ? (size_t)(stop - at) : PIECE_BYTES, got;
        LEAT_TRY(input->ops->read_at(input, at, data, wanted, &got, err));
        if (got == 0)
            break;
        if (data[got - 1] == '\r' && got > 1 && at + got < p->size)
            got--; /* it belongs to what follows */
        memset(data + got, 0, CSV_PADDING);
        if (!quotes && p->settings->dialect.quote)
            quotes = memchr(data, p->settings->dialect.quote, got) != NULL;
        if (quotes || p->settings->dialect.comment) {
            follow(p, piece, 0, &states[0], data, got, at, index);
            follow(p, piece, 1, &states[1], data, got, at, index);
        } else {
            states[0] = data[got - 1] == '\n' ? CSV_ROW_START
                        : data[got - 1] == (uint8_t)p->settings->dialect.delimiter[0]
                            ? CSV_FIELD_START
                            : CSV_UNQUOTED;
        }
        piece->lines += count_feeds(data, got);
        at += got;
    }
    /* Pieces end behind a line feed: what is not inside quotes then starts a row. */
    piece->quoted_after[0] = quotes && (states[0] == CSV_QUOTED || states[0] == CSV_ESCAPED);
    piece->quoted_after[1] = !quotes || states[1] == CSV_QUOTED || states[1] == CSV_ESCAPED;
    return LEAT_OK;
}

static enum leat_status plan_piece(void *context, size_t i, struct leat_error *err)
{
    struct planner *p = context;
    struct leat_input *input = NULL;
    struct csv_index index = {.rows_only = true, .row_capacity = 16384};
    uint8_t *data = NULL;
    enum leat_status status;

    if (!p->finding && p->pieces[i].start == UINT64_MAX)
        return LEAT_OK;
    LEAT_TRY(leat_file_open_input(p->file->path, &input, err));
    data = leat_malloc(PIECE_BYTES + CSV_PADDING);
    index.row_totals = leat_malloc(16384 * 2 * sizeof(uint32_t));
    if (!data || !index.row_totals) {
        status = leat_error_memory(err);
    } else {
        index.row_newlines = index.row_totals + 16384;
        status = p->finding ? find_start(p, i, input, data, err)
                            : scan_piece(p, i, input, data, &index, err);
    }
    leat_free(data);
    leat_free(index.row_totals);
    leat_input_close(input);
    return status;
}

static enum leat_status append(uint32_t file, uint64_t start, uint64_t end, uint64_t line,
                               struct leat_bytes_list *out, struct leat_error *err)
{
    struct leat_buffer bytes;
    enum leat_status status;

    leat_buffer_init(&bytes, 0);
    status = leat_buffer_put_u32(&bytes, file, err);
    if (!status)
        status = leat_buffer_put_u64(&bytes, start, err);
    if (!status)
        status = leat_buffer_put_u64(&bytes, end, err);
    if (!status)
        status = leat_buffer_put_u64(&bytes, line, err);
    if (!status)
        status = leat_bytes_list_append(out, bytes.data, bytes.length, err);
    leat_buffer_release(&bytes);
    return status;
}

/* Goes through the pieces with the known state and appends the ranges. */
static enum leat_status resolve(struct planner *p, uint32_t file, struct leat_bytes_list *out,
                                struct leat_error *err)
{
    uint64_t start = 0, line = 1, lines = 1;
    int inside = 0;

    for (size_t i = 0; i < p->count; i++) {
        struct piece *piece = &p->pieces[i];
        if (piece->start == UINT64_MAX)
            continue;
        if (i && piece->first_record[inside] != UINT64_MAX) {
            LEAT_TRY(append(file, start, piece->first_record[inside], line, out, err));
            start = piece->first_record[inside];
            line = lines + (inside ? piece->first_lines[1] : 0);
        }
        lines += piece->lines;
        inside = piece->quoted_after[inside];
    }
    return append(file, start, UINT64_MAX, line, out, err);
}

enum leat_status csv_plan_splits(const struct csv_settings *settings,
                                 const struct leat_source_files *files, uint32_t file,
                                 unsigned wanted, struct leat_bytes_list *out,
                                 struct leat_error *err)
{
    struct planner p = {.settings = settings, .file = &files->items[file]};
    struct leat_text_stream stream;
    enum leat_status status;
    bool plain;

    p.size = files->items[file].size;
    p.step = settings->split_size;
    if (!p.step) {
        p.step = wanted > 1 ? p.size / ((uint64_t)wanted * 4) + 1 : UINT64_MAX;
        if (p.step < LEAST_SPLIT)
            p.step = LEAST_SPLIT;
    }
    if (p.step >= p.size || settings->skip || settings->dialect.delimiter_length > 1)
        return append(file, 0, UINT64_MAX, 1, out, err);
    LEAT_TRY(leat_text_stream_open(&stream, p.file, settings->compression, settings->encoding, NULL,
                                   err));
    plain = leat_text_stream_is_plain(&stream);
    leat_text_stream_close(&stream);
    if (!plain)
        return append(file, 0, UINT64_MAX, 1, out, err);
    p.count = (size_t)(p.size / p.step + 1);
    p.pieces = leat_calloc(p.count, sizeof(*p.pieces));
    if (!p.pieces)
        return leat_error_memory(err);
    p.finding = true;
    status = leat_parallel_run(wanted ? wanted : 1, p.count, plan_piece, &p, err);
    p.finding = false;
    if (!status)
        status = leat_parallel_run(wanted ? wanted : 1, p.count, plan_piece, &p, err);
    if (!status)
        status = resolve(&p, file, out, err);
    leat_free(p.pieces);
    return status;
}
