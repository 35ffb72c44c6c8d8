/*
 * Vectors: making, viewing and copying them, and the order and hash of their values.
 *
 * Everything works on a "base": the vector that really holds the values, and the row's index in it
 * (leat_vector_locate). Gathers turn any form into FLAT; deep copies first gather, then move string
 * bytes into one block for each vector. Recursion follows the type, whose depth is bounded by
 * LEAT_TYPE_MAX_DEPTH where types are made.
 */
#include "columns/vector.h"

#include "base/hash.h"
#include <math.h>

#define NULL_HASH 0x6e756c6c6e756c6cULL

typedef __int128 int128;

static bool has_nulls(const struct leat_vector *vector)
{
    return vector->type->id == LEAT_NULL || vector->validity ||
           (vector->form == LEAT_DICTIONARY && vector->dictionary->validity);
}

uint64_t leat_vector_new_identity(void)
{
    static _Atomic uint64_t given;

    return atomic_fetch_add_explicit(&given, 1, memory_order_relaxed) + 1;
}

bool leat_vector_is_null(const struct leat_vector *vector, uint32_t row)
{
    if (vector->type->id == LEAT_NULL)
        return true;
    if (vector->form == LEAT_DICTIONARY) {
        return !leat_validity_get(vector->validity, row) ||
               !leat_validity_get(vector->dictionary->validity, vector->codes[row]);
    }
    return !leat_validity_get(vector->validity, vector->form == LEAT_CONSTANT ? 0 : row);
}

/* --- making --- */

static uint64_t *new_validity(uint32_t rows, struct leat_arena *arena)
{
    size_t words = leat_validity_words(rows ? rows : 1);
    uint64_t *validity = leat_arena_alloc_aligned(arena, words * sizeof(uint64_t));
    if (validity)
        memset(validity, 0xff, words * sizeof(uint64_t));
    return validity;
}

/* Room for rows of `width` bytes; one spare block so that whole-word loops may overrun. */
static void *new_data(uint32_t rows, size_t width, struct leat_arena *arena)
{
    return leat_arena_alloc_aligned(arena, ((size_t)rows * width + 63 + 16) & ~(size_t)63);
}

enum leat_status leat_vector_init(struct leat_vector *vector, const struct leat_type *type,
                                  uint32_t capacity, uint32_t child_capacity,
                                  struct leat_arena *arena, struct leat_error *err)
{
    size_t width = leat_type_width(type);

    *vector = (struct leat_vector){.type = type, .form = LEAT_FLAT};
    if (width) {
        vector->data = new_data(capacity, width, arena);
        if (!vector->data)
            return leat_error_memory(err);
    }
    if (type->field_count) {
        uint32_t child_rows = type->id == LEAT_STRUCT ? capacity : child_capacity;
        vector->children = LEAT_NEW_ARRAY(arena, struct leat_vector, type->field_count);
        if (!vector->children)
            return leat_error_memory(err);
        for (uint32_t i = 0; i < type->field_count; i++)
            LEAT_TRY(leat_vector_init(&vector->children[i], type->fields[i].type, child_rows,
                                      child_capacity, arena, err));
    }
    return LEAT_OK;
}

enum leat_status leat_vector_make_validity(struct leat_vector *vector, uint32_t capacity,
                                           struct leat_arena *arena, struct leat_error *err)
{
    if (vector->validity)
        return LEAT_OK;
    vector->validity = new_validity(capacity, arena);
    return vector->validity ? LEAT_OK : leat_error_memory(err);
}

/* --- gathering --- */

/* Which rows to take: rows[i], or start + i if rows is NULL. */
struct row_set {
    const uint32_t *rows;
    uint32_t start;
    uint32_t count;
};
static inline uint32_t row_at(const struct row_set *set, uint32_t i)
{
    return set->rows ? set->rows[i] : set->start + i;
}

#define GATHER(ctype)                                                                              \
    do {                                                                                           \
        const ctype *from = (const ctype *)source;                                                 \
        ctype *to = (ctype *)into;                                                                 \
        for (uint32_t i = 0; i < count; i++)                                                       \
            to[i] = from[index[i]];                                                                \
    } while (0)

