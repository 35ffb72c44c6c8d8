/* Running statements. A query is bound, planned and executed; INSERT and CREATE TABLE AS write
 * through the lake's sink or into memory; COPY writes a file. Each statement has an arena, plan
 * owner and accountant of its own. */
#include "api/c/session.h"

#include "api/c/memory_catalog.h"
#include "columns/format.h"
#include "compute/hosts/runner.h"
#include "orchestration/lake_catalog.h"
#include "storage/files/files.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

struct leat_session {
    struct leat_accountant accountant;
    struct leat_cancel cancel;
    _Atomic uint64_t bytes_read;
    _Atomic uint64_t rows_read;
    _Atomic uint64_t bytes_total;
    unsigned threads;
    char *folder;
    struct leat_lake lake;
    bool has_lake;
    struct leat_catalog *lake_catalog; /* or NULL */
    struct leat_catalog *catalog;      /* memory, with the lake behind it */
    struct leat_runner_options runner;
    char *fault;
    struct leat_plan_work *work; /* not NULL: queries are estimated, not run */
    enum leat_sql_dialect dialect;
};

/* One statement being run. */
struct run {
    struct leat_session *session;
    const struct leat_sql_script *script;
    struct leat_session_output *output;
    struct leat_plan_owner owner;
    struct leat_plan_options plan_options;
    struct leat_execute_options execute;
};

void leat_session_free(struct leat_session *session)
{
    if (!session)
        return;
    leat_host_close(session->runner.host);
    leat_memory_catalog_free(session->catalog);
    leat_lake_catalog_free(session->lake_catalog);
    if (session->has_lake)
        leat_lake_close(&session->lake);
    leat_free(session->folder);
    leat_free(session->fault);
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

enum leat_status leat_session_new(const struct leat_session_options *options,
                                  struct leat_session **out, struct leat_error *err)
{
    struct leat_session *session = leat_calloc(1, sizeof(*session));
    struct leat_host_options host = options->host;
    enum leat_status status = LEAT_OK;

    *out = NULL;
    if (!session)
        return leat_error_memory(err);
    leat_accountant_init(&session->accountant, NULL, options->memory);
    status = leat_files_register(err);
    session->threads = options->threads ? options->threads : leat_cpu_count();
    if (status == LEAT_OK && options->folder) {
        session->folder = leat_strdup(options->folder);
        if (!session->folder)
            status = leat_error_memory(err);
    }
    session->runner.small_rows = LEAT_STAGE_SMALL_ROWS;
    host.tasks = options->threads;
    session->dialect = options->dialect;
    if (status == LEAT_OK)
        status = leat_host_open(&host, &session->runner.host, err);
    if (status == LEAT_OK && options->lake)
        status = open_lake(session, options, err);
    if (status == LEAT_OK)
        status = leat_memory_catalog_new(session->lake_catalog, &session->catalog, err);
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
    LEAT_TRY(session->catalog->ops->list(session->catalog, out, err));
    if (out->count > 1)
        qsort(out->items, out->count, sizeof(*out->items), compare_names);
    return LEAT_OK;
}

/* --- results --- */

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
    LEAT_TRY(
        leat_runner_execute(&run->session->runner, plan, &run->execute, &counting.base, NULL, err));
    return run->output->end(run->output, "SELECT", counting.rows, err);
}

/* Gives text rows: for SHOW, DESCRIBE and EXPLAIN. `cells` are row_count * column_count texts. */
static enum leat_status give_texts(struct run *run, const char *const *names, uint32_t column_count,
                                   const struct leat_text *cells, uint32_t row_count,
                                   const char *tag, struct leat_error *err)
{
    struct leat_arena *arena = &run->owner.arena;
    struct leat_schema schema = {column_count,
                                 LEAT_NEW_ARRAY(arena, struct leat_field, column_count)};
    struct leat_batch batch;

    if (!schema.fields)
        return leat_error_memory(err);
    for (uint32_t c = 0; c < column_count; c++)
        schema.fields[c] = (struct leat_field){.name = names[c], .type = leat_type_get(LEAT_TEXT)};
    LEAT_TRY(leat_batch_init(&batch, &schema, row_count + 1, arena, err));
    batch.length = row_count;
    for (uint32_t c = 0; c < column_count; c++) {
        struct leat_string *strings = batch.columns[c].data;
        batch.columns[c].length = row_count;
        for (uint32_t r = 0; r < row_count; r++) {
            struct leat_text cell = cells[r * column_count + c];
            strings[r] = leat_string_of(cell.data, cell.length);
        }
    }
    LEAT_TRY(run->output->begin(run->output, &schema, err));
    if (row_count > 0)
        LEAT_TRY(run->output->batch(run->output, &batch, err));
    return run->output->end(run->output, tag, row_count, err);
}

