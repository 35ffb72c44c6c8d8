/* INSERT and CREATE TABLE AS write through the lake's sink or into memory; views keep their text.
 */
#include "api/c/session_internal.h"

#include "columns/format.h"

#include <stdlib.h>
#include <string.h>

/* --- rows into tables --- */

enum leat_status session_name_parts(const struct leat_sql_path *path, struct leat_arena *arena,
                                    struct leat_text **out, struct leat_error *err)
{
    *out = LEAT_NEW_ARRAY(arena, struct leat_text, path->count);
    if (!*out)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < path->count; i++)
        (*out)[i] = path->parts[i].text;
    return LEAT_OK;
}

/* A table of the session's memory, by its bare name, or with the schema that such tables show. */
bool session_is_in_memory(const struct run *run, const struct leat_text *parts, uint32_t count)
{
    const struct leat_session *session = run->session;
    const char *schema = session->lake_catalog ? "pg_temp" : session->schema;

    return (count == 1 || (count == 2 && leat_text_equal(parts[0], leat_text_of(schema)))) &&
           leat_memory_catalog_has(session->memory, parts[count - 1]);
}

enum leat_status session_required_values(const struct leat_schema *schema,
                                         const struct leat_batch *batch, struct leat_error *err)
{
    for (uint32_t c = 0; c < schema->count; c++)
        for (uint32_t r = 0; schema->fields[c].required && r < batch->length; r++)
            if (leat_vector_is_null(&batch->columns[c], r))
                return leat_error_set(err, LEAT_E_NOT_NULL,
                                      "null value in column \"%s\", which is NOT NULL",
                                      schema->fields[c].name);
    return LEAT_OK;
}

enum leat_status session_write_memory(struct run *run, const struct leat_plan *plan,
                                      struct leat_text name, bool replace,
                                      const struct leat_schema *schema, uint64_t *count,
                                      struct leat_error *err)
{
    struct leat_rows fresh = {0};
    enum leat_status status =
        leat_runner_execute_rows(&run->session->runner, plan, &run->execute, &fresh, err);

    for (size_t i = 0; status == LEAT_OK && i < fresh.batch_count; i++)
        status = session_required_values(schema, &fresh.batches[i], err);
    if (status == LEAT_OK)
        status = leat_memory_catalog_write(run->session->memory, name, replace, &fresh, err);
    *count = fresh.row_count;
    leat_rows_release(&fresh);
    return status;
}

enum leat_status session_run_write(struct run *run, struct leat_plan *plan, struct leat_sink *sink,
                                   struct leat_bytes_list *receipts, struct leat_error *err)
{
    struct leat_plan *write = LEAT_NEW(&run->owner.arena, struct leat_plan);
    struct leat_plan **child = LEAT_NEW(&run->owner.arena, struct leat_plan *);
    struct leat_attempt attempt = {0};
    char run_id[37];

    LEAT_TRY(leat_plan_own_sink(&run->owner, sink, err));
    if (!write || !child)
        return leat_error_memory(err);
    leat_random_uuid(run_id);
    attempt.run_id = run_id;
    *child = plan;
    write->kind = LEAT_PLAN_WRITE;
    write->child_count = 1;
    write->children = child;
    write->write.sink = sink;
    run->execute.attempt = &attempt;
    LEAT_TRY(leat_runner_execute(&run->session->runner, write, &run->execute, NULL, receipts, err));
    run->execute.attempt = NULL;
    return LEAT_OK;
}

/* Appends a query's rows to a table of the memory or the lake, `schema` being the table's. */
static enum leat_status count_written(const struct leat_bytes_list *receipts,
                                      struct leat_arena *arena, uint64_t *out,
                                      struct leat_error *err)
{
    struct leat_data_files files = {0};

    *out = 0;
    for (size_t i = 0; i < receipts->count; i++)
        LEAT_TRY(leat_iceberg_receipt_read(receipts->items[i], arena, &files, err));
    for (size_t i = 0; i < files.count; i++)
        *out += (uint64_t)files.items[i].record_count;
    return LEAT_OK;
}

