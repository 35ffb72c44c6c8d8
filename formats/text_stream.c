/*
 * A text file's bytes. Plain files are read straight into the caller's memory; compressed ones
 * through a 256-KiB window and the library's streaming decoder, member after member. Latin-1 and
 * Windows-1252 are read into the upper half of the caller's memory and widened downwards, so no
 * second buffer is needed.
 */
#include "formats/text_stream.h"
#define ZSTD_STATIC_LINKING_ONLY
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define RAW_CAPACITY ((size_t)256 << 10)

bool leat_text_compression_parse(struct leat_text name, enum leat_text_compression *out)
{
    static const struct {
        const char *name;
        enum leat_text_compression value;
    } names[] = {{"auto", LEAT_TEXT_AUTO},  {"auto_detect", LEAT_TEXT_AUTO},
                 {"none", LEAT_TEXT_PLAIN}, {"uncompressed", LEAT_TEXT_PLAIN},
                 {"gzip", LEAT_TEXT_GZIP},  {"gz", LEAT_TEXT_GZIP},
                 {"zstd", LEAT_TEXT_ZSTD},  {"zst", LEAT_TEXT_ZSTD}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (leat_text_equal_nocase(name, leat_text_of(names[i].name))) {
            *out = names[i].value;
            return true;
        }
    return false;
}

bool leat_text_encoding_parse(struct leat_text name, enum leat_text_encoding *out)
{
    static const struct {
        const char *name;
        enum leat_text_encoding value;
    } names[] = {{"utf-8", LEAT_TEXT_UTF8},
                 {"utf8", LEAT_TEXT_UTF8},
                 {"latin-1", LEAT_TEXT_LATIN1},
                 {"latin1", LEAT_TEXT_LATIN1},
                 {"iso-8859-1", LEAT_TEXT_LATIN1},
                 {"iso8859-1", LEAT_TEXT_LATIN1},
                 {"windows-1252", LEAT_TEXT_WINDOWS1252},
                 {"cp1252", LEAT_TEXT_WINDOWS1252}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (leat_text_equal_nocase(name, leat_text_of(names[i].name))) {
            *out = names[i].value;
            return true;
        }
    return false;
}

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

static enum leat_status start_decoder(struct leat_text_stream *stream, struct leat_error *err)
{
    stream->raw = leat_malloc(RAW_CAPACITY);
    if (!stream->raw)
        return leat_error_memory(err);
    stream->frame_end = true;
    if (stream->compression == LEAT_TEXT_ZSTD) {
        static const ZSTD_customMem memory = {zstd_alloc, seam_free, NULL};
        stream->decoder = ZSTD_createDCtx_advanced(memory);
        return stream->decoder ? LEAT_OK : leat_error_memory(err);
    }
    {
        z_stream *inflater = leat_calloc(1, sizeof(*inflater));
        if (!inflater)
            return leat_error_memory(err);
        inflater->zalloc = zlib_alloc;
        inflater->zfree = seam_free;
        if (inflateInit2(inflater, 15 + 16) != Z_OK) {
            leat_free(inflater);
            return leat_error_memory(err);
        }
        stream->decoder = inflater;
    }
    return LEAT_OK;
}

enum leat_status leat_text_stream_open(struct leat_text_stream *stream,
                                       const struct leat_source_file *file,
                                       enum leat_text_compression compression,
                                       enum leat_text_encoding encoding,
                                       _Atomic uint64_t *bytes_read, struct leat_error *err)
{
    uint8_t head[4] = {0};
    size_t length = 0;
    enum leat_status status;

    memset(stream, 0, sizeof(*stream));
    stream->compression = compression;
    stream->encoding = encoding;
    stream->bytes_read = bytes_read;
    LEAT_TRY(leat_file_open_input(file->path, &stream->input, err));
    if (stream->input->size != file->size ||
        (file->modified && stream->input->modified && file->modified != stream->input->modified)) {
        status = leat_error_set(err, LEAT_E_FILE_CHANGED, "%s changed since the query was planned",
                                file->path);
        goto done;
    }
    while (length < 4 && length < stream->input->size) {
        size_t got;
        status = stream->input->ops->read_at(stream->input, length, head + length, 4 - length, &got,
                                             err);
        if (status)
            goto done;
        if (got == 0)
            break;
        length += got;
    }
    if (compression == LEAT_TEXT_AUTO) {
        if (length >= 2 && head[0] == 0x1f && head[1] == 0x8b)
            stream->compression = LEAT_TEXT_GZIP;
        else if (length == 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0)
            stream->compression = LEAT_TEXT_ZSTD;
        else
            stream->compression = LEAT_TEXT_PLAIN;
    }
    status = LEAT_OK;
    if (stream->compression == LEAT_TEXT_PLAIN) {
        if (length >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
            stream->start = 3;
        stream->position = stream->start;
        if (length >= 2 && encoding == LEAT_TEXT_UTF8 &&
            (memcmp(head, "\xff\xfe", 2) == 0 || memcmp(head, "\xfe\xff", 2) == 0)) {
            status =
                leat_error_set(err, LEAT_E_TEXT_ENCODING, "%s is UTF-16, not UTF-8", file->path);
            leat_error_hint(err, "convert it first: iconv -f UTF-16 -t UTF-8");
        }
    } else {
        status = start_decoder(stream, err);
    }
done:
    if (status)
        leat_text_stream_close(stream);
    return status;
}

void leat_text_stream_seek(struct leat_text_stream *stream, uint64_t position)
{
    stream->position = position;
    stream->begun = true;
}

static enum leat_status read_file(struct leat_text_stream *stream, void *into, size_t capacity,
                                  size_t *out, struct leat_error *err)
{
    *out = 0;
    LEAT_TRY(
        stream->input->ops->read_at(stream->input, stream->position, into, capacity, out, err));
    if (*out == 0 && stream->position < stream->input->size)
        return leat_error_set(err, LEAT_E_FILE_CHANGED,
                              "%s became shorter while it was read: %llu bytes, not %llu",
                              stream->input->path, (unsigned long long)stream->position,
                              (unsigned long long)stream->input->size);
    /* A file that grows is read up to the size it had. */
    if (stream->position + *out > stream->input->size)
        *out = (size_t)(stream->input->size - stream->position);
    stream->position += *out;
    if (stream->bytes_read)
        atomic_fetch_add_explicit(stream->bytes_read, *out, memory_order_relaxed);
    return LEAT_OK;
}

static enum leat_status damaged(const struct leat_text_stream *stream, const char *reason,
                                struct leat_error *err)
{
    uint64_t at = stream->position - (stream->raw_length - stream->raw_at);
    enum leat_status status = leat_error_set(
        err, LEAT_E_COMPRESSED_DATA, "%s: the %s data are damaged near byte %llu: %s",
        stream->input->path, stream->compression == LEAT_TEXT_ZSTD ? "zstd" : "gzip",
        (unsigned long long)at, reason);

    leat_error_at(err, stream->input->path, 0, 0, at);
    return status;
}

static enum leat_status decode_gzip(struct leat_text_stream *stream, uint8_t *into, size_t capacity,
                                    size_t *out, struct leat_error *err)
{
    z_stream *z = stream->decoder;
    int code;

    z->next_in = stream->raw + stream->raw_at;
    z->avail_in = (uInt)(stream->raw_length - stream->raw_at);
    z->next_out = into;
    z->avail_out = (uInt)(capacity < ((size_t)1 << 30) ? capacity : (size_t)1 << 30);
    if (stream->frame_end && z->avail_in) {
        if (stream->begun && z->next_in[0] == 0) { /* padding behind the last member */
            stream->raw_at++;
            return LEAT_OK;
        }
        if (inflateReset(z) != Z_OK)
            return leat_error_memory(err);
        stream->frame_end = false;
    }
    code = inflate(z, Z_NO_FLUSH);
    *out = (size_t)(z->next_out - into);
    stream->raw_at = stream->raw_length - z->avail_in;
    if (code == Z_STREAM_END)
        stream->frame_end = true;
    else if (code == Z_MEM_ERROR)
        return leat_error_memory(err);
    else if (code != Z_OK && code != Z_BUF_ERROR)
        return damaged(stream, z->msg ? z->msg : "invalid stream", err);
    return LEAT_OK;
}

static enum leat_status decode_zstd(struct leat_text_stream *stream, uint8_t *into, size_t capacity,
                                    size_t *out, struct leat_error *err)
{
    ZSTD_inBuffer in = {stream->raw, stream->raw_length, stream->raw_at};
    ZSTD_outBuffer to = {into, capacity, 0};
    size_t code = ZSTD_decompressStream(stream->decoder, &to, &in);

    stream->raw_at = in.pos;
    *out = to.pos;
    if (ZSTD_isError(code)) {
        if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
            return leat_error_memory(err);
        return damaged(stream, ZSTD_getErrorName(code), err);
    }
    stream->frame_end = code == 0;
    return LEAT_OK;
}

static enum leat_status read_decoded(struct leat_text_stream *stream, uint8_t *into,
                                     size_t capacity, size_t *out, struct leat_error *err)
{
    *out = 0;
    while (*out == 0) {
        if (stream->raw_at == stream->raw_length && !stream->raw_end) {
            stream->raw_at = 0;
            LEAT_TRY(read_file(stream, stream->raw, RAW_CAPACITY, &stream->raw_length, err));
            stream->raw_end = stream->raw_length == 0;
        }
        if (stream->raw_at == stream->raw_length && stream->frame_end)
            return LEAT_OK;
        size_t before = stream->raw_at;
        if (stream->compression == LEAT_TEXT_ZSTD)
            LEAT_TRY(decode_zstd(stream, into, capacity, out, err));
        else
            LEAT_TRY(decode_gzip(stream, into, capacity, out, err));
        if (*out == 0 && stream->raw_end && stream->raw_at == before && !stream->frame_end)
            return damaged(stream, "the file ends too early", err);
    }
    return LEAT_OK;
}

/* Windows-1252 in 0x80..0x9f; the rest is Latin-1. Undefined bytes keep their Latin-1 meaning. */
static const uint16_t windows_letters[32] = {
    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
    0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

static size_t widen(enum leat_text_encoding encoding, const uint8_t *from, size_t length,
                    uint8_t *to)
{
    size_t at = 0;

    for (size_t i = 0; i < length; i++) {
        uint32_t c = from[i];
        if (c < 0x80) {
            to[at++] = (uint8_t)c;
            continue;
        }
        if (encoding == LEAT_TEXT_WINDOWS1252 && c < 0xa0)
            c = windows_letters[c - 0x80];
        if (c < 0x800) {
            to[at++] = (uint8_t)(0xc0 | c >> 6);
        } else {
            to[at++] = (uint8_t)(0xe0 | c >> 12);
            to[at++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        }
        to[at++] = (uint8_t)(0x80 | (c & 0x3f));
    }
    return at;
}

enum leat_status leat_text_stream_read(struct leat_text_stream *stream, uint8_t *into,
                                       size_t capacity, size_t *out, struct leat_error *err)
{
    bool convert = stream->encoding != LEAT_TEXT_UTF8;
    uint8_t *to = into;

    *out = 0;
    if (convert) { /* a byte becomes at most three: read into the last third */
        size_t third = capacity / 3;
        to = into + (capacity - third);
        capacity = third;
    }
    if (stream->compression == LEAT_TEXT_PLAIN)
        LEAT_TRY(read_file(stream, to, capacity, out, err));
    else
        LEAT_TRY(read_decoded(stream, to, capacity, out, err));
    if (!stream->begun && *out && stream->compression != LEAT_TEXT_PLAIN) {
        /* The first piece of a member is never shorter than a byte order mark, but for files of
         * fewer bytes. */
        if (*out >= 3 && memcmp(to, "\xef\xbb\xbf", 3) == 0) {
            *out -= 3;
            memmove(to, to + 3, *out);
        }
        stream->begun = true;
    }
    if (convert)
        *out = widen(stream->encoding, to, *out, into);
    return LEAT_OK;
}

uint64_t leat_text_stream_lines(const struct leat_text_stream *stream, uint64_t end,
                                bool lone_returns)
{
    uint8_t *block = leat_malloc(RAW_CAPACITY);
    uint64_t lines = 0, at = 0;
    bool returned = false; /* the byte before was a carriage return */

    while (block && at < end) {
        size_t wanted = end - at < RAW_CAPACITY ? (size_t)(end - at) : RAW_CAPACITY, got;
        if (stream->input->ops->read_at(stream->input, at, block, wanted, &got, NULL) != LEAT_OK ||
            got == 0)
            break;
        for (const uint8_t *from = block, *stop = block + got;
             (from = memchr(from, '\n', (size_t)(stop - from))) != NULL; from++)
            lines++;
        if (lone_returns && (returned || memchr(block, '\r', got)))
            for (size_t i = 0; i < got; i++) {
                lines += returned && block[i] != '\n';
                returned = block[i] == '\r';
            }
        at += got;
    }
    leat_free(block);
    return lines;
}

void leat_text_stream_close(struct leat_text_stream *stream)
{
    if (stream->decoder && stream->compression == LEAT_TEXT_ZSTD)
        ZSTD_freeDCtx(stream->decoder);
    if (stream->decoder && stream->compression == LEAT_TEXT_GZIP) {
        inflateEnd(stream->decoder);
        leat_free(stream->decoder);
    }
    leat_free(stream->raw);
    leat_input_close(stream->input);
    memset(stream, 0, sizeof(*stream));
}
