/*
 * An index of one integer-like key whose values lie close together: a bit for each value of the
 * range from the smallest to the greatest, and beside each word of bits how many keys lie before
 * it. The number of bits before a key's own is its rank, and ranks lead to rows; nothing is hashed
 * or compared.
 */
#ifndef LEAT_COMPUTE_EXEC_KEY_INDEX_H
#define LEAT_COMPUTE_EXEC_KEY_INDEX_H

#include "base/memory.h"
#include "base/system.h"
#include "columns/vector.h"

struct leat_key_word {
    uint64_t bits;
    uint64_t before; /* keys in the words before */
};
struct leat_key_index {
    int64_t minimum;
    uint64_t range;              /* maximum - minimum */
    struct leat_key_word *words; /* range / 64 + 1 of them, and one that is empty */
    uint32_t *heads;             /* by rank, a key's first row + 1; NULL: row is rank */
    uint32_t *next; /* by row, the next one of the same key + 1, or 0; NULL: keys are unique */
};

/* Whether values of the type are integers of up to 64 bits behind their meaning. */
bool leat_key_index_takes(const struct leat_type *type);
/* The values of the vector's first `count` rows; those of null rows are undefined. */
void leat_key_values(const struct leat_vector *vector, uint32_t count, int64_t *out);
/* Indexes `count` values, but those that `nulls` marks with 1 (NULL: none). *out NULL: there is
 * none, or they lie too far apart. Memory lies in the arena. LEAT_CANCELLED soon after `cancel`
 * (or NULL) asks for it. */
LEAT_CHECKED enum leat_status leat_key_index_new(const int64_t *values, const uint8_t *nulls,
                                                 uint64_t count, const struct leat_cancel *cancel,
                                                 struct leat_arena *arena,
                                                 struct leat_key_index **out,
                                                 struct leat_error *err);
/* firsts[i]: the first row + 1 whose key is values[i], or 0. Rows of a key come in ascending order.
 */
void leat_key_index_find(const struct leat_key_index *index, const int64_t *values, uint32_t count,
                         uint32_t *firsts);

#endif
