/*
 * Vectors and batches: columns of values in Arrow's layout, about 2,048 rows at a time.
 *
 * A vector is a view: it owns nothing. Its memory lies in an arena or in memory that the producer
 * keeps; a batch returned by a reader or operator is valid until the next call on that reader or
 * operator, or its close. Who wants to keep rows copies them (leat_vector_copy, leat_batch_append).
 *
 * Forms:
 *   FLAT        data holds `length` values.
 *   CONSTANT    data holds one value (or validity bit 0 says null) for all rows.
 *   DICTIONARY  codes holds `length` indices into *dictionary, a FLAT vector. A row is null if its
 * bit in `validity` is 0 or the dictionary's value is null. Filters produce this form too: codes
 * are then a selection vector.
 */
#ifndef LEAT_COLUMNS_VECTOR_H
#define LEAT_COLUMNS_VECTOR_H

#include "columns/type.h"

#define LEAT_BATCH_ROWS 2048u

/* 16 bytes. Up to 12 bytes of text are inline (unused ones are 0); longer text has a 4-byte prefix
 * and a pointer. */
struct leat_string {
    uint32_t length;
    union {
        char inlined[12];
        struct {
            char prefix[4];
            const char *data; /* unaligned on purpose: the struct is 16 bytes */
        } __attribute__((packed)) view;
    };
};
_Static_assert(sizeof(struct leat_string) == 16, "string views are 16 bytes");
#define LEAT_STRING_INLINE 12u

static inline const char *leat_string_data(const struct leat_string *string)
{
    return string->length <= LEAT_STRING_INLINE ? string->inlined : string->view.data;
}
static inline struct leat_text leat_string_text(const struct leat_string *string)
{
    return (struct leat_text){leat_string_data(string), string->length};
}
/* A view of bytes that outlive it (they are copied only if they fit inline). `length` < 2^32. */
static inline struct leat_string leat_string_of(const char *data, size_t length)
{
    struct leat_string string = {.length = (uint32_t)length};
    memset(string.inlined, 0, sizeof(string.inlined));
    if (length <= LEAT_STRING_INLINE) {
        if (length)
            memcpy(string.inlined, data, length);
    } else {
        memcpy(string.view.prefix, data, 4);
        string.view.data = data;
    }
    return string;
}
static inline bool leat_string_equal(const struct leat_string *a, const struct leat_string *b)
{
    uint64_t a_head, b_head, a_tail, b_tail;
    memcpy(&a_head, a, 8);
    memcpy(&b_head, b, 8);
    if (a_head != b_head)
        return false;
    memcpy(&a_tail, (const char *)a + 8, 8);
    memcpy(&b_tail, (const char *)b + 8, 8);
    if (a_tail == b_tail)
        return true;
    return a->length > LEAT_STRING_INLINE && memcmp(a->view.data, b->view.data, a->length) == 0;
}
/* Order of bytes, which for UTF-8 is the order of code points (PostgreSQL's C collation). <0, 0,
 * >0. */
int leat_string_compare(const struct leat_string *a, const struct leat_string *b);

struct leat_interval {
    int32_t months;
    int32_t days;
    int64_t microseconds;
};
struct leat_list_entry {
    uint32_t offset; /* into the child vector */
    uint32_t length;
};

enum leat_form { LEAT_FLAT, LEAT_CONSTANT, LEAT_DICTIONARY };

struct leat_vector {
    const struct leat_type *type;
    enum leat_form form;
    uint32_t length;
    uint64_t *validity; /* a bit per row, least significant first, 1 = not null; NULL = no nulls.
                           Words are whole */
    void *data;         /* FLAT, CONSTANT: values of leat_type_width; unused for NULL and STRUCT */
    uint32_t *codes;    /* DICTIONARY */
    struct leat_vector *dictionary; /* DICTIONARY: FLAT vector */
    struct leat_vector *children; /* nested types, FLAT or CONSTANT form: type->field_count vectors.
                                     STRUCT children have the same length as the vector */
    uint64_t identity; /* of a dictionary: if not 0, whoever has the same one has the same values,
                          and what was computed of them may be kept */
};
/* Dictionaries up to this length are worth keeping something for. */
#define LEAT_LASTING_DICTIONARY 16384u
/* A number never given before in this process. */
uint64_t leat_vector_new_identity(void);

