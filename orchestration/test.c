/* Running a test: the datasets that its EXPECTs need are run in memory, then each EXPECT's rows are
 * compared with the target's as multisets of texts. */
#include "orchestration/test.h"

#include "orchestration/text_query.h"
#include "orchestration/update_internal.h"

#include <stdlib.h>

struct testing {
    struct leat_update *update;
    const struct leat_sql_test *test;
    const struct leat_project_file *file;
    struct leat_arena *arena; /* of the result */
    struct leat_test_result *result;
};

static enum leat_status at_test(const struct testing *t, uint32_t offset, uint32_t length,
                                enum leat_status status, struct leat_error *err)
{
    if (status != LEAT_OK && err->place.line == 0)
        leat_error_at_text(err, t->file->path, t->file->script.text, t->file->script.length, offset,
                           length);
    return status;
}

static struct leat_plan_options plan_options(const struct testing *t)
{
    return (struct leat_plan_options){
        .catalog = &t->update->catalog,
        .source = {t->file->path, t->file->script.text, t->file->script.length},
        .folder = t->update->pipeline->project->folder};
}

/* --- what is needed --- */

static void need(struct leat_dataset *dataset)
{
    if (!leat_state_of(dataset)->unneeded)
        return;
    leat_state_of(dataset)->unneeded = false;
    for (uint32_t i = 0; i < dataset->input_count; i++)
        need(dataset->inputs[i]);
}

static enum leat_status find_expected(const struct testing *t, const struct leat_sql_path *path,
                                      struct leat_dataset **out, struct leat_error *err)
{
    struct leat_text parts[8];

    for (uint32_t i = 0; i < path->count && i < 8; i++)
        parts[i] = path->parts[i].text;
    *out = leat_pipeline_find(t->update->pipeline, parts, path->count);
    if (*out)
        return LEAT_OK;
    return leat_update_unknown(t->update, path->parts[path->count - 1].text, "EXPECT", err);
}

static enum leat_status prepare(const struct testing *t, struct leat_error *err)
{
    struct leat_pipeline *pipeline = t->update->pipeline;
    struct leat_plan_options options = plan_options(t);
    struct leat_dataset *dataset;

    options.catalog = NULL; /* given rows depend on nothing */
    for (uint32_t i = 0; i < pipeline->count; i++)
        leat_state_of(pipeline->datasets[i])->unneeded = true;
    for (uint32_t i = 0; i < t->test->expected_count; i++) {
        const struct leat_sql_expected *item = &t->test->expected[i];
        LEAT_TRY(at_test(t, item->name.offset, item->name.length,
                         find_expected(t, &item->name, &dataset, err), err));
        need(dataset);
    }
    for (uint32_t i = 0; i < t->test->given_count; i++) {
        const struct leat_sql_given *item = &t->test->givens[i];
        LEAT_TRY(at_test(t, item->name.offset, item->name.length,
                         leat_update_give(t->update, item, &options, err), err));
    }
    return LEAT_OK;
}

/* --- rows as texts --- */

struct row_texts {
    char **items;
    uint64_t count;
};

static bool is_bare(const struct leat_type *type)
{
    return type->id == LEAT_BOOLEAN || leat_type_is_numeric(type);
}

/* A value as it would stand in VALUES. */
static enum leat_status put_value(const struct leat_vector *vector, uint32_t row,
                                  struct leat_buffer *out, struct leat_error *err)
{
    if (leat_vector_is_null(vector, row))
        return leat_buffer_append_string(out, "NULL", err);
    if (vector->type->id == LEAT_BOOLEAN) {
        const struct leat_vector *base;
        uint32_t at = leat_vector_locate(vector, row, &base);
        return leat_buffer_append_string(out, ((const uint8_t *)base->data)[at] ? "true" : "false",
                                         err);
    }
    if (is_bare(vector->type))
        return leat_vector_print(vector, row, out, err);
    LEAT_TRY(leat_buffer_append_byte(out, '\'', err));
    LEAT_TRY(leat_vector_print(vector, row, out, err));
    return leat_buffer_append_byte(out, '\'', err);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum leat_status put_rows(const struct leat_rows *rows, struct leat_arena *arena,
                                 struct row_texts *out, struct leat_error *err)
{
    struct leat_buffer text;
    enum leat_status status = LEAT_OK;

