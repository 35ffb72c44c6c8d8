/* Running statements in turn. Each has an arena, plan owner and accountant of its own; a query is
 * bound, planned and executed here, other kinds in files of their own. */
#include "api/c/session_internal.h"
#include "api/c/system_catalog.h"

#include "columns/format.h"
#include "storage/files/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void leat_session_free(struct leat_session *session)
{
    if (!session)
        return;
    leat_host_close(session->runner.host);
    session_forget_prepared(session);
    leat_system_catalog_free(session->catalog);
    leat_memory_catalog_free(session->memory);
    leat_lake_catalog_free(session->lake_catalog);
    if (session->has_lake)
        leat_lake_close(&session->lake);
    leat_free(session->folder);
    leat_free(session->fault);
    session_settings_release(session);
    leat_free(session->user);
    leat_free(session->schema_name);
    leat_free(session->database);
    leat_free(session);
}

static enum leat_status open_lake(struct leat_session *session,
                                  const struct leat_session_options *options,
                                  struct leat_error *err)
{
    struct leat_lake_options lake = {.catalog = options->catalog,
                                     .catalog_name = options->catalog_name,
                                     .create = options->create_lake};

    LEAT_TRY(leat_lake_open(options->lake, &lake, &session->lake, err));
    session->has_lake = true;
    session->runner.shared = session->lake.warehouse;
    return leat_lake_catalog_new(&session->lake, options->schema ? options->schema : "main",
                                 &session->lake_catalog, err);
}

static enum leat_status open_catalog(struct leat_session *session, struct leat_error *err)
{
    struct leat_system_facts facts = {.user = session->user,
                                      .database = session->database,
                                      .schema = session->schema,
                                      .temporary =
                                          session->lake_catalog ? "pg_temp" : session->schema,
                                      .setting = session_setting,
                                      .context = session};

    return leat_system_catalog_new(session->memory, &facts, &session->catalog, err);
}

enum leat_status leat_session_new(const struct leat_session_options *options,
                                  struct leat_session **out, struct leat_error *err)
{
    struct leat_session *session = leat_calloc(1, sizeof(*session));
    struct leat_host_options host = options->host;
    uint64_t memory = options->memory || options->parent || host.name ? options->memory
                                                                      : leat_memory_default_limit();
    enum leat_status status = LEAT_OK;
    char user[128];

    *out = NULL;
    if (!session)
        return leat_error_memory(err);
    leat_accountant_init(&session->accountant, options->parent, memory);
    if (!options->parent)
        leat_memory_bound(options->memory);
    status = leat_files_register(err);
    session->threads = options->threads ? options->threads : leat_cpu_count();
    session->most_threads = options->most_threads ? options->most_threads : 1024;
    leat_user_name(user, sizeof(user));
    session->user = leat_strdup(options->user ? options->user : user);
    session->database = leat_strdup(options->database ? options->database : "leat");
    if (options->folder)
        session->folder = leat_strdup(options->folder);
    session->confined = options->confined;
    session->schema = session->schema_name =
        leat_strdup(options->schema ? options->schema : "main");
    if (status == LEAT_OK)
        status = session_settings_init(session, err);
    if (status == LEAT_OK && (!session->schema || !session->user || !session->database ||
                              (options->folder && !session->folder)))
        status = leat_error_memory(err);
    session->runner.small_rows = LEAT_STAGE_SMALL_ROWS;
    host.tasks = options->threads;
    session->dialect = options->dialect;
    if (status == LEAT_OK)
        status = leat_host_open(&host, &session->runner.host, err);
    if (status == LEAT_OK && options->lake)
        status = open_lake(session, options, err);
    if (status == LEAT_OK)
        status =
            leat_memory_catalog_new(session->lake_catalog, options->shared, &session->memory, err);
    if (status == LEAT_OK)
        status = open_catalog(session, err);
    if (status != LEAT_OK) {
        leat_session_free(session);
        return status;
    }
    *out = session;
    return LEAT_OK;
}

void leat_session_cancel(struct leat_session *session)
{
    atomic_store(&session->cancel.requested, true);
}

bool leat_session_cancelled(const struct leat_session *session)
{
    return atomic_load(&session->cancel.requested);
}

struct leat_accountant *leat_session_accountant(struct leat_session *session)
{
    return &session->accountant;
}

enum leat_transaction leat_session_transaction(const struct leat_session *session)
{
    return session->transaction;
}

uint64_t leat_session_bytes_read(const struct leat_session *session)
{
    return atomic_load(&session->bytes_read);
}

uint64_t leat_session_bytes_total(const struct leat_session *session)
{
    return atomic_load(&session->bytes_total);
}

