/*
 * The container reader: header, then blocks of rows, each decompressed whole and decoded in
 * batches. A batch never spans two blocks, so its strings can stay where the block lies. A reader
 * of a part of the file starts at the first sync marker that ends at or after its start.
 */
#include "formats/avro/avro_internal.h"
#include "base/hash.h"

const uint8_t avro_magic[4] = {'O', 'b', 'j', 1};

#define HEADER_FIRST   ((size_t)64 << 10)
#define HEADER_MAXIMUM ((size_t)64 << 20)
#define READ_AHEAD     ((size_t)256 << 10)
#define EMPTY_ROWS     (1u << 20) /* rows of no bytes in one block */

struct leat_avro_file {
    struct leat_input *input;
    struct leat_accountant *accountant;
    struct leat_arena arena;
    struct avro_node *root;
    struct leat_schema schema;
    struct leat_avro_metadata *metadata;
    size_t metadata_count;
    enum leat_codec_kind codec;
    uint8_t sync[AVRO_SYNC];
    uint64_t data_start;
};

struct rows {
    struct leat_reader base;
    struct leat_avro_file *file;
    const struct leat_read_context *context;
    struct avro_decoder *decoder;
    bool counts_only;
    struct leat_codec codec;
    struct leat_buffer window; /* bytes of the file from window_at on */
    uint64_t window_at;
    uint64_t position; /* of the next block */
    uint64_t end;
    struct leat_buffer block;
    const uint8_t *at, *block_end;
    uint64_t rows_left; /* of the block */
    struct leat_batch batch;
};

static enum leat_status corrupt(const struct leat_avro_file *file, uint64_t offset,
                                struct leat_error *err, const char *what)
{
    enum leat_status status = leat_error_set(err, LEAT_E_AVRO_CORRUPT, "%s: damaged Avro file: %s",
                                             file->input->path, what);
    leat_error_at(err, file->input->path, 0, 0, offset);
    return status;
}

/* --- header --- */

enum parse_result { PARSED, TOO_SHORT, MALFORMED };

static enum parse_result get_text(const uint8_t **at, const uint8_t *end, struct leat_text *out)
{
    int64_t length;
    if (!avro_get_long(at, end, &length))
        return end - *at < 10 ? TOO_SHORT : MALFORMED;
    if (length < 0 || (uint64_t)length > HEADER_MAXIMUM)
        return MALFORMED;
    if (length > end - *at)
        return TOO_SHORT;
    *out = (struct leat_text){(const char *)*at, (size_t)length};
    *at += length;
    return PARSED;
}

/* The pairs of the header; with pairs NULL they are only counted. */
static enum parse_result get_pairs(const uint8_t **at, const uint8_t *end, struct leat_text *pairs,
                                   size_t *count)
{
    *count = 0;
    for (;;) {
        int64_t items, size;
        struct leat_text key, value;
        if (!avro_get_long(at, end, &items))
            return end - *at < 10 ? TOO_SHORT : MALFORMED;
        if (items == 0)
            return PARSED;
        if (items < 0 && !avro_get_long(at, end, &size))
            return end - *at < 10 ? TOO_SHORT : MALFORMED;
        items = items < 0 && items != INT64_MIN ? -items : items;
        if (items < 0 || (uint64_t)items > HEADER_MAXIMUM)
            return MALFORMED;
        for (; items > 0; items--) {
            enum parse_result result = get_text(at, end, &key);
            if (result == PARSED)
                result = get_text(at, end, &value);
            if (result != PARSED)
                return result;
            if (pairs) {
                pairs[2 * *count] = key;
                pairs[2 * *count + 1] = value;
            }
            ++*count;
        }
    }
}

static enum leat_status keep_pairs(struct leat_avro_file *file, const uint8_t *from,
                                   const uint8_t *end, size_t count, struct leat_error *err)
{
    struct leat_text *pairs = LEAT_NEW_ARRAY(&file->arena, struct leat_text, 2 * count);
    file->metadata = LEAT_NEW_ARRAY(&file->arena, struct leat_avro_metadata, count);
    if (!pairs || !file->metadata)
        return leat_error_memory(err);
    if (get_pairs(&from, end, pairs, &count) != PARSED)
        return leat_error_internal(err, "the Avro header changed");
    for (size_t i = 0; i < count; i++) {
        const struct leat_text *key = &pairs[2 * i], *value = &pairs[2 * i + 1];
        const char *name = leat_arena_copy(&file->arena, key->data, key->length);
        const char *copy = leat_arena_copy(&file->arena, value->data, value->length);
        if (!name || !copy)
            return leat_error_memory(err);
        file->metadata[i] =
            (struct leat_avro_metadata){name, (struct leat_text){copy, value->length}};
    }
    file->metadata_count = count;
    return LEAT_OK;
}