    out->count = 0;
    out->items = LEAT_NEW_ARRAY(arena, char *, rows->row_count + 1);
    if (!out->items)
        return leat_error_memory(err);
    leat_buffer_init(&text, 0);
    for (size_t b = 0; b < rows->batch_count; b++) {
        const struct leat_batch *batch = &rows->batches[b];
        for (uint32_t r = 0; r < batch->length && status == LEAT_OK; r++) {
            text.length = 0;
            for (uint32_t c = 0; c < batch->column_count && status == LEAT_OK; c++) {
                status = leat_buffer_append_string(&text, c ? ", " : "(", err);
                if (status == LEAT_OK)
                    status = put_value(&batch->columns[c], r, &text, err);
            }
            if (status == LEAT_OK)
                status = leat_buffer_append_byte(&text, ')', err);
            if (status == LEAT_OK &&
                !(out->items[out->count++] = leat_arena_copy(arena, text.data, text.length)))
                status = leat_error_memory(err);
        }
    }
    leat_buffer_release(&text);
    if (status == LEAT_OK && out->count > 1)
        qsort(out->items, out->count, sizeof(*out->items), compare_texts);
    return status;
}

static void take_difference(const struct row_texts *want, const struct row_texts *got,
                            struct leat_test_check *check)
{
    uint64_t w = 0, g = 0;

    check->expected = want->count;
    check->found = got->count;
    while (w < want->count || g < got->count) {
        int order = w == want->count  ? 1
                    : g == got->count ? -1
                                      : strcmp(want->items[w], got->items[g]);
        if (order < 0 && check->missing_count++ < LEAT_TEST_SHOWN)
            check->missing[check->missing_count - 1] = want->items[w];
        if (order > 0 && check->unexpected_count++ < LEAT_TEST_SHOWN)
            check->unexpected[check->unexpected_count - 1] = got->items[g];
        w += order <= 0;
        g += order >= 0;
    }
}

/* --- expectations of rows --- */

/* The target's columns that are compared: those named, or all. */
static enum leat_status found_rows(const struct testing *t, const struct leat_sql_expected *item,
                                   const struct leat_dataset *dataset, struct leat_rows *out,
                                   struct leat_error *err)
{
    struct leat_execute_options execute = {.threads = 1, .cancel = t->update->options->cancel};
    struct leat_buffer sql;
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    leat_buffer_init(&sql, 1 << 20);
    status = leat_buffer_append_string(&sql, item->columns.count ? "SELECT " : "SELECT *", err);
    if (status == LEAT_OK)
        status = leat_text_query_put_names(&item->columns, "", &sql, err);
    if (status == LEAT_OK)
        status = leat_buffer_append_string(&sql, " FROM ", err);
    if (status == LEAT_OK)
        status = leat_sql_put_name(leat_text_of(dataset->name), &sql, err);
    if (status == LEAT_OK)
        status = leat_text_query_rows(&sql, &t->update->catalog, &execute, out, err);
    if (status != LEAT_OK)
        memset(&err->place, 0, sizeof(err->place)); /* the text is not the user's */
    leat_buffer_release(&sql);
    return status;
}

static enum leat_status wanted_rows(const struct testing *t, const struct leat_sql_expected *item,
                                    const struct leat_schema *schema, struct leat_rows *out,
                                    struct leat_error *err)
{
    struct leat_execute_options execute = {.threads = 1, .cancel = t->update->options->cancel};
    struct leat_plan_options options = plan_options(t);
    struct leat_rows raw = {0};
    struct leat_named_source source = {"expected", leat_named_rows_open, &raw};
    struct leat_named_sources catalog;
    struct leat_plan_owner owner;
    struct leat_plan *plan;
    struct leat_buffer sql;
    enum leat_status status;

    execute.source = options.source;
    leat_plan_owner_init(&owner, NULL);
    leat_buffer_init(&sql, 1 << 20);
    leat_named_sources_init(&catalog, &source, 1, NULL);
    status = leat_plan_query(item->query, &options, &owner, &plan, err);
    if (status == LEAT_OK && plan->schema.count != schema->count)
        status =
            leat_error_set(err, LEAT_E_TEST_COLUMNS, "EXPECT gives %u columns, but %u are compared",
                           plan->schema.count, schema->count);
    if (status == LEAT_OK)
        status = leat_execute_rows(plan, &execute, &raw, err);
    if (status == LEAT_OK)
        status = leat_text_query_number_columns(&raw.schema, &raw.arena, err);
    if (status == LEAT_OK)
        status = leat_text_query_put_cast(&raw.schema, schema, false, "expected", &sql, err);
    execute.source = (struct leat_expr_source){0};
    if (status == LEAT_OK)
        status = leat_text_query_rows(&sql, &catalog.base, &execute, out, err);
    leat_plan_owner_release(&owner);
    leat_buffer_release(&sql);
    leat_rows_release(&raw);
    return status;
}

static enum leat_status compare_rows(const struct testing *t, const struct leat_sql_expected *item,
                                     const struct leat_dataset *dataset,
                                     struct leat_test_check *check, struct leat_error *err)
{
    struct leat_rows found = {0}, wanted = {0};
    struct row_texts got, want;
    enum leat_status status = found_rows(t, item, dataset, &found, err);