uint64_t leat_session_rows_read(const struct leat_session *session)
{
    return atomic_load(&session->rows_read);
}

static int compare_names(const void *a, const void *b)
{
    const struct leat_text *x = a, *y = b;
    int order = memcmp(x->data, y->data, x->length < y->length ? x->length : y->length);

    return order ? order : (x->length > y->length) - (x->length < y->length);
}

enum leat_status leat_session_names(struct leat_session *session, struct leat_bytes_list *out,
                                    struct leat_error *err)
{
    LEAT_TRY(session->memory->ops->list(session->memory, out, err));
    if (out->count > 1)
        qsort(out->items, out->count, sizeof(*out->items), compare_names);
    if (session->transaction == LEAT_TRANSACTION_NONE)
        leat_memory_catalog_forget(session->memory);
    return LEAT_OK;
}

/* --- queries --- */

struct counting_output {
    struct leat_result_handler base;
    struct leat_session_output *output;
    uint64_t rows;
};

static enum leat_status pass_batch(struct leat_result_handler *handler,
                                   const struct leat_batch *batch, struct leat_error *err)
{
    struct counting_output *counting = (struct counting_output *)handler;

    counting->rows += batch->length;
    return counting->output->batch(counting->output, batch, err);
}

static enum leat_status run_query(struct run *run, const struct leat_sql_query *query,
                                  struct leat_error *err)
{
    struct counting_output counting = {{.batch = pass_batch}, run->output, 0};
    struct leat_plan *plan;

    LEAT_TRY(leat_plan_query(query, &run->plan_options, &run->owner, &plan, err));
    if (run->session->work) {
        leat_plan_estimate(plan, run->session->work);
        return LEAT_OK;
    }
    LEAT_TRY(run->output->begin(run->output, &plan->schema, err));
    if (run->describe)
        return LEAT_OK;
    LEAT_TRY(
        leat_runner_execute(&run->session->runner, plan, &run->execute, &counting.base, NULL, err));
    return session_end(run, "SELECT", counting.rows, err);
}

/* --- settings --- */

static void set_threads(struct leat_session *session, unsigned threads)
{
    session->threads = threads;
    if (session->runner.host)
        session->runner.host->tasks = threads;
}

static enum leat_status set_fault(struct leat_session *session, struct leat_text value,
                                  struct leat_error *err)
{
    char *copy = leat_malloc(value.length + 1);

    if (!copy)
        return leat_error_memory(err);
    memcpy(copy, value.data, value.length);
    copy[value.length] = 0;
    leat_free(session->fault);
    session->runner.fault = session->fault = copy;
    return LEAT_OK;
}

static enum leat_status set_rules(struct leat_session *session, const struct leat_sql_set *set,
                                  struct leat_error *err)
{
    char list[400] = "";
    size_t length = 0;

    if (leat_plan_rules_parse(set->reset ? leat_text_of("") : set->value, &session->rules_off))
        return LEAT_OK;
    for (unsigned i = 0; i < LEAT_RULE_COUNT; i++)
        length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", i ? ", " : "",
                                   leat_plan_rule_name((enum leat_plan_rule)i));
    (void)leat_error_set(err, LEAT_E_SETTING, "disabled_optimizers cannot be \"%.*s\"",
                         (int)set->value.length, set->value.data);
    leat_error_hint(err, "a list of: %s; or all", list);
    return LEAT_INVALID;
}

static enum leat_status run_set(struct run *run, const struct leat_sql_set *set,
                                struct leat_error *err)
{
    const struct leat_sql_name *name = &set->name.parts[set->name.count - 1];
    enum leat_sql_dialect dialect;
    int64_t value;
    enum leat_status status =
        session_set_setting(run->session, name->text, set->value, set->reset, err);

