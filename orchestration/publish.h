/*
 * Making written data visible: several tables, and the ledger's rows, in one catalog transaction.
 */
#ifndef LEAT_ORCHESTRATION_PUBLISH_H
#define LEAT_ORCHESTRATION_PUBLISH_H

#include "storage/lake/lake.h"

/* A new state of one table. */
struct leat_publication {
    const char *schema;
    const char *table;
    struct leat_table *state; /* loaded, or newly made (no metadata_location); changed by it */
    const char *old_location; /* of a table that `state`, newly made, is to replace; or NULL */
    bool replace;             /* the new files replace all present ones */
    bool strict; /* what this run read of the table must still be all of it: a change by
                    another client is LEAT_CONFLICT, and the run must begin anew */
    const struct leat_bytes_list *receipts; /* of the sink; may be empty */
};

/* Writes manifests and metadata of every table, then swaps all pointers in one transaction, with
 * `extra` inside it. Every snapshot's summary holds "leat.run-id" = run_id. When a table was
 * changed by another client meanwhile, its new state is made again on top of that change, up to
 * four times. If nothing was published, the data files and metadata written for it are removed;
 * after an unknown outcome the catalog is asked first. */
LEAT_CHECKED enum leat_status leat_publish(struct leat_lake *lake,
                                           struct leat_publication *publications, size_t count,
                                           const char *run_id, leat_lake_extra extra, void *context,
                                           struct leat_error *err);
/* Removes the data files that receipts name: for runs that end before publishing. */
void leat_publish_discard(const struct leat_bytes_list *receipts);

#endif
