/* The adapter between the planner's catalog interface and the lake. Every change is published on
 * its own, or, in a transaction, kept as metadata files that nothing points at until all tables'
 * pointers are swapped together. */
#include "orchestration/lake_catalog.h"

#include "base/system.h"
#include "orchestration/publish.h"

#include <stdio.h>

/* A table as a transaction sees it. */
struct staged {
    struct staged *next;
    const char *schema, *table;
    const char *base; /* its metadata when it was first looked at; NULL: there was none */
    const char *now;  /* NULL: there is none */
};
struct lake_catalog {
    struct leat_catalog base;
    struct leat_lake *lake;
    char schema[256];
    bool staging; /* a transaction is open; what follows is its */
    struct leat_arena arena;
    struct staged *staged;
    struct leat_bytes_list written; /* files to be removed if it is not committed */
};

static struct staged *find_staged(const struct lake_catalog *catalog, const char *schema,
                                  const char *table)
{
    struct staged *staged = catalog->staged;

    while (staged && (strcmp(staged->schema, schema) != 0 || strcmp(staged->table, table) != 0))
        staged = staged->next;
    return staged;
}

/* Remembers the table, with the metadata it has now (or NULL). */
static enum leat_status stage(struct lake_catalog *catalog, const struct leat_lake_name *name,
                              const char *location, struct staged **out, struct leat_error *err)
{
    struct staged *staged = LEAT_NEW(&catalog->arena, struct staged);

    *out = staged;
    if (!staged)
        return leat_error_memory(err);
    staged->schema = leat_arena_strdup(&catalog->arena, name->schema);
    staged->table = leat_arena_strdup(&catalog->arena, name->table);
    staged->base = location ? leat_arena_strdup(&catalog->arena, location) : NULL;
    staged->now = staged->base;
    if (!staged->schema || !staged->table || (location && !staged->base))
        return leat_error_memory(err);
    staged->next = catalog->staged;
    catalog->staged = staged;
    return LEAT_OK;
}

/* The table as the transaction sees it, or as it is. */
static enum leat_status load_named(struct lake_catalog *catalog, const struct leat_lake_name *name,
                                   struct leat_table *out, struct leat_error *err)
{
    struct staged *staged =
        catalog->staging ? find_staged(catalog, name->schema, name->table) : NULL;
    enum leat_status status;

    if (staged && staged->now)
        return leat_table_load(staged->now, out, err);
    if (staged)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "table %s.%s does not exist",
                              name->schema, name->table);
    LEAT_TRY(leat_lake_load(catalog->lake, name->schema, name->table, out, err));
    if (!catalog->staging)
        return LEAT_OK;
    status = stage(catalog, name, out->metadata_location, &staged, err);
    if (status != LEAT_OK)
        leat_table_release(out);
    return status;
}

/* Points at new metadata (NULL: none): in the transaction, or in the catalog. */
static enum leat_status point(struct lake_catalog *catalog, const struct leat_lake_change *change,
                              struct leat_error *err)
{
    struct leat_lake_name name = {change->schema, change->table};
    struct staged *staged;

    if (!catalog->staging)
        return leat_lake_commit(catalog->lake, change, 1, NULL, NULL, err);
    staged = find_staged(catalog, change->schema, change->table);
    if (!staged)
        LEAT_TRY(stage(catalog, &name, change->old_location, &staged, err));
    staged->now =
        change->new_location ? leat_arena_strdup(&catalog->arena, change->new_location) : NULL;
    return change->new_location && !staged->now ? leat_error_memory(err) : LEAT_OK;
}

/* Schema and table as written, with the catalog's schema where none is. */
static enum leat_status split_name(struct lake_catalog *catalog, const struct leat_text *parts,
                                   uint32_t count, struct leat_arena *arena,
                                   struct leat_lake_name *out, struct leat_error *err)
{
    if (count == 0 || count > 3)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "a table name with %u parts", count);
    out->table = leat_arena_copy(arena, parts[count - 1].data, parts[count - 1].length);
    out->schema = count > 1 ? leat_arena_copy(arena, parts[count - 2].data, parts[count - 2].length)
                            : leat_arena_strdup(arena, catalog->schema);
    return out->table && out->schema ? LEAT_OK : leat_error_memory(err);
}

/* The same, looking into all schemas if the catalog's own has no such table. */
static enum leat_status resolve(struct lake_catalog *catalog, const struct leat_text *parts,
                                uint32_t count, struct leat_arena *arena,
                                struct leat_lake_name *out, struct leat_error *err)
{
    struct leat_lake_names names;
    size_t matches = 0;

