/*
 * The parts of the CSV reader: dialect, scanner (bytes to field ends), window (file to rows),
 * converter (fields to columns), and what a source knows.
 */
#ifndef LEAT_FORMATS_CSV_INTERNAL_H
#define LEAT_FORMATS_CSV_INTERNAL_H

#include "formats/csv/csv.h"
#include "formats/text_stream.h"

#define CSV_PADDING    64u /* readable bytes behind any window */
#define CSV_DELIMITER  8u  /* longest delimiter, in bytes */
#define CSV_MAX_FIELDS 65536u

struct csv_dialect {
    char delimiter[CSV_DELIMITER];
    uint8_t delimiter_length;
    char quote;   /* 0: none */
    char escape;  /* equal to quote: doubled; 0: none */
    char comment; /* 0: none */
};

/* --- scanner --- */

/* Where the scanner stands between two bytes. */
enum csv_state {
    CSV_ROW_START,
    CSV_FIELD_START,
    CSV_UNQUOTED, /* inside an unquoted field, or behind what follows a closing quote */
    CSV_QUOTED,
    CSV_CLOSED, /* behind a quote that closes, or is the first of two */
    CSV_ESCAPED,
    CSV_COMMENT
};

/* What a scan found. The end of a field is the position of the first byte of the delimiter or of
 * the line feed (or lone carriage return) behind it. */
struct csv_index {
    uint32_t *ends;
    size_t end_count;
    size_t end_capacity;
    uint32_t *row_totals;   /* ends up to and with that of the row's last field */
    uint32_t *row_newlines; /* position of the row's newline */
    size_t row_count;
    size_t row_capacity;
    bool rows_only; /* ends are counted but not stored */
    bool non_ascii; /* a byte above 0x7f was seen */
    uint64_t lines; /* line ends seen, also inside quotes */
};

/* Scans data[from, length), whose last bytes are followed by CSV_PADDING readable ones; positions
 * are relative to data. `last`: nothing follows. Returns where it stopped: length, or less if the
 * index is full or the last byte is a carriage return whose successor is not known. */
size_t csv_scan(const struct csv_dialect *dialect, const uint8_t *data, size_t from, size_t length,
                bool last, enum csv_state *state, struct csv_index *index);

/* --- window --- */

/* A sliding piece of a file that holds whole rows, with their index. */
struct csv_window {
    struct leat_text_stream *stream;
    const struct csv_dialect *dialect;
    struct leat_accountant *accountant;
    uint8_t *data;
    size_t capacity;
    size_t length;
    size_t next;       /* start of the first row not yet in the index's rows */
    uint64_t offset;   /* of data[0] in the text */
    uint64_t line;     /* of data[0], counted from 1 at `origin` */
    uint64_t origin;   /* where reading began; the lines before it are counted when asked for */
    size_t scanned;    /* the index's lines are those of data[0, scanned) */
    size_t maximum;    /* longest row allowed */
    uint64_t stop;     /* rows that start at or behind this offset belong to someone else */
    bool at_end;       /* the stream has nothing more */
    bool unterminated; /* the last row ends inside quotes */
    struct csv_index index;
    size_t row; /* first row of the index not yet taken */
};

LEAT_CHECKED enum leat_status csv_window_init(struct csv_window *window,
                                              struct leat_text_stream *stream,
                                              const struct csv_dialect *dialect, size_t maximum,
                                              bool rows_only, struct leat_accountant *accountant,
                                              struct leat_error *err);
void csv_window_release(struct csv_window *window);
/* Forgets the rows and finds the next ones; index.row_count is 0 only at the end. */
LEAT_CHECKED enum leat_status csv_window_fill(struct csv_window *window, struct leat_error *err);
/* Drops `count` lines from the start; call before the first fill. */
LEAT_CHECKED enum leat_status csv_window_skip_lines(struct csv_window *window, uint64_t count,
                                                    struct leat_error *err);
/* Start of a row of the index, in data. */
static inline uint32_t csv_window_row_start(const struct csv_window *window, size_t row)
{
    return row ? window->index.row_newlines[row - 1] + 1 : (uint32_t)window->next;
}
/* Line in the file of a position in data. For messages: may read what is before a split. */
uint64_t csv_window_line(struct csv_window *window, size_t position);

/* One row's fields as text, quotes removed; for headers and detection. */
struct csv_cell {
    struct leat_text text;
    bool quoted;
};
/* Reads row `row` of the window into cells[0..*count); text that held escapes lies in the arena. */
LEAT_CHECKED enum leat_status csv_window_cells(const struct csv_window *window, size_t row,
                                               struct leat_arena *arena, struct csv_cell *cells,
                                               uint32_t maximum, uint32_t *count,
                                               struct leat_error *err);
/* Removes quotes and escapes. False: the quotes are out of place, or (*memory) out of memory. */
bool csv_unquote(const struct csv_dialect *dialect, struct leat_text raw, struct leat_arena *arena,
                 struct leat_text *out, bool *memory);

/* --- settings of a source --- */

enum csv_on_error { CSV_ERROR_DEFAULT, CSV_ERROR_FAIL, CSV_ERROR_QUARANTINE, CSV_ERROR_NULL };

