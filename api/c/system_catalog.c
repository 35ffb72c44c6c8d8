/* Four tables are made when a statement names them (relations, columns, functions, the session);
 * everything else is a view over them. */
#include "api/c/system_catalog.h"
#include "api/c/type_ids.h"

#include "base/hash.h"
#include "base/system.h"
#include "columns/format.h"
#include "compute/kernels/function.h"
#include "compute/plan/planner.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST_ID = 16384, SCHEMA_ID = 2200, CATALOG_ID = 11 };

static const struct view {
    const char *schema, *name, *sql;
} views[] = {
#define SYSTEM_VIEW(schema, name, sql) {schema, name, sql},
#include "api/c/system_views.def"
#undef SYSTEM_VIEW
};
#define VIEWS (sizeof(views) / sizeof(views[0]))

/* Rows made for a statement. */
struct made {
    struct made *next;
    const char *name;
    struct leat_rows rows;
};
struct system_catalog {
    struct leat_catalog base;
    struct leat_catalog *behind;
    struct leat_system_facts facts;
    struct made *made;
    bool making; /* columns of views are being found out */
    int64_t started;
};

/* --- rows --- */

/* A table being made: rows of values, in the arena. */
struct table {
    struct system_catalog *catalog;
    struct leat_arena arena;
    const struct leat_schema *schema;
    struct leat_value *cells;
    size_t count, capacity; /* rows */
};

static struct leat_value text_value(const char *text)
{
    return text ? (struct leat_value){.type = leat_type_get(LEAT_TEXT), .text = leat_text_of(text)}
                : (struct leat_value){.type = leat_type_get(LEAT_TEXT), .is_null = true};
}

static struct leat_value integer_value(int64_t value)
{
    return (struct leat_value){.type = leat_type_get(LEAT_INT64), .integer = value};
}

static struct leat_value boolean_value(bool value)
{
    return (struct leat_value){.type = leat_type_get(LEAT_BOOLEAN), .integer = value};
}

static enum leat_status add_row(struct table *table, const struct leat_value *row,
                                struct leat_error *err)
{
    size_t columns = table->schema->count;

    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 64;
        struct leat_value *more =
            LEAT_NEW_ARRAY(&table->arena, struct leat_value, capacity * columns);
        if (!more)
            return leat_error_memory(err);
        if (table->count)
            memcpy(more, table->cells, table->count * columns * sizeof(*more));
        table->cells = more;
        table->capacity = capacity;
    }
    for (size_t c = 0; c < columns; c++)
        LEAT_TRY(leat_value_copy(&row[c], &table->arena, &table->cells[table->count * columns + c],
                                 err));
    table->count++;
    return LEAT_OK;
}

static void set_cell(struct leat_vector *column, uint32_t row, const struct leat_value *value)
{
    leat_validity_set(column->validity, row, !value->is_null);
    switch (column->type->id) {
    case LEAT_INT64:
        ((int64_t *)column->data)[row] = value->integer;
        break;
    case LEAT_BOOLEAN:
        ((uint8_t *)column->data)[row] = (uint8_t)value->integer;
        break;
    default:
        ((struct leat_string *)column->data)[row] =
            value->is_null ? leat_string_of("", 0)
                           : leat_string_of(value->text.data, value->text.length);
        break;
    }
}

static enum leat_status put_rows(struct table *table, struct leat_rows *rows,
                                 struct leat_error *err)
{
    uint32_t columns = table->schema->count;

    for (size_t first = 0; first < table->count; first += LEAT_BATCH_ROWS) {
        size_t count =
            table->count - first < LEAT_BATCH_ROWS ? table->count - first : LEAT_BATCH_ROWS;
        struct leat_batch batch;
        LEAT_TRY(leat_batch_init(&batch, table->schema, (uint32_t)count, &table->arena, err));
        batch.length = (uint32_t)count;
        for (uint32_t c = 0; c < columns; c++) {
            struct leat_vector *column = &batch.columns[c];
            column->length = (uint32_t)count;
            LEAT_TRY(leat_vector_make_validity(column, (uint32_t)count, &table->arena, err));
            for (size_t r = 0; r < count; r++)
                set_cell(column, (uint32_t)r, &table->cells[(first + r) * columns + c]);
        }
        LEAT_TRY(leat_rows_append(rows, &batch, err));
    }
    return LEAT_OK;
}

