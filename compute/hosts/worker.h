/*
 * The worker: reads fragments from one pipe, runs them with the ordinary executor, and answers with
 * frames on another (compute/hosts/frame.h). It ends when its input ends. It leaves no files:
 * writers of a fragment that fails are aborted.
 */
#ifndef LEAT_COMPUTE_HOSTS_WORKER_H
#define LEAT_COMPUTE_HOSTS_WORKER_H

#include "compute/exec/execute.h"

struct leat_worker_options {
    int in;
    int out;
    /* Kinds of sinks that only rooms above compute know. */
    const struct leat_sink_kind *sink_kinds;
    size_t sink_kind_count;
};
/* Serves until the end of the input. An error of a fragment is answered and is none here; a broken
 * message or pipe is. */
LEAT_CHECKED enum leat_status leat_worker_run(const struct leat_worker_options *options,
                                              struct leat_error *err);

#endif
