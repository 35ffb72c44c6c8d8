/* The parts of the JSON reader: syntax, types found in a sample, and columns being filled. */
#ifndef LEAT_FORMATS_JSON_INTERNAL_H
#define LEAT_FORMATS_JSON_INTERNAL_H

#include "formats/json/json.h"
#include "formats/text_stream.h"

#define JSON_PADDING       64u /* zero bytes behind any text that is parsed */
#define JSON_DEFAULT_DEPTH 128u
#define JSON_MAX_DEPTH     1024u

/* --- syntax --- */

enum json_failure {
    JSON_FINE,
    JSON_SYNTAX,
    JSON_TYPE, /* right syntax, but not of the column's type */
    JSON_MEMORY
};

/* Text that is being parsed. `end` is followed by JSON_PADDING zero bytes, or by more text which is
 * never taken; every function stops at `end`. */
struct json_text {
    const char *at;
    const char *end;
    unsigned depth; /* levels still allowed */
    enum json_failure failure;
    const char *reason;
    const char *failed_at;
    bool cut;                      /* the failure is that the text ended */
    const struct leat_text *nulls; /* strings that mean null */
    uint32_t null_count;
};

static inline bool json_is_null_word(const struct json_text *t, struct leat_text string)
{
    for (uint32_t i = 0; i < t->null_count; i++)
        if (leat_text_equal(string, t->nulls[i]))
            return true;
    return false;
}

static inline void json_skip_blanks(struct json_text *t)
{
    while (t->at < t->end && (uint8_t)*t->at <= ' ' &&
           (*t->at == ' ' || *t->at == '\n' || *t->at == '\r' || *t->at == '\t'))
        t->at++;
}
bool json_fail(struct json_text *t, enum json_failure failure, const char *at, const char *reason);
/* At an opening quote: *out is what stands between the quotes; *escaped: it holds escapes (all
 * valid). */
bool json_scan_string(struct json_text *t, struct leat_text *out, bool *escaped);
/* At a digit or minus: *out is the number's text; *integer: without point and exponent. */
bool json_scan_number(struct json_text *t, struct leat_text *out, bool *integer);
/* Takes `word` (true, false, null). */
bool json_scan_word(struct json_text *t, const char *word, size_t length);
/* Passes over any value, checking its syntax. */
bool json_skip_value(struct json_text *t);
/* Passes over blanks and the byte c. */
bool json_expect(struct json_text *t, char c, const char *reason);
/* Resolves escapes into `to` (at least text.length bytes); returns the length. */
size_t json_unescape(struct leat_text text, char *to);

/* --- types of a sample --- */

struct json_shape;
struct json_shape *json_shape_new(struct leat_arena *arena);
/* Adds the value at the text's position to the shape. */
bool json_shape_add(struct json_shape *shape, struct json_text *t, struct leat_arena *arena);
/* NULL when out of memory. */
const struct leat_type *json_shape_type(const struct json_shape *shape, struct leat_arena *arena);
/* True if every value seen was an object. */
bool json_shape_is_object(const struct json_shape *shape);
/* The object's fields as a schema. */
LEAT_CHECKED enum leat_status json_shape_schema(const struct json_shape *shape,
                                                struct leat_arena *arena, struct leat_schema *out,
                                                struct leat_error *err);

/* --- columns being filled --- */

struct json_column {
    const struct leat_type *type;
    struct leat_text name;
    bool wanted;             /* others are passed over */
    bool any_null;           /* of the batch; else all bits of the validity are set */
    enum leat_type_id usual; /* the type, where its usual forms have a way of their own; or NULL */
    uint64_t key[8];         /* `"name":`, if it needs no escapes and is no longer than that */
    uint32_t key_length;     /* 0: it is not */
    uint32_t capacity;
    uint32_t count; /* of list items so far; children of lists only */
    uint64_t stamp; /* of the object in which it was last set */
    uint64_t *validity;
    void *data;
    struct json_column *children;
    uint32_t child_count;
    uint32_t guess; /* children: which key is expected next */
};