    LEAT_TRY(split_name(catalog, parts, count, arena, out, err));
    if (count > 1 || (catalog->staging && find_staged(catalog, out->schema, out->table)))
        return LEAT_OK;
    LEAT_TRY(leat_lake_list(catalog->lake, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        if (strcmp(names.items[i].table, out->table) != 0)
            continue;
        out->schema = leat_arena_strdup(arena, names.items[i].schema);
        matches++;
        if (strcmp(names.items[i].schema, catalog->schema) == 0) {
            matches = 1;
            break;
        }
    }
    leat_lake_names_release(&names);
    if (!out->schema)
        return leat_error_memory(err);
    if (matches > 1) {
        (void)leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "several schemas have a table %s",
                             out->table);
        leat_error_hint(err, "write SCHEMA.%s", out->table);
        return LEAT_NOT_FOUND;
    }
    return LEAT_OK;
}

/* Loads the table of a name; *name lies in the arena. */
static enum leat_status load(struct lake_catalog *catalog, const struct leat_text *parts,
                             uint32_t count, struct leat_arena *arena, struct leat_lake_name *name,
                             struct leat_table *out, struct leat_error *err)
{
    LEAT_TRY(resolve(catalog, parts, count, arena, name, err));
    return load_named(catalog, name, out, err);
}

static enum leat_status find(struct leat_catalog *base, const struct leat_text *parts,
                             uint32_t count, struct leat_arena *arena, struct leat_relation *out,
                             struct leat_error *err)
{
    struct leat_lake_name name;
    struct leat_table table;
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    LEAT_TRY(load((struct lake_catalog *)base, parts, count, arena, &name, &table, err));
    out->kind = LEAT_RELATION_TABLE;
    out->name = leat_arena_printf(arena, "%s.%s", name.schema, name.table);
    out->version = leat_arena_strdup(arena, table.metadata_location);
    status = out->name && out->version
                 ? leat_table_open_source(&table, out->name, &out->source, err)
                 : leat_error_memory(err);
    leat_table_release(&table);
    return status;
}

static enum leat_status list(struct leat_catalog *base, struct leat_bytes_list *out,
                             struct leat_error *err)
{
    struct lake_catalog *catalog = (struct lake_catalog *)base;
    struct leat_lake_names names;
    enum leat_status status = LEAT_OK;
    char text[520];

    LEAT_TRY(leat_lake_list(catalog->lake, &names, err));
    for (const struct staged *s = catalog->staged; s && status == LEAT_OK; s = s->next)
        if (s->now && !s->base) {
            int length = snprintf(text, sizeof(text), "%.255s.%.255s", s->schema, s->table);
            status = leat_bytes_list_append(out, text, (size_t)length, err);
        }
    for (size_t i = 0; i < names.count && status == LEAT_OK; i++) {
        const struct staged *s = find_staged(catalog, names.items[i].schema, names.items[i].table);
        if (s && (!s->now || !s->base)) /* dropped here, or made on both sides */
            continue;
        int length = snprintf(text, sizeof(text), "%.255s.%.255s", names.items[i].schema,
                              names.items[i].table);
        status = leat_bytes_list_append(out, text, (size_t)length, err);
    }
    leat_lake_names_release(&names);
    return status;
}

/* Points the catalog at a new table, in the place of the one at old_location if that is given. */
static enum leat_status commit_created(struct lake_catalog *catalog,
                                       const struct leat_lake_name *name, struct leat_table *table,
                                       const char *old_location, struct leat_error *err)
{
    struct leat_lake_change change = {name->schema, name->table, old_location, NULL};
    struct leat_bytes_list written;
    enum leat_status status;

    leat_bytes_list_init(&written);
    status = leat_table_write_metadata(table, &change.new_location, &written, err);
    if (status == LEAT_OK)
        status = point(catalog, &change, err);
    if (status == LEAT_CONFLICT)
        leat_lake_discard(&written);
    for (size_t i = 0; catalog->staging && status == LEAT_OK && i < written.count; i++)
        status = leat_bytes_list_append(&catalog->written, written.items[i].data,
                                        written.items[i].length, err);
    leat_bytes_list_release(&written);
    return status;
}

/* The pointer of an existing table that is to be replaced; NULL if there is none. */
static enum leat_status replaced_location(struct lake_catalog *catalog,
                                          const struct leat_lake_name *name, bool replace,
                                          struct leat_arena *arena, const char **out,
                                          struct leat_error *err)
{
    struct leat_table old;
    enum leat_status status = load_named(catalog, name, &old, err);

    *out = NULL;
    if (status == LEAT_NOT_FOUND) {
        leat_error_clear(err);
        return LEAT_OK;
    }
    LEAT_TRY(status);
    *out = leat_arena_strdup(arena, old.metadata_location);
    leat_table_release(&old);
    if (!*out)
        return leat_error_memory(err);
    if (replace)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_TABLE_EXISTS, "table %s.%s exists", name->schema, name->table);
    leat_error_hint(err, "CREATE OR REPLACE TABLE replaces it; IF NOT EXISTS keeps it");
    return LEAT_EXISTS;
}

