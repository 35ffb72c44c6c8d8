/*
 * Running a plan in this process: pipelines of operators over batches, splits taken by threads as
 * morsels.
 *
 * The result does not depend on the number of threads, the batch size or the memory limit (order of
 * rows without ORDER BY may).
 */
#ifndef LEAT_COMPUTE_EXEC_EXECUTE_H
#define LEAT_COMPUTE_EXEC_EXECUTE_H

#include "compute/plan/plan.h"

struct leat_recursion; /* of compute/exec/recursive.c */
struct leat_execute_options {
    unsigned threads;                      /* 0: all cores */
    uint32_t batch_rows;                   /* 0: LEAT_BATCH_ROWS */
    struct leat_accountant *accountant;    /* or NULL */
    struct leat_cancel *cancel;            /* or NULL */
    struct leat_bad_row_handler *bad_rows; /* or NULL: unreadable rows fail the query */
    _Atomic uint64_t *bytes_read;          /* progress, or NULL */
    _Atomic uint64_t *rows_read;           /* progress, or NULL */
    _Atomic uint64_t *bytes_total;      /* progress, or NULL: what the sources hold, an estimate */
    struct leat_expr_source source;     /* the statement's text, for carets in run-time errors */
    const struct leat_attempt *attempt; /* names of what WRITE makes; needed if the plan writes */
    bool profile;                       /* collect rows and times for EXPLAIN ANALYZE */
    bool no_runtime_filters;            /* for tests */
    bool spill_always;                  /* for tests: what can be moved to files is, at once */
    /* INPUT nodes of fragments: gives the reader of a stage's rows for this task. */
    enum leat_status (*open_input)(void *context, uint32_t stage, struct leat_reader **out,
                                   struct leat_error *err);
    void *open_input_context;
    const struct leat_recursion *recursion; /* rows of the rounds that this execution is part of */
};
/* Takes result batches, in order where the plan sorts; called from one thread at a time. */
struct leat_result_handler {
    enum leat_status (*batch)(struct leat_result_handler *handler, const struct leat_batch *batch,
                              struct leat_error *err);
    /* If not NULL, threads of this process call it instead, several at once; `thread` is below
     * their number (options.threads, or all cores). */
    enum leat_status (*batch_of)(struct leat_result_handler *handler, unsigned thread,
                                 const struct leat_batch *batch, struct leat_error *err);
};
/* Runs the plan to its end. `receipts` (or NULL) takes the receipts of WRITE nodes; on failure all
 * writers were aborted, and receipts already collected are to be discarded by the caller. */
LEAT_CHECKED enum leat_status leat_execute(const struct leat_plan *plan,
                                           const struct leat_execute_options *options,
                                           struct leat_result_handler *handler,
                                           struct leat_bytes_list *receipts,
                                           struct leat_error *err);
/* The same, keeping the rows. */
LEAT_CHECKED enum leat_status leat_execute_rows(const struct leat_plan *plan,
                                                const struct leat_execute_options *options,
                                                struct leat_rows *out, struct leat_error *err);
/* EXPLAIN ANALYZE: runs, discards rows, and prints the tree with real rows, time, memory for each
 * operator. */
LEAT_CHECKED enum leat_status leat_execute_explain(const struct leat_plan *plan,
                                                   const struct leat_execute_options *options,
                                                   struct leat_buffer *out, struct leat_error *err);

#endif
