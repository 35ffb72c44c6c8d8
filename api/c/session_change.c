/* DELETE, UPDATE and TRUNCATE: the rows that the table has afterwards are written in the place of
 * all that it had, in one commit. */
#include "api/c/session_internal.h"

/* How many rows are changed. */
static enum leat_status count_changed(struct run *run, const struct leat_sql_change *change,
                                      uint64_t *out, struct leat_error *err)
{
    struct leat_rows rows = {0};
    struct leat_plan *plan;

    *out = 0;
    LEAT_TRY(leat_plan_query(change->changed, &run->plan_options, &run->owner, &plan, err));
    if (run->owner.calls_volatile) /* it is evaluated for each changed column, and to count */
        return leat_error_set(err, LEAT_E_UNSUPPORTED,
                              "the condition of %s must not call random() or the like",
                              change->tag);
    if (run->describe)
        return LEAT_OK;
    LEAT_TRY(leat_runner_execute_rows(&run->session->runner, plan, &run->execute, &rows, err));
    if (rows.row_count > 0 &&
        leat_vector_flatten(rows.batches[0].columns, &rows.arena, err) == LEAT_OK)
        *out = (uint64_t)((const int64_t *)rows.batches[0].columns[0].data)[0];
    leat_rows_release(&rows);
    return LEAT_OK;
}

static enum leat_status replace_in_lake(struct run *run, const struct leat_text *parts,
                                        uint32_t count, const char *version, struct leat_plan *plan,
                                        struct leat_error *err)
{
    struct leat_catalog *lake = run->session->lake_catalog;
    struct leat_bytes_list receipts;
    struct leat_sink *sink;
    enum leat_status status;

    LEAT_TRY(lake->ops->open_sink(lake, parts, count, &sink, err));
    leat_bytes_list_init(&receipts);
    status = session_run_write(run, plan, sink, &receipts, err);
    if (status == LEAT_OK)
        status = lake->ops->commit(lake, parts, count, version, &receipts, err);
    leat_bytes_list_release(&receipts);
    return status;
}

static enum leat_status change_one(struct run *run, const struct leat_sql_change *change,
                                   uint64_t *changed, struct leat_error *err)
{
    struct leat_relation relation;
    struct leat_plan *plan;
    struct leat_text *parts;
    uint64_t rows;

    LEAT_TRY(session_open_target(run, &change->target, "its rows cannot be changed", &parts,
                                 &relation, err));
    LEAT_TRY(count_changed(run, change, changed, err));
    LEAT_TRY(leat_plan_query(change->rows, &run->plan_options, &run->owner, &plan, err));
    LEAT_TRY(leat_plan_coerce(plan, &relation.source->schema, false, &run->plan_options,
                              &run->owner, &plan, err));
    if (run->describe || *changed == 0)
        return LEAT_OK;
    if (session_is_in_memory(run, parts, change->target.count))
        return session_write_memory(run, plan, parts[change->target.count - 1], true,
                                    &relation.source->schema, &rows, err);
    if (relation.version)
        return replace_in_lake(run, parts, change->target.count, relation.version, plan, err);
    return leat_error_set(err, LEAT_E_UNSUPPORTED, "%s cannot be changed", relation.name);
}

enum leat_status session_change(struct run *run, const struct leat_sql_change *change,
                                struct leat_error *err)
{
    struct leat_session *session = run->session;
    bool together = change->next && session->lake_catalog && !run->describe &&
                    session->transaction == LEAT_TRANSACTION_NONE;
    const char *tag = change->tag;
    enum leat_status status = LEAT_OK;
    uint64_t changed, total = 0;

    if (together) /* several tables, or none */
        leat_lake_catalog_begin(session->lake_catalog);
    for (; change && status == LEAT_OK; change = change->next) {
        status = change_one(run, change, &changed, err);
        total += changed;
    }
    if (together && status == LEAT_OK)
        status = leat_lake_catalog_commit(session->lake_catalog, err);
    else if (together)
        leat_lake_catalog_rollback(session->lake_catalog);
    if (status != LEAT_OK || run->describe)
        return status;
    return session_end(run, tag, total, err);
}
