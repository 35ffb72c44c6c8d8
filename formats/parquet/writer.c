/*
 * The file writer: rows are cut into small ranges, shredded for each leaf and given to its column
 * writer; when a row group is full all chunks are written in turn. Page indexes are kept as bytes
 * and written before the footer. Branches fill row groups of their own, on other threads, and write
 * them into the first writer's file, one at a time.
 */
#include "formats/parquet/writer_internal.h"

#include <pthread.h>

#define ROW_GROUP_ROWS  131072u
#define ROW_GROUP_BYTES ((uint64_t)128 << 20)
#define PAGE_BYTES      ((size_t)256 << 10)
#define RANGE_ROWS      1024u /* rows shredded at once */
#define NESTED_ROWS     128u

struct index_bytes {
    struct leat_text offset_index;
    struct leat_text column_index;
};
struct group { /* a row group already written */
    struct parquet_row_group group;
    struct index_bytes *indexes;
    int64_t start;
    struct group *next;
};

struct leat_parquet_writer {
    struct leat_parquet_writer *root; /* itself, or the writer of which this is a branch */
    pthread_mutex_t lock;             /* root: held while a row group is written */
    struct leat_output *output;
    struct leat_parquet_write_options options;
    struct leat_arena arena;
    struct leat_arena scratch;
    struct parquet_write_schema schema;
    struct leat_codec codec;
    struct parquet_column_writer **columns; /* a leaf each */
    struct parquet_bounds *totals;
    uint64_t *packed; /* bytes a leaf */
    struct group *first, **last;
    uint32_t group_count;
    uint64_t group_rows;
    uint64_t rows;
    struct parquet_pair *pairs;
};

static void writer_free(struct leat_parquet_writer *writer)
{
    for (uint32_t i = 0; writer->columns && i < writer->schema.leaf_count; i++)
        parquet_column_writer_free(writer->columns[i]);
    leat_codec_release(&writer->codec);
    leat_arena_release(&writer->scratch);
    leat_arena_release(&writer->arena);
    if (writer->root == writer)
        pthread_mutex_destroy(&writer->lock);
    leat_free(writer);
}

static void set_defaults(struct leat_parquet_writer *writer,
                         const struct leat_parquet_write_options *options)
{
    if (options)
        writer->options = *options;
    if (!writer->options.codec_given)
        writer->options.codec = LEAT_CODEC_ZSTD;
    if (!writer->options.row_group_rows)
        writer->options.row_group_rows = ROW_GROUP_ROWS;
    if (!writer->options.row_group_bytes)
        writer->options.row_group_bytes = ROW_GROUP_BYTES;
    if (!writer->options.page_bytes)
        writer->options.page_bytes = PAGE_BYTES;
}

static enum leat_status copy_pairs(struct leat_parquet_writer *writer, struct leat_error *err)
{
    size_t count = writer->options.metadata_count;
    writer->pairs = LEAT_NEW_ARRAY(&writer->arena, struct parquet_pair, count);
    if (!writer->pairs)
        return leat_error_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct leat_parquet_metadata *pair = &writer->options.metadata[i];
        writer->pairs[i].key = leat_arena_strdup(&writer->arena, pair->key);
        writer->pairs[i].value = leat_arena_strdup(&writer->arena, pair->value);
        if (!writer->pairs[i].key || !writer->pairs[i].value)
            return leat_error_memory(err);
    }
    writer->options.metadata = NULL;
    return LEAT_OK;
}

static enum leat_status make_columns(struct leat_parquet_writer *writer, struct leat_error *err)
{
    uint32_t count = writer->schema.leaf_count;
    struct parquet_column_options options = {.codec = writer->options.codec,
                                             .level = writer->options.level,
                                             .page_bytes = writer->options.page_bytes,
                                             .accountant = writer->options.accountant};
    writer->columns = LEAT_NEW_ARRAY(&writer->arena, struct parquet_column_writer *, count);
    writer->totals = LEAT_NEW_ARRAY(&writer->arena, struct parquet_bounds, count);
    writer->packed = LEAT_NEW_ARRAY(&writer->arena, uint64_t, count);
    if (!writer->columns || !writer->totals || !writer->packed)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        LEAT_TRY(parquet_column_writer_new(&writer->schema.leaves[i], &options, &writer->codec,
                                           &writer->columns[i], err));
        parquet_bounds_init(&writer->totals[i], writer->schema.leaves[i].kind);
    }
    return LEAT_OK;
}

