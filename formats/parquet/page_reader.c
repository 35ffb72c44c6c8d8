/*
 * Column chunks and their pages: the chunk is read with one call, pages are decompressed one by
 * one.
 *
 * Memory of pages goes round: buffers of the present page, those of earlier pages that the batch in
 * the consumer's hands still refers to, and spare ones. Sizes from page headers are not trusted
 * beyond what the codec can possibly make of the bytes.
 */
#include "base/hash.h"
#include "formats/parquet/reader_internal.h"

#define CHUNK_SLACK       256u /* old writers forget the dictionary page's header in the size */
#define NESTED_PAGE_SLOTS ((uint64_t)1 << 26)
#define DICTIONARY_MOST   ((int64_t)1 << 28)
#define SMALL_DICTIONARY  256u

enum leat_status parquet_leaf_corrupt(const struct parquet_leaf_reader *reader,
                                      struct leat_error *err, const char *what)
{
    enum leat_status status = leat_error_set(err, LEAT_E_PARQUET_CORRUPT, "%s: column %s: %s",
                                             reader->file->input->path, reader->node->name, what);
    leat_error_at(err, reader->file->input->path, 0, 0,
                  reader->chunk_offset +
                      (reader->bytes ? (uint64_t)(reader->at - reader->bytes) : 0));
    return status;
}

/* --- memory --- */

static void buffer_free(struct parquet_leaf_reader *reader, struct parquet_page_buffer *buffer)
{
    leat_accountant_release(reader->accountant, buffer->capacity);
    leat_free(buffer->data);
    leat_free(buffer);
}

static void buffers_free(struct parquet_leaf_reader *reader, struct parquet_page_buffer **list)
{
    while (*list) {
        struct parquet_page_buffer *next = (*list)->next;
        buffer_free(reader, *list);
        *list = next;
    }
}

static enum leat_status buffer_new(struct parquet_leaf_reader *reader, size_t size,
                                   struct parquet_page_buffer **out, struct leat_error *err)
{
    size_t capacity = size < 4096 ? 4096 : size;
    if (!leat_accountant_charge(reader->accountant, capacity))
        return leat_error_memory(err);
    struct parquet_page_buffer *buffer = leat_calloc(1, sizeof(*buffer));
    if (buffer)
        buffer->data = leat_malloc_aligned(capacity);
    if (!buffer || !buffer->data) {
        leat_accountant_release(reader->accountant, capacity);
        leat_free(buffer);
        return leat_error_memory(err);
    }
    buffer->capacity = capacity;
    *out = buffer;
    return LEAT_OK;
}

enum leat_status parquet_page_alloc(struct parquet_leaf_reader *reader, size_t size, uint8_t **out,
                                    struct leat_error *err)
{
    struct parquet_page_buffer **at = &reader->spare, *buffer = NULL;
    while (*at && (*at)->capacity < size)
        at = &(*at)->next;
    if (*at) {
        buffer = *at;
        *at = buffer->next;
    } else {
        if (reader->spare) { /* too small: make room for a larger one */
            struct parquet_page_buffer *small = reader->spare;
            reader->spare = small->next;
            buffer_free(reader, small);
        }
        LEAT_TRY(buffer_new(reader, size, &buffer, err));
    }
    buffer->next = reader->page;
    reader->page = buffer;
    *out = buffer->data;
    return LEAT_OK;
}

static void move_all(struct parquet_page_buffer **from, struct parquet_page_buffer **to)
{
    while (*from) {
        struct parquet_page_buffer *buffer = *from;
        *from = buffer->next;
        buffer->next = *to;
        *to = buffer;
    }
}

void parquet_leaf_reader_recycle(struct parquet_leaf_reader *reader)
{
    move_all(&reader->retired, &reader->spare);
}

