/*
 * Cutting a file into ranges of records. A line feed inside quotes is no end of a record, so
 * whether one is depends on all quotes before it. Behind the line feed at which a range should
 * start, the text is therefore scanned twice, once as if the feed were outside quotes and once as
 * if inside. Where there are quotes the two soon agree: what is read the wrong way finds a quote
 * inside an unquoted field, an ordinary character, and ends its line outside quotes. From there on
 * the state is known whatever came before, and the next record starts the range.
 *
 * Where they do not agree, because no quotes are near, all pieces are followed to their ends, on
 * all cores; the first piece's true state is known, and so, one after the other, are all others'.
 */
#include "formats/csv/csv_internal.h"

#define BLOCK_BYTES ((size_t)256 << 10)
#define STEP_BYTES  ((size_t)16 << 10)
#define LOOK_BYTES  ((uint64_t)256 << 10) /* how far agreement is looked for */
#define LEAST_SPLIT ((uint64_t)4 << 20)
#define INDEX_ROWS  16384u
#define NOWHERE     UINT64_MAX

struct piece {
    uint64_t start;           /* behind a line feed, or the file's start; NOWHERE: none lies here */
    uint64_t agreed;          /* start of the first record behind agreement; or NOWHERE */
    uint64_t first_record[2]; /* of the piece begun outside, inside quotes; or NOWHERE */
    bool quoted_after[2];     /* state at the end of the piece */
};

struct planner {
    const struct csv_settings *settings;
    const struct leat_source_file *file;
    struct piece *pieces;
    size_t count;
    uint64_t step;
    uint64_t size;
    bool looking; /* first pass: pieces' starts, and agreement near them */
};

/* A block of the file being followed. */
struct block {
    struct leat_input *input;
    struct csv_index index;
    uint8_t *data;
    size_t length;
    uint64_t offset;
};

static enum leat_status block_read(const struct planner *p, struct block *block, uint64_t at,
                                   size_t wanted, struct leat_error *err)
{
    if (p->size - at < wanted)
        wanted = (size_t)(p->size - at);
    LEAT_TRY(
        block->input->ops->read_at(block->input, at, block->data, wanted, &block->length, err));
    if (block->length > 1 && block->data[block->length - 1] == '\r' && at + block->length < p->size)
        block->length--; /* it belongs to what follows */
    memset(block->data + block->length, 0, CSV_PADDING);
    block->offset = at;
    return LEAT_OK;
}

/* The first line feed of the piece. */
static enum leat_status find_start(const struct planner *p, size_t i, struct block *block,
                                   struct leat_error *err)
{
    struct piece *piece = &p->pieces[i];
    uint64_t at = i * p->step, stop = at + p->step;

    while (at < stop && at < p->size) {
        const uint8_t *feed;
        LEAT_TRY(block_read(p, block, at, STEP_BYTES, err));
        if (block->length == 0)
            return LEAT_OK;
        feed = memchr(block->data, '\n', block->length);
        at += feed ? (uint64_t)(feed - block->data) + 1 : block->length;
        if (feed) {
            if (at < p->size && at < stop)
                piece->start = at;
            return LEAT_OK;
        }
    }
    return LEAT_OK;
}

/* Follows one assumption through the block; *first becomes where the first row starts that follows
 * one that ends here, if it is not known. */
static void follow(const struct planner *p, enum csv_state *state, struct block *block,
                   uint64_t *first)
{
    const struct csv_dialect *dialect = &p->settings->dialect;
    size_t at = 0;

    /* Without a quote nothing can change, but for the escaped state of the byte before. */
    if (*state == CSV_QUOTED && !memchr(block->data, dialect->quote, block->length) &&
        !(dialect->escape && dialect->escape != dialect->quote))
        return;
    while (at < block->length) {
        size_t before = at;
        block->index.row_count = 0;
        block->index.end_count = 0;
        at = csv_scan(dialect, block->data, at, block->length, true, state, &block->index);
        if (block->index.row_count && *first == NOWHERE)
            *first = block->offset + block->index.row_newlines[0] + 1;
        if (at == before)
            break;
    }
}

/* Looks for a record that starts the range whatever the state at the piece's start. */
static enum leat_status look(const struct planner *p, struct piece *piece, uint64_t stop,
                             struct block *block, struct leat_error *err)
{
    enum csv_state states[2] = {CSV_ROW_START, CSV_QUOTED};
    uint64_t at = piece->start, ignored = 0;

    if (p->settings->dialect.quote == 0) {
        piece->agreed = piece->start;
        return LEAT_OK;
    }
    if (stop - at > LOOK_BYTES)
        stop = at + LOOK_BYTES;
    while (at < stop && piece->agreed == NOWHERE) {
        bool agreed = states[0] == states[1];
        LEAT_TRY(block_read(p, block, at, STEP_BYTES, err));
        if (block->length == 0)
            return LEAT_OK;
        follow(p, &states[0], block, agreed ? &piece->agreed : &ignored);
        if (agreed)
            states[1] = states[0];
        else
            follow(p, &states[1], block, &ignored);
        at += block->length;
    }
    if (piece->agreed != NOWHERE && piece->agreed >= p->size)
        piece->agreed = NOWHERE;
    return LEAT_OK;
}

/* Follows both assumptions to the piece's end. */
static enum leat_status scan_piece(const struct planner *p, struct piece *piece, uint64_t stop,
                                   struct block *block, struct leat_error *err)
{
    enum csv_state states[2] = {CSV_ROW_START, CSV_QUOTED};
    uint64_t at = piece->start;
    bool quotes = false, agreed = false;