/* --- what there is --- */

struct named {
    const char *schema, *name; /* in the table's arena */
    struct leat_text parts[2];
    uint32_t part_count;
    int64_t id;
};

static int64_t id_of(const char *kind, const char *schema, const char *name)
{
    uint64_t hash = leat_hash_bytes(schema, strlen(schema), leat_hash_bytes(kind, strlen(kind), 0));

    hash = leat_hash_bytes(name, strlen(name), hash);
    return FIRST_ID + (int64_t)(hash % (INT32_MAX - FIRST_ID - 1));
}

static int64_t schema_id(const struct system_catalog *catalog, const char *schema)
{
    return strcmp(schema, catalog->facts.schema) == 0 ? SCHEMA_ID : id_of("schema", schema, "");
}

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->schema, y->schema);

    return order ? order : strcmp(x->name, y->name);
}

/* All relations, sorted, with ids of their own. */
static enum leat_status list_named(struct table *table, struct named **out, size_t *count,
                                   struct leat_error *err)
{
    struct system_catalog *catalog = table->catalog;
    struct leat_bytes_list list;
    enum leat_status status;

    *count = 0;
    leat_bytes_list_init(&list);
    status = catalog->behind->ops->list(catalog->behind, &list, err);
    *out = LEAT_NEW_ARRAY(&table->arena, struct named, list.count + 1);
    if (status == LEAT_OK && !*out)
        status = leat_error_memory(err);
    for (size_t i = 0; status == LEAT_OK && i < list.count; i++) {
        struct named *named = &(*out)[(*count)++];
        char *text = leat_arena_copy(&table->arena, list.items[i].data, list.items[i].length);
        char *dot = text ? strchr(text, '.') : NULL;
        if (!text) {
            status = leat_error_memory(err);
            break;
        }
        named->schema = dot ? text : catalog->facts.temporary;
        named->name = dot ? dot + 1 : text;
        if (dot) {
            *dot = '\0';
            named->parts[named->part_count++] = leat_text_of(text);
        }
        named->parts[named->part_count++] = leat_text_of(named->name);
        named->id = id_of("relation", named->schema, named->name);
    }
    leat_bytes_list_release(&list);
    LEAT_TRY(status);
    qsort(*out, *count, sizeof(**out), compare_named);
    for (size_t i = 1; i < *count; i++) /* hashes may meet, in the same order each time */
        for (size_t j = 0; j < i; j++)
            if ((*out)[j].id == (*out)[i].id) {
                (*out)[i].id++;
                j = (size_t)-1;
            }
    return LEAT_OK;
}

static enum leat_status find_named(struct table *table, const struct named *named,
                                   struct leat_relation *out, struct leat_error *err)
{
    struct leat_catalog *behind = table->catalog->behind;

    return behind->ops->find(behind, named->parts, named->part_count, &table->arena, out, err);
}

static const struct leat_field relation_fields[] = {
    {.name = "oid"},          {.name = "schema_oid"}, {.name = "schema"}, {.name = "name"},
    {.name = "kind"},         {.name = "temporary"},  {.name = "rows"},   {.name = "bytes"},
    {.name = "column_count"}, {.name = "sql"}};
static const char relation_types[] = "iitttbiiit";

static enum leat_status make_relations(struct table *table, struct leat_error *err)
{
    struct named *names;
    size_t count;

