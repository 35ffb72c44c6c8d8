/* The lake: opening it, finding tables in its catalog, and the commit that swaps the pointers of
 * several tables in one database transaction. */
#include "storage/lake/lake_internal.h"

#include "base/system.h"

#include <stdlib.h>

/* The tables of Java's JdbcCatalog (schema version V1) and PyIceberg. */
static const char *const catalog_tables[] = {
    "CREATE TABLE IF NOT EXISTS iceberg_tables ("
    "catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, "
    "table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), "
    "previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5), "
    "PRIMARY KEY (catalog_name, table_namespace, table_name))",
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties ("
    "catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, "
    "property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL, "
    "PRIMARY KEY (catalog_name, namespace, property_key))",
};

static enum leat_status take_lock(struct leat_lake *lake, struct leat_error *err)
{
    char *path = leat_path_join(&lake->arena, lake->folder, ".lock");
    enum leat_status status;

    if (!path)
        return leat_error_memory(err);
    status = leat_file_lock_take(path, &lake->lock, err);
    if (status == LEAT_CONFLICT) {
        status = leat_error_set(err, LEAT_E_LAKE_LOCKED, "the lake %s is in use: %s", lake->folder,
                                err->message);
        leat_error_hint(err, "wait for the other run to end, or stop it; its lock goes with it");
    }
    return status;
}

static enum leat_status count_row(void *context, unsigned count, const char *const *values,
                                  struct leat_error *err)
{
    (void)count;
    (void)values;
    (void)err;
    ++*(unsigned *)context;
    return LEAT_OK;
}

/* A first run that was stopped may have left the catalog's file without tables: no lake yet. */
static enum leat_status expect_tables(struct leat_lake *lake, struct leat_error *err)
{
    unsigned found = 0;

    LEAT_TRY(leat_database_run(lake->database,
                               "SELECT 1 FROM sqlite_master WHERE name = 'iceberg_tables'", NULL, 0,
                               count_row, &found, NULL, err));
    if (found > 0)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_FILE_NOT_FOUND, "there is no lake in %s yet", lake->folder);
    leat_error_hint(
        err, "check the path; `leat run` in a project makes a lake, and so does --create-lake");
    return LEAT_NOT_FOUND;
}

static enum leat_status open_parts(struct leat_lake *lake, const struct leat_lake_options *options,
                                   struct leat_error *err)
{
    struct leat_file_info info;
    char *catalog;

    catalog = leat_path_join(&lake->arena, lake->folder, "catalog.db");
    lake->warehouse = leat_path_join(&lake->arena, lake->folder, "warehouse");
    lake->catalog_name =
        leat_arena_strdup(&lake->arena, options->catalog_name ? options->catalog_name : "leat");
    if (!catalog || !lake->warehouse || !lake->catalog_name)
        return leat_error_memory(err);
    LEAT_TRY(leat_file_stat(catalog, &info, err));
    if (info.kind == LEAT_FILE_NONE && !options->create) {
        (void)leat_error_set(err, LEAT_E_FILE_NOT_FOUND, "there is no lake in %s", lake->folder);
        leat_error_hint(
            err, "check the path; `leat run` in a project makes a lake, and so does --create-lake");
        return LEAT_NOT_FOUND;
    }
    if (options->create)
        LEAT_TRY(leat_folder_create(lake->warehouse, err));
    if (options->write)
        LEAT_TRY(take_lock(lake, err));
    LEAT_TRY(leat_database_open(catalog, options->create, &lake->database, err));
    if (!options->create)
        return expect_tables(lake, err);
    for (size_t i = 0; i < 2; i++)
        LEAT_TRY(
            leat_database_run(lake->database, catalog_tables[i], NULL, 0, NULL, NULL, NULL, err));
    return LEAT_OK;
}

enum leat_status leat_lake_open(const char *folder, const struct leat_lake_options *options,
                                struct leat_lake *out, struct leat_error *err)
{
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    leat_arena_init(&out->arena, NULL);
    out->lock.descriptor = -1;
    out->folder = leat_path_absolute(&out->arena, folder);
    status = out->folder ? open_parts(out, options, err) : leat_error_memory(err);
    if (status != LEAT_OK)
        leat_lake_close(out);
    return status;
}

void leat_lake_close(struct leat_lake *lake)
{
    leat_database_close(lake->database);
    leat_file_lock_release(&lake->lock);
    leat_arena_release(&lake->arena);
    memset(lake, 0, sizeof(*lake));
    lake->lock.descriptor = -1;
}

static enum leat_status take_name(void *context, unsigned count, const char *const *values,
                                  struct leat_error *err)
{
    struct leat_lake_names *names = context;
    struct leat_lake_name *items = names->items;