enum leat_status
parquet_leaf_reader_init(struct parquet_leaf_reader *reader, const struct leat_parquet_file *file,
                         const struct parquet_node *node, const struct leat_type *type,
                         const struct leat_read_context *context, struct leat_error *err)
{
    *reader = (struct parquet_leaf_reader){.file = file, .node = node};
    if (context) {
        reader->accountant = context->accountant;
        reader->bytes_read = context->bytes_read;
    }
    if (!parquet_converter_init(node->element, type, &reader->converter)) {
        struct leat_arena arena;
        leat_arena_init(&arena, NULL);
        const char *have = leat_type_name(&arena, node->type);
        const char *want = leat_type_name(&arena, type);
        enum leat_status status =
            leat_error_set(err, LEAT_E_PARQUET_SCHEMA, "%s: column %s is %s, not %s",
                           file->input->path, node->name, have ? have : "", want ? want : "");
        leat_arena_release(&arena);
        return status;
    }
    size_t width = reader->converter.to_width > 16 ? reader->converter.to_width : 16;
    reader->out_data = leat_malloc_aligned(LEAT_BATCH_ROWS * width);
    reader->out_codes = leat_malloc_aligned(LEAT_BATCH_ROWS * sizeof(uint32_t));
    reader->out_validity = leat_malloc_aligned(leat_validity_words(LEAT_BATCH_ROWS) * 8);
    reader->scratch = leat_malloc_aligned((size_t)LEAT_BATCH_ROWS * 16);
    if (!reader->out_data || !reader->out_codes || !reader->out_validity || !reader->scratch) {
        parquet_leaf_reader_release(reader);
        return leat_error_memory(err);
    }
    return LEAT_OK;
}

void parquet_leaf_reader_release(struct parquet_leaf_reader *reader)
{
    buffers_free(reader, &reader->page);
    buffers_free(reader, &reader->retired);
    buffers_free(reader, &reader->spare);
    buffers_free(reader, &reader->dictionary_buffers);
    leat_free(reader->dictionary);
    leat_accountant_release(reader->accountant, reader->bytes_capacity);
    leat_free(reader->bytes);
    leat_free(reader->out_data);
    leat_free(reader->out_codes);
    leat_free(reader->out_validity);
    leat_free(reader->scratch);
    leat_codec_release(&reader->codec_state);
    *reader = (struct parquet_leaf_reader){0};
}

/* --- chunks --- */

static enum leat_status check_chunk(struct parquet_leaf_reader *reader, struct leat_error *err)
{
    const struct parquet_chunk *chunk = reader->chunk;
    if (chunk->encrypted)
        return leat_error_set(err, LEAT_E_PARQUET_ENCRYPTED, "%s: column %s is encrypted",
                              reader->file->input->path, reader->node->name);
    if (chunk->elsewhere)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "%s: column %s lies in another file",
                              reader->file->input->path, reader->node->name);
    if (!parquet_codec(chunk->codec, &reader->codec))
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "%s: column %s: codec %lld is not supported",
                              reader->file->input->path, reader->node->name,
                              (long long)chunk->codec);
    if (!leat_codec_can_read(reader->codec))
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "%s: column %s: codec %s is not supported",
                              reader->file->input->path, reader->node->name,
                              leat_codec_name(reader->codec));
    if (chunk->type != reader->node->element->type)
        return parquet_leaf_corrupt(reader, err, "the chunk has another type than the schema");
    return LEAT_OK;
}

bool parquet_chunk_bytes(const struct leat_parquet_file *file, const struct parquet_chunk *chunk,
                         struct leat_range *out)
{
    uint64_t size = file->input->size;
    int64_t start = chunk->data_offset;
    if (chunk->dictionary_offset > 0 && chunk->dictionary_offset < start)
        start = chunk->dictionary_offset;
    if (start < 4 || (uint64_t)start >= size || chunk->packed_size < 0 ||
        (uint64_t)chunk->packed_size > size - (uint64_t)start)
        return false;
    out->offset = (uint64_t)start;
    out->length = (uint64_t)chunk->packed_size + CHUNK_SLACK;
    if (out->length > size - out->offset)
        out->length = size - out->offset;
    return true;
}

