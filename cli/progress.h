/* A line on the terminal that says how far the work is: bytes, rows, speed, time left. */
#ifndef LEAT_CLI_PROGRESS_H
#define LEAT_CLI_PROGRESS_H

#include "base/system.h"

#include <pthread.h>

struct leat_progress_counts {
    uint64_t bytes; /* read */
    uint64_t total; /* bytes that the sources have, as far as they were opened; an estimate */
    uint64_t rows;  /* read */
    uint64_t done;  /* tables, of `tables`; nothing is said if that is 0 */
    uint64_t tables;
};
struct leat_cli_progress {
    /* Called ten times a second from a thread of its own. */
    void (*read)(void *context, struct leat_progress_counts *out);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int64_t started;
    bool running;
    bool stop;
    bool hidden; /* output is being shown */
    bool drawn;
};
/* Starts the thread if standard error is a terminal; nothing is drawn in the first third of a
 * second.
 */
void leat_cli_progress_start(struct leat_cli_progress *progress,
                             void (*read)(void *context, struct leat_progress_counts *out),
                             void *context);
/* Takes the line away until show(); NULL is allowed. */
void leat_cli_progress_hide(struct leat_cli_progress *progress);
void leat_cli_progress_show(struct leat_cli_progress *progress);
void leat_cli_progress_stop(struct leat_cli_progress *progress);
/* "1.2 GB of 3.4 GB, 12.3 million rows, 500 MB/s, 4 s left" into `out`. */
void leat_cli_progress_text(const struct leat_progress_counts *counts, double seconds, char *out,
                            size_t size);

#endif
