/*
 * One leaf's values to the pages of a column chunk.
 *
 * Values go into a dictionary first: a hash table of codes, whose entries are 16-byte keys (a text
 * view, or a number padded with zeros), so that all types share one table. If it grows too large,
 * or the first values hardly repeat, the page being filled is turned back into plain values and the
 * rest of the chunk is plain. Pages are kept compressed until the chunk is written, because the
 * dictionary page comes first.
 *
 * Whole numbers and dates close to each other find their codes in a plain array, until one is too
 * far from the first.
 *
 * Bounds of a page of texts are taken over the codes that are new in it, so that repeated ones cost
 * nothing.
 */
#include "formats/parquet/writer_internal.h"
#include "base/hash.h"
#include "formats/parquet/hybrid.h"

#define DICTIONARY_BYTES ((size_t)1 << 20)
#define DICTIONARY_TRIAL 8192u /* values after which the dictionary must have earned its place */
#define SMALL_TRIAL      256u  /* the same when the page is full */
#define PAGE_ROWS        20480u
#define FIRST_SLOTS      1024u
#define NO_CODE          UINT32_MAX
#define NEAR_SPAN        16384u /* values of the plain array */

#define INLINE static inline __attribute__((always_inline))

union key {
    struct leat_string text;
    uint64_t words[2];
};

struct dictionary {
    bool active; /* the present page is dictionary-encoded */
    bool used;   /* some page of the chunk is */
    uint32_t count, capacity;
    union key *keys;
    uint32_t *page_of; /* the page in which the code was last seen, plus 1 */
    uint32_t *slots;
    uint32_t slot_count;
    uint32_t *near_codes; /* of near_base and the values above it; NULL: not needed yet */
    uint64_t near_base;
    bool near;    /* all values so far are in the plain array, and not in the hash table */
    size_t bytes; /* of the plain page */
    struct leat_arena arena; /* long texts */
};

struct page { /* of the chunk being built */
    struct parquet_page_location location;
    struct parquet_bounds bounds;
};

struct parquet_column_writer {
    const struct parquet_leaf *leaf;
    struct parquet_column_options options;
    struct leat_codec *codec;
    struct dictionary dictionary;
    /* the page being filled */
    struct leat_buffer definition, repetition; /* a byte a slot */
    struct leat_buffer codes;                  /* uint32_t */
    struct leat_buffer plain;                  /* plain bytes; booleans a byte each */
    struct parquet_bounds bounds;
    uint64_t page_slots, page_rows, page_values;
    /* the chunk */
    struct leat_buffer pages;
    struct leat_buffer dictionary_page; /* of the sealed chunk */
    struct leat_buffer body, packed;    /* scratch */
    struct page *index;
    uint32_t page_count, page_capacity;
    uint64_t rows, slots, plain_size;
    bool plain_used;
    uint64_t chunk_start; /* for the index, after the flush */
};

/* --- dictionary --- */

static void dictionary_reset(struct dictionary *dictionary, bool wanted, bool whole_numbers)
{
    if (dictionary->near_codes)
        memset(dictionary->near_codes, 0xff, NEAR_SPAN * sizeof(uint32_t));
    dictionary->near = whole_numbers;
    if (dictionary->slots)
        memset(dictionary->slots, 0xff, dictionary->slot_count * sizeof(uint32_t));
    leat_arena_reset(&dictionary->arena);
    dictionary->active = wanted;
    dictionary->used = false;
    dictionary->count = 0;
    dictionary->bytes = 0;
}

static void dictionary_release(struct dictionary *dictionary)
{
    leat_free(dictionary->keys);
    leat_free(dictionary->page_of);
    leat_free(dictionary->slots);
    leat_free(dictionary->near_codes);
    leat_arena_release(&dictionary->arena);
}

INLINE bool same_key(const union key *a, const union key *b, bool text)
{
    if (a->words[0] != b->words[0]) /* length and first bytes of a text */
        return false;
    if (text && a->text.length > LEAT_STRING_INLINE)
        return memcmp(a->text.view.data, b->text.view.data, a->text.length) == 0;
    return a->words[1] == b->words[1];
}

