/*
 * Types, fields and schemas.
 *
 * Types are immutable and compared by value. Simple types and decimals are static objects; nested
 * types live in an arena given by the caller. The names, order, equality and text form follow
 * PostgreSQL; the memory layout is Arrow's but for booleans (one byte each, packed on export) and
 * long strings (a pointer instead of buffer and offset).
 *
 * | type        | C layout of one value                      | PostgreSQL            | Iceberg | |
 * NULL        | none (all rows null)                       | unknown               | unknown | |
 * BOOLEAN     | uint8_t, 0 or 1                            | boolean               | boolean | |
 * INT8..INT64 | int8_t .. int64_t                          | smallint .. bigint    | int, long | |
 * FLOAT       | float                                      | real                  | float | |
 * DOUBLE      | double                                     | double precision      | double | |
 * DECIMAL     | int64_t up to 18 digits, else __int128     | numeric(p,s)          | decimal(p,s) |
 * | TEXT, JSON  | struct leat_string (16 bytes), UTF-8       | text, json            | string | |
 * BYTES       | struct leat_string                         | bytea                 | binary | |
 * DATE        | int32_t days since 1970-01-01              | date                  | date | | TIME
 * | int64_t microseconds since midnight        | time                  | time          | |
 * TIMESTAMP   | int64_t microseconds since 1970, no zone   | timestamp             | timestamp | |
 * TIMESTAMPTZ | int64_t microseconds since 1970 UTC        | timestamptz           | timestamptz |
 * | INTERVAL    | struct leat_interval (16 bytes)            | interval              | - | | UUID
 * | 16 bytes, big-endian                       | uuid                  | uuid          | | LIST |
 * struct leat_list_entry; one child          | array                 | list          | | STRUCT |
 * none; one child a field                    | record                | struct        | | MAP |
 * struct leat_list_entry; two children: keys, values            | map           |
 *
 * Unsigned integers of file formats widen to the next signed type; uint64 becomes DECIMAL(20,0).
 */
#ifndef LEAT_COLUMNS_TYPE_H
#define LEAT_COLUMNS_TYPE_H

#include "base/buffer.h"

enum leat_type_id { /* stable numbers: they are part of serialised plans */
                    LEAT_NULL = 0,
                    LEAT_BOOLEAN = 1,
                    LEAT_INT8 = 2,
                    LEAT_INT16 = 3,
                    LEAT_INT32 = 4,
                    LEAT_INT64 = 5,
                    LEAT_FLOAT = 6,
                    LEAT_DOUBLE = 7,
                    LEAT_DECIMAL = 8,
                    LEAT_TEXT = 9,
                    LEAT_BYTES = 10,
                    LEAT_DATE = 11,
                    LEAT_TIME = 12,
                    LEAT_TIMESTAMP = 13,
                    LEAT_TIMESTAMPTZ = 14,
                    LEAT_INTERVAL = 15,
                    LEAT_UUID = 16,
                    LEAT_JSON = 17,
                    LEAT_LIST = 18,
                    LEAT_STRUCT = 19,
                    LEAT_MAP = 20,
                    LEAT_TYPE_COUNT = 21
};

struct leat_field;
struct leat_type {
    enum leat_type_id id;
    uint8_t precision;    /* DECIMAL: 1..38 */
    uint8_t scale;        /* DECIMAL: 0..precision */
    uint32_t field_count; /* LIST 1 ("element"), MAP 2 ("key", "value"), STRUCT n */
    const struct leat_field *fields;
};
struct leat_field {
    const char *name;
    const struct leat_type *type;
    bool required;       /* NOT NULL */
    int32_t id;          /* Iceberg field id, 0 if none */
    const char *comment; /* or NULL */
};
struct leat_schema {
    uint32_t count;
    struct leat_field *fields;
};

#define LEAT_DECIMAL_MAX_PRECISION   38
#define LEAT_DECIMAL_SMALL_PRECISION 18 /* up to here values are int64_t */
#define LEAT_TYPE_MAX_DEPTH          64

