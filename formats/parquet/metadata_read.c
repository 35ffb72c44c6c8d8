/*
 * Thrift bytes to the structures of metadata.h. Unknown fields are skipped, so files of later
 * format versions are read. Counts are bounded by the bytes that are left.
 */
#include "formats/parquet/metadata.h"

static const char *copy_text(struct leat_arena *arena, struct leat_text text, bool *failed)
{
    const char *copy = leat_arena_copy(arena, text.data, text.length);
    if (!copy)
        *failed = true;
    return copy ? copy : "";
}

static void read_unit(struct thrift_reader *reader, const struct thrift_field *field, uint8_t *unit)
{
    struct thrift_field inner = {0};
    if (!thrift_enter(reader, field))
        return;
    while (thrift_next(reader, &inner)) {
        if (inner.id >= PARQUET_MILLIS && inner.id <= PARQUET_NANOS)
            *unit = (uint8_t)inner.id;
        thrift_skip(reader, inner.type);
    }
    thrift_leave(reader);
}

static void read_logical_fields(struct thrift_reader *reader, const struct thrift_field *kind,
                                struct parquet_element *out)
{
    struct thrift_field field = {0};
    if (!thrift_enter(reader, kind))
        return;
    while (thrift_next(reader, &field)) {
        bool time = kind->id == PARQUET_LOGICAL_TIME || kind->id == PARQUET_LOGICAL_TIMESTAMP;
        if (kind->id == PARQUET_LOGICAL_DECIMAL && field.id == 1)
            out->scale = thrift_integer(reader, &field);
        else if (kind->id == PARQUET_LOGICAL_DECIMAL && field.id == 2)
            out->precision = thrift_integer(reader, &field);
        else if (time && field.id == 1)
            out->is_utc = thrift_boolean(reader, &field);
        else if (time && field.id == 2)
            read_unit(reader, &field, &out->unit);
        else if (kind->id == PARQUET_LOGICAL_INTEGER && field.id == 1)
            out->bits = (uint8_t)thrift_integer(reader, &field);
        else if (kind->id == PARQUET_LOGICAL_INTEGER && field.id == 2)
            out->is_signed = thrift_boolean(reader, &field);
        else
            thrift_skip(reader, field.type);
    }
    thrift_leave(reader);
}

static void read_logical(struct thrift_reader *reader, const struct thrift_field *parent,
                         struct parquet_element *out)
{
    struct thrift_field field = {0};
    if (!thrift_enter(reader, parent))
        return;
    while (thrift_next(reader, &field)) {
        if (field.id > 0 && field.id < 64)
            out->logical = (uint8_t)field.id;
        read_logical_fields(reader, &field, out);
    }
    thrift_leave(reader);
}

static void read_element(struct thrift_reader *reader, struct leat_arena *arena, bool *no_memory,
                         struct parquet_element *out)
{
    struct thrift_field field = {0};
    *out = (struct parquet_element){.name = "",
                                    .type = PARQUET_UNSET,
                                    .type_length = PARQUET_UNSET,
                                    .repetition = PARQUET_UNSET,
                                    .converted = PARQUET_UNSET,
                                    .field_id = PARQUET_UNSET,
                                    .precision = PARQUET_UNSET,
                                    .scale = 0};
    int64_t *const numbers[] = {NULL,
                                &out->type,
                                &out->type_length,
                                &out->repetition,
                                NULL,
                                &out->child_count,
                                &out->converted,
                                &out->scale,
                                &out->precision,
                                &out->field_id};
    while (thrift_next(reader, &field)) {
        if (field.id == 4)
            out->name = copy_text(arena, thrift_binary(reader, &field), no_memory);
        else if (field.id == 10)
            read_logical(reader, &field, out);
        else if (field.id > 0 && field.id < 10)
            *numbers[field.id] = thrift_integer(reader, &field);
        else
            thrift_skip(reader, field.type);
    }
}

