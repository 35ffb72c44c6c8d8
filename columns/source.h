/*
 * The two interfaces that carry everything: sources give splits and read them as batches; sinks
 * take batches and give receipts, which one coordinator commits.
 *
 * Splits and receipts are opaque bytes, so it makes no difference whether a thread here or a task
 * on another machine handles them. A source is described by bytes too (leat_source_put), so that a
 * plan can travel.
 */
#ifndef LEAT_COLUMNS_SOURCE_H
#define LEAT_COLUMNS_SOURCE_H

#include "base/system.h"
#include "columns/value.h"

/* A condition on one column that a source may use to skip data. Conjunctions are lists. */
enum leat_predicate_op {
    LEAT_PREDICATE_EQ,
    LEAT_PREDICATE_NE,
    LEAT_PREDICATE_LT,
    LEAT_PREDICATE_LE,
    LEAT_PREDICATE_GT,
    LEAT_PREDICATE_GE,
    LEAT_PREDICATE_IN,
    LEAT_PREDICATE_IS_NULL,
    LEAT_PREDICATE_IS_NOT_NULL
};
struct leat_predicate {
    uint32_t column; /* index into the source's whole schema */
    enum leat_predicate_op op;
    uint32_t value_count;            /* 0 for null tests, 1, or n for IN */
    const struct leat_value *values; /* of the column's type, not null */
};

/* What the planner asks of a source. */
struct leat_scan {
    uint32_t column_count;
    const uint32_t *columns; /* indices into the source's schema, in the order wanted in batches;
                                may be empty (count) */
    uint32_t predicate_count;
    const struct leat_predicate
        *predicates; /* a hint: rows that fail may still be returned, unless `exact` */
    uint64_t limit;  /* a hint: rows wanted in all; UINT64_MAX for no limit */
};

struct leat_bytes_list { /* splits or receipts */
    struct leat_arena arena;
    struct leat_text *items;
    size_t count;
    size_t capacity;
};
void leat_bytes_list_init(struct leat_bytes_list *list);
void leat_bytes_list_release(struct leat_bytes_list *list);
/* Copies the bytes. */
LEAT_CHECKED enum leat_status leat_bytes_list_append(struct leat_bytes_list *list,
                                                     const void *bytes, size_t length,
                                                     struct leat_error *err);

/* A row that could not be read, for quarantine. Pointers are borrowed for the call. */
struct leat_bad_row {
    const char *file;
    uint64_t line;        /* 1-based; 0 if the format has no lines */
    uint64_t offset;      /* byte offset of the row in the (decompressed) file */
    struct leat_text raw; /* the row's bytes */
    const char *rule;     /* short: "field count", "type", "json syntax", "utf-8", or the name of an
                             expectation */
    const char *column;   /* or NULL */
    struct leat_error error; /* code and message */
};
/* Told of each bad row, from any thread. */
struct leat_bad_row_handler {
    enum leat_status (*handle)(struct leat_bad_row_handler *handler, const struct leat_bad_row *row,
                               struct leat_error *err);
};

/* Which rows are wanted, asked while a batch is being read, so that the values of other rows need
 * not be decoded. The steps name columns (indices into the scan's columns). For each step in turn
 * the reader fills its columns (of the rows still chosen; in the first step of all) and calls
 * narrow, which keeps some of the ascending row numbers in `selection`. A filter serves one reader
 * at a time.
 */
struct leat_row_filter {
    uint32_t step_count;
    const struct leat_row_filter_step {
        uint32_t column_count;
        const uint32_t *columns;
    } * steps;
    enum leat_status (*narrow)(struct leat_row_filter *filter, uint32_t step,
                               const struct leat_batch *batch, uint32_t *selection, uint32_t *count,
                               struct leat_error *err);
    bool applied; /* set by a reader that asks: its batches hold the wanted rows only */
};

/* Shared by all readers of a query, but for `filter`. All fields may be NULL. */
struct leat_read_context {
    struct leat_accountant *accountant;
    struct leat_cancel *cancel;
    struct leat_bad_row_handler *bad_rows; /* NULL: rows that cannot be read fail the query */
    _Atomic uint64_t *bytes_read;          /* progress */
    struct leat_row_filter *filter;        /* a reader may ignore it */
};

struct leat_reader;
struct leat_reader_ops {
    /* *out is NULL at the end. The batch is valid until the next call. Columns are in the order of
     * scan->columns. */
    enum leat_status (*next)(struct leat_reader *reader, struct leat_batch **out,
                             struct leat_error *err);
    void (*close)(struct leat_reader *reader);
};
struct leat_reader {
    const struct leat_reader_ops *ops;
};

