/*
 * A session: statements run one after the other against tables in memory and, if one is attached, a
 * lake. The command line, servers and language bindings stand on it.
 */
#ifndef LEAT_API_C_SESSION_H
#define LEAT_API_C_SESSION_H

#include "api/c/memory_catalog.h"
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
    bool confined;                 /* statements name only files below `folder`; NULL: none */
    unsigned threads;              /* 0: all cores */
    unsigned most_threads;         /* that SET threads takes; 0: 1024 */
    struct leat_host_options host; /* that carries out queries; its tasks are `threads` */
    uint64_t memory; /* bytes; 0: what leat_memory_default_limit says, on hosts none */
    struct leat_accountant *parent;   /* that is charged, too; or NULL */
    struct leat_memory_store *shared; /* where tables in memory are made; NULL: the session's own */
    const char *user;                 /* NULL: the user of the process; for current_user */
    const char *database;             /* NULL: "leat"; for current_database() */
    enum leat_sql_dialect dialect;    /* of statements, until SET dialect */
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
    /* The following may be NULL. A word to the user beside the results: severity "NOTICE" or
     * "WARNING". */
    enum leat_status (*notice)(struct leat_session_output *output, const char *severity,
                               const char *sqlstate, const char *message, struct leat_error *err);
    /* COPY FROM STDIN (in) or TO STDOUT begins, with so many columns. */
    enum leat_status (*copy)(struct leat_session_output *output, bool in, uint32_t columns,
                             struct leat_error *err);
    /* Some bytes of it, the last ones or not; and the next bytes that come in, none at the end,
     * valid until the next call. */
    enum leat_status (*copy_out)(struct leat_session_output *output, const void *bytes,
                                 size_t length, bool last, struct leat_error *err);
    enum leat_status (*copy_in)(struct leat_session_output *output, struct leat_text *out,
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
/* A statement that is parsed and bound once and run many times, with values for $1, $2, ... It lies
 * in the caller's arena, as its text must. */
struct leat_prepared {
    struct leat_sql_script script; /* one statement, or none (an empty text) */
    struct leat_plan_parameters parameters;
    bool has_rows;             /* it gives rows */
    struct leat_schema schema; /* of them */
};
/* `types` may be fewer than the parameters; those that are NULL or missing are decided by what the
 * parameters meet. More than one statement is an error. */
LEAT_CHECKED enum leat_status
leat_session_prepare(struct leat_session *session, const char *text, size_t length,
                     const struct leat_type *const *types, uint32_t type_count,
                     struct leat_arena *arena, struct leat_prepared *out, struct leat_error *err);
/* Runs it with the values of its parameters, as many as it has. One with a type has that instead of
 * the one it was prepared with (numeric, whose digits only the value knows). An empty
 * text calls nothing of `output`. */
LEAT_CHECKED enum leat_status leat_session_execute(struct leat_session *session,
                                                   const struct leat_prepared *prepared,
                                                   const struct leat_plan_parameter *values,
                                                   struct leat_session_output *output,
                                                   struct leat_error *err);
enum leat_sql_dialect leat_session_dialect(const struct leat_session *session);
struct leat_accountant *leat_session_accountant(struct leat_session *session);
/* Where the session stands: outside of BEGIN and COMMIT, between them, or between them behind an
 * error, when only ROLLBACK and COMMIT are taken. */
enum leat_transaction { LEAT_TRANSACTION_NONE, LEAT_TRANSACTION_OPEN, LEAT_TRANSACTION_FAILED };
enum leat_transaction leat_session_transaction(const struct leat_session *session);
/* Asks the running statement to stop; safe in a signal handler. */
void leat_session_cancel(struct leat_session *session);
bool leat_session_cancelled(const struct leat_session *session);
/* Progress of the running statement. */
uint64_t leat_session_bytes_read(const struct leat_session *session);
uint64_t leat_session_bytes_total(const struct leat_session *session); /* an estimate */
uint64_t leat_session_rows_read(const struct leat_session *session);
/* Names of tables and views, sorted. */
LEAT_CHECKED enum leat_status leat_session_names(struct leat_session *session,
                                                 struct leat_bytes_list *out,
                                                 struct leat_error *err);

#endif