struct bytes16 {
    uint64_t low, high;
};

static void gather_fixed(void *into, const void *source, size_t width, const uint32_t *index,
                         uint32_t count)
{
    switch (width) {
    case 1:
        GATHER(uint8_t);
        break;
    case 2:
        GATHER(uint16_t);
        break;
    case 4:
        GATHER(uint32_t);
        break;
    case 8:
        GATHER(uint64_t);
        break;
    default:
        GATHER(struct bytes16);
        break;
    }
}

static void gather_validity(const struct leat_vector *vector, const struct row_set *set,
                            uint64_t *validity)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (leat_vector_is_null(vector, row_at(set, i)))
            leat_validity_set(validity, i, false);
    }
}

static enum leat_status gather(const struct leat_vector *vector, const struct row_set *set,
                               struct leat_arena *arena, struct leat_vector *out,
                               struct leat_error *err);

/* Base indices of the rows of `set`, in the arena. NULL when out of memory. */
static uint32_t *base_indices(const struct leat_vector *vector, const struct row_set *set,
                              struct leat_arena *arena)
{
    uint32_t *index = leat_arena_alloc(arena, (size_t)set->count * sizeof(uint32_t));
    if (!index)
        return NULL;
    /* what stores cannot change stays in registers */
    const uint32_t *restrict codes = vector->form == LEAT_DICTIONARY ? vector->codes : NULL;
    const uint32_t *restrict rows = set->rows;
    uint32_t *restrict out = index;
    uint32_t start = set->start, count = set->count;
    if (vector->form == LEAT_CONSTANT) {
        memset(index, 0, (size_t)count * sizeof(uint32_t));
    } else if (codes && rows) {
        for (uint32_t i = 0; i < count; i++)
            out[i] = codes[rows[i]];
    } else if (codes || rows) {
        memcpy(index, (codes ? codes : rows) + (codes ? start : 0),
               (size_t)count * sizeof(uint32_t));
    } else {
        for (uint32_t i = 0; i < count; i++)
            out[i] = start + i;
    }
    return index;
}

/* FLAT vector of the set's rows in new memory; string bytes and items of lists are shared. */
static enum leat_status gather(const struct leat_vector *vector, const struct row_set *set,
                               struct leat_arena *arena, struct leat_vector *out,
                               struct leat_error *err)
{
    const struct leat_vector *base = vector->form == LEAT_DICTIONARY ? vector->dictionary : vector;
    const struct leat_type *type = vector->type;
    size_t width = leat_type_width(type);
    uint32_t *index = NULL;

    *out = (struct leat_vector){.type = type, .form = LEAT_FLAT, .length = set->count};
    if (type->id != LEAT_NULL && has_nulls(vector)) {
        out->validity = new_validity(set->count, arena);
        if (!out->validity)
            return leat_error_memory(err);
        gather_validity(vector, set, out->validity);
    }
    if (width) {
        out->data = new_data(set->count, width, arena);
        if (!out->data)
            return leat_error_memory(err);
    }
    if (width && vector->form == LEAT_FLAT && !set->rows) {
        memcpy(out->data, (const char *)base->data + (size_t)set->start * width,
               (size_t)set->count * width);
    } else if (width || type->id == LEAT_STRUCT) {
        index = base_indices(vector, set, arena);
        if (!index)
            return leat_error_memory(err);
        if (width)
            gather_fixed(out->data, base->data, width, index, set->count);
    }
    if (type->id == LEAT_LIST || type->id == LEAT_MAP) {
        out->children = base->children;
        if (out->validity) { /* null entries hold no items */
            struct leat_list_entry *entries = out->data;
            for (uint32_t i = 0; i < set->count; i++) {
                if (!leat_validity_get(out->validity, i))
                    entries[i] = (struct leat_list_entry){0, 0};
            }
        }
    } else if (type->id == LEAT_STRUCT) {
        struct row_set child_set = {index, 0, set->count};
        out->children = LEAT_NEW_ARRAY(arena, struct leat_vector, type->field_count);
        if (!out->children)
            return leat_error_memory(err);
        for (uint32_t i = 0; i < type->field_count; i++)
            LEAT_TRY(gather(&base->children[i], &child_set, arena, &out->children[i], err));
    }
    return LEAT_OK;
}