struct leat_source;
struct leat_source_ops {
    const char
        *kind; /* "csv", "parquet", "iceberg", "memory": finds the opener of serialised sources */
    /* Appends one item for each piece that can be read on its own; `wanted` is a hint (threads or
     * tasks). */
    enum leat_status (*splits)(struct leat_source *source, const struct leat_scan *scan,
                               unsigned wanted, struct leat_bytes_list *out,
                               struct leat_error *err);
    /* Opens one split. The scan and split must outlive the reader. Thread-safe. */
    enum leat_status (*open)(struct leat_source *source, const struct leat_scan *scan,
                             struct leat_text split, const struct leat_read_context *context,
                             struct leat_reader **out, struct leat_error *err);
    /* Serialises the description (not the data), to be opened elsewhere by kind. */
    enum leat_status (*put)(struct leat_source *source, struct leat_buffer *out,
                            struct leat_error *err);
    void (*close)(struct leat_source *source);
};
struct leat_source {
    const struct leat_source_ops *ops;
    struct leat_schema schema;
    bool has_origin; /* the schema's last two columns say where rows come from: the file (text) and
                        the byte at which the row starts in its decompressed text (bigint, null if
                        unknown). Queries do not see them */
    uint64_t row_estimate;  /* UINT64_MAX if unknown */
    uint64_t byte_estimate; /* of stored data; UINT64_MAX if unknown */
    /* Statistics for the planner; NULL or per column. Values may be null (unknown). */
    const struct leat_column_statistics *statistics;
    const char *name; /* for EXPLAIN and errors */
};
struct leat_column_statistics {
    struct leat_value minimum;
    struct leat_value maximum;
    uint64_t null_count;     /* UINT64_MAX if unknown */
    uint64_t distinct_count; /* estimate; UINT64_MAX if unknown */
};
void leat_source_close(struct leat_source *source); /* NULL is allowed */
void leat_reader_close(struct leat_reader *reader); /* NULL is allowed */

/* How a source of some kind is opened from the bytes of its put(). Static table in
 * compute/plan/sources.c. */
struct leat_source_kind {
    const char *kind;
    enum leat_status (*read)(struct leat_cursor *cursor, struct leat_source **out,
                             struct leat_error *err);
};

/* An option of a format or connector: parses, documents and completes. */
struct leat_option {
    const char *name;
    enum leat_type_id type;   /* TEXT, BOOLEAN, INT64, LIST (of text), MAP (name -> text) */
    const char *default_text; /* as shown in help; NULL: none */
    const char *help;
};
struct leat_option_value { /* an option given by the user */
    const char *name;
    struct leat_value value; /* any type; the format checks it against its table */
};

/* Source over rows in memory, which are borrowed. Cannot be serialised unless small (it then
 * carries its rows). */
LEAT_CHECKED enum leat_status leat_source_open_rows(const struct leat_rows *rows, const char *name,
                                                    struct leat_source **out,
                                                    struct leat_error *err);

/* Opens what its put() wrote. */
LEAT_CHECKED enum leat_status
leat_source_read_rows(struct leat_cursor *cursor, struct leat_source **out, struct leat_error *err);

/* --- sinks --- */
struct leat_writer;
struct leat_writer_ops {
    enum leat_status (*write)(struct leat_writer *writer, const struct leat_batch *batch,
                              struct leat_error *err);
    /* Makes what was written durable, appends the receipt's bytes, and frees the writer. */
    enum leat_status (*finish)(struct leat_writer *writer, struct leat_buffer *receipt,
                               struct leat_error *err);
    /* Gives up, removes what was written by name, and frees the writer. */
    void (*abort)(struct leat_writer *writer);
};
struct leat_writer {
    const struct leat_writer_ops *ops;
};
/* Names outputs so that no two attempts share a file. */
struct leat_attempt {
    const char *run_id; /* UUID */
    uint32_t stage;
    uint32_t partition;
    uint32_t attempt;
    struct leat_bad_row_handler *bad_rows; /* takes rows that a sink turns away; or NULL */
};
struct leat_sink;
struct leat_sink_ops {
    const char *kind;
    enum leat_status (*open)(struct leat_sink *sink, const struct leat_attempt *attempt,
                             struct leat_writer **out, struct leat_error *err); /* thread-safe */
    enum leat_status (*put)(struct leat_sink *sink, struct leat_buffer *out,
                            struct leat_error *err);
    /* Removes the files of an attempt whose process is gone, or whose receipts will not be
     * committed: those that bear its names. May be NULL: nothing is ever left. */
    enum leat_status (*discard)(struct leat_sink *sink, const struct leat_attempt *attempt,
                                struct leat_error *err);
    void (*close)(struct leat_sink *sink);
};
struct leat_sink {
    const struct leat_sink_ops *ops;
    struct leat_schema schema; /* what batches must have */
};
void leat_sink_close(struct leat_sink *sink);
/* A sink that appends to rows in memory, which are borrowed and initialised. Its receipts are
 * empty.
 */
LEAT_CHECKED enum leat_status leat_sink_open_rows(struct leat_rows *rows, struct leat_sink **out,
                                                  struct leat_error *err);
void leat_writer_abort(struct leat_writer *writer); /* NULL is allowed */
struct leat_sink_kind {
    const char *kind;
    enum leat_status (*read)(struct leat_cursor *cursor, struct leat_sink **out,
                             struct leat_error *err);
};

#endif
