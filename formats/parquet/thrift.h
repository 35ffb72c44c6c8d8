/*
 * Thrift's compact protocol, as far as Parquet needs it.
 *
 * The reader keeps going after damage with zeros and a `failed` mark, so that callers check once at
 * the end; every loop over its fields and items ends then. Nothing is read beyond the bytes.
 */
#ifndef LEAT_FORMATS_PARQUET_THRIFT_H
#define LEAT_FORMATS_PARQUET_THRIFT_H

#include "base/buffer.h"

enum thrift_type {
    THRIFT_STOP = 0,
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_BYTE = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12
};

struct thrift_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
    uint32_t depth;
};
/* State of one struct being read: start with {0}. */
struct thrift_field {
    int16_t id;
    uint8_t type;
};
/* The next field's head; false at the end of the struct or after damage. The caller then reads the
 * value by its type or skips it. */
bool thrift_next(struct thrift_reader *reader, struct thrift_field *field);
void thrift_skip(struct thrift_reader *reader, uint8_t type);
/* Values of a field; of another type than asked for, they are skipped and 0. */
int64_t thrift_integer(struct thrift_reader *reader, const struct thrift_field *field);
bool thrift_boolean(struct thrift_reader *reader, const struct thrift_field *field);
struct leat_text thrift_binary(struct thrift_reader *reader, const struct thrift_field *field);
/* Begins a struct field: true if it is one (then loop with thrift_next until false). Depth is
 * bounded; call thrift_leave when its loop ended. */
bool thrift_enter(struct thrift_reader *reader, const struct thrift_field *field);
void thrift_leave(struct thrift_reader *reader);
/* Begins a list field of items of `type`; the count never exceeds the bytes left. 0 if it is no
 * such list (it is then skipped). THRIFT_TRUE stands for booleans. */
uint32_t thrift_list(struct thrift_reader *reader, const struct thrift_field *field, uint8_t type);
/* Items of lists: a struct item is entered with thrift_next and {0}. */
int64_t thrift_item_integer(struct thrift_reader *reader);
struct leat_text thrift_item_binary(struct thrift_reader *reader);
bool thrift_item_boolean(struct thrift_reader *reader);

/* Writing. `last` is the field id written last in the struct, 0 at its start. Failure sticks. */
struct thrift_writer {
    struct leat_buffer *out;
    struct leat_error *err;
    enum leat_status status;
};
void thrift_put_i32(struct thrift_writer *writer, int16_t *last, int16_t id, int32_t value);
void thrift_put_i64(struct thrift_writer *writer, int16_t *last, int16_t id, int64_t value);
void thrift_put_byte(struct thrift_writer *writer, int16_t *last, int16_t id, int8_t value);
void thrift_put_boolean(struct thrift_writer *writer, int16_t *last, int16_t id, bool value);
void thrift_put_binary(struct thrift_writer *writer, int16_t *last, int16_t id, const void *bytes,
                       size_t length);
void thrift_put_struct(struct thrift_writer *writer, int16_t *last, int16_t id);
void thrift_put_list(struct thrift_writer *writer, int16_t *last, int16_t id, uint8_t type,
                     uint32_t count);
void thrift_put_stop(struct thrift_writer *writer);
void thrift_put_item_integer(struct thrift_writer *writer, int64_t value);
void thrift_put_item_binary(struct thrift_writer *writer, const void *bytes, size_t length);
void thrift_put_item_boolean(struct thrift_writer *writer, bool value);

#endif
