/* Queries from text: a small catalog of named sources, and the way from text to rows. */
#include "orchestration/text_query.h"

/* --- the catalog --- */

static enum leat_status find(struct leat_catalog *catalog, const struct leat_text *parts,
                             uint32_t count, struct leat_arena *arena, struct leat_relation *out,
                             struct leat_error *err)
{
    const struct leat_named_sources *sources = (const struct leat_named_sources *)catalog;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; count == 1 && i < sources->count; i++)
        if (leat_text_equal(leat_text_of(sources->items[i].name), parts[0])) {
            out->kind = LEAT_RELATION_TABLE;
            out->name = sources->items[i].name;
            return sources->items[i].open(sources->items[i].context, &out->source, err);
        }
    if (sources->behind)
        return sources->behind->ops->find(sources->behind, parts, count, arena, out, err);
    return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "\"%.*s\" does not exist",
                          count ? (int)parts[count - 1].length : 0,
                          count ? parts[count - 1].data : "");
}

static enum leat_status list(struct leat_catalog *catalog, struct leat_bytes_list *out,
                             struct leat_error *err)
{
    const struct leat_named_sources *sources = (const struct leat_named_sources *)catalog;

    for (size_t i = 0; i < sources->count; i++)
        LEAT_TRY(leat_bytes_list_append(out, sources->items[i].name, strlen(sources->items[i].name),
                                        err));
    return sources->behind ? sources->behind->ops->list(sources->behind, out, err) : LEAT_OK;
}

static const struct leat_catalog_ops ops = {.find = find, .list = list};

void leat_named_sources_init(struct leat_named_sources *sources,
                             const struct leat_named_source *items, size_t count,
                             struct leat_catalog *behind)
{
    *sources = (struct leat_named_sources){{&ops}, behind, items, count};
}

enum leat_status leat_named_rows_open(void *context, struct leat_source **out,
                                      struct leat_error *err)
{
    return leat_source_open_rows(context, "rows", out, err);
}

/* --- running --- */

enum leat_status leat_text_query_plan(const struct leat_buffer *sql, struct leat_catalog *catalog,
                                      struct leat_plan_owner *owner, struct leat_plan **out,
                                      struct leat_error *err)
{
    const char *text = (const char *)sql->data;
    struct leat_plan_options options = {.catalog = catalog, .source = {"", text, sql->length}};
    struct leat_sql_query *query;

    LEAT_TRY(
        leat_sql_parse_query("", text, sql->length, LEAT_SQL_POSTGRES, &owner->arena, &query, err));
    return leat_plan_query(query, &options, owner, out, err);
}

enum leat_status leat_text_query_rows(const struct leat_buffer *sql, struct leat_catalog *catalog,
                                      const struct leat_execute_options *execute,
                                      struct leat_rows *out, struct leat_error *err)
{
    struct leat_plan_owner owner;
    struct leat_plan *plan;
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    leat_plan_owner_init(&owner, execute->accountant);
    status = leat_text_query_plan(sql, catalog, &owner, &plan, err);
    if (status == LEAT_OK)
        status = leat_execute_rows(plan, execute, out, err);
    leat_plan_owner_release(&owner);
    return status;
}

/* --- text --- */

enum leat_status leat_text_query_put_names(const struct leat_sql_names *names, const char *prefix,
                                           struct leat_buffer *out, struct leat_error *err)
{
    for (uint32_t i = 0; i < names->count; i++) {
        LEAT_TRY(leat_buffer_append_string(out, i ? ", " : "", err));
        LEAT_TRY(leat_buffer_append_string(out, prefix, err));
        LEAT_TRY(leat_sql_put_name(names->items[i].text, out, err));
    }
    return LEAT_OK;
}

enum leat_status leat_text_query_number_columns(struct leat_schema *schema,
                                                struct leat_arena *arena, struct leat_error *err)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        schema->fields[i].name = leat_arena_printf(arena, "column%u", i + 1);
        if (!schema->fields[i].name)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

enum leat_status leat_text_query_put_cast(const struct leat_schema *from,
                                          const struct leat_schema *target, bool by_name,
                                          const char *name, struct leat_buffer *out,
                                          struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(out, "SELECT ", err));
    for (uint32_t i = 0; i < target->count; i++) {
        struct leat_text column = leat_text_of(target->fields[i].name);
        int at = by_name ? leat_schema_find(from, column) : (int)i;
        LEAT_TRY(leat_buffer_append_string(out, i ? ", CAST(" : "CAST(", err));
        if (at >= 0 && (uint32_t)at < from->count)
            LEAT_TRY(leat_sql_put_name(leat_text_of(from->fields[at].name), out, err));
        else
            LEAT_TRY(leat_buffer_append_string(out, "NULL", err));
        LEAT_TRY(leat_buffer_append_string(out, " AS ", err));
        LEAT_TRY(leat_type_print(target->fields[i].type, out, err));
        LEAT_TRY(leat_buffer_append_string(out, ") AS ", err));
        LEAT_TRY(leat_sql_put_name(column, out, err));
    }
    LEAT_TRY(leat_buffer_append_string(out, " FROM ", err));
    return leat_sql_put_name(leat_text_of(name), out, err);
}
