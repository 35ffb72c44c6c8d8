/*
 * Each codec is a pair of functions over its library: zstd, zlib, snappy, lz4, brotli. Contexts are
 * made when first needed and reset for each block. The LZ4 that Hadoop writes has no marker, so its
 * framing is tried first, then a bare block, then the LZ4 frame's magic number is looked for.
 */
#define ZSTD_STATIC_LINKING_ONLY /* custom memory functions */
#include "formats/compression/codec.h"
#include "formats/compression/snappy_block.h"
#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>
#ifdef LEAT_HAVE_BROTLI
#include <brotli/decode.h>
#endif

#define ZSTD_DEFAULT_LEVEL 1
#define GZIP_WINDOW        (15 + 16)
#define ANY_WINDOW         (15 + 32) /* gzip or zlib, told apart by their first bytes */
#define BARE_WINDOW        (-15)

static void *zstd_alloc(void *opaque, size_t size)
{
    (void)opaque;
    return leat_malloc(size);
}

static void seam_free(void *opaque, void *block)
{
    (void)opaque;
    leat_free(block);
}

static void *zlib_alloc(void *opaque, unsigned items, unsigned size)
{
    (void)opaque;
    return leat_calloc(items, size);
}

static const ZSTD_customMem zstd_memory = {zstd_alloc, seam_free, NULL};

void leat_codec_release(struct leat_codec *codec)
{
    if (codec->zstd_decompress)
        ZSTD_freeDCtx(codec->zstd_decompress);
    if (codec->zstd_compress)
        ZSTD_freeCCtx(codec->zstd_compress);
    if (codec->inflate) {
        inflateEnd(codec->inflate);
        leat_free(codec->inflate);
    }
    if (codec->deflate) {
        deflateEnd(codec->deflate);
        leat_free(codec->deflate);
    }
    *codec = (struct leat_codec){0};
}

const char *leat_codec_name(enum leat_codec_kind kind)
{
    switch (kind) {
    case LEAT_CODEC_NONE:
        return "none";
    case LEAT_CODEC_SNAPPY:
        return "snappy";
    case LEAT_CODEC_ZSTD:
        return "zstd";
    case LEAT_CODEC_GZIP:
        return "gzip";
    case LEAT_CODEC_DEFLATE:
        return "deflate";
    case LEAT_CODEC_LZ4:
        return "lz4_raw";
    case LEAT_CODEC_LZ4_HADOOP:
        return "lz4";
    case LEAT_CODEC_BROTLI:
        return "brotli";
    }
    return "unknown";
}

bool leat_codec_can_read(enum leat_codec_kind kind)
{
#ifdef LEAT_HAVE_BROTLI
    return kind <= LEAT_CODEC_BROTLI;
#else
    return kind < LEAT_CODEC_BROTLI;
#endif
}

bool leat_codec_can_write(enum leat_codec_kind kind)
{
    return kind <= LEAT_CODEC_LZ4;
}

static enum leat_status damaged(enum leat_codec_kind kind, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_COMPRESSED_DATA, "damaged %s data", leat_codec_name(kind));
}

static enum leat_status unsupported(enum leat_codec_kind kind, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_UNSUPPORTED, "compression codec %s is not supported",
                          leat_codec_name(kind));
}

static enum leat_status zstd_reader(struct leat_codec *codec, ZSTD_DCtx **out,
                                    struct leat_error *err)
{
    if (!codec->zstd_decompress)
        codec->zstd_decompress = ZSTD_createDCtx_advanced(zstd_memory);
    *out = codec->zstd_decompress;
    return *out ? LEAT_OK : leat_error_memory(err);
}

