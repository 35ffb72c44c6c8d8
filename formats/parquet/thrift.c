/*
 * Varints, zigzag numbers and field heads of the compact protocol. A boolean field has its value in
 * its head; a boolean list item has a byte.
 */
#include "formats/parquet/thrift.h"

#define MAX_DEPTH 24u

static void fail(struct thrift_reader *reader)
{
    reader->failed = true;
    reader->at = reader->end;
}

static uint8_t get_byte(struct thrift_reader *reader)
{
    if (reader->at >= reader->end) {
        fail(reader);
        return 0;
    }
    return *reader->at++;
}

static uint64_t get_varint(struct thrift_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = get_byte(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    fail(reader);
    return 0;
}

int64_t thrift_item_integer(struct thrift_reader *reader)
{
    uint64_t bits = get_varint(reader);
    return (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
}

struct leat_text thrift_item_binary(struct thrift_reader *reader)
{
    uint64_t length = get_varint(reader);
    struct leat_text text = {(const char *)reader->at, (size_t)length};
    if (length > (uint64_t)(reader->end - reader->at)) {
        fail(reader);
        return (struct leat_text){"", 0};
    }
    reader->at += length;
    return text;
}

bool thrift_item_boolean(struct thrift_reader *reader)
{
    return get_byte(reader) == THRIFT_TRUE;
}

bool thrift_next(struct thrift_reader *reader, struct thrift_field *field)
{
    uint8_t head = get_byte(reader);
    if (reader->failed || head == THRIFT_STOP)
        return false;
    field->type = head & 15;
    if (head >> 4) {
        field->id = (int16_t)(field->id + (head >> 4));
    } else {
        field->id = (int16_t)thrift_item_integer(reader);
    }
    return !reader->failed;
}

static uint32_t list_head(struct thrift_reader *reader, uint8_t *type)
{
    uint8_t head = get_byte(reader);
    uint64_t count = head >> 4;
    *type = head & 15;
    if (count == 15)
        count = get_varint(reader);
    if (count > (uint64_t)(reader->end - reader->at)) {
        fail(reader);
        return 0;
    }
    return (uint32_t)count;
}

static void skip_collection(struct thrift_reader *reader, uint8_t type)
{
    uint8_t key = 0, item = 0;
    uint32_t count;
    if (type == THRIFT_MAP) {
        uint64_t pairs = get_varint(reader);
        uint8_t types = pairs ? get_byte(reader) : 0;
        if (pairs > (uint64_t)(reader->end - reader->at)) {
            fail(reader);
            return;
        }
        key = types >> 4;
        item = types & 15;
        count = (uint32_t)pairs;
    } else {
        count = list_head(reader, &item);
    }
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        if (key)
            thrift_skip(reader, key == THRIFT_TRUE || key == THRIFT_FALSE ? THRIFT_BYTE : key);
        thrift_skip(reader, item == THRIFT_TRUE || item == THRIFT_FALSE ? THRIFT_BYTE : item);
    }
}

void thrift_skip(struct thrift_reader *reader, uint8_t type)
{
    struct thrift_field field = {0};
    if (++reader->depth > MAX_DEPTH)
        fail(reader);
    switch (reader->failed ? THRIFT_STOP : type) {
    case THRIFT_STOP:
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        break;
    case THRIFT_BYTE:
        get_byte(reader);
        break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        get_varint(reader);
        break;
    case THRIFT_DOUBLE:
        if (reader->end - reader->at < 8)
            fail(reader);
        else
            reader->at += 8;
        break;
    case THRIFT_BINARY:
        thrift_item_binary(reader);
        break;
    case THRIFT_LIST:
    case THRIFT_SET:
    case THRIFT_MAP:
        skip_collection(reader, type);
        break;
    case THRIFT_STRUCT:
        while (thrift_next(reader, &field))
            thrift_skip(reader, field.type);
        break;
    default:
        fail(reader);
    }
    reader->depth--;
}

int64_t thrift_integer(struct thrift_reader *reader, const struct thrift_field *field)
{
    if (field->type == THRIFT_BYTE)
        return (int8_t)get_byte(reader);
    if (field->type == THRIFT_I16 || field->type == THRIFT_I32 || field->type == THRIFT_I64)
        return thrift_item_integer(reader);
    thrift_skip(reader, field->type);
    return 0;
}

bool thrift_boolean(struct thrift_reader *reader, const struct thrift_field *field)
{
    thrift_skip(reader, field->type);
    return field->type == THRIFT_TRUE;
}

struct leat_text thrift_binary(struct thrift_reader *reader, const struct thrift_field *field)
{
    if (field->type == THRIFT_BINARY)
        return thrift_item_binary(reader);
    thrift_skip(reader, field->type);
    return (struct leat_text){"", 0};
}

bool thrift_enter(struct thrift_reader *reader, const struct thrift_field *field)
{
    if (field->type != THRIFT_STRUCT) {
        thrift_skip(reader, field->type);
        return false;
    }
    if (++reader->depth > MAX_DEPTH)
        fail(reader);
    return true;
}

void thrift_leave(struct thrift_reader *reader)
{
    reader->depth--;
}

uint32_t thrift_list(struct thrift_reader *reader, const struct thrift_field *field, uint8_t type)
{
    uint8_t item;
    const uint8_t *start = reader->at;
    if (field->type != THRIFT_LIST && field->type != THRIFT_SET) {
        thrift_skip(reader, field->type);
        return 0;
    }
    uint32_t count = list_head(reader, &item);
    bool boolean = type == THRIFT_TRUE && (item == THRIFT_TRUE || item == THRIFT_FALSE);
    bool integer = type == THRIFT_I64 && item >= THRIFT_I16 && item <= THRIFT_I64;
    if (item == type || boolean || integer || reader->failed)
        return count;
    reader->at = start;
    thrift_skip(reader, field->type);
    return 0;
}

/* --- writing --- */

static void put_byte(struct thrift_writer *writer, uint8_t byte)
{
    if (!writer->status)
        writer->status = leat_buffer_append_byte(writer->out, byte, writer->err);
}

static void put_varint(struct thrift_writer *writer, uint64_t value)
{
    while (value >= 0x80) {
        put_byte(writer, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    put_byte(writer, (uint8_t)value);
}

static void put_head(struct thrift_writer *writer, int16_t *last, int16_t id, uint8_t type)
{
    int delta = id - *last;
    *last = id;
    if (delta > 0 && delta <= 15) {
        put_byte(writer, (uint8_t)(delta << 4 | type));
        return;
    }
    put_byte(writer, type);
    thrift_put_item_integer(writer, id);
}

void thrift_put_item_integer(struct thrift_writer *writer, int64_t value)
{
    put_varint(writer, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void thrift_put_item_binary(struct thrift_writer *writer, const void *bytes, size_t length)
{
    put_varint(writer, length);
    if (!writer->status)
        writer->status = leat_buffer_append(writer->out, bytes, length, writer->err);
}

void thrift_put_item_boolean(struct thrift_writer *writer, bool value)
{
    put_byte(writer, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_put_i32(struct thrift_writer *writer, int16_t *last, int16_t id, int32_t value)
{
    put_head(writer, last, id, THRIFT_I32);
    thrift_put_item_integer(writer, value);
}

void thrift_put_i64(struct thrift_writer *writer, int16_t *last, int16_t id, int64_t value)
{
    put_head(writer, last, id, THRIFT_I64);
    thrift_put_item_integer(writer, value);
}

void thrift_put_byte(struct thrift_writer *writer, int16_t *last, int16_t id, int8_t value)
{
    put_head(writer, last, id, THRIFT_BYTE);
    put_byte(writer, (uint8_t)value);
}

void thrift_put_boolean(struct thrift_writer *writer, int16_t *last, int16_t id, bool value)
{
    put_head(writer, last, id, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_put_binary(struct thrift_writer *writer, int16_t *last, int16_t id, const void *bytes,
                       size_t length)
{
    put_head(writer, last, id, THRIFT_BINARY);
    thrift_put_item_binary(writer, bytes, length);
}

void thrift_put_struct(struct thrift_writer *writer, int16_t *last, int16_t id)
{
    put_head(writer, last, id, THRIFT_STRUCT);
}

void thrift_put_list(struct thrift_writer *writer, int16_t *last, int16_t id, uint8_t type,
                     uint32_t count)
{
    put_head(writer, last, id, THRIFT_LIST);
    put_byte(writer, (uint8_t)((count < 15 ? count : 15) << 4 | type));
    if (count >= 15)
        put_varint(writer, count);
}

void thrift_put_stop(struct thrift_writer *writer)
{
    put_byte(writer, THRIFT_STOP);
}
