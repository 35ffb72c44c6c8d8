/* What both kinds of databases have in common, and which of them a name means. */
#include "storage/catalogs/sql/database_internal.h"
#include "base/file.h"

static bool is_postgres(const char *name)
{
    return strncmp(name, "postgresql://", 13) == 0 || strncmp(name, "postgres://", 11) == 0;
}

const char *leat_database_file(const char *name)
{
    if (is_postgres(name))
        return NULL;
    return strncmp(name, "sqlite:", 7) == 0 ? name + 7 : name;
}

enum leat_status leat_database_open(const char *name, bool create, struct leat_database **out,
                                    struct leat_error *err)
{
    *out = NULL;
    if (is_postgres(name))
        return leat_postgres_open(name, out, err);
    name = leat_database_file(name);
    if (leat_path_is_uri(name)) {
        (void)leat_error_set(err, LEAT_E_CATALOG_NAME, "no catalog can be kept at %s", name);
        leat_error_hint(err, "sqlite:PATH on a local disk, or postgresql://USER@HOST/DATABASE");
        return LEAT_INVALID;
    }
    return leat_sqlite_open(name, create, out, err);
}

void leat_database_close(struct leat_database *database)
{
    if (!database)
        return;
    leat_database_rollback(database);
    database->ops->close(database);
}

enum leat_status leat_database_run(struct leat_database *database, const char *sql,
                                   const char *const *parameters, unsigned count,
                                   leat_database_row row, void *context, uint64_t *changed,
                                   struct leat_error *err)
{
    return database->ops->run(database, sql, parameters, count, row, context, changed, err);
}

static enum leat_status note_row(void *context, unsigned count, const char *const *values,
                                 struct leat_error *err)
{
    (void)count;
    (void)values;
    (void)err;
    *(bool *)context = true;
    return LEAT_OK;
}

enum leat_status leat_database_has_table(struct leat_database *database, const char *table,
                                         bool *out, struct leat_error *err)
{
    *out = false;
    return database->ops->run(database, database->ops->has_table, &table, 1, note_row, out, NULL,
                              err);
}

enum leat_status leat_database_begin(struct leat_database *database, struct leat_error *err)
{
    LEAT_TRY(leat_database_run(database, database->ops->begin, NULL, 0, NULL, NULL, NULL, err));
    database->in_transaction = true;
    return LEAT_OK;
}

enum leat_status leat_database_commit(struct leat_database *database, struct leat_error *err)
{
    LEAT_TRY(database->ops->commit(database, err));
    database->in_transaction = false;
    return LEAT_OK;
}

void leat_database_rollback(struct leat_database *database)
{
    if (database->in_transaction)
        database->ops->rollback(database);
    database->in_transaction = false;
}

enum leat_status leat_database_lock(struct leat_database *database, const char *name,
                                    struct leat_error *err)
{
    return database->ops->lock
               ? database->ops->lock(database, name, err)
               : leat_error_internal(err, "%s has no locks of its own", database->name);
}