INLINE uint64_t hash_key(const union key *key, bool text)
{
    if (text && key->text.length > LEAT_STRING_INLINE)
        return leat_hash_bytes(key->text.view.data, key->text.length, 0);
    return leat_hash_u64(key->words[0] * 0x9e3779b97f4a7c15ULL ^ key->words[1]);
}

/* Enters all keys into the empty hash table. */
static void fill_slots(struct dictionary *dictionary, bool text)
{
    uint32_t mask = dictionary->slot_count - 1;
    memset(dictionary->slots, 0xff, dictionary->slot_count * sizeof(uint32_t));
    for (uint32_t code = 0; code < dictionary->count; code++) {
        uint64_t at = hash_key(&dictionary->keys[code], text);
        while (dictionary->slots[at & mask] != NO_CODE)
            at++;
        dictionary->slots[at & mask] = code;
    }
}

static enum leat_status grow_slots(struct dictionary *dictionary, bool text, struct leat_error *err)
{
    uint32_t count = dictionary->slot_count ? dictionary->slot_count * 2 : FIRST_SLOTS;
    while (count <= (uint64_t)dictionary->count * 4)
        count *= 2;
    uint32_t *slots = leat_realloc(dictionary->slots, count * sizeof(*slots));
    if (!slots)
        return leat_error_memory(err);
    dictionary->slots = slots;
    dictionary->slot_count = count;
    fill_slots(dictionary, text);
    return LEAT_OK;
}

static enum leat_status grow_keys(struct dictionary *dictionary, struct leat_error *err)
{
    uint32_t capacity = dictionary->capacity ? dictionary->capacity * 2 : FIRST_SLOTS;
    union key *keys = leat_realloc(dictionary->keys, capacity * sizeof(*keys));
    if (!keys)
        return leat_error_memory(err);
    dictionary->keys = keys;
    uint32_t *page_of = leat_realloc(dictionary->page_of, capacity * sizeof(*page_of));
    if (!page_of)
        return leat_error_memory(err);
    dictionary->page_of = page_of;
    dictionary->capacity = capacity;
    return LEAT_OK;
}

/* Appends a key, whose code is the number of those before it. */
static enum leat_status insert(struct dictionary *dictionary, union key key, bool text,
                               size_t width, struct leat_error *err)
{
    if (dictionary->count == dictionary->capacity)
        LEAT_TRY(grow_keys(dictionary, err));
    if (text) {
        dictionary->bytes += 4 + key.text.length;
        if (key.text.length > LEAT_STRING_INLINE) {
            const char *copy =
                leat_arena_copy(&dictionary->arena, key.text.view.data, key.text.length);
            if (!copy)
                return leat_error_memory(err);
            key.text.view.data = copy;
        }
    } else {
        dictionary->bytes += width;
    }
    dictionary->page_of[dictionary->count] = 0;
    dictionary->keys[dictionary->count++] = key;
    return LEAT_OK;
}

static size_t kind_size(enum parquet_value_kind kind)
{
    static const uint8_t sizes[] = {0, 1, 4, 8, 4, 8, 16, 16, 16};
    return sizes[kind];
}

INLINE int64_t whole_number(const char *values, size_t i, size_t size)
{
    return size == 4 ? ((const int32_t *)(const void *)values)[i]
                     : ((const int64_t *)(const void *)values)[i];
}

/* Codes of the values, adding new ones. One loop a layout: size and kind are constants in each. A
 * value equal to the one before needs no look-up. Texts' bounds are taken here, from those not yet
 * seen in this page. */
INLINE enum leat_status add_codes_of(struct parquet_column_writer *writer, const char *values,
                                     uint32_t count, size_t size, bool text, struct leat_error *err)
{
    struct dictionary *dictionary = &writer->dictionary;
    size_t width = writer->leaf->width ? writer->leaf->width : size;
    uint32_t page = writer->page_count + 1;
    LEAT_TRY(leat_buffer_reserve(&writer->codes, count * sizeof(uint32_t), err));
    uint32_t *codes = (uint32_t *)(void *)(writer->codes.data + writer->codes.length);
    for (uint32_t i = 0; i < count; i++) {
        union key key = {.words = {0, 0}};
        memcpy(&key, values + i * size, size);
        if ((uint64_t)dictionary->count * 4 >= dictionary->slot_count)
            LEAT_TRY(grow_slots(dictionary, text, err));
        uint64_t at = hash_key(&key, text), mask = dictionary->slot_count - 1;
        uint32_t code;
        while ((code = dictionary->slots[at & mask]) != NO_CODE &&
               !same_key(&dictionary->keys[code], &key, text))
            at++;
        if (code == NO_CODE) {
            code = dictionary->count;
            LEAT_TRY(insert(dictionary, key, text, width, err));
            dictionary->slots[at & mask] = code;
        }
        if (text && dictionary->page_of[code] != page) {
            dictionary->page_of[code] = page;
            parquet_bounds_add(&writer->bounds, values + i * size, 1);
        }
        codes[i] = code;
    }
    writer->codes.length += count * sizeof(uint32_t);
    return LEAT_OK;
}