/* --- writing --- */

static enum leat_status name_parts(const struct leat_sql_path *path, struct leat_arena *arena,
                                   struct leat_text **out, struct leat_error *err)
{
    *out = LEAT_NEW_ARRAY(arena, struct leat_text, path->count);
    if (!*out)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < path->count; i++)
        (*out)[i] = path->parts[i].text;
    return LEAT_OK;
}

static enum leat_status required_values(const struct leat_schema *schema,
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

/* Appends the plan's rows to a table in memory: all of them, or none. */
static enum leat_status insert_in_memory(struct run *run, const struct leat_plan *plan,
                                         struct leat_rows *rows, uint64_t *count,
                                         struct leat_error *err)
{
    struct leat_rows fresh = {0};
    enum leat_status status =
        leat_runner_execute_rows(&run->session->runner, plan, &run->execute, &fresh, err);
    size_t batches = rows->batch_count;
    uint64_t before = rows->row_count;

    for (size_t i = 0; status == LEAT_OK && i < fresh.batch_count; i++)
        status = required_values(&rows->schema, &fresh.batches[i], err);
    for (size_t i = 0; status == LEAT_OK && i < fresh.batch_count; i++)
        status = leat_rows_append(rows, &fresh.batches[i], err);
    if (status != LEAT_OK) {
        rows->batch_count = batches;
        rows->row_count = before;
    }
    *count = fresh.row_count;
    leat_rows_release(&fresh);
    return status;
}

/* Runs the plan into a sink and gives the receipts. */
static enum leat_status run_write(struct run *run, struct leat_plan *plan, struct leat_sink *sink,
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

static enum leat_status append_rows(struct run *run, const struct leat_sql_path *path,
                                    const struct leat_schema *schema, struct leat_plan *plan,
                                    bool by_name, const char *tag, struct leat_error *err)
{
    struct leat_session *session = run->session;
    struct leat_catalog *lake = session->lake_catalog;
    struct leat_rows *rows;
    struct leat_text *parts;
    struct leat_bytes_list receipts;
    struct leat_sink *sink;
    enum leat_status status;
    uint64_t count = 0;

    LEAT_TRY(leat_plan_coerce(plan, schema, by_name, &run->plan_options, &run->owner, &plan, err));
    LEAT_TRY(name_parts(path, &run->owner.arena, &parts, err));
    rows = path->count == 1 ? leat_memory_catalog_rows(session->catalog, parts[0]) : NULL;
    if (rows) {
        LEAT_TRY(insert_in_memory(run, plan, rows, &count, err));
        return run->output->end(run->output, tag, count, err);
    }
    if (!lake)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "there is no such table");
    LEAT_TRY(lake->ops->open_sink(lake, parts, path->count, &sink, err));
    leat_bytes_list_init(&receipts);
    status = run_write(run, plan, sink, &receipts, err);
    if (status == LEAT_OK) {
        status = lake->ops->commit(lake, parts, path->count, false, &receipts, err);
        if (status == LEAT_OK)
            status = count_written(&receipts, &run->owner.arena, &count, err);
    }
    leat_bytes_list_release(&receipts);
    if (status == LEAT_OK)
        status = run->output->end(run->output, tag, count, err);
    return status;
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

static enum leat_status run_insert(struct run *run, const struct leat_sql_insert *insert,
                                   struct leat_error *err)
{
    struct leat_catalog *catalog = run->session->catalog;
    struct leat_schema target, schema;
    struct leat_relation relation;
    struct leat_plan *plan;
    struct leat_text *parts;
    bool by_name = insert->by_name;

    LEAT_TRY(name_parts(&insert->target, &run->owner.arena, &parts, err));
    LEAT_TRY(catalog->ops->find(catalog, parts, insert->target.count, &run->owner.arena, &relation,
                                err));
    if (relation.kind != LEAT_RELATION_TABLE)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "%s is a view: nothing can be inserted",
                              relation.name);
    LEAT_TRY(leat_plan_own_source(&run->owner, relation.source, err));
    schema = relation.source->schema;
    LEAT_TRY(leat_plan_query(insert->query, &run->plan_options, &run->owner, &plan, err));
    if (insert->columns.count > 0) { /* by position to the columns named, then by their names */
        LEAT_TRY(insert_target(insert, &schema, &run->owner.arena, &target, err));
        LEAT_TRY(
            leat_plan_coerce(plan, &target, false, &run->plan_options, &run->owner, &plan, err));
        by_name = true;
    }
    return append_rows(run, &insert->target, &schema, plan, by_name, "INSERT", err);
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
    struct leat_catalog *catalog = in_memory ? session->catalog : session->lake_catalog;
    struct leat_plan *plan = NULL;
    struct leat_schema schema;

    if (create->query) {
        LEAT_TRY(leat_plan_query(create->query, &run->plan_options, &run->owner, &plan, err));
        LEAT_TRY(kept_schema(&plan->schema, &run->owner.arena, &schema, err));
    }
    if (create->column_count > 0)
        LEAT_TRY(table_columns(create, &run->owner.arena, &schema, err));
    LEAT_TRY(catalog->ops->create_table(catalog, parts, create->name.count, &schema,
                                        create->or_replace, err));
    if (!plan || create->with_no_data)
        return run->output->end(run->output, "CREATE TABLE", 0, err);
    if (!in_memory) { /* the lake widens some types */
        struct leat_schema stored;
        LEAT_TRY(leat_lake_schema(&schema, &run->owner.arena, &stored, err));
        schema = stored;
    }
    {
        enum leat_status status =
            append_rows(run, &create->name, &schema, plan, false, "SELECT", err);
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
    struct leat_catalog *catalog = run->session->catalog;
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
    LEAT_TRY(view_text(run, create, &sql, err));
    LEAT_TRY(catalog->ops->create_view(catalog, parts, create->name.count, sql,
                                       create->query->dialect, create->or_replace, err));
    return run->output->end(run->output, "CREATE VIEW", 0, err);
}

static enum leat_status run_create(struct run *run, const struct leat_sql_create *create,
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
    LEAT_TRY(name_parts(&create->name, &run->owner.arena, &parts, err));
    if (create->if_not_exists && relation_exists(run, parts, create->name.count))
        return run->output->end(run->output, "CREATE TABLE", 0, err);
    return create->kind == LEAT_SQL_CREATE_VIEW ? create_view(run, create, parts, err)
                                                : create_table(run, create, parts, err);
}

static enum leat_status run_drop(struct run *run, const struct leat_sql_drop *drop,
                                 struct leat_error *err)
{
    enum leat_relation_kind kind =
        drop->kind == LEAT_SQL_CREATE_VIEW ? LEAT_RELATION_VIEW : LEAT_RELATION_TABLE;
    struct leat_catalog *catalog = run->session->catalog;
    struct leat_text *parts;

    for (uint32_t i = 0; i < drop->count; i++) {
        enum leat_status status;
        LEAT_TRY(name_parts(&drop->names[i], &run->owner.arena, &parts, err));
        status = catalog->ops->drop(catalog, parts, drop->names[i].count, kind, err);
        if (status == LEAT_NOT_FOUND && drop->if_exists) {
            leat_error_clear(err);
            continue;
        }
        LEAT_TRY(status);
    }
    return run->output->end(run->output, kind == LEAT_RELATION_VIEW ? "DROP VIEW" : "DROP TABLE", 0,
                            err);
}

/* --- COPY --- */

struct copy_output {
    struct leat_result_handler base;
    const struct leat_format *format;
    struct leat_writer *writer;
    struct leat_writer **branches; /* of threads behind the first, where the format has them */
    unsigned threads;
    _Atomic uint64_t rows;
};

static enum leat_status copy_batch(struct leat_result_handler *handler,
                                   const struct leat_batch *batch, struct leat_error *err)
{
    struct copy_output *copy = (struct copy_output *)handler;

    copy->rows += batch->length;
    return copy->writer->ops->write(copy->writer, batch, err);
}

/* Each thread writes its own part of the file. */
static enum leat_status copy_batch_of(struct leat_result_handler *handler, unsigned thread,
                                      const struct leat_batch *batch, struct leat_error *err)
{
    struct copy_output *copy = (struct copy_output *)handler;
    struct leat_writer *writer = copy->writer;

    atomic_fetch_add(&copy->rows, batch->length);
    if (thread > 0) {
        if (!copy->branches[thread])
            LEAT_TRY(copy->format->branch(writer, &copy->branches[thread], err));
        writer = copy->branches[thread];
    }
    return writer->ops->write(writer, batch, err);
}

static enum leat_status copy_finish(struct copy_output *copy, struct leat_error *err)
{
    struct leat_writer *writer = copy->writer;
    struct leat_buffer receipt;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&receipt, 1 << 20);
    for (unsigned i = 0; i < copy->threads && status == LEAT_OK; i++) {
        struct leat_writer *branch = copy->branches[i];
        copy->branches[i] = NULL;
        if (branch)
            status = branch->ops->finish(branch, &receipt, err);
    }
    if (status == LEAT_OK) {
        copy->writer = NULL;
        status = writer->ops->finish(writer, &receipt, err);
    }
    leat_buffer_release(&receipt);
    return status;
}

/* An option's constant: strings, numbers, booleans and bare words. */
static enum leat_status copy_option(const struct leat_sql_property *property,
                                    struct leat_option_value *out, struct leat_error *err)
{
    const struct leat_sql_expr *value = property->value;
    int64_t integer;

    out->name = property->name.text.data;
    if (!value || value->kind == LEAT_SQL_BOOLEAN) {
        out->value = (struct leat_value){.type = leat_type_get(LEAT_BOOLEAN),
                                         .integer = value ? value->flag : 1};
    } else if (value->kind == LEAT_SQL_INTEGER &&
               leat_parse_int64(value->text.data, value->text.length, &integer)) {
        out->value = (struct leat_value){.type = leat_type_get(LEAT_INT64), .integer = integer};
    } else if (value->kind == LEAT_SQL_STRING ||
               (value->kind == LEAT_SQL_COLUMN && value->path.count == 1)) {
        out->value = (struct leat_value){.type = leat_type_get(LEAT_TEXT)};
        out->value.text = value->kind == LEAT_SQL_STRING ? value->text : value->path.parts[0].text;
    } else {
        return leat_error_set(err, LEAT_E_COPY_OPTION, "option %s takes a constant", out->name);
    }
    return LEAT_OK;
}

/* The format by option or by the file's ending; the options left over are the format's. */
static enum leat_status copy_format(const struct leat_sql_copy *copy, const char *path,
                                    struct leat_option_value *options, uint32_t *count,
                                    const struct leat_format **out, struct leat_error *err)
{
    struct leat_option_value option;
    char name[32] = "";

    *count = 0;
    *out = NULL;
    for (uint32_t i = 0; i < copy->option_count; i++) {
        LEAT_TRY(copy_option(&copy->options[i], &option, err));
        if (strcmp(option.name, "format") != 0)
            options[(*count)++] = option;
        else if (option.value.type->id == LEAT_TEXT && option.value.text.length < sizeof(name))
            for (size_t c = 0; c < option.value.text.length; c++) {
                char letter = option.value.text.data[c];
                name[c] = letter >= 'A' && letter <= 'Z' ? (char)(letter + 32) : letter;
            }
    }
    if (strcmp(name, "ndjson") == 0)
        memcpy(name, "json", 5);
    if (name[0])
        *out = leat_plan_format(name);
    for (size_t i = 0; !name[0] && !*out && leat_plan_format_at(i); i++) {
        const struct leat_format *format = leat_plan_format_at(i);
        for (const char *const *e = format->extensions; *e && !*out; e++) {
            size_t length = strlen(path), ending = strlen(*e);
            if (length > ending && strcmp(path + length - ending, *e) == 0)
                *out = format;
        }
    }
    if (*out && (*out)->create)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_COPY_OPTION, "cannot tell the format of %s", path);
    leat_error_hint(err, "say it: COPY ... TO '%s' (FORMAT csv), json, parquet or avro", path);
    return LEAT_INVALID;
}

