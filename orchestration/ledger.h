/*
 * The ledger beside the catalog's tables: runs, the files each flow has read, and how far each flow
 * has read its tables. What a run adds is written in the transaction that publishes its tables.
 */
#ifndef LEAT_ORCHESTRATION_LEDGER_H
#define LEAT_ORCHESTRATION_LEDGER_H

#include "base/file.h"
#include "columns/source.h"
#include "storage/catalogs/sql/database.h"

LEAT_CHECKED enum leat_status leat_ledger_create(struct leat_database *database,
                                                 struct leat_error *err);

/* A file as it was read. */
struct leat_ledger_file {
    const char *path;
    uint64_t size;
    int64_t modified;
    char hash[17]; /* of its bytes */
};
struct leat_ledger_files {
    struct leat_arena arena;
    struct leat_ledger_file *items; /* sorted by path */
    size_t count;
};
/* The files that a flow of a pipeline has read. */
LEAT_CHECKED enum leat_status leat_ledger_files_read(struct leat_database *database,
                                                     const char *pipeline, const char *flow,
                                                     struct leat_ledger_files *out,
                                                     struct leat_error *err);
void leat_ledger_files_release(struct leat_ledger_files *files);
const struct leat_ledger_file *leat_ledger_files_find(const struct leat_ledger_files *files,
                                                      const char *path);
LEAT_CHECKED enum leat_status leat_ledger_file_add(struct leat_database *database,
                                                   const char *pipeline, const char *flow,
                                                   const char *run_id,
                                                   const struct leat_ledger_file *file,
                                                   struct leat_error *err);
/* Content hash of a file: 16 hexadecimal digits. */
LEAT_CHECKED enum leat_status leat_ledger_hash(const char *path, char out[17],
                                               struct leat_error *err);

/* How far a flow has read a table: its UUID and sequence number; "" and -1 if never. */
struct leat_ledger_position {
    char uuid[40];
    int64_t sequence_number;
};
LEAT_CHECKED enum leat_status leat_ledger_position_read(struct leat_database *database,
                                                        const char *pipeline, const char *flow,
                                                        const char *source,
                                                        struct leat_ledger_position *out,
                                                        struct leat_error *err);
LEAT_CHECKED enum leat_status
leat_ledger_position_write(struct leat_database *database, const char *pipeline, const char *flow,
                           const char *source, const char *run_id,
                           const struct leat_ledger_position *position, struct leat_error *err);

/* Forgets what a flow has read, for a full refresh. */
LEAT_CHECKED enum leat_status leat_ledger_forget(struct leat_database *database,
                                                 const char *pipeline, const char *flow,
                                                 struct leat_error *err);
/* The ids of rows of a quarantine table (schema.table) that were replayed, sorted. A lake without a
 * ledger has none. */
LEAT_CHECKED enum leat_status leat_ledger_replays_read(struct leat_database *database,
                                                       const char *quarantine,
                                                       struct leat_bytes_list *out,
                                                       struct leat_error *err);
/* Marks a row as replayed; a second time is an error, so that no transaction can do it. */
LEAT_CHECKED enum leat_status leat_ledger_replay_add(struct leat_database *database,
                                                     const char *quarantine, const char *row_id,
                                                     const char *run_id, struct leat_error *err);
/* A run's row: status "done". */
LEAT_CHECKED enum leat_status leat_ledger_run_add(struct leat_database *database,
                                                  const char *pipeline, const char *run_id,
                                                  int64_t started, struct leat_error *err);

#endif
