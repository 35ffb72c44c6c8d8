/* What the parts of the Parquet writer share: leaves of the schema, their column writers. */
#ifndef LEAT_FORMATS_PARQUET_WRITER_INTERNAL_H
#define LEAT_FORMATS_PARQUET_WRITER_INTERNAL_H

#include "formats/parquet/bounds.h"
#include "formats/parquet/metadata.h"
#include "formats/parquet/writer.h"

/* The way from a top-level column down to a leaf: at each node, may it be null, and what is it? */
enum parquet_step_kind { PARQUET_STEP_LEAF, PARQUET_STEP_STRUCT, PARQUET_STEP_LIST };
struct parquet_step {
    enum parquet_step_kind kind;
    bool optional;
    uint32_t child; /* STRUCT: field; LIST (and MAP): child vector */
};

struct parquet_leaf {
    uint32_t column; /* top-level */
    const struct leat_type *type;
    int32_t field_id;
    enum parquet_value_kind kind;
    int32_t physical; /* enum parquet_type */
    uint32_t width;   /* FIXED: bytes */
    uint8_t max_definition;
    uint8_t max_repetition;
    uint32_t step_count;
    struct parquet_step *steps;
    uint32_t name_count;
    struct leat_text *names; /* path in the file */
    const char *path;        /* the same, joined by dots */
};

struct parquet_write_schema {
    struct leat_schema columns; /* a copy */
    uint32_t element_count;
    struct parquet_element *elements;
    uint32_t leaf_count;
    struct parquet_leaf *leaves;
};
/* All in the arena. */
LEAT_CHECKED enum leat_status parquet_write_schema_init(const struct leat_schema *schema,
                                                        struct leat_arena *arena,
                                                        struct parquet_write_schema *out,
                                                        struct leat_error *err);

/* Values of a leaf from some rows: levels of every slot, and the values that are there, densely. */
struct parquet_shred {
    uint32_t slots;
    uint32_t rows;
    uint8_t *definition; /* NULL: all at the maximum */
    uint8_t *repetition; /* NULL: all 0 */
    uint32_t value_count;
    const void *values; /* dense, in the leaf kind's C type */
};
/* Rows [start, start + count) of the column, as they are needed for the leaf. Lies in the arena, or
 * in the vector. */
LEAT_CHECKED enum leat_status parquet_shred_rows(const struct parquet_leaf *leaf,
                                                 const struct leat_vector *column, uint32_t start,
                                                 uint32_t count, struct leat_arena *arena,
                                                 struct parquet_shred *out, struct leat_error *err);

struct parquet_column_options {
    enum leat_codec_kind codec;
    int level;
    size_t page_bytes;
    struct leat_accountant *accountant;
};
/* Turns values into the pages of one column chunk. */
struct parquet_column_writer;
LEAT_CHECKED enum leat_status
parquet_column_writer_new(const struct parquet_leaf *leaf,
                          const struct parquet_column_options *options, struct leat_codec *codec,
                          struct parquet_column_writer **out, struct leat_error *err);
void parquet_column_writer_free(struct parquet_column_writer *writer);
LEAT_CHECKED enum leat_status parquet_column_writer_add(struct parquet_column_writer *writer,
                                                        const struct parquet_shred *shred,
                                                        struct leat_error *err);
/* Bytes held: pages and what waits for one. */
size_t parquet_column_writer_size(const struct parquet_column_writer *writer);
/* Ends the last page and packs the dictionary, so that a flush has only bytes to write. */
LEAT_CHECKED enum leat_status parquet_column_writer_seal(struct parquet_column_writer *writer,
                                                         struct leat_error *err);
/* Writes the sealed chunk; *chunk describes it, its statistics borrowed from the arena. The writer
 * is then ready for the next row group, and keeps the page index until parquet_column_writer_index.
 */
LEAT_CHECKED enum leat_status
parquet_column_writer_flush(struct parquet_column_writer *writer, struct leat_output *output,
                            struct leat_arena *arena, struct parquet_chunk *chunk,
                            struct parquet_bounds *total, struct leat_error *err);
/* The indexes of the chunk just flushed, as bytes in the arena; column index length 0: there is
 * none. */
LEAT_CHECKED enum leat_status parquet_column_writer_index(struct parquet_column_writer *writer,
                                                          struct leat_arena *arena,
                                                          struct leat_text *offset_index,
                                                          struct leat_text *column_index,
                                                          struct leat_error *err);

/* Bytes a decimal of that precision needs. */
unsigned parquet_decimal_bytes(unsigned precision);

#endif
