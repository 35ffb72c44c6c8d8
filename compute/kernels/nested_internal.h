/* Shared by the files of functions on lists and maps. */
#ifndef LEAT_COMPUTE_KERNELS_NESTED_INTERNAL_H
#define LEAT_COMPUTE_KERNELS_NESTED_INTERNAL_H

#include "compute/kernels/text_internal.h"

/* The list entry of row i of argument n; its items are in child 0. */
static inline struct leat_list_entry nested_entry(const struct kernel_call *call, uint32_t n,
                                                  uint32_t i)
{
    return ARG(struct leat_list_entry, call, n, i);
}
static inline struct leat_list_entry *nested_out(struct kernel_call *call, uint32_t i)
{
    return &((struct leat_list_entry *)call->out->data)[i];
}

/* Items of the results of a batch: one-row views, put together at its end. */
struct items {
    struct leat_vector *rows;
    uint32_t count;
    uint32_t capacity;
};
LEAT_CHECKED enum leat_status nested_add(struct kernel_call *call, struct items *items,
                                         const struct leat_vector *vector, uint32_t row,
                                         struct leat_error *err);
/* They become child `child` of the result. */
LEAT_CHECKED enum leat_status nested_finish(struct kernel_call *call, const struct items *items,
                                            uint32_t child, struct leat_error *err);
/* The row of `vector` for each result row, or null where found[i] is UINT32_MAX. */
LEAT_CHECKED enum leat_status nested_pick(struct kernel_call *call,
                                          const struct leat_vector *vector, const uint32_t *found,
                                          struct leat_error *err);

#endif
