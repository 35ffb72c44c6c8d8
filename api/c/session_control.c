/* Transactions, PREPARE and EXECUTE, and statements that other systems need. */
#include "api/c/session_internal.h"

#include "columns/format.h"

struct session_prepared {
    struct session_prepared *next;
    struct leat_arena arena;
    const char *name;
    struct leat_prepared prepared;
};

static enum leat_status notice(struct run *run, const char *severity, const char *sqlstate,
                               const char *message, struct leat_error *err)
{
    return run->output->notice ? run->output->notice(run->output, severity, sqlstate, message, err)
                               : LEAT_OK;
}

/* --- transactions --- */

static enum leat_status begin(struct run *run, const char *tag, struct leat_error *err)
{
    struct leat_session *session = run->session;

    if (session->transaction != LEAT_TRANSACTION_NONE) {
        LEAT_TRY(
            notice(run, "WARNING", "25001", "there is already a transaction in progress", err));
        return run->output->end(run->output, tag, 0, err);
    }
    leat_memory_catalog_forget(session->memory);
    if (session->lake_catalog)
        leat_lake_catalog_begin(session->lake_catalog);
    session->transaction = LEAT_TRANSACTION_OPEN;
    return run->output->end(run->output, tag, 0, err);
}

void session_rollback(struct leat_session *session)
{
    session->transaction = LEAT_TRANSACTION_NONE;
    leat_memory_catalog_forget(session->memory);
    if (session->lake_catalog)
        leat_lake_catalog_rollback(session->lake_catalog);
}

static enum leat_status end_transaction(struct run *run, bool commit, struct leat_error *err)
{
    struct leat_session *session = run->session;
    enum leat_status status = LEAT_OK;

    if (session->transaction == LEAT_TRANSACTION_NONE) {
        LEAT_TRY(notice(run, "WARNING", "25P01", "there is no transaction in progress", err));
        return run->output->end(run->output, commit ? "COMMIT" : "ROLLBACK", 0, err);
    }
    commit = commit && session->transaction == LEAT_TRANSACTION_OPEN;
    if (commit) { /* the lake first: what is in memory beside it nobody else changes */
        if (session->lake_catalog)
            status = leat_lake_catalog_commit(session->lake_catalog, err);
        if (status == LEAT_OK)
            status = leat_memory_catalog_commit(session->memory, err);
    }
    session_rollback(session); /* of what was committed nothing is left to take back */
    LEAT_TRY(status);
    return run->output->end(run->output, commit ? "COMMIT" : "ROLLBACK", 0, err);
}

/* --- PREPARE --- */

static struct session_prepared **find(struct leat_session *session, struct leat_text name)
{
    struct session_prepared **link = &session->prepared;

    while (*link && !leat_text_equal(leat_text_of((*link)->name), name))
        link = &(*link)->next;
    return link;
}

static void remove_prepared(struct session_prepared **link)
{
    struct session_prepared *item = *link;

    *link = item->next;
    leat_arena_release(&item->arena);
    leat_free(item);
}

void session_forget_prepared(struct leat_session *session)
{
    while (session->prepared)
        remove_prepared(&session->prepared);
}

static enum leat_status fill_prepared(struct run *run, const struct leat_sql_control *control,
                                      struct session_prepared *item, struct leat_error *err)
{
    const struct leat_type **types =
        LEAT_NEW_ARRAY(&item->arena, const struct leat_type *, control->type_count);
    char *text = leat_arena_copy(&item->arena, control->text.data, control->text.length);

    item->name = leat_arena_strdup(&item->arena, control->name.text.data);
    if (!types || !text || !item->name)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < control->type_count; i++)
        LEAT_TRY(leat_type_parse(control->types[i].text, &item->arena, &types[i], err));
    return leat_session_prepare(run->session, text, control->text.length, types,
                                control->type_count, &item->arena, &item->prepared, err);
}

static enum leat_status prepare(struct run *run, const struct leat_sql_control *control,
                                struct leat_error *err)
{
    struct session_prepared *item;
    enum leat_status status;

    if (*find(run->session, control->name.text)) {
        (void)leat_error_set(err, LEAT_E_PREPARED, "prepared statement \"%s\" already exists",
                             control->name.text.data);
        memcpy(err->sqlstate, "42P05", 6);
        return err->status;
    }
    item = leat_calloc(1, sizeof(*item));
    if (!item)
        return leat_error_memory(err);
    leat_arena_init(&item->arena, &run->session->accountant);
    status = fill_prepared(run, control, item, err);
    item->next = run->session->prepared;
    run->session->prepared = item;
    if (status != LEAT_OK) {
        remove_prepared(&run->session->prepared);
        leat_error_at_text(err, run->script->name, run->script->text, run->script->length,
                           control->name.offset, control->name.length);
        return status;
    }
    return session_end(run, "PREPARE", 0, err);
}