static enum leat_status create_in(struct lake_catalog *catalog, const struct leat_text *parts,
                                  uint32_t count, const struct leat_schema *schema, bool replace,
                                  struct leat_arena *arena, struct leat_error *err)
{
    struct leat_lake_name name;
    struct leat_table table;
    const char *old_location, *location;
    enum leat_status status;

    LEAT_TRY(split_name(catalog, parts, count, arena, &name, err));
    LEAT_TRY(replaced_location(catalog, &name, replace, arena, &old_location, err));
    LEAT_TRY(leat_lake_location(catalog->lake, name.schema, name.table, arena, &location, err));
    LEAT_TRY(leat_table_create(location, schema, NULL, 0, NULL, 0, &table, err));
    status = commit_created(catalog, &name, &table, old_location, err);
    leat_table_release(&table);
    return status;
}

static enum leat_status create_table(struct leat_catalog *base, const struct leat_text *parts,
                                     uint32_t count, const struct leat_schema *schema, bool replace,
                                     struct leat_error *err)
{
    struct leat_arena arena;
    enum leat_status status;

    leat_arena_init(&arena, NULL);
    status = create_in((struct lake_catalog *)base, parts, count, schema, replace, &arena, err);
    leat_arena_release(&arena);
    return status;
}

static enum leat_status drop(struct leat_catalog *base, const struct leat_text *parts,
                             uint32_t count, enum leat_relation_kind kind, struct leat_error *err)
{
    struct lake_catalog *catalog = (struct lake_catalog *)base;
    struct leat_lake_name name;
    struct leat_table table;
    struct leat_arena arena;
    enum leat_status status;

    if (kind != LEAT_RELATION_TABLE)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "the lake holds no views");
    leat_arena_init(&arena, NULL);
    status = load(catalog, parts, count, &arena, &name, &table, err);
    if (status == LEAT_OK) {
        struct leat_lake_change change = {name.schema, name.table, table.metadata_location, NULL};
        status = point(catalog, &change, err);
        leat_table_release(&table);
    }
    leat_arena_release(&arena);
    return status;
}

static enum leat_status open_sink(struct leat_catalog *base, const struct leat_text *parts,
                                  uint32_t count, struct leat_sink **out, struct leat_error *err)
{
    struct leat_lake_name name;
    struct leat_table table;
    struct leat_arena arena;
    enum leat_status status;

    *out = NULL;
    leat_arena_init(&arena, NULL);
    status = load((struct lake_catalog *)base, parts, count, &arena, &name, &table, err);
    if (status == LEAT_OK) {
        status = leat_table_open_sink(&table, out, err);
        leat_table_release(&table);
    }
    leat_arena_release(&arena);
    return status;
}

/* The table's next state, in the transaction. What was written is removed if it is not committed.
 */
static enum leat_status stage_rows(struct lake_catalog *catalog, const struct leat_lake_name *name,
                                   struct leat_table *table, bool replace, const char *run_id,
                                   const struct leat_bytes_list *receipts, struct leat_arena *arena,
                                   struct leat_error *err)
{
    struct leat_lake_change change = {name->schema, name->table, table->metadata_location, NULL};
    const char *summary[] = {"leat.run-id", run_id}, *path;
    struct leat_data_files files = {0};

    for (size_t i = 0; i < receipts->count; i++)
        LEAT_TRY(leat_iceberg_receipt_read(receipts->items[i], arena, &files, err));
    for (size_t i = 0; i < files.count; i++) {
        LEAT_TRY(leat_lake_path(files.items[i].path, &path, err));
        LEAT_TRY(leat_bytes_list_append(&catalog->written, path, strlen(path), err));
    }
    LEAT_TRY(leat_table_add_snapshot(table, files.items, files.count, replace, summary, 1,
                                     &catalog->written, err));
    LEAT_TRY(leat_table_write_metadata(table, &change.new_location, &catalog->written, err));
    return point(catalog, &change, err);
}

static enum leat_status commit(struct leat_catalog *base, const struct leat_text *parts,
                               uint32_t count, const char *replaced,
                               const struct leat_bytes_list *receipts, struct leat_error *err)
{
    struct lake_catalog *catalog = (struct lake_catalog *)base;
    struct leat_publication item = {
        .replace = replaced != NULL, .strict = replaced != NULL, .receipts = receipts};
    struct leat_lake_name name;
    struct leat_table table;
    struct leat_arena arena;
    enum leat_status status;
    char run_id[37];

    leat_random_uuid(run_id);
    leat_arena_init(&arena, NULL);
    status = load(catalog, parts, count, &arena, &name, &table, err);
    if (status == LEAT_OK && replaced && strcmp(table.metadata_location, replaced) != 0) {
        status = leat_error_set(err, LEAT_E_TABLE_CHANGED, "%s.%s was changed by another client",
                                name.schema, name.table);
        leat_error_hint(err, "run the statement again");
        leat_table_release(&table);
    }
    if (status == LEAT_OK && catalog->staging) {
        status =
            stage_rows(catalog, &name, &table, replaced != NULL, run_id, receipts, &arena, err);
        leat_table_release(&table);
    } else if (status == LEAT_OK) {
        item.schema = name.schema;
        item.table = name.table;
        item.state = &table;
        status = leat_publish(catalog->lake, &item, 1, run_id, NULL, NULL, err);
        leat_table_release(&table);
    } else {
        leat_publish_discard(receipts);
    }
    leat_arena_release(&arena);
    return status;
}

