/*
 * The container writer: rows are encoded into a block until it is full, then compressed and written
 * behind its row and byte counts, with the file's sync marker after it.
 */
#include "formats/avro/avro_internal.h"
#include "base/hash.h"

#define BLOCK_BYTES ((size_t)64 << 10)

struct leat_avro_writer {
    struct leat_output *output;
    struct leat_arena arena;
    struct leat_schema schema;
    struct avro_encoder *encoder;
    struct leat_codec codec;
    enum leat_codec_kind codec_kind;
    int level;
    size_t block_bytes;
    struct leat_buffer block;
    struct leat_buffer packed;
    uint64_t block_rows;
    uint64_t rows;
    uint8_t sync[AVRO_SYNC];
};

static const char *codec_name(enum leat_codec_kind kind)
{
    switch (kind) {
    case LEAT_CODEC_NONE:
        return "null";
    case LEAT_CODEC_DEFLATE:
        return "deflate";
    case LEAT_CODEC_ZSTD:
        return "zstandard";
    case LEAT_CODEC_SNAPPY:
        return "snappy";
    default:
        return NULL;
    }
}

static enum leat_status put_bytes(struct leat_buffer *out, const void *bytes, size_t length,
                                  struct leat_error *err)
{
    LEAT_TRY(avro_put_long(out, (int64_t)length, err));
    return leat_buffer_append(out, bytes, length, err);
}

static enum leat_status put_pair(struct leat_buffer *out, const char *key, const void *bytes,
                                 size_t length, struct leat_error *err)
{
    LEAT_TRY(put_bytes(out, key, strlen(key), err));
    return put_bytes(out, bytes, length, err);
}

static enum leat_status put_header(struct leat_avro_writer *writer, struct leat_text json,
                                   const struct leat_avro_write_options *options,
                                   struct leat_error *err)
{
    struct leat_buffer *out = &writer->block;
    const char *codec = codec_name(options->codec);
    LEAT_TRY(leat_buffer_append(out, avro_magic, sizeof(avro_magic), err));
    LEAT_TRY(avro_put_long(out, (int64_t)(2 + options->metadata_count), err));
    LEAT_TRY(put_pair(out, "avro.schema", json.data, json.length, err));
    LEAT_TRY(put_pair(out, "avro.codec", codec, strlen(codec), err));
    for (size_t i = 0; i < options->metadata_count; i++) {
        const struct leat_avro_metadata *pair = &options->metadata[i];
        LEAT_TRY(put_pair(out, pair->key, pair->value.data, pair->value.length, err));
    }
    LEAT_TRY(avro_put_long(out, 0, err));
    LEAT_TRY(leat_buffer_append(out, writer->sync, AVRO_SYNC, err));
    LEAT_TRY(leat_output_write(writer->output, out->data, out->length, err));
    out->length = 0;
    return LEAT_OK;
}

static enum leat_status start(struct leat_avro_writer *writer,
                              const struct leat_avro_write_options *options, struct leat_error *err)
{
    struct leat_buffer made;
    struct leat_text json = leat_text_of(options->schema_json);
    struct avro_node *root = NULL;
    enum leat_status status = LEAT_OK;
    leat_buffer_init(&made, 0);
    if (!json.data) {
        status = leat_avro_schema_json(&writer->schema, options->record_name, &made, err);
        json = (struct leat_text){(const char *)made.data, made.length};
    }
    if (!status)
        status = avro_schema_parse(json.data, json.length, &writer->arena, &root, err);
    if (!status)
        status = avro_encoder_new(root, &writer->schema, &writer->arena, &writer->encoder, err);
    if (!status)
        status = put_header(writer, json, options, err);
    leat_buffer_release(&made);
    return status;
}

static void writer_free(struct leat_avro_writer *writer)
{
    leat_codec_release(&writer->codec);
    leat_buffer_release(&writer->block);
    leat_buffer_release(&writer->packed);
    leat_arena_release(&writer->arena);
    leat_free(writer);
}

