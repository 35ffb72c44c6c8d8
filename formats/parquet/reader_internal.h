/* What the parts of the Parquet reader share. */
#ifndef LEAT_FORMATS_PARQUET_READER_INTERNAL_H
#define LEAT_FORMATS_PARQUET_READER_INTERNAL_H

#include "formats/parquet/hybrid.h"
#include "formats/parquet/metadata.h"
#include "formats/parquet/reader.h"

/* --- schema --- */

enum parquet_node_kind {
    PARQUET_NODE_LEAF,
    PARQUET_NODE_STRUCT,
    PARQUET_NODE_LIST,
    PARQUET_NODE_MAP
};

/* The file's schema as values are seen: the middle groups of lists and maps are gone. */
struct parquet_node {
    enum parquet_node_kind kind;
    const char *name;
    int32_t id; /* field id, 0 if none */
    bool optional;
    uint8_t outer_definition; /* slots below this level hold no value of this node at all: an
                                 enclosing list is empty or null */
    uint8_t definition;       /* from this level on the value is not null */
    uint8_t repetition;       /* lists around it */
    uint8_t item_definition;  /* LIST, MAP: from this level on there is an item */
    uint8_t max_definition;   /* LEAF */
    int32_t leaf;             /* LEAF: index of its chunk; else of the first leaf below */
    const struct parquet_element *element;
    const struct leat_type *type; /* natural type; NULL of kind LEAT_NULL for unknown */
    uint32_t child_count;         /* STRUCT n, LIST 1, MAP 2 */
    struct parquet_node *children;
};

struct leat_parquet_file {
    struct leat_input *input;
    struct leat_arena arena;
    struct leat_buffer footer;
    struct parquet_metadata metadata;
    uint32_t column_count;
    struct parquet_node *columns;
    uint32_t leaf_count;
    const struct parquet_node **leaves; /* by chunk index */
    struct leat_schema schema;
    int64_t *group_first_row;
};

/* The nodes of the metadata's elements; fills columns, leaves and schema. */
LEAT_CHECKED enum leat_status parquet_read_schema(struct leat_parquet_file *file,
                                                  struct leat_error *err);
