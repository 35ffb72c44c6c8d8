/*
 * Bytes of a text file as UTF-8, in order: decompressed (gzip, zstd; found by content), freed of a
 * byte order mark, and converted from Latin-1 where asked. Shared by the CSV and JSON readers.
 */
#ifndef LEAT_FORMATS_TEXT_STREAM_H
#define LEAT_FORMATS_TEXT_STREAM_H

#include "columns/source.h"
#include "formats/source_files.h"

enum leat_text_compression {
    LEAT_TEXT_AUTO, /* by the first bytes */
    LEAT_TEXT_PLAIN,
    LEAT_TEXT_GZIP,
    LEAT_TEXT_ZSTD
};
enum leat_text_encoding { LEAT_TEXT_UTF8, LEAT_TEXT_LATIN1, LEAT_TEXT_WINDOWS1252 };

/* "auto", "none", "gzip", "zstd"; false if the name is none of them. */
bool leat_text_compression_parse(struct leat_text name, enum leat_text_compression *out);
/* "utf-8", "latin-1", "windows-1252" and their usual aliases. */
bool leat_text_encoding_parse(struct leat_text name, enum leat_text_encoding *out);

struct leat_text_stream {
    struct leat_input *input;
    enum leat_text_compression compression; /* never AUTO once open */
    enum leat_text_encoding encoding;
    uint64_t position; /* of the next byte to be read from the file */
    uint64_t start;    /* 3 if the file starts with a byte order mark, else 0; plain files only */
    void *decoder;     /* z_stream or ZSTD_DCtx */
    uint8_t *raw;      /* bytes of the file not yet decoded */
    size_t raw_length;
    size_t raw_at;
    bool raw_end;   /* the file is wholly in `raw` or behind it */
    bool frame_end; /* the decoder stands between members */
    bool begun;     /* something was returned: no byte order mark is looked for */
    _Atomic uint64_t *bytes_read;
};

/* Opens the file and checks that its size is the planned one. UTF-16 is an error that says so. */
LEAT_CHECKED enum leat_status
leat_text_stream_open(struct leat_text_stream *stream, const struct leat_source_file *file,
                      enum leat_text_compression compression, enum leat_text_encoding encoding,
                      _Atomic uint64_t *bytes_read, struct leat_error *err);
/* True if byte positions of the text are those of the file, so that ranges of it can be read. */
static inline bool leat_text_stream_is_plain(const struct leat_text_stream *stream)
{
    return stream->compression == LEAT_TEXT_PLAIN && stream->encoding == LEAT_TEXT_UTF8;
}
/* Continues at a position of the file. Plain streams only. */
void leat_text_stream_seek(struct leat_text_stream *stream, uint64_t position);
/* Up to `capacity` (at least 64) bytes; *out is 0 only at the end. A file that became shorter is
 * L0014. */
LEAT_CHECKED enum leat_status leat_text_stream_read(struct leat_text_stream *stream, uint8_t *into,
                                                    size_t capacity, size_t *out,
                                                    struct leat_error *err);
/* How many lines end before position `end` of a plain file, for messages: what cannot be read is
 * not counted. `lone_returns`: a carriage return without a line feed ends a line too. */
uint64_t leat_text_stream_lines(const struct leat_text_stream *stream, uint64_t end,
                                bool lone_returns);
void leat_text_stream_close(struct leat_text_stream *stream);

#endif
