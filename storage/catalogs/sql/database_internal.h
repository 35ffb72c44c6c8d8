/* The two kinds of databases. */
#ifndef LEAT_STORAGE_CATALOGS_SQL_DATABASE_INTERNAL_H
#define LEAT_STORAGE_CATALOGS_SQL_DATABASE_INTERNAL_H

#include "storage/catalogs/sql/database.h"

struct leat_database_ops {
    enum leat_status (*run)(struct leat_database *database, const char *sql,
                            const char *const *parameters, unsigned count, leat_database_row row,
                            void *context, uint64_t *changed, struct leat_error *err);
    const char *begin;
    const char *has_table; /* a query with the table's name as its parameter */
    /* COMMIT, whatever that takes. */
    enum leat_status (*commit)(struct leat_database *database, struct leat_error *err);
    void (*rollback)(struct leat_database *database);
    enum leat_status (*lock)(struct leat_database *database, const char *name,
                             struct leat_error *err); /* or NULL */
    void (*close)(struct leat_database *database);
};
struct leat_database {
    const struct leat_database_ops *ops;
    char *name; /* as errors name it */
    bool in_transaction;
};

LEAT_CHECKED enum leat_status leat_sqlite_open(const char *path, bool create,
                                               struct leat_database **out, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_postgres_open(const char *name, struct leat_database **out,
                                                 struct leat_error *err);

#endif