enum leat_status leat_vector_flatten(struct leat_vector *vector, struct leat_arena *arena,
                                     struct leat_error *err)
{
    struct row_set set = {NULL, 0, vector->length};
    struct leat_vector flat;

    if (vector->form == LEAT_FLAT)
        return LEAT_OK;
    LEAT_TRY(gather(vector, &set, arena, &flat, err));
    *vector = flat;
    return LEAT_OK;
}

enum leat_status leat_vector_select(const struct leat_vector *vector, const uint32_t *selection,
                                    uint32_t count, struct leat_arena *arena,
                                    struct leat_vector *out, struct leat_error *err)
{
    struct row_set set = {selection, 0, count};

    if (vector->form == LEAT_CONSTANT || vector->type->id == LEAT_NULL) {
        *out = *vector;
        out->length = count;
        return LEAT_OK;
    }
    if (leat_type_is_nested(vector->type))
        return gather(vector, &set, arena, out, err);
    *out = (struct leat_vector){.type = vector->type, .form = LEAT_DICTIONARY, .length = count};
    if (vector->form == LEAT_FLAT) {
        struct leat_vector *dictionary = leat_arena_alloc(arena, sizeof(*dictionary));
        if (!dictionary)
            return leat_error_memory(err);
        *dictionary = *vector;
        out->dictionary = dictionary;
        out->codes = (uint32_t *)selection;
        return LEAT_OK;
    }
    out->dictionary = vector->dictionary;
    out->codes = base_indices(vector, &set, arena);
    if (!out->codes)
        return leat_error_memory(err);
    if (vector->validity) {
        out->validity = new_validity(count, arena);
        if (!out->validity)
            return leat_error_memory(err);
        for (uint32_t i = 0; i < count; i++) {
            if (!leat_validity_get(vector->validity, selection[i]))
                leat_validity_set(out->validity, i, false);
        }
    }
    return LEAT_OK;
}

/* --- deep copies --- */

/* Moves the bytes of long strings into one block of the arena. */
static enum leat_status own_strings(struct leat_vector *flat, struct leat_arena *arena,
                                    struct leat_error *err)
{
    struct leat_string *strings = flat->data;
    size_t total = 0;
    char *next = NULL;

    for (uint32_t i = 0; i < flat->length; i++) {
        if (strings[i].length > LEAT_STRING_INLINE && leat_validity_get(flat->validity, i))
            total += strings[i].length;
    }
    if (total) {
        next = leat_arena_alloc(arena, total);
        if (!next)
            return leat_error_memory(err);
    }
    for (uint32_t i = 0; i < flat->length; i++) {
        if (!leat_validity_get(flat->validity, i)) {
            strings[i] = (struct leat_string){0};
        } else if (strings[i].length > LEAT_STRING_INLINE) {
            memcpy(next, strings[i].view.data, strings[i].length);
            strings[i].view.data = next;
            next += strings[i].length;
        }
    }
    return LEAT_OK;
}

/* Whether most strings come several times. */
static bool is_coded(const struct leat_vector *vector, const struct row_set *set)
{
    return vector->form == LEAT_CONSTANT ||
           (vector->form == LEAT_DICTIONARY && vector->dictionary->length <= set->count / 2);
}

/* The same for rows with codes: each string is moved once, which keeps together what is compared,
 * hashed and copied later. */
static enum leat_status own_coded_strings(const struct leat_vector *vector,
                                          const struct row_set *set, struct leat_vector *flat,
                                          struct leat_arena *arena, struct leat_error *err)
{
    const uint32_t *codes = vector->form == LEAT_DICTIONARY ? vector->codes : NULL;
    struct leat_string *strings = flat->data;
    const char **copies = leat_calloc(codes ? vector->dictionary->length : 1, sizeof(*copies));
    enum leat_status status = copies ? LEAT_OK : leat_error_memory(err);