enum leat_status leat_parquet_writer_open(struct leat_output *output,
                                          const struct leat_schema *schema,
                                          const struct leat_parquet_write_options *options,
                                          struct leat_parquet_writer **out, struct leat_error *err)
{
    *out = NULL;
    struct leat_parquet_writer *writer = leat_calloc(1, sizeof(*writer));
    if (!writer)
        return leat_error_memory(err);
    writer->root = writer;
    pthread_mutex_init(&writer->lock, NULL);
    writer->output = output;
    writer->last = &writer->first;
    set_defaults(writer, options);
    leat_arena_init(&writer->arena, writer->options.accountant);
    leat_arena_init(&writer->scratch, writer->options.accountant);
    enum leat_status status = LEAT_OK;
    if (!leat_codec_can_write(writer->options.codec) || writer->options.codec == LEAT_CODEC_DEFLATE)
        status = leat_error_set(err, LEAT_E_UNSUPPORTED, "codec %s cannot be written to Parquet",
                                leat_codec_name(writer->options.codec));
    if (!status)
        status = copy_pairs(writer, err);
    if (!status)
        status = parquet_write_schema_init(schema, &writer->arena, &writer->schema, err);
    if (!status)
        status = make_columns(writer, err);
    if (!status)
        status = leat_output_write(output, "PAR1", 4, err);
    if (status)
        writer_free(writer);
    else
        *out = writer;
    return status;
}

enum leat_status leat_parquet_writer_branch(struct leat_parquet_writer *root,
                                            struct leat_parquet_writer **out,
                                            struct leat_error *err)
{
    struct leat_parquet_writer *writer = leat_calloc(1, sizeof(*writer));
    *out = NULL;
    if (!writer)
        return leat_error_memory(err);
    writer->root = root;
    writer->options = root->options;
    writer->schema = root->schema; /* lies in the root's arena and does not change */
    leat_arena_init(&writer->arena, writer->options.accountant);
    leat_arena_init(&writer->scratch, writer->options.accountant);
    enum leat_status status = make_columns(writer, err);
    if (status)
        writer_free(writer);
    else
        *out = writer;
    return status;
}

static uint64_t held_bytes(const struct leat_parquet_writer *writer)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < writer->schema.leaf_count; i++)
        size += parquet_column_writer_size(writer->columns[i]);
    return size;
}

uint64_t leat_parquet_writer_size(const struct leat_parquet_writer *writer)
{
    return writer->output->position + held_bytes(writer);
}

/* Writes the columns' chunks as a row group of the root's file. */
static enum leat_status put_group(struct leat_parquet_writer *writer, struct leat_error *err)
{
    struct leat_parquet_writer *root = writer->root;
    uint32_t count = writer->schema.leaf_count;
    struct group *group = LEAT_NEW(&root->arena, struct group);
    if (!group)
        return leat_error_memory(err);
    group->group.rows = (int64_t)writer->group_rows;
    group->group.chunk_count = count;
    group->group.chunks = LEAT_NEW_ARRAY(&root->arena, struct parquet_chunk, count);
    group->indexes = LEAT_NEW_ARRAY(&root->arena, struct index_bytes, count);
    group->start = (int64_t)root->output->position;
    if (!group->group.chunks || !group->indexes)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        struct parquet_chunk *chunk = &group->group.chunks[i];
        LEAT_TRY(parquet_column_writer_flush(writer->columns[i], root->output, &root->arena, chunk,
                                             &root->totals[i], err));
        LEAT_TRY(parquet_column_writer_index(writer->columns[i], &root->arena,
                                             &group->indexes[i].offset_index,
                                             &group->indexes[i].column_index, err));
        group->group.byte_size += chunk->plain_size;
        root->packed[i] += (uint64_t)chunk->packed_size;
    }
    *root->last = group;
    root->last = &group->next;
    root->group_count++;
    root->rows += writer->group_rows;
    writer->group_rows = 0;
    return LEAT_OK;
}

static enum leat_status flush_group(struct leat_parquet_writer *writer, struct leat_error *err)
{
    if (writer->group_rows == 0)
        return LEAT_OK;
    for (uint32_t i = 0; i < writer->schema.leaf_count; i++)
        LEAT_TRY(parquet_column_writer_seal(writer->columns[i], err));
    pthread_mutex_lock(&writer->root->lock);
    enum leat_status status = put_group(writer, err);
    pthread_mutex_unlock(&writer->root->lock);
    return status;
}

