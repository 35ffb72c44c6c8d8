/* DELETE, UPDATE and TRUNCATE: the rows that the table has afterwards are written in the place of
 * all that it had, in one commit. */
#include "api/c/session_internal.h"

/* How many rows are changed. */
static enum leat_status count_changed(struct run *run, const struct leat_sql_change *change,
                                      const struct leat_sql_query *query, uint64_t *out,
                                      struct leat_error *err)
{
    struct leat_rows rows = {0};
    struct leat_plan *plan;

    *out = 0;
    LEAT_TRY(leat_plan_query(query, &run->plan_options, &run->owner, &plan, err));
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

/* The plan's rows and those that MERGE inserts, all of the table's columns. */
static enum leat_status add_inserted(struct run *run, const struct leat_sql_change *change,
                                     const struct leat_schema *schema, struct leat_plan **plan,
                                     struct leat_error *err)
{
    struct leat_arena *arena = &run->owner.arena;
    struct leat_plan *all = LEAT_NEW(arena, struct leat_plan);
    struct leat_plan **children =
        LEAT_NEW_ARRAY(arena, struct leat_plan *, change->added_count + 1);

    if (change->added_count == 0)
        return LEAT_OK;
    if (!all || !children)
        return leat_error_memory(err);
    children[0] = *plan;
    *all = (struct leat_plan){.kind = LEAT_PLAN_UNION,
                              .schema = *schema,
                              .rows = (*plan)->rows,
                              .child_count = change->added_count + 1,
                              .children = children};
    for (uint32_t i = 0; i < change->added_count; i++) {
        const struct leat_sql_added *added = &change->added[i];
        LEAT_TRY(
            leat_plan_query(added->query, &run->plan_options, &run->owner, &children[i + 1], err));
        LEAT_TRY(leat_plan_coerce(children[i + 1], schema, added->by_name, &run->plan_options,
                                  &run->owner, &children[i + 1], err));
        all->rows += children[i + 1]->rows;
    }
    *plan = all;
    return LEAT_OK;
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
    if (change->check)
        LEAT_TRY(leat_plan_query(change->check, &run->plan_options, &run->owner, &plan, err));
    LEAT_TRY(count_changed(run, change, change->changed, changed, err));
    if (change->twice && !run->describe) {
        LEAT_TRY(count_changed(run, change, change->twice, &rows, err));
        if (rows > 0)
            return leat_error_set(err, LEAT_E_MANY_ROWS,
                                  "%s: %llu rows of %s match several rows each that would change "
                                  "them",
                                  change->tag, (unsigned long long)rows, relation.name);
    }
    LEAT_TRY(leat_plan_query(change->rows, &run->plan_options, &run->owner, &plan, err));
    LEAT_TRY(leat_plan_coerce(plan, &relation.source->schema, false, &run->plan_options,
                              &run->owner, &plan, err));
    LEAT_TRY(add_inserted(run, change, &relation.source->schema, &plan, err));
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
    /* All tables are seen as they are now, and changed together. */
    bool together = (change->next || change->check) && session->lake_catalog && !run->describe &&
                    session->transaction == LEAT_TRANSACTION_NONE;
    const char *tag = change->tag;
    enum leat_status status = LEAT_OK;
    uint64_t changed, total = 0;

    if (together)
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