    (void)count;
    if ((names->count & (names->count - 1)) == 0) {
        items =
            leat_arena_alloc(&names->arena, (names->count ? names->count * 2 : 1) * sizeof(*items));
        if (items && names->count)
            memcpy(items, names->items, names->count * sizeof(*items));
    }
    if (!items)
        return leat_error_memory(err);
    names->items = items;
    items[names->count].schema = leat_arena_strdup(&names->arena, values[0] ? values[0] : "");
    items[names->count].table = leat_arena_strdup(&names->arena, values[1] ? values[1] : "");
    if (!items[names->count].schema || !items[names->count].table)
        return leat_error_memory(err);
    names->count++;
    return LEAT_OK;
}

enum leat_status leat_lake_list(struct leat_lake *lake, struct leat_lake_names *out,
                                struct leat_error *err)
{
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    leat_arena_init(&out->arena, NULL);
    status = leat_database_run(lake->database,
                               "SELECT table_namespace, table_name FROM iceberg_tables "
                               "WHERE catalog_name = ?1 AND (iceberg_type IS NULL OR "
                               "iceberg_type = 'TABLE') ORDER BY 1, 2",
                               &lake->catalog_name, 1, take_name, out, NULL, err);
    if (status != LEAT_OK)
        leat_lake_names_release(out);
    return status;
}

void leat_lake_names_release(struct leat_lake_names *names)
{
    leat_arena_release(&names->arena);
    memset(names, 0, sizeof(*names));
}

struct found_text {
    struct leat_arena *arena;
    char *text;
};

static enum leat_status take_text(void *context, unsigned count, const char *const *values,
                                  struct leat_error *err)
{
    struct found_text *found = context;

    (void)count;
    found->text = leat_arena_strdup(found->arena, values[0] ? values[0] : "");
    return found->text ? LEAT_OK : leat_error_memory(err);
}

/* The pointer as it stands now; NULL if the table does not exist. */
static enum leat_status find_pointer(struct leat_lake *lake, const char *schema, const char *table,
                                     struct leat_arena *arena, char **out, struct leat_error *err)
{
    const char *parameters[] = {lake->catalog_name, schema, table};
    struct found_text found = {arena, NULL};

    LEAT_TRY(leat_database_run(lake->database,
                               "SELECT metadata_location FROM iceberg_tables WHERE catalog_name = "
                               "?1 AND table_namespace = ?2 AND table_name = ?3",
                               parameters, 3, take_text, &found, NULL, err));
    *out = found.text;
    return LEAT_OK;
}

enum leat_status leat_lake_load(struct leat_lake *lake, const char *schema, const char *table,
                                struct leat_table *out, struct leat_error *err)
{
    struct leat_arena arena;
    enum leat_status status;
    char *pointer = NULL;

    memset(out, 0, sizeof(*out));
    leat_arena_init(&arena, NULL);
    status = find_pointer(lake, schema, table, &arena, &pointer, err);
    if (status == LEAT_OK && !pointer)
        status = leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "the lake has no table %s.%s", schema,
                                table);
    if (status == LEAT_OK)
        status = leat_table_load(pointer, out, err);
    leat_arena_release(&arena);
    return status;
}

/* Characters that are safe in a folder's name on every storage. */
static void clean_name(char *name)
{
    for (; *name; name++)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
              (*name >= '0' && *name <= '9') || *name == '_' || *name == '-'))
            *name = '_';
}

enum leat_status leat_lake_location(struct leat_lake *lake, const char *schema, const char *table,
                                    struct leat_arena *arena, const char **out,
                                    struct leat_error *err)
{
    char *schema_part = leat_arena_strdup(arena, schema);
    char *table_part = leat_arena_strdup(arena, table);
    char uuid[37];

    if (!schema_part || !table_part)
        return leat_error_memory(err);
    clean_name(schema_part);
    clean_name(table_part);
    leat_random_uuid(uuid);
    uuid[8] = '\0';
    *out = leat_arena_printf(arena, "%s/%s/%s-%s", lake->warehouse, schema_part, table_part, uuid);
    return *out ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status swap_pointer(struct leat_lake *lake, const struct leat_lake_change *change,
                                     struct leat_error *err)
{
    const char *parameters[] = {lake->catalog_name, change->schema, change->table,
                                change->new_location, change->old_location};
    uint64_t changed = 0;

