/* Key rows: 8 bytes of null bits, then a slot of 8 or 16 bytes a key. Numbers are canonical (-0 is
 * 0, all NaN are one), strings are 16-byte views, so that equality is a comparison of bytes but for
 * strings longer than 12 bytes. Null slots are zero. */
#include "compute/exec/exec_internal.h"

#include <math.h>

enum { MAX_KEYS = 64 };

enum leat_status leat_key_layout_init(struct leat_key_layout *layout, struct leat_expr *const *keys,
                                      uint32_t count, struct leat_arena *arena,
                                      struct leat_error *err)
{
    uint32_t at = 8;

    memset(layout, 0, sizeof(*layout));
    if (count > MAX_KEYS)
        return leat_error_set(err, LEAT_E_LIMIT, "more than %d keys", MAX_KEYS);
    layout->count = count;
    layout->types = LEAT_NEW_ARRAY(arena, const struct leat_type *, count);
    layout->offsets = LEAT_NEW_ARRAY(arena, uint32_t, count);
    if (!layout->types || !layout->offsets)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        const struct leat_type *type = keys[i]->type;
        bool string = leat_type_is_string(type) || leat_type_is_nested(type);
        layout->types[i] = type;
        layout->offsets[i] = at;
        layout->strings |= string;
        at += string || leat_type_width(type) == 16 ? 16 : 8;
    }
    layout->width = at;
    return LEAT_OK;
}

/* The loop over rows, with the form of the vector decided outside. */
#define FILL(type, expression)                                                                     \
    do {                                                                                           \
        const type *values = base->data;                                                           \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            uint32_t at = codes ? codes[i] : constant ? 0 : i;                                     \
            type value = values[at];                                                               \
            int64_t slot = (int64_t)(expression);                                                  \
            memcpy(rows + (size_t)i * width + offset, &slot, 8);                                   \
        }                                                                                          \
    } while (0)

static int64_t canonical_double(double value)
{
    int64_t bits;

    if (value == 0)
        value = 0;
    if (isnan(value))
        value = NAN;
    memcpy(&bits, &value, 8);
    return isnan(value) ? INT64_C(0x7ff8000000000000) : bits;
}

static enum leat_status fill_nested(const struct leat_vector *vector, uint32_t count, uint8_t *rows,
                                    size_t width, size_t offset, struct leat_arena *arena,
                                    struct leat_error *err)
{
    struct leat_buffer text;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&text, 0);
    for (uint32_t i = 0; i < count && status == LEAT_OK; i++) {
        struct leat_string string;
        char *copy;
        if (leat_vector_is_null(vector, i))
            continue;
        text.length = 0;
        status = leat_vector_print_json(vector, i, &text, err);
        copy = status == LEAT_OK ? leat_arena_copy(arena, text.data, text.length) : NULL;
        if (status == LEAT_OK && !copy)
            status = leat_error_memory(err);
        if (status == LEAT_OK) {
            string = leat_string_of(copy, text.length);
            memcpy(rows + (size_t)i * width + offset, &string, 16);
        }
    }
    leat_buffer_release(&text);
    return status;
}

static void fill_slots(const struct leat_vector *vector, uint32_t count, uint8_t *rows,
                       size_t width, size_t offset)
{
    const struct leat_vector *base = vector->form == LEAT_DICTIONARY ? vector->dictionary : vector;
    const uint32_t *codes = vector->form == LEAT_DICTIONARY ? vector->codes : NULL;
    bool constant = vector->form == LEAT_CONSTANT;

    switch (vector->type->id) {
    case LEAT_NULL:
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP:
    case LEAT_TYPE_COUNT:
        return;
    case LEAT_BOOLEAN:
        FILL(uint8_t, value);
        return;
    case LEAT_INT8:
        FILL(int8_t, value);
        return;
    case LEAT_INT16:
        FILL(int16_t, value);
        return;
    case LEAT_INT32:
    case LEAT_DATE:
        FILL(int32_t, value);
        return;
    case LEAT_FLOAT:
        FILL(float, canonical_double(value));
        return;
    case LEAT_DOUBLE:
        FILL(double, canonical_double(value));
        return;
    case LEAT_DECIMAL:
        if (leat_type_is_small_decimal(vector->type)) {
            FILL(int64_t, value);
            return;
        }
        break;
    case LEAT_INT64:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        FILL(int64_t, value);
        return;
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
    case LEAT_INTERVAL:
    case LEAT_UUID:
        break;
    }
    for (uint32_t i = 0; i < count; i++) /* 16-byte values as they are */
        memcpy(rows + (size_t)i * width + offset,
               (const char *)base->data + (size_t)(codes      ? codes[i]
                                                   : constant ? 0
                                                              : i) *
                                              16,
               16);
}

enum leat_status leat_key_rows_fill(const struct leat_key_layout *layout,
                                    const struct leat_vector *keys, uint32_t count, uint8_t *rows,
                                    struct leat_arena *arena, struct leat_error *err)
{
    size_t width = layout->width;

    for (uint32_t i = 0; i < count; i++)
        memset(rows + (size_t)i * width, 0, 8);
    for (uint32_t k = 0; k < layout->count; k++) {
        const struct leat_vector *key = &keys[k];
        size_t offset = layout->offsets[k];
        size_t size = (k + 1 < layout->count ? layout->offsets[k + 1] : width) - offset;
        bool nulls = leat_vector_may_be_null(key);
        if (leat_type_is_nested(key->type))
            LEAT_TRY(fill_nested(key, count, rows, width, offset, arena, err));
        else
            fill_slots(key, count, rows, width, offset);
        for (uint32_t i = 0; nulls && i < count; i++)
            if (leat_vector_is_null(key, i)) {
                uint64_t bits;
                memcpy(&bits, rows + (size_t)i * width, 8);
                bits |= (uint64_t)1 << k;
                memcpy(rows + (size_t)i * width, &bits, 8);
                memset(rows + (size_t)i * width + offset, 0, size);
            }
    }
    return LEAT_OK;
}