enum leat_status session_append(struct run *run, const struct leat_sql_path *path,
                                const struct leat_schema *schema, struct leat_plan *plan,
                                bool by_name, const char *tag, struct leat_error *err)
{
    struct leat_session *session = run->session;
    struct leat_catalog *lake = session->lake_catalog;
    struct leat_text *parts;
    struct leat_bytes_list receipts;
    struct leat_sink *sink;
    enum leat_status status;
    uint64_t count = 0;

    LEAT_TRY(leat_plan_coerce(plan, schema, by_name, &run->plan_options, &run->owner, &plan, err));
    if (run->describe)
        return LEAT_OK;
    LEAT_TRY(session_name_parts(path, &run->owner.arena, &parts, err));
    if (session_is_in_memory(run, parts, path->count)) {
        LEAT_TRY(
            session_write_memory(run, plan, parts[path->count - 1], false, schema, &count, err));
        return session_end(run, tag, count, err);
    }
    if (!lake)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "there is no such table");
    LEAT_TRY(lake->ops->open_sink(lake, parts, path->count, &sink, err));
    leat_bytes_list_init(&receipts);
    status = session_run_write(run, plan, sink, &receipts, err);
    if (status == LEAT_OK) {
        status = lake->ops->commit(lake, parts, path->count, NULL, &receipts, err);
        if (status == LEAT_OK)
            status = count_written(&receipts, &run->owner.arena, &count, err);
    }
    leat_bytes_list_release(&receipts);
    if (status == LEAT_OK)
        status = session_end(run, tag, count, err);
    return status;
}

/* An error about a relation that a statement names: its place, and a name that is near. */
static enum leat_status at_target(struct run *run, const struct leat_sql_path *path,
                                  enum leat_status status, struct leat_error *err)
{
    struct leat_catalog *catalog = run->session->catalog;
    struct leat_bytes_list list;
    const char **names, *near = NULL;

    leat_error_at_text(err, run->script->name, run->script->text, run->script->length, path->offset,
                       path->length);
    if (err->code != LEAT_E_TABLE_NOT_FOUND || path->count == 0)
        return status;
    leat_bytes_list_init(&list);
    if (catalog->ops->list(catalog, &list, NULL) == LEAT_OK) {
        names = leat_arena_calloc(&run->owner.arena, list.count + 1, sizeof(*names));
        for (size_t i = 0, count = 0; names && i < list.count; i++) {
            struct leat_text name = list.items[i];
            const char *dot = memchr(name.data, '.', name.length);
            if (dot && path->count == 1) /* a lake's come with their schema */
                name = (struct leat_text){dot + 1, name.length - (size_t)(dot + 1 - name.data)};
            names[count] = leat_arena_copy(&run->owner.arena, name.data, name.length);
            count += names[count] != NULL;
        }
        near = names ? leat_nearest_name(path->parts[path->count - 1].text, names) : NULL;
        if (near && leat_text_equal(leat_text_of(near), path->parts[path->count - 1].text))
            leat_error_hint(err,
                            "\"%.100s\" is of the other kind: DROP TABLE drops tables, DROP VIEW "
                            "views",
                            near);
        else if (near)
            leat_error_hint(err, "did you mean \"%.100s\"?", near);
    }
    leat_bytes_list_release(&list);
    return status;
}

enum leat_status session_open_target(struct run *run, const struct leat_sql_path *path,
                                     const char *refusal, struct leat_text **parts,
                                     struct leat_relation *relation, struct leat_error *err)
{
    struct leat_catalog *catalog = run->session->catalog;
    enum leat_status status;

    LEAT_TRY(session_name_parts(path, &run->owner.arena, parts, err));
    status = catalog->ops->find(catalog, *parts, path->count, &run->owner.arena, relation, err);
    if (status == LEAT_OK && relation->kind != LEAT_RELATION_TABLE)
        status =
            leat_error_set(err, LEAT_E_UNSUPPORTED, "%s is a view: %s", relation->name, refusal);
    return status != LEAT_OK ? at_target(run, path, status, err)
                             : leat_plan_own_source(&run->owner, relation->source, err);
}

/* Columns of an INSERT's list in the order given, as a target schema for the query's rows. */
static enum leat_status insert_target(const struct leat_sql_insert *insert,
                                      const struct leat_schema *table, struct leat_arena *arena,
                                      struct leat_schema *out, struct leat_error *err)
{
    out->count = insert->columns.count;
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, out->count);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < out->count; i++) {
        int at = leat_schema_find(table, insert->columns.items[i].text);
        if (at < 0)
            return leat_error_set(err, LEAT_E_TABLE_COLUMN, "the table has no column \"%.*s\"",
                                  (int)insert->columns.items[i].text.length,
                                  insert->columns.items[i].text.data);
        out->fields[i] = table->fields[at];
    }
    return LEAT_OK;
}

enum leat_status session_insert(struct run *run, const struct leat_sql_insert *insert,
                                struct leat_error *err)
{
    struct leat_schema target, schema;
    struct leat_relation relation;
    struct leat_plan *plan;
    struct leat_text *parts;
    bool by_name = insert->by_name;