static void read_statistics(struct thrift_reader *reader, const struct thrift_field *parent,
                            struct parquet_statistics *out)
{
    struct thrift_field field = {0};
    if (!thrift_enter(reader, parent))
        return;
    while (thrift_next(reader, &field)) {
        bool binary = field.type == THRIFT_BINARY;
        switch (field.id) {
        case 1:
            out->old_max = thrift_binary(reader, &field);
            out->has_old_max = binary;
            break;
        case 2:
            out->old_min = thrift_binary(reader, &field);
            out->has_old_min = binary;
            break;
        case 3:
            out->null_count = thrift_integer(reader, &field);
            break;
        case 4:
            out->distinct_count = thrift_integer(reader, &field);
            break;
        case 5:
            out->max = thrift_binary(reader, &field);
            out->has_max = binary;
            break;
        case 6:
            out->min = thrift_binary(reader, &field);
            out->has_min = binary;
            break;
        case 9:
            out->nan_count = thrift_integer(reader, &field);
            break;
        default:
            thrift_skip(reader, field.type);
        }
    }
    thrift_leave(reader);
}

static bool is_dictionary(int64_t encoding)
{
    return encoding == PARQUET_PLAIN_DICTIONARY || encoding == PARQUET_RLE_DICTIONARY;
}

/* encoding_stats: which encodings the data pages have. */
static void read_encoding_stats(struct thrift_reader *reader, const struct thrift_field *parent,
                                struct parquet_chunk *out)
{
    uint32_t count = thrift_list(reader, parent, THRIFT_STRUCT);
    bool other = false, seen = false;
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        struct thrift_field field = {0};
        int64_t page = -1, encoding = -1, pages = 0;
        while (thrift_next(reader, &field)) {
            if (field.id == 1)
                page = thrift_integer(reader, &field);
            else if (field.id == 2)
                encoding = thrift_integer(reader, &field);
            else if (field.id == 3)
                pages = thrift_integer(reader, &field);
            else
                thrift_skip(reader, field.type);
        }
        if ((page == PARQUET_DATA_PAGE || page == PARQUET_DATA_PAGE_V2) && pages > 0) {
            seen = true;
            other |= !is_dictionary(encoding);
        }
    }
    out->only_dictionary = seen && !other;
}

static void read_encodings(struct thrift_reader *reader, const struct thrift_field *parent,
                           struct parquet_chunk *out)
{
    uint32_t count = thrift_list(reader, parent, THRIFT_I32);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        int64_t encoding = thrift_item_integer(reader);
        if (encoding >= 0 && encoding < 32)
            out->encodings |= 1u << encoding;
    }
}

static void read_chunk_metadata(struct thrift_reader *reader, const struct thrift_field *parent,
                                struct parquet_chunk *out)
{
    struct thrift_field field = {0};
    int64_t unused;
    int64_t *const numbers[] = {NULL,
                                &out->type,
                                NULL,
                                NULL,
                                &out->codec,
                                &out->value_count,
                                &out->plain_size,
                                &out->packed_size,
                                NULL,
                                &out->data_offset,
                                &unused,
                                &out->dictionary_offset};
    if (!thrift_enter(reader, parent))
        return;
    while (thrift_next(reader, &field)) {
        if (field.id == 2)
            read_encodings(reader, &field, out);
        else if (field.id == 12)
            read_statistics(reader, &field, &out->statistics);
        else if (field.id == 13)
            read_encoding_stats(reader, &field, out);
        else if (field.id > 0 && field.id < 12 && numbers[field.id])
            *numbers[field.id] = thrift_integer(reader, &field);
        else
            thrift_skip(reader, field.type);
    }
    thrift_leave(reader);
}

