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
    LEAT_TRY(leat_runner_execute_rows(&run->session->runner, plan, &run->execute, &rows, err));
    if (rows.row_count > 0 &&
        leat_vector_flatten(rows.batches[0].columns, &rows.arena, err) == LEAT_OK)
        *out = (uint64_t)((const int64_t *)rows.batches[0].columns[0].data)[0];
    leat_rows_release(&rows);
    return LEAT_OK;
}

/* All of the new rows, or none. */
static enum leat_status replace_in_memory(struct run *run, const struct leat_plan *plan,
                                          struct leat_rows *rows, struct leat_error *err)
{
    struct leat_rows fresh = {0}, next = {0};
    enum leat_status status =
        leat_runner_execute_rows(&run->session->runner, plan, &run->execute, &fresh, err);

    if (status == LEAT_OK)
        status = leat_rows_init(&next, &rows->schema, run->execute.accountant, err);
    for (size_t i = 0; status == LEAT_OK && i < fresh.batch_count; i++) {
        status = session_required_values(&rows->schema, &fresh.batches[i], err);
        if (status == LEAT_OK)
            status = leat_rows_append(&next, &fresh.batches[i], err);
    }
    leat_rows_release(&fresh);
    if (status != LEAT_OK) {
        leat_rows_release(&next);
        return status;
    }
    leat_rows_release(rows);
    *rows = next;
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

enum leat_status session_change(struct run *run, const struct leat_sql_change *change,
                                struct leat_error *err)
{
    struct leat_catalog *catalog = run->session->catalog;
    struct leat_relation relation;
    struct leat_plan *plan;
    struct leat_text *parts;
    struct leat_rows *rows;
    uint64_t changed;

    LEAT_TRY(session_open_target(run, &change->target, "its rows cannot be changed", &parts,
                                 &relation, err));
    LEAT_TRY(count_changed(run, change, &changed, err));
    LEAT_TRY(leat_plan_query(change->rows, &run->plan_options, &run->owner, &plan, err));
    LEAT_TRY(leat_plan_coerce(plan, &relation.source->schema, false, &run->plan_options,
                              &run->owner, &plan, err));
    if (changed == 0)
        return run->output->end(run->output, change->tag, 0, err);
    rows = change->target.count == 1 ? leat_memory_catalog_rows(catalog, parts[0]) : NULL;
    if (rows)
        LEAT_TRY(replace_in_memory(run, plan, rows, err));
    else if (relation.version)
        LEAT_TRY(replace_in_lake(run, parts, change->target.count, relation.version, plan, err));
    else
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "%s cannot be changed", relation.name);
    return run->output->end(run->output, change->tag, changed, err);
}
