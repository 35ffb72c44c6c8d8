/*
 * Rows between stages, as the bytes of batches: in memory up to a limit, then in a file without a
 * name. Each task's rows are kept apart, so that those of a failed attempt can be forgotten.
 */
#ifndef LEAT_COMPUTE_HOSTS_SPOOL_H
#define LEAT_COMPUTE_HOSTS_SPOOL_H

#include "base/file.h"

struct leat_spool_piece {
    uint32_t partition;
    uint32_t length;
    uint64_t offset;
};
struct leat_spool_task {
    struct leat_spool_piece *pieces;
    size_t count;
    size_t capacity;
};
struct leat_spool {
    struct leat_spool_task *tasks;
    uint32_t task_count;
    size_t in_memory; /* bytes that may stay in memory */
    struct leat_buffer memory;
    struct leat_scratch file;
};
LEAT_CHECKED enum leat_status leat_spool_init(struct leat_spool *spool, uint32_t task_count,
                                              size_t in_memory, struct leat_error *err);
void leat_spool_release(struct leat_spool *spool);
LEAT_CHECKED enum leat_status leat_spool_append(struct leat_spool *spool, uint32_t task,
                                                uint32_t partition, const void *bytes,
                                                size_t length, struct leat_error *err);
/* Forgets what the task gave. */
void leat_spool_reset(struct leat_spool *spool, uint32_t task);

/* Goes over the pieces in the order of the tasks. */
struct leat_spool_walk {
    const struct leat_spool *spool; /* NULL: nothing */
    uint32_t partition;             /* UINT32_MAX: all */
    uint32_t task;
    size_t piece;
};
/* *out is the next piece, or NULL at the end. */
const struct leat_spool_piece *leat_spool_next(struct leat_spool_walk *walk);
/* Appends the piece's bytes. */
LEAT_CHECKED enum leat_status leat_spool_read(const struct leat_spool *spool,
                                              const struct leat_spool_piece *piece,
                                              struct leat_buffer *out, struct leat_error *err);

#endif
