/*
 * Work beside the caller's: a few threads of the process that wait for others' answers (a store's,
 * mostly), so that reading and writing go on meanwhile. Not for computing.
 */
#ifndef LEAT_BASE_BACKGROUND_H
#define LEAT_BASE_BACKGROUND_H

#include "base/status.h"

/* Lies in the caller's structure and must stay until it has run or was withdrawn. */
struct leat_background_task {
    void (*run)(struct leat_background_task *task);
    struct leat_background_task *next; /* of the queue's */
};
/* Queues the task. False if no thread can be had: the caller then does the work itself. */
bool leat_background_submit(struct leat_background_task *task);
/* True if the task had not begun; it will not run then. */
bool leat_background_withdraw(struct leat_background_task *task);

#endif