/* A simple type (not DECIMAL, LIST, STRUCT, MAP). Static. */
const struct leat_type *leat_type_get(enum leat_type_id id);
/* Static; precision is clamped to 1..38, scale to 0..precision. */
const struct leat_type *leat_type_decimal(unsigned precision, unsigned scale);
/* In the arena; NULL when out of memory. Fields are copied shallowly. */
const struct leat_type *leat_type_list(struct leat_arena *arena, const struct leat_type *element);
const struct leat_type *leat_type_struct(struct leat_arena *arena, const struct leat_field *fields,
                                         uint32_t count);
const struct leat_type *leat_type_map(struct leat_arena *arena, const struct leat_type *key,
                                      const struct leat_type *value);

/* Same type by value; names of struct fields count, ids, comments and required do not. */
bool leat_type_equal(const struct leat_type *a, const struct leat_type *b);
/* Bytes of one value in `data`: 0 for NULL and STRUCT. */
size_t leat_type_width(const struct leat_type *type);
static inline bool leat_type_is_small_decimal(const struct leat_type *type)
{
    return type->precision <= LEAT_DECIMAL_SMALL_PRECISION;
}
static inline bool leat_type_is_integer(const struct leat_type *type)
{
    return type->id >= LEAT_INT8 && type->id <= LEAT_INT64;
}
static inline bool leat_type_is_numeric(const struct leat_type *type)
{
    return type->id >= LEAT_INT8 && type->id <= LEAT_DECIMAL;
}
/* TEXT, JSON, BYTES: values are struct leat_string. */
static inline bool leat_type_is_string(const struct leat_type *type)
{
    return type->id == LEAT_TEXT || type->id == LEAT_BYTES || type->id == LEAT_JSON;
}
static inline bool leat_type_is_nested(const struct leat_type *type)
{
    return type->id >= LEAT_LIST;
}

/* The SQL spelling, for example "numeric(15,2)", "bigint", "struct(a integer, b text[])",
 * "map(text, bigint)". Appended to the buffer. */
LEAT_CHECKED enum leat_status leat_type_print(const struct leat_type *type, struct leat_buffer *out,
                                              struct leat_error *err);
/* The same in the arena; NULL when out of memory. */
const char *leat_type_name(struct leat_arena *arena, const struct leat_type *type);
/* Reads that spelling and PostgreSQL's and Spark's aliases (int, int4, string, varchar(n), double,
 * float8, decimal, binary, timestamp_ntz, array<...>, struct<a:int>, map<k,v>, t[]). */
LEAT_CHECKED enum leat_status leat_type_parse(struct leat_text text, struct leat_arena *arena,
                                              const struct leat_type **out, struct leat_error *err);
/* Deep copies, so that the result does not depend on where the original lives. */
LEAT_CHECKED enum leat_status leat_type_copy(const struct leat_type *type, struct leat_arena *arena,
                                             const struct leat_type **out, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_schema_copy(const struct leat_schema *schema,
                                               struct leat_arena *arena, struct leat_schema *out,
                                               struct leat_error *err);
/* Index of the column, or -1. Exact match, then, if there is only one such, ignoring ASCII case. */
int leat_schema_find(const struct leat_schema *schema, struct leat_text name);
LEAT_CHECKED enum leat_status leat_type_put(const struct leat_type *type, struct leat_buffer *out,
                                            struct leat_error *err);
LEAT_CHECKED enum leat_status leat_type_read(struct leat_cursor *cursor, struct leat_arena *arena,
                                             const struct leat_type **out, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_schema_put(const struct leat_schema *schema,
                                              struct leat_buffer *out, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_schema_read(struct leat_cursor *cursor, struct leat_arena *arena,
                                               struct leat_schema *out, struct leat_error *err);
/* The narrowest type both fit without loss (int + decimal -> decimal, date + timestamp ->
 * timestamp, struct by field names, anything with NULL -> the other); NULL if there is none. For
 * schema inference and set operations. */
const struct leat_type *leat_type_unify(struct leat_arena *arena, const struct leat_type *a,
                                        const struct leat_type *b);

#endif
