/*
 * Values of a page: plain ones are taken from where they lie, codes are unpacked and looked up, the
 * delta encodings are decoded at once when the page begins, and split bytes are put together into
 * plain ones.
 */
#include "formats/parquet/reader_internal.h"

#include "base/hot.h"

#define DELTA_TEXT_MOST ((uint64_t)1 << 30) /* bytes one page of prefixed texts may become */

bool parquet_is_ascii(const uint8_t *bytes, size_t length)
{
    uint64_t bits = 0, word;
    size_t i = 0;
    for (; i + 64 <= length; i += 64) {
        uint64_t words[8];
        memcpy(words, bytes + i, 64);
        bits |= (words[0] | words[1]) | (words[2] | words[3]) | (words[4] | words[5]) |
                (words[6] | words[7]);
    }
    for (; i + 8 <= length; i += 8) {
        memcpy(&word, bytes + i, 8);
        bits |= word;
    }
    for (; i < length; i++)
        bits |= bytes[i];
    return !(bits & 0x8080808080808080ULL);
}

/* Bytes of a plain value, 0 for those that are not of one width. */
static size_t plain_width(const struct parquet_element *element)
{
    static const uint8_t widths[] = {0, 4, 8, 12, 4, 8, 0, 0};
    return element->type == PARQUET_FIXED ? (size_t)element->type_length : widths[element->type];
}

/* --- plain --- */

static bool plain_booleans(struct parquet_leaf_reader *reader, size_t count, uint8_t *out)
{
    uint64_t have = (uint64_t)(reader->value_end - reader->value_at) * 8;
    if (count > have - reader->bit)
        return false;
    for (size_t i = 0; i < count; i++, reader->bit++)
        out[i] = reader->value_at[reader->bit >> 3] >> (reader->bit & 7) & 1;
    return true;
}

static bool plain_texts(struct parquet_leaf_reader *reader, size_t count, struct leat_string *out)
{
    const uint8_t *at = reader->value_at, *end = reader->value_end;
    for (size_t i = 0; i < count; i++) {
        uint32_t length;
        if (end - at < 4)
            return false;
        memcpy(&length, at, 4);
        at += 4;
        if (length > (uint64_t)(end - at))
            return false;
        struct leat_string string = {.length = length};
        if (length > LEAT_STRING_INLINE) {
            memcpy(string.view.prefix, at, 4);
            string.view.data = (const char *)at;
        } else if (end - at >= 12) { /* twelve bytes at once, those beyond masked away */
            uint64_t low;
            uint32_t high;
            memcpy(&low, at, 8);
            memcpy(&high, at + 8, 4);
            low = length < 8 ? low & (((uint64_t)1 << (length * 8)) - 1) : low;
            high = length > 8 ? (uint32_t)(high & (((uint64_t)1 << ((length - 8) * 8)) - 1)) : 0;
            memcpy(string.inlined, &low, 8);
            memcpy(string.inlined + 8, &high, 4);
        } else {
            memset(string.inlined, 0, sizeof(string.inlined));
            memcpy(string.inlined, at, length);
        }
        out[i] = string;
        at += length;
    }
    reader->value_at = at;
    return true;
}

static bool plain_fixed(struct parquet_leaf_reader *reader, size_t count, size_t width,
                        struct leat_string *out)
{
    if (width && count > (size_t)(reader->value_end - reader->value_at) / width)
        return false;
    for (size_t i = 0; i < count; i++, reader->value_at += width)
        out[i] = leat_string_of((const char *)reader->value_at, width);
    return true;
}

bool parquet_plain_values(struct parquet_leaf_reader *reader, size_t count, void *out)
{
    const struct parquet_element *element = reader->node->element;
    size_t width = plain_width(element);
    switch (element->type) {
    case PARQUET_BOOLEAN:
        return plain_booleans(reader, count, out);
    case PARQUET_BYTE_ARRAY:
        return plain_texts(reader, count, out);
    case PARQUET_FIXED:
    case PARQUET_INT96:
        return plain_fixed(reader, count, width, out);
    default:
        if (count > (size_t)(reader->value_end - reader->value_at) / width)
            return false;
        if (count)
            memcpy(out, reader->value_at, count * width);
        reader->value_at += count * width;
        return true;
    }
}

/* --- setting up --- */

static enum leat_status unsupported(const struct parquet_leaf_reader *reader, int64_t encoding,
                                    struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_UNSUPPORTED,
                          "%s: column %s: encoding %lld is not supported for its type",
                          reader->file->input->path, reader->node->name, (long long)encoding);
}

