/*
 * A lake: a catalog database, a warehouse folder and a lock. The folder may be a URI of shared
 * storage (s3://bucket/prefix, hdfs://...); the catalog then lies elsewhere.
 *
 * The catalog's tables are those that Java's JdbcCatalog and PyIceberg share (iceberg_tables,
 * iceberg_namespace_properties). A commit of several tables, with rows of the ledger, is one
 * database transaction that compares and swaps every table's metadata pointer.
 */
#ifndef LEAT_STORAGE_LAKE_LAKE_H
#define LEAT_STORAGE_LAKE_LAKE_H

#include "base/file.h"
#include "storage/catalogs/sql/database.h"
#include "storage/lake/table.h"

struct leat_lake {
    struct leat_arena arena;
    const char *folder;       /* absolute, or a URI */
    const char *warehouse;    /* below it */
    const char *catalog;      /* as it was named; NULL: catalog.db in the folder */
    const char *catalog_name; /* "leat" unless configured */
    struct leat_database *database;
    struct leat_file_lock lock; /* held by a writer; PostgreSQL has its own */
};
struct leat_lake_options {
    const char *catalog;      /* as leat_database_open names it; NULL: catalog.db in the folder */
    const char *catalog_name; /* NULL: "leat" */
    bool create;              /* make the folder and catalog if they are missing */
    bool write;               /* take the lock; held by someone else is L3002 */
};
LEAT_CHECKED enum leat_status leat_lake_open(const char *folder,
                                             const struct leat_lake_options *options,
                                             struct leat_lake *out, struct leat_error *err);
void leat_lake_close(struct leat_lake *lake);

struct leat_lake_name {
    const char *schema; /* the namespace */
    const char *table;
};
struct leat_lake_names {
    struct leat_arena arena;
    struct leat_lake_name *items; /* sorted */
    size_t count;
};
LEAT_CHECKED enum leat_status leat_lake_list(struct leat_lake *lake, struct leat_lake_names *out,
                                             struct leat_error *err);
void leat_lake_names_release(struct leat_lake_names *names);

/* Loads a table. Not there: LEAT_NOT_FOUND. */
LEAT_CHECKED enum leat_status leat_lake_load(struct leat_lake *lake, const char *schema,
                                             const char *table, struct leat_table *out,
                                             struct leat_error *err);
/* Where a new table of that name lives: WAREHOUSE/SCHEMA/TABLE-UUID, so that a table dropped and
 * made again never meets its old files. In the arena. */
LEAT_CHECKED enum leat_status leat_lake_location(struct leat_lake *lake, const char *schema,
                                                 const char *table, struct leat_arena *arena,
                                                 const char **out, struct leat_error *err);

/* One table's part of a commit. */
struct leat_lake_change {
    const char *schema;
    const char *table;
    const char *old_location; /* metadata the change is based on; NULL: the table must not exist */
    const char *new_location; /* NULL: drop the table */
};
/* Swaps all pointers in one transaction; `extra` (may be NULL) writes the ledger's rows inside it.
 * A pointer that moved meanwhile is LEAT_CONFLICT (L3003), and nothing is changed. Namespaces are
 * made as needed. */
typedef enum leat_status (*leat_lake_extra)(void *context, struct leat_database *database,
                                            struct leat_error *err);
LEAT_CHECKED enum leat_status leat_lake_commit(struct leat_lake *lake,
                                               const struct leat_lake_change *changes, size_t count,
                                               leat_lake_extra extra, void *context,
                                               struct leat_error *err);

/* Removes files by name (those of a failed attempt). Missing ones are fine; failures are logged,
 * not fatal. */
void leat_lake_discard(const struct leat_bytes_list *paths);
/* Files under the warehouse that no table's metadata reaches: local paths, or URIs. */
LEAT_CHECKED enum leat_status leat_lake_orphans(struct leat_lake *lake, struct leat_bytes_list *out,
                                                struct leat_error *err);

#endif