    piece->first_record[0] = piece->start;
    piece->first_record[1] = NOWHERE;
    while (at < stop) {
        size_t wanted = stop - at < BLOCK_BYTES ? (size_t)(stop - at) : BLOCK_BYTES;
        LEAT_TRY(block_read(p, block, at, wanted, err));
        if (block->length == 0)
            break;
        quotes = quotes || memchr(block->data, p->settings->dialect.quote, block->length);
        if (quotes || p->settings->dialect.comment) {
            follow(p, &states[0], block, &piece->first_record[agreed]);
            if (agreed)
                states[1] = states[0];
            else
                follow(p, &states[1], block, &piece->first_record[1]);
            agreed = states[0] == states[1];
        } else {
            uint8_t last = block->data[block->length - 1];
            states[0] = last == '\n'                                         ? CSV_ROW_START
                        : last == (uint8_t)p->settings->dialect.delimiter[0] ? CSV_FIELD_START
                                                                             : CSV_UNQUOTED;
        }
        at += block->length;
    }
    /* Pieces end behind a line feed: what is not inside quotes then starts a row. */
    piece->quoted_after[0] = quotes && (states[0] == CSV_QUOTED || states[0] == CSV_ESCAPED);
    piece->quoted_after[1] = !quotes || states[1] == CSV_QUOTED || states[1] == CSV_ESCAPED;
    return LEAT_OK;
}

static enum leat_status plan_in_block(const struct planner *p, size_t i, struct block *block,
                                      struct leat_error *err)
{
    struct piece *piece = &p->pieces[i];

    if (p->looking) {
        *piece = (struct piece){.start = i ? NOWHERE : 0, .agreed = i ? NOWHERE : 0};
        if (i == 0)
            return LEAT_OK;
        LEAT_TRY(find_start(p, i, block, err));
        return piece->start == NOWHERE
                   ? LEAT_OK
                   : look(p, piece, i + 1 < p->count ? (i + 1) * p->step : p->size, block, err);
    }
    for (size_t k = i + 1; k < p->count; k++)
        if (p->pieces[k].start != NOWHERE)
            return scan_piece(p, piece, p->pieces[k].start, block, err);
    return scan_piece(p, piece, p->size, block, err);
}

static enum leat_status plan_piece(void *context, size_t i, struct leat_error *err)
{
    struct planner *p = context;
    struct block block = {.index = {.rows_only = true, .row_capacity = INDEX_ROWS}};
    enum leat_status status;

    if (!p->looking && p->pieces[i].start == NOWHERE)
        return LEAT_OK;
    LEAT_TRY(leat_file_open_input(p->file->path, &block.input, err));
    block.data = leat_malloc(BLOCK_BYTES + CSV_PADDING);
    block.index.row_totals = leat_malloc(INDEX_ROWS * 2 * sizeof(uint32_t));
    if (!block.data || !block.index.row_totals) {
        status = leat_error_memory(err);
    } else {
        block.index.row_newlines = block.index.row_totals + INDEX_ROWS;
        status = plan_in_block(p, i, &block, err);
    }
    leat_free(block.data);
    leat_free(block.index.row_totals);
    leat_input_close(block.input);
    return status;
}

static enum leat_status append(uint32_t file, uint64_t start, uint64_t end,
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
        status = leat_bytes_list_append(out, bytes.data, bytes.length, err);
    leat_buffer_release(&bytes);
    return status;
}

/* Goes through the pieces with the known state and appends the ranges. */
static enum leat_status resolve(const struct planner *p, uint32_t file, struct leat_bytes_list *out,
                                struct leat_error *err)
{
    uint64_t start = 0;
    int inside = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct piece *piece = &p->pieces[i];
        uint64_t record = piece->agreed;
        if (piece->start == NOWHERE)
            continue;
        if (record == NOWHERE)
            record = piece->first_record[inside];
        if (record != NOWHERE && record > start) {
            LEAT_TRY(append(file, start, record, out, err));
            start = record;
        }
        inside = piece->quoted_after[inside];
    }
    return append(file, start, UINT64_MAX, out, err);
}

enum leat_status csv_plan_splits(const struct csv_settings *settings,
                                 const struct leat_source_files *files, uint32_t file,
                                 unsigned wanted, struct leat_bytes_list *out,
                                 struct leat_error *err)
{
    struct planner p = {.settings = settings, .file = &files->items[file]};
    struct leat_text_stream stream;
    enum leat_status status;
    bool plain, unknown = false;

    p.size = files->items[file].size;
    p.step = settings->split_size;
    if (!p.step) {
        p.step = wanted > 1 ? p.size / ((uint64_t)wanted * 4) + 1 : UINT64_MAX;
        if (p.step < LEAST_SPLIT)
            p.step = LEAST_SPLIT;
    }
    if (p.step >= p.size || settings->skip || settings->dialect.delimiter_length > 1)
        return append(file, 0, UINT64_MAX, out, err);
    LEAT_TRY(leat_text_stream_open(&stream, p.file, settings->compression, settings->encoding, NULL,
                                   err));
    plain = leat_text_stream_is_plain(&stream);
    leat_text_stream_close(&stream);
    if (!plain)
        return append(file, 0, UINT64_MAX, out, err);
    p.count = (size_t)(p.size / p.step + 1);
    p.pieces = leat_calloc(p.count, sizeof(*p.pieces));
    if (!p.pieces)
        return leat_error_memory(err);
    p.looking = true;
    status = leat_parallel_run(wanted ? wanted : 1, p.count, plan_piece, &p, err);
    p.looking = false;
    for (size_t i = 0; i < p.count; i++)
        unknown |= p.pieces[i].start != NOWHERE && p.pieces[i].agreed == NOWHERE;
    if (!status && unknown)
        status = leat_parallel_run(wanted ? wanted : 1, p.count, plan_piece, &p, err);
    if (!status)
        status = resolve(&p, file, out, err);
    leat_free(p.pieces);
    return status;
}