static void read_chunk(struct thrift_reader *reader, struct parquet_chunk *out)
{
    struct thrift_field field = {0};
    *out = (struct parquet_chunk){.type = PARQUET_UNSET,
                                  .codec = PARQUET_UNSET,
                                  .value_count = PARQUET_UNSET,
                                  .packed_size = PARQUET_UNSET,
                                  .data_offset = PARQUET_UNSET,
                                  .dictionary_offset = PARQUET_UNSET,
                                  .offset_index_offset = PARQUET_UNSET,
                                  .column_index_offset = PARQUET_UNSET};
    out->statistics.null_count = PARQUET_UNSET;
    out->statistics.distinct_count = PARQUET_UNSET;
    out->statistics.nan_count = PARQUET_UNSET;
    while (thrift_next(reader, &field)) {
        switch (field.id) {
        case 1:
            out->elsewhere = thrift_binary(reader, &field).length > 0;
            break;
        case 3:
            read_chunk_metadata(reader, &field, out);
            break;
        case 4:
            out->offset_index_offset = thrift_integer(reader, &field);
            break;
        case 5:
            out->offset_index_length = thrift_integer(reader, &field);
            break;
        case 6:
            out->column_index_offset = thrift_integer(reader, &field);
            break;
        case 7:
            out->column_index_length = thrift_integer(reader, &field);
            break;
        case 8:
        case 9:
            out->encrypted = true;
            thrift_skip(reader, field.type);
            break;
        default:
            thrift_skip(reader, field.type);
        }
    }
}

static void read_group(struct thrift_reader *reader, struct leat_arena *arena, bool *no_memory,
                       struct parquet_row_group *out)
{
    struct thrift_field field = {0};
    while (thrift_next(reader, &field)) {
        if (field.id == 1) {
            out->chunk_count = thrift_list(reader, &field, THRIFT_STRUCT);
            out->chunks = LEAT_NEW_ARRAY(arena, struct parquet_chunk, out->chunk_count);
            if (!out->chunks) {
                *no_memory = true;
                out->chunk_count = 0;
                return;
            }
            for (uint32_t i = 0; i < out->chunk_count; i++)
                read_chunk(reader, &out->chunks[i]);
        } else if (field.id == 2) {
            out->byte_size = thrift_integer(reader, &field);
        } else if (field.id == 3) {
            out->rows = thrift_integer(reader, &field);
        } else {
            thrift_skip(reader, field.type);
        }
    }
}

static void read_pairs(struct thrift_reader *reader, const struct thrift_field *parent,
                       struct leat_arena *arena, bool *no_memory, struct parquet_metadata *out)
{
    uint32_t count = thrift_list(reader, parent, THRIFT_STRUCT);
    out->pairs = LEAT_NEW_ARRAY(arena, struct parquet_pair, count);
    if (!out->pairs) {
        *no_memory = true;
        return;
    }
    out->pair_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct thrift_field field = {0};
        out->pairs[i] = (struct parquet_pair){"", ""};
        while (thrift_next(reader, &field)) {
            if (field.id == 1)
                out->pairs[i].key = copy_text(arena, thrift_binary(reader, &field), no_memory);
            else if (field.id == 2)
                out->pairs[i].value = copy_text(arena, thrift_binary(reader, &field), no_memory);
            else
                thrift_skip(reader, field.type);
        }
    }
}

static void read_orders(struct thrift_reader *reader, const struct thrift_field *parent,
                        struct leat_arena *arena, bool *no_memory, struct parquet_metadata *out)
{
    uint32_t count = thrift_list(reader, parent, THRIFT_STRUCT);
    out->orders = LEAT_NEW_ARRAY(arena, uint8_t, count);
    if (!out->orders) {
        *no_memory = true;
        return;
    }
    out->order_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct thrift_field field = {0};
        while (thrift_next(reader, &field)) {
            out->orders[i] = (uint8_t)field.id;
            thrift_skip(reader, field.type);
        }
    }
}

static void read_footer(struct thrift_reader *reader, struct leat_arena *arena, bool *no_memory,
                        struct parquet_metadata *out)
{
    struct thrift_field field = {0};
    while (!*no_memory && thrift_next(reader, &field)) {
        switch (field.id) {
        case 1:
            out->version = thrift_integer(reader, &field);
            break;
        case 2:
            out->element_count = thrift_list(reader, &field, THRIFT_STRUCT);
            out->elements = LEAT_NEW_ARRAY(arena, struct parquet_element, out->element_count);
            *no_memory = !out->elements;
            for (uint32_t i = 0; out->elements && i < out->element_count; i++)
                read_element(reader, arena, no_memory, &out->elements[i]);
            break;
        case 3:
            out->rows = thrift_integer(reader, &field);
            break;
        case 4:
            out->group_count = thrift_list(reader, &field, THRIFT_STRUCT);
            out->groups = LEAT_NEW_ARRAY(arena, struct parquet_row_group, out->group_count);
            *no_memory = !out->groups;
            for (uint32_t i = 0; out->groups && i < out->group_count && !*no_memory; i++)
                read_group(reader, arena, no_memory, &out->groups[i]);
            break;
        case 5:
            read_pairs(reader, &field, arena, no_memory, out);
            break;
        case 6:
            out->created_by = copy_text(arena, thrift_binary(reader, &field), no_memory);
            break;
        case 7:
            read_orders(reader, &field, arena, no_memory, out);
            break;
        case 8:
            out->encrypted = true;
            thrift_skip(reader, field.type);
            break;
        default:
            thrift_skip(reader, field.type);
        }
    }
}