static enum leat_status run_copy(struct run *run, const struct leat_sql_copy *copy,
                                 struct leat_error *err)
{
    struct leat_arena *arena = &run->owner.arena;
    struct copy_output out = {.base = {.batch = copy_batch}};
    unsigned threads = run->execute.threads ? run->execute.threads : leat_cpu_count();
    struct leat_option_value *options =
        LEAT_NEW_ARRAY(arena, struct leat_option_value, copy->option_count);
    struct leat_output *file;
    struct leat_plan *plan;
    enum leat_status status;
    const char *path;
    uint32_t count;

    out.branches = LEAT_NEW_ARRAY(arena, struct leat_writer *, threads);
    path = leat_path_join(arena, run->plan_options.folder ? run->plan_options.folder : "",
                          copy->file.data);
    if (!options || !path || !out.branches)
        return leat_error_memory(err);
    LEAT_TRY(copy_format(copy, path, options, &count, &out.format, err));
    LEAT_TRY(leat_plan_query(copy->query, &run->plan_options, &run->owner, &plan, err));
    LEAT_TRY(leat_file_create(path, LEAT_CREATE_REPLACE, &file, err));
    LEAT_TRY(out.format->create(file, &plan->schema, options, count, &out.writer, err));
    if (out.format->branch) {
        out.base.batch_of = copy_batch_of;
        out.threads = threads;
    }
    status = leat_runner_execute(&run->session->runner, plan, &run->execute, &out.base, NULL, err);
    if (status == LEAT_OK)
        status = copy_finish(&out, err);
    for (unsigned i = 0; i < out.threads; i++)
        leat_writer_abort(out.branches[i]);
    leat_writer_abort(out.writer);
    return status == LEAT_OK ? run->output->end(run->output, "COPY", out.rows, err) : status;
}

