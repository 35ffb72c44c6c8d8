/*
 * A file format's descriptor: how its files become a source, and rows become a file. One `const`
 * object a format (leat_csv_format, leat_json_format, leat_parquet_format, leat_avro_format);
 * columns/formats are listed in one static array in compute/plan/formats.c, from which
 * `read_csv(...)`, `read_files(...)`, `COPY ... TO` and `FROM 'file'` work.
 */
#ifndef LEAT_COLUMNS_FORMAT_H
#define LEAT_COLUMNS_FORMAT_H

#include "base/file.h"
#include "columns/source.h"

struct leat_format {
    const char *name;                        /* "csv": also the name of the function read_csv */
    const char *const *extensions;           /* ".csv", ".csv.gz", ...; NULL-terminated */
    const struct leat_option *read_options;  /* ended by a NULL name */
    const struct leat_option *write_options; /* ended by a NULL name */
    /* True if the file's first bytes look like this format. */
    bool (*recognise)(const uint8_t *bytes, size_t length);
    /* Opens files as one source: detects dialect and schema from a sample. `files` is not empty and
     * is copied. Options are checked against read_options (unknown ones are errors with a
     * proposal). Common options are handled by every format: filename (adds column "filename"),
     * on_error ('quarantine' | 'fail' | 'null'), union_by_name. */
    enum leat_status (*open)(const struct leat_file_info *files, size_t file_count,
                             const struct leat_option_value *options, size_t option_count,
                             struct leat_source **out, struct leat_error *err);
    /* Opens the bytes of the source's put(). */
    enum leat_status (*read)(struct leat_cursor *cursor, struct leat_source **out,
                             struct leat_error *err);
    /* Rows kept aside as they stood in a file (struct leat_bad_row) are read again: put_raw appends
     * what has to stand before them in a file of its own, as in `original` (NULL: as in the first
     * file of `like`); the rows follow, each with a line end. open_raw opens such a file with the
     * columns and settings of `like`, a source of this format. NULL: no rows are kept aside. */
    enum leat_status (*put_raw)(const struct leat_source *like,
                                const struct leat_file_info *original, struct leat_buffer *out,
                                struct leat_error *err);
    enum leat_status (*open_raw)(struct leat_source *like, const struct leat_file_info *file,
                                 struct leat_source **out, struct leat_error *err);
    /* Starts a file. Takes the output, also on failure. The receipt of finish() is u64 rows, u64
     * bytes. NULL: read only. */
    enum leat_status (*create)(struct leat_output *output, const struct leat_schema *schema,
                               const struct leat_option_value *options, size_t option_count,
                               struct leat_writer **out, struct leat_error *err);
    /* A second writer of the same file, for another thread: whole pieces of the file (row groups)
     * come from one writer each. It is finished, which gives no receipt, or aborted before the
     * first one. Thread-safe. NULL: there is one writer only. */
    enum leat_status (*branch)(struct leat_writer *writer, struct leat_writer **out,
                               struct leat_error *err);
};

/* Checks names and types of options against a table; an unknown name is L1401 with the nearest
 * known one. */
LEAT_CHECKED enum leat_status leat_options_check(const char *object,
                                                 const struct leat_option *table,
                                                 const struct leat_option_value *options,
                                                 size_t count, struct leat_error *err);
/* The option's value, or NULL if it was not given. */
const struct leat_value *leat_option_find(const struct leat_option_value *options, size_t count,
                                          const char *name);
/* Nearest of the NULL-terminated names by edit distance, or NULL if none is near. Case-insensitive.
 */
const char *leat_nearest_name(struct leat_text name, const char *const *names);

#endif
