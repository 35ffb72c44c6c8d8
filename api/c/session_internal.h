/*
 * Inside a session: one statement being run, and what runs it by its kind.
 */
#ifndef LEAT_API_C_SESSION_INTERNAL_H
#define LEAT_API_C_SESSION_INTERNAL_H

#include "api/c/memory_catalog.h"
#include "api/c/session.h"
#include "compute/hosts/runner.h"
#include "orchestration/lake_catalog.h"

struct leat_session {
    struct leat_accountant accountant;
    struct leat_cancel cancel;
    _Atomic uint64_t bytes_read;
    _Atomic uint64_t rows_read;
    _Atomic uint64_t bytes_total;
    unsigned threads, most_threads;
    char *folder;
    bool confined; /* to files below the folder, or, without one, to none */
    struct leat_lake lake;
    bool has_lake;
    struct leat_catalog *lake_catalog; /* or NULL */
    struct leat_catalog *memory;       /* with the lake behind it */
    struct leat_catalog *catalog;     /* what statements see: PostgreSQL's catalog, before memory */
    struct leat_memory_store *shared; /* or NULL */
    char **settings;                  /* by place in session_settings.c; NULL: the default */
    const char *schema;
    struct session_prepared *prepared; /* by PREPARE */
    struct leat_runner_options runner;
    char *fault;
    struct leat_plan_work *work; /* not NULL: queries are estimated, not run */
    enum leat_sql_dialect dialect;
    bool spill_always;   /* SET spill TO always */
    uint32_t batch_rows; /* SET batch_rows: 0: as many as are quick */
    uint32_t rules_off;  /* SET disabled_optimizers */
    enum leat_transaction transaction;
    char *user, *database, *schema_name;
};

/* One statement being run. */
struct run {
    struct leat_session *session;
    const struct leat_sql_script *script;
    struct leat_session_output *output;
    struct leat_plan_owner owner;
    struct leat_plan_options plan_options;
    struct leat_execute_options execute;
    bool describe; /* give the columns and decide the parameters; run nothing */
};

/* Runs one statement of the script, in an owner of its own. */
LEAT_CHECKED enum leat_status session_run_statement(struct run *run,
                                                    const struct leat_sql_statement *statement,
                                                    struct leat_error *err);
/* Ends a statement: outside of a transaction its changes are published, then the output is told. */
LEAT_CHECKED enum leat_status session_end(struct run *run, const char *tag, uint64_t rows,
                                          struct leat_error *err);
/* For outputs that only look at columns. */
enum leat_status session_ignore_end(struct leat_session_output *output, const char *tag,
                                    uint64_t rows, struct leat_error *err);
/* api/c/session_control.c: transactions, PREPARE, and what has no meaning here. */
LEAT_CHECKED enum leat_status
session_control(struct run *run, const struct leat_sql_control *control, struct leat_error *err);
void session_rollback(struct leat_session *session);
void session_forget_prepared(struct leat_session *session);
/* api/c/session_settings.c. LEAT_NOT_FOUND: there is no such setting; *err is untouched. */
LEAT_CHECKED enum leat_status session_settings_init(struct leat_session *session,
                                                    struct leat_error *err);
void session_settings_release(struct leat_session *session);
LEAT_CHECKED enum leat_status session_set_setting(struct leat_session *session,
                                                  struct leat_text name, struct leat_text value,
                                                  bool reset, struct leat_error *err);
/* NULL: there is no such setting. */
const char *session_setting_value(const struct leat_session *session, struct leat_text name);
bool session_setting(void *session, size_t index, const char *out[3]);
/* api/c/session_write.c */
LEAT_CHECKED enum leat_status session_insert(struct run *run, const struct leat_sql_insert *insert,
                                             struct leat_error *err);
/* Runs the plan into a table in memory: all of its rows are added, or put in the place of those it
 * has, or none. */
LEAT_CHECKED enum leat_status session_write_memory(struct run *run, const struct leat_plan *plan,
                                                   struct leat_text name, bool replace,
                                                   const struct leat_schema *schema,
                                                   uint64_t *count, struct leat_error *err);
bool session_is_in_memory(const struct run *run, const struct leat_text *parts, uint32_t count);
/* Appends the plan's rows to a table, by position or by name, and ends the statement. */
LEAT_CHECKED enum leat_status session_append(struct run *run, const struct leat_sql_path *path,
                                             const struct leat_schema *schema,
                                             struct leat_plan *plan, bool by_name, const char *tag,
                                             struct leat_error *err);
LEAT_CHECKED enum leat_status session_create(struct run *run, const struct leat_sql_create *create,
                                             struct leat_error *err);
LEAT_CHECKED enum leat_status session_drop(struct run *run, const struct leat_sql_drop *drop,
                                           struct leat_error *err);
enum leat_status session_name_parts(const struct leat_sql_path *path, struct leat_arena *arena,
                                    struct leat_text **out, struct leat_error *err);
/* Opens the table whose rows a statement changes, owned by the run. A view is refused with the
 * reason "NAME is a view: REFUSAL". */
LEAT_CHECKED enum leat_status session_open_target(struct run *run, const struct leat_sql_path *path,
                                                  const char *refusal, struct leat_text **parts,
                                                  struct leat_relation *relation,
                                                  struct leat_error *err);
/* Runs the plan into a sink and gives the receipts. */
LEAT_CHECKED enum leat_status session_run_write(struct run *run, struct leat_plan *plan,
                                                struct leat_sink *sink,
                                                struct leat_bytes_list *receipts,
                                                struct leat_error *err);
/* An error if a column that is NOT NULL has a null. */
LEAT_CHECKED enum leat_status session_required_values(const struct leat_schema *schema,
                                                      const struct leat_batch *batch,
                                                      struct leat_error *err);
/* api/c/session_change.c */
LEAT_CHECKED enum leat_status session_change(struct run *run, const struct leat_sql_change *change,
                                             struct leat_error *err);
/* api/c/session_copy.c */
LEAT_CHECKED enum leat_status session_copy(struct run *run, const struct leat_sql_copy *copy,
                                           struct leat_error *err);
/* api/c/session_copy_stream.c */
LEAT_CHECKED enum leat_status
session_copy_to_client(struct run *run, const struct leat_sql_copy *copy, struct leat_error *err);
LEAT_CHECKED enum leat_status session_copy_from(struct run *run, const struct leat_sql_copy *copy,
                                                struct leat_error *err);
/* api/c/session_files.c: the path of a file that a statement names, if it may be used. */
LEAT_CHECKED enum leat_status session_file_path(struct run *run, struct leat_text name,
                                                const char **out, struct leat_error *err);
/* Opens read_csv(...) and its like for the planner; `session` is the session. */
LEAT_CHECKED enum leat_status session_open_files(void *session, const struct leat_file_call *call,
                                                 struct leat_source **out, struct leat_error *err);
/* api/c/session_show.c */
LEAT_CHECKED enum leat_status
session_explain(struct run *run, const struct leat_sql_explain *explain, struct leat_error *err);
LEAT_CHECKED enum leat_status session_show(struct run *run, const struct leat_sql_show *show,
                                           struct leat_error *err);
LEAT_CHECKED enum leat_status
session_describe(struct run *run, const struct leat_sql_describe *describe, struct leat_error *err);

#endif