static enum leat_status load_bytes(struct parquet_leaf_reader *reader, struct leat_error *err)
{
    struct leat_range range;
    if (!parquet_chunk_bytes(reader->file, reader->chunk, &range))
        return parquet_leaf_corrupt(reader, err, "the chunk lies outside of the file");
    uint64_t length = range.length;
    if (length > reader->bytes_capacity) {
        leat_accountant_release(reader->accountant, reader->bytes_capacity);
        leat_free(reader->bytes);
        reader->bytes = NULL;
        reader->bytes_capacity = 0;
        uint64_t capacity = length + length / 8;
        if (!leat_accountant_charge(reader->accountant, capacity))
            return leat_error_memory(err);
        reader->bytes = leat_malloc_aligned((size_t)capacity);
        if (!reader->bytes) {
            leat_accountant_release(reader->accountant, capacity);
            return leat_error_memory(err);
        }
        reader->bytes_capacity = (size_t)capacity;
    }
    reader->chunk_offset = range.offset;
    LEAT_TRY(leat_input_read_exact(reader->file->input, range.offset, reader->bytes, (size_t)length,
                                   err));
    if (reader->bytes_read)
        atomic_fetch_add_explicit(reader->bytes_read, length, memory_order_relaxed);
    reader->at = reader->bytes;
    reader->end = reader->bytes + length;
    return LEAT_OK;
}

enum leat_status parquet_leaf_reader_start(struct parquet_leaf_reader *reader, uint32_t group,
                                           struct leat_error *err)
{
    const struct parquet_row_group *row_group = &reader->file->metadata.groups[group];
    reader->chunk = &row_group->chunks[reader->node->leaf];
    move_all(&reader->page, &reader->spare);
    buffers_free(reader, &reader->dictionary_buffers);
    reader->page_slots = 0;
    reader->slots_left = reader->chunk->value_count;
    LEAT_TRY(check_chunk(reader, err));
    leat_free(reader->dictionary);
    reader->dictionary = leat_calloc(1, sizeof(*reader->dictionary));
    if (!reader->dictionary)
        return leat_error_memory(err);
    return load_bytes(reader, err);
}

/* --- pages --- */

/* No codec makes more of so many bytes. */
static bool is_plausible(enum leat_codec_kind codec, uint64_t packed, uint64_t plain)
{
    static const uint64_t ratios[] = {1, 32, 1 << 16, 1100, 1100, 256, 256, 1 << 20};
    return plain <= 64 + packed * ratios[codec];
}

static enum leat_status decompress(struct parquet_leaf_reader *reader, const uint8_t *packed,
                                   size_t packed_length, size_t length, const uint8_t **out,
                                   struct leat_error *err)
{
    uint8_t *plain;
    if (reader->codec == LEAT_CODEC_NONE) {
        if (packed_length != length)
            return parquet_leaf_corrupt(reader, err, "a page has two different sizes");
        *out = packed;
        return LEAT_OK;
    }
    if (!is_plausible(reader->codec, packed_length, length))
        return parquet_leaf_corrupt(reader, err, "a page announces an impossible size");
    LEAT_TRY(parquet_page_alloc(reader, length + 8, &plain, err));
    enum leat_status status = leat_codec_decompress(&reader->codec_state, reader->codec, packed,
                                                    packed_length, plain, length, err);
    if (status) {
        leat_error_context(err, "%s: column %s", reader->file->input->path, reader->node->name);
        leat_error_at(err, reader->file->input->path, 0, 0,
                      reader->chunk_offset + (uint64_t)(packed - reader->bytes));
    }
    *out = plain;
    return status;
}

static enum leat_status check_crc(struct parquet_leaf_reader *reader,
                                  const struct parquet_page_header *header, struct leat_error *err)
{
    if (!header->has_crc ||
        leat_hash_crc32(reader->at, (size_t)header->packed_size, 0) == header->crc)
        return LEAT_OK;
    enum leat_status status = leat_error_set(err, LEAT_E_PARQUET_CHECKSUM,
                                             "%s: column %s: a page's checksum does not match",
                                             reader->file->input->path, reader->node->name);
    leat_error_at(err, reader->file->input->path, 0, 0,
                  reader->chunk_offset + (uint64_t)(reader->at - reader->bytes));
    return status;
}

