/* Rows given by a test: where they come in, and how they get the columns that are wanted there. */
#include "orchestration/text_query.h"
#include "orchestration/update_internal.h"

#include "columns/format.h"

#include <stdio.h>

/* Renames the columns as the column list says. */
static enum leat_status name_columns(struct leat_given *given, struct leat_error *err)
{
    const struct leat_sql_names *names = &given->item->columns;
    struct leat_schema *schema = &given->rows.schema;
    char automatic[24];

    if (names->count > 0 && names->count != schema->count)
        return leat_error_set(err, LEAT_E_TEST_COLUMNS, "GIVEN names %u columns and gives %u",
                              names->count, schema->count);
    given->by_name = names->count > 0;
    for (uint32_t i = 0; i < names->count; i++)
        schema->fields[i].name = names->items[i].text.data;
    for (uint32_t i = 0; i < schema->count && names->count == 0; i++) {
        snprintf(automatic, sizeof(automatic), "column%u", i + 1);
        given->by_name |= strcmp(schema->fields[i].name, automatic) != 0;
    }
    return LEAT_OK;
}

static enum leat_status find_target(struct leat_update *update, struct leat_given *given,
                                    struct leat_error *err)
{
    const struct leat_sql_path *path = &given->item->name;
    struct leat_text name = path->parts[path->count - 1].text, parts[8];

    for (uint32_t i = 0; i < path->count && i < 8; i++)
        parts[i] = path->parts[i].text;
    given->dataset = leat_pipeline_find(update->pipeline, parts, path->count);
    for (uint32_t i = 0; !given->dataset && i < update->pipeline->count; i++) {
        struct leat_dataset *dataset = update->pipeline->datasets[i];
        for (uint32_t f = 0; f < dataset->flow_count; f++)
            if (leat_text_equal(leat_text_of(dataset->flows[f].name), name)) {
                given->dataset = dataset;
                given->flow = &dataset->flows[f];
            }
    }
    return given->dataset ? LEAT_OK : leat_update_unknown(update, name, "GIVEN", err);
}

enum leat_status leat_update_unknown(struct leat_update *update, struct leat_text name,
                                     const char *clause, struct leat_error *err)
{
    const struct leat_pipeline *pipeline = update->pipeline;
    const char **names = LEAT_NEW_ARRAY(&update->arena, const char *, (size_t)pipeline->count + 1);
    const char *near;

    if (!names)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < pipeline->count; i++)
        names[i] = pipeline->datasets[i]->name;
    near = leat_nearest_name(name, names);
    (void)leat_error_set(err, LEAT_E_TEST_NAME,
                         "%s names \"%.*s\", which the pipeline does not have", clause,
                         (int)name.length, name.data);
    if (near)
        leat_error_hint(err, "did you mean \"%s\"?", near);
    return LEAT_INVALID;
}

enum leat_status leat_update_give(struct leat_update *update, const struct leat_sql_given *item,
                                  const struct leat_plan_options *options, struct leat_error *err)
{
    struct leat_given *given = LEAT_NEW(&update->arena, struct leat_given);
    struct leat_execute_options execute = {.threads = 1, .cancel = update->options->cancel};
    struct leat_plan_owner owner;
    struct leat_plan *plan;
    enum leat_status status;

    if (!given)
        return leat_error_memory(err);
    given->item = item;
    given->source = options->source;
    given->next = update->givens;
    update->givens = given;
    LEAT_TRY(find_target(update, given, err));
    leat_plan_owner_init(&owner, NULL);
    status = leat_plan_query(item->query, options, &owner, &plan, err);
    if (status == LEAT_OK) {
        execute.source = options->source;
        status = leat_execute_rows(plan, &execute, &given->rows, err);
    }
    leat_plan_owner_release(&owner);
    if (status == LEAT_OK)
        status = name_columns(given, err);
    return status;
}

/* Whether the given columns are columns of files. */
static bool fits(const struct leat_given *given, const struct leat_schema *schema)
{
    for (uint32_t i = 0; given->by_name && i < given->rows.schema.count; i++)
        if (leat_schema_find(schema, leat_text_of(given->rows.schema.fields[i].name)) < 0)
            return false;
    return given->by_name || given->rows.schema.count <= schema->count;
}

