/*
 * Reading Parquet files: all encodings and codecs of the format, nested types and the older ways to
 * write lists.
 *
 * Three levels: leat_parquet_file (footer and schema), leat_parquet_rows_open (rows of some row
 * groups as a table's schema wants them, by field id or by name), and leat_parquet_format for
 * read_parquet(...), COPY TO.
 *
 * Types follow the logical type, else the physical one; unsigned integers widen (uint64 becomes
 * DECIMAL(20,0)), nanoseconds become microseconds (rounded down), INT96 is TIMESTAMP, FLOAT16 is
 * FLOAT, an INTERVAL of twelve bytes is INTERVAL, decimals beyond 38 digits and fixed bytes are
 * BYTES. Field ids stand in leat_field.id.
 */
#ifndef LEAT_FORMATS_PARQUET_READER_H
#define LEAT_FORMATS_PARQUET_READER_H

#include "columns/format.h"

struct leat_parquet_file;
/* Reads the footer. The input is borrowed and must outlive the file. A file is immutable: several
 * readers on several threads may share it. */
LEAT_CHECKED enum leat_status leat_parquet_file_open(struct leat_input *input,
                                                     struct leat_accountant *accountant,
                                                     struct leat_parquet_file **out,
                                                     struct leat_error *err);
void leat_parquet_file_close(struct leat_parquet_file *file); /* NULL is allowed */
const struct leat_schema *leat_parquet_file_schema(const struct leat_parquet_file *file);
uint64_t leat_parquet_file_rows(const struct leat_parquet_file *file);
uint32_t leat_parquet_file_row_groups(const struct leat_parquet_file *file);
uint64_t leat_parquet_file_row_group_rows(const struct leat_parquet_file *file, uint32_t group);
/* The footer's value of a key, or NULL. */
const char *leat_parquet_file_metadata(const struct leat_parquet_file *file, const char *key);
/* Bounds and null count of a column over the whole file, from the footer (null and UINT64_MAX where
 * unknown). Texts are borrowed from the file. */
void leat_parquet_file_statistics(const struct leat_parquet_file *file, uint32_t column,
                                  struct leat_column_statistics *out);

enum leat_parquet_match { LEAT_PARQUET_BY_ID, LEAT_PARQUET_BY_NAME };

struct leat_parquet_request {
    /* The columns wanted. Fields the file lacks are null, at every level; integers and floats are
     * widened, decimals of one scale too. NULL: the file's own schema. Must outlive the reader. */
    const struct leat_schema *wanted;
    enum leat_parquet_match match;
    /* NULL, or a value for each wanted column: where its type is not NULL, the column is that value
     * and not read (identity partitions, defaults of missing columns, the file's name). */
    const struct leat_value *constants;
    /* Use the constant only where the file lacks the column. NULL: constants always win. */
    const bool *constant_if_missing;
    /* The wanted column (INT64) to fill with each row's position in the file, or -1. */
    int32_t position_column;
    /* Hints: column is an index into `wanted`. Row groups, pages and batches without a matching row
     * are left out. */
    uint32_t predicate_count;
    const struct leat_predicate *predicates;
    uint32_t first_row_group;
    uint32_t row_group_count; /* UINT32_MAX: all from the first */
};
/* The context may be NULL. Batches have up to LEAT_BATCH_ROWS rows. Text columns with a dictionary
 * (and other columns with a small one) come as DICTIONARY vectors; within a row group all batches
 * share one dictionary object. */
LEAT_CHECKED enum leat_status leat_parquet_rows_open(const struct leat_parquet_file *file,
                                                     const struct leat_parquet_request *request,
                                                     const struct leat_read_context *context,
                                                     struct leat_reader **out,
                                                     struct leat_error *err);

extern const struct leat_format leat_parquet_format;

#endif