/* Puts what the plain array knows into the hash table. */
static enum leat_status leave_near(struct dictionary *dictionary, struct leat_error *err)
{
    dictionary->near = false;
    if ((uint64_t)dictionary->count * 4 >= dictionary->slot_count)
        return grow_slots(dictionary, false, err);
    fill_slots(dictionary, false);
    return LEAT_OK;
}

/* Whole numbers: true in *done if the plain array gave their codes. */
INLINE enum leat_status add_near_codes(struct parquet_column_writer *writer, const char *values,
                                       uint32_t count, size_t size, bool *done,
                                       struct leat_error *err)
{
    struct dictionary *dictionary = &writer->dictionary;
    int64_t low = INT64_MAX, high = INT64_MIN;
    *done = false;
    for (uint32_t i = 0; i < count; i++) {
        int64_t value = whole_number(values, i, size);
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    parquet_bounds_add_range(&writer->bounds, low, high);
    if (!dictionary->near)
        return LEAT_OK;
    if (dictionary->count == 0)
        dictionary->near_base = (uint64_t)low - NEAR_SPAN / 4;
    if ((uint64_t)low - dictionary->near_base >= NEAR_SPAN ||
        (uint64_t)high - dictionary->near_base >= NEAR_SPAN)
        return leave_near(dictionary, err);
    if (!dictionary->near_codes) {
        dictionary->near_codes = leat_malloc(NEAR_SPAN * sizeof(uint32_t));
        if (!dictionary->near_codes)
            return leat_error_memory(err);
        memset(dictionary->near_codes, 0xff, NEAR_SPAN * sizeof(uint32_t));
    }
    LEAT_TRY(leat_buffer_reserve(&writer->codes, count * sizeof(uint32_t), err));
    uint32_t *codes = (uint32_t *)(void *)(writer->codes.data + writer->codes.length);
    for (uint32_t i = 0; i < count; i++) {
        int64_t value = whole_number(values, i, size);
        uint32_t *code = &dictionary->near_codes[(uint64_t)value - dictionary->near_base];
        if (*code == NO_CODE) {
            union key key = {.words = {0, 0}};
            memcpy(&key, values + i * size, size);
            LEAT_TRY(insert(dictionary, key, false, size, err));
            *code = dictionary->count - 1;
        }
        codes[i] = *code;
    }
    writer->codes.length += count * sizeof(uint32_t);
    *done = true;
    return LEAT_OK;
}

static enum leat_status add_codes(struct parquet_column_writer *writer, const char *values,
                                  uint32_t count, struct leat_error *err)
{
    bool done;
    if (count == 0)
        return LEAT_OK;
    switch (writer->leaf->kind) {
    case PARQUET_VALUE_STRING:
        return add_codes_of(writer, values, count, sizeof(struct leat_string), true, err);
    case PARQUET_VALUE_INT32:
        LEAT_TRY(add_near_codes(writer, values, count, 4, &done, err));
        return done ? LEAT_OK : add_codes_of(writer, values, count, 4, false, err);
    case PARQUET_VALUE_INT64:
        LEAT_TRY(add_near_codes(writer, values, count, 8, &done, err));
        return done ? LEAT_OK : add_codes_of(writer, values, count, 8, false, err);
    default:
        break;
    }
    parquet_bounds_add(&writer->bounds, values, count);
    switch (kind_size(writer->leaf->kind)) {
    case 4:
        return add_codes_of(writer, values, count, 4, false, err);
    case 8:
        return add_codes_of(writer, values, count, 8, false, err);
    default:
        return add_codes_of(writer, values, count, 16, false, err);
    }
}

/* --- plain values --- */

static enum leat_status put_decimals(struct leat_buffer *out, const leat_int128 *values,
                                     uint32_t count, unsigned width, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_reserve(out, (size_t)count * width, err));
    uint8_t *to = out->data + out->length;
    for (uint32_t i = 0; i < count; i++) {
        for (unsigned byte = 0; byte < width; byte++)
            *to++ = (uint8_t)(values[i] >> (8 * (width - 1 - byte)));
    }
    out->length += (size_t)count * width;
    return LEAT_OK;
}

