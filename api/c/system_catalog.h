/*
 * PostgreSQL's catalog (pg_catalog, information_schema) over a session's tables, in front of the
 * catalog that holds them. psql, drivers and tools ask it what there is.
 */
#ifndef LEAT_API_C_SYSTEM_CATALOG_H
#define LEAT_API_C_SYSTEM_CATALOG_H

#include "compute/plan/catalog.h"

/* What it tells of the session itself; all borrowed. */
struct leat_system_facts {
    const char *user, *database, *schema;
    const char *temporary; /* the schema of tables in memory */
    /* The i-th setting's name, value and description; false past the end. */
    bool (*setting)(void *context, size_t index, const char *out[3]);
    void *context;
};
LEAT_CHECKED enum leat_status leat_system_catalog_new(struct leat_catalog *behind,
                                                      const struct leat_system_facts *facts,
                                                      struct leat_catalog **out,
                                                      struct leat_error *err);
void leat_system_catalog_free(struct leat_catalog *catalog);
/* Frees the rows that the last statement looked at; its sources must be closed. */
void leat_system_catalog_forget(struct leat_catalog *catalog);

#endif
