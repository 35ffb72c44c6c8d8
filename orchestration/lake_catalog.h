/*
 * A lake's tables as a catalog for the planner: names are found, tables made, dropped and appended
 * to.
 */
#ifndef LEAT_ORCHESTRATION_LAKE_CATALOG_H
#define LEAT_ORCHESTRATION_LAKE_CATALOG_H

#include "compute/plan/catalog.h"
#include "storage/lake/lake.h"

/* `lake` is borrowed. Tables named without schema are looked for in `schema`, then, if there is
 * only one of that name, in all schemas; new ones are made in `schema`. */
LEAT_CHECKED enum leat_status leat_lake_catalog_new(struct leat_lake *lake, const char *schema,
                                                    struct leat_catalog **out,
                                                    struct leat_error *err);
/* A transaction: from begin on tables are seen as they were when they were first looked at, with
 * the changes made since; commit publishes all changes in one transaction of the lake's catalog,
 * and is LEAT_CONFLICT (40001) if another client changed one of the tables meanwhile; rollback
 * removes what was written. */
void leat_lake_catalog_begin(struct leat_catalog *catalog);
LEAT_CHECKED enum leat_status leat_lake_catalog_commit(struct leat_catalog *catalog,
                                                       struct leat_error *err);
void leat_lake_catalog_rollback(struct leat_catalog *catalog);
void leat_lake_catalog_free(struct leat_catalog *catalog);

#endif