    LEAT_TRY(list_named(table, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct leat_relation relation;
        struct leat_error ignored;
        const struct named *named = &names[i];
        bool view;
        if (find_named(table, named, &relation, &ignored) != LEAT_OK)
            continue; /* dropped meanwhile, or damaged: the others are shown */
        view = relation.kind == LEAT_RELATION_VIEW;
        {
            bool temporary = named->part_count == 1 && strcmp(table->catalog->facts.temporary,
                                                              table->catalog->facts.schema) != 0;
            uint64_t rows = view ? 0 : relation.source->row_estimate;
            uint64_t bytes = view ? 0 : relation.source->byte_estimate;
            struct leat_value row[] = {
                integer_value(named->id),
                integer_value(schema_id(table->catalog, named->schema)),
                text_value(named->schema),
                text_value(named->name),
                text_value(view ? "v" : "r"),
                boolean_value(temporary),
                integer_value(rows == UINT64_MAX ? -1 : (int64_t)rows),
                integer_value(bytes == UINT64_MAX ? 0 : (int64_t)bytes),
                integer_value(view ? 0 : (int64_t)relation.source->schema.count),
                text_value(view ? relation.view_sql : NULL)};
            enum leat_status status = add_row(table, row, err);
            leat_source_close(relation.source);
            LEAT_TRY(status);
        }
    }
    return LEAT_OK;
}

/* --- columns --- */

static const struct leat_field column_fields[] = {
    {.name = "relation"},  {.name = "position"}, {.name = "name"},     {.name = "type_id"},
    {.name = "type_size"}, {.name = "modifier"}, {.name = "required"}, {.name = "comment"}};
static const char column_types[] = "iitiiibt";

static enum leat_status add_columns(struct table *table, int64_t relation,
                                    const struct leat_schema *schema, struct leat_error *err)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct leat_field *field = &schema->fields[i];
        struct leat_value row[] = {integer_value(relation),
                                   integer_value((int64_t)i + 1),
                                   text_value(field->name),
                                   integer_value(leat_type_postgres_id(field->type)),
                                   integer_value(leat_type_postgres_size(field->type)),
                                   integer_value(leat_type_postgres_modifier(field->type)),
                                   boolean_value(field->required),
                                   text_value(field->comment)};
        LEAT_TRY(add_row(table, row, err));
    }
    return LEAT_OK;
}

/* A view's columns are those of its query; one that cannot be bound any more shows none. */
static enum leat_status add_view(struct table *table, int64_t id,
                                 const struct leat_relation *relation, struct leat_error *err)
{
    struct leat_plan_options options = {.catalog = &table->catalog->base};
    struct leat_plan_owner owner;
    struct leat_sql_query *query;
    struct leat_plan *plan;
    struct leat_error ignored;
    enum leat_status status = LEAT_OK;

    leat_plan_owner_init(&owner, NULL);
    options.source = (struct leat_expr_source){"", relation->view_sql, strlen(relation->view_sql)};
    if (leat_sql_parse_query("", relation->view_sql, options.source.length, relation->view_dialect,
                             &owner.arena, &query, &ignored) == LEAT_OK &&
        leat_plan_query(query, &options, &owner, &plan, &ignored) == LEAT_OK)
        status = add_columns(table, id, &plan->schema, err);
    leat_plan_owner_release(&owner);
    return status;
}

static enum leat_status make_columns(struct table *table, struct leat_error *err)
{
    struct named *names;
    enum leat_status status = LEAT_OK;
    size_t count;

    if (table->catalog->making) /* a view over this very table */
        return LEAT_OK;
    LEAT_TRY(list_named(table, &names, &count, err));
    table->catalog->making = true;
    for (size_t i = 0; i < count && status == LEAT_OK; i++) {
        struct leat_relation relation;
        struct leat_error ignored;
        if (find_named(table, &names[i], &relation, &ignored) != LEAT_OK)
            continue;
        if (relation.kind == LEAT_RELATION_VIEW) {
            status = add_view(table, names[i].id, &relation, err);
        } else {
            status = add_columns(table, names[i].id, &relation.source->schema, err);
            leat_source_close(relation.source);
        }
    }
    table->catalog->making = false;
    return status;
}