static inline size_t leat_validity_words(size_t rows)
{
    return (rows + 63) / 64;
}
static inline bool leat_validity_get(const uint64_t *validity, size_t row)
{
    return !validity || (validity[row >> 6] >> (row & 63) & 1);
}
static inline void leat_validity_set(uint64_t *validity, size_t row, bool valid)
{
    uint64_t bit = (uint64_t)1 << (row & 63);
    validity[row >> 6] = valid ? validity[row >> 6] | bit : validity[row >> 6] & ~bit;
}
/* Where row `row` of any form lies: *base is the vector that holds its value, the result its index
 * there. */
static inline uint32_t leat_vector_locate(const struct leat_vector *vector, uint32_t row,
                                          const struct leat_vector **base)
{
    if (vector->form == LEAT_DICTIONARY) {
        *base = vector->dictionary;
        return vector->codes[row];
    }
    *base = vector;
    return vector->form == LEAT_CONSTANT ? 0 : row;
}
bool leat_vector_is_null(const struct leat_vector *vector, uint32_t row);
/* False if no row is null, as far as can be told without looking at them. */
static inline bool leat_vector_may_be_null(const struct leat_vector *vector)
{
    return vector->validity || vector->type->id == LEAT_NULL ||
           (vector->form == LEAT_DICTIONARY && vector->dictionary->validity);
}

/* A FLAT vector with room for `capacity` values in the arena (children of STRUCT too; children of
 * LIST and MAP with `child_capacity`). length is 0, validity NULL, data uninitialised. */
LEAT_CHECKED enum leat_status leat_vector_init(struct leat_vector *vector,
                                               const struct leat_type *type, uint32_t capacity,
                                               uint32_t child_capacity, struct leat_arena *arena,
                                               struct leat_error *err);
/* Gives the vector a validity bitmap of all ones for `capacity` rows, if it has none. */
LEAT_CHECKED enum leat_status leat_vector_make_validity(struct leat_vector *vector,
                                                        uint32_t capacity, struct leat_arena *arena,
                                                        struct leat_error *err);
/* Turns any form into FLAT (new memory in the arena; strings are not copied). */
LEAT_CHECKED enum leat_status leat_vector_flatten(struct leat_vector *vector,
                                                  struct leat_arena *arena, struct leat_error *err);
/* *out = rows selection[0..count) of `vector`, without copying values: DICTIONARY form (or
 * CONSTANT). `selection` must outlive *out. Codes of an existing dictionary are composed in the
 * arena. Nested types are copied flat. */
LEAT_CHECKED enum leat_status leat_vector_select(const struct leat_vector *vector,
                                                 const uint32_t *selection, uint32_t count,
                                                 struct leat_arena *arena, struct leat_vector *out,
                                                 struct leat_error *err);
/* Deep FLAT copy of rows [start, start + count), strings included. */
LEAT_CHECKED enum leat_status leat_vector_copy(const struct leat_vector *vector, uint32_t start,
                                               uint32_t count, struct leat_arena *arena,
                                               struct leat_vector *out, struct leat_error *err);
/* *out = a view of rows [start, start + count). The bitmap is copied if start is not a multiple
 * of 64. */
LEAT_CHECKED enum leat_status leat_vector_slice(const struct leat_vector *vector, uint32_t start,
                                                uint32_t count, struct leat_arena *arena,
                                                struct leat_vector *out, struct leat_error *err);

/* FLAT vectors of the type, the first lengths[i] rows of each, one behind the other. Strings keep
 * pointing to where they are. */
LEAT_CHECKED enum leat_status leat_vectors_join(const struct leat_vector **items, uint32_t *lengths,
                                                size_t count, const struct leat_type *type,
                                                struct leat_arena *arena, struct leat_vector *out,
                                                struct leat_error *err);
