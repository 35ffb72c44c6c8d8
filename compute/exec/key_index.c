#include "compute/exec/key_index.h"

#include "base/hot.h"

/* An index takes two bits of memory for each value of the range; a hash table 32 bytes or more a
 * row. */
#define RANGE_LEAST ((uint64_t)1 << 18) /* always affordable */
#define RANGE_MOST  ((uint64_t)1 << 29)
enum { RANGE_PER_ROW = 64, AHEAD = 16 };

bool leat_key_index_takes(const struct leat_type *type)
{
    switch (type->id) {
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_INT64:
    case LEAT_DATE:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        return true;
    case LEAT_DECIMAL:
        return leat_type_is_small_decimal(type);
    default:
        return false;
    }
}

#define VALUES(type)                                                                               \
    do {                                                                                           \
        const type *from = base->data;                                                             \
        for (uint32_t i = 0; codes && i < count; i++)                                              \
            out[i] = from[codes[i]];                                                               \
        for (uint32_t i = 0; !codes && i < count; i++)                                             \
            out[i] = from[constant ? 0 : i];                                                       \
    } while (0)

void leat_key_values(const struct leat_vector *vector, uint32_t count, int64_t *out)
{
    const struct leat_vector *base = vector->form == LEAT_DICTIONARY ? vector->dictionary : vector;
    const uint32_t *codes = vector->form == LEAT_DICTIONARY ? vector->codes : NULL;
    bool constant = vector->form == LEAT_CONSTANT;

    switch (vector->type->id) {
    case LEAT_INT8:
        VALUES(int8_t);
        break;
    case LEAT_INT16:
        VALUES(int16_t);
        break;
    case LEAT_INT32:
    case LEAT_DATE:
        VALUES(int32_t);
        break;
    default:
        VALUES(int64_t);
    }
}

/* --- making --- */

struct extent {
    int64_t minimum, maximum;
    uint64_t count; /* of keys */
    bool ascending; /* no key is null, and each is greater than the one before */
};

static struct extent measure(const int64_t *values, const uint8_t *nulls, uint64_t count)
{
    struct extent extent = {INT64_MAX, INT64_MIN, 0, true};

    for (uint64_t i = 0; i < count; i++) {
        if (nulls && nulls[i]) {
            extent.ascending = false;
            continue;
        }
        extent.ascending &= extent.count == 0 || values[i] > extent.maximum;
        extent.minimum = values[i] < extent.minimum ? values[i] : extent.minimum;
        extent.maximum = values[i] > extent.maximum ? values[i] : extent.maximum;
        extent.count++;
    }
    return extent;
}

/* Asked every so many rows, since each may be a miss of the cache. */
static inline bool gives_up(const struct leat_cancel *cancel, uint64_t row)
{
    return row % ((uint64_t)1 << 20) == 0 && leat_cancel_requested(cancel);
}

static inline uint64_t rank_of(const struct leat_key_word *word, uint64_t at)
{
    return word->before +
           (uint64_t)__builtin_popcountll(word->bits & (((uint64_t)1 << (at & 63)) - 1));
}

/* Sets the bits and counts them: how many keys there are, if it ended. */
LEAT_COUNTS_BITS static bool set_bits(struct leat_key_index *index, const int64_t *values,
                                      const uint8_t *nulls, uint64_t count,
                                      const struct leat_cancel *cancel, uint64_t *distinct)
{
    uint64_t before = 0;

    for (uint64_t i = 0; i < count; i++) {
        if (gives_up(cancel, i))
            return false;
        uint64_t at = (uint64_t)values[i] - (uint64_t)index->minimum;
        if (!nulls || !nulls[i])
            index->words[at >> 6].bits |= (uint64_t)1 << (at & 63);
    }
    for (uint64_t w = 0; w <= index->range / 64; w++) {
        index->words[w].before = before;
        before += (uint64_t)__builtin_popcountll(index->words[w].bits);
    }
    *distinct = before;
    return true;
}

/* From the last row to the first, so that chains run in the rows' order. */
LEAT_COUNTS_BITS static bool chain_rows(struct leat_key_index *index, const int64_t *values,
                                        const uint8_t *nulls, uint64_t count,
                                        const struct leat_cancel *cancel)
{
    for (uint64_t i = count; i-- > 0;) {
        if (gives_up(cancel, i))
            return false;
        uint64_t at = (uint64_t)values[i] - (uint64_t)index->minimum;
        uint32_t *head;
        if (nulls && nulls[i])
            continue;
        head = &index->heads[rank_of(&index->words[at >> 6], at)];
        if (index->next)
            index->next[i] = *head;
        *head = (uint32_t)i + 1;
    }
    return true;
}

static enum leat_status cancelled(struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_CANCELLED, "the query was cancelled");
}

enum leat_status leat_key_index_new(const int64_t *values, const uint8_t *nulls, uint64_t count,
                                    const struct leat_cancel *cancel, struct leat_arena *arena,
                                    struct leat_key_index **out, struct leat_error *err)
{
    struct extent extent = measure(values, nulls, count);
    uint64_t range = (uint64_t)extent.maximum - (uint64_t)extent.minimum, distinct;
    uint64_t most = extent.count * RANGE_PER_ROW;
    struct leat_key_index *index;

    *out = NULL;
    most = most < RANGE_LEAST ? RANGE_LEAST : most > RANGE_MOST ? RANGE_MOST : most;
    if (extent.count == 0 || range >= most)
        return LEAT_OK;
    index = LEAT_NEW(arena, struct leat_key_index);
    if (!index)
        return leat_error_memory(err);
    index->minimum = extent.minimum;
    index->range = range;
    index->words = leat_arena_calloc(arena, range / 64 + 2, sizeof(*index->words));
    if (!index->words)
        return leat_error_memory(err);
    if (!set_bits(index, values, nulls, count, cancel, &distinct))
        return cancelled(err);
    if (!extent.ascending) {
        index->heads = leat_arena_calloc(arena, distinct, sizeof(uint32_t));
        if (distinct < extent.count)
            index->next = leat_arena_alloc(arena, count * sizeof(uint32_t));
        if (!index->heads || (distinct < extent.count && !index->next))
            return leat_error_memory(err);
        if (!chain_rows(index, values, nulls, count, cancel))
            return cancelled(err);
    }
    *out = index;
    return LEAT_OK;
}

/* --- asking --- */

/* The rank + 1 of each value. */
LEAT_COUNTS_BITS static void find_ranks(const struct leat_key_index *index, const int64_t *values,
                                        uint32_t count, uint32_t *out)
{
    const struct leat_key_word *words = index->words;
    uint64_t minimum = (uint64_t)index->minimum, range = index->range;
    uint64_t outside = (range / 64 + 1) * 64; /* a bit of the empty word */

    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = (uint64_t)values[i] - minimum;
        at = at <= range ? at : outside;
        const struct leat_key_word *word = &words[at >> 6];
        out[i] = word->bits >> (at & 63) & 1 ? (uint32_t)rank_of(word, at) + 1 : 0;
    }
}

void leat_key_index_find(const struct leat_key_index *index, const int64_t *values, uint32_t count,
                         uint32_t *firsts)
{
    const uint32_t *heads = index->heads;

    find_ranks(index, values, count, firsts);
    if (!heads)
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (i + AHEAD < count && firsts[i + AHEAD])
            __builtin_prefetch(&heads[firsts[i + AHEAD] - 1]);
        firsts[i] = firsts[i] ? heads[firsts[i] - 1] : 0;
    }
}