static enum leat_status put_strings(struct leat_buffer *out, const struct leat_string *values,
                                    uint32_t count, struct leat_error *err)
{
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += 4 + (size_t)values[i].length;
    LEAT_TRY(leat_buffer_reserve(out, total, err));
    uint8_t *to = out->data + out->length;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(to, &values[i].length, 4);
        memcpy(to + 4, leat_string_data(&values[i]), values[i].length);
        to += 4 + (size_t)values[i].length;
    }
    out->length += total;
    return LEAT_OK;
}

static enum leat_status put_plain(const struct parquet_leaf *leaf, struct leat_buffer *out,
                                  const void *values, uint32_t count, struct leat_error *err)
{
    if (count == 0)
        return LEAT_OK;
    if (leaf->kind == PARQUET_VALUE_INT128)
        return put_decimals(out, values, count, leaf->width, err);
    if (leaf->kind == PARQUET_VALUE_STRING)
        return put_strings(out, values, count, err);
    return leat_buffer_append(out, values, count * kind_size(leaf->kind), err);
}

/* The dictionary's entries [0, count), or those of the codes, as plain values. */
static enum leat_status put_keys(struct parquet_column_writer *writer, const uint32_t *codes,
                                 size_t count, struct leat_buffer *out, struct leat_error *err)
{
    size_t size = kind_size(writer->leaf->kind);
    union key some[64];
    char *values = (char *)some;
    for (size_t i = 0; i < count;) {
        uint32_t filled = 0;
        for (; filled < 64 && i < count; filled++, i++)
            memcpy(values + filled * size, &writer->dictionary.keys[codes ? codes[i] : i], size);
        LEAT_TRY(put_plain(writer->leaf, out, values, filled, err));
    }
    return LEAT_OK;
}

/* Gives the dictionary up: what waits for the page becomes plain. */
static enum leat_status fall_back(struct parquet_column_writer *writer, struct leat_error *err)
{
    const uint32_t *codes = (const uint32_t *)(const void *)writer->codes.data;
    LEAT_TRY(put_keys(writer, codes, writer->codes.length / sizeof(uint32_t), &writer->plain, err));
    writer->codes.length = 0;
    writer->dictionary.active = false;
    return LEAT_OK;
}

/* `trial`: values after which a dictionary that hardly repeats is given up. */
static bool dictionary_fails(const struct parquet_column_writer *writer, uint64_t trial)
{
    const struct dictionary *dictionary = &writer->dictionary;
    if (dictionary->bytes > DICTIONARY_BYTES)
        return true;
    uint64_t values = writer->page_values; /* of the first page: afterwards it has proved itself */
    return writer->page_count == 0 && values >= trial &&
           (uint64_t)dictionary->count * 4 > values * 3;
}

/* --- pages --- */

/* A u32 length, then the runs of the levels. */
static enum leat_status put_levels(struct parquet_column_writer *writer,
                                   const struct leat_buffer *levels, uint8_t maximum,
                                   struct leat_error *err)
{
    struct leat_buffer *out = &writer->body, *wide = &writer->packed;
    size_t head = out->length, slots = (size_t)writer->page_slots;
    if (maximum == 0)
        return LEAT_OK;
    wide->length = 0;
    LEAT_TRY(leat_buffer_reserve(wide, slots * sizeof(uint32_t), err));
    uint32_t *values = (uint32_t *)(void *)wide->data;
    for (size_t i = 0; i < slots; i++)
        values[i] = levels->data[i];
    LEAT_TRY(leat_buffer_put_u32(out, 0, err)); /* the length, set below */
    LEAT_TRY(parquet_hybrid_put(values, slots, parquet_bit_width(maximum), out, err));
    uint32_t length = (uint32_t)(out->length - head - 4);
    memcpy(out->data + head, &length, 4);
    return LEAT_OK;
}