/* Reads as much of the file as the header needs, doubling. */
static enum leat_status read_header(struct leat_avro_file *file, struct leat_buffer *bytes,
                                    struct leat_error *err)
{
    for (size_t want = HEADER_FIRST;; want *= 2) {
        size_t length = want < file->input->size ? want : (size_t)file->input->size, count;
        bytes->length = 0;
        LEAT_TRY(leat_buffer_reserve(bytes, length, err));
        LEAT_TRY(leat_input_read_exact(file->input, 0, bytes->data, length, err));
        bytes->length = length;
        if (length < sizeof(avro_magic) || memcmp(bytes->data, avro_magic, sizeof(avro_magic)) != 0)
            return corrupt(file, 0, err, "it does not begin with Obj and 1");
        const uint8_t *from = bytes->data + sizeof(avro_magic), *at = from;
        const uint8_t *end = bytes->data + length;
        enum parse_result result = get_pairs(&at, end, NULL, &count);
        if (result == PARSED && end - at < AVRO_SYNC)
            result = TOO_SHORT;
        if (result == PARSED) {
            memcpy(file->sync, at, AVRO_SYNC);
            file->data_start = (uint64_t)(at - bytes->data) + AVRO_SYNC;
            return keep_pairs(file, from, end, count, err);
        }
        if (result == MALFORMED || length == file->input->size || want >= HEADER_MAXIMUM)
            return corrupt(file, 0, err, "the header is malformed or cut short");
    }
}

static enum leat_status find_codec(struct leat_avro_file *file, struct leat_error *err)
{
    static const struct {
        const char *name;
        enum leat_codec_kind kind;
    } table[] = {{"null", LEAT_CODEC_NONE},
                 {"deflate", LEAT_CODEC_DEFLATE},
                 {"zstandard", LEAT_CODEC_ZSTD},
                 {"snappy", LEAT_CODEC_SNAPPY}};
    struct leat_text name;
    file->codec = LEAT_CODEC_NONE;
    if (!leat_avro_file_metadata(file, "avro.codec", &name))
        return LEAT_OK;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (leat_text_equal(name, leat_text_of(table[i].name))) {
            file->codec = table[i].kind;
            return LEAT_OK;
        }
    }
    return leat_error_set(err, LEAT_E_UNSUPPORTED, "%s: Avro codec %.*s is not supported",
                          file->input->path, (int)(name.length < 40 ? name.length : 40), name.data);
}

enum leat_status leat_avro_file_open(struct leat_input *input, struct leat_accountant *accountant,
                                     struct leat_avro_file **out, struct leat_error *err)
{
    struct leat_buffer bytes;
    struct leat_text json;
    enum leat_status status;
    *out = NULL;
    struct leat_avro_file *file = leat_calloc(1, sizeof(*file));
    if (!file)
        return leat_error_memory(err);
    file->input = input;
    file->accountant = accountant;
    leat_arena_init(&file->arena, accountant);
    leat_buffer_init(&bytes, 0);
    status = read_header(file, &bytes, err);
    if (!status)
        status = find_codec(file, err);
    if (!status && !leat_avro_file_metadata(file, "avro.schema", &json))
        status = corrupt(file, 0, err, "the header holds no schema");
    if (!status) {
        status = avro_schema_parse(json.data, json.length, &file->arena, &file->root, err);
        if (status)
            leat_error_context(err, "%s", input->path);
    }
    if (!status)
        status = avro_schema_columns(file->root, &file->arena, &file->schema, err);
    leat_buffer_release(&bytes);
    if (status)
        leat_avro_file_close(file);
    else
        *out = file;
    return status;
}

void leat_avro_file_close(struct leat_avro_file *file)
{
    if (!file)
        return;
    leat_arena_release(&file->arena);
    leat_free(file);
}

