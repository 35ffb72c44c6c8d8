/* Rows that were kept aside, made into a file again: what stands in front of the first row of the
 * file they came from (lines passed over, header), then the rows. */
#include "formats/csv/csv_internal.h"

enum { PREAMBLE_MAXIMUM = 1 << 20 };

/* Length of the lines passed over and of the header row, by this quote character. */
static size_t preamble_length(const uint8_t *bytes, size_t length, uint64_t skip, bool header,
                              char quote)
{
    bool quoted = false;
    size_t at = 0;

    for (; skip > 0 && at < length; at++)
        skip -= bytes[at] == '\n';
    while (header && at < length) {
        uint8_t byte = bytes[at++];
        if (quote && byte == (uint8_t)quote)
            quoted = !quoted;
        if (byte == '\n' && !quoted)
            break;
    }
    return at;
}

enum leat_status csv_put_preamble(const struct csv_settings *settings,
                                  const struct leat_source_file *file, struct leat_buffer *out,
                                  struct leat_error *err)
{
    struct leat_text_stream stream;
    enum leat_status status;
    size_t begin = out->length, got = 1, length;

    LEAT_TRY(
        leat_text_stream_open(&stream, file, settings->compression, settings->encoding, NULL, err));
    status = leat_buffer_reserve(out, PREAMBLE_MAXIMUM, err);
    while (status == LEAT_OK && got > 0 && out->length - begin <= PREAMBLE_MAXIMUM - 4096) {
        status = leat_text_stream_read(&stream, out->data + out->length, 4096, &got, err);
        if (status == LEAT_OK)
            out->length += got;
    }
    leat_text_stream_close(&stream);
    LEAT_TRY(status);
    length = preamble_length(out->data + begin, out->length - begin, settings->skip,
                             settings->header, settings->dialect.quote);
    out->length = begin + length;
    if (length > 0 && out->data[out->length - 1] != '\n')
        return leat_buffer_append_byte(out, '\n', err);
    return LEAT_OK;
}
