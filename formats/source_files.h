/*
 * What sources over several files of a self-describing format (Parquet, Avro) share: the list of
 * files, the common options, and the union of their schemas.
 */
#ifndef LEAT_FORMATS_SOURCE_FILES_H
#define LEAT_FORMATS_SOURCE_FILES_H

#include "columns/format.h"

struct leat_source_file {
    const char *path;
    uint64_t size;
    int64_t modified;
};
struct leat_source_files {
    struct leat_source_file *items;
    uint32_t count;
    bool filename;      /* the last column is the file's name */
    bool origin;        /* two more behind it: leat_source.has_origin */
    bool union_by_name; /* columns of all files, not only the first one's */
};

/* Copies the files and reads the common options. */
LEAT_CHECKED enum leat_status
leat_source_files_init(struct leat_source_files *files, const struct leat_file_info *infos,
                       size_t count, const struct leat_option_value *options, size_t option_count,
                       struct leat_arena *arena, struct leat_error *err);
/* Merges the schema of file i (in turn from 0) into `schema`, which starts empty. The first file
 * decides; others may have more columns, but not less, unless union_by_name: then new columns are
 * added and types widened. */
LEAT_CHECKED enum leat_status
leat_source_files_merge(const struct leat_source_files *files, uint32_t i,
                        const struct leat_schema *file_schema, struct leat_arena *arena,
                        struct leat_schema *schema, struct leat_error *err);
/* Columns that are not in the files. */
static inline uint32_t leat_source_files_extra(const struct leat_source_files *files)
{
    return files->filename + 2u * files->origin;
}
/* Adds the columns that are not in the files, if wanted, when all schemas are merged. */
LEAT_CHECKED enum leat_status leat_source_files_complete(const struct leat_source_files *files,
                                                         struct leat_arena *arena,
                                                         struct leat_schema *schema,
                                                         struct leat_error *err);
LEAT_CHECKED enum leat_status leat_source_files_put(const struct leat_source_files *files,
                                                    struct leat_buffer *out,
                                                    struct leat_error *err);
LEAT_CHECKED enum leat_status leat_source_files_read(struct leat_cursor *cursor,
                                                     struct leat_arena *arena,
                                                     struct leat_source_files *out,
                                                     struct leat_error *err);
/* Opens the file and checks that it is the one that was planned (its size and time). */
LEAT_CHECKED enum leat_status leat_source_file_open(const struct leat_source_file *file,
                                                    struct leat_input **out,
                                                    struct leat_error *err);
/* Index of the column of exactly that name, or -1. */
int leat_source_files_find(const struct leat_schema *schema, const char *name);

#endif
