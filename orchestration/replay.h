/*
 * Replaying rows of a quarantine: they are read again and go through the current definition of
 * their table, as an update of that table alone.
 *
 * Rows that could not be read go through their flow's query, from their raw bytes. Rows that an
 * expectation turned away go through the expectations again. What passes is inserted, and the rows
 * are marked as replayed, in one catalog transaction: exactly once, whatever crashes. Rows that
 * fail again stay. What reads the table takes the new rows in the next run.
 */
#ifndef LEAT_ORCHESTRATION_REPLAY_H
#define LEAT_ORCHESTRATION_REPLAY_H

#include "orchestration/update.h"

struct leat_replay_options {
    const char *table;      /* a streaming table of the pipeline */
    const char *where;      /* SQL condition over the quarantine's columns, or NULL */
    const char *const *ids; /* row ids, or NULL for all */
    size_t id_count;
    struct leat_update_options update;
};
struct leat_replay_result {
    uint64_t chosen;   /* rows taken from the quarantine */
    uint64_t replayed; /* of these, what left it */
    uint64_t inserted; /* rows that the table got */
    uint64_t kept;     /* rows that failed again in another way: kept under their new reason */
    char run_id[37];
};
LEAT_CHECKED enum leat_status leat_replay_run(struct leat_pipeline *pipeline,
                                              const struct leat_replay_options *options,
                                              struct leat_replay_result *out,
                                              struct leat_error *err);

#endif