const struct leat_schema *leat_avro_file_schema(const struct leat_avro_file *file)
{
    return &file->schema;
}

bool leat_avro_file_metadata(const struct leat_avro_file *file, const char *key,
                             struct leat_text *out)
{
    for (size_t i = 0; i < file->metadata_count; i++) {
        if (strcmp(file->metadata[i].key, key) == 0) {
            *out = file->metadata[i].value;
            return true;
        }
    }
    return false;
}

/* --- blocks --- */

/* Makes bytes [position, position + length) of the file available; *have is how many there are. */
static enum leat_status window_at(struct rows *rows, uint64_t position, size_t length,
                                  const uint8_t **out, size_t *have, struct leat_error *err)
{
    struct leat_buffer *window = &rows->window;
    uint64_t size = rows->file->input->size;
    if (position > size)
        position = size;
    if (length > size - position)
        length = (size_t)(size - position);
    bool inside =
        position >= rows->window_at && position + length <= rows->window_at + window->length;
    if (!inside) {
        size_t want = length > READ_AHEAD ? length : READ_AHEAD;
        if (want > size - position)
            want = (size_t)(size - position);
        window->length = 0;
        LEAT_TRY(leat_buffer_reserve(window, want, err));
        LEAT_TRY(leat_input_read_exact(rows->file->input, position, window->data, want, err));
        if (rows->context && rows->context->bytes_read)
            atomic_fetch_add_explicit(rows->context->bytes_read, want, memory_order_relaxed);
        window->length = want;
        rows->window_at = position;
    }
    *out = window->data + (position - rows->window_at);
    *have = window->length - (size_t)(position - rows->window_at);
    return LEAT_OK;
}

/* Moves the position to the first block that starts there or later. */
static enum leat_status seek_block(struct rows *rows, uint64_t start, struct leat_error *err)
{
    uint64_t from = start - AVRO_SYNC;
    for (;;) {
        const uint8_t *bytes;
        size_t have;
        LEAT_TRY(window_at(rows, from, READ_AHEAD, &bytes, &have, err));
        const uint8_t *found = have ? memmem(bytes, have, rows->file->sync, AVRO_SYNC) : NULL;
        if (found) {
            rows->position = from + (uint64_t)(found - bytes) + AVRO_SYNC;
            return LEAT_OK;
        }
        if (from + have >= rows->file->input->size) {
            rows->position = rows->file->input->size;
            return LEAT_OK;
        }
        from += have - (AVRO_SYNC - 1);
    }
}

static enum leat_status unpack_block(struct rows *rows, const uint8_t *bytes, size_t length,
                                     struct leat_error *err)
{
    const struct leat_avro_file *file = rows->file;
    enum leat_status status;
    if (file->codec == LEAT_CODEC_NONE) {
        rows->at = bytes;
        rows->block_end = bytes + length;
        return LEAT_OK;
    }
    size_t tail = file->codec == LEAT_CODEC_SNAPPY ? 4 : 0;
    if (length < tail)
        return corrupt(file, rows->position, err, "a block is too short");
    rows->block.length = 0;
    status = leat_codec_decompress_append(&rows->codec, file->codec, bytes, length - tail,
                                          &rows->block, AVRO_BLOCK_MAXIMUM, err);
    if (status) {
        leat_error_context(err, "%s", file->input->path);
        leat_error_at(err, file->input->path, 0, 0, rows->position);
        return status;
    }
    if (tail) {
        uint32_t crc;
        memcpy(&crc, bytes + length - tail, 4);
        if (__builtin_bswap32(crc) != leat_hash_crc32(rows->block.data, rows->block.length, 0))
            return corrupt(file, rows->position, err, "a block's checksum does not match");
    }
    rows->at = rows->block.data;
    rows->block_end = rows->block.data + rows->block.length;
    return LEAT_OK;
}