enum leat_status parquet_metadata_read(const uint8_t *bytes, size_t length,
                                       struct leat_arena *arena, struct parquet_metadata *out,
                                       struct leat_error *err)
{
    struct thrift_reader reader = {.at = bytes, .end = bytes + length};
    bool no_memory = false;
    *out = (struct parquet_metadata){.created_by = ""};
    read_footer(&reader, arena, &no_memory, out);
    if (no_memory)
        return leat_error_memory(err);
    if (reader.failed || out->element_count == 0)
        return leat_error_set(err, LEAT_E_PARQUET_CORRUPT, "the footer is damaged");
    return LEAT_OK;
}

static void read_data_header(struct thrift_reader *reader, const struct thrift_field *parent,
                             struct parquet_page_header *out)
{
    struct thrift_field field = {0};
    if (!thrift_enter(reader, parent))
        return;
    while (thrift_next(reader, &field)) {
        if (field.id == 1)
            out->value_count = thrift_integer(reader, &field);
        else if (field.id == 2)
            out->encoding = thrift_integer(reader, &field);
        else if (field.id == 3 && parent->id == 5)
            out->definition_encoding = thrift_integer(reader, &field);
        else if (field.id == 4 && parent->id == 5)
            out->repetition_encoding = thrift_integer(reader, &field);
        else
            thrift_skip(reader, field.type);
    }
    thrift_leave(reader);
}

static void read_data_header_v2(struct thrift_reader *reader, const struct thrift_field *parent,
                                struct parquet_page_header *out)
{
    struct thrift_field field = {0};
    int64_t *const numbers[] = {
        NULL,           &out->value_count,       &out->null_count,       &out->row_count,
        &out->encoding, &out->definition_length, &out->repetition_length};
    out->is_compressed = true;
    if (!thrift_enter(reader, parent))
        return;
    while (thrift_next(reader, &field)) {
        if (field.id > 0 && field.id < 7)
            *numbers[field.id] = thrift_integer(reader, &field);
        else if (field.id == 7)
            out->is_compressed = thrift_boolean(reader, &field);
        else
            thrift_skip(reader, field.type);
    }
    thrift_leave(reader);
}

bool parquet_page_header_read(const uint8_t *bytes, size_t length, struct parquet_page_header *out,
                              size_t *used)
{
    struct thrift_reader reader = {.at = bytes, .end = bytes + length};
    struct thrift_field field = {0};
    *out = (struct parquet_page_header){
        .type = -1, .value_count = -1, .encoding = -1, .is_compressed = true};
    while (thrift_next(&reader, &field)) {
        switch (field.id) {
        case 1:
            out->type = thrift_integer(&reader, &field);
            break;
        case 2:
            out->plain_size = thrift_integer(&reader, &field);
            break;
        case 3:
            out->packed_size = thrift_integer(&reader, &field);
            break;
        case 4:
            out->crc = (uint32_t)thrift_integer(&reader, &field);
            out->has_crc = true;
            break;
        case 5:
        case 7:
            read_data_header(&reader, &field, out);
            break;
        case 8:
            read_data_header_v2(&reader, &field, out);
            break;
        default:
            thrift_skip(&reader, field.type);
        }
    }
    *used = (size_t)(reader.at - bytes);
    return !reader.failed && out->type >= 0 && out->plain_size >= 0 && out->packed_size >= 0 &&
           out->plain_size <= INT32_MAX && out->packed_size <= INT32_MAX;
}

