/*
 * A session: statements run one after the other against tables in memory and, if one is attached, a
 * lake. The command line, servers and language bindings stand on it.
 */
#ifndef LEAT_API_C_SESSION_H
#define LEAT_API_C_SESSION_H

#include "compute/exec/execute.h"
#include "compute/hosts/host.h"
#include "compute/plan/work.h"
#include "compute/plan/planner.h"

struct leat_session;
struct leat_session_options {
    const char *lake;              /* folder of a lake, or its URI; or NULL */
    const char *catalog;           /* of the lake: storage/lake/lake.h */
    bool create_lake;              /* make it if it is not there */
    const char *catalog_name;      /* NULL: "leat" */
    const char *schema;            /* where unqualified tables of the lake are made; NULL: "main" */
    const char *folder;            /* relative file names start here; NULL: the current folder */
    unsigned threads;              /* 0: all cores */
    struct leat_host_options host; /* that carries out queries; its tasks are `threads` */
    uint64_t memory;               /* bytes; 0: no limit */
    enum leat_sql_dialect dialect; /* of statements, until SET dialect */
};
LEAT_CHECKED enum leat_status leat_session_new(const struct leat_session_options *options,
                                               struct leat_session **out, struct leat_error *err);
void leat_session_free(struct leat_session *session);

/* Takes what statements give, in this order: begin (only for statements with rows), batches, end.
 */
struct leat_session_output {
    enum leat_status (*begin)(struct leat_session_output *output, const struct leat_schema *schema,
                              struct leat_error *err);
    enum leat_status (*batch)(struct leat_session_output *output, const struct leat_batch *batch,
                              struct leat_error *err);
    /* `tag` is PostgreSQL's command tag: "SELECT", "CREATE TABLE", "INSERT"; `rows` what it gave or
     * changed. */
    enum leat_status (*end)(struct leat_session_output *output, const char *tag, uint64_t rows,
                            struct leat_error *err);
};

/* Runs the statements of a script in turn and stops at the first that fails. A script with syntax
 * errors runs none of them; all its syntax errors are then in `errors` (in the arena), *error_count
 * of them. Otherwise *error_count is 1 on failure, and errors[0] equals *err. */
LEAT_CHECKED enum leat_status leat_session_run(struct leat_session *session, const char *name,
                                               const char *text, size_t length,
                                               struct leat_session_output *output,
                                               struct leat_arena *arena, struct leat_error **errors,
                                               uint32_t *error_count, struct leat_error *err);
/* Estimates what the last query of the text takes, without running it; statements before it may
 * make views. */
LEAT_CHECKED enum leat_status leat_session_estimate(struct leat_session *session, const char *name,
                                                    const char *text, size_t length,
                                                    struct leat_plan_work *out,
                                                    struct leat_error *err);
enum leat_sql_dialect leat_session_dialect(const struct leat_session *session);
/* Asks the running statement to stop; safe in a signal handler. */
void leat_session_cancel(struct leat_session *session);
/* Progress of the running statement. */
uint64_t leat_session_bytes_read(const struct leat_session *session);
uint64_t leat_session_bytes_total(const struct leat_session *session); /* an estimate */
uint64_t leat_session_rows_read(const struct leat_session *session);
/* Names of tables and views, sorted. */
LEAT_CHECKED enum leat_status leat_session_names(struct leat_session *session,
                                                 struct leat_bytes_list *out,
                                                 struct leat_error *err);

#endif
