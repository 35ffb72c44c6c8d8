/*
 * Running a plan on a host: it is cut into stages, the host runs their tasks, and what they report
 * is brought together here. The result, bad rows and receipts are those of leat_execute.
 */
#ifndef LEAT_COMPUTE_HOSTS_RUNNER_H
#define LEAT_COMPUTE_HOSTS_RUNNER_H

#include "compute/exec/execute.h"
#include "compute/hosts/host.h"

struct leat_runner_options {
    struct leat_host *host; /* NULL: the threads of this process */
    uint64_t small_rows;    /* see struct leat_stage_options */
    /* A folder that the workers of a cluster read and write, or NULL. If it is a local one, each
     * worker first looks whether it sees a file that is made there: otherwise L2408, and nothing
     * was written. */
    const char *shared;
    /* Seconds until a worker without any progress ends itself; 0: LEAT_WORKER_TIMEOUT in the
     * environment, or ten minutes. */
    uint32_t timeout;
    const char *fault; /* for tests: see compute/hosts/worker_fault.h; NULL: LEAT_FAULT_FRAGMENT */
};
/* Like leat_execute. On failure the files of all attempts are removed. */
LEAT_CHECKED enum leat_status
leat_runner_execute(const struct leat_runner_options *runner, const struct leat_plan *plan,
                    const struct leat_execute_options *options, struct leat_result_handler *handler,
                    struct leat_bytes_list *receipts, struct leat_error *err);
/* Like leat_execute_rows. */
LEAT_CHECKED enum leat_status leat_runner_execute_rows(const struct leat_runner_options *runner,
                                                       const struct leat_plan *plan,
                                                       const struct leat_execute_options *options,
                                                       struct leat_rows *out,
                                                       struct leat_error *err);
/* The stages as text, for EXPLAIN. */
LEAT_CHECKED enum leat_status leat_runner_print(const struct leat_runner_options *runner,
                                                const struct leat_plan *plan,
                                                struct leat_buffer *out, struct leat_error *err);

#endif
