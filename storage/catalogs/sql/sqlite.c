/* The catalog database on SQLite. A rollback journal with synchronous=EXTRA makes a commit durable
 * together with the journal's removal; every client (Java's JdbcCatalog, PyIceberg) can use the
 * file at the same time. Each statement passes the file seam once, so that tests can fail it or
 * kill the process there. */
#include "base/fault.h"
#include "base/file.h"
#include "storage/catalogs/sql/database_internal.h"

#include <sqlite3.h>

enum { BUSY_MILLISECONDS = 10000 };

struct sqlite {
    struct leat_database base;
    sqlite3 *handle;
};

static enum leat_status database_error(struct sqlite *database, int code, struct leat_error *err)
{
    int number = LEAT_E_CATALOG;

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        number = LEAT_E_CATALOG_BUSY;
        break;
    case SQLITE_FULL:
        number = LEAT_E_DISK_FULL;
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        number = LEAT_E_PERMISSION;
        break;
    case SQLITE_NOMEM:
        return leat_error_memory(err);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        number = LEAT_E_CATALOG_CORRUPT;
        break;
    default:
        break;
    }
    return leat_error_set(err, number, "catalog %s: %s", database->base.name,
                          database->handle ? sqlite3_errmsg(database->handle)
                                           : sqlite3_errstr(code));
}

static enum leat_status run_rows(struct sqlite *database, sqlite3_stmt *statement,
                                 leat_database_row row, void *context, struct leat_error *err)
{
    const char *values[64];
    int code;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        int count = sqlite3_column_count(statement);
        if (!row || count > 64)
            continue;
        for (int i = 0; i < count; i++)
            values[i] = (const char *)sqlite3_column_text(statement, i);
        LEAT_TRY(row(context, (unsigned)count, values, err));
    }
    return code == SQLITE_DONE ? LEAT_OK : database_error(database, code, err);
}

static enum leat_status sqlite_run(struct leat_database *base, const char *sql,
                                   const char *const *parameters, unsigned count,
                                   leat_database_row row, void *context, uint64_t *changed,
                                   struct leat_error *err)
{
    struct sqlite *database = (struct sqlite *)base;
    sqlite3_stmt *statement = NULL;
    enum leat_status status = LEAT_OK;
    int failed = leat_fault_file_check(true);
    int code;

    if (failed)
        return leat_error_io(err, "use", base->name, failed);
    code = sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL);
    for (unsigned i = 0; code == SQLITE_OK && i < count; i++)
        code = parameters[i]
                   ? sqlite3_bind_text(statement, (int)i + 1, parameters[i], -1, SQLITE_TRANSIENT)
                   : sqlite3_bind_null(statement, (int)i + 1);
    if (code == SQLITE_OK)
        status = run_rows(database, statement, row, context, err);
    else
        status = database_error(database, code, err);
    if (changed)
        *changed = (uint64_t)sqlite3_changes64(database->handle);
    sqlite3_finalize(statement);
    return status;
}

static enum leat_status sqlite_commit(struct leat_database *base, struct leat_error *err)
{
    return sqlite_run(base, "COMMIT", NULL, 0, NULL, NULL, NULL, err);
}

static void sqlite_rollback(struct leat_database *base)
{
    sqlite3_exec(((struct sqlite *)base)->handle, "ROLLBACK", NULL, NULL, NULL);
}

static void sqlite_close(struct leat_database *base)
{
    sqlite3_close_v2(((struct sqlite *)base)->handle);
    leat_free(base->name);
    leat_free(base);
}

static const struct leat_database_ops sqlite_ops = {
    .run = sqlite_run,
    .begin = "BEGIN IMMEDIATE",
    .has_table = "SELECT 1 FROM sqlite_master WHERE name = ?1",
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .close = sqlite_close,
};

enum leat_status leat_sqlite_open(const char *path, bool create, struct leat_database **out,
                                  struct leat_error *err)
{
    struct sqlite *database = leat_calloc(1, sizeof(*database));
    int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    enum leat_status status;
    struct leat_file_info info;
    int code;

    *out = NULL;
    if (!database)
        return leat_error_memory(err);
    database->base.ops = &sqlite_ops;
    status = leat_file_stat(path, &info, err);
    if (status == LEAT_OK && info.kind == LEAT_FILE_NONE && !create)
        status = leat_error_set(err, LEAT_E_FILE_NOT_FOUND, "there is no catalog at %s", path);
    database->base.name = status == LEAT_OK ? leat_strdup(path) : NULL;
    if (status == LEAT_OK && !database->base.name)
        status = leat_error_memory(err);
    if (status == LEAT_OK) {
        code = sqlite3_open_v2(path, &database->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
        if (code != SQLITE_OK)
            status = database_error(database, code, err);
    }
    if (status == LEAT_OK) {
        sqlite3_extended_result_codes(database->handle, 1);
        sqlite3_busy_timeout(database->handle, BUSY_MILLISECONDS);
        status = sqlite_run(&database->base, "PRAGMA synchronous = EXTRA", NULL, 0, NULL, NULL,
                            NULL, err);
    }
    if (status != LEAT_OK) {
        sqlite_close(&database->base);
        return status;
    }
    *out = &database->base;
    return LEAT_OK;
}
