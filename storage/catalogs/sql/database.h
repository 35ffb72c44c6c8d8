/*
 * A small SQL database as the lake's catalog and ledger: statements with text parameters, rows as
 * text, transactions. SQLite or PostgreSQL; statements keep to what both understand, and write
 * parameters as ?1, ?2, ...
 */
#ifndef LEAT_STORAGE_CATALOGS_SQL_DATABASE_H
#define LEAT_STORAGE_CATALOGS_SQL_DATABASE_H

#include "base/buffer.h"

struct leat_database;

/* Opens a database by its name:
 *
 *   PATH, sqlite:PATH       an SQLite file with WAL off (one file, readable by every client) and
 *                           full durability; waits up to 10 seconds for another client's
 *                           transaction. `create` false: a missing file is LEAT_NOT_FOUND.
 *   postgresql://[USER@]HOST[:PORT]/DATABASE[?options]
 *                           as libpq reads it. The password comes from PGPASSWORD or the file that
 *                           PGPASSFILE names (~/.pgpass); one in the name is refused.
 */
LEAT_CHECKED enum leat_status leat_database_open(const char *name, bool create,
                                                 struct leat_database **out,
                                                 struct leat_error *err);
void leat_database_close(struct leat_database *database); /* NULL is allowed; rolls back */
/* The file of an SQLite database's name, NULL for another one's. */
const char *leat_database_file(const char *name);

/* Runs one statement. Parameters may be NULL (SQL null). `row`, if given, is called for each result
 * row with its texts (NULL for null); a status other than LEAT_OK stops. *changed (or NULL) is the
 * number of rows changed. */
typedef enum leat_status (*leat_database_row)(void *context, unsigned count,
                                              const char *const *values, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_database_run(struct leat_database *database, const char *sql,
                                                const char *const *parameters, unsigned count,
                                                leat_database_row row, void *context,
                                                uint64_t *changed, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_database_has_table(struct leat_database *database,
                                                      const char *table, bool *out,
                                                      struct leat_error *err);
/* SQLite takes the write lock at once (BEGIN IMMEDIATE). */
LEAT_CHECKED enum leat_status leat_database_begin(struct leat_database *database,
                                                  struct leat_error *err);
/* LEAT_E_OUTCOME: it is not known whether the transaction was committed, and the database cannot be
 * asked. It then answers nothing any more. */
LEAT_CHECKED enum leat_status leat_database_commit(struct leat_database *database,
                                                   struct leat_error *err);
void leat_database_rollback(struct leat_database *database);
/* Takes the writer's lock on what `name` names, held until the database is closed or its connection
 * breaks, after which nothing can be written through it either. Held by someone else: LEAT_E_LOCKED
 * at once. For PostgreSQL only: an SQLite file is locked beside it. */
LEAT_CHECKED enum leat_status leat_database_lock(struct leat_database *database, const char *name,
                                                 struct leat_error *err);

#endif
