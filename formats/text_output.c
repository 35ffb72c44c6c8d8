/* Text is collected in a buffer and leaves it in pieces of about 256 KiB, through the library's
 * streaming encoder where the file is compressed. */
#include "formats/text_output.h"
#define ZSTD_STATIC_LINKING_ONLY
#include <zlib.h>
#include <zstd.h>

#define PIECE  ((size_t)256 << 10)
#define PACKED ((size_t)64 << 10)

static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size)
{
    (void)opaque;
    return leat_malloc((size_t)items * size);
}

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

static void release(struct leat_text_output *out)
{
    if (out->encoder && out->compression == LEAT_TEXT_ZSTD)
        ZSTD_freeCCtx(out->encoder);
    if (out->encoder && out->compression == LEAT_TEXT_GZIP) {
        deflateEnd(out->encoder);
        leat_free(out->encoder);
    }
    leat_free(out->packed);
    leat_buffer_release(&out->pending);
    memset(out, 0, sizeof(*out));
}

void leat_text_output_abort(struct leat_text_output *out)
{
    leat_output_abort(out->output);
    release(out);
}

static bool ends_with(const char *path, const char *suffix)
{
    size_t length = path ? strlen(path) : 0, end = strlen(suffix);

    return length > end && strcmp(path + length - end, suffix) == 0;
}

static enum leat_status start_encoder(struct leat_text_output *out, struct leat_error *err)
{
    out->packed = leat_malloc(PACKED);
    if (!out->packed)
        return leat_error_memory(err);
    if (out->compression == LEAT_TEXT_ZSTD) {
        static const ZSTD_customMem memory = {zstd_alloc, seam_free, NULL};
        out->encoder = ZSTD_createCCtx_advanced(memory);
        return out->encoder ? LEAT_OK : leat_error_memory(err);
    }
    {
        z_stream *deflater = leat_calloc(1, sizeof(*deflater));
        if (!deflater)
            return leat_error_memory(err);
        deflater->zalloc = zlib_alloc;
        deflater->zfree = seam_free;
        if (deflateInit2(deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                         Z_DEFAULT_STRATEGY) != Z_OK) {
            leat_free(deflater);
            return leat_error_memory(err);
        }
        out->encoder = deflater;
    }
    return LEAT_OK;
}

enum leat_status leat_text_output_init(struct leat_text_output *out, struct leat_output *output,
                                       enum leat_text_compression compression,
                                       struct leat_error *err)
{
    enum leat_status status = LEAT_OK;

    memset(out, 0, sizeof(*out));
    out->output = output;
    if (compression == LEAT_TEXT_AUTO)
        compression = ends_with(output->path, ".gz")    ? LEAT_TEXT_GZIP
                      : ends_with(output->path, ".zst") ? LEAT_TEXT_ZSTD
                                                        : LEAT_TEXT_PLAIN;
    out->compression = compression;
    leat_buffer_init(&out->pending, 0);
    if (compression != LEAT_TEXT_PLAIN)
        status = start_encoder(out, err);
    if (status)
        leat_text_output_abort(out);
    return status;
}

static enum leat_status write_zstd(struct leat_text_output *out, bool last, struct leat_error *err)
{
    ZSTD_inBuffer in = {out->pending.data, out->pending.length, 0};
    size_t left;

    do {
        ZSTD_outBuffer to = {out->packed, PACKED, 0};
        left = ZSTD_compressStream2(out->encoder, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return leat_error_memory(err);
        LEAT_TRY(leat_output_write(out->output, out->packed, to.pos, err));
    } while (in.pos < in.size || (last && left));
    return LEAT_OK;
}

static enum leat_status write_gzip(struct leat_text_output *out, bool last, struct leat_error *err)
{
    z_stream *z = out->encoder;
    size_t at = 0;
    int code = Z_OK;

    do {
        size_t some = out->pending.length - at;
        if (some > (size_t)1 << 30)
            some = (size_t)1 << 30;
        z->next_in = out->pending.data + at;
        z->avail_in = (uInt)some;
        at += some;
        do {
            z->next_out = out->packed;
            z->avail_out = PACKED;
            code = deflate(z, last && at == out->pending.length ? Z_FINISH : Z_NO_FLUSH);
            if (code == Z_STREAM_ERROR)
                return leat_error_internal(err, "deflate failed");
            LEAT_TRY(leat_output_write(out->output, out->packed, PACKED - z->avail_out, err));
        } while (z->avail_out == 0);
    } while (at < out->pending.length);
    return LEAT_OK;
}

static enum leat_status flush(struct leat_text_output *out, bool last, struct leat_error *err)
{
    if (out->compression == LEAT_TEXT_ZSTD)
        LEAT_TRY(write_zstd(out, last, err));
    else if (out->compression == LEAT_TEXT_GZIP)
        LEAT_TRY(write_gzip(out, last, err));
    else if (out->pending.length)
        LEAT_TRY(leat_output_write(out->output, out->pending.data, out->pending.length, err));
    out->pending.length = 0;
    return LEAT_OK;
}

enum leat_status leat_text_output_drain(struct leat_text_output *out, struct leat_error *err)
{
    return out->pending.length >= PIECE ? flush(out, false, err) : LEAT_OK;
}

enum leat_status leat_text_output_finish(struct leat_text_output *out, uint64_t *bytes,
                                         struct leat_error *err)
{
    enum leat_status status = flush(out, true, err);

    if (status) {
        leat_text_output_abort(out);
        return status;
    }
    *bytes = out->output->position;
    status = leat_output_finish(out->output, err);
    release(out);
    return status;
}