static enum leat_status put_bits(const struct leat_buffer *plain, struct leat_buffer *out,
                                 struct leat_error *err)
{
    for (size_t i = 0; i < plain->length; i += 8) {
        uint8_t byte = 0;
        for (size_t bit = 0; bit < 8 && i + bit < plain->length; bit++)
            byte = (uint8_t)(byte | (plain->data[i + bit] & 1) << bit);
        LEAT_TRY(leat_buffer_append_byte(out, byte, err));
    }
    return LEAT_OK;
}

/* Levels and values of the page, uncompressed. */
static enum leat_status build_body(struct parquet_column_writer *writer, struct leat_error *err)
{
    const struct parquet_leaf *leaf = writer->leaf;
    struct leat_buffer *body = &writer->body;
    body->length = 0;
    LEAT_TRY(put_levels(writer, &writer->repetition, leaf->max_repetition, err));
    LEAT_TRY(put_levels(writer, &writer->definition, leaf->max_definition, err));
    if (leaf->kind == PARQUET_VALUE_BOOLEAN)
        return put_bits(&writer->plain, body, err);
    if (!writer->dictionary.active)
        return leat_buffer_append(body, writer->plain.data, writer->plain.length, err);
    unsigned width = parquet_bit_width(writer->dictionary.count ? writer->dictionary.count - 1 : 0);
    if (width == 0)
        width = 1;
    LEAT_TRY(leat_buffer_append_byte(body, (uint8_t)width, err));
    return parquet_hybrid_put((const uint32_t *)(const void *)writer->codes.data,
                              writer->codes.length / sizeof(uint32_t), width, body, err);
}

/* Appends a page to the chunk's pages: header, then the compressed body. */
static enum leat_status put_page(struct parquet_column_writer *writer,
                                 struct parquet_page_header *header, struct leat_buffer *out,
                                 struct leat_error *err)
{
    const struct leat_buffer *body = &writer->body;
    size_t before = out->length;
    if (body->length > INT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "column %s: a page is larger than 2 GiB",
                              writer->leaf->path);
    writer->packed.length = 0;
    LEAT_TRY(leat_codec_compress(writer->codec, writer->options.codec, writer->options.level,
                                 body->data, body->length, &writer->packed, err));
    header->plain_size = (int64_t)body->length;
    header->packed_size = (int64_t)writer->packed.length;
    header->has_crc = true;
    header->crc = leat_hash_crc32(writer->packed.data, writer->packed.length, 0);
    LEAT_TRY(parquet_page_header_put(header, out, err));
    writer->plain_size += out->length - before + body->length;
    return leat_buffer_append(out, writer->packed.data, writer->packed.length, err);
}

static enum leat_status finish_page(struct parquet_column_writer *writer, struct leat_error *err)
{
    struct parquet_page_header header = {.type = PARQUET_DATA_PAGE,
                                         .value_count = (int64_t)writer->page_slots};
    if (writer->page_slots == 0)
        return LEAT_OK;
    if (writer->page_count == writer->page_capacity) {
        uint32_t capacity = writer->page_capacity ? writer->page_capacity * 2 : 16;
        struct page *grown = leat_realloc(writer->index, capacity * sizeof(*grown));
        if (!grown)
            return leat_error_memory(err);
        writer->index = grown;
        writer->page_capacity = capacity;
    }
    if (writer->dictionary.active && dictionary_fails(writer, SMALL_TRIAL))
        LEAT_TRY(fall_back(writer, err));
    bool coded = writer->dictionary.active;
    header.encoding = coded ? PARQUET_RLE_DICTIONARY : PARQUET_PLAIN;
    LEAT_TRY(build_body(writer, err));
    struct page *page = &writer->index[writer->page_count];
    page->location.offset = (int64_t)writer->pages.length;
    page->location.first_row = (int64_t)(writer->rows - writer->page_rows);
    LEAT_TRY(put_page(writer, &header, &writer->pages, err));
    page->location.size = (int32_t)((int64_t)writer->pages.length - page->location.offset);
    writer->bounds.values = writer->page_slots;
    writer->bounds.nulls = writer->page_slots - writer->page_values;
    page->bounds = writer->bounds;
    writer->page_count++;
    if (coded)
        writer->dictionary.used = true;
    else
        writer->plain_used = true;
    writer->definition.length = writer->repetition.length = 0;
    writer->codes.length = writer->plain.length = 0;
    writer->page_slots = writer->page_rows = writer->page_values = 0;
    parquet_bounds_init(&writer->bounds, writer->leaf->kind);
    return LEAT_OK;
}