    for (uint32_t i = 0; i < flat->length && status == LEAT_OK; i++) {
        const char **copy;
        if (!leat_validity_get(flat->validity, i)) {
            strings[i] = (struct leat_string){0};
            continue;
        }
        if (strings[i].length <= LEAT_STRING_INLINE)
            continue;
        copy = &copies[codes ? codes[row_at(set, i)] : 0];
        if (!*copy)
            *copy = leat_arena_copy(arena, strings[i].view.data, strings[i].length);
        if (!*copy)
            status = leat_error_memory(err);
        strings[i].view.data = *copy;
    }
    leat_free(copies);
    return status;
}

static enum leat_status copy_rows(const struct leat_vector *vector, const struct row_set *set,
                                  struct leat_arena *arena, struct leat_vector *out,
                                  struct leat_error *err);

/* Copies the items that the entries of a list or map refer to, closely packed. */
static enum leat_status own_items(struct leat_vector *flat, struct leat_arena *arena,
                                  struct leat_error *err)
{
    struct leat_list_entry *entries = flat->data;
    const struct leat_vector *from = flat->children;
    enum leat_status status = LEAT_OK;
    uint32_t *rows = NULL;
    uint64_t total = 0;
    uint32_t filled = 0;

    for (uint32_t i = 0; i < flat->length; i++)
        total += leat_validity_get(flat->validity, i) ? entries[i].length : 0;
    if (total > UINT32_MAX / 2)
        return leat_error_set(err, LEAT_E_LIMIT, "too many list items in one batch");
    flat->children = LEAT_NEW_ARRAY(arena, struct leat_vector, flat->type->field_count);
    rows = leat_malloc((size_t)total * sizeof(uint32_t));
    if (!flat->children || !rows) {
        status = leat_error_memory(err);
        goto done;
    }
    for (uint32_t i = 0; i < flat->length; i++) {
        uint32_t length = leat_validity_get(flat->validity, i) ? entries[i].length : 0;
        for (uint32_t j = 0; j < length; j++)
            rows[filled + j] = entries[i].offset + j;
        entries[i] = (struct leat_list_entry){filled, length};
        filled += length;
    }
    struct row_set set = {rows, 0, filled};
    for (uint32_t c = 0; c < flat->type->field_count && !status; c++)
        status = copy_rows(&from[c], &set, arena, &flat->children[c], err);
done:
    leat_free(rows);
    return status;
}

/* The gathered struct's children own their memory but not their strings yet. */
static enum leat_status own_contents(struct leat_vector *flat, struct leat_arena *arena,
                                     struct leat_error *err)
{
    if (leat_type_is_string(flat->type))
        return own_strings(flat, arena, err);
    if (flat->type->id == LEAT_LIST || flat->type->id == LEAT_MAP)
        return own_items(flat, arena, err);
    if (flat->type->id == LEAT_STRUCT) {
        for (uint32_t i = 0; i < flat->type->field_count; i++)
            LEAT_TRY(own_contents(&flat->children[i], arena, err));
    }
    return LEAT_OK;
}

static enum leat_status copy_rows(const struct leat_vector *vector, const struct row_set *set,
                                  struct leat_arena *arena, struct leat_vector *out,
                                  struct leat_error *err)
{
    LEAT_TRY(gather(vector, set, arena, out, err));
    if (leat_type_is_string(vector->type) && is_coded(vector, set))
        return own_coded_strings(vector, set, out, arena, err);
    return own_contents(out, arena, err);
}

enum leat_status leat_vector_copy(const struct leat_vector *vector, uint32_t start, uint32_t count,
                                  struct leat_arena *arena, struct leat_vector *out,
                                  struct leat_error *err)
{
    struct row_set set = {NULL, start, count};
    return copy_rows(vector, &set, arena, out, err);
}

/* --- slices --- */

static enum leat_status slice_validity(const uint64_t *validity, uint32_t start, uint32_t count,
                                       struct leat_arena *arena, uint64_t **out,
                                       struct leat_error *err)
{
    size_t words = leat_validity_words(count);
    unsigned shift = start & 63;
    size_t last;

