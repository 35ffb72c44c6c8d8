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

/* A stage to be run, and what the coordinator wants to know of its tasks. The functions are called
 * from the thread that called run(). */
struct leat_host_stage {
    uint32_t number; /* among the stages of this run: earlier ones are inputs */
    uint32_t task_count;
    uint32_t partition_count;
    uint32_t input_count;
    const struct leat_stage_input *inputs;
    const struct leat_cancel *cancel; /* or NULL */
    void *context;
    /* Appends the body of the task's FRAGMENT. */
    enum leat_status (*fragment)(void *context, uint32_t task, uint32_t attempt,
                                 struct leat_buffer *out, struct leat_error *err);
    /* An attempt has won: what it told besides rows, as whole frames in their order. */
    enum leat_status (*won)(void *context, uint32_t task, uint32_t attempt, const uint8_t *frames,
                            size_t length, struct leat_error *err);
    /* An attempt is lost, and its process certainly gone. */
    void (*lost)(void *context, uint32_t task, uint32_t attempt);
};

struct leat_host;
struct leat_host_ops {
    const char *name; /* "local:processes" */
    /* Runs all tasks to their end and keeps their rows. A task whose worker died is tried again, up
     * to three times; an error that a worker reports ends the stage. On failure no task is running
     * any more, and each attempt was won or lost. */
    enum leat_status (*run)(struct leat_host *host, const struct leat_host_stage *stage,
                            struct leat_error *err);
    /* Gives rows of a stage that the coordinator runs itself, as those of its task 0. */
    enum leat_status (*give)(struct leat_host *host, uint32_t stage, uint32_t partition,
                             const void *bytes, size_t length, struct leat_error *err);
    /* All rows of a stage that was run, in the order of its tasks: a batch's bytes a call. */
    enum leat_status (*read)(struct leat_host *host, uint32_t stage,
                             enum leat_status (*take)(void *context, struct leat_text bytes,
                                                      struct leat_error *err),
                             void *context, struct leat_error *err);
    /* Nobody reads the stage's rows any more. */
    void (*forget)(struct leat_host *host, uint32_t stage);
    void (*close)(struct leat_host *host);
};
struct leat_host {
    const struct leat_host_ops *ops;
    pthread_mutex_t lock; /* held by the runner while a plan runs: threads take turns */
    unsigned tasks;       /* of a stage that can be split */
    uint32_t executions;  /* counted by the runner: names of files differ between them */
};

/* Opens a host by the name that --on takes: "local:processes"; "local" and NULL give NULL, which
 * means the threads of this process. Unknown names are L2403 with a proposal. */
LEAT_CHECKED enum leat_status leat_host_open(const char *name, unsigned tasks,
                                             struct leat_host **out, struct leat_error *err);
void leat_host_close(struct leat_host *host); /* NULL is allowed */

/* Worker processes on this machine: this program, or what LEAT_WORKER in the environment names, run
 * as `leat worker`. They are started when first needed and take many fragments. */
LEAT_CHECKED enum leat_status leat_processes_open(unsigned tasks, struct leat_host **out,
                                                  struct leat_error *err);

#endif