static enum leat_status add_levels(struct leat_buffer *levels, const uint8_t *from, uint32_t count,
                                   uint8_t constant, uint8_t maximum, struct leat_error *err)
{
    if (maximum == 0)
        return LEAT_OK;
    LEAT_TRY(leat_buffer_reserve(levels, count, err));
    if (from)
        memcpy(levels->data + levels->length, from, count);
    else
        memset(levels->data + levels->length, constant, count);
    levels->length += count;
    return LEAT_OK;
}

enum leat_status parquet_column_writer_add(struct parquet_column_writer *writer,
                                           const struct parquet_shred *shred,
                                           struct leat_error *err)
{
    const struct parquet_leaf *leaf = writer->leaf;
    LEAT_TRY(add_levels(&writer->definition, shred->definition, shred->slots, leaf->max_definition,
                        leaf->max_definition, err));
    LEAT_TRY(add_levels(&writer->repetition, shred->repetition, shred->slots, 0,
                        leaf->max_repetition, err));
    writer->page_slots += shred->slots;
    writer->page_rows += shred->rows;
    writer->page_values += shred->value_count;
    writer->rows += shred->rows;
    writer->slots += shred->slots;
    if (writer->dictionary.active) {
        LEAT_TRY(add_codes(writer, shred->values, shred->value_count, err));
        if (dictionary_fails(writer, DICTIONARY_TRIAL))
            LEAT_TRY(fall_back(writer, err));
    } else {
        parquet_bounds_add(&writer->bounds, shred->values, shred->value_count);
        LEAT_TRY(put_plain(leaf, &writer->plain, shred->values, shred->value_count, err));
    }
    /* A code is about two bytes; a page of codes also ends by its rows. */
    size_t bytes = writer->plain.length + writer->codes.length / 2 + writer->definition.length / 4 +
                   writer->repetition.length / 4;
    if (bytes >= writer->options.page_bytes || writer->page_rows >= PAGE_ROWS)
        LEAT_TRY(finish_page(writer, err));
    return LEAT_OK;
}

size_t parquet_column_writer_size(const struct parquet_column_writer *writer)
{
    return writer->pages.length + writer->plain.length + writer->codes.length +
           writer->definition.length + writer->repetition.length + writer->dictionary.bytes;
}

/* --- chunks --- */