static const struct leat_catalog_ops ops = {.find = find,
                                            .list = list,
                                            .create_table = create_table,
                                            .drop = drop,
                                            .open_sink = open_sink,
                                            .commit = commit};

enum leat_status leat_lake_catalog_new(struct leat_lake *lake, const char *schema,
                                       struct leat_catalog **out, struct leat_error *err)
{
    struct lake_catalog *catalog = leat_calloc(1, sizeof(*catalog));

    *out = NULL;
    if (!catalog)
        return leat_error_memory(err);
    catalog->base.ops = &ops;
    catalog->lake = lake;
    leat_arena_init(&catalog->arena, NULL);
    leat_bytes_list_init(&catalog->written);
    snprintf(catalog->schema, sizeof(catalog->schema), "%.255s", schema);
    *out = &catalog->base;
    return LEAT_OK;
}

/* --- transactions --- */

void leat_lake_catalog_begin(struct leat_catalog *base)
{
    ((struct lake_catalog *)base)->staging = true;
}

static void forget(struct lake_catalog *catalog)
{
    leat_bytes_list_release(&catalog->written);
    leat_bytes_list_init(&catalog->written);
    leat_arena_reset(&catalog->arena);
    catalog->staged = NULL;
    catalog->staging = false;
}

void leat_lake_catalog_rollback(struct leat_catalog *base)
{
    struct lake_catalog *catalog = (struct lake_catalog *)base;

    if (!catalog->staging)
        return;
    leat_lake_discard(&catalog->written);
    forget(catalog);
}

/* After an error whose outcome is unknown: whether the catalog points at what was made. */
static enum leat_status was_committed(struct lake_catalog *catalog,
                                      const struct leat_lake_change *change, bool *out,
                                      struct leat_error *err)
{
    struct leat_table table;
    enum leat_status status =
        leat_lake_load(catalog->lake, change->schema, change->table, &table, err);

    *out = status == LEAT_NOT_FOUND && !change->new_location;
    if (status == LEAT_NOT_FOUND)
        return LEAT_OK;
    LEAT_TRY(status);
    *out = change->new_location && strcmp(table.metadata_location, change->new_location) == 0;
    leat_table_release(&table);
    return LEAT_OK;
}

enum leat_status leat_lake_catalog_commit(struct leat_catalog *base, struct leat_error *err)
{
    struct lake_catalog *catalog = (struct lake_catalog *)base;
    struct leat_lake_change *changes;
    size_t count = 0, tables = 0;
    enum leat_status status = LEAT_OK;
    bool landed = false, known = true;
    struct leat_error second;

    for (const struct staged *s = catalog->staged; s; s = s->next)
        tables++;
    changes = LEAT_NEW_ARRAY(&catalog->arena, struct leat_lake_change, tables);
    if (!changes)
        status = leat_error_memory(err);
    for (const struct staged *s = catalog->staged; s && status == LEAT_OK; s = s->next)
        if (s->now != s->base)
            changes[count++] = (struct leat_lake_change){s->schema, s->table, s->base, s->now};
    if (status == LEAT_OK && count > 0)
        status = leat_lake_commit(catalog->lake, changes, count, NULL, NULL, err);
    if (status != LEAT_OK && status != LEAT_CONFLICT && count > 0)
        known = was_committed(catalog, &changes[0], &landed, &second) == LEAT_OK;
    if (landed)
        status = LEAT_OK;
    if (status != LEAT_OK && known) {
        leat_lake_catalog_rollback(base);
        return status;
    }
    forget(catalog); /* committed, or nobody knows: then nothing is removed */
    return known ? status
                 : leat_error_set(err, LEAT_E_OUTCOME,
                                  "whether the transaction was committed is "
                                  "not known: the catalog cannot be read");
}

void leat_lake_catalog_free(struct leat_catalog *base)
{
    struct lake_catalog *catalog = (struct lake_catalog *)base;

    if (!catalog)
        return;
    leat_lake_catalog_rollback(base);
    leat_bytes_list_release(&catalog->written);
    leat_arena_release(&catalog->arena);
    leat_free(catalog);
}