static bool is_string_slot(const struct leat_type *type)
{
    return leat_type_is_string(type) || leat_type_is_nested(type);
}

void leat_key_rows_hash(const struct leat_key_layout *layout, const uint8_t *rows, uint32_t count,
                        uint64_t *hashes)
{
    size_t width = layout->width;

    if (!layout->strings) {
        if (width == 16) {
            for (uint32_t i = 0; i < count; i++) {
                uint64_t words[2];
                memcpy(words, rows + (size_t)i * 16, 16);
                hashes[i] = leat_hash_u64(words[1] + words[0] * 0x9e3779b97f4a7c15ULL);
            }
            return;
        }
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *row = rows + (size_t)i * width;
            uint64_t hash, word;
            memcpy(&hash, row, 8);
            for (size_t at = 8; at < width; at += 8) {
                memcpy(&word, row + at, 8);
                hash = leat_hash_combine(hash, word);
            }
            hashes[i] = hash;
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *row = rows + (size_t)i * width;
        uint64_t hash, word;
        memcpy(&hash, row, 8);
        for (uint32_t k = 0; k < layout->count; k++) {
            struct leat_string string;
            const uint8_t *slot = row + layout->offsets[k];
            if (is_string_slot(layout->types[k])) {
                memcpy(&string, slot, 16);
                if (string.length > LEAT_STRING_INLINE) {
                    hash = leat_hash_combine(hash,
                                             leat_hash_bytes(string.view.data, string.length, 0));
                } else { /* inline text is its own 16 bytes */
                    memcpy(&word, slot, 8);
                    hash = leat_hash_combine(hash, word);
                    memcpy(&word, slot + 8, 8);
                    hash = leat_hash_combine(hash, word);
                }
                continue;
            }
            memcpy(&word, slot, 8);
            hash = leat_hash_combine(hash, word);
            if ((k + 1 < layout->count ? layout->offsets[k + 1] : width) - layout->offsets[k] ==
                16) {
                memcpy(&word, slot + 8, 8);
                hash = leat_hash_combine(hash, word);
            }
        }
        hashes[i] = hash;
    }
}

bool leat_key_rows_equal_strings(const struct leat_key_layout *layout, const uint8_t *a,
                                 const uint8_t *b)
{
    uint64_t a_nulls, b_nulls;
    memcpy(&a_nulls, a, 8);
    memcpy(&b_nulls, b, 8);
    if (a_nulls != b_nulls)
        return false;
    for (uint32_t k = 0; k < layout->count; k++) {
        uint32_t offset = layout->offsets[k];
        uint32_t size = (k + 1 < layout->count ? layout->offsets[k + 1] : layout->width) - offset;
        if (is_string_slot(layout->types[k])) {
            struct leat_string left, right;
            memcpy(&left, a + offset, 16);
            memcpy(&right, b + offset, 16);
            if (!leat_string_equal(&left, &right))
                return false;
        } else if (memcmp(a + offset, b + offset, size) != 0) {
            return false;
        }
    }
    return true;
}

/* The copy that was made of the string, or a new one; NULL without memory. What lies at an address
 * may have changed since. */
static const char *copy_string(const struct leat_string *string, struct leat_copied_strings *copied,
                               struct leat_arena *arena)
{
    const char *from = string->view.data, *copy;
    size_t at = copied ? ((uintptr_t)from >> 3 ^ (uintptr_t)from >> 11) & 255 : 0;

    if (copied && copied->items[at].from == from && copied->items[at].length == string->length &&
        memcmp(copied->items[at].copy, from, string->length) == 0)
        return copied->items[at].copy;
    copy = leat_arena_copy(arena, from, string->length);
    if (copied && copy) {
        copied->items[at].from = from;
        copied->items[at].copy = copy;
        copied->items[at].length = string->length;
    }
    return copy;
}

enum leat_status leat_key_row_own(const struct leat_key_layout *layout, uint8_t *row,
                                  struct leat_copied_strings *copied, struct leat_arena *arena,
                                  struct leat_error *err)
{
    for (uint32_t k = 0; layout->strings && k < layout->count; k++) {
        struct leat_string string;
        const char *copy;
        if (!is_string_slot(layout->types[k]))
            continue;
        memcpy(&string, row + layout->offsets[k], 16);
        if (string.length <= LEAT_STRING_INLINE)
            continue;
        copy = copy_string(&string, copied, arena);
        if (!copy)
            return leat_error_memory(err);
        string.view.data = copy;
        memcpy(row + layout->offsets[k], &string, 16);
    }
    return LEAT_OK;
}

void leat_key_row_ask(const struct leat_key_layout *layout, const uint8_t *row)
{
    for (uint32_t k = 0; k < layout->count; k++) {
        struct leat_string string;
        if (!is_string_slot(layout->types[k]))
            continue;
        memcpy(&string, row + layout->offsets[k], 16);
        if (string.length > LEAT_STRING_INLINE) {
            __builtin_prefetch(string.view.data);
            __builtin_prefetch(string.view.data + string.length - 1);
        }
        return;
    }
}