/* How many rows from `start` on go at once: few if their texts are long, so that pages stay small.
 */
static uint32_t range_rows(const struct leat_parquet_writer *writer,
                           const struct parquet_leaf *leaf, const struct leat_vector *column,
                           uint32_t start, uint32_t left)
{
    uint32_t rows = leaf->max_repetition ? NESTED_ROWS : RANGE_ROWS;
    size_t bytes = 0;
    if (rows > left)
        rows = left;
    if (leaf->step_count > 1 || leaf->kind != PARQUET_VALUE_STRING ||
        !leat_type_is_string(leaf->type))
        return rows;
    for (uint32_t i = 0; i < rows; i++) {
        const struct leat_vector *base;
        if (leat_vector_is_null(column, start + i))
            continue;
        uint32_t at = leat_vector_locate(column, start + i, &base);
        bytes += ((const struct leat_string *)base->data)[at].length;
        if (bytes > writer->options.page_bytes)
            return i + 1;
    }
    return rows;
}

static enum leat_status write_leaf(struct leat_parquet_writer *writer, uint32_t i,
                                   const struct leat_vector *column, uint32_t start, uint32_t count,
                                   struct leat_error *err)
{
    const struct parquet_leaf *leaf = &writer->schema.leaves[i];
    for (uint32_t at = start; at < start + count;) {
        struct parquet_shred shred;
        uint32_t rows = range_rows(writer, leaf, column, at, start + count - at);
        leat_arena_reset(&writer->scratch);
        LEAT_TRY(parquet_shred_rows(leaf, column, at, rows, &writer->scratch, &shred, err));
        LEAT_TRY(parquet_column_writer_add(writer->columns[i], &shred, err));
        at += rows;
    }
    return LEAT_OK;
}

enum leat_status leat_parquet_writer_write(struct leat_parquet_writer *writer,
                                           const struct leat_batch *batch, struct leat_error *err)
{
    for (uint32_t start = 0; start < batch->length;) {
        uint64_t room = writer->options.row_group_rows - writer->group_rows;
        uint32_t count = batch->length - start;
        if (count > room)
            count = (uint32_t)room;
        for (uint32_t i = 0; i < writer->schema.leaf_count; i++) {
            const struct leat_vector *column = &batch->columns[writer->schema.leaves[i].column];
            LEAT_TRY(write_leaf(writer, i, column, start, count, err));
        }
        start += count;
        writer->group_rows += count;
        if (writer->group_rows >= writer->options.row_group_rows ||
            held_bytes(writer) >= writer->options.row_group_bytes)
            LEAT_TRY(flush_group(writer, err));
    }
    return LEAT_OK;
}

static enum leat_status write_indexes(struct leat_parquet_writer *writer, struct leat_error *err)
{
    struct leat_output *output = writer->output;
    for (struct group *group = writer->first; group; group = group->next) {
        for (uint32_t i = 0; i < group->group.chunk_count; i++) {
            const struct leat_text *bytes = &group->indexes[i].column_index;
            struct parquet_chunk *chunk = &group->group.chunks[i];
            if (bytes->length == 0)
                continue;
            chunk->column_index_offset = (int64_t)output->position;
            chunk->column_index_length = (int64_t)bytes->length;
            LEAT_TRY(leat_output_write(output, bytes->data, bytes->length, err));
        }
    }
    for (struct group *group = writer->first; group; group = group->next) {
        for (uint32_t i = 0; i < group->group.chunk_count; i++) {
            const struct leat_text *bytes = &group->indexes[i].offset_index;
            struct parquet_chunk *chunk = &group->group.chunks[i];
            chunk->offset_index_offset = (int64_t)output->position;
            chunk->offset_index_length = (int64_t)bytes->length;
            LEAT_TRY(leat_output_write(output, bytes->data, bytes->length, err));
        }
    }
    return LEAT_OK;
}

