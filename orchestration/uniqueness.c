/* EXPECT UNIQUE: an audit of what a dataset's flows wrote, before it is published. Two cheap
 * questions come first: which keys stand more than once among the fresh rows, and which are in the
 * table already. Only if there are any, and the expectation turns rows away, the fresh rows are
 * ranked and those that stay are written anew in the place of all.
 *
 * Of rows with one key, the one in the table wins; among fresh ones that with the smallest values,
 * column by column in the table's order, nulls last. Rows with a null in the key repeat nothing, as
 * in PostgreSQL. */
#include "orchestration/text_query.h"
#include "orchestration/update_internal.h"

struct audit {
    struct leat_update *update;
    struct leat_dataset *dataset;
    struct leat_dataset_state *state;
    const struct leat_sql_names *key;
    struct leat_expectation *expectation;
    struct leat_data_files kept; /* in the table before this run */
    struct leat_named_source sources[2];
    struct leat_named_sources catalog;
};

static enum leat_status open_fresh(void *context, struct leat_source **out, struct leat_error *err)
{
    struct audit *a = context;

    if (a->update->in_memory)
        return leat_source_open_rows(&a->state->made, "fresh", out, err);
    return leat_table_open_files(&a->state->table, a->state->fresh.items, a->state->fresh.count,
                                 "fresh", out, err);
}

static enum leat_status open_kept(void *context, struct leat_source **out, struct leat_error *err)
{
    struct audit *a = context;

    return leat_table_open_files(&a->state->table, a->kept.items, a->kept.count, "kept", out, err);
}

/* --- text --- */

static enum leat_status put(struct leat_buffer *sql, const char *text, struct leat_error *err)
{
    return leat_buffer_append_string(sql, text, err);
}

/* "k.a = f.a AND k.b = f.b" */
static enum leat_status put_same_key(const struct audit *a, struct leat_buffer *sql,
                                     struct leat_error *err)
{
    for (uint32_t i = 0; i < a->key->count; i++) {
        LEAT_TRY(put(sql, i ? " AND k." : "k.", err));
        LEAT_TRY(leat_sql_put_name(a->key->items[i].text, sql, err));
        LEAT_TRY(put(sql, " = f.", err));
        LEAT_TRY(leat_sql_put_name(a->key->items[i].text, sql, err));
    }
    return LEAT_OK;
}

/* "a IS NULL OR b IS NULL" */
static enum leat_status put_null_key(const struct audit *a, struct leat_buffer *sql,
                                     struct leat_error *err)
{
    for (uint32_t i = 0; i < a->key->count; i++) {
        LEAT_TRY(put(sql, i ? " OR " : "", err));
        LEAT_TRY(leat_sql_put_name(a->key->items[i].text, sql, err));
        LEAT_TRY(put(sql, " IS NULL", err));
    }
    return LEAT_OK;
}

static enum leat_status put_columns(const struct audit *a, const char *prefix, bool to_order,
                                    struct leat_buffer *sql, struct leat_error *err)
{
    bool first = true;

    for (uint32_t i = 0; i < a->state->schema.count; i++) {
        const struct leat_field *field = &a->state->schema.fields[i];
        if (to_order && (leat_type_is_nested(field->type) || field->type->id == LEAT_JSON))
            continue;
        LEAT_TRY(put(sql, first ? "" : ", ", err));
        LEAT_TRY(put(sql, prefix, err));
        LEAT_TRY(leat_sql_put_name(leat_text_of(field->name), sql, err));
        first = false;
    }
    return first ? put(sql, "1", err) : LEAT_OK;
}

/* The fresh rows that repeat a key (`repeated`), or those that do not. */
static enum leat_status put_chosen(const struct audit *a, bool repeated, struct leat_buffer *sql,
                                   struct leat_error *err)
{
    LEAT_TRY(put(sql, "SELECT ", err));
    LEAT_TRY(put_columns(a, "f.", false, sql, err));
    LEAT_TRY(put(sql, " FROM (SELECT *, row_number() OVER (PARTITION BY ", err));
    LEAT_TRY(leat_text_query_put_names(a->key, "", sql, err));
    LEAT_TRY(put(sql, " ORDER BY ", err));
    LEAT_TRY(put_columns(a, "", true, sql, err));
    LEAT_TRY(put(sql, ") AS \"leat rank\", (", err));
    LEAT_TRY(put_null_key(a, sql, err));
    LEAT_TRY(put(sql, ") AS \"leat null\" FROM fresh) f", err));
    if (a->kept.count > 0) {
        LEAT_TRY(put(sql, " LEFT JOIN (SELECT DISTINCT true AS \"leat kept\", ", err));
        LEAT_TRY(leat_text_query_put_names(a->key, "", sql, err));
        LEAT_TRY(put(sql, " FROM kept) k ON ", err));
        LEAT_TRY(put_same_key(a, sql, err));
    }
    LEAT_TRY(put(sql,
                 repeated ? " WHERE NOT \"leat null\" AND (\"leat rank\" > 1"
                          : " WHERE \"leat null\" OR (\"leat rank\" = 1",
                 err));
    if (a->kept.count > 0)
        LEAT_TRY(put(sql, repeated ? " OR \"leat kept\" IS NOT NULL" : " AND \"leat kept\" IS NULL",
                     err));
    return put(sql, ")", err);
}