/* True if decompressed plain values are values of the column's type already. */
static bool lie_as_values(const struct parquet_leaf_reader *reader)
{
    enum parquet_type type = (enum parquet_type)reader->node->element->type;
    return reader->codec != LEAT_CODEC_NONE && reader->converter.kind == PARQUET_CONVERT_NONE &&
           (type == PARQUET_INT32 || type == PARQUET_INT64 || type == PARQUET_FLOAT ||
            type == PARQUET_DOUBLE);
}

/* The entries as values of the column's type, and one of zeros behind them for codes of nulls. */
static enum leat_status convert_dictionary(struct parquet_leaf_reader *reader, const uint8_t *plain,
                                           size_t length, size_t count, uint8_t **out,
                                           struct leat_error *err)
{
    const struct parquet_converter *converter = &reader->converter;
    struct parquet_converter once = *converter;
    uint8_t *physical;
    LEAT_TRY(parquet_page_alloc(reader, (count + 1) * 16, &physical, err));
    reader->value_at = plain;
    reader->value_end = plain + length;
    if (once.kind == PARQUET_CONVERT_UTF8 && parquet_is_ascii(plain, length))
        once.kind = PARQUET_CONVERT_NONE;
    if (!parquet_plain_values(reader, count, physical))
        return parquet_leaf_corrupt(reader, err, "the dictionary is cut short");
    LEAT_TRY(parquet_page_alloc(reader, (count + 1) * 16, out, err));
    if (!parquet_convert(&once, physical, *out, count))
        return parquet_leaf_corrupt(reader, err,
                                    converter->kind == PARQUET_CONVERT_UTF8
                                        ? "a text is not UTF-8"
                                        : "a value does not fit the column's type");
    memset(*out + count * converter->to_width, 0, converter->to_width);
    return LEAT_OK;
}

static enum leat_status read_dictionary(struct parquet_leaf_reader *reader,
                                        const struct parquet_page_header *header,
                                        struct leat_error *err)
{
    const uint8_t *plain;
    uint8_t *values;
    int64_t count = header->value_count;
    const struct parquet_element *element = reader->node->element;
    if (reader->dictionary->type)
        return parquet_leaf_corrupt(reader, err, "the chunk has two dictionaries");
    if (count < 0 || count > DICTIONARY_MOST || element->type == PARQUET_BOOLEAN ||
        (element->type == PARQUET_FIXED && element->type_length == 0 && count > 1) ||
        (element->type != PARQUET_FIXED && count > header->plain_size / 4))
        return parquet_leaf_corrupt(reader, err, "the dictionary's size is wrong");
    if (header->encoding != PARQUET_PLAIN && header->encoding != PARQUET_PLAIN_DICTIONARY)
        return parquet_leaf_corrupt(reader, err, "the dictionary has an unknown encoding");
    move_all(&reader->page, &reader->retired);
    LEAT_TRY(decompress(reader, reader->at, (size_t)header->packed_size, (size_t)header->plain_size,
                        &plain, err));
    const struct parquet_converter *converter = &reader->converter;
    if (lie_as_values(reader) && count * (int64_t)converter->to_width <= header->plain_size) {
        values = (uint8_t *)(uintptr_t)plain; /* a buffer of ours, with room for eight bytes more */
        memset(values + (size_t)count * converter->to_width, 0, converter->to_width);
    } else {
        LEAT_TRY(convert_dictionary(reader, plain, (size_t)header->plain_size, (size_t)count,
                                    &values, err));
    }
    *reader->dictionary = (struct leat_vector){.type = converter->type,
                                               .form = LEAT_FLAT,
                                               .length = (uint32_t)(count ? count : 1),
                                               .data = values,
                                               .identity = leat_vector_new_identity()};
    reader->give_codes =
        leat_type_is_string(converter->type) ||
        count <= (reader->codes_wanted ? LEAT_LASTING_DICTIONARY : SMALL_DICTIONARY);
    move_all(&reader->page, &reader->dictionary_buffers);
    return LEAT_OK;
}

