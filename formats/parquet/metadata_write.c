/*
 * The structures of metadata.h to Thrift bytes. Fields are written in the order of their ids.
 */
#include "formats/parquet/metadata.h"

static void put_set(struct thrift_writer *writer, int16_t *last, int16_t id, int64_t value)
{
    if (value != PARQUET_UNSET)
        thrift_put_i32(writer, last, id, (int32_t)value);
}

static void put_logical(struct thrift_writer *writer, int16_t *parent,
                        const struct parquet_element *element)
{
    int16_t last = 0, inner = 0, unit = 0;
    thrift_put_struct(writer, parent, 10);
    thrift_put_struct(writer, &last, element->logical);
    switch (element->logical) {
    case PARQUET_LOGICAL_DECIMAL:
        thrift_put_i32(writer, &inner, 1, (int32_t)element->scale);
        thrift_put_i32(writer, &inner, 2, (int32_t)element->precision);
        break;
    case PARQUET_LOGICAL_TIME:
    case PARQUET_LOGICAL_TIMESTAMP:
        thrift_put_boolean(writer, &inner, 1, element->is_utc);
        thrift_put_struct(writer, &inner, 2);
        thrift_put_struct(writer, &unit, element->unit);
        thrift_put_stop(writer);
        thrift_put_stop(writer);
        break;
    case PARQUET_LOGICAL_INTEGER:
        thrift_put_byte(writer, &inner, 1, (int8_t)element->bits);
        thrift_put_boolean(writer, &inner, 2, element->is_signed);
        break;
    default:
        break;
    }
    thrift_put_stop(writer);
    thrift_put_stop(writer);
}

static void put_element(struct thrift_writer *writer, const struct parquet_element *element)
{
    int16_t last = 0;
    put_set(writer, &last, 1, element->type);
    put_set(writer, &last, 2, element->type_length);
    put_set(writer, &last, 3, element->repetition);
    thrift_put_binary(writer, &last, 4, element->name, strlen(element->name));
    if (element->type == PARQUET_UNSET)
        put_set(writer, &last, 5, element->child_count);
    put_set(writer, &last, 6, element->converted);
    if (element->converted == PARQUET_DECIMAL) {
        put_set(writer, &last, 7, element->scale);
        put_set(writer, &last, 8, element->precision);
    }
    put_set(writer, &last, 9, element->field_id);
    if (element->logical)
        put_logical(writer, &last, element);
    thrift_put_stop(writer);
}

static void put_statistics(struct thrift_writer *writer, int16_t *parent, int16_t id,
                           const struct parquet_statistics *statistics)
{
    int16_t last = 0;
    thrift_put_struct(writer, parent, id);
    if (statistics->null_count != PARQUET_UNSET)
        thrift_put_i64(writer, &last, 3, statistics->null_count);
    if (statistics->has_max)
        thrift_put_binary(writer, &last, 5, statistics->max.data, statistics->max.length);
    if (statistics->has_min)
        thrift_put_binary(writer, &last, 6, statistics->min.data, statistics->min.length);
    thrift_put_stop(writer);
}

static void put_encodings(struct thrift_writer *writer, int16_t *parent,
                          const struct parquet_chunk *chunk)
{
    thrift_put_list(writer, parent, 2, THRIFT_I32, (uint32_t)__builtin_popcount(chunk->encodings));
    for (int i = 0; i < 32; i++) {
        if (chunk->encodings >> i & 1)
            thrift_put_item_integer(writer, i);
    }
}

