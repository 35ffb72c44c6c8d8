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
    struct leat_dataset *source; /* its position is that of the commit; NULL: a table of the lake */
    const char *name;            /* of the source in the ledger */
    struct leat_ledger_position at; /* of a table of the lake: as it was read */
};

/* Rows that a test gives (orchestration/given.c). */
struct leat_given {
    struct leat_given *next;
    const struct leat_sql_given *item;
    struct leat_expr_source source; /* the text it stands in, for errors */
    struct leat_dataset *dataset;
    const struct leat_flow *flow; /* NULL: the dataset as a whole */
    bool by_name;                 /* columns have names; else they count by position */
    bool used;
    struct leat_rows rows; /* as given */
    struct leat_rows cast; /* as they are used */
};

struct leat_update {
    struct leat_pipeline *pipeline;
    const struct leat_update_options *options;
    struct leat_update_summary *summary;
    struct leat_lake lake;
    bool check_only; /* no lake, no data */
    bool in_memory;  /* a test: no lake, rows are given and kept in memory */
    struct leat_given *givens;
    struct leat_replay *replay; /* of rows kept aside, or NULL */
    bool lake_open;
    bool lake_tried; /* a check has looked for the lake */
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
    bool unneeded; /* by the test */
    struct leat_rows made;
    bool has_made; /* `made` are its rows */
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

/* A table's position as it stands. */
void leat_update_position_of(const struct leat_table *table, struct leat_ledger_position *out);
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
/* An empty source with a schema. */
LEAT_CHECKED enum leat_status leat_update_empty_source(struct leat_update *update,
                                                       const struct leat_schema *schema,
                                                       const char *name, struct leat_source **out,
                                                       struct leat_error *err);

/* --- given rows: orchestration/given.c --- */
/* Evaluates one GIVEN and finds what it names. */
LEAT_CHECKED enum leat_status leat_update_give(struct leat_update *update,
                                               const struct leat_sql_given *item,
                                               const struct leat_plan_options *options,
                                               struct leat_error *err);
/* Rows given for this dataset or flow that have not come in yet, or NULL. */
struct leat_given *leat_update_given(const struct leat_update *update,
                                     const struct leat_dataset *dataset,
                                     const struct leat_flow *flow);
/* Gives the rows these columns, in given->cast. */
LEAT_CHECKED enum leat_status
leat_given_cast(struct leat_given *given, const struct leat_schema *target, struct leat_error *err);
/* Stands for the planner's opening of files; the context is a struct leat_flow_run. */
LEAT_CHECKED enum leat_status leat_update_open_given_files(void *context,
                                                           const struct leat_file_call *call,
                                                           struct leat_source **out,
                                                           struct leat_error *err);
/* L4302 for a name that no dataset has. */
LEAT_CHECKED enum leat_status leat_update_unknown(struct leat_update *update, struct leat_text name,
                                                  const char *clause, struct leat_error *err);
void leat_update_release_givens(struct leat_update *update);

/* --- rows of the quarantine: orchestration/replay.c --- */
/* What a STREAM gives: of files, the rows kept aside from them; of a table, none. */
LEAT_CHECKED enum leat_status leat_update_open_kept(struct leat_flow_run *run,
                                                    const struct leat_file_call *call,
                                                    struct leat_dataset *source,
                                                    struct leat_source **out,
                                                    struct leat_error *err);
/* Writes the rows that expectations had turned away, through the expectations. */
LEAT_CHECKED enum leat_status leat_update_write_kept(struct leat_update *update,
                                                     struct leat_dataset *dataset,
                                                     struct leat_error *err);
/* Rows that were turned away again as they were stay where they are, not a second time. */
LEAT_CHECKED enum leat_status leat_update_drop_kept(struct leat_update *update,
                                                    struct leat_dataset *dataset,
                                                    struct leat_error *err);
LEAT_CHECKED enum leat_status leat_update_mark_kept(struct leat_update *update,
                                                    struct leat_database *database,
                                                    struct leat_error *err);
/* Writes a query's rows into the dataset, through its expectations. */
LEAT_CHECKED enum leat_status leat_update_write_query(struct leat_update *update,
                                                      struct leat_dataset *dataset,
                                                      const struct leat_buffer *sql,
                                                      struct leat_catalog *catalog,
                                                      struct leat_error *err);

/* --- beginning and end of an update --- */
void leat_update_init(struct leat_update *update, struct leat_pipeline *pipeline,
                      const struct leat_update_options *options,
                      struct leat_update_summary *summary);
LEAT_CHECKED enum leat_status leat_update_make_states(struct leat_update *update,
                                                      struct leat_error *err);
LEAT_CHECKED enum leat_status leat_update_open_lake(struct leat_update *update, bool create,
                                                    struct leat_error *err);
/* Runs one dataset and publishes it. */
LEAT_CHECKED enum leat_status leat_update_run_only(struct leat_update *update,
                                                   struct leat_dataset *dataset,
                                                   struct leat_error *err);
void leat_update_release(struct leat_update *update);

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