enum leat_status leat_avro_writer_open(struct leat_output *output, const struct leat_schema *schema,
                                       const struct leat_avro_write_options *options,
                                       struct leat_avro_writer **out, struct leat_error *err)
{
    static const struct leat_avro_write_options defaults = {0};
    *out = NULL;
    if (!options)
        options = &defaults;
    if (!codec_name(options->codec))
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "codec %s cannot be written to Avro",
                              leat_codec_name(options->codec));
    struct leat_avro_writer *writer = leat_calloc(1, sizeof(*writer));
    if (!writer)
        return leat_error_memory(err);
    writer->output = output;
    writer->schema = *schema;
    writer->codec_kind = options->codec;
    writer->level = options->level;
    writer->block_bytes = options->block_bytes ? options->block_bytes : BLOCK_BYTES;
    leat_arena_init(&writer->arena, NULL);
    leat_buffer_init(&writer->block, 0);
    leat_buffer_init(&writer->packed, 0);
    for (size_t i = 0; i < AVRO_SYNC; i += 8) {
        uint64_t random = leat_random_u64();
        memcpy(writer->sync + i, &random, 8);
    }
    enum leat_status status = start(writer, options, err);
    if (status)
        writer_free(writer);
    else
        *out = writer;
    return status;
}

static enum leat_status flush(struct leat_avro_writer *writer, struct leat_error *err)
{
    struct leat_buffer *packed = &writer->packed;
    uint8_t counts[20];
    struct leat_buffer head = {.data = counts, .capacity = sizeof(counts), .maximum = 20};
    if (writer->block_rows == 0)
        return LEAT_OK;
    packed->length = 0;
    LEAT_TRY(leat_codec_compress(&writer->codec, writer->codec_kind, writer->level,
                                 writer->block.data, writer->block.length, packed, err));
    if (writer->codec_kind == LEAT_CODEC_SNAPPY) {
        uint32_t crc =
            __builtin_bswap32(leat_hash_crc32(writer->block.data, writer->block.length, 0));
        LEAT_TRY(leat_buffer_append(packed, &crc, 4, err));
    }
    LEAT_TRY(leat_buffer_append(packed, writer->sync, AVRO_SYNC, err));
    LEAT_TRY(avro_put_long(&head, (int64_t)writer->block_rows, err));
    LEAT_TRY(avro_put_long(&head, (int64_t)(packed->length - AVRO_SYNC), err));
    LEAT_TRY(leat_output_write(writer->output, head.data, head.length, err));
    LEAT_TRY(leat_output_write(writer->output, packed->data, packed->length, err));
    writer->block.length = 0;
    writer->block_rows = 0;
    return LEAT_OK;
}

enum leat_status leat_avro_writer_write(struct leat_avro_writer *writer,
                                        const struct leat_batch *batch, struct leat_error *err)
{
    for (uint32_t row = 0; row < batch->length; row++) {
        LEAT_TRY(avro_encode_row(writer->encoder, batch, row, &writer->block, err));
        writer->rows++;
        writer->block_rows++;
        if (writer->block.length >= writer->block_bytes)
            LEAT_TRY(flush(writer, err));
    }
    return LEAT_OK;
}

enum leat_status leat_avro_writer_finish(struct leat_avro_writer *writer, uint64_t *rows,
                                         uint64_t *bytes, struct leat_error *err)
{
    enum leat_status status = flush(writer, err);
    if (status) {
        leat_output_abort(writer->output);
    } else {
        if (rows)
            *rows = writer->rows;
        if (bytes)
            *bytes = writer->output->position;
        status = leat_output_finish(writer->output, err);
    }
    writer_free(writer);
    return status;
}

void leat_avro_writer_abort(struct leat_avro_writer *writer)
{
    if (!writer)
        return;
    leat_output_abort(writer->output);
    writer_free(writer);
}
