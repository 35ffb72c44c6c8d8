/*
 * What a task runs, as bytes: the body of a FRAGMENT frame. A u32 attempt number comes first, so
 * that whoever carries the fragment can say which attempt this is.
 */
#ifndef LEAT_COMPUTE_HOSTS_FRAGMENT_H
#define LEAT_COMPUTE_HOSTS_FRAGMENT_H

#include "compute/plan/stages.h"

struct leat_fragment {
    uint32_t attempt; /* from 0 */
    const char *run_id;
    uint32_t stage;     /* as it stands in the names of files that are written */
    uint32_t task;      /* from 0 */
    uint32_t threads;   /* 0: all cores */
    uint64_t memory;    /* bytes; 0: no limit */
    const char *folder; /* where relative file names start, or "" */
    const char *shared; /* a file that this worker must see, or "" */
    const char *fault;  /* see compute/hosts/worker_fault.h, or "" */
    uint32_t timeout;   /* seconds without any progress until the worker ends itself; 0: never */
    bool bad_rows;      /* rows that cannot be read are told; otherwise they fail the fragment */
    struct leat_expr_source source;
    enum leat_exchange_type output; /* HASH by keys, or SINGLE: partition `task` */
    uint32_t key_count;
    struct leat_expr **keys;
    uint32_t partition_count;
    struct leat_plan *plan; /* when read */
};

/* Writes the fragment, the storage's settings in force (storage/files/files.h) among it, with the
 * stage's plan for fragment->task. */
LEAT_CHECKED enum leat_status leat_fragment_put(const struct leat_fragment *fragment,
                                                struct leat_stage *stage, struct leat_buffer *out,
                                                struct leat_error *err);
/* Everything lies in the owner. The storage's settings take effect. */
LEAT_CHECKED enum leat_status leat_fragment_read(struct leat_cursor *cursor,
                                                 struct leat_plan_owner *owner,
                                                 struct leat_fragment *out, struct leat_error *err);

#endif
