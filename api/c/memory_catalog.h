/*
 * Tables and views in memory, in front of another catalog (a lake's), if there is one.
 *
 * A store holds them: a session's own, or one that several sessions share. What stands in a store
 * never changes; changes make new versions. A catalog remembers the version of each relation that
 * its session has looked at, so that a statement, or a transaction, sees one state, and publishes
 * its own changes together (snapshot isolation: who changed a relation that another session changed
 * meanwhile has a conflict, 40001).
 */
#ifndef LEAT_API_C_MEMORY_CATALOG_H
#define LEAT_API_C_MEMORY_CATALOG_H

#include "compute/plan/catalog.h"

/* Thread-safe. Rows are charged to the accountant (or NULL), which must outlive it. */
struct leat_memory_store;
LEAT_CHECKED enum leat_status leat_memory_store_new(struct leat_accountant *accountant,
                                                    struct leat_memory_store **out,
                                                    struct leat_error *err);
void leat_memory_store_free(struct leat_memory_store *store);

/* `behind` (or NULL) is borrowed; names not found here are looked up there. New relations are made
 * in `shared` (or NULL), which is borrowed, temporary ones in the catalog's own store. */
LEAT_CHECKED enum leat_status leat_memory_catalog_new(struct leat_catalog *behind,
                                                      struct leat_memory_store *shared,
                                                      struct leat_catalog **out,
                                                      struct leat_error *err);
void leat_memory_catalog_free(struct leat_catalog *catalog);
/* What create_table and create_view make next is temporary. */
void leat_memory_catalog_temporary(struct leat_catalog *catalog, bool temporary);
/* Whether there is a table of that name here. */
bool leat_memory_catalog_has(struct leat_catalog *catalog, struct leat_text name);
/* Adds rows to a table, or puts them in the place of all it has; they are copied. */
LEAT_CHECKED enum leat_status leat_memory_catalog_write(struct leat_catalog *catalog,
                                                        struct leat_text name, bool replace,
                                                        const struct leat_rows *rows,
                                                        struct leat_error *err);
/* Publishes the changes, all or none. A conflict is LEAT_CONFLICT. */
LEAT_CHECKED enum leat_status leat_memory_catalog_commit(struct leat_catalog *catalog,
                                                         struct leat_error *err);
/* Ends a statement or transaction: forgets what was looked at, and changes that were not published.
 * Sources that were opened must be closed by then. */
void leat_memory_catalog_forget(struct leat_catalog *catalog);

#endif