static enum leat_status delta_integers(struct parquet_leaf_reader *reader, const uint8_t *bytes,
                                       size_t length, uint64_t slots, unsigned width,
                                       const void **out, size_t *count, size_t *used,
                                       struct leat_error *err)
{
    uint64_t values;
    uint8_t *array;
    if (!parquet_delta_count(bytes, length, &values) || values > slots)
        return parquet_leaf_corrupt(reader, err, "delta-encoded values are damaged");
    LEAT_TRY(parquet_page_alloc(reader, (size_t)values * width, &array, err));
    if (!parquet_delta_unpack(bytes, length, width, array, (size_t)values, used))
        return parquet_leaf_corrupt(reader, err, "delta-encoded values are damaged");
    *out = array;
    *count = (size_t)values;
    return LEAT_OK;
}

/* Lengths, then the bytes of all texts. */
static enum leat_status delta_lengths(struct parquet_leaf_reader *reader, const uint8_t *bytes,
                                      size_t length, uint64_t slots, struct leat_string **out,
                                      size_t *count, struct leat_error *err)
{
    const void *array;
    uint8_t *strings;
    size_t used;
    LEAT_TRY(delta_integers(reader, bytes, length, slots, 4, &array, count, &used, err));
    const uint32_t *lengths = array;
    LEAT_TRY(parquet_page_alloc(reader, *count * sizeof(struct leat_string), &strings, err));
    *out = (struct leat_string *)(void *)strings;
    bytes += used;
    length -= used;
    for (size_t i = 0; i < *count; i++) {
        if (lengths[i] > length)
            return parquet_leaf_corrupt(reader, err, "delta-encoded texts are cut short");
        (*out)[i] = leat_string_of((const char *)bytes, lengths[i]);
        bytes += lengths[i];
        length -= lengths[i];
    }
    return LEAT_OK;
}

/* Lengths of prefixes taken from the text before, then the suffixes. */
static enum leat_status delta_texts(struct parquet_leaf_reader *reader, const uint8_t *bytes,
                                    size_t length, uint64_t slots, struct leat_error *err)
{
    const void *array;
    struct leat_string *suffixes;
    size_t count, suffix_count, used;
    uint64_t total = 0, last = 0;
    uint8_t *texts, *strings;
    LEAT_TRY(delta_integers(reader, bytes, length, slots, 4, &array, &count, &used, err));
    const uint32_t *prefixes = array;
    LEAT_TRY(
        delta_lengths(reader, bytes + used, length - used, slots, &suffixes, &suffix_count, err));
    if (count != suffix_count)
        return parquet_leaf_corrupt(reader, err, "delta-encoded texts are damaged");
    for (size_t i = 0; i < count; i++) {
        if (prefixes[i] > last)
            return parquet_leaf_corrupt(reader, err, "delta-encoded texts are damaged");
        last = (uint64_t)prefixes[i] + suffixes[i].length;
        total += last;
        if (total > DELTA_TEXT_MOST)
            return leat_error_set(err, LEAT_E_LIMIT, "%s: column %s: a page of texts is too large",
                                  reader->file->input->path, reader->node->name);
    }
    LEAT_TRY(parquet_page_alloc(reader, (size_t)total + 1, &texts, err));
    LEAT_TRY(parquet_page_alloc(reader, count * sizeof(struct leat_string), &strings, err));
    struct leat_string *out = (struct leat_string *)(void *)strings;
    const uint8_t *before = texts;
    for (size_t i = 0; i < count; i++) {
        memmove(texts, before, prefixes[i]);
        memcpy(texts + prefixes[i], leat_string_data(&suffixes[i]), suffixes[i].length);
        size_t whole = (size_t)prefixes[i] + suffixes[i].length;
        out[i] = leat_string_of((const char *)texts, whole);
        before = texts;
        texts += whole;
    }
    reader->array = out;
    reader->array_count = count;
    return LEAT_OK;
}