static enum leat_status bound_text(const struct parquet_column_writer *writer,
                                   const struct parquet_bounds *bounds, bool upper,
                                   struct leat_arena *arena, struct leat_text *out, bool *has,
                                   struct leat_error *err)
{
    const struct parquet_leaf *leaf = writer->leaf;
    uint8_t bytes[PARQUET_BOUND_BYTES];
    size_t length = 0;
    bool exact;
    *has = parquet_bounds_encode(bounds, upper, leaf->type->id != LEAT_BYTES, leaf->width, bytes,
                                 &length, &exact);
    *out = (struct leat_text){"", 0};
    if (!*has)
        return LEAT_OK;
    *out = (struct leat_text){leat_arena_copy(arena, bytes, length), length};
    return out->data ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status write_dictionary(struct parquet_column_writer *writer,
                                         struct leat_buffer *out, struct leat_error *err)
{
    struct parquet_page_header header = {.type = PARQUET_DICTIONARY_PAGE,
                                         .value_count = writer->dictionary.count,
                                         .encoding = PARQUET_PLAIN};
    writer->body.length = 0;
    LEAT_TRY(put_keys(writer, NULL, writer->dictionary.count, &writer->body, err));
    return put_page(writer, &header, out, err);
}

enum leat_status parquet_column_writer_seal(struct parquet_column_writer *writer,
                                            struct leat_error *err)
{
    writer->dictionary_page.length = 0;
    LEAT_TRY(finish_page(writer, err));
    return writer->dictionary.used ? write_dictionary(writer, &writer->dictionary_page, err)
                                   : LEAT_OK;
}

static int64_t codec_number(enum leat_codec_kind kind)
{
    switch (kind) {
    case LEAT_CODEC_SNAPPY:
        return 1;
    case LEAT_CODEC_GZIP:
        return 2;
    case LEAT_CODEC_ZSTD:
        return 6;
    case LEAT_CODEC_LZ4:
        return 7;
    default:
        return 0;
    }
}

static void reset_chunk(struct parquet_column_writer *writer)
{
    bool wanted =
        writer->leaf->kind != PARQUET_VALUE_BOOLEAN && writer->leaf->kind != PARQUET_VALUE_NONE;
    dictionary_reset(&writer->dictionary, wanted,
                     writer->leaf->kind == PARQUET_VALUE_INT32 ||
                         writer->leaf->kind == PARQUET_VALUE_INT64);
    writer->pages.length = 0;
    writer->rows = writer->slots = writer->plain_size = 0;
    writer->plain_used = false;
}

enum leat_status parquet_column_writer_flush(struct parquet_column_writer *writer,
                                             struct leat_output *output, struct leat_arena *arena,
                                             struct parquet_chunk *chunk,
                                             struct parquet_bounds *total, struct leat_error *err)
{
    const struct parquet_leaf *leaf = writer->leaf;
    struct parquet_bounds bounds;
    parquet_bounds_init(&bounds, leaf->kind);
    for (uint32_t i = 0; i < writer->page_count; i++)
        parquet_bounds_merge(&bounds, &writer->index[i].bounds);
    parquet_bounds_merge(total, &bounds);
    uint64_t start = output->position;
    *chunk = (struct parquet_chunk){.type = leaf->physical,
                                    .codec = codec_number(writer->options.codec),
                                    .encodings = 1u << PARQUET_RLE,
                                    .value_count = (int64_t)writer->slots,
                                    .dictionary_offset = PARQUET_UNSET,
                                    .offset_index_offset = PARQUET_UNSET,
                                    .column_index_offset = PARQUET_UNSET,
                                    .path = leaf->names,
                                    .path_count = leaf->name_count};
    if (writer->plain_used || writer->dictionary.used)
        chunk->encodings |= 1u << PARQUET_PLAIN;
    if (writer->dictionary.used) {
        chunk->encodings |= 1u << PARQUET_RLE_DICTIONARY;
        chunk->dictionary_offset = (int64_t)start;
        LEAT_TRY(leat_output_write(output, writer->dictionary_page.data,
                                   writer->dictionary_page.length, err));
    }
    writer->chunk_start = output->position;
    chunk->data_offset = (int64_t)output->position;
    LEAT_TRY(leat_output_write(output, writer->pages.data, writer->pages.length, err));
    chunk->packed_size = (int64_t)(output->position - start);
    chunk->plain_size = (int64_t)writer->plain_size;
    chunk->statistics.null_count = (int64_t)bounds.nulls;
    LEAT_TRY(bound_text(writer, &bounds, false, arena, &chunk->statistics.min,
                        &chunk->statistics.has_min, err));
    LEAT_TRY(bound_text(writer, &bounds, true, arena, &chunk->statistics.max,
                        &chunk->statistics.has_max, err));
    reset_chunk(writer);
    return LEAT_OK;
}

/* 1 if both bounds ascend from page to page, 2 if they descend, 0 otherwise. */
static int32_t boundary_order(const struct parquet_column_writer *writer)
{
    bool ascending = true, descending = true;
    const struct parquet_bounds *last = NULL;
    for (uint32_t i = 0; i < writer->page_count; i++) {
        const struct parquet_bounds *bounds = &writer->index[i].bounds;
        if (!bounds->any)
            continue;
        if (last) {
            int low = parquet_bounds_compare(last, bounds, false);
            int high = parquet_bounds_compare(last, bounds, true);
            ascending &= low <= 0 && high <= 0;
            descending &= low >= 0 && high >= 0;
        }
        last = bounds;
    }
    return ascending ? 1 : descending ? 2 : 0;
}

static enum leat_status put_column_index(struct parquet_column_writer *writer,
                                         struct leat_arena *arena, struct leat_buffer *out,
                                         struct leat_error *err)
{
    uint32_t count = writer->page_count;
    struct parquet_column_index index = {.count = count,
                                         .null_pages = LEAT_NEW_ARRAY(arena, uint8_t, count),
                                         .min = LEAT_NEW_ARRAY(arena, struct leat_text, count),
                                         .max = LEAT_NEW_ARRAY(arena, struct leat_text, count),
                                         .null_counts = LEAT_NEW_ARRAY(arena, int64_t, count)};
    if (!index.null_pages || !index.min || !index.max || !index.null_counts)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        const struct parquet_bounds *bounds = &writer->index[i].bounds;
        bool has_min, has_max;
        index.null_counts[i] = (int64_t)bounds->nulls;
        index.null_pages[i] = bounds->nulls == bounds->values;
        LEAT_TRY(bound_text(writer, bounds, false, arena, &index.min[i], &has_min, err));
        LEAT_TRY(bound_text(writer, bounds, true, arena, &index.max[i], &has_max, err));
        if (!index.null_pages[i] && !(has_min && has_max))
            return LEAT_OK; /* a page without bounds (all NaN): no index at all */
    }
    return parquet_column_index_put(&index, boundary_order(writer), out, err);
}