static enum leat_status write_footer(struct leat_parquet_writer *writer, struct leat_error *err)
{
    struct parquet_metadata metadata = {.version = 2,
                                        .rows = (int64_t)writer->rows,
                                        .element_count = writer->schema.element_count,
                                        .elements = writer->schema.elements,
                                        .group_count = writer->group_count,
                                        .pair_count = (uint32_t)writer->options.metadata_count,
                                        .pairs = writer->pairs,
                                        .created_by = "leat version " LEAT_VERSION,
                                        .order_count = writer->schema.leaf_count};
    struct leat_buffer bytes;
    metadata.groups = LEAT_NEW_ARRAY(&writer->arena, struct parquet_row_group, writer->group_count);
    if (!metadata.groups)
        return leat_error_memory(err);
    uint32_t i = 0;
    for (struct group *group = writer->first; group; group = group->next)
        metadata.groups[i++] = group->group;
    leat_buffer_init(&bytes, 0);
    enum leat_status status = parquet_metadata_put(&metadata, &bytes, err);
    if (!status)
        status = leat_buffer_put_u32(&bytes, (uint32_t)bytes.length, err);
    if (!status)
        status = leat_buffer_append(&bytes, "PAR1", 4, err);
    if (!status)
        status = leat_output_write(writer->output, bytes.data, bytes.length, err);
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status fill_column(struct leat_parquet_writer *writer, uint32_t i,
                                    struct leat_parquet_column_result *out,
                                    struct leat_arena *arena, struct leat_error *err)
{
    const struct parquet_leaf *leaf = &writer->schema.leaves[i];
    const struct parquet_bounds *total = &writer->totals[i];
    *out = (struct leat_parquet_column_result){.path = leat_arena_strdup(arena, leaf->path),
                                               .field_id = leaf->field_id,
                                               .repeated = leaf->max_repetition > 0,
                                               .bytes = writer->packed[i],
                                               .values = total->values,
                                               .nulls = total->nulls,
                                               .nans = total->nans};
    const struct leat_type *type;
    LEAT_TRY(leat_type_copy(leaf->type->id == LEAT_INTERVAL ? leat_type_get(LEAT_TEXT) : leaf->type,
                            arena, &type, err));
    LEAT_TRY(parquet_bounds_value(total, false, type, arena, &out->lower, err));
    LEAT_TRY(parquet_bounds_value(total, true, type, arena, &out->upper, err));
    return out->path ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status fill_result(struct leat_parquet_writer *writer,
                                    struct leat_parquet_result *result, struct leat_error *err)
{
    struct leat_arena *arena = &result->arena;
    result->rows = writer->rows;
    result->bytes = writer->output->position;
    result->column_count = writer->schema.leaf_count;
    result->columns =
        LEAT_NEW_ARRAY(arena, struct leat_parquet_column_result, result->column_count);
    result->splits = LEAT_NEW_ARRAY(arena, int64_t, writer->group_count);
    if (!result->columns || !result->splits)
        return leat_error_memory(err);
    for (struct group *group = writer->first; group; group = group->next)
        result->splits[result->split_count++] = group->start;
    for (uint32_t i = 0; i < result->column_count; i++)
        LEAT_TRY(fill_column(writer, i, &result->columns[i], arena, err));
    return LEAT_OK;
}

enum leat_status leat_parquet_writer_join(struct leat_parquet_writer *branch,
                                          struct leat_error *err)
{
    enum leat_status status = flush_group(branch, err);
    writer_free(branch);
    return status;
}

enum leat_status leat_parquet_writer_finish(struct leat_parquet_writer *writer,
                                            struct leat_parquet_result *result,
                                            struct leat_error *err)
{
    if (result) {
        *result = (struct leat_parquet_result){0};
        leat_arena_init(&result->arena, NULL);
    }
    enum leat_status status = flush_group(writer, err);
    if (!status)
        status = write_indexes(writer, err);
    if (!status)
        status = write_footer(writer, err);
    if (!status && result)
        status = fill_result(writer, result, err);
    if (status)
        leat_output_abort(writer->output);
    else
        status = leat_output_finish(writer->output, err);
    if (status && result)
        leat_parquet_result_release(result);
    writer_free(writer);
    return status;
}

void leat_parquet_writer_abort(struct leat_parquet_writer *writer)
{
    if (!writer)
        return;
    if (writer->root == writer)
        leat_output_abort(writer->output);
    writer_free(writer);
}

void leat_parquet_result_release(struct leat_parquet_result *result)
{
    leat_arena_release(&result->arena);
    *result = (struct leat_parquet_result){0};
}
