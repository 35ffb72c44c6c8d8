/* Rows kept aside, as SQL sees them: the quarantine table without the rows whose ids are among the
 * ledger's replays. */
#include "orchestration/kept_rows.h"

#include "orchestration/lake_catalog.h"
#include "orchestration/ledger.h"

static const char suffix[] = "_quarantine";

static bool is_quarantine(const char *table)
{
    size_t length = strlen(table), end = sizeof(suffix) - 1;

    return length > end && strcmp(table + length - end, suffix) == 0;
}

/* --- marks --- */

static enum leat_status add_mark(struct leat_kept_rows *kept, const char *table, const char *row_id,
                                 struct leat_error *err)
{
    struct leat_string strings[2] = {leat_string_of(table, strlen(table)),
                                     leat_string_of(row_id, strlen(row_id))};
    struct leat_vector columns[2];
    struct leat_batch batch = {2, 1, columns};

    for (int i = 0; i < 2; i++)
        columns[i] = (struct leat_vector){
            .type = leat_type_get(LEAT_TEXT), .form = LEAT_FLAT, .length = 1, .data = &strings[i]};
    return leat_rows_append(&kept->replayed, &batch, err);
}

static enum leat_status read_marks(struct leat_kept_rows *kept, const struct leat_lake_name *name,
                                   struct leat_error *err)
{
    const char *full = leat_arena_printf(&kept->arena, "%s.%s", name->schema, name->table);
    struct leat_bytes_list ids;
    enum leat_status status;

    if (!full)
        return leat_error_memory(err);
    leat_bytes_list_init(&ids);
    status = leat_ledger_replays_read(kept->lake->database, full, &ids, err);
    for (size_t i = 0; i < ids.count && status == LEAT_OK; i++)
        status = add_mark(kept, full, ids.items[i].data, err);
    leat_bytes_list_release(&ids);
    return status;
}

enum leat_status leat_kept_rows_open(struct leat_lake *lake, const char *schema,
                                     struct leat_kept_rows *out, struct leat_error *err)
{
    struct leat_field fields[2] = {{.name = "quarantine", .type = leat_type_get(LEAT_TEXT)},
                                   {.name = "row_id", .type = leat_type_get(LEAT_TEXT)}};
    struct leat_schema columns = {2, fields};
    struct leat_lake_name *names;
    enum leat_status status;
    size_t count = 0;

    memset(out, 0, sizeof(*out));
    out->lake = lake;
    leat_arena_init(&out->arena, NULL);
    status = leat_rows_init(&out->replayed, &columns, NULL, err);
    if (status == LEAT_OK)
        status = leat_lake_catalog_new(lake, schema, &out->tables, err);
    out->source = (struct leat_named_source){"replayed", leat_named_rows_open, &out->replayed};
    leat_named_sources_init(&out->catalog, &out->source, 1, out->tables);
    if (status == LEAT_OK)
        status = leat_kept_rows_tables(out, &names, &count, err);
    for (size_t i = 0; i < count && status == LEAT_OK; i++)
        status = read_marks(out, &names[i], err);
    if (status != LEAT_OK)
        leat_kept_rows_close(out);
    return status;
}

void leat_kept_rows_close(struct leat_kept_rows *kept)
{
    leat_lake_catalog_free(kept->tables);
    leat_rows_release(&kept->replayed);
    leat_arena_release(&kept->arena);
    memset(kept, 0, sizeof(*kept));
}

/* --- tables --- */

enum leat_status leat_kept_rows_tables(struct leat_kept_rows *kept, struct leat_lake_name **out,
                                       size_t *count, struct leat_error *err)
{
    struct leat_lake_names names;
    enum leat_status status = LEAT_OK;

    *count = 0;
    LEAT_TRY(leat_lake_list(kept->lake, &names, err));
    *out = LEAT_NEW_ARRAY(&kept->arena, struct leat_lake_name, names.count + 1);
    if (!*out)
        status = leat_error_memory(err);
    for (size_t i = 0; i < names.count && status == LEAT_OK; i++) {
        struct leat_lake_name *item = &(*out)[*count];
        if (!is_quarantine(names.items[i].table))
            continue;
        item->schema = leat_arena_strdup(&kept->arena, names.items[i].schema);
        item->table = leat_arena_strdup(&kept->arena, names.items[i].table);
        if (!item->schema || !item->table)
            status = leat_error_memory(err);
        (*count)++;
    }
    leat_lake_names_release(&names);
    return status;
}

enum leat_status leat_kept_rows_find(struct leat_kept_rows *kept, const char *schema,
                                     const char *table, struct leat_lake_name *out,
                                     struct leat_error *err)
{
    const char *dot = strrchr(table, '.');
    struct leat_lake_name *names;
    size_t count;

    memset(out, 0, sizeof(*out));
    if (dot) {
        schema = leat_arena_copy(&kept->arena, table, (size_t)(dot - table));
        table = dot + 1;
    }
    if (!schema)
        return leat_error_memory(err);
    LEAT_TRY(leat_kept_rows_tables(kept, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(names[i].table) - sizeof(suffix) + 1;
        bool same = strcmp(names[i].table, table) == 0 ||
                    (strlen(table) == length && memcmp(names[i].table, table, length) == 0);
        if (same && strcmp(names[i].schema, schema) == 0)
            *out = names[i];
    }
    if (out->table)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "no rows of \"%s\" were ever quarantined",
                         table);
    leat_error_hint(err, "`leat quarantine list` shows the tables that have such rows");
    return LEAT_NOT_FOUND;
}

/* --- text --- */

enum leat_status leat_kept_rows_put_string(const char *text, struct leat_buffer *out,
                                           struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(out, '\'', err));
    for (; *text; text++) {
        if (*text == '\'')
            LEAT_TRY(leat_buffer_append_byte(out, '\'', err));
        LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)*text, err));
    }
    return leat_buffer_append_byte(out, '\'', err);
}

enum leat_status leat_kept_rows_put_from(const struct leat_lake_name *name, struct leat_buffer *out,
                                         struct leat_error *err)
{
    struct leat_buffer full;
    enum leat_status status;

    LEAT_TRY(leat_buffer_append_string(out, " FROM ", err));
    LEAT_TRY(leat_sql_put_name(leat_text_of(name->schema), out, err));
    LEAT_TRY(leat_buffer_append_byte(out, '.', err));
    LEAT_TRY(leat_sql_put_name(leat_text_of(name->table), out, err));
    LEAT_TRY(leat_buffer_append_string(
        out,
        " AS q WHERE NOT EXISTS (SELECT 1 FROM replayed r WHERE r.row_id = q.row_id AND "
        "r.quarantine = ",
        err));
    leat_buffer_init(&full, 0);
    status = leat_buffer_printf(&full, err, "%s.%s", name->schema, name->table);
    if (status == LEAT_OK)
        status = leat_buffer_append_byte(&full, '\0', err);
    if (status == LEAT_OK)
        status = leat_kept_rows_put_string((const char *)full.data, out, err);
    leat_buffer_release(&full);
    LEAT_TRY(status);
    return leat_buffer_append_byte(out, ')', err);
}