/* --- EXPLAIN, SHOW, DESCRIBE --- */

static enum leat_status run_explain(struct run *run, const struct leat_sql_explain *explain,
                                    struct leat_error *err)
{
    static const char *const names[] = {"QUERY PLAN"};
    struct leat_buffer text;
    struct leat_text *lines;
    struct leat_plan *plan;
    enum leat_status status;
    uint32_t count = 0, line = 0;

    if (explain->statement->kind != LEAT_SQL_STATEMENT_QUERY)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "EXPLAIN takes a query");
    LEAT_TRY(
        leat_plan_query(explain->statement->query, &run->plan_options, &run->owner, &plan, err));
    leat_buffer_init(&text, 16 << 20);
    status = explain->analyze ? leat_execute_explain(plan, &run->execute, &text, err)
                              : leat_runner_print(&run->session->runner, plan, &text, err);
    for (size_t i = 0; i < text.length; i++)
        count += text.data[i] == '\n';
    lines = LEAT_NEW_ARRAY(&run->owner.arena, struct leat_text, count + 1);
    if (status == LEAT_OK && !lines)
        status = leat_error_memory(err);
    for (size_t i = 0, start = 0; status == LEAT_OK && i <= text.length; i++)
        if (i == text.length || text.data[i] == '\n') {
            if (i > start)
                lines[line++] = (struct leat_text){(const char *)text.data + start, i - start};
            start = i + 1;
        }
    if (status == LEAT_OK)
        status = give_texts(run, names, 1, lines, line, "EXPLAIN", err);
    leat_buffer_release(&text);
    return status;
}

