/* EXPECT UNIQUE: an audit of what a dataset's flows wrote, before it is published. */
#include "orchestration/update_internal.h"

/* EXPECT UNIQUE over the table as it would be published: how many keys stand more than once. */
static enum leat_status count_repeated(struct leat_update *update, struct leat_dataset *dataset,
                                       const struct leat_sql_expectation *expectation,
                                       uint64_t *out, struct leat_error *err)
{
    struct leat_execute_options execute = {.threads = update->options->threads,
                                           .accountant = &update->accountant,
                                           .cancel = update->options->cancel};
    struct leat_plan_options options = {.catalog = &update->catalog};
    struct leat_plan_owner owner;
    struct leat_sql_query *query;
    struct leat_rows rows = {0};
    struct leat_buffer sql;
    struct leat_plan *plan;
    enum leat_status status;

    *out = 0;
    leat_buffer_init(&sql, 1 << 20);
    leat_plan_owner_init(&owner, &update->accountant);
    status = leat_buffer_append_string(&sql, "SELECT 1 FROM ", err);
    if (status == LEAT_OK)
        status = leat_sql_put_name(leat_text_of(dataset->name), &sql, err);
    for (uint32_t i = 0; i < expectation->columns.count && status == LEAT_OK; i++) {
        status = leat_buffer_append_string(&sql, i ? ", " : " GROUP BY ", err);
        if (status == LEAT_OK)
            status = leat_sql_put_name(expectation->columns.items[i].text, &sql, err);
    }
    if (status == LEAT_OK)
        status = leat_buffer_append_string(&sql, " HAVING count(*) > 1", err);
    if (status == LEAT_OK)
        status =
            leat_sql_parse_query("", (const char *)sql.data, sql.length, &owner.arena, &query, err);
    options.source = (struct leat_expr_source){"", (const char *)sql.data, sql.length};
    if (status == LEAT_OK)
        status = leat_plan_query(query, &options, &owner, &plan, err);
    if (status == LEAT_OK) {
        leat_update_unlock(update);
        status = leat_runner_execute_rows(&update->runner, plan, &execute, &rows, err);
        leat_update_lock(update);
    }
    if (status == LEAT_OK)
        *out = rows.row_count;
    leat_rows_release(&rows);
    leat_plan_owner_release(&owner);
    leat_buffer_release(&sql);
    return status;
}

enum leat_status leat_update_audit_unique(struct leat_update *update, struct leat_dataset *dataset,
                                          struct leat_error *err)
{
    const struct leat_sql_create *create = dataset->create;

    for (uint32_t i = 0; i < create->expectation_count; i++) {
        const struct leat_sql_expectation *item = &create->expectations[i];
        uint64_t repeated;
        if (item->kind != LEAT_SQL_EXPECT_UNIQUE)
            continue;
        LEAT_TRY(count_repeated(update, dataset, item, &repeated, err));
        if (repeated == 0)
            continue;
        (void)leat_error_set(err, LEAT_E_EXPECTATION,
                             "expectation \"%s\" failed: %llu keys stand more than once in \"%s\"",
                             item->name.text.data ? item->name.text.data : "unique",
                             (unsigned long long)repeated, dataset->name);
        if (item->violation == LEAT_SQL_VIOLATION_FAIL_UPDATE)
            return LEAT_RUNTIME;
        leat_log(LEAT_LOG_WARN, "update", "%s", err->message);
        leat_error_clear(err);
    }
    return LEAT_OK;
}