    *out = NULL;
    if (!validity || count == 0)
        return LEAT_OK;
    if (shift == 0) {
        *out = (uint64_t *)validity + (start >> 6);
        return LEAT_OK;
    }
    *out = new_validity(count, arena);
    if (!*out)
        return leat_error_memory(err);
    validity += start >> 6;
    last = (shift + (size_t)count - 1) >> 6; /* the last word that holds a wanted bit */
    for (size_t i = 0; i < words; i++) {
        uint64_t high = i + 1 <= last ? validity[i + 1] << (64 - shift) : 0;
        (*out)[i] = validity[i] >> shift | high;
    }
    return LEAT_OK;
}

enum leat_status leat_vector_slice(const struct leat_vector *vector, uint32_t start, uint32_t count,
                                   struct leat_arena *arena, struct leat_vector *out,
                                   struct leat_error *err)
{
    *out = *vector;
    out->length = count;
    if (vector->form == LEAT_CONSTANT || vector->type->id == LEAT_NULL)
        return LEAT_OK;
    LEAT_TRY(slice_validity(vector->validity, start, count, arena, &out->validity, err));
    if (vector->form == LEAT_DICTIONARY) {
        out->codes = vector->codes + start;
        return LEAT_OK;
    }
    if (vector->data)
        out->data = (char *)vector->data + (size_t)start * leat_type_width(vector->type);
    if (vector->type->id == LEAT_STRUCT) {
        out->children = LEAT_NEW_ARRAY(arena, struct leat_vector, vector->type->field_count);
        if (!out->children)
            return leat_error_memory(err);
        for (uint32_t i = 0; i < vector->type->field_count; i++)
            LEAT_TRY(leat_vector_slice(&vector->children[i], start, count, arena, &out->children[i],
                                       err));
    }
    return LEAT_OK;
}

/* --- order --- */

int leat_string_compare(const struct leat_string *a, const struct leat_string *b)
{
    uint32_t a_head, b_head, shorter;
    int order;

    memcpy(&a_head, a->inlined, 4);
    memcpy(&b_head, b->inlined, 4);
    if (a_head != b_head) /* unused inline bytes are 0, so a shorter text is below its extensions;
                             texts that differ only by trailing NULs go on below */
        return __builtin_bswap32(a_head) < __builtin_bswap32(b_head) ? -1 : 1;
    shorter = a->length < b->length ? a->length : b->length;
    order = memcmp(leat_string_data(a), leat_string_data(b), shorter);
    if (order)
        return order < 0 ? -1 : 1;
    return a->length < b->length ? -1 : a->length > b->length;
}

static int compare_double(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) ? 1 : 0) - (isnan(b) ? 1 : 0);
    return (a > b) - (a < b);
}

static int128 interval_span(const struct leat_interval *interval)
{
    int128 days = (int128)interval->months * 30 + interval->days;
    return days * 86400000000LL + interval->microseconds;
}

static int compare_item(const struct leat_vector *a, uint32_t i, const struct leat_vector *b,
                        uint32_t j)
{
    bool a_null = leat_vector_is_null(a, i), b_null = leat_vector_is_null(b, j);
    if (a_null || b_null)
        return a_null - b_null;
    return leat_vector_compare(a, i, b, j);
}

static int compare_lists(const struct leat_vector *a, uint32_t i, const struct leat_vector *b,
                         uint32_t j)
{
    struct leat_list_entry x = ((const struct leat_list_entry *)a->data)[i];
    struct leat_list_entry y = ((const struct leat_list_entry *)b->data)[j];
    uint32_t shorter = x.length < y.length ? x.length : y.length;

    for (uint32_t k = 0; k < shorter; k++) {
        for (uint32_t c = 0; c < a->type->field_count; c++) {
            int order = compare_item(&a->children[c], x.offset + k, &b->children[c], y.offset + k);
            if (order)
                return order;
        }
    }
    return (x.length > y.length) - (x.length < y.length);
}

#define COMPARE(ctype)                                                                             \
    do {                                                                                           \
        ctype x = ((const ctype *)base_a->data)[i];                                                \
        ctype y = ((const ctype *)base_b->data)[j];                                                \
        return (x > y) - (x < y);                                                                  \
    } while (0)