/* The arguments' values, as text. */
static enum leat_status evaluate(struct run *run, const struct leat_sql_control *control,
                                 uint32_t count, struct leat_plan_parameter *values,
                                 struct leat_error *err)
{
    struct leat_arena *arena = &run->owner.arena;
    struct leat_rows rows = {0};
    struct leat_buffer text;
    struct leat_plan *plan;
    enum leat_status status;

    LEAT_TRY(leat_plan_query(control->arguments, &run->plan_options, &run->owner, &plan, err));
    status = leat_runner_execute_rows(&run->session->runner, plan, &run->execute, &rows, err);
    if (status == LEAT_OK && rows.row_count != 1)
        status = leat_error_internal(err, "EXECUTE's arguments gave %llu rows",
                                     (unsigned long long)rows.row_count);
    leat_buffer_init(&text, 0);
    for (uint32_t i = 0; i < count && status == LEAT_OK; i++) {
        const struct leat_vector *column = &rows.batches[0].columns[i];
        text.length = 0;
        values[i].is_null = leat_vector_is_null(column, 0);
        if (!values[i].is_null)
            status = leat_vector_print(column, 0, &text, err);
        values[i].value.data = leat_arena_copy(arena, text.data, text.length);
        values[i].value.length = text.length;
        if (status == LEAT_OK && !values[i].value.data)
            status = leat_error_memory(err);
    }
    leat_buffer_release(&text);
    leat_rows_release(&rows);
    return status;
}

static enum leat_status execute(struct run *run, const struct leat_sql_control *control,
                                struct leat_error *err)
{
    struct session_prepared *item = *find(run->session, control->name.text);
    uint32_t given = control->arguments ? control->arguments->body->select->item_count : 0;
    struct leat_plan_parameter *values;
    enum leat_status status;

    if (!item)
        return leat_error_set(err, LEAT_E_PREPARED, "prepared statement \"%s\" does not exist",
                              control->name.text.data);
    if (given != item->prepared.parameters.count)
        return leat_error_set(err, LEAT_E_SYNTAX, "\"%s\" takes %u values, not %u", item->name,
                              item->prepared.parameters.count, given);
    if (run->describe) /* its columns */
        return item->prepared.has_rows
                   ? run->output->begin(run->output, &item->prepared.schema, err)
                   : LEAT_OK;
    values = LEAT_NEW_ARRAY(&run->owner.arena, struct leat_plan_parameter, given);
    if (!values)
        return leat_error_memory(err);
    if (given > 0)
        LEAT_TRY(evaluate(run, control, given, values, err));
    status = leat_session_execute(run->session, &item->prepared, values, run->output, err);
    if (status != LEAT_OK) /* its place is in another text */
        leat_error_at_text(err, run->script->name, run->script->text, run->script->length,
                           control->name.offset, control->name.length);
    return status;
}

static enum leat_status deallocate(struct run *run, const struct leat_sql_control *control,
                                   struct leat_error *err)
{
    struct session_prepared **link;

    if (!control->name.text.data) {
        session_forget_prepared(run->session);
        return session_end(run, "DEALLOCATE ALL", 0, err);
    }
    link = find(run->session, control->name.text);
    if (!*link)
        return leat_error_set(err, LEAT_E_PREPARED, "prepared statement \"%s\" does not exist",
                              control->name.text.data);
    remove_prepared(link);
    return session_end(run, "DEALLOCATE", 0, err);
}

/* --- others --- */

static enum leat_status add_key(struct run *run, const struct leat_sql_control *control,
                                struct leat_error *err)
{
    struct leat_relation relation;
    struct leat_text *parts;

    LEAT_TRY(
        session_open_target(run, &control->path, "it can have no key", &parts, &relation, err));
    LEAT_TRY(notice(run, "WARNING", "01000",
                    "the key is not enforced: nothing keeps two rows with the same key apart",
                    err));
    return session_end(run, control->tag, 0, err);
}

enum leat_status session_control(struct run *run, const struct leat_sql_control *control,
                                 struct leat_error *err)
{
    if (run->describe && control->kind != LEAT_SQL_CONTROL_EXECUTE)
        return LEAT_OK;
    switch (control->kind) {
    case LEAT_SQL_CONTROL_BEGIN:
        return begin(run, control->tag, err);
    case LEAT_SQL_CONTROL_COMMIT:
        return end_transaction(run, true, err);
    case LEAT_SQL_CONTROL_ROLLBACK:
        return end_transaction(run, false, err);
    case LEAT_SQL_CONTROL_PREPARE:
        return prepare(run, control, err);
    case LEAT_SQL_CONTROL_EXECUTE:
        return execute(run, control, err);
    case LEAT_SQL_CONTROL_DEALLOCATE:
        return deallocate(run, control, err);
    case LEAT_SQL_CONTROL_DISCARD:
        session_forget_prepared(run->session);
        return session_end(run, control->tag, 0, err);
    case LEAT_SQL_CONTROL_UPKEEP:
        return session_end(run, control->tag, 0, err);
    case LEAT_SQL_CONTROL_KEY:
        return add_key(run, control, err);
    }
    return leat_error_internal(err, "a control statement of kind %d", (int)control->kind);
}