/* The k-th bytes of all values stand together: back to plain. */
static enum leat_status join_bytes(struct parquet_leaf_reader *reader, const uint8_t *bytes,
                                   size_t length, struct leat_error *err)
{
    size_t width = plain_width(reader->node->element);
    uint8_t *plain;
    if (width == 0 || length % width != 0)
        return parquet_leaf_corrupt(reader, err, "split bytes are cut short");
    size_t count = length / width;
    LEAT_TRY(parquet_page_alloc(reader, length, &plain, err));
    for (size_t byte = 0; byte < width; byte++) {
        for (size_t i = 0; i < count; i++)
            plain[i * width + byte] = bytes[byte * count + i];
    }
    reader->form = PARQUET_VALUES_PLAIN;
    reader->value_at = plain;
    reader->value_end = plain + length;
    return LEAT_OK;
}

static enum leat_status begin_delta(struct parquet_leaf_reader *reader, int64_t encoding,
                                    const uint8_t *bytes, size_t length, uint64_t slots,
                                    struct leat_error *err)
{
    const struct parquet_element *element = reader->node->element;
    bool text = element->type == PARQUET_BYTE_ARRAY;
    struct leat_string *strings;
    size_t used;
    reader->form = PARQUET_VALUES_ARRAY;
    reader->array_at = reader->array_count = 0;
    if (length == 0)
        return LEAT_OK;
    if (encoding == PARQUET_DELTA_BINARY_PACKED &&
        (element->type == PARQUET_INT32 || element->type == PARQUET_INT64))
        return delta_integers(reader, bytes, length, slots, element->type == PARQUET_INT32 ? 4 : 8,
                              &reader->array, &reader->array_count, &used, err);
    if (encoding == PARQUET_DELTA_LENGTH_BYTE_ARRAY && text) {
        LEAT_TRY(delta_lengths(reader, bytes, length, slots, &strings, &reader->array_count, err));
        reader->array = strings;
        return LEAT_OK;
    }
    if (encoding == PARQUET_DELTA_BYTE_ARRAY && (text || element->type == PARQUET_FIXED)) {
        LEAT_TRY(delta_texts(reader, bytes, length, slots, err));
        strings = (struct leat_string *)(uintptr_t)reader->array;
        for (size_t i = 0; !text && i < reader->array_count; i++) {
            if (strings[i].length != (uint64_t)element->type_length)
                return parquet_leaf_corrupt(reader, err, "a fixed value has a wrong length");
        }
        return LEAT_OK;
    }
    return unsupported(reader, encoding, err);
}

static enum leat_status begin_codes(struct parquet_leaf_reader *reader, const uint8_t *bytes,
                                    size_t length, struct leat_error *err)
{
    if (!reader->dictionary->type)
        return parquet_leaf_corrupt(reader, err, "a page needs a dictionary that is not there");
    if (length && bytes[0] > 32)
        return parquet_leaf_corrupt(reader, err, "dictionary codes are too wide");
    reader->form = PARQUET_VALUES_CODES;
    parquet_hybrid_init(&reader->codes, length ? bytes + 1 : bytes, length ? length - 1 : 0,
                        length ? bytes[0] : 0);
    return LEAT_OK;
}

static enum leat_status begin_runs(struct parquet_leaf_reader *reader, const uint8_t *bytes,
                                   size_t length, struct leat_error *err)
{
    uint32_t size = 0;
    if (reader->node->element->type != PARQUET_BOOLEAN)
        return unsupported(reader, PARQUET_RLE, err);
    if (length >= 4)
        memcpy(&size, bytes, 4);
    if (length && (length < 4 || size > length - 4))
        return parquet_leaf_corrupt(reader, err, "runs of booleans are cut short");
    reader->form = PARQUET_VALUES_RUNS;
    parquet_hybrid_init(&reader->codes, bytes + (length ? 4 : 0), size, 1);
    return LEAT_OK;
}

enum leat_status parquet_page_values(struct parquet_leaf_reader *reader, int64_t encoding,
                                     const uint8_t *bytes, size_t length, uint64_t slots,
                                     struct leat_error *err)
{
    reader->bit = 0;
    reader->ascii = false;
    if (reader->converter.kind == PARQUET_CONVERT_UTF8 && encoding != PARQUET_RLE_DICTIONARY &&
        encoding != PARQUET_PLAIN_DICTIONARY)
        reader->ascii = parquet_is_ascii(bytes, length);
    switch (encoding) {
    case PARQUET_PLAIN:
        reader->form = PARQUET_VALUES_PLAIN;
        reader->value_at = bytes;
        reader->value_end = bytes + length;
        return LEAT_OK;
    case PARQUET_PLAIN_DICTIONARY:
    case PARQUET_RLE_DICTIONARY:
        return begin_codes(reader, bytes, length, err);
    case PARQUET_RLE:
        return begin_runs(reader, bytes, length, err);
    case PARQUET_DELTA_BINARY_PACKED:
    case PARQUET_DELTA_LENGTH_BYTE_ARRAY:
    case PARQUET_DELTA_BYTE_ARRAY:
        return begin_delta(reader, encoding, bytes, length, slots, err);
    case PARQUET_BYTE_STREAM_SPLIT:
        if (reader->node->element->type == PARQUET_BOOLEAN ||
            reader->node->element->type == PARQUET_BYTE_ARRAY)
            return unsupported(reader, encoding, err);
        return join_bytes(reader, bytes, length, err);
    default:
        return unsupported(reader, encoding, err);
    }
}