    if (status != LEAT_NOT_FOUND)
        return status == LEAT_OK ? session_end(run, set->reset ? "RESET" : "SET", 0, err) : status;
    if (leat_text_equal(name->text, leat_text_of("threads")) && !set->reset &&
        leat_parse_int64(set->value.data, set->value.length, &value) && value > 0 &&
        value <= run->session->most_threads)
        set_threads(run->session, (unsigned)value);
    else if (leat_text_equal(name->text, leat_text_of("task_threads")) && !set->reset &&
             leat_parse_int64(set->value.data, set->value.length, &value) && value > 0 &&
             value <= 1024 && run->session->runner.host)
        run->session->runner.host->threads = (unsigned)value;
    else if (leat_text_equal(name->text, leat_text_of("small_rows")) && !set->reset &&
             leat_parse_int64(set->value.data, set->value.length, &value) && value >= 0)
        run->session->runner.small_rows = (uint64_t)value;
    else if (leat_text_equal(name->text, leat_text_of("worker_timeout")) && !set->reset &&
             leat_parse_int64(set->value.data, set->value.length, &value) && value > 0 &&
             value <= UINT32_MAX)
        run->session->runner.timeout = (uint32_t)value;
    else if (leat_text_equal(name->text, leat_text_of("worker_fault")) && !set->reset &&
             getenv("LEAT_FAULTS")) /* not for everyone who may send SQL */
        LEAT_TRY(set_fault(run->session, set->value, err));
    else if (leat_text_equal(name->text, leat_text_of("spill")) && !set->reset &&
             (leat_text_equal(set->value, leat_text_of("always")) ||
              leat_text_equal(set->value, leat_text_of("auto"))))
        run->session->spill_always = leat_text_equal(set->value, leat_text_of("always"));
    else if (leat_text_equal(name->text, leat_text_of("batch_rows")) && !set->reset &&
             leat_parse_int64(set->value.data, set->value.length, &value) && value > 0 &&
             value <= LEAT_BATCH_ROWS)
        run->session->batch_rows = (uint32_t)value;
    else if (leat_text_equal(name->text, leat_text_of("disabled_optimizers")))
        LEAT_TRY(set_rules(run->session, set, err));
    else if (leat_text_equal(name->text, leat_text_of("dialect")) && set->reset)
        run->session->dialect = LEAT_SQL_POSTGRES;
    else if (leat_text_equal(name->text, leat_text_of("dialect")) &&
             leat_sql_dialect_find(set->value, &dialect))
        run->session->dialect = dialect;
    else if (leat_text_equal(set->name.parts[0].text, leat_text_of("spark")) &&
             set->name.count > 1) /* Spark's: the parser refused what changes results */
        ;
    else
        return leat_error_set(err, LEAT_E_SETTING, "no setting \"%.*s\" takes the value \"%.*s\"",
                              (int)name->text.length, name->text.data, (int)set->value.length,
                              set->value.data ? set->value.data : "");
    return session_end(run, "SET", 0, err);
}

enum leat_status session_end(struct run *run, const char *tag, uint64_t rows,
                             struct leat_error *err)
{
    if (run->session->transaction == LEAT_TRANSACTION_NONE)
        LEAT_TRY(leat_memory_catalog_commit(run->session->memory, err));
    return run->output->end(run->output, tag, rows, err);
}

/* Behind an error in a transaction only its end is taken. */
static bool ends_transaction(const struct leat_sql_statement *statement)
{
    return statement->kind == LEAT_SQL_STATEMENT_CONTROL &&
           (statement->control.kind == LEAT_SQL_CONTROL_COMMIT ||
            statement->control.kind == LEAT_SQL_CONTROL_ROLLBACK);
}

static enum leat_status run_kind(struct run *run, const struct leat_sql_statement *statement,
                                 struct leat_error *err)
{
    if (run->session->transaction == LEAT_TRANSACTION_FAILED && !ends_transaction(statement)) {
        (void)leat_error_set(err, LEAT_E_TRANSACTION,
                             "the transaction failed; nothing is carried out until it is ended");
        leat_error_hint(err, "ROLLBACK ends it");
        return LEAT_CONFLICT;
    }
    switch (statement->kind) {
    case LEAT_SQL_STATEMENT_QUERY:
        return run_query(run, statement->query, err);
    case LEAT_SQL_STATEMENT_CREATE:
        return session_create(run, &statement->create, err);
    case LEAT_SQL_STATEMENT_INSERT:
        return session_insert(run, &statement->insert, err);
    case LEAT_SQL_STATEMENT_CHANGE:
        return session_change(run, &statement->change, err);
    case LEAT_SQL_STATEMENT_DROP:
        if (run->describe)
            return LEAT_OK;
        return session_drop(run, &statement->drop, err);
    case LEAT_SQL_STATEMENT_COPY:
        return session_copy(run, &statement->copy, err);
    case LEAT_SQL_STATEMENT_EXPLAIN:
        return session_explain(run, &statement->explain, err);
    case LEAT_SQL_STATEMENT_SHOW:
        return session_show(run, &statement->show, err);
    case LEAT_SQL_STATEMENT_DESCRIBE:
        return session_describe(run, &statement->describe, err);
    case LEAT_SQL_STATEMENT_SET:
        if (run->describe)
            return LEAT_OK;
        return run_set(run, &statement->set, err);
    case LEAT_SQL_STATEMENT_CONTROL:
        return session_control(run, &statement->control, err);
    case LEAT_SQL_STATEMENT_FLOW:
    case LEAT_SQL_STATEMENT_TEST:
        break;
    }
    (void)leat_error_set(err, LEAT_E_UNSUPPORTED, "this statement belongs into a pipeline");
    leat_error_hint(err, "put it into transformations/ of a project and use leat run or leat test");
    return LEAT_UNSUPPORTED;
}

