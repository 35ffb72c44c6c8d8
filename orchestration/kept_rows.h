/*
 * Quarantine tables of a lake, seen through the ledger's marks: rows that were replayed are no
 * longer kept.
 */
#ifndef LEAT_ORCHESTRATION_KEPT_ROWS_H
#define LEAT_ORCHESTRATION_KEPT_ROWS_H

#include "orchestration/text_query.h"
#include "storage/lake/lake.h"

struct leat_kept_rows {
    struct leat_lake *lake; /* borrowed */
    struct leat_arena arena;
    struct leat_catalog *tables;
    struct leat_rows replayed; /* quarantine, row_id */
    struct leat_named_source source;
    struct leat_named_sources catalog; /* "replayed", and the lake's tables */
};
/* Reads the marks. Tables without schema are looked for in `schema`. */
LEAT_CHECKED enum leat_status leat_kept_rows_open(struct leat_lake *lake, const char *schema,
                                                  struct leat_kept_rows *out,
                                                  struct leat_error *err);
void leat_kept_rows_close(struct leat_kept_rows *kept);

/* The quarantine tables (schema.table_quarantine) of the lake, sorted; in the arena. */
LEAT_CHECKED enum leat_status leat_kept_rows_tables(struct leat_kept_rows *kept,
                                                    struct leat_lake_name **out, size_t *count,
                                                    struct leat_error *err);
/* Finds the quarantine table of a table's name (table, schema.table, or with _quarantine); L3104
 * with what there is. */
LEAT_CHECKED enum leat_status leat_kept_rows_find(struct leat_kept_rows *kept, const char *schema,
                                                  const char *table, struct leat_lake_name *out,
                                                  struct leat_error *err);
/* Appends "FROM table AS q WHERE <not replayed>". */
LEAT_CHECKED enum leat_status leat_kept_rows_put_from(const struct leat_lake_name *name,
                                                      struct leat_buffer *out,
                                                      struct leat_error *err);
/* Appends a text as an SQL string. */
LEAT_CHECKED enum leat_status leat_kept_rows_put_string(const char *text, struct leat_buffer *out,
                                                        struct leat_error *err);

#endif
