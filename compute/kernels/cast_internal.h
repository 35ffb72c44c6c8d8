/* Shared by the files of casts. */
#ifndef LEAT_COMPUTE_KERNELS_CAST_INTERNAL_H
#define LEAT_COMPUTE_KERNELS_CAST_INTERNAL_H

#include "compute/kernels/kernels_internal.h"

struct cast {
    struct kernel_call *call;
    bool soft; /* rows that cannot be cast become null */
};
/* Casts the call's only argument to the call's type. */
enum leat_status cast_batch(struct cast *cast, struct leat_error *err);
enum leat_status cast_to_text(struct cast *cast, struct leat_error *err);
enum leat_status cast_from_text(struct cast *cast, struct leat_error *err);

#endif
