/* Tables and views in memory, in front of another catalog (a lake's), if there is one. */
#ifndef LEAT_API_C_MEMORY_CATALOG_H
#define LEAT_API_C_MEMORY_CATALOG_H

#include "compute/plan/catalog.h"

/* `behind` (or NULL) is borrowed; names not found here are looked up there. */
LEAT_CHECKED enum leat_status leat_memory_catalog_new(struct leat_catalog *behind,
                                                      struct leat_catalog **out,
                                                      struct leat_error *err);
void leat_memory_catalog_free(struct leat_catalog *catalog);
/* The rows of a table kept here, to be appended to; NULL if this catalog has no such table. */
struct leat_rows *leat_memory_catalog_rows(struct leat_catalog *catalog, struct leat_text name);

#endif