/* --- functions, the session --- */

static const struct leat_field function_fields[] = {{.name = "oid"},       {.name = "schema_oid"},
                                                    {.name = "name"},      {.name = "kind"},
                                                    {.name = "signature"}, {.name = "description"}};
static const char function_types[] = "iitttt";

static enum leat_status make_functions(struct table *table, struct leat_error *err)
{
    static const char *const kinds[] = {"f", "a", "w"};
    const struct leat_function *function;

    for (uint32_t i = 0; (function = leat_function_at(i)); i++) {
        struct leat_value row[] = {
            integer_value(id_of("function", function->name, function->signature)),
            integer_value(CATALOG_ID),
            text_value(function->name),
            text_value(kinds[function->kind]),
            text_value(function->signature),
            text_value(function->help)};
        if (strncmp(function->name, "spark_", 6) != 0 && function->help[0])
            LEAT_TRY(add_row(table, row, err));
    }
    return LEAT_OK;
}

static const struct leat_field session_fields[] = {{.name = "name"}, {.name = "value"}};
static const char session_types[] = "tt";

static enum leat_status make_session(struct table *table, struct leat_error *err)
{
    const struct leat_system_facts *facts = &table->catalog->facts;
    char pid[24], started[LEAT_PRINT_MAX];
    const char *values[][2] = {{"version", "PostgreSQL 15.0 (Leat " LEAT_VERSION ")"},
                               {"user", facts->user},
                               {"database", facts->database},
                               {"schema", facts->schema},
                               {"pid", pid},
                               {"started", started}};

    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    started[leat_print_timestamp(table->catalog->started, true, started)] = '\0';
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct leat_value row[] = {text_value(values[i][0]), text_value(values[i][1])};
        LEAT_TRY(add_row(table, row, err));
    }
    return LEAT_OK;
}

static const struct leat_field setting_fields[] = {
    {.name = "name"}, {.name = "setting"}, {.name = "description"}};
static const char setting_types[] = "ttt";

static enum leat_status make_settings(struct table *table, struct leat_error *err)
{
    const struct leat_system_facts *facts = &table->catalog->facts;
    const char *texts[3];

    for (size_t i = 0; facts->setting(facts->context, i, texts); i++) {
        struct leat_value row[] = {text_value(texts[0]), text_value(texts[1]),
                                   text_value(texts[2])};
        LEAT_TRY(add_row(table, row, err));
    }
    return LEAT_OK;
}

/* --- the catalog --- */

static const struct maker {
    const char *name;
    const struct leat_field *fields;
    const char *types; /* a letter a column: integer, text, boolean */
    enum leat_status (*make)(struct table *table, struct leat_error *err);
} makers[] = {
    {"leat_relations", relation_fields, relation_types, make_relations},
    {"leat_columns", column_fields, column_types, make_columns},
    {"leat_functions", function_fields, function_types, make_functions},
    {"leat_session", session_fields, session_types, make_session},
    {"leat_settings", setting_fields, setting_types, make_settings},
};

static enum leat_status make_rows(struct system_catalog *catalog, const struct maker *maker,
                                  struct leat_rows *rows, struct leat_error *err)
{
    struct leat_field fields[16];
    struct leat_schema schema = {(uint32_t)strlen(maker->types), fields};
    struct table table = {.catalog = catalog, .schema = &schema};
    enum leat_status status;

    for (uint32_t i = 0; i < schema.count; i++) {
        fields[i] = maker->fields[i];
        fields[i].type = leat_type_get(maker->types[i] == 'i'   ? LEAT_INT64
                                       : maker->types[i] == 't' ? LEAT_TEXT
                                                                : LEAT_BOOLEAN);
    }
    leat_arena_init(&table.arena, NULL);
    status = maker->make(&table, err);
    if (status == LEAT_OK)
        status = leat_rows_init(rows, &schema, NULL, err);
    if (status == LEAT_OK)
        status = put_rows(&table, rows, err);
    leat_arena_release(&table.arena);
    return status;
}