/* Levels of v1 pages: a u32 length, then runs. */
static bool take_levels(const uint8_t **at, const uint8_t *end, const uint8_t **levels,
                        size_t *length)
{
    uint32_t size;
    if (end - *at < 4)
        return false;
    memcpy(&size, *at, 4);
    *at += 4;
    if (size > (uint64_t)(end - *at))
        return false;
    *levels = *at;
    *length = size;
    *at += size;
    return true;
}

/* Decodes all levels of a page, a byte each. */
static enum leat_status unpack_levels(struct parquet_leaf_reader *reader,
                                      struct parquet_hybrid *hybrid, uint64_t slots,
                                      uint8_t maximum, const uint8_t **out, struct leat_error *err)
{
    uint32_t some[512];
    uint8_t *levels;
    LEAT_TRY(parquet_page_alloc(reader, (size_t)slots, &levels, err));
    *out = levels;
    if (maximum == 0) {
        memset(levels, 0, (size_t)slots);
        return LEAT_OK;
    }
    for (uint64_t at = 0; at < slots;) {
        size_t count = slots - at < 512 ? (size_t)(slots - at) : 512;
        uint32_t highest = 0;
        if (!parquet_hybrid_get(hybrid, some, count))
            return parquet_leaf_corrupt(reader, err, "a page's levels are cut short");
        for (size_t i = 0; i < count; i++) {
            levels[at + i] = (uint8_t)some[i];
            highest = some[i] > highest ? some[i] : highest;
        }
        if (highest > maximum)
            return parquet_leaf_corrupt(reader, err, "a page's levels are wrong");
        at += count;
    }
    return LEAT_OK;
}

/* Levels and values of a page whose parts have been found. */
static enum leat_status begin_page(struct parquet_leaf_reader *reader,
                                   const struct parquet_page_header *header,
                                   const uint8_t *repetition, size_t repetition_length,
                                   const uint8_t *definition, size_t definition_length,
                                   const uint8_t *values, size_t values_length,
                                   struct leat_error *err)
{
    const struct parquet_node *node = reader->node;
    struct parquet_hybrid levels;
    uint64_t slots = (uint64_t)header->value_count;
    parquet_hybrid_init(&reader->definition, definition, definition_length,
                        parquet_bit_width(node->max_definition));
    reader->page_definition = reader->page_repetition = NULL;
    reader->level_at = 0;
    if (node->repetition) {
        if (slots > NESTED_PAGE_SLOTS)
            return leat_error_set(err, LEAT_E_LIMIT, "%s: column %s: a page has too many values",
                                  reader->file->input->path, node->name);
        parquet_hybrid_init(&levels, repetition, repetition_length,
                            parquet_bit_width(node->repetition));
        LEAT_TRY(
            unpack_levels(reader, &levels, slots, node->repetition, &reader->page_repetition, err));
        LEAT_TRY(unpack_levels(reader, &reader->definition, slots, node->max_definition,
                               &reader->page_definition, err));
    }
    reader->page_slots = slots;
    return parquet_page_values(reader, header->encoding, values, values_length, slots, err);
}

