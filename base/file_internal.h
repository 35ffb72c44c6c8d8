/* The seam of local files: every system call can be made to fail or to kill the process there. */
#ifndef LEAT_BASE_FILE_INTERNAL_H
#define LEAT_BASE_FILE_INTERNAL_H

#include "base/fault.h"
#include "base/file.h"

#include <errno.h>

/* Result of a system call: 0 or an errno, injected faults first. */
#define SYSTEM_CALL(changes, failed, call)                                                         \
    ({                                                                                             \
        int errno_ = leat_fault_file_check(changes);                                               \
        if (!errno_ && (call) == (failed))                                                         \
            errno_ = errno;                                                                        \
        errno_;                                                                                    \
    })

/* Appends a copy of the item; the list's capacity is the next power of two at or above count. */
LEAT_CHECKED enum leat_status leat_file_list_append(struct leat_file_list *list,
                                                    const struct leat_file_info *item,
                                                    struct leat_error *err);
/* Sorts by path and removes duplicates. */
void leat_file_list_sort(struct leat_file_list *list);

#endif