/* --- reading --- */

/* The greatest of the codes; 0 if there are none. */
LEAT_HOT static uint32_t greatest(const uint32_t *codes, uint32_t count)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++)
        most = codes[i] > most ? codes[i] : most;
    return most;
}

enum leat_status parquet_read_codes(struct parquet_leaf_reader *reader, uint32_t count,
                                    uint32_t *out, struct leat_error *err)
{
    if (!parquet_hybrid_get(&reader->codes, out, count))
        return parquet_leaf_corrupt(reader, err, "dictionary codes are cut short");
    return count && greatest(out, count) >= reader->dictionary->length
               ? parquet_leaf_corrupt(reader, err, "a code is beyond the dictionary")
               : LEAT_OK;
}

static void look_up(const struct leat_vector *dictionary, size_t width, const uint32_t *codes,
                    uint32_t count, void *out)
{
    switch (width) {
    case 1:
        for (uint32_t i = 0; i < count; i++)
            ((uint8_t *)out)[i] = ((const uint8_t *)dictionary->data)[codes[i]];
        break;
    case 2:
        for (uint32_t i = 0; i < count; i++)
            ((uint16_t *)out)[i] = ((const uint16_t *)dictionary->data)[codes[i]];
        break;
    case 4:
        for (uint32_t i = 0; i < count; i++)
            ((uint32_t *)out)[i] = ((const uint32_t *)dictionary->data)[codes[i]];
        break;
    case 8:
        for (uint32_t i = 0; i < count; i++)
            ((uint64_t *)out)[i] = ((const uint64_t *)dictionary->data)[codes[i]];
        break;
    case 16:
        for (uint32_t i = 0; i < count; i++)
            ((leat_int128 *)out)[i] = ((const leat_int128 *)dictionary->data)[codes[i]];
        break;
    default:
        break;
    }
}

static const char not_utf8[] = "a text is not UTF-8";

static enum leat_status convert(struct parquet_leaf_reader *reader, const void *physical,
                                uint32_t count, void *out, struct leat_error *err)
{
    if (reader->ascii) {
        if (physical != out && count)
            memcpy(out, physical, count * reader->converter.to_width);
        return LEAT_OK;
    }
    if (parquet_convert(&reader->converter, physical, out, count))
        return LEAT_OK;
    return parquet_leaf_corrupt(reader, err,
                                reader->converter.kind == PARQUET_CONVERT_UTF8
                                    ? not_utf8
                                    : "a value does not fit the column's type");
}

enum leat_status parquet_read_values(struct parquet_leaf_reader *reader, uint32_t count, void *out,
                                     struct leat_error *err)
{
    bool in_place = reader->converter.kind == PARQUET_CONVERT_NONE ||
                    reader->converter.kind == PARQUET_CONVERT_UTF8;
    void *physical = in_place && reader->converter.to_width ? out : reader->scratch;
    uint32_t *codes = reader->scratch;
    switch (reader->form) {
    case PARQUET_VALUES_CODES:
        LEAT_TRY(parquet_read_codes(reader, count, codes, err));
        look_up(reader->dictionary, reader->converter.to_width, codes, count, out);
        return LEAT_OK;
    case PARQUET_VALUES_RUNS:
        if (!parquet_hybrid_get(&reader->codes, codes, count))
            return parquet_leaf_corrupt(reader, err, "runs of booleans are cut short");
        for (uint32_t i = 0; i < count; i++)
            ((uint8_t *)out)[i] = (uint8_t)codes[i];
        return LEAT_OK;
    case PARQUET_VALUES_ARRAY: {
        size_t width = reader->converter.from_width;
        if (count > reader->array_count - reader->array_at)
            return parquet_leaf_corrupt(reader, err, "a page's values are cut short");
        const uint8_t *from = (const uint8_t *)reader->array + reader->array_at * width;
        reader->array_at += count;
        return convert(reader, from, count, out, err);
    }
    default:
        if (!parquet_plain_values(reader, count, physical))
            return parquet_leaf_corrupt(reader, err, "a page's values are cut short");
        return convert(reader, physical, count, out, err);
    }
}