static enum leat_status run_show(struct run *run, const struct leat_sql_show *show,
                                 struct leat_error *err)
{
    static const char *const names[] = {"name"};
    struct leat_bytes_list list;
    enum leat_status status;

    if (show->kind != LEAT_SQL_SHOW_TABLES && show->kind != LEAT_SQL_SHOW_VIEWS)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "SHOW knows TABLES only");
    leat_bytes_list_init(&list);
    status = leat_session_names(run->session, &list, err);
    if (status == LEAT_OK)
        status = give_texts(run, names, 1, list.items, (uint32_t)list.count, "SHOW", err);
    leat_bytes_list_release(&list);
    return status;
}

static enum leat_status describe_schema(struct run *run, const struct leat_schema *schema,
                                        struct leat_error *err)
{
    static const char *const names[] = {"column", "type", "nullable", "comment"};
    struct leat_text *cells =
        LEAT_NEW_ARRAY(&run->owner.arena, struct leat_text, (size_t)schema->count * 4);

    if (!cells)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct leat_field *field = &schema->fields[i];
        const char *type = leat_type_name(&run->owner.arena, field->type);
        if (!type)
            return leat_error_memory(err);
        cells[i * 4] = leat_text_of(field->name);
        cells[i * 4 + 1] = leat_text_of(type);
        cells[i * 4 + 2] = leat_text_of(field->required ? "no" : "yes");
        cells[i * 4 + 3] = leat_text_of(field->comment ? field->comment : "");
    }
    return give_texts(run, names, 4, cells, schema->count, "DESCRIBE", err);
}

static enum leat_status run_describe(struct run *run, const struct leat_sql_describe *describe,
                                     struct leat_error *err)
{
    struct leat_sql_from from = {.kind = LEAT_SQL_FROM_TABLE, .path = describe->name};
    struct leat_sql_from *from_list[] = {&from};
    struct leat_sql_expr star = {.kind = LEAT_SQL_STAR};
    struct leat_sql_item item = {.expr = &star};
    struct leat_sql_select select = {
        .item_count = 1, .items = &item, .from_count = 1, .from = from_list};
    struct leat_sql_body body = {.kind = LEAT_SQL_SELECT, .select = &select};
    struct leat_sql_query whole = {.body = &body};
    struct leat_plan *plan;

