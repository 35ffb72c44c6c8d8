/*
 * Block compression shared by the binary formats: a whole block in memory to a whole block in
 * memory.
 *
 * A codec object keeps the library's context, so that blocks of one thread reuse it. All of the
 * libraries' own memory passes base/memory.h where they allow it. Decompressed sizes are bounded by
 * the caller: nothing is allocated because the compressed bytes say so.
 */
#ifndef LEAT_FORMATS_COMPRESSION_CODEC_H
#define LEAT_FORMATS_COMPRESSION_CODEC_H

#include "base/buffer.h"

enum leat_codec_kind {
    LEAT_CODEC_NONE,
    LEAT_CODEC_SNAPPY,
    LEAT_CODEC_ZSTD,
    LEAT_CODEC_GZIP,    /* members of RFC 1952, one after the other; zlib's RFC 1950 is read too */
    LEAT_CODEC_DEFLATE, /* bare RFC 1951, as in Avro */
    LEAT_CODEC_LZ4,     /* one bare block ("LZ4_RAW") */
    LEAT_CODEC_LZ4_HADOOP, /* blocks behind two big-endian lengths; a bare block or frame is read
                              too */
    LEAT_CODEC_BROTLI
};

struct leat_codec {
    void *zstd_decompress;
    void *zstd_compress;
    void *inflate;
    void *deflate;
};
/* Initialise with {0}. Not thread-safe: one a thread. */
void leat_codec_release(struct leat_codec *codec);

/* "snappy", "zstd", ... for messages. */
const char *leat_codec_name(enum leat_codec_kind kind);
/* True if this build can read (write) the codec. */
bool leat_codec_can_read(enum leat_codec_kind kind);
bool leat_codec_can_write(enum leat_codec_kind kind);

/* Decompresses into exactly `out_length` bytes; anything else, or damaged bytes, is
 * LEAT_E_COMPRESSED_DATA. */
LEAT_CHECKED enum leat_status leat_codec_decompress(struct leat_codec *codec,
                                                    enum leat_codec_kind kind, const void *in,
                                                    size_t in_length, void *out, size_t out_length,
                                                    struct leat_error *err);
/* The same where the size is not known: appends to the buffer, at most `maximum` bytes. NONE,
 * SNAPPY, ZSTD, GZIP, DEFLATE. */
LEAT_CHECKED enum leat_status leat_codec_decompress_append(struct leat_codec *codec,
                                                           enum leat_codec_kind kind,
                                                           const void *in, size_t in_length,
                                                           struct leat_buffer *out, size_t maximum,
                                                           struct leat_error *err);
/* Appends the compressed bytes to the buffer. `level` 0 is the codec's default. */
LEAT_CHECKED enum leat_status leat_codec_compress(struct leat_codec *codec,
                                                  enum leat_codec_kind kind, int level,
                                                  const void *in, size_t in_length,
                                                  struct leat_buffer *out, struct leat_error *err);

#endif
