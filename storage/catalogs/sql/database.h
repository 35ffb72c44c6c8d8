/*
 * A small SQL database as the lake's catalog and ledger: statements with text parameters, rows as
 * text, transactions. SQLite now; the interface holds for PostgreSQL too (parameters are written
 * ?1, ?2, ... in the statements).
 */
#ifndef LEAT_STORAGE_CATALOGS_SQL_DATABASE_H
#define LEAT_STORAGE_CATALOGS_SQL_DATABASE_H

#include "base/buffer.h"

struct leat_database;

/* Opens or creates the SQLite database file with WAL off (one file, readable by every client) and
 * full durability. Waits up to 10 seconds for another client's transaction. `create` false: a
 * missing file is LEAT_NOT_FOUND. */
LEAT_CHECKED enum leat_status leat_database_open(const char *path, bool create,
                                                 struct leat_database **out,
                                                 struct leat_error *err);
void leat_database_close(struct leat_database *database); /* NULL is allowed; rolls back */

/* Runs one statement. Parameters may be NULL (SQL null). `row`, if given, is called for each result
 * row with its texts (NULL for null); a status other than LEAT_OK stops. *changed (or NULL) is the
 * number of rows changed. */
typedef enum leat_status (*leat_database_row)(void *context, unsigned count,
                                              const char *const *values, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_database_run(struct leat_database *database, const char *sql,
                                                const char *const *parameters, unsigned count,
                                                leat_database_row row, void *context,
                                                uint64_t *changed, struct leat_error *err);
/* Takes the write lock at once (BEGIN IMMEDIATE). */
LEAT_CHECKED enum leat_status leat_database_begin(struct leat_database *database,
                                                  struct leat_error *err);
LEAT_CHECKED enum leat_status leat_database_commit(struct leat_database *database,
                                                   struct leat_error *err);
void leat_database_rollback(struct leat_database *database);

#endif
