/*
 * Rows kept aside: those that could not be read and those that an expectation turned away, with
 * their raw bytes, place, rule and error code.
 */
#ifndef LEAT_ORCHESTRATION_QUARANTINE_H
#define LEAT_ORCHESTRATION_QUARANTINE_H

#include "columns/source.h"

#include <pthread.h>

/* Columns of a table's quarantine, <table>_quarantine. */
enum leat_quarantine_column {
    LEAT_QUARANTINE_AT,      /* timestamptz */
    LEAT_QUARANTINE_RUN,     /* text */
    LEAT_QUARANTINE_FLOW,    /* text */
    LEAT_QUARANTINE_FILE,    /* text, null for rows of tables */
    LEAT_QUARANTINE_LINE,    /* bigint, null if unknown */
    LEAT_QUARANTINE_OFFSET,  /* bigint */
    LEAT_QUARANTINE_RULE,    /* text: the expectation's name, or what was wrong */
    LEAT_QUARANTINE_COLUMN,  /* text or null */
    LEAT_QUARANTINE_CODE,    /* text: L.... */
    LEAT_QUARANTINE_MESSAGE, /* text */
    LEAT_QUARANTINE_RAW,     /* bytea: the row's bytes, or the row as JSON */
    LEAT_QUARANTINE_ID,      /* text: names the row among those of its table */
    LEAT_QUARANTINE_COLUMNS
};
extern const struct leat_schema leat_quarantine_schema;

/* Collects rows from any thread. */
struct leat_quarantine {
    struct leat_bad_row_handler base; /* for readers */
    pthread_mutex_t lock;
    struct leat_rows rows;
    const char *run_id;
    const char *flow;
    bool open;
};
LEAT_CHECKED enum leat_status leat_quarantine_init(struct leat_quarantine *quarantine,
                                                   const char *run_id, struct leat_error *err);
void leat_quarantine_release(struct leat_quarantine *quarantine);
LEAT_CHECKED enum leat_status leat_quarantine_add(struct leat_quarantine *quarantine,
                                                  const struct leat_bad_row *row,
                                                  struct leat_error *err);

#endif