/* One number: how many fresh rows repeat a key of an earlier one, or of the table. */
static enum leat_status put_count(const struct audit *a, struct leat_buffer *sql,
                                  struct leat_error *err)
{
    LEAT_TRY(put(sql, "SELECT coalesce(sum(n - 1), 0)", err));
    if (a->kept.count > 0) {
        LEAT_TRY(put(sql, " + count(*) FILTER (WHERE \"leat kept\")", err));
    }
    LEAT_TRY(put(sql, " FROM (SELECT count(*) AS n, ", err));
    LEAT_TRY(leat_text_query_put_names(a->key, "", sql, err));
    LEAT_TRY(put(sql, " FROM fresh WHERE NOT (", err));
    LEAT_TRY(put_null_key(a, sql, err));
    LEAT_TRY(put(sql, ") GROUP BY ", err));
    LEAT_TRY(leat_text_query_put_names(a->key, "", sql, err));
    LEAT_TRY(put(sql, ") f", err));
    if (a->kept.count == 0)
        return LEAT_OK;
    LEAT_TRY(put(sql, " LEFT JOIN (SELECT DISTINCT true AS \"leat kept\", ", err));
    LEAT_TRY(leat_text_query_put_names(a->key, "", sql, err));
    LEAT_TRY(put(sql, " FROM kept) k ON ", err));
    return put_same_key(a, sql, err);
}

/* --- questions --- */

static struct leat_execute_options execute_options(const struct audit *a)
{
    return (struct leat_execute_options){.threads = a->update->options->threads,
                                         .accountant = &a->update->accountant,
                                         .cancel = a->update->options->cancel};
}

static enum leat_status ask(struct audit *a, const struct leat_buffer *sql, struct leat_rows *out,
                            struct leat_error *err)
{
    struct leat_execute_options execute = execute_options(a);
    enum leat_status status;

    leat_update_unlock(a->update);
    status = leat_text_query_rows(sql, &a->catalog.base, &execute, out, err);
    leat_update_lock(a->update);
    return status;
}

static enum leat_status count_repeated(struct audit *a, uint64_t *out, struct leat_error *err)
{
    struct leat_buffer sql, text;
    struct leat_rows rows = {0};
    enum leat_status status;
    int64_t number = 0;

    leat_buffer_init(&sql, 1 << 20);
    leat_buffer_init(&text, 0);
    status = put_count(a, &sql, err);
    if (status == LEAT_OK)
        status = ask(a, &sql, &rows, err);
    if (status == LEAT_OK && rows.row_count == 1)
        status = leat_vector_print(&rows.batches[0].columns[0], 0, &text, err);
    if (status == LEAT_OK && !leat_parse_int64((const char *)text.data, text.length, &number))
        status = leat_error_internal(err, "a count is no number");
    *out = (uint64_t)number;
    leat_rows_release(&rows);
    leat_buffer_release(&text);
    leat_buffer_release(&sql);
    return status;
}

/* --- turning rows away --- */

static enum leat_status quarantine_row(struct audit *a, const struct leat_batch *batch,
                                       uint32_t row, struct leat_error *err)
{
    struct leat_bad_row bad = {.rule = a->expectation->name};
    struct leat_buffer json;
    enum leat_status status;

    leat_buffer_init(&json, 0);
    status = leat_expectation_put_row(&a->state->schema, batch, row, &json, err);
    (void)leat_error_set(&bad.error, LEAT_E_EXPECTATION,
                         "expectation \"%s\" failed: the key stands more than once",
                         a->expectation->name);
    bad.raw = (struct leat_text){(const char *)json.data, json.length};
    if (status == LEAT_OK)
        status = leat_quarantine_add(&a->state->quarantine, &bad, err);
    leat_buffer_release(&json);
    return status;
}

static enum leat_status keep_aside(struct audit *a, struct leat_error *err)
{
    struct leat_rows rows = {0};
    struct leat_buffer sql;
    enum leat_status status;

    leat_buffer_init(&sql, 1 << 20);
    status = put_chosen(a, true, &sql, err);
    if (status == LEAT_OK)
        status = ask(a, &sql, &rows, err);
    for (size_t b = 0; b < rows.batch_count && status == LEAT_OK; b++)
        for (uint32_t r = 0; r < rows.batches[b].length && status == LEAT_OK; r++)
            status = quarantine_row(a, &rows.batches[b], r, err);
    leat_rows_release(&rows);
    leat_buffer_release(&sql);
    return status;
}