static void put_chunk(struct thrift_writer *writer, const struct parquet_chunk *chunk)
{
    int16_t outer = 0, last = 0;
    bool dictionary = chunk->dictionary_offset != PARQUET_UNSET;
    thrift_put_i64(writer, &outer, 2, dictionary ? chunk->dictionary_offset : chunk->data_offset);
    thrift_put_struct(writer, &outer, 3);
    thrift_put_i32(writer, &last, 1, (int32_t)chunk->type);
    put_encodings(writer, &last, chunk);
    thrift_put_list(writer, &last, 3, THRIFT_BINARY, chunk->path_count);
    for (uint32_t i = 0; i < chunk->path_count; i++)
        thrift_put_item_binary(writer, chunk->path[i].data, chunk->path[i].length);
    thrift_put_i32(writer, &last, 4, (int32_t)chunk->codec);
    thrift_put_i64(writer, &last, 5, chunk->value_count);
    thrift_put_i64(writer, &last, 6, chunk->plain_size);
    thrift_put_i64(writer, &last, 7, chunk->packed_size);
    thrift_put_i64(writer, &last, 9, chunk->data_offset);
    if (dictionary)
        thrift_put_i64(writer, &last, 11, chunk->dictionary_offset);
    put_statistics(writer, &last, 12, &chunk->statistics);
    thrift_put_stop(writer);
    if (chunk->offset_index_offset != PARQUET_UNSET) {
        thrift_put_i64(writer, &outer, 4, chunk->offset_index_offset);
        thrift_put_i32(writer, &outer, 5, (int32_t)chunk->offset_index_length);
    }
    if (chunk->column_index_offset != PARQUET_UNSET) {
        thrift_put_i64(writer, &outer, 6, chunk->column_index_offset);
        thrift_put_i32(writer, &outer, 7, (int32_t)chunk->column_index_length);
    }
    thrift_put_stop(writer);
}

static void put_group(struct thrift_writer *writer, const struct parquet_row_group *group,
                      uint32_t ordinal)
{
    int16_t last = 0;
    int64_t packed = 0, start = 0;
    thrift_put_list(writer, &last, 1, THRIFT_STRUCT, group->chunk_count);
    for (uint32_t i = 0; i < group->chunk_count; i++) {
        const struct parquet_chunk *chunk = &group->chunks[i];
        put_chunk(writer, chunk);
        packed += chunk->packed_size;
        if (i == 0)
            start = chunk->dictionary_offset != PARQUET_UNSET ? chunk->dictionary_offset
                                                              : chunk->data_offset;
    }
    thrift_put_i64(writer, &last, 2, group->byte_size);
    thrift_put_i64(writer, &last, 3, group->rows);
    if (group->chunk_count)
        thrift_put_i64(writer, &last, 5, start);
    thrift_put_i64(writer, &last, 6, packed);
    if (ordinal <= INT16_MAX) {
        /* an i16 field: same varint, other type code */
        if (!writer->status)
            writer->status = leat_buffer_append_byte(writer->out, 1 << 4 | THRIFT_I16, writer->err);
        last = 7;
        thrift_put_item_integer(writer, ordinal);
    }
    thrift_put_stop(writer);
}

enum leat_status parquet_metadata_put(const struct parquet_metadata *metadata,
                                      struct leat_buffer *out, struct leat_error *err)
{
    struct thrift_writer writer = {out, err, LEAT_OK};
    int16_t last = 0;
    thrift_put_i32(&writer, &last, 1, (int32_t)metadata->version);
    thrift_put_list(&writer, &last, 2, THRIFT_STRUCT, metadata->element_count);
    for (uint32_t i = 0; i < metadata->element_count; i++)
        put_element(&writer, &metadata->elements[i]);
    thrift_put_i64(&writer, &last, 3, metadata->rows);
    thrift_put_list(&writer, &last, 4, THRIFT_STRUCT, metadata->group_count);
    for (uint32_t i = 0; i < metadata->group_count; i++)
        put_group(&writer, &metadata->groups[i], i);
    if (metadata->pair_count) {
        thrift_put_list(&writer, &last, 5, THRIFT_STRUCT, metadata->pair_count);
        for (uint32_t i = 0; i < metadata->pair_count; i++) {
            const struct parquet_pair *pair = &metadata->pairs[i];
            int16_t inner = 0;
            thrift_put_binary(&writer, &inner, 1, pair->key, strlen(pair->key));
            thrift_put_binary(&writer, &inner, 2, pair->value, strlen(pair->value));
            thrift_put_stop(&writer);
        }
    }
    thrift_put_binary(&writer, &last, 6, metadata->created_by, strlen(metadata->created_by));
    thrift_put_list(&writer, &last, 7, THRIFT_STRUCT, metadata->order_count);
    for (uint32_t i = 0; i < metadata->order_count; i++) {
        int16_t inner = 0;
        thrift_put_struct(&writer, &inner, 1); /* TYPE_ORDER */
        thrift_put_stop(&writer);
        thrift_put_stop(&writer);
    }
    thrift_put_stop(&writer);
    return writer.status;
}