/* A reset inflater for the window kind. */
static enum leat_status zlib_reader(struct leat_codec *codec, int window, z_stream **out,
                                    struct leat_error *err)
{
    z_stream *stream = codec->inflate;
    if (!stream) {
        stream = leat_calloc(1, sizeof(*stream));
        if (!stream)
            return leat_error_memory(err);
        stream->zalloc = zlib_alloc;
        stream->zfree = seam_free;
        if (inflateInit2(stream, window) != Z_OK) {
            leat_free(stream);
            return leat_error_memory(err);
        }
        codec->inflate = stream;
    } else if (inflateReset2(stream, window) != Z_OK) {
        return leat_error_memory(err);
    }
    *out = stream;
    return LEAT_OK;
}

static unsigned chunk(size_t length)
{
    return (unsigned)(length > (1U << 30) ? (1U << 30) : length);
}

static int window_of(enum leat_codec_kind kind)
{
    return kind == LEAT_CODEC_DEFLATE ? BARE_WINDOW : ANY_WINDOW;
}

/* All members of the input into exactly out_length bytes. */
static enum leat_status inflate_exact(struct leat_codec *codec, enum leat_codec_kind kind,
                                      const uint8_t *in, size_t in_length, uint8_t *out,
                                      size_t out_length, struct leat_error *err)
{
    size_t in_at = 0, out_at = 0;
    uint8_t spare; /* an empty block still ends with a trailer: zlib wants room to be told so */
    z_stream *stream;
    LEAT_TRY(zlib_reader(codec, window_of(kind), &stream, err));
    for (;;) {
        unsigned gave = chunk(in_length - in_at), room = chunk(out_length - out_at);
        stream->next_in = (Bytef *)(uintptr_t)(in + in_at);
        stream->avail_in = gave;
        stream->next_out = room ? out + out_at : &spare;
        stream->avail_out = room ? room : 1;
        int code = inflate(stream, Z_NO_FLUSH);
        size_t made = (room ? room : 1) - stream->avail_out;
        if (made > room)
            return damaged(kind, err); /* more bytes than were announced */
        in_at += gave - stream->avail_in;
        out_at += made;
        if (code == Z_MEM_ERROR)
            return leat_error_memory(err);
        if (code == Z_STREAM_END) {
            if (kind == LEAT_CODEC_DEFLATE || in_at == in_length || out_at == out_length)
                break;
            if (inflateReset(stream) != Z_OK)
                return leat_error_memory(err);
        } else if (code != Z_OK || (made == 0 && gave == stream->avail_in)) {
            return damaged(kind, err);
        }
    }
    return out_at == out_length ? LEAT_OK : damaged(kind, err);
}

static enum leat_status zstd_exact(struct leat_codec *codec, const void *in, size_t in_length,
                                   void *out, size_t out_length, struct leat_error *err)
{
    ZSTD_DCtx *context;
    LEAT_TRY(zstd_reader(codec, &context, err));
    size_t made = ZSTD_decompressDCtx(context, out, out_length, in, in_length);
    if (ZSTD_isError(made) && ZSTD_getErrorCode(made) == ZSTD_error_memory_allocation)
        return leat_error_memory(err);
    return made == out_length ? LEAT_OK : damaged(LEAT_CODEC_ZSTD, err);
}

static enum leat_status snappy_exact(const void *in, size_t in_length, void *out, size_t out_length,
                                     struct leat_error *err)
{
    return leat_snappy_block_decode(in, in_length, out, out_length)
               ? LEAT_OK
               : damaged(LEAT_CODEC_SNAPPY, err);
}