LEAT_CHECKED enum leat_status parquet_corrupt(const struct leat_parquet_file *file,
                                              struct leat_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- values --- */

/* How a dense array of physical values (int32_t, int64_t, float, double, uint8_t booleans, struct
 * leat_string for byte arrays, fixed ones and INT96) becomes one of a type of ours. */
enum parquet_conversion {
    PARQUET_CONVERT_NONE,
    PARQUET_CONVERT_UTF8, /* as it is, after validation */
    PARQUET_CONVERT_I32_I8,
    PARQUET_CONVERT_I32_I16,
    PARQUET_CONVERT_I32_I64, /* times factor */
    PARQUET_CONVERT_U32_I64,
    PARQUET_CONVERT_I64_I64,  /* times factor, or divided by -factor (rounded down) */
    PARQUET_CONVERT_I32_I128, /* times factor */
    PARQUET_CONVERT_I64_I128,
    PARQUET_CONVERT_U64_I128,
    PARQUET_CONVERT_I32_DOUBLE,
    PARQUET_CONVERT_I64_DOUBLE,
    PARQUET_CONVERT_FLOAT_DOUBLE,
    PARQUET_CONVERT_HALF_FLOAT,
    PARQUET_CONVERT_HALF_DOUBLE,
    PARQUET_CONVERT_INT96,
    PARQUET_CONVERT_DECIMAL_I64, /* big-endian bytes, times factor */
    PARQUET_CONVERT_DECIMAL_I128,
    PARQUET_CONVERT_UUID,
    PARQUET_CONVERT_INTERVAL
};
struct parquet_converter {
    enum parquet_conversion kind;
    int64_t factor;
    size_t from_width; /* of the physical array */
    size_t to_width;
    const struct leat_type *type;
};
/* The natural type of a leaf. */
const struct leat_type *parquet_leaf_type(const struct parquet_element *element);
/* False if the leaf's values cannot become that type. */
bool parquet_converter_init(const struct parquet_element *element, const struct leat_type *type,
                            struct parquet_converter *out);
/* `in` and `out` may be the same array if widths are. False: a value does not fit. */
bool parquet_convert(const struct parquet_converter *converter, const void *in, void *out,
                     size_t count);

/* The delta encodings: a page's values at once. *used is what the values took of the bytes. */
bool parquet_delta_count(const uint8_t *bytes, size_t length, uint64_t *count);
/* Values into 4- or 8-byte integers; `out` has room for `count`, which is what the header says. */
bool parquet_delta_unpack(const uint8_t *bytes, size_t length, unsigned width, void *out,
                          size_t count, size_t *used);

/* --- column chunks --- */

struct parquet_page_buffer {
    struct parquet_page_buffer *next;
    uint8_t *data;
    size_t capacity;
};

enum parquet_value_form {
    PARQUET_VALUES_PLAIN,
    PARQUET_VALUES_CODES, /* into the dictionary */
    PARQUET_VALUES_RUNS,  /* booleans as runs */
    PARQUET_VALUES_ARRAY  /* physical values already decoded */
};

/* Reads one leaf of one row group at a time, forwards. */
struct parquet_leaf_reader {
    const struct leat_parquet_file *file;
    const struct parquet_node *node;
    struct parquet_converter converter;
    struct leat_accountant *accountant;
    _Atomic uint64_t *bytes_read;
    struct leat_codec codec_state;
    /* the chunk */
    const struct parquet_chunk *chunk;
    enum leat_codec_kind codec;
    uint8_t *bytes;
    size_t bytes_capacity;
    const uint8_t *at, *end;
    uint64_t chunk_offset;          /* in the file, of bytes[0] */
    int64_t slots_left;             /* of the chunk, in pages not yet begun */
    struct leat_vector *dictionary; /* converted values; NULL: none yet */
    struct parquet_page_buffer *dictionary_buffers;
    bool codes_wanted; /* by whoever opened the reader: for conditions */
    bool give_codes;   /* columns with this dictionary are given as DICTIONARY */
    /* the page */
    struct parquet_page_buffer *page;    /* buffers of the present page */
    struct parquet_page_buffer *retired; /* of pages still referred to by the present batch */
    struct parquet_page_buffer *spare;
    uint64_t page_slots; /* left */
    bool ascii;          /* so is all of the page: texts need no validation */
    enum parquet_value_form form;
    struct parquet_hybrid definition, codes;
    const uint8_t *value_at, *value_end; /* PLAIN */
    uint64_t bit;                        /* PLAIN booleans: the next one */
    const void *array;                   /* ARRAY */
    size_t array_at, array_count;
    const uint8_t *page_definition, *page_repetition; /* nested: levels of the whole page */
    size_t level_at;
    /* a batch of output, and scratch for physical values */
    void *out_data;
    uint32_t *out_codes;
    uint64_t *out_validity;
    void *scratch;
};

LEAT_CHECKED enum leat_status
parquet_leaf_reader_init(struct parquet_leaf_reader *reader, const struct leat_parquet_file *file,
                         const struct parquet_node *node, const struct leat_type *type,
                         const struct leat_read_context *context, struct leat_error *err);
void parquet_leaf_reader_release(struct parquet_leaf_reader *reader);
/* Where a chunk's bytes lie; false if that is outside of the file. */
bool parquet_chunk_bytes(const struct leat_parquet_file *file, const struct parquet_chunk *chunk,
                         struct leat_range *out);
/* Reads the chunk of a row group and stands before its first row. */
LEAT_CHECKED enum leat_status parquet_leaf_reader_start(struct parquet_leaf_reader *reader,
                                                        uint32_t group, struct leat_error *err);
/* The batch read before is no longer used. */
void parquet_leaf_reader_recycle(struct parquet_leaf_reader *reader);
/* The next rows (at most LEAT_BATCH_ROWS) of a top-level leaf that does not repeat. The vector is
 * valid until recycle. */
LEAT_CHECKED enum leat_status parquet_leaf_read_rows(struct parquet_leaf_reader *reader,
                                                     uint32_t rows, struct leat_vector *out,
                                                     struct leat_error *err);
/* The same where only the rows `selection[0..selected)` (ascending) are wanted: the values of
 * others are undefined. */
LEAT_CHECKED enum leat_status parquet_leaf_read_selected(struct parquet_leaf_reader *reader,
                                                         uint32_t rows, const uint32_t *selection,
                                                         uint32_t selected, struct leat_vector *out,
                                                         struct leat_error *err);
LEAT_CHECKED enum leat_status parquet_leaf_skip_rows(struct parquet_leaf_reader *reader,
                                                     uint64_t rows, struct leat_error *err);

/* The next `rows` rows of any leaf: levels of all slots and the values that are there, densely. The
 * arrays belong to the levels object and grow as needed. */
struct parquet_levels {
    uint8_t *definition;
    uint8_t *repetition;
    size_t count, capacity;
    uint8_t *values; /* dense, converted */
    size_t value_count, value_capacity;
};
LEAT_CHECKED enum leat_status parquet_leaf_read_slots(struct parquet_leaf_reader *reader,
                                                      uint32_t rows, struct parquet_levels *out,
                                                      struct leat_error *err);
void parquet_levels_release(struct parquet_levels *levels);

/* Inside the leaf reader. */

/* A buffer of the present page; freed or reused when the batch that saw the page is gone. */
LEAT_CHECKED enum leat_status parquet_page_alloc(struct parquet_leaf_reader *reader, size_t size,
                                                 uint8_t **out, struct leat_error *err);
/* Stands at the next data page with slots; with `skip` (or NULL), pages of a flat leaf that lie
 * wholly within *skip rows are passed over unread, and *skip is lowered. */
LEAT_CHECKED enum leat_status parquet_next_page(struct parquet_leaf_reader *reader, uint64_t *skip,
                                                struct leat_error *err);
/* Sets up the values of a page: `bytes` are those behind the levels. */
LEAT_CHECKED enum leat_status parquet_page_values(struct parquet_leaf_reader *reader,
                                                  int64_t encoding, const uint8_t *bytes,
                                                  size_t length, uint64_t slots,
                                                  struct leat_error *err);
/* The next `count` values, converted, densely. At most LEAT_BATCH_ROWS at once. */
LEAT_CHECKED enum leat_status parquet_read_values(struct parquet_leaf_reader *reader,
                                                  uint32_t count, void *out,
                                                  struct leat_error *err);
LEAT_CHECKED enum leat_status parquet_skip_values(struct parquet_leaf_reader *reader,
                                                  uint64_t count, struct leat_error *err);
/* `count` codes, checked against the dictionary. */
LEAT_CHECKED enum leat_status parquet_read_codes(struct parquet_leaf_reader *reader, uint32_t count,
                                                 uint32_t *out, struct leat_error *err);
/* Whether the present page gives single values without decoding those between. */
bool parquet_picks_values(const struct parquet_leaf_reader *reader);
/* Of the next `rows` values those at `selection[i] - base`: codes, densely; or values, each at its
 * place out[selection[i]]. Only if parquet_picks_values. */
LEAT_CHECKED enum leat_status parquet_pick_codes(struct parquet_leaf_reader *reader, uint32_t rows,
                                                 const uint32_t *selection, uint32_t count,
                                                 uint32_t base, uint32_t *out,
                                                 struct leat_error *err);
LEAT_CHECKED enum leat_status parquet_pick_values(struct parquet_leaf_reader *reader, uint32_t rows,
                                                  const uint32_t *selection, uint32_t count,
                                                  uint32_t base, void *out, struct leat_error *err);
/* `count` plain physical values; false if the bytes end before. */
bool parquet_plain_values(struct parquet_leaf_reader *reader, size_t count, void *out);
LEAT_CHECKED enum leat_status parquet_leaf_corrupt(const struct parquet_leaf_reader *reader,
                                                   struct leat_error *err, const char *what);
bool parquet_is_ascii(const uint8_t *bytes, size_t length);

/* --- nested columns --- */

struct parquet_binding { /* a wanted column or field, and what the file has of it */
    const struct leat_type *type;
    const struct parquet_node *node;    /* NULL: missing, all null */
    struct parquet_leaf_reader *reader; /* LEAF, or the leaf whose levels stand for a node without
                                           any wanted leaf; else NULL */
    struct parquet_levels levels;       /* of the reader */
    const struct parquet_levels *shape; /* levels of some leaf below: they tell the node's own */
    uint32_t child_count;
    struct parquet_binding *children;
};
/* Reads `rows` rows of a nested column. The vector lies in the arena. */
LEAT_CHECKED enum leat_status parquet_assemble(struct parquet_binding *binding, uint32_t rows,
                                               struct leat_arena *arena, struct leat_vector *out,
                                               struct leat_error *err);

/* --- statistics --- */

/* Bounds of a leaf in a row group, as values of `type`; is_null where unknown. */
void parquet_chunk_bounds(const struct leat_parquet_file *file, const struct parquet_node *node,
                          const struct parquet_chunk *chunk, const struct leat_type *type,
                          struct leat_value *minimum, struct leat_value *maximum);
/* A bound as stored (plain value) as a value; false if its length is wrong. */
bool parquet_bound_value(const struct parquet_node *node, const struct leat_type *type,
                         struct leat_text bytes, struct leat_value *out);
/* False if no row with these bounds can satisfy the predicate. null_count UNSET: unknown. */
bool parquet_may_match(const struct leat_predicate *predicate, const struct leat_value *minimum,
                       const struct leat_value *maximum, int64_t null_count, int64_t rows);
/* Rows [first, last) of a row group. */
struct parquet_range {
    uint64_t first, last;
};
/* Keeps of the ranges what the page index says can match; they lie in the arena. */
LEAT_CHECKED enum leat_status
parquet_prune_pages(const struct leat_parquet_file *file, const struct parquet_node *node,
                    const struct leat_type *type, const struct parquet_chunk *chunk,
                    const struct leat_predicate *predicate, uint64_t rows, struct leat_arena *arena,
                    struct parquet_range **ranges, uint32_t *count, struct leat_error *err);
/* True if some row of the vector satisfies the predicate. */
bool parquet_any_match(const struct leat_predicate *predicate, const struct leat_vector *vector);

#endif