bool parquet_offset_index_read(const uint8_t *bytes, size_t length, struct leat_arena *arena,
                               struct parquet_page_location **out, uint32_t *count)
{
    struct thrift_reader reader = {.at = bytes, .end = bytes + length};
    struct thrift_field field = {0};
    *out = NULL;
    *count = 0;
    while (thrift_next(&reader, &field)) {
        if (field.id != 1) {
            thrift_skip(&reader, field.type);
            continue;
        }
        uint32_t pages = thrift_list(&reader, &field, THRIFT_STRUCT);
        *out = LEAT_NEW_ARRAY(arena, struct parquet_page_location, pages);
        *count = *out ? pages : 0;
        for (uint32_t i = 0; i < *count; i++) {
            struct thrift_field inner = {0};
            struct parquet_page_location *location = &(*out)[i];
            while (thrift_next(&reader, &inner)) {
                if (inner.id == 1)
                    location->offset = thrift_integer(&reader, &inner);
                else if (inner.id == 2)
                    location->size = (int32_t)thrift_integer(&reader, &inner);
                else if (inner.id == 3)
                    location->first_row = thrift_integer(&reader, &inner);
                else
                    thrift_skip(&reader, inner.type);
            }
        }
    }
    return !reader.failed;
}

static struct leat_text *read_texts(struct thrift_reader *reader, const struct thrift_field *field,
                                    struct leat_arena *arena, uint32_t *count)
{
    *count = thrift_list(reader, field, THRIFT_BINARY);
    struct leat_text *texts = LEAT_NEW_ARRAY(arena, struct leat_text, *count);
    for (uint32_t i = 0; texts && i < *count; i++)
        texts[i] = thrift_item_binary(reader);
    return texts;
}

bool parquet_column_index_read(const uint8_t *bytes, size_t length, struct leat_arena *arena,
                               struct parquet_column_index *out)
{
    struct thrift_reader reader = {.at = bytes, .end = bytes + length};
    struct thrift_field field = {0};
    uint32_t nulls = 0, mins = 0, maxs = 0, counts = 0;
    *out = (struct parquet_column_index){0};
    while (thrift_next(&reader, &field)) {
        if (field.id == 1) {
            nulls = thrift_list(&reader, &field, THRIFT_TRUE);
            out->null_pages = LEAT_NEW_ARRAY(arena, uint8_t, nulls);
            for (uint32_t i = 0; out->null_pages && i < nulls; i++)
                out->null_pages[i] = thrift_item_boolean(&reader);
        } else if (field.id == 2) {
            out->min = read_texts(&reader, &field, arena, &mins);
        } else if (field.id == 3) {
            out->max = read_texts(&reader, &field, arena, &maxs);
        } else if (field.id == 5) {
            counts = thrift_list(&reader, &field, THRIFT_I64);
            out->null_counts = LEAT_NEW_ARRAY(arena, int64_t, counts);
            for (uint32_t i = 0; out->null_counts && i < counts; i++)
                out->null_counts[i] = thrift_item_integer(&reader);
        } else {
            thrift_skip(&reader, field.type);
        }
    }
    if (counts != nulls)
        out->null_counts = NULL;
    out->count = nulls;
    return !reader.failed && out->null_pages && out->min && out->max && mins == nulls &&
           maxs == nulls;
}

bool parquet_codec(int64_t number, enum leat_codec_kind *out)
{
    switch (number) {
    case 0:
        *out = LEAT_CODEC_NONE;
        return true;
    case 1:
        *out = LEAT_CODEC_SNAPPY;
        return true;
    case 2:
        *out = LEAT_CODEC_GZIP;
        return true;
    case 4:
        *out = LEAT_CODEC_BROTLI;
        return true;
    case 5:
        *out = LEAT_CODEC_LZ4_HADOOP;
        return true;
    case 6:
        *out = LEAT_CODEC_ZSTD;
        return true;
    case 7:
        *out = LEAT_CODEC_LZ4;
        return true;
    default:
        return false;
    }
}