/* The same in two steps, for types that are not nested: room for all rows, with nulls in place,
 * then the values of each piece at the number of its first row, in any order and by any thread. */
LEAT_CHECKED enum leat_status
leat_vectors_join_room(const struct leat_vector **items, const uint32_t *lengths, size_t count,
                       const struct leat_type *type, struct leat_arena *arena,
                       struct leat_vector *out, struct leat_error *err);
void leat_vectors_join_put(struct leat_vector *out, const struct leat_vector *piece,
                           uint32_t length, uint64_t at);

/* Order, equality and hash of values, the same everywhere in Leat:
 * numbers by value (NaN equals NaN and is above all else, -0 equals 0), text and bytes by bytes,
 * false < true, intervals by their length with a month of 30 days and a day of 24 hours, lists and
 * structs item by item, nulls inside lists and structs last and equal to each other. The rows
 * themselves must not be null. Both vectors have equal types. */
int leat_vector_compare(const struct leat_vector *a, uint32_t a_row, const struct leat_vector *b,
                        uint32_t b_row);
/* hashes[i] = combine ? combine(hashes[i], hash(row i)) : hash(row i). Equal values hash equally; a
 * null row hashes to one fixed number. Decimal values of one type only are comparable. */
void leat_vector_hash(const struct leat_vector *vector, bool combine, uint64_t *hashes);

/* Appends the value's text form (PostgreSQL's output format; ISO dates, intervals as in
 * IntervalStyle postgres, bytea as \x hex, arrays as {a,b}, structs as {"a": 1} JSON-like). Null
 * rows append nothing. */
LEAT_CHECKED enum leat_status leat_vector_print(const struct leat_vector *vector, uint32_t row,
                                                struct leat_buffer *out, struct leat_error *err);
/* Appends the text as a string of JSON, in quotes. */
LEAT_CHECKED enum leat_status leat_json_string_append(const char *text, size_t length,
                                                      struct leat_buffer *out,
                                                      struct leat_error *err);
/* Appends the value as JSON (numbers bare, NaN and infinities as strings, nulls as null, nested as
 * JSON). */
LEAT_CHECKED enum leat_status leat_vector_print_json(const struct leat_vector *vector, uint32_t row,
                                                     struct leat_buffer *out,
                                                     struct leat_error *err);

struct leat_batch {
    uint32_t column_count;
    uint32_t length; /* rows */
    struct leat_vector *columns;
};
/* An empty batch with FLAT columns of the schema's types for `capacity` rows, in the arena. */
LEAT_CHECKED enum leat_status leat_batch_init(struct leat_batch *batch,
                                              const struct leat_schema *schema, uint32_t capacity,
                                              struct leat_arena *arena, struct leat_error *err);

/* Rows kept: a growing table of batches with its own memory, for results, small inputs and tests.
 */
struct leat_rows {
    struct leat_arena arena;
    struct leat_schema schema; /* copied into the arena */
    struct leat_batch *batches;
    size_t batch_count;
    size_t batch_capacity;
    uint64_t row_count;
};
LEAT_CHECKED enum leat_status leat_rows_init(struct leat_rows *rows,
                                             const struct leat_schema *schema,
                                             struct leat_accountant *accountant,
                                             struct leat_error *err);
/* Deep copy of the batch (any form) to the end. */
LEAT_CHECKED enum leat_status
leat_rows_append(struct leat_rows *rows, const struct leat_batch *batch, struct leat_error *err);
void leat_rows_release(struct leat_rows *rows);

/* A batch as bytes and back: for frames between processes and for spilling. Flat Arrow-like buffers
 * behind a small header with a checksum; the reader checks every length. The result lies in the
 * arena. */
LEAT_CHECKED enum leat_status leat_batch_put(const struct leat_batch *batch,
                                             struct leat_buffer *out, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_batch_read(struct leat_cursor *cursor,
                                              const struct leat_schema *schema,
                                              struct leat_arena *arena, struct leat_batch *out,
                                              struct leat_error *err);

#endif
