/* EXPLAIN, SHOW and DESCRIBE: texts as the rows of a result. */
#include "api/c/session_internal.h"

#include <stdlib.h>
#include <string.h>

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
    if (run->describe)
        return LEAT_OK;
    if (row_count > 0)
        LEAT_TRY(run->output->batch(run->output, &batch, err));
    return session_end(run, tag, row_count, err);
}

enum leat_status session_explain(struct run *run, const struct leat_sql_explain *explain,
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
    status = run->describe      ? LEAT_OK
             : explain->analyze ? leat_execute_explain(plan, &run->execute, &text, err)
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

/* One row a signature, in the order of names: SHOW FUNCTIONS. Names that SQL cannot call are left
 * out: those of other dialects' forms, and of the forms of the grammar. */
static int compare_functions(const void *a, const void *b)
{
    const struct leat_function *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);

    return order ? order : strcmp((*x)->signature, (*y)->signature);
}

static enum leat_status show_functions(struct run *run, struct leat_error *err)
{
    static const char *const names[] = {"name", "kind", "signature", "description"};
    static const char *const kinds[] = {"scalar", "aggregate", "window"};
    struct leat_arena *arena = &run->owner.arena;
    const struct leat_function **list;
    struct leat_text *cells;
    uint32_t total = 0, count = 0;

    while (leat_function_at(total))
        total++;
    list = LEAT_NEW_ARRAY(arena, const struct leat_function *, total);
    cells = LEAT_NEW_ARRAY(arena, struct leat_text, (size_t)total * 4);
    if (!list || !cells)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < total; i++) {
        const struct leat_function *function = leat_function_at(i);
        if (strncmp(function->name, "spark_", 6) != 0 && function->help[0])
            list[count++] = function;
    }
    qsort(list, count, sizeof(struct leat_function *), compare_functions);
    total = count;
    count = 0;
    for (uint32_t i = 0; i < total; i++) /* overloads with one signature for people */
        if (i == 0 || compare_functions(&list[i], &list[count - 1]) != 0)
            list[count++] = list[i];
    for (uint32_t i = 0; i < count; i++) {
        cells[i * 4] = leat_text_of(list[i]->name);
        cells[i * 4 + 1] = leat_text_of(kinds[list[i]->kind]);
        cells[i * 4 + 2] = leat_text_of(list[i]->signature);
        cells[i * 4 + 3] = leat_text_of(list[i]->help);
    }
    return give_texts(run, names, 4, cells, count, "SHOW", err);
}

/* One setting under its own name, or all with their descriptions. */
static enum leat_status show_settings(struct run *run, const struct leat_sql_show *show,
                                      struct leat_error *err)
{
    static const char *const names[] = {"name", "setting", "description"};
    struct leat_arena *arena = &run->owner.arena;
    const char *texts[3], *column;
    struct leat_text *cells, value;
    uint32_t count = 0;

    if (show->kind == LEAT_SQL_SHOW_SETTING) {
        column = show->name.parts[show->name.count - 1].text.data;
        value = leat_text_of(session_setting_value(run->session, leat_text_of(column)));
        if (!value.data && strcmp(column, "threads") == 0)
            value = leat_text_of(leat_arena_printf(arena, "%u", run->session->threads));
        if (!value.data && strcmp(column, "dialect") == 0)
            value = leat_text_of(run->session->dialect == LEAT_SQL_SPARK ? "spark" : "postgres");
        if (!value.data) {
            (void)leat_error_set(err, LEAT_E_SETTING, "there is no setting \"%s\"", column);
            leat_error_hint(err, "SHOW ALL lists them");
            return LEAT_INVALID;
        }
        return give_texts(run, &column, 1, &value, 1, "SHOW", err);
    }
    while (session_setting(run->session, count, texts))
        count++;
    cells = LEAT_NEW_ARRAY(arena, struct leat_text, (size_t)count * 3);
    if (!cells)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count && session_setting(run->session, i, texts); i++)
        for (int c = 0; c < 3; c++)
            cells[i * 3 + (uint32_t)c] = leat_text_of(texts[c]);
    return give_texts(run, names, 3, cells, count, "SHOW", err);
}

enum leat_status session_show(struct run *run, const struct leat_sql_show *show,
                              struct leat_error *err)
{
    static const char *const names[] = {"name"};
    struct leat_bytes_list list;
    enum leat_status status;

    if (show->kind == LEAT_SQL_SHOW_FUNCTIONS)
        return show_functions(run, err);
    if (show->kind == LEAT_SQL_SHOW_SETTING || show->kind == LEAT_SQL_SHOW_ALL)
        return show_settings(run, show, err);
    if (show->kind != LEAT_SQL_SHOW_TABLES && show->kind != LEAT_SQL_SHOW_VIEWS)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "SHOW knows TABLES and FUNCTIONS");
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

enum leat_status session_describe(struct run *run, const struct leat_sql_describe *describe,
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