static enum leat_status cast_rows(struct leat_given *given, const struct leat_schema *target,
                                  struct leat_error *err)
{
    struct leat_named_source source = {"given", leat_named_rows_open, &given->rows};
    struct leat_execute_options execute = {.threads = 1};
    struct leat_named_sources catalog;
    struct leat_buffer sql;
    enum leat_status status;

    for (uint32_t i = 0; given->by_name && i < given->rows.schema.count; i++)
        if (leat_schema_find(target, leat_text_of(given->rows.schema.fields[i].name)) < 0)
            return leat_error_set(err, LEAT_E_TEST_COLUMNS,
                                  "GIVEN names column \"%s\", which \"%s\" does not have",
                                  given->rows.schema.fields[i].name, given->dataset->name);
    if (!given->by_name && given->rows.schema.count > target->count)
        return leat_error_set(err, LEAT_E_TEST_COLUMNS, "GIVEN has %u columns, \"%s\" has %u",
                              given->rows.schema.count, given->dataset->name, target->count);
    given->used = true;
    if (!given->by_name)
        LEAT_TRY(leat_text_query_number_columns(&given->rows.schema, &given->rows.arena, err));
    leat_named_sources_init(&catalog, &source, 1, NULL);
    leat_buffer_init(&sql, 1 << 20);
    status =
        leat_text_query_put_cast(&given->rows.schema, target, given->by_name, "given", &sql, err);
    if (status == LEAT_OK)
        status = leat_text_query_rows(&sql, &catalog.base, &execute, &given->cast, err);
    leat_buffer_release(&sql);
    return status;
}

enum leat_status leat_given_cast(struct leat_given *given, const struct leat_schema *target,
                                 struct leat_error *err)
{
    enum leat_status status = cast_rows(given, target, err);

    if (status != LEAT_OK)
        leat_error_at_text(err, given->source.name, given->source.text, given->source.length,
                           given->item->offset, given->item->length);
    return status;
}

struct leat_given *leat_update_given(const struct leat_update *update,
                                     const struct leat_dataset *dataset,
                                     const struct leat_flow *flow)
{
    for (struct leat_given *given = update->givens; given; given = given->next)
        if (given->dataset == dataset && !given->used && (!given->flow || given->flow == flow))
            return given;
    return NULL;
}

/* For the files of a flow: what names the flow, or a dataset that has no other flow. */
static struct leat_given *given_files(const struct leat_flow_run *run)
{
    struct leat_given *given = leat_update_given(run->update, run->dataset, run->flow);

    return given && (given->flow || run->dataset->flow_count == 1) ? given : NULL;
}

static enum leat_status open_given(struct leat_flow_run *run, struct leat_given *given,
                                   const struct leat_schema *schema, struct leat_source **out,
                                   struct leat_error *err)
{
    LEAT_TRY(leat_given_cast(given, schema, err));
    return leat_source_open_rows(&given->cast, run->flow->name, out, err);
}

enum leat_status leat_update_open_given_files(void *context, const struct leat_file_call *call,
                                              struct leat_source **out, struct leat_error *err)
{
    struct leat_flow_run *run = context;
    struct leat_given *given = given_files(run);
    struct leat_source *files = NULL;
    struct leat_file_list list;
    enum leat_status status;

    *out = NULL;
    status = leat_plan_file_list(call, &list, err);
    if (status == LEAT_OK) {
        status = leat_plan_open_files(call, list.items, list.count, &files, err);
        leat_file_list_release(&list);
    }
    if (status == LEAT_NOT_FOUND && given) { /* no files here: the test says what they would hold */
        leat_error_clear(err);
        return open_given(run, given, &given->rows.schema, out, err);
    }
    LEAT_TRY(status);
    if (given && fits(given, &files->schema))
        status = open_given(run, given, &files->schema, out, err);
    else
        status = leat_update_empty_source(run->update, &files->schema, run->flow->name, out, err);
    leat_source_close(files);
    return status;
}

void leat_update_release_givens(struct leat_update *update)
{
    for (struct leat_given *given = update->givens; given; given = given->next) {
        leat_rows_release(&given->rows);
        leat_rows_release(&given->cast);
    }
    update->givens = NULL;
}