enum leat_status parquet_column_writer_index(struct parquet_column_writer *writer,
                                             struct leat_arena *arena,
                                             struct leat_text *offset_index,
                                             struct leat_text *column_index, struct leat_error *err)
{
    uint32_t count = writer->page_count;
    struct leat_buffer *out = &writer->body;
    struct parquet_page_location *locations =
        LEAT_NEW_ARRAY(arena, struct parquet_page_location, count);
    if (!locations)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        locations[i] = writer->index[i].location;
        locations[i].offset += (int64_t)writer->chunk_start;
    }
    out->length = 0;
    LEAT_TRY(parquet_offset_index_put(locations, count, out, err));
    offset_index->length = out->length;
    offset_index->data = leat_arena_copy(arena, out->data, out->length);
    out->length = 0;
    LEAT_TRY(put_column_index(writer, arena, out, err));
    column_index->length = out->length;
    column_index->data = leat_arena_copy(arena, out->data, out->length);
    writer->page_count = 0;
    return offset_index->data && column_index->data ? LEAT_OK : leat_error_memory(err);
}

enum leat_status parquet_column_writer_new(const struct parquet_leaf *leaf,
                                           const struct parquet_column_options *options,
                                           struct leat_codec *codec,
                                           struct parquet_column_writer **out,
                                           struct leat_error *err)
{
    *out = leat_calloc(1, sizeof(**out));
    if (!*out)
        return leat_error_memory(err);
    (*out)->leaf = leaf;
    (*out)->options = *options;
    (*out)->codec = codec;
    leat_arena_init(&(*out)->dictionary.arena, options->accountant);
    leat_buffer_init(&(*out)->definition, 0);
    leat_buffer_init(&(*out)->repetition, 0);
    leat_buffer_init(&(*out)->codes, 0);
    leat_buffer_init(&(*out)->plain, 0);
    leat_buffer_init(&(*out)->pages, 0);
    leat_buffer_init(&(*out)->dictionary_page, 0);
    leat_buffer_init(&(*out)->body, 0);
    leat_buffer_init(&(*out)->packed, 0);
    parquet_bounds_init(&(*out)->bounds, leaf->kind);
    reset_chunk(*out);
    return LEAT_OK;
}

void parquet_column_writer_free(struct parquet_column_writer *writer)
{
    if (!writer)
        return;
    dictionary_release(&writer->dictionary);
    leat_buffer_release(&writer->definition);
    leat_buffer_release(&writer->repetition);
    leat_buffer_release(&writer->codes);
    leat_buffer_release(&writer->plain);
    leat_buffer_release(&writer->pages);
    leat_buffer_release(&writer->dictionary_page);
    leat_buffer_release(&writer->body);
    leat_buffer_release(&writer->packed);
    leat_free(writer->index);
    leat_free(writer);
}
