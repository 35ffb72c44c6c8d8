/*
 * Exact sums of doubles: the same bits for any order of additions and merges.
 *
 * The sum is held as limbs of 32 bits in 64-bit integers (carries are saved, not propagated) over
 * the whole range of double. A state starts with a window of five limbs around its first value;
 * only sums whose values differ by more than about 2^32 in size get the full set, from the arena.
 */
#ifndef LEAT_COMPUTE_KERNELS_EXACT_SUM_H
#define LEAT_COMPUTE_KERNELS_EXACT_SUM_H

#include "base/buffer.h"

#define EXACT_WINDOW 5
#define EXACT_LIMBS  70 /* 2098 bits and room for carries */

struct exact_sum { /* zeroed: empty */
    int64_t window[EXACT_WINDOW];
    int64_t *full;    /* NULL: the window holds all */
    uint32_t adds;    /* since carries were propagated */
    uint8_t base;     /* limb of window[0] */
    uint8_t specials; /* 1 +inf, 2 -inf, 4 NaN, 8 a base is set */
};

LEAT_CHECKED enum leat_status exact_sum_add(struct exact_sum *sum, double value,
                                            struct leat_arena *arena, struct leat_error *err);
LEAT_CHECKED enum leat_status exact_sum_merge(struct exact_sum *into, const struct exact_sum *from,
                                              struct leat_arena *arena, struct leat_error *err);
/* Rounded once, to nearest even. */
double exact_sum_get(const struct exact_sum *sum);
__float128 exact_sum_get_quad(const struct exact_sum *sum);
LEAT_CHECKED enum leat_status exact_sum_put(const struct exact_sum *sum, struct leat_buffer *out,
                                            struct leat_error *err);
LEAT_CHECKED enum leat_status exact_sum_read(struct leat_cursor *cursor, struct exact_sum *sum,
                                             struct leat_arena *arena, struct leat_error *err);
#endif