/* Writes the rows that stay into new files; the files of all fresh rows go. */
static enum leat_status write_files(struct audit *a, struct leat_plan *plan,
                                    struct leat_plan_owner *owner, struct leat_error *err)
{
    struct leat_attempt attempt = {.run_id = a->update->summary->run_id, .stage = 1};
    struct leat_execute_options execute = execute_options(a);
    struct leat_plan *write = LEAT_NEW(&owner->arena, struct leat_plan);
    struct leat_plan **child = LEAT_NEW(&owner->arena, struct leat_plan *);
    struct leat_bytes_list receipts;
    struct leat_sink *sink;
    enum leat_status status;

    if (!write || !child)
        return leat_error_memory(err);
    LEAT_TRY(leat_table_open_sink(&a->state->table, &sink, err));
    LEAT_TRY(leat_plan_own_sink(owner, sink, err));
    *child = plan;
    write->kind = LEAT_PLAN_WRITE;
    write->child_count = 1;
    write->children = child;
    write->write.sink = sink;
    execute.attempt = &attempt;
    leat_bytes_list_init(&receipts);
    leat_update_unlock(a->update);
    status = leat_execute(write, &execute, NULL, &receipts, err);
    leat_update_lock(a->update);
    if (status != LEAT_OK) {
        leat_publish_discard(&receipts);
        leat_bytes_list_release(&receipts);
        return status;
    }
    leat_publish_discard(&a->state->receipts);
    leat_bytes_list_release(&a->state->receipts);
    a->state->receipts = receipts;
    memset(&a->state->fresh, 0, sizeof(a->state->fresh));
    for (size_t i = 0; i < receipts.count; i++)
        LEAT_TRY(
            leat_iceberg_receipt_read(receipts.items[i], &a->update->arena, &a->state->fresh, err));
    return LEAT_OK;
}

static enum leat_status keep_rest(struct audit *a, struct leat_error *err)
{
    struct leat_plan_owner owner;
    struct leat_rows rows = {0};
    struct leat_plan *plan;
    struct leat_buffer sql;
    enum leat_status status;

    leat_buffer_init(&sql, 1 << 20);
    leat_plan_owner_init(&owner, &a->update->accountant);
    status = put_chosen(a, false, &sql, err);
    if (status == LEAT_OK && a->update->in_memory) {
        status = ask(a, &sql, &rows, err);
        if (status == LEAT_OK) {
            leat_rows_release(&a->state->made);
            a->state->made = rows;
        }
    } else if (status == LEAT_OK) {
        status = leat_text_query_plan(&sql, &a->catalog.base, &owner, &plan, err);
        if (status == LEAT_OK)
            status = write_files(a, plan, &owner, err);
    }
    leat_plan_owner_release(&owner);
    leat_buffer_release(&sql);
    return status;
}

static enum leat_status audit(struct audit *a, struct leat_error *err)
{
    enum leat_sql_violation violation = a->expectation->violation;
    uint64_t repeated;

    LEAT_TRY(count_repeated(a, &repeated, err));
    atomic_store(&a->expectation->violations, repeated);
    if (repeated == 0 || violation == LEAT_SQL_VIOLATION_DEFAULT ||
        violation == LEAT_SQL_VIOLATION_WARN)
        return LEAT_OK;
    if (violation == LEAT_SQL_VIOLATION_FAIL_UPDATE)
        return leat_error_set(err, LEAT_E_EXPECTATION,
                              "expectation \"%s\" failed: %llu rows of \"%s\" repeat a key",
                              a->expectation->name, (unsigned long long)repeated, a->dataset->name);
    if (violation == LEAT_SQL_VIOLATION_QUARANTINE_ROW)
        LEAT_TRY(keep_aside(a, err));
    LEAT_TRY(keep_rest(a, err));
    atomic_fetch_sub(&a->state->rows, repeated);
    return LEAT_OK;
}

enum leat_status leat_update_audit_unique(struct leat_update *update, struct leat_dataset *dataset,
                                          struct leat_error *err)
{
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct audit a = {.update = update, .dataset = dataset, .state = state};
    uint32_t next = state->expectation_count; /* those of sets stand behind those of rows */

    if (!state->expectations ||
        (update->in_memory ? state->made.row_count : state->fresh.count) == 0)
        return LEAT_OK;
    a.sources[0] = (struct leat_named_source){"fresh", open_fresh, &a};
    a.sources[1] = (struct leat_named_source){"kept", open_kept, &a};
    leat_named_sources_init(&a.catalog, a.sources, 2, NULL);
    for (uint32_t i = 0; i < dataset->create->expectation_count; i++) {
        const struct leat_sql_expectation *item = &dataset->create->expectations[i];
        if (item->kind != LEAT_SQL_EXPECT_UNIQUE)
            continue;
        if (a.kept.count == 0 && !update->in_memory && !state->replace)
            LEAT_TRY(leat_table_files(&state->table, &update->arena, &a.kept, err));
        a.key = &item->columns;
        a.expectation = &state->expectations[next++];
        LEAT_TRY(audit(&a, err));
    }
    return LEAT_OK;
}