    LEAT_TRY(session_open_target(run, &insert->target, "nothing can be inserted", &parts, &relation,
                                 err));
    schema = relation.source->schema;
    LEAT_TRY(leat_plan_query(insert->query, &run->plan_options, &run->owner, &plan, err));
    if (insert->columns.count > 0) { /* by position to the columns named, then by their names */
        LEAT_TRY(insert_target(insert, &schema, &run->owner.arena, &target, err));
        LEAT_TRY(
            leat_plan_coerce(plan, &target, false, &run->plan_options, &run->owner, &plan, err));
        by_name = true;
    }
    return session_append(run, &insert->target, &schema, plan, by_name, "INSERT", err);
}

/* --- definitions --- */

static enum leat_status table_columns(const struct leat_sql_create *create,
                                      struct leat_arena *arena, struct leat_schema *out,
                                      struct leat_error *err)
{
    out->count = create->column_count;
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, out->count);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < out->count; i++) {
        const struct leat_sql_column_definition *column = &create->columns[i];
        out->fields[i].name = column->name.text.data;
        out->fields[i].required = column->required;
        out->fields[i].comment = column->comment.data;
        if (!column->type.text.data)
            return leat_error_set(err, LEAT_E_UNKNOWN_TYPE, "column \"%s\" has no type",
                                  column->name.text.data);
        LEAT_TRY(leat_type_parse(column->type.text, arena, &out->fields[i].type, err));
    }
    return LEAT_OK;
}

static bool relation_exists(struct run *run, const struct leat_text *parts, uint32_t count)
{
    struct leat_catalog *catalog = run->session->catalog;
    struct leat_relation relation;
    struct leat_error ignored;

    if (catalog->ops->find(catalog, parts, count, &run->owner.arena, &relation, &ignored) !=
        LEAT_OK)
        return false;
    leat_source_close(relation.source);
    return true;
}

/* Columns whose type is not known (all NULL) are kept as text, as PostgreSQL does. */
static enum leat_status kept_schema(const struct leat_schema *from, struct leat_arena *arena,
                                    struct leat_schema *out, struct leat_error *err)
{
    LEAT_TRY(leat_schema_copy(from, arena, out, err));
    for (uint32_t i = 0; i < out->count; i++)
        if (out->fields[i].type->id == LEAT_NULL)
            out->fields[i].type = leat_type_get(LEAT_TEXT);
    return LEAT_OK;
}

static enum leat_status create_table(struct run *run, const struct leat_sql_create *create,
                                     const struct leat_text *parts, struct leat_error *err)
{
    struct leat_session *session = run->session;
    bool in_memory = create->temporary || !session->lake_catalog;
    struct leat_catalog *catalog = in_memory ? session->memory : session->lake_catalog;
    struct leat_plan *plan = NULL;
    struct leat_schema schema;

    if (create->query) {
        LEAT_TRY(leat_plan_query(create->query, &run->plan_options, &run->owner, &plan, err));
        LEAT_TRY(kept_schema(&plan->schema, &run->owner.arena, &schema, err));
    }
    if (create->column_count > 0)
        LEAT_TRY(table_columns(create, &run->owner.arena, &schema, err));
    if (run->describe)
        return LEAT_OK;
    leat_memory_catalog_temporary(session->memory, create->temporary);
    LEAT_TRY(catalog->ops->create_table(catalog, parts, create->name.count, &schema,
                                        create->or_replace, err));
    if (!plan || create->with_no_data)
        return session_end(run, "CREATE TABLE", 0, err);
    if (!in_memory) { /* the lake widens some types */
        struct leat_schema stored;
        LEAT_TRY(leat_lake_schema(&schema, &run->owner.arena, &stored, err));
        schema = stored;
    }
    {
        enum leat_status status =
            session_append(run, &create->name, &schema, plan, false, "SELECT", err);
        struct leat_error ignored;
        if (status != LEAT_OK && catalog->ops->drop(catalog, parts, create->name.count,
                                                    LEAT_RELATION_TABLE, &ignored) != LEAT_OK)
            leat_error_hint(err, "the table was made, but is empty");
        return status;
    }
}

/* A name as SQL of the dialect. */
static enum leat_status put_name(struct leat_text name, enum leat_sql_dialect dialect,
                                 struct leat_buffer *out, struct leat_error *err)
{
    if (dialect == LEAT_SQL_POSTGRES)
        return leat_sql_put_name(name, out, err);
    LEAT_TRY(leat_buffer_append_byte(out, '`', err));
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '`')
            LEAT_TRY(leat_buffer_append_byte(out, '`', err));
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)name.data[i], err));
    }
    return leat_buffer_append_byte(out, '`', err);
}