struct csv_settings {
    struct csv_dialect dialect;
    bool header;
    enum leat_text_compression compression;
    enum leat_text_encoding encoding;
    enum csv_on_error on_error;
    bool null_padding;
    bool own_nulls; /* nulls were given */
    struct leat_text *nulls;
    uint32_t null_count;
    const char *date_format; /* or NULL */
    const char *timestamp_format;
    uint64_t skip; /* lines before the header */
    uint64_t max_row;
    uint64_t split_size;   /* 0: chosen */
    uint32_t file_columns; /* fields of a row of the first file */
    bool drop_last;        /* rows end with a delimiter: the last field is no column */
    uint64_t row_bytes;    /* average of the sample */
};

/* What the user left open, and how much to look at. */
struct csv_detect {
    bool delimiter, quote, escape, header;
    bool all_text;
    uint64_t sample_rows;
};

/* Detects the dialect of a file from its first bytes; what was given stays. */
LEAT_CHECKED enum leat_status csv_detect_dialect(const struct leat_source_file *file,
                                                 const struct csv_detect *detect,
                                                 struct csv_settings *settings,
                                                 struct leat_error *err);
/* Names and types of one file's columns from its first rows. With decide_header, settings->header,
 * file_columns and drop_last are set too. An empty file has no fields. */
LEAT_CHECKED enum leat_status csv_infer_schema(const struct leat_source_file *file,
                                               const struct csv_detect *detect, bool decide_header,
                                               struct csv_settings *settings,
                                               struct leat_arena *arena, struct leat_schema *out,
                                               struct leat_error *err);
/* Opens the file and passes over `skip` lines. */
LEAT_CHECKED enum leat_status
csv_open_text(struct leat_text_stream *stream, struct csv_window *window,
              const struct leat_source_file *file, const struct csv_settings *settings,
              bool rows_only, const struct leat_read_context *context, struct leat_error *err);
bool csv_is_null_word(const struct csv_settings *settings, struct leat_text text, bool as_text);

/* --- fields to columns --- */

/* Rows of a window that become a batch. */
struct csv_rows {
    const uint8_t *data;
    const uint32_t *ends;
    uint32_t count;
    uint32_t *starts;     /* position of the row's first byte */
    uint32_t *firsts;     /* index of its first end */
    uint32_t *fields;     /* number of its fields */
    uint32_t *index_rows; /* which row of the window it is */
    bool ragged;          /* some row has less than `columns` fields */
    uint32_t columns;
    bool check_utf8;
    /* Failures: for each row the first file column that failed, or UINT32_MAX, and why. */
    uint32_t *bad_columns;
    uint16_t *bad_codes;
    uint32_t bad_count;
};

enum { CSV_FROM_OFFSET = -2 };
struct csv_column {
    const struct leat_type *type;
    int32_t from; /* field of the row; -1: constant; CSV_FROM_OFFSET: where the row starts */
    uint64_t *validity;
    void *data;
};

/* Converts one column of all rows into vector form. Rows whose value cannot be read are marked, or
 * made null with CSV_ERROR_NULL. */
LEAT_CHECKED enum leat_status csv_convert(const struct csv_settings *settings,
                                          struct csv_rows *rows, const struct csv_column *column,
                                          struct leat_arena *scratch, struct leat_vector *out,
                                          struct leat_error *err);

/* Dates and times by a strptime-like pattern: %Y %m %d %H %M %S %f %y %b %B %e %I %p %j %z %Z %T
 * %F %D %R %a %A %% and literal text. Pattern parts that are absent keep 1970-01-01 00:00:00. */
bool leat_time_format_parse(const char *format, const char *text, size_t length, int64_t *out,
                            bool *has_zone);
/* False, with the offending character, for unknown directives. */
bool leat_time_format_check(const char *format, char *directive);

LEAT_CHECKED enum leat_status
csv_reader_open(struct leat_source *source, const struct csv_settings *settings,
                const struct leat_source_files *files, const struct leat_scan *scan, uint32_t file,
                uint64_t start, uint64_t end, const struct leat_read_context *context,
                struct leat_reader **out, struct leat_error *err);
/* Cuts a plain file into ranges that start at records; appends a split each. */
LEAT_CHECKED enum leat_status csv_plan_splits(const struct csv_settings *settings,
                                              const struct leat_source_files *files, uint32_t file,
                                              unsigned wanted, struct leat_bytes_list *out,
                                              struct leat_error *err);
LEAT_CHECKED enum leat_status csv_create(struct leat_output *output,
                                         const struct leat_schema *schema,
                                         const struct leat_option_value *options,
                                         size_t option_count, struct leat_writer **out,
                                         struct leat_error *err);
extern const struct leat_option csv_read_options[];
extern const struct leat_option csv_write_options[];

/* --- rows kept aside --- */
/* Appends what stands in a file before its first row: lines passed over and the header. */
LEAT_CHECKED enum leat_status csv_put_preamble(const struct csv_settings *settings,
                                               const struct leat_source_file *file,
                                               struct leat_buffer *out, struct leat_error *err);

#endif