static enum leat_status begin_v1(struct parquet_leaf_reader *reader,
                                 const struct parquet_page_header *header, struct leat_error *err)
{
    const struct parquet_node *node = reader->node;
    const uint8_t *plain, *repetition = NULL, *definition = NULL;
    size_t repetition_length = 0, definition_length = 0;
    LEAT_TRY(decompress(reader, reader->at, (size_t)header->packed_size, (size_t)header->plain_size,
                        &plain, err));
    const uint8_t *end = plain + header->plain_size;
    if ((node->repetition && header->repetition_encoding == PARQUET_BIT_PACKED) ||
        (node->max_definition && header->definition_encoding == PARQUET_BIT_PACKED))
        return leat_error_set(err, LEAT_E_UNSUPPORTED,
                              "%s: column %s: levels in the old bit-packed form are not supported",
                              reader->file->input->path, node->name);
    if ((node->repetition && !take_levels(&plain, end, &repetition, &repetition_length)) ||
        (node->max_definition && !take_levels(&plain, end, &definition, &definition_length)))
        return parquet_leaf_corrupt(reader, err, "a page's levels are cut short");
    return begin_page(reader, header, repetition, repetition_length, definition, definition_length,
                      plain, (size_t)(end - plain), err);
}

static enum leat_status begin_v2(struct parquet_leaf_reader *reader,
                                 const struct parquet_page_header *header, struct leat_error *err)
{
    int64_t levels = header->repetition_length + header->definition_length;
    if (header->repetition_length < 0 || header->definition_length < 0 ||
        levels > header->packed_size || levels > header->plain_size)
        return parquet_leaf_corrupt(reader, err, "a page's levels are cut short");
    const uint8_t *definition = reader->at + header->repetition_length;
    const uint8_t *packed = reader->at + levels, *plain = packed;
    size_t packed_length = (size_t)(header->packed_size - levels);
    size_t length = (size_t)(header->plain_size - levels);
    if (packed_length == 0)
        length = 0; /* nothing but nulls */
    else if (header->is_compressed)
        LEAT_TRY(decompress(reader, packed, packed_length, length, &plain, err));
    else if (length != packed_length)
        return parquet_leaf_corrupt(reader, err, "a page has two different sizes");
    return begin_page(reader, header, reader->at, (size_t)header->repetition_length, definition,
                      (size_t)header->definition_length, plain, length, err);
}

/* A data page: passed over if all of it is to be skipped. */
static enum leat_status data_page(struct parquet_leaf_reader *reader,
                                  const struct parquet_page_header *header, uint64_t *skip,
                                  struct leat_error *err)
{
    if (header->value_count < 0 || header->value_count > reader->slots_left)
        return parquet_leaf_corrupt(reader, err, "the pages hold more values than the chunk");
    reader->slots_left -= header->value_count;
    if (skip && reader->node->repetition == 0 && (uint64_t)header->value_count <= *skip) {
        *skip -= (uint64_t)header->value_count;
        return LEAT_OK;
    }
    LEAT_TRY(check_crc(reader, header, err));
    move_all(&reader->page, &reader->retired);
    return header->type == PARQUET_DATA_PAGE_V2 ? begin_v2(reader, header, err)
                                                : begin_v1(reader, header, err);
}

enum leat_status parquet_next_page(struct parquet_leaf_reader *reader, uint64_t *skip,
                                   struct leat_error *err)
{
    while (reader->page_slots == 0 && !(skip && *skip == 0)) {
        struct parquet_page_header header;
        size_t used;
        if (reader->slots_left <= 0)
            return parquet_leaf_corrupt(reader, err, "the chunk has less values than rows");
        if (!parquet_page_header_read(reader->at, (size_t)(reader->end - reader->at), &header,
                                      &used))
            return parquet_leaf_corrupt(reader, err, "a page's header is damaged");
        reader->at += used;
        if (header.packed_size > reader->end - reader->at)
            return parquet_leaf_corrupt(reader, err, "a page is cut short");
        if (header.type == PARQUET_DICTIONARY_PAGE) {
            LEAT_TRY(check_crc(reader, &header, err));
            LEAT_TRY(read_dictionary(reader, &header, err));
        } else if (header.type == PARQUET_DATA_PAGE || header.type == PARQUET_DATA_PAGE_V2) {
            LEAT_TRY(data_page(reader, &header, skip, err));
        }
        reader->at += header.packed_size;
    }
    return LEAT_OK;
}
