/*
 * COPY's own forms of rows (PostgreSQL documentation, COPY, "File Formats"): text, with tabs and
 * backslashes, and CSV.
 */
#ifndef LEAT_API_C_COPY_TEXT_H
#define LEAT_API_C_COPY_TEXT_H

#include "columns/source.h"
#include "compute/sql/ast.h"

struct leat_copy_form {
    bool csv;
    bool header;
    char delimiter;
    char quote, escape;    /* CSV */
    struct leat_text null; /* what stands for null */
    bool force_quote;      /* CSV, out: all values but nulls */
};
/* From COPY's options; unknown ones, and values that are none, are LEAT_E_COPY_OPTION. Other
 * formats than text and csv too. Texts are borrowed. */
LEAT_CHECKED enum leat_status leat_copy_form_read(const struct leat_sql_copy *copy,
                                                  struct leat_copy_form *out,
                                                  struct leat_error *err);
/* Appends a row of a batch, or the header. `cell` is room for a value. */
LEAT_CHECKED enum leat_status leat_copy_put_row(const struct leat_copy_form *form,
                                                const struct leat_batch *batch, uint32_t row,
                                                struct leat_buffer *cell, struct leat_buffer *out,
                                                struct leat_error *err);
LEAT_CHECKED enum leat_status leat_copy_put_header(const struct leat_copy_form *form,
                                                   const struct leat_schema *schema,
                                                   struct leat_buffer *out, struct leat_error *err);

/* Gives bytes, none at the end; they are valid until the next call. */
struct leat_copy_input {
    enum leat_status (*next)(struct leat_copy_input *input, struct leat_text *out,
                             struct leat_error *err);
};
/* A source of one split over the input, which is read once; its values have the schema's types.
 * Errors name the table (as `name`), line and column. Form, schema and input are borrowed. */
LEAT_CHECKED enum leat_status leat_copy_source_open(const struct leat_copy_form *form,
                                                    const struct leat_schema *schema,
                                                    const char *name, struct leat_copy_input *input,
                                                    struct leat_source **out,
                                                    struct leat_error *err);

#endif