struct json_builder {
    struct json_column *columns; /* of the schema, in its order */
    uint32_t count;
    uint32_t guess;
    uint64_t stamp;
    struct leat_accountant *accountant;
    struct leat_arena *scratch; /* unescaped strings of the batch */
    const char *date_format;
    const char *timestamp_format;
    bool lenient;              /* values of the wrong type become null */
    const char *failed_column; /* the top-level column in which parsing failed, or NULL */
};

LEAT_CHECKED enum leat_status json_builder_init(struct json_builder *builder,
                                                const struct leat_schema *schema,
                                                uint32_t column_count, struct leat_arena *arena,
                                                struct leat_accountant *accountant,
                                                struct leat_error *err);
/* Makes room for a batch's rows in the wanted columns. */
LEAT_CHECKED enum leat_status json_builder_reserve(struct json_builder *builder,
                                                   struct leat_error *err);
void json_builder_release(struct json_builder *builder);
/* Starts a batch. */
void json_builder_reset(struct json_builder *builder);
/* Parses a record (an object, or with `single` any value for the only column) into row `row`. */
bool json_builder_row(struct json_builder *builder, struct json_text *t, uint32_t row, bool single);
void json_builder_null_row(struct json_builder *builder, uint32_t row);
/* A view of the column's first `rows` rows; child vectors lie in the arena. */
LEAT_CHECKED enum leat_status json_column_vector(const struct json_column *column, uint32_t rows,
                                                 struct leat_arena *arena, struct leat_vector *out,
                                                 struct leat_error *err);

/* --- settings of a source --- */

enum json_layout { JSON_AUTO, JSON_LINES, JSON_RECORDS, JSON_ARRAY };
enum json_on_error { JSON_ERROR_DEFAULT, JSON_ERROR_FAIL, JSON_ERROR_QUARANTINE, JSON_ERROR_NULL };

struct json_settings {
    enum json_layout layout; /* never AUTO once open */
    bool single;             /* records are no objects: one column named "json" */
    enum leat_text_compression compression;
    enum leat_text_encoding encoding;
    enum json_on_error on_error;
    struct leat_text *nulls; /* strings that mean null */
    uint32_t null_count;
    const char *date_format;
    const char *timestamp_format;
    uint64_t depth;
    uint64_t max_row;
    uint64_t split_size;
};

/* A sliding piece of the file. */
struct json_window {
    struct leat_text_stream stream;
    struct leat_accountant *accountant;
    char *data;
    size_t capacity;
    size_t length;
    size_t at;       /* first byte not yet taken */
    uint64_t offset; /* of data[0] in the text */
    uint64_t line;   /* of data[0], counted from where reading began */
    size_t maximum;
    bool at_end;
};
LEAT_CHECKED enum leat_status json_window_open(struct json_window *window,
                                               const struct leat_source_file *file,
                                               const struct json_settings *settings, uint64_t start,
                                               const struct leat_read_context *context,
                                               struct leat_error *err);
void json_window_close(struct json_window *window);
/* Drops what was taken and reads more; grows if nothing was taken and it is full. */
LEAT_CHECKED enum leat_status json_window_more(struct json_window *window, struct leat_error *err);
uint64_t json_window_line(const struct json_window *window, size_t position);

LEAT_CHECKED enum leat_status
json_reader_open(const struct leat_schema *schema, const struct json_settings *settings,
                 const struct leat_source_files *files, const struct leat_scan *scan, uint32_t file,
                 uint64_t start, uint64_t end, const struct leat_read_context *context,
                 struct leat_reader **out, struct leat_error *err);
/* Finds the layout (if AUTO) and adds up to `rows` records of the file to the shape. */
LEAT_CHECKED enum leat_status json_sample(const struct leat_source_file *file,
                                          struct json_settings *settings, uint64_t rows,
                                          struct json_shape *shape, struct leat_arena *arena,
                                          struct leat_error *err);
LEAT_CHECKED enum leat_status json_create(struct leat_output *output,
                                          const struct leat_schema *schema,
                                          const struct leat_option_value *options,
                                          size_t option_count, struct leat_writer **out,
                                          struct leat_error *err);
extern const struct leat_option json_write_options[];

/* Shared with CSV: formats/csv/time_format.c */
bool leat_time_format_parse(const char *format, const char *text, size_t length, int64_t *out,
                            bool *has_zone);
bool leat_time_format_check(const char *format, char *directive);

#endif