/* The view's query; with a list of columns, the query under those names. */
static enum leat_status view_text(struct run *run, const struct leat_sql_create *create,
                                  const char **out, struct leat_error *err)
{
    const char *sql = run->script->text + create->query->offset;
    struct leat_buffer text;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&text, LEAT_SQL_MAX_TEXT * 2);
    if (create->column_count)
        status = leat_buffer_append_string(&text, "SELECT * FROM (", err);
    if (status == LEAT_OK)
        status = leat_buffer_append(&text, sql, create->query->length, err);
    for (uint32_t i = 0; i < create->column_count && status == LEAT_OK; i++) {
        status = leat_buffer_append_string(&text, i ? ", " : "\n) AS view_query (", err);
        if (status == LEAT_OK)
            status = put_name(create->columns[i].name.text, create->query->dialect, &text, err);
    }
    if (create->column_count && status == LEAT_OK)
        status = leat_buffer_append_string(&text, ")", err);
    *out = status == LEAT_OK
               ? leat_arena_copy(&run->owner.arena, (const char *)text.data, text.length)
               : NULL;
    leat_buffer_release(&text);
    return status != LEAT_OK ? status : *out ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status create_view(struct run *run, const struct leat_sql_create *create,
                                    const struct leat_text *parts, struct leat_error *err)
{
    struct leat_catalog *catalog = run->session->memory;
    struct leat_plan *plan;
    const char *sql;

    /* Binding it now finds its errors now. */
    LEAT_TRY(leat_plan_query(create->query, &run->plan_options, &run->owner, &plan, err));
    if (create->column_count > plan->schema.count) {
        const struct leat_sql_name *name = &create->columns[plan->schema.count].name;
        (void)leat_error_set(err, LEAT_E_COLUMN_COUNT,
                             "CREATE VIEW names %u columns, but its query has %u",
                             create->column_count, plan->schema.count);
        leat_error_at_text(err, run->script->name, run->script->text, run->script->length,
                           name->offset, name->length);
        return LEAT_INVALID;
    }
    if (run->describe)
        return LEAT_OK;
    LEAT_TRY(view_text(run, create, &sql, err));
    leat_memory_catalog_temporary(catalog, create->temporary);
    LEAT_TRY(catalog->ops->create_view(catalog, parts, create->name.count, sql,
                                       create->query->dialect, create->or_replace, err));
    return session_end(run, "CREATE VIEW", 0, err);
}

enum leat_status session_create(struct run *run, const struct leat_sql_create *create,
                                struct leat_error *err)
{
    struct leat_text *parts;

    if (create->kind != LEAT_SQL_CREATE_TABLE && create->kind != LEAT_SQL_CREATE_VIEW) {
        (void)leat_error_set(err, LEAT_E_UNSUPPORTED,
                             "streaming tables and materialized views belong into a pipeline");
        leat_error_hint(err, "put the statement into transformations/ of a project (leat init) and "
                             "use leat run");
        return LEAT_UNSUPPORTED;
    }
    LEAT_TRY(session_name_parts(&create->name, &run->owner.arena, &parts, err));
    if (create->if_not_exists && relation_exists(run, parts, create->name.count))
        return session_end(run, "CREATE TABLE", 0, err);
    return create->kind == LEAT_SQL_CREATE_VIEW ? create_view(run, create, parts, err)
                                                : create_table(run, create, parts, err);
}

enum leat_status session_drop(struct run *run, const struct leat_sql_drop *drop,
                              struct leat_error *err)
{
    enum leat_relation_kind kind =
        drop->kind == LEAT_SQL_CREATE_VIEW ? LEAT_RELATION_VIEW : LEAT_RELATION_TABLE;
    struct leat_catalog *catalog = run->session->memory;
    struct leat_text *parts;

    for (uint32_t i = 0; i < drop->count; i++) {
        enum leat_status status;
        LEAT_TRY(session_name_parts(&drop->names[i], &run->owner.arena, &parts, err));
        status = catalog->ops->drop(catalog, parts, drop->names[i].count, kind, err);
        if (status == LEAT_NOT_FOUND && drop->if_exists) {
            leat_error_clear(err);
            continue;
        }
        if (status != LEAT_OK)
            return at_target(run, &drop->names[i], status, err);
    }
    return session_end(run, kind == LEAT_RELATION_VIEW ? "DROP VIEW" : "DROP TABLE", 0, err);
}
