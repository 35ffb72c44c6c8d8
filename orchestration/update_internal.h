/* The state of an update, shared by its parts. */
#ifndef LEAT_ORCHESTRATION_UPDATE_INTERNAL_H
#define LEAT_ORCHESTRATION_UPDATE_INTERNAL_H

#include "compute/hosts/runner.h"
#include "compute/plan/planner.h"
#include "orchestration/ledger.h"
#include "orchestration/publish.h"
#include "orchestration/quarantine.h"
#include "orchestration/update.h"

#include <pthread.h>

/* A file or position to be written into the ledger when the run is published. */
struct leat_new_input {
    const char *flow;
    struct leat_ledger_file file;
};
struct leat_new_position {
    const char *flow;
    struct leat_dataset *source;
};

struct leat_update {
    struct leat_pipeline *pipeline;
    const struct leat_update_options *options;
    struct leat_update_summary *summary;
    struct leat_lake lake;
    bool check_only; /* no lake, no data */
    bool lake_open;
    struct leat_arena arena;
    struct leat_accountant accountant;
    struct leat_runner_options runner;
    int64_t started;
    struct leat_catalog catalog; /* names during the update */
    struct leat_new_input *inputs;
    size_t input_count;
    struct leat_new_position *positions;
    size_t position_count;
    /* Datasets run at the same time (orchestration/schedule.c). Whoever looks at the update's or a
     * dataset's state holds the lock; it is let go only while a plan is executed or a file hashed.
     */
    pthread_mutex_t lock;
};
static inline void leat_update_lock(struct leat_update *update)
{
    pthread_mutex_lock(&update->lock);
}
static inline void leat_update_unlock(struct leat_update *update)
{
    pthread_mutex_unlock(&update->lock);
}

/* One flow while it is planned; the context of its STREAMs. */
struct leat_flow_run {
    struct leat_update *update;
    struct leat_dataset *dataset;
    const struct leat_flow *flow;
    bool has_stream;
    bool has_new; /* some stream has something new */
};

/* dataset->state */
struct leat_dataset_state {
    struct leat_update_table *summary;
    bool begun;
    bool ended;
    bool refresh; /* all input is read again and the table replaced */
    bool exists;  /* in the lake */
    bool loaded;  /* `table` is valid */
    struct leat_table table;
    const char *old_location;  /* of a table that a new definition replaces */
    struct leat_schema schema; /* known once a flow was planned, or from the lake */
    bool replace;
    bool changed; /* to be published */
    struct leat_bytes_list receipts;
    struct leat_data_files fresh; /* written in this run */
    struct leat_quarantine quarantine;
    struct leat_expectation *expectations;
    uint32_t expectation_count;
    _Atomic uint64_t rows;
    /* its quarantine table */
    struct leat_table bad_table;
    bool bad_loaded;
    struct leat_bytes_list bad_receipts;
};

static inline struct leat_dataset_state *leat_state_of(const struct leat_dataset *dataset)
{
    return dataset->state;
}

/* What names and STREAM mean during an update (orchestration/update_sources.c). */
extern const struct leat_catalog_ops leat_update_catalog_ops;
LEAT_CHECKED enum leat_status leat_update_open_stream(void *context,
                                                      const struct leat_sql_from *from,
                                                      const struct leat_file_call *call,
                                                      struct leat_source **out,
                                                      struct leat_error *err);
/* The files that a flow has read are still those that the ledger will name; else L0014. */
LEAT_CHECKED enum leat_status leat_update_inputs_unchanged(const struct leat_update *update,
                                                           const struct leat_flow *flow,
                                                           struct leat_error *err);
/* Makes the dataset's table fit the query's columns: new, extended, or replaced
 * (orchestration/update_table.c). */
LEAT_CHECKED enum leat_status leat_update_settle_table(struct leat_update *update,
                                                       struct leat_dataset *dataset,
                                                       const struct leat_schema *query,
                                                       struct leat_error *err);
/* EXPECT UNIQUE on what was written (orchestration/uniqueness.c). */
LEAT_CHECKED enum leat_status leat_update_audit_unique(struct leat_update *update,
                                                       struct leat_dataset *dataset,
                                                       struct leat_error *err);
/* Runs every dataset that can run, in dependency order, up to `lanes` at a time
 * (orchestration/schedule.c). The status is that of the first failure in order; siblings of a
 * failed dataset run, its dependants do not. */
LEAT_CHECKED enum leat_status leat_update_run_datasets(struct leat_update *update, unsigned lanes,
                                                       struct leat_error *err);
/* Runs the flows of one dataset, with the lock held (orchestration/update_flow.c). */
LEAT_CHECKED enum leat_status leat_update_dataset(struct leat_update *update,
                                                  struct leat_dataset *dataset,
                                                  struct leat_error *err);

#endif