/* Reads the block at the position and moves behind it. */
static enum leat_status next_block(struct rows *rows, struct leat_error *err)
{
    const struct leat_avro_file *file = rows->file;
    const uint8_t *bytes;
    size_t have;
    int64_t count, size;
    LEAT_TRY(window_at(rows, rows->position, 20, &bytes, &have, err));
    const uint8_t *at = bytes;
    if (!avro_get_long(&at, bytes + have, &count) || !avro_get_long(&at, bytes + have, &size) ||
        count < 0 || size < 0)
        return corrupt(file, rows->position, err, "a block's header is malformed");
    uint64_t data = rows->position + (uint64_t)(at - bytes);
    if (data > file->input->size || (uint64_t)size + AVRO_SYNC > file->input->size - data ||
        size > INT64_MAX - AVRO_SYNC)
        return corrupt(file, rows->position, err, "a block is cut short");
    LEAT_TRY(window_at(rows, data, (size_t)size + AVRO_SYNC, &bytes, &have, err));
    if (memcmp(bytes + size, file->sync, AVRO_SYNC) != 0)
        return corrupt(file, rows->position, err, "a block does not end with the sync marker");
    LEAT_TRY(unpack_block(rows, bytes, (size_t)size, err));
    uint64_t length = (uint64_t)(rows->block_end - rows->at);
    uint64_t most = file->root->minimum ? length / file->root->minimum : EMPTY_ROWS;
    if ((uint64_t)count > most)
        return corrupt(file, rows->position, err, "a block announces more rows than it holds");
    rows->rows_left = (uint64_t)count;
    rows->position = data + (uint64_t)size + AVRO_SYNC;
    return LEAT_OK;
}

static enum leat_status rows_next(struct leat_reader *reader, struct leat_batch **out,
                                  struct leat_error *err)
{
    struct rows *rows = (struct rows *)reader;
    *out = NULL;
    if (rows->context && leat_cancel_requested(rows->context->cancel))
        return leat_error_set(err, LEAT_E_CANCELLED, "cancelled");
    while (rows->rows_left == 0) {
        if (rows->position >= rows->end || rows->position >= rows->file->input->size)
            return LEAT_OK;
        LEAT_TRY(next_block(rows, err));
    }
    uint32_t count =
        rows->rows_left < LEAT_BATCH_ROWS ? (uint32_t)rows->rows_left : LEAT_BATCH_ROWS;
    rows->rows_left -= count;
    *out = &rows->batch;
    if (rows->counts_only) {
        rows->batch = (struct leat_batch){0, count, NULL};
        return LEAT_OK;
    }
    enum leat_status status =
        avro_decoder_run(rows->decoder, &rows->at, rows->block_end, count, &rows->batch, err);
    if (!status && rows->rows_left == 0 && rows->at != rows->block_end)
        return corrupt(rows->file, rows->position, err, "a block holds more than its rows");
    if (status) {
        *out = NULL;
        leat_error_context(err, "%s", rows->file->input->path);
        leat_error_at(err, rows->file->input->path, 0, 0, rows->position);
    }
    return status;
}

static void rows_close(struct leat_reader *reader)
{
    struct rows *rows = (struct rows *)reader;
    avro_decoder_free(rows->decoder);
    leat_codec_release(&rows->codec);
    leat_buffer_release(&rows->window);
    leat_buffer_release(&rows->block);
    leat_free(rows);
}

static const struct leat_reader_ops rows_ops = {rows_next, rows_close};

enum leat_status leat_avro_rows_open(struct leat_avro_file *file, const struct leat_schema *wanted,
                                     enum leat_avro_match match, uint64_t start, uint64_t end,
                                     const struct leat_read_context *context,
                                     struct leat_reader **out, struct leat_error *err)
{
    *out = NULL;
    struct rows *rows = leat_calloc(1, sizeof(*rows));
    if (!rows)
        return leat_error_memory(err);
    if (!wanted) {
        wanted = &file->schema;
        match = LEAT_AVRO_BY_NAME;
    }
    rows->base.ops = &rows_ops;
    rows->file = file;
    rows->context = context;
    rows->counts_only = wanted->count == 0;
    rows->end = end;
    leat_buffer_init(&rows->window, 0);
    leat_buffer_init(&rows->block, 0);
    enum leat_status status =
        avro_decoder_new(file->root, wanted, match,
                         context ? context->accountant : file->accountant, &rows->decoder, err);
    if (status)
        leat_error_context(err, "%s", file->input->path);
    rows->position = file->data_start;
    if (!status && start > file->data_start)
        status = seek_block(rows, start, err);
    if (status)
        rows_close(&rows->base);
    else
        *out = &rows->base;
    return status;
}