enum leat_status parquet_page_header_put(const struct parquet_page_header *header,
                                         struct leat_buffer *out, struct leat_error *err)
{
    struct thrift_writer writer = {out, err, LEAT_OK};
    int16_t last = 0, inner = 0;
    thrift_put_i32(&writer, &last, 1, (int32_t)header->type);
    thrift_put_i32(&writer, &last, 2, (int32_t)header->plain_size);
    thrift_put_i32(&writer, &last, 3, (int32_t)header->packed_size);
    if (header->has_crc)
        thrift_put_i32(&writer, &last, 4, (int32_t)header->crc);
    thrift_put_struct(&writer, &last, header->type == PARQUET_DICTIONARY_PAGE ? 7 : 5);
    thrift_put_i32(&writer, &inner, 1, (int32_t)header->value_count);
    thrift_put_i32(&writer, &inner, 2, (int32_t)header->encoding);
    if (header->type == PARQUET_DATA_PAGE) {
        thrift_put_i32(&writer, &inner, 3, PARQUET_RLE);
        thrift_put_i32(&writer, &inner, 4, PARQUET_RLE);
    }
    thrift_put_stop(&writer);
    thrift_put_stop(&writer);
    return writer.status;
}

enum leat_status parquet_offset_index_put(const struct parquet_page_location *locations,
                                          uint32_t count, struct leat_buffer *out,
                                          struct leat_error *err)
{
    struct thrift_writer writer = {out, err, LEAT_OK};
    int16_t last = 0;
    thrift_put_list(&writer, &last, 1, THRIFT_STRUCT, count);
    for (uint32_t i = 0; i < count; i++) {
        int16_t inner = 0;
        thrift_put_i64(&writer, &inner, 1, locations[i].offset);
        thrift_put_i32(&writer, &inner, 2, locations[i].size);
        thrift_put_i64(&writer, &inner, 3, locations[i].first_row);
        thrift_put_stop(&writer);
    }
    thrift_put_stop(&writer);
    return writer.status;
}

enum leat_status parquet_column_index_put(const struct parquet_column_index *index, int32_t order,
                                          struct leat_buffer *out, struct leat_error *err)
{
    struct thrift_writer writer = {out, err, LEAT_OK};
    int16_t last = 0;
    thrift_put_list(&writer, &last, 1, THRIFT_TRUE, index->count);
    for (uint32_t i = 0; i < index->count; i++)
        thrift_put_item_boolean(&writer, index->null_pages[i]);
    thrift_put_list(&writer, &last, 2, THRIFT_BINARY, index->count);
    for (uint32_t i = 0; i < index->count; i++)
        thrift_put_item_binary(&writer, index->min[i].data, index->min[i].length);
    thrift_put_list(&writer, &last, 3, THRIFT_BINARY, index->count);
    for (uint32_t i = 0; i < index->count; i++)
        thrift_put_item_binary(&writer, index->max[i].data, index->max[i].length);
    thrift_put_i32(&writer, &last, 4, order);
    if (index->null_counts) {
        thrift_put_list(&writer, &last, 5, THRIFT_I64, index->count);
        for (uint32_t i = 0; i < index->count; i++)
            thrift_put_item_integer(&writer, index->null_counts[i]);
    }
    thrift_put_stop(&writer);
    return writer.status;
}
