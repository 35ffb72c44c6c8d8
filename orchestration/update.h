/*
 * An update of a pipeline: reads what is new, runs the flows in order, audits expectations, and
 * publishes all tables with the new positions in one commit.
 */
#ifndef LEAT_ORCHESTRATION_UPDATE_H
#define LEAT_ORCHESTRATION_UPDATE_H

#include "compute/hosts/host.h"
#include "orchestration/expectations.h"
#include "orchestration/pipeline.h"
#include "storage/lake/lake.h"

struct leat_update_options {
    unsigned threads; /* 0: all cores */
    uint64_t memory;  /* 0: what leat_memory_default_limit says, on hosts none */
    bool keep_going;  /* publish what succeeded even if a flow failed */
    bool full_refresh_all;
    const char *const *full_refresh; /* names; NULL-terminated, or NULL */
    struct leat_host_options host;   /* that carries out flows; its tasks are `threads` */
    struct leat_cancel *cancel;      /* or NULL */
    /* Told when a dataset begins (rows UINT64_MAX) and ends; may be NULL. */
    void (*progress)(void *context, const char *dataset, uint64_t rows);
    void *progress_context;
    /* Counted while plans are executed; all or none. */
    _Atomic uint64_t *bytes_read, *bytes_total, *rows_read;
};

enum leat_dataset_outcome {
    LEAT_OUTCOME_WRITTEN,
    LEAT_OUTCOME_UNCHANGED, /* nothing new */
    LEAT_OUTCOME_FAILED,
    LEAT_OUTCOME_SKIPPED /* something it reads failed */
};
struct leat_update_table { /* of the summary, in the order they ran */
    const char *name;
    enum leat_dataset_kind kind;
    enum leat_dataset_outcome outcome;
    uint64_t rows; /* written */
    uint64_t quarantined;
    uint64_t new_files;
    bool new_definition; /* its statement changed since the last run */
    uint32_t expectation_count;
    struct leat_expectation *expectations;
    struct leat_error error;
};
struct leat_update_summary {
    struct leat_arena arena;
    char run_id[37];
    bool published;
    uint32_t count;
    struct leat_update_table *tables;
    uint32_t warning_count;
    const char **warnings;
    double seconds;
};

/* Runs the update. The summary is filled as far as it came, also on failure, and released by the
 * caller. If flows failed, the status is theirs and nothing was published (unless keep_going). */
LEAT_CHECKED enum leat_status leat_update_run(struct leat_pipeline *pipeline,
                                              const struct leat_update_options *options,
                                              struct leat_update_summary *summary,
                                              struct leat_error *err);
void leat_update_summary_release(struct leat_update_summary *summary);

/* Plans every dataset without reading data rows: unknown names, types and files are found. Errors
 * are added to the project's list; the first is *err. */
LEAT_CHECKED enum leat_status leat_update_check(struct leat_pipeline *pipeline,
                                                struct leat_error *err);

#endif