    if (status == LEAT_OK)
        status = wanted_rows(t, item, &found.schema, &wanted, err);
    if (status == LEAT_OK)
        status = put_rows(&found, t->arena, &got, err);
    if (status == LEAT_OK)
        status = put_rows(&wanted, t->arena, &want, err);
    if (status == LEAT_OK)
        take_difference(&want, &got, check);
    leat_rows_release(&found);
    leat_rows_release(&wanted);
    return status;
}

static enum leat_status check_expected(const struct testing *t, uint32_t index,
                                       struct leat_error *err)
{
    const struct leat_sql_expected *item = &t->test->expected[index];
    struct leat_test_check *check = &t->result->checks[index];
    struct leat_dataset *dataset;

    LEAT_TRY(find_expected(t, &item->name, &dataset, err));
    check->target = leat_arena_strdup(t->arena, dataset->name);
    if (!check->target)
        return leat_error_memory(err);
    if (item->quarantine) {
        check->quarantine = true;
        check->expected = item->count;
        check->found = leat_state_of(dataset)->summary->quarantined;
        if (check->found == check->expected)
            return LEAT_OK;
        (void)leat_error_set(&check->error, LEAT_E_TEST_FAILED,
                             "%llu rows of \"%s\" are quarantined instead of %llu",
                             (unsigned long long)check->found, check->target,
                             (unsigned long long)check->expected);
    } else {
        LEAT_TRY(compare_rows(t, item, dataset, check, err));
        if (check->missing_count + check->unexpected_count == 0)
            return LEAT_OK;
        (void)leat_error_set(&check->error, LEAT_E_TEST_FAILED,
                             "\"%s\": %llu rows are missing, %llu are unexpected", check->target,
                             (unsigned long long)check->missing_count,
                             (unsigned long long)check->unexpected_count);
    }
    (void)at_test(t, item->name.offset, item->name.length, LEAT_RUNTIME, &check->error);
    t->result->passed = false;
    return LEAT_OK;
}

/* Rows given for a flow that reads no files with such columns came in nowhere. */
static enum leat_status expect_used(const struct testing *t, struct leat_error *err)
{
    for (const struct leat_given *given = t->update->givens; given; given = given->next) {
        if (given->used || !given->flow || leat_state_of(given->dataset)->unneeded)
            continue;
        (void)leat_error_set(err, LEAT_E_TEST_COLUMNS,
                             "flow \"%s\" reads no files that have the given columns",
                             given->flow->name);
        return at_test(t, given->item->name.offset, given->item->name.length, LEAT_INVALID, err);
    }
    return LEAT_OK;
}

static enum leat_status run_test(struct testing *t, struct leat_error *err)
{
    LEAT_TRY(leat_update_make_states(t->update, err));
    LEAT_TRY(prepare(t, err));
    LEAT_TRY(leat_update_run_datasets(t->update, 1, err));
    LEAT_TRY(expect_used(t, err));
    t->result->passed = true;
    for (uint32_t i = 0; i < t->test->expected_count; i++)
        LEAT_TRY(at_test(t, t->test->expected[i].offset, t->test->expected[i].length,
                         check_expected(t, i, err), err));
    return LEAT_OK;
}

enum leat_status leat_test_run(struct leat_pipeline *pipeline, uint32_t index,
                               struct leat_cancel *cancel, struct leat_arena *arena,
                               struct leat_test_result *out, struct leat_error *err)
{
    struct leat_update_options options = {.threads = 1, .cancel = cancel};
    const struct leat_sql_test *test = pipeline->tests[index];
    const struct leat_project_file *file = pipeline->test_files[index];
    int64_t start = leat_clock_monotonic();
    struct leat_update_summary summary;
    struct leat_update update;
    struct testing t = {&update, test, file, arena, out};
    struct leat_error place = {0};
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    leat_error_at_text(&place, file->path, file->script.text, file->script.length,
                       test->name.offset, 0);
    out->line = place.place.line;
    out->file = file->path;
    out->name = test->name.parts[test->name.count - 1].text.data;
    out->check_count = test->expected_count;
    out->checks = LEAT_NEW_ARRAY(arena, struct leat_test_check, test->expected_count);
    if (!out->checks)
        return leat_error_memory(err);
    leat_update_init(&update, pipeline, &options, &summary);
    update.in_memory = true;
    status = run_test(&t, err);
    leat_update_release(&update);
    leat_update_summary_release(&summary);
    out->seconds = (double)(leat_clock_monotonic() - start) / 1e9;
    if (status == LEAT_OK || status == LEAT_NO_MEMORY || status == LEAT_CANCELLED)
        return status;
    out->passed = false;
    out->error = *err;
    leat_error_clear(err);
    return LEAT_OK;
}
