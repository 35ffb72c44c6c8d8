/*
 * A host: who carries the bytes between the coordinator and the tasks of a stage, and between
 * stages. Worker processes on this machine are one; a cluster is another. Nothing about plans is
 * known here: fragments, batches, receipts are bytes.
 */
#ifndef LEAT_COMPUTE_HOSTS_HOST_H
#define LEAT_COMPUTE_HOSTS_HOST_H

#include "compute/hosts/frame.h"
#include "compute/plan/stages.h"

#include <pthread.h>

/* Stages are listed in an order in which they can run; inputs are earlier ones. */
struct leat_host_stage {
    uint32_t task_count;
    uint32_t partition_count;
    uint32_t input_count;
    const struct leat_stage_input *inputs;
    bool given; /* its rows come from the coordinator, as those of its task 0 in partition 0 */
};
typedef enum leat_status (*leat_host_take)(void *context, struct leat_text bytes,
                                           struct leat_error *err);
/* All stages of one plan, and what the coordinator wants to know of their tasks. The functions are
 * called from the thread that called run(). */
struct leat_host_job {
    const char *name; /* for people */
    uint32_t stage_count;
    const struct leat_host_stage *stages;
    const struct leat_cancel *cancel; /* or NULL */
    void *context;
    /* Appends the body of the task's FRAGMENT. */
    enum leat_status (*fragment)(void *context, uint32_t stage, uint32_t task, uint32_t attempt,
                                 struct leat_buffer *out, struct leat_error *err);
    /* Rows of a given stage: a batch's bytes a call of `take`. */
    enum leat_status (*given)(void *context, uint32_t stage, leat_host_take take,
                              void *take_context, struct leat_error *err);
    /* An attempt has won: what it told besides rows, as whole frames in their order. */
    enum leat_status (*won)(void *context, uint32_t stage, uint32_t task, uint32_t attempt,
                            const uint8_t *frames, size_t length, struct leat_error *err);
    /* An attempt is lost, and its process certainly gone. */
    void (*lost)(void *context, uint32_t stage, uint32_t task, uint32_t attempt);
    /* Rows of the last stage, in the order of its tasks: a batch's bytes a call. */
    leat_host_take rows;
    /* What was read since the last call, for the display of a run. */
    void (*progress)(void *context, uint64_t rows, uint64_t bytes);
};

struct leat_host;
struct leat_host_ops {
    const char *name; /* "local:processes" */
    /* Reaches the host, so that `tasks` is known; NULL: nothing to do. */
    enum leat_status (*prepare)(struct leat_host *host, const struct leat_cancel *cancel,
                                struct leat_error *err);
    /* Runs all stages to their end. A task whose worker died is tried again, three times in all; an
     * error that a worker reports ends the job. When this returns no task is running any more,
     * nothing of the job's rows is kept, and each attempt was won or lost. */
    enum leat_status (*run)(struct leat_host *host, const struct leat_host_job *job,
                            struct leat_error *err);
    void (*close)(struct leat_host *host);
};
struct leat_host {
    const struct leat_host_ops *ops;
    pthread_mutex_t lock; /* held by the runner while a plan runs: threads take turns */
    unsigned tasks;       /* of a stage that can be split */
    unsigned threads;     /* of a task's worker; 0: one */
    bool remote;          /* its workers may be on other machines */
    uint32_t executions;  /* counted by the runner: names of files differ between them */
};

struct leat_host_options {
    const char *name;   /* what --on takes; "local" and NULL mean the threads of this process */
    const char *master; /* where the cluster is, in the host's own words; only clusters have one */
    const char *config; /* file with the host's own settings, or NULL */
    unsigned tasks;     /* 0: as many as run at once */
    unsigned task_threads; /* 0: one */
};
/* *out is NULL for "local". An unknown name is L2403 with a proposal. A cluster is reached at the
 * first run. */
LEAT_CHECKED enum leat_status leat_host_open(const struct leat_host_options *options,
                                             struct leat_host **out, struct leat_error *err);
void leat_host_close(struct leat_host *host); /* NULL is allowed */

/* Worker processes on this machine: this program, or what LEAT_WORKER in the environment names, run
 * as `leat worker`. They are started when first needed and take many fragments. */
LEAT_CHECKED enum leat_status leat_processes_open(unsigned tasks, struct leat_host **out,
                                                  struct leat_error *err);
/* A cluster, spoken with through its driver program (PROTOCOL.md): NAME/driver in the folder that
 * LEAT_HOSTS names, or libexec/leat/hosts beside the folder of this program, or the source tree's
 * compute. The worker that is shipped is LEAT_WORKER_PACK, or leat-worker beside this program. */
LEAT_CHECKED enum leat_status leat_driver_open(const struct leat_host_options *options,
                                               struct leat_host **out, struct leat_error *err);

#endif