/* States of aggregates hold wide decimals at multiples of 8 only. */
static int compare_int128(const void *a, const void *b)
{
    int128 x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

int leat_vector_compare(const struct leat_vector *a, uint32_t a_row, const struct leat_vector *b,
                        uint32_t b_row)
{
    const struct leat_vector *base_a, *base_b;
    uint32_t i = leat_vector_locate(a, a_row, &base_a);
    uint32_t j = leat_vector_locate(b, b_row, &base_b);

    switch (a->type->id) {
    case LEAT_NULL:
    case LEAT_TYPE_COUNT:
        return 0;
    case LEAT_BOOLEAN:
        COMPARE(uint8_t);
    case LEAT_INT8:
        COMPARE(int8_t);
    case LEAT_INT16:
        COMPARE(int16_t);
    case LEAT_INT32:
    case LEAT_DATE:
        COMPARE(int32_t);
    case LEAT_INT64:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        COMPARE(int64_t);
    case LEAT_DECIMAL:
        if (leat_type_is_small_decimal(a->type))
            COMPARE(int64_t);
        return compare_int128((const char *)base_a->data + (size_t)i * sizeof(int128),
                              (const char *)base_b->data + (size_t)j * sizeof(int128));
    case LEAT_FLOAT:
        return compare_double(((const float *)base_a->data)[i], ((const float *)base_b->data)[j]);
    case LEAT_DOUBLE:
        return compare_double(((const double *)base_a->data)[i], ((const double *)base_b->data)[j]);
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_BYTES:
        return leat_string_compare(&((const struct leat_string *)base_a->data)[i],
                                   &((const struct leat_string *)base_b->data)[j]);
    case LEAT_INTERVAL: {
        int128 x = interval_span(&((const struct leat_interval *)base_a->data)[i]);
        int128 y = interval_span(&((const struct leat_interval *)base_b->data)[j]);
        return (x > y) - (x < y);
    }
    case LEAT_UUID: {
        int order = memcmp((const uint8_t *)base_a->data + (size_t)i * 16,
                           (const uint8_t *)base_b->data + (size_t)j * 16, 16);
        return (order > 0) - (order < 0);
    }
    case LEAT_LIST:
    case LEAT_MAP:
        return compare_lists(base_a, i, base_b, j);
    case LEAT_STRUCT:
        for (uint32_t c = 0; c < a->type->field_count; c++) {
            int order = compare_item(&base_a->children[c], i, &base_b->children[c], j);
            if (order)
                return order;
        }
        return 0;
    }
    return 0;
}

/* --- hashes --- */

static inline uint64_t hash_integer(int64_t value)
{
    return leat_hash_u64((uint64_t)value + 0x9e3779b97f4a7c15ULL);
}

static inline uint64_t hash_wide(int128 value)
{
    return leat_hash_combine(hash_integer((int64_t)(value >> 64)), (uint64_t)value);
}

static inline uint64_t hash_double(double value)
{
    uint64_t bits;
    value = isnan(value) ? (double)NAN : value + 0.0; /* -0 + 0 is 0 */
    memcpy(&bits, &value, 8);
    return leat_hash_u64(bits + 0x9e3779b97f4a7c15ULL);
}

static inline uint64_t hash_string(const struct leat_string *string)
{
    if (string->length <= LEAT_STRING_INLINE) {
        uint64_t head, tail;
        memcpy(&head, string, 8);
        memcpy(&tail, (const char *)string + 8, 8);
        return leat_hash_combine(head + 0x9e3779b97f4a7c15ULL, tail);
    }
    return leat_hash_bytes(string->view.data, string->length, 0);
}

static uint64_t hash_row(const struct leat_vector *base, uint32_t i);

static uint64_t hash_item(const struct leat_vector *vector, uint32_t row)
{
    const struct leat_vector *base;
    uint32_t i;
    if (leat_vector_is_null(vector, row))
        return NULL_HASH;
    i = leat_vector_locate(vector, row, &base);
    return hash_row(base, i);
}

/* Value i of a FLAT or CONSTANT vector; not null. */
static uint64_t hash_row(const struct leat_vector *base, uint32_t i)
{
    switch (base->type->id) {
    case LEAT_BOOLEAN:
        return hash_integer(((const uint8_t *)base->data)[i]);
    case LEAT_INT8:
        return hash_integer(((const int8_t *)base->data)[i]);
    case LEAT_INT16:
        return hash_integer(((const int16_t *)base->data)[i]);
    case LEAT_INT32:
    case LEAT_DATE:
        return hash_integer(((const int32_t *)base->data)[i]);
    case LEAT_INT64:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        return hash_integer(((const int64_t *)base->data)[i]);
    case LEAT_DECIMAL:
        return leat_type_is_small_decimal(base->type)
                   ? hash_integer(((const int64_t *)base->data)[i])
                   : hash_wide(((const int128 *)base->data)[i]);
    case LEAT_FLOAT:
        return hash_double(((const float *)base->data)[i]);
    case LEAT_DOUBLE:
        return hash_double(((const double *)base->data)[i]);
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_BYTES:
        return hash_string(&((const struct leat_string *)base->data)[i]);
    case LEAT_INTERVAL:
        return hash_wide(interval_span(&((const struct leat_interval *)base->data)[i]));
    case LEAT_UUID: {
        uint64_t words[2];
        memcpy(words, (const uint8_t *)base->data + (size_t)i * 16, 16);
        return leat_hash_combine(words[0] + 0x9e3779b97f4a7c15ULL, words[1]);
    }
    case LEAT_LIST:
    case LEAT_MAP: {
        struct leat_list_entry entry = ((const struct leat_list_entry *)base->data)[i];
        uint64_t hash = hash_integer(entry.length);
        for (uint32_t k = 0; k < entry.length; k++) {
            for (uint32_t c = 0; c < base->type->field_count; c++)
                hash = leat_hash_combine(hash, hash_item(&base->children[c], entry.offset + k));
        }
        return hash;
    }
    case LEAT_STRUCT: {
        uint64_t hash = hash_integer(base->type->field_count);
        for (uint32_t c = 0; c < base->type->field_count; c++)
            hash = leat_hash_combine(hash, hash_item(&base->children[c], i));
        return hash;
    }
    case LEAT_NULL:
    case LEAT_TYPE_COUNT:
        break;
    }
    return NULL_HASH;
}

#define HASH_ALL(ctype, function, pass)                                                            \
    do {                                                                                           \
        const ctype *values = (const ctype *)vector->data;                                         \
        for (uint32_t i = 0; i < vector->length; i++) {                                            \
            uint64_t hash = function(pass values[i]);                                              \
            hashes[i] = combine ? leat_hash_combine(hashes[i], hash) : hash;                       \
        }                                                                                          \
        return true;                                                                               \
    } while (0)

/* The usual case, FLAT without nulls, in one loop a type. False: not such a vector. */
static bool hash_flat(const struct leat_vector *vector, bool combine, uint64_t *hashes)
{
    if (vector->form != LEAT_FLAT || vector->validity)
        return false;
    switch (vector->type->id) {
    case LEAT_INT32:
    case LEAT_DATE:
        HASH_ALL(int32_t, hash_integer, );
    case LEAT_INT64:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        HASH_ALL(int64_t, hash_integer, );
    case LEAT_DECIMAL:
        if (leat_type_is_small_decimal(vector->type))
            HASH_ALL(int64_t, hash_integer, );
        HASH_ALL(int128, hash_wide, );
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_BYTES:
        HASH_ALL(struct leat_string, hash_string, &);
    default:
        return false;
    }
}

void leat_vector_hash(const struct leat_vector *vector, bool combine, uint64_t *hashes)
{
    if (hash_flat(vector, combine, hashes))
        return;
    if (vector->form == LEAT_CONSTANT && vector->length) {
        uint64_t hash = hash_item(vector, 0);
        for (uint32_t i = 0; i < vector->length; i++)
            hashes[i] = combine ? leat_hash_combine(hashes[i], hash) : hash;
        return;
    }
    for (uint32_t i = 0; i < vector->length; i++) {
        uint64_t hash = hash_item(vector, i);
        hashes[i] = combine ? leat_hash_combine(hashes[i], hash) : hash;
    }
}