enum leat_status session_run_statement(struct run *run, const struct leat_sql_statement *statement,
                                       struct leat_error *err)
{
    struct leat_session *session = run->session;
    const struct leat_sql_script *script = run->script;
    enum leat_status status;

    atomic_store(&session->cancel.requested, false);
    atomic_store(&session->bytes_read, 0);
    atomic_store(&session->rows_read, 0);
    atomic_store(&session->bytes_total, 0);
    leat_plan_owner_init(&run->owner, &session->accountant);
    run->plan_options.catalog = session->catalog;
    run->plan_options.folder = session->folder;
    run->plan_options.open_files = session_open_files;
    run->plan_options.stream_context = session;
    run->plan_options.source =
        (struct leat_expr_source){script->name, script->text, script->length};
    run->execute.threads = session->threads;
    run->execute.accountant = &session->accountant;
    run->execute.cancel = &session->cancel;
    run->execute.bytes_read = &session->bytes_read;
    run->execute.rows_read = &session->rows_read;
    run->execute.bytes_total = &session->bytes_total;
    run->execute.spill_always = session->spill_always;
    run->execute.batch_rows = session->batch_rows;
    run->execute.no_runtime_filters = session->rules_off >> LEAT_RULE_RUNTIME_FILTERS & 1;
    run->plan_options.rules_off = session->rules_off;
    run->execute.source = run->plan_options.source;
    status = run_kind(run, statement, err);
    if (status != LEAT_OK && err->place.line == 0 && !err->place.source[0])
        leat_error_at_text(err, script->name, script->text, script->length, statement->offset, 0);
    leat_plan_owner_release(&run->owner);
    leat_system_catalog_forget(session->catalog);
    if (status != LEAT_OK && session->transaction == LEAT_TRANSACTION_OPEN)
        session->transaction = LEAT_TRANSACTION_FAILED;
    if (session->transaction == LEAT_TRANSACTION_NONE)
        leat_memory_catalog_forget(session->memory);
    return status;
}

enum leat_sql_dialect leat_session_dialect(const struct leat_session *session)
{
    return session->dialect;
}

enum leat_status leat_session_run(struct leat_session *session, const char *name, const char *text,
                                  size_t length, struct leat_session_output *output,
                                  struct leat_arena *arena, struct leat_error **errors,
                                  uint32_t *error_count, struct leat_error *err)
{
    struct leat_sql_script script;
    enum leat_status status =
        leat_sql_parse(name, text, length, session->dialect, arena, &script, err);

    *errors = script.errors;
    *error_count = script.error_count;
    if (status != LEAT_OK) {
        if (script.error_count == 0) { /* it was not the text: memory ran out */
            *errors = err;
            *error_count = 1;
        }
        if (session->transaction == LEAT_TRANSACTION_OPEN)
            session->transaction = LEAT_TRANSACTION_FAILED;
        return status;
    }
    for (uint32_t i = 0; i < script.count && status == LEAT_OK; i++) {
        struct run run = {.session = session, .script = &script, .output = output};
        status = session_run_statement(&run, script.statements[i], err);
    }
    if (status != LEAT_OK) {
        leat_accountant_explain(&session->accountant, err);
        *errors = err;
        *error_count = 1;
    }
    return status;
}

enum leat_status session_ignore_end(struct leat_session_output *output, const char *tag,
                                    uint64_t rows, struct leat_error *err)
{
    (void)output;
    (void)tag;
    (void)rows;
    (void)err;
    return LEAT_OK;
}

enum leat_status leat_session_estimate(struct leat_session *session, const char *name,
                                       const char *text, size_t length, struct leat_plan_work *out,
                                       struct leat_error *err)
{
    struct leat_session_output output = {.end = session_ignore_end};
    struct leat_error *errors;
    struct leat_arena arena;
    enum leat_status status;
    uint32_t count;

    memset(out, 0, sizeof(*out));
    leat_arena_init(&arena, NULL);
    session->work = out;
    status = leat_session_run(session, name, text, length, &output, &arena, &errors, &count, err);
    session->work = NULL;
    if (status != LEAT_OK && count > 0 && errors != err)
        *err = errors[0];
    leat_arena_release(&arena);
    return status;
}
