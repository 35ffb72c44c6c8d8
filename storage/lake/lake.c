/* The lake: opening it, finding tables in its catalog, and the commit that swaps the pointers of
 * several tables in one database transaction. */
#include "storage/lake/lake_internal.h"

#include "base/system.h"
#include "storage/files/files.h"

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

/* The writer's lock: of the database where it has one, otherwise a file beside the catalog's. */
static enum leat_status take_lock(struct leat_lake *lake, const char *catalog,
                                  struct leat_error *err)
{
    const char *file = leat_database_file(catalog);
    enum leat_status status;
    char *path;

    if (file) {
        path = lake->catalog ? leat_arena_printf(&lake->arena, "%s.lock", file)
                             : leat_path_join(&lake->arena, lake->folder, ".lock");
        status = path ? leat_file_lock_take(path, &lake->lock, err) : leat_error_memory(err);
    } else {
        char *name = leat_arena_printf(&lake->arena, "%s\n%s", lake->catalog_name, lake->warehouse);
        status = name ? leat_database_lock(lake->database, name, err) : leat_error_memory(err);
    }
    if (status == LEAT_CONFLICT) {
        status = leat_error_set(err, LEAT_E_LAKE_LOCKED, "the lake %s is in use: %s", lake->folder,
                                err->message);
        leat_error_hint(err, "wait for the other run to end, or stop it; its lock goes with it");
    }
    return status;
}

static enum leat_status no_lake(const struct leat_lake *lake, struct leat_error *err)
{
    (void)leat_error_set(err, LEAT_E_FILE_NOT_FOUND, "there is no lake in %s", lake->folder);
    leat_error_hint(
        err, "check the path; `leat run` in a project makes a lake, and so does --create-lake");
    return LEAT_NOT_FOUND;
}

/* A first run that was stopped may have left the catalog's file without tables: no lake yet. */
static enum leat_status expect_tables(struct leat_lake *lake, struct leat_error *err)
{
    bool found;

    LEAT_TRY(leat_database_has_table(lake->database, "iceberg_tables", &found, err));
    return found ? LEAT_OK : no_lake(lake, err);
}

/* The catalog that is named, or the one in the folder. */
static enum leat_status find_catalog(struct leat_lake *lake,
                                     const struct leat_lake_options *options, const char **out,
                                     struct leat_error *err)
{
    lake->catalog = options->catalog ? leat_arena_strdup(&lake->arena, options->catalog) : NULL;
    *out = lake->catalog;
    if (*out && leat_database_file(*out) && leat_path_is_uri(leat_database_file(*out)))
        return leat_database_open(*out, false, &lake->database, err); /* says what is wrong */
    if (!*out && leat_path_is_uri(lake->folder)) {
        (void)leat_error_set(err, LEAT_E_CATALOG_NAME,
                             "the lake %s needs a catalog that is kept elsewhere", lake->folder);
        leat_error_hint(err, "--catalog sqlite:PATH or --catalog postgresql://USER@HOST/DATABASE");
        return LEAT_INVALID;
    }
    if (!*out)
        *out = leat_path_join(&lake->arena, lake->folder, "catalog.db");
    return *out ? LEAT_OK : leat_error_memory(err);
}

/* The lock is taken before anything is made or written: for an SQLite file before it is opened. */
static enum leat_status open_database(struct leat_lake *lake,
                                      const struct leat_lake_options *options, const char *catalog,
                                      struct leat_error *err)
{
    const char *file = leat_database_file(catalog);
    struct leat_file_info info;

    if (file) {
        LEAT_TRY(leat_file_stat(file, &info, err));
        if (info.kind == LEAT_FILE_NONE && !options->create)
            return no_lake(lake, err);
    }
    if (options->create) {
        LEAT_TRY(leat_folder_create(lake->warehouse, err));
        if (file && lake->catalog) {
            char *folder = leat_path_folder(&lake->arena, file);
            LEAT_TRY(folder ? leat_folder_create(folder, err) : leat_error_memory(err));
        }
    }
    if (options->write && file)
        LEAT_TRY(take_lock(lake, catalog, err));
    LEAT_TRY(leat_database_open(catalog, options->create, &lake->database, err));
    return options->write && !file ? take_lock(lake, catalog, err) : LEAT_OK;
}

static enum leat_status open_parts(struct leat_lake *lake, const struct leat_lake_options *options,
                                   struct leat_error *err)
{
    const char *catalog;

    lake->warehouse = leat_path_join(&lake->arena, lake->folder, "warehouse");
    lake->catalog_name =
        leat_arena_strdup(&lake->arena, options->catalog_name ? options->catalog_name : "leat");
    if (!lake->warehouse || !lake->catalog_name)
        return leat_error_memory(err);
    LEAT_TRY(find_catalog(lake, options, &catalog, err));
    LEAT_TRY(open_database(lake, options, catalog, err));
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
    status = out->folder ? leat_files_register(err) : leat_error_memory(err);
    if (status == LEAT_OK)
        status = open_parts(out, options, err);
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

static int compare_names(const void *a, const void *b)
{
    const struct leat_lake_name *x = a, *y = b;
    int order = strcmp(x->schema, y->schema);

    return order ? order : strcmp(x->table, y->table);
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
                               "iceberg_type = 'TABLE')",
                               &lake->catalog_name, 1, take_name, out, NULL, err);
    if (status != LEAT_OK)
        leat_lake_names_release(out);
    else if (out->count) /* databases order texts by locales */
        qsort(out->items, out->count, sizeof(out->items[0]), compare_names);
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
    const char **texts = leat_malloc((paths->count + 1) * sizeof(*texts));
    struct leat_error error;

    if (!texts) {
        leat_log(LEAT_LOG_WARN, "lake", "left behind: %zu files", paths->count);
        return;
    }
    for (size_t i = 0; i < paths->count; i++)
        texts[i] = paths->items[i].data;
    if (leat_file_remove_several(texts, paths->count, &error) != LEAT_OK)
        leat_log(LEAT_LOG_WARN, "lake", "left behind: %s", error.message);
    leat_free(texts);
}

/* s3a:// and s3n:// are what Hadoop's tools write for s3://. */
static const char *comparable(const char *path)
{
    return strncmp(path, "s3a://", 6) == 0 || strncmp(path, "s3n://", 6) == 0 ? path + 3
           : strncmp(path, "s3://", 5) == 0                                   ? path + 2
                                                                              : path;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(comparable(((const struct leat_text *)a)->data),
                  comparable(((const struct leat_text *)b)->data));
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
