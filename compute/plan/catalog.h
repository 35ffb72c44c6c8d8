/*
 * What names mean: the interface between the binder and whatever holds tables (a session's memory,
 * a lake, a pipeline being checked). Implementations are layered by the session.
 */
#ifndef LEAT_COMPUTE_PLAN_CATALOG_H
#define LEAT_COMPUTE_PLAN_CATALOG_H

#include "compute/plan/plan.h"
#include "compute/sql/ast.h"

enum leat_relation_kind { LEAT_RELATION_TABLE, LEAT_RELATION_VIEW };
struct leat_relation {
    enum leat_relation_kind kind;
    const char *name;                   /* as shown */
    struct leat_source *source;         /* TABLE: newly opened, taken by the caller */
    const char *version;                /* TABLE: its state, for commit(); or NULL */
    const char *view_sql;               /* VIEW: the query's text */
    enum leat_sql_dialect view_dialect; /* VIEW: of that text */
    const char *view_file;              /* VIEW: where that text stands, for errors; or NULL */
    uint64_t view_offset;               /* VIEW: byte offset of view_sql in view_file */
};
struct leat_catalog;
struct leat_catalog_ops {
    /* Finds a relation by its name parts (schema, name). Not there: LEAT_NOT_FOUND. Strings lie in
     * the arena. */
    enum leat_status (*find)(struct leat_catalog *catalog, const struct leat_text *parts,
                             uint32_t count, struct leat_arena *arena, struct leat_relation *out,
                             struct leat_error *err);
    /* Names for proposals and SHOW TABLES, appended to a list of items. */
    enum leat_status (*list)(struct leat_catalog *catalog, struct leat_bytes_list *out,
                             struct leat_error *err);
    /* The following may be NULL: then the catalog is read only. Names as in find. */
    enum leat_status (*create_table)(struct leat_catalog *catalog, const struct leat_text *parts,
                                     uint32_t count, const struct leat_schema *schema, bool replace,
                                     struct leat_error *err);
    enum leat_status (*create_view)(struct leat_catalog *catalog, const struct leat_text *parts,
                                    uint32_t count, const char *sql, enum leat_sql_dialect dialect,
                                    bool replace, struct leat_error *err);
    enum leat_status (*drop)(struct leat_catalog *catalog, const struct leat_text *parts,
                             uint32_t count, enum leat_relation_kind kind, struct leat_error *err);
    /* A sink that appends to the table; committed by commit() with its receipts. */
    enum leat_status (*open_sink)(struct leat_catalog *catalog, const struct leat_text *parts,
                                  uint32_t count, struct leat_sink **out, struct leat_error *err);
    /* With `replaced` the rows take the place of those of that version: LEAT_CONFLICT (40001) if
     * the table has another one by now. NULL: they are added. */
    enum leat_status (*commit)(struct leat_catalog *catalog, const struct leat_text *parts,
                               uint32_t count, const char *replaced,
                               const struct leat_bytes_list *receipts, struct leat_error *err);
};
struct leat_catalog {
    const struct leat_catalog_ops *ops;
};

#endif