    from.offset = body.offset = whole.offset = star.offset = describe->name.offset;
    from.length = body.length = whole.length = star.length = describe->name.length;
    LEAT_TRY(leat_plan_query(describe->query ? describe->query : &whole, &run->plan_options,
                             &run->owner, &plan, err));
    return describe_schema(run, &plan->schema, err);
}

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

static enum leat_status run_set(struct run *run, const struct leat_sql_set *set,
                                struct leat_error *err)
{
    const struct leat_sql_name *name = &set->name.parts[set->name.count - 1];
    enum leat_sql_dialect dialect;
    int64_t value;

    if (leat_text_equal(name->text, leat_text_of("threads")) && !set->reset &&
        leat_parse_int64(set->value.data, set->value.length, &value) && value > 0 && value <= 1024)
        set_threads(run->session, (unsigned)value);
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
    return run->output->end(run->output, "SET", 0, err);
}

static enum leat_status run_kind(struct run *run, const struct leat_sql_statement *statement,
                                 struct leat_error *err)
{
    switch (statement->kind) {
    case LEAT_SQL_STATEMENT_QUERY:
        return run_query(run, statement->query, err);
    case LEAT_SQL_STATEMENT_CREATE:
        return run_create(run, &statement->create, err);
    case LEAT_SQL_STATEMENT_INSERT:
        return run_insert(run, &statement->insert, err);
    case LEAT_SQL_STATEMENT_DROP:
        return run_drop(run, &statement->drop, err);
    case LEAT_SQL_STATEMENT_COPY:
        return run_copy(run, &statement->copy, err);
    case LEAT_SQL_STATEMENT_EXPLAIN:
        return run_explain(run, &statement->explain, err);
    case LEAT_SQL_STATEMENT_SHOW:
        return run_show(run, &statement->show, err);
    case LEAT_SQL_STATEMENT_DESCRIBE:
        return run_describe(run, &statement->describe, err);
    case LEAT_SQL_STATEMENT_SET:
        return run_set(run, &statement->set, err);
    case LEAT_SQL_STATEMENT_FLOW:
    case LEAT_SQL_STATEMENT_TEST:
        break;
    }
    (void)leat_error_set(err, LEAT_E_UNSUPPORTED, "this statement belongs into a pipeline");
    leat_error_hint(err, "put it into transformations/ of a project and use leat run or leat test");
    return LEAT_UNSUPPORTED;
}

static enum leat_status run_statement(struct leat_session *session,
                                      const struct leat_sql_script *script,
                                      const struct leat_sql_statement *statement,
                                      struct leat_session_output *output, struct leat_error *err)
{
    struct run run = {.session = session, .script = script, .output = output};
    enum leat_status status;

    atomic_store(&session->cancel.requested, false);
    atomic_store(&session->bytes_read, 0);
    atomic_store(&session->rows_read, 0);
    atomic_store(&session->bytes_total, 0);
    leat_plan_owner_init(&run.owner, &session->accountant);
    run.plan_options.catalog = session->catalog;
    run.plan_options.folder = session->folder;
    run.plan_options.source = (struct leat_expr_source){script->name, script->text, script->length};
    run.execute.threads = session->threads;
    run.execute.accountant = &session->accountant;
    run.execute.cancel = &session->cancel;
    run.execute.bytes_read = &session->bytes_read;
    run.execute.rows_read = &session->rows_read;
    run.execute.bytes_total = &session->bytes_total;
    run.execute.source = run.plan_options.source;
    status = run_kind(&run, statement, err);
    if (status != LEAT_OK && err->place.line == 0 && !err->place.source[0])
        leat_error_at_text(err, script->name, script->text, script->length, statement->offset, 0);
    leat_plan_owner_release(&run.owner);
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
    if (status != LEAT_OK)
        return status;
    for (uint32_t i = 0; i < script.count && status == LEAT_OK; i++)
        status = run_statement(session, &script, script.statements[i], output, err);
    if (status != LEAT_OK) {
        leat_accountant_explain(&session->accountant, err);
        *errors = err;
        *error_count = 1;
    }
    return status;
}

static enum leat_status ignore_end(struct leat_session_output *output, const char *tag,
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
    struct leat_session_output output = {.end = ignore_end};
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