bool parquet_picks_values(const struct parquet_leaf_reader *reader)
{
    enum parquet_type type = reader->node->element->type;
    return reader->form == PARQUET_VALUES_CODES ||
           (reader->form == PARQUET_VALUES_PLAIN &&
            reader->converter.kind == PARQUET_CONVERT_NONE &&
            (type == PARQUET_INT32 || type == PARQUET_INT64 || type == PARQUET_FLOAT ||
             type == PARQUET_DOUBLE));
}

enum leat_status parquet_pick_codes(struct parquet_leaf_reader *reader, uint32_t rows,
                                    const uint32_t *selection, uint32_t count, uint32_t base,
                                    uint32_t *out, struct leat_error *err)
{
    if (!parquet_hybrid_get_at(&reader->codes, rows, selection, count, base, out))
        return parquet_leaf_corrupt(reader, err, "dictionary codes are cut short");
    return count && greatest(out, count) >= reader->dictionary->length
               ? parquet_leaf_corrupt(reader, err, "a code is beyond the dictionary")
               : LEAT_OK;
}

#define PICK(type, from)                                                                           \
    for (uint32_t i = 0; i < count; i++)                                                           \
    memcpy((type *)out + selection[i], (const type *)values + (from), sizeof(type))

enum leat_status parquet_pick_values(struct parquet_leaf_reader *reader, uint32_t rows,
                                     const uint32_t *selection, uint32_t count, uint32_t base,
                                     void *out, struct leat_error *err)
{
    size_t width = reader->converter.to_width;
    if (reader->form == PARQUET_VALUES_CODES) {
        uint32_t *codes = reader->scratch;
        const void *values = reader->dictionary->data;
        LEAT_TRY(parquet_pick_codes(reader, rows, selection, count, base, codes, err));
        if (width == 4) {
            PICK(uint32_t, codes[i]);
        } else if (width == 8) {
            PICK(uint64_t, codes[i]);
        } else {
            for (uint32_t i = 0; i < count; i++)
                memcpy((char *)out + selection[i] * width, (const char *)values + codes[i] * width,
                       width);
        }
        return LEAT_OK;
    }
    const void *values = reader->value_at;
    if (rows > (size_t)(reader->value_end - reader->value_at) / width)
        return parquet_leaf_corrupt(reader, err, "a page's values are cut short");
    reader->value_at += rows * width;
    if (width == 4) {
        PICK(uint32_t, selection[i] - base);
    } else {
        PICK(uint64_t, selection[i] - base);
    }
    return LEAT_OK;
}

static bool skip_plain(struct parquet_leaf_reader *reader, uint64_t count)
{
    const struct parquet_element *element = reader->node->element;
    uint64_t have = (uint64_t)(reader->value_end - reader->value_at);
    if (element->type == PARQUET_BOOLEAN) {
        reader->bit += count;
        return reader->bit <= have * 8;
    }
    if (element->type != PARQUET_BYTE_ARRAY) {
        size_t width = plain_width(element);
        if (width && count > have / width)
            return false;
        reader->value_at += count * width;
        return true;
    }
    for (; count; count--) {
        uint32_t length;
        if (reader->value_end - reader->value_at < 4)
            return false;
        memcpy(&length, reader->value_at, 4);
        if (length > (uint64_t)(reader->value_end - reader->value_at) - 4)
            return false;
        reader->value_at += 4 + (size_t)length;
    }
    return true;
}

enum leat_status parquet_skip_values(struct parquet_leaf_reader *reader, uint64_t count,
                                     struct leat_error *err)
{
    bool good;
    switch (reader->form) {
    case PARQUET_VALUES_CODES:
    case PARQUET_VALUES_RUNS:
        good = parquet_hybrid_skip(&reader->codes, (size_t)count);
        break;
    case PARQUET_VALUES_ARRAY:
        good = count <= reader->array_count - reader->array_at;
        reader->array_at += good ? (size_t)count : 0;
        break;
    default:
        good = skip_plain(reader, count);
    }
    return good ? LEAT_OK : parquet_leaf_corrupt(reader, err, "a page's values are cut short");
}