static bool lz4_block(const uint8_t *in, size_t in_length, uint8_t *out, size_t out_length)
{
    if (in_length > INT32_MAX || out_length > INT32_MAX)
        return false;
    int made = LZ4_decompress_safe((const char *)in, (char *)out, (int)in_length, (int)out_length);
    return made >= 0 && (size_t)made == out_length;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Hadoop: u32 decompressed length, u32 compressed length, block; again and again. */
static bool lz4_hadoop(const uint8_t *in, size_t in_length, uint8_t *out, size_t out_length)
{
    while (in_length >= 8) {
        size_t plain = big_endian(in), packed = big_endian(in + 4);
        in += 8;
        in_length -= 8;
        if (packed > in_length || plain > out_length || !lz4_block(in, packed, out, plain))
            return false;
        in += packed;
        in_length -= packed;
        out += plain;
        out_length -= plain;
    }
    return in_length == 0 && out_length == 0;
}

static bool lz4_frame(const uint8_t *in, size_t in_length, uint8_t *out, size_t out_length)
{
    static const uint8_t magic[4] = {0x04, 0x22, 0x4d, 0x18};
    LZ4F_dctx *context = NULL;
    bool good = false;
    if (in_length < 4 || memcmp(in, magic, 4) != 0 ||
        LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return false;
    for (;;) {
        size_t took = in_length, made = out_length;
        size_t left = LZ4F_decompress(context, out, &made, in, &took, NULL);
        if (LZ4F_isError(left))
            break;
        in += took;
        in_length -= took;
        out += made;
        out_length -= made;
        if (left == 0 || (took == 0 && made == 0)) {
            good = left == 0 && out_length == 0;
            break;
        }
    }
    LZ4F_freeDecompressionContext(context);
    return good;
}

enum leat_status leat_codec_decompress(struct leat_codec *codec, enum leat_codec_kind kind,
                                       const void *in, size_t in_length, void *out,
                                       size_t out_length, struct leat_error *err)
{
    switch (kind) {
    case LEAT_CODEC_NONE:
        if (in_length != out_length)
            return damaged(kind, err);
        if (in_length)
            memcpy(out, in, in_length);
        return LEAT_OK;
    case LEAT_CODEC_SNAPPY:
        return snappy_exact(in, in_length, out, out_length, err);
    case LEAT_CODEC_ZSTD:
        return zstd_exact(codec, in, in_length, out, out_length, err);
    case LEAT_CODEC_GZIP:
    case LEAT_CODEC_DEFLATE:
        return inflate_exact(codec, kind, in, in_length, out, out_length, err);
    case LEAT_CODEC_LZ4:
        return lz4_block(in, in_length, out, out_length) ? LEAT_OK : damaged(kind, err);
    case LEAT_CODEC_LZ4_HADOOP:
        return lz4_hadoop(in, in_length, out, out_length) ||
                       lz4_block(in, in_length, out, out_length) ||
                       lz4_frame(in, in_length, out, out_length)
                   ? LEAT_OK
                   : damaged(kind, err);
    case LEAT_CODEC_BROTLI:
        break;
    }
#ifdef LEAT_HAVE_BROTLI
    if (kind == LEAT_CODEC_BROTLI) {
        size_t made = out_length;
        BrotliDecoderResult result = BrotliDecoderDecompress(in_length, in, &made, out);
        return result == BROTLI_DECODER_RESULT_SUCCESS && made == out_length ? LEAT_OK
                                                                             : damaged(kind, err);
    }
#endif
    return unsupported(kind, err);
}

static enum leat_status too_large(enum leat_codec_kind kind, size_t maximum, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_LIMIT, "%s data decompresses to more than %zu bytes",
                          leat_codec_name(kind), maximum);
}

static enum leat_status inflate_append(struct leat_codec *codec, enum leat_codec_kind kind,
                                       const uint8_t *in, size_t in_length, struct leat_buffer *out,
                                       size_t limit, struct leat_error *err)
{
    size_t in_at = 0;
    z_stream *stream;
    LEAT_TRY(zlib_reader(codec, window_of(kind), &stream, err));
    for (;;) {
        LEAT_TRY(leat_buffer_reserve(out, 4096, err));
        unsigned gave = chunk(in_length - in_at), room = chunk(out->capacity - out->length);
        stream->next_in = (Bytef *)(uintptr_t)(in + in_at);
        stream->avail_in = gave;
        stream->next_out = out->data + out->length;
        stream->avail_out = room;
        int code = inflate(stream, Z_NO_FLUSH);
        in_at += gave - stream->avail_in;
        out->length += room - stream->avail_out;
        if (out->length > limit)
            return too_large(kind, limit, err);
        if (code == Z_MEM_ERROR)
            return leat_error_memory(err);
        if (code == Z_STREAM_END) {
            if (kind == LEAT_CODEC_DEFLATE || in_at == in_length)
                return LEAT_OK;
            if (inflateReset(stream) != Z_OK)
                return leat_error_memory(err);
        } else if (code != Z_OK) { /* Z_BUF_ERROR: the input ended too early */
            return damaged(kind, err);
        }
    }
}

static enum leat_status zstd_append(struct leat_codec *codec, const void *in, size_t in_length,
                                    struct leat_buffer *out, size_t limit, struct leat_error *err)
{
    ZSTD_DCtx *context;
    LEAT_TRY(zstd_reader(codec, &context, err));
    ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
    ZSTD_inBuffer source = {in, in_length, 0};
    for (;;) {
        LEAT_TRY(leat_buffer_reserve(out, 4096, err));
        ZSTD_outBuffer target = {out->data, out->capacity, out->length};
        size_t before = source.pos;
        size_t left = ZSTD_decompressStream(context, &target, &source);
        bool moved = target.pos != out->length || source.pos != before;
        if (ZSTD_isError(left))
            return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation
                       ? leat_error_memory(err)
                       : damaged(LEAT_CODEC_ZSTD, err);
        out->length = target.pos;
        if (out->length > limit)
            return too_large(LEAT_CODEC_ZSTD, limit, err);
        if (left == 0 && source.pos == in_length)
            return LEAT_OK;
        if (!moved)
            return damaged(LEAT_CODEC_ZSTD, err); /* the input ended too early */
    }
}

static enum leat_status snappy_append(const void *in, size_t in_length, struct leat_buffer *out,
                                      size_t maximum, struct leat_error *err)
{
    size_t length = 0;
    if (snappy_uncompressed_length(in, in_length, &length) != SNAPPY_OK)
        return damaged(LEAT_CODEC_SNAPPY, err);
    if (length > maximum)
        return too_large(LEAT_CODEC_SNAPPY, maximum, err);
    /* One byte of a snappy block makes at most 64/3 bytes: refuse before reserving. */
    if (length / 32 > in_length)
        return damaged(LEAT_CODEC_SNAPPY, err);
    LEAT_TRY(leat_buffer_reserve(out, length + 1, err));
    LEAT_TRY(snappy_exact(in, in_length, out->data + out->length, length, err));
    out->length += length;
    return LEAT_OK;
}

enum leat_status leat_codec_decompress_append(struct leat_codec *codec, enum leat_codec_kind kind,
                                              const void *in, size_t in_length,
                                              struct leat_buffer *out, size_t maximum,
                                              struct leat_error *err)
{
    size_t limit = out->length + maximum;
    switch (kind) {
    case LEAT_CODEC_NONE:
        if (in_length > maximum)
            return too_large(kind, maximum, err);
        return leat_buffer_append(out, in, in_length, err);
    case LEAT_CODEC_SNAPPY:
        return snappy_append(in, in_length, out, maximum, err);
    case LEAT_CODEC_ZSTD:
        return zstd_append(codec, in, in_length, out, limit, err);
    case LEAT_CODEC_GZIP:
    case LEAT_CODEC_DEFLATE:
        return inflate_append(codec, kind, in, in_length, out, limit, err);
    default:
        return unsupported(kind, err);
    }
}

static enum leat_status zstd_write(struct leat_codec *codec, int level, const void *in,
                                   size_t in_length, struct leat_buffer *out,
                                   struct leat_error *err)
{
    if (!codec->zstd_compress)
        codec->zstd_compress = ZSTD_createCCtx_advanced(zstd_memory);
    if (!codec->zstd_compress)
        return leat_error_memory(err);
    size_t bound = ZSTD_compressBound(in_length);
    LEAT_TRY(leat_buffer_reserve(out, bound, err));
    size_t made = ZSTD_compressCCtx(codec->zstd_compress, out->data + out->length,
                                    out->capacity - out->length, in, in_length,
                                    level ? level : ZSTD_DEFAULT_LEVEL);
    if (ZSTD_isError(made))
        return leat_error_memory(err); /* the only failure left with enough room */
    out->length += made;
    return LEAT_OK;
}

static enum leat_status zlib_write(struct leat_codec *codec, enum leat_codec_kind kind, int level,
                                   const void *in, size_t in_length, struct leat_buffer *out,
                                   struct leat_error *err)
{
    z_stream *stream = codec->deflate;
    if (in_length > (1U << 30))
        return leat_error_set(err, LEAT_E_LIMIT, "a block of %zu bytes is too long for %s",
                              in_length, leat_codec_name(kind));
    if (stream) { /* the window kind may differ, so a new one is cheaper to get right */
        deflateEnd(stream);
        leat_free(stream);
        codec->deflate = NULL;
    }
    stream = leat_calloc(1, sizeof(*stream));
    if (!stream)
        return leat_error_memory(err);
    stream->zalloc = zlib_alloc;
    stream->zfree = seam_free;
    if (deflateInit2(stream, level ? level : Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                     kind == LEAT_CODEC_DEFLATE ? BARE_WINDOW : GZIP_WINDOW, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        leat_free(stream);
        return leat_error_memory(err);
    }
    codec->deflate = stream;
    LEAT_TRY(leat_buffer_reserve(out, deflateBound(stream, (uLong)in_length), err));
    stream->next_in = (Bytef *)(uintptr_t)in;
    stream->avail_in = (unsigned)in_length;
    stream->next_out = out->data + out->length;
    stream->avail_out = chunk(out->capacity - out->length);
    unsigned room = stream->avail_out;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END)
        return leat_error_internal(err, "deflate did not finish");
    out->length += room - stream->avail_out;
    return LEAT_OK;
}

enum leat_status leat_codec_compress(struct leat_codec *codec, enum leat_codec_kind kind, int level,
                                     const void *in, size_t in_length, struct leat_buffer *out,
                                     struct leat_error *err)
{
    switch (kind) {
    case LEAT_CODEC_NONE:
        return leat_buffer_append(out, in, in_length, err);
    case LEAT_CODEC_SNAPPY: {
        size_t made = snappy_max_compressed_length(in_length);
        LEAT_TRY(leat_buffer_reserve(out, made, err));
        if (snappy_compress(in, in_length, (char *)out->data + out->length, &made) != SNAPPY_OK)
            return leat_error_internal(err, "snappy refused a block");
        out->length += made;
        return LEAT_OK;
    }
    case LEAT_CODEC_ZSTD:
        return zstd_write(codec, level, in, in_length, out, err);
    case LEAT_CODEC_GZIP:
    case LEAT_CODEC_DEFLATE:
        return zlib_write(codec, kind, level, in, in_length, out, err);
    case LEAT_CODEC_LZ4: {
        if (in_length > LZ4_MAX_INPUT_SIZE)
            return leat_error_set(err, LEAT_E_LIMIT, "a block of %zu bytes is too long for lz4",
                                  in_length);
        int bound = LZ4_compressBound((int)in_length);
        LEAT_TRY(leat_buffer_reserve(out, (size_t)bound, err));
        int made = LZ4_compress_default(in, (char *)out->data + out->length, (int)in_length, bound);
        if (made <= 0)
            return leat_error_internal(err, "lz4 refused a block");
        out->length += (size_t)made;
        return LEAT_OK;
    }
    default:
        return unsupported(kind, err);
    }
}