/* Made once a statement. */
static enum leat_status open_made(struct system_catalog *catalog, const struct maker *maker,
                                  struct leat_relation *out, struct leat_error *err)
{
    struct made *made = catalog->made;

    while (made && made->name != maker->name)
        made = made->next;
    if (!made || catalog->making) {
        enum leat_status status;
        made = leat_calloc(1, sizeof(*made));
        if (!made)
            return leat_error_memory(err);
        made->name = maker->name;
        status = make_rows(catalog, maker, &made->rows, err);
        made->next = catalog->made;
        catalog->made = made;
        LEAT_TRY(status);
    }
    out->kind = LEAT_RELATION_TABLE;
    out->name = maker->name;
    return leat_source_open_rows(&made->rows, maker->name, &out->source, err);
}

void leat_system_catalog_forget(struct leat_catalog *base)
{
    struct system_catalog *catalog = (struct system_catalog *)base;

    while (catalog->made) {
        struct made *made = catalog->made;
        catalog->made = made->next;
        leat_rows_release(&made->rows);
        leat_free(made);
    }
}

static bool is_schema(struct leat_text text, const char *schema)
{
    return leat_text_equal(text, leat_text_of(schema));
}

static enum leat_status find(struct leat_catalog *base, const struct leat_text *parts,
                             uint32_t count, struct leat_arena *arena, struct leat_relation *out,
                             struct leat_error *err)
{
    struct system_catalog *catalog = (struct system_catalog *)base;
    struct leat_text name = parts[count - 1];
    struct leat_text schema = count > 1 ? parts[count - 2] : leat_text_of("pg_catalog");
    bool system = is_schema(schema, "pg_catalog") || is_schema(schema, "information_schema");

    memset(out, 0, sizeof(*out));
    if (count == 1)
        system = name.length > 3 && memcmp(name.data, "pg_", 3) == 0;
    for (size_t i = 0; system && i < VIEWS; i++)
        if (is_schema(schema, views[i].schema) &&
            leat_text_equal(name, leat_text_of(views[i].name))) {
            out->kind = LEAT_RELATION_VIEW;
            out->name = views[i].name;
            out->view_sql = views[i].sql;
            return LEAT_OK;
        }
    for (size_t i = 0; system && count > 1 && i < sizeof(makers) / sizeof(makers[0]); i++)
        if (is_schema(schema, "pg_catalog") && leat_text_equal(name, leat_text_of(makers[i].name)))
            return open_made(catalog, &makers[i], out, err);
    if (count == 2 && is_schema(schema, catalog->facts.temporary))
        return catalog->behind->ops->find(catalog->behind, parts + 1, 1, arena, out, err);
    return catalog->behind->ops->find(catalog->behind, parts, count, arena, out, err);
}

static enum leat_status list(struct leat_catalog *base, struct leat_bytes_list *out,
                             struct leat_error *err)
{
    struct leat_catalog *behind = ((struct system_catalog *)base)->behind;

    return behind->ops->list(behind, out, err);
}

static const struct leat_catalog_ops ops = {.find = find, .list = list};

enum leat_status leat_system_catalog_new(struct leat_catalog *behind,
                                         const struct leat_system_facts *facts,
                                         struct leat_catalog **out, struct leat_error *err)
{
    struct system_catalog *catalog = leat_calloc(1, sizeof(*catalog));

    *out = NULL;
    if (!catalog)
        return leat_error_memory(err);
    catalog->base.ops = &ops;
    catalog->behind = behind;
    catalog->facts = *facts;
    catalog->started = leat_clock_now();
    *out = &catalog->base;
    return LEAT_OK;
}

void leat_system_catalog_free(struct leat_catalog *catalog)
{
    if (!catalog)
        return;
    leat_system_catalog_forget(catalog);
    leat_free(catalog);
}