    if (!change->old_location)
        LEAT_TRY(leat_database_run(lake->database,
                                   "INSERT INTO iceberg_tables (catalog_name, table_namespace, "
                                   "table_name, metadata_location, previous_metadata_location, "
                                   "iceberg_type) VALUES (?1, ?2, ?3, ?4, NULL, 'TABLE') ON "
                                   "CONFLICT DO NOTHING",
                                   parameters, 4, NULL, NULL, &changed, err));
    else if (!change->new_location)
        LEAT_TRY(leat_database_run(lake->database,
                                   "DELETE FROM iceberg_tables WHERE catalog_name = ?1 AND "
                                   "table_namespace = ?2 AND table_name = ?3 AND "
                                   "metadata_location = ?5",
                                   parameters, 5, NULL, NULL, &changed, err));
    else
        LEAT_TRY(leat_database_run(lake->database,
                                   "UPDATE iceberg_tables SET metadata_location = ?4, "
                                   "previous_metadata_location = ?5 WHERE catalog_name = ?1 AND "
                                   "table_namespace = ?2 AND table_name = ?3 AND "
                                   "metadata_location = ?5",
                                   parameters, 5, NULL, NULL, &changed, err));
    if (changed == 1)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_TABLE_CHANGED, "table %s.%s was changed by another client",
                         change->schema, change->table);
    leat_error_hint(err, "nothing was published; run again");
    return LEAT_CONFLICT;
}

static enum leat_status swap_all(struct leat_lake *lake, const struct leat_lake_change *changes,
                                 size_t count, leat_lake_extra extra, void *context,
                                 struct leat_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *parameters[] = {lake->catalog_name, changes[i].schema};
        if (!changes[i].old_location)
            LEAT_TRY(leat_database_run(lake->database,
                                       "INSERT INTO iceberg_namespace_properties (catalog_name, "
                                       "namespace, property_key, property_value) VALUES (?1, ?2, "
                                       "'exists', 'true') ON CONFLICT DO NOTHING",
                                       parameters, 2, NULL, NULL, NULL, err));
        LEAT_TRY(swap_pointer(lake, &changes[i], err));
    }
    return extra ? extra(context, lake->database, err) : LEAT_OK;
}

enum leat_status leat_lake_commit(struct leat_lake *lake, const struct leat_lake_change *changes,
                                  size_t count, leat_lake_extra extra, void *context,
                                  struct leat_error *err)
{
    enum leat_status status;

    LEAT_TRY(leat_database_begin(lake->database, err));
    status = swap_all(lake, changes, count, extra, context, err);
    if (status != LEAT_OK) {
        leat_database_rollback(lake->database);
        return status;
    }
    status = leat_database_commit(lake->database, err);
    if (status != LEAT_OK)
        leat_database_rollback(lake->database);
    return status;
}

void leat_lake_discard(const struct leat_bytes_list *paths)
{
    struct leat_error error;

    for (size_t i = 0; i < paths->count; i++)
        if (leat_file_remove(paths->items[i].data, &error) != LEAT_OK)
            leat_log(LEAT_LOG_WARN, "lake", "left behind: %s", error.message);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(((const struct leat_text *)a)->data, ((const struct leat_text *)b)->data);
}

static enum leat_status reachable_files(struct leat_lake *lake, struct leat_bytes_list *out,
                                        struct leat_error *err)
{
    struct leat_lake_names names;
    enum leat_status status;

    LEAT_TRY(leat_lake_list(lake, &names, err));
    status = LEAT_OK;
    for (size_t i = 0; i < names.count && status == LEAT_OK; i++) {
        struct leat_table table;
        status = leat_lake_load(lake, names.items[i].schema, names.items[i].table, &table, err);
        if (status != LEAT_OK)
            break;
        status = leat_table_reachable(&table, out, err);
        leat_table_release(&table);
    }
    leat_lake_names_release(&names);
    return status;
}

enum leat_status leat_lake_orphans(struct leat_lake *lake, struct leat_bytes_list *out,
                                   struct leat_error *err)
{
    struct leat_bytes_list known;
    struct leat_file_list files;
    enum leat_status status;

    leat_bytes_list_init(&known);
    status = reachable_files(lake, &known, err);
    if (status != LEAT_OK) {
        leat_bytes_list_release(&known);
        return status;
    }
    if (known.count)
        qsort(known.items, known.count, sizeof(known.items[0]), compare_texts);
    status = leat_file_glob(lake->warehouse, &files, err);
    if (status == LEAT_OK) {
        for (size_t i = 0; i < files.count && status == LEAT_OK; i++) {
            struct leat_text path = leat_text_of(files.items[i].path);
            if (!known.count ||
                !bsearch(&path, known.items, known.count, sizeof(known.items[0]), compare_texts))
                status = leat_bytes_list_append(out, path.data, path.length, err);
        }
        leat_file_list_release(&files);
    }
    leat_bytes_list_release(&known);
    return status;
}
