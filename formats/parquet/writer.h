/*
 * Writing Parquet files (format 2.9): data pages v1, dictionary encoding with fallback to plain,
 * statistics, column and offset index.
 *
 * Types: BOOLEAN; INT8..INT32 and DATE as INT32; INT64, TIME, TIMESTAMP, TIMESTAMPTZ (microseconds)
 * as INT64; FLOAT, DOUBLE; DECIMAL as INT32 up to 9 digits, INT64 up to 18, else
 * FIXED_LEN_BYTE_ARRAY; TEXT (String), JSON, BYTES as BYTE_ARRAY; UUID as FIXED_LEN_BYTE_ARRAY(16);
 * INTERVAL as text (Parquet's own has no negative parts); LIST, MAP, STRUCT in the three-level
 * form. A column of type NULL is written as an optional INT32 of type Null. Field ids and NOT NULL
 * go into the file's schema.
 */
#ifndef LEAT_FORMATS_PARQUET_WRITER_H
#define LEAT_FORMATS_PARQUET_WRITER_H

#include "columns/format.h"
#include "formats/compression/codec.h"

struct leat_parquet_metadata { /* a key/value pair of the footer */
    const char *key;
    const char *value;
};

struct leat_parquet_write_options {
    bool codec_given;           /* false: zstd */
    enum leat_codec_kind codec; /* NONE, SNAPPY, ZSTD, GZIP, LZ4 */
    int level;                  /* 0: the codec's default */
    uint64_t row_group_rows;    /* 0: 131,072 */
    uint64_t row_group_bytes;   /* 0: 128 MiB before compression */
    size_t page_bytes;          /* 0: 256 KiB before compression */
    const struct leat_parquet_metadata *metadata;
    size_t metadata_count;
    struct leat_accountant *accountant; /* or NULL */
};

/* What was written of one leaf column, in the order of the file's leaves. */
struct leat_parquet_column_result {
    const char *path; /* names joined by dots, as in the file: "a.list.element" */
    int32_t field_id; /* of the leaf (element, key, value or field), 0 if none */
    bool repeated;    /* inside a list or map: counts are of items */
    uint64_t bytes;   /* compressed, with page headers */
    uint64_t values;  /* including nulls and NaN */
    uint64_t nulls;   /* UINT64_MAX: unknown */
    uint64_t nans;    /* FLOAT and DOUBLE, else 0 */
    /* Bounds over all values that are neither null nor NaN; is_null if there are none. Texts are
     * cut after 16 characters (upper ones then raised; is_null if that cannot be done). */
    struct leat_value lower;
    struct leat_value upper;
};
struct leat_parquet_result {
    struct leat_arena arena; /* holds all below */
    uint64_t rows;
    uint64_t bytes; /* of the file */
    uint32_t column_count;
    struct leat_parquet_column_result *columns;
    uint32_t split_count; /* row groups */
    int64_t *splits;      /* where each row group starts */
};
void leat_parquet_result_release(struct leat_parquet_result *result);

struct leat_parquet_writer;
/* The schema is copied. On success the writer owns the output; on failure the caller still does.
 * `options` may be NULL. Not thread-safe. */
LEAT_CHECKED enum leat_status
leat_parquet_writer_open(struct leat_output *output, const struct leat_schema *schema,
                         const struct leat_parquet_write_options *options,
                         struct leat_parquet_writer **out, struct leat_error *err);
/* Rows in any vector form. A null in a required column is LEAT_E_PARQUET_NULL. After a failure only
 * abort is allowed. */
LEAT_CHECKED enum leat_status leat_parquet_writer_write(struct leat_parquet_writer *writer,
                                                        const struct leat_batch *batch,
                                                        struct leat_error *err);
/* A writer for another thread, which adds row groups to the same file. It ends with join, or with
 * abort, before the root finishes. Thread-safe. */
LEAT_CHECKED enum leat_status leat_parquet_writer_branch(struct leat_parquet_writer *root,
                                                         struct leat_parquet_writer **out,
                                                         struct leat_error *err);
/* Writes the branch's last row group, and frees it (also on failure). */
LEAT_CHECKED enum leat_status leat_parquet_writer_join(struct leat_parquet_writer *branch,
                                                       struct leat_error *err);
/* Bytes written and buffered so far: to start a new file at a target size. */
uint64_t leat_parquet_writer_size(const struct leat_parquet_writer *writer);
/* Writes what is left and the footer, finishes the output, frees the writer (also on failure: the
 * output is then aborted). `result` may be NULL, else it is released by the caller. */
LEAT_CHECKED enum leat_status leat_parquet_writer_finish(struct leat_parquet_writer *writer,
                                                         struct leat_parquet_result *result,
                                                         struct leat_error *err);
void leat_parquet_writer_abort(struct leat_parquet_writer *writer); /* NULL is allowed */

#endif
