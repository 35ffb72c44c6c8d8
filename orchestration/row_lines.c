/* One file is open at a time, a piece of it in memory. */
#include "orchestration/row_lines.h"

enum { PIECE = 1 << 16 };

void leat_row_lines_release(struct leat_row_lines *lines)
{
    if (lines->path)
        leat_text_stream_close(&lines->stream);
    leat_free(lines->path);
    leat_free(lines->bytes);
    memset(lines, 0, sizeof(*lines));
}

static bool open_file(struct leat_row_lines *lines, struct leat_text path)
{
    struct leat_source_file file = {0};
    struct leat_file_info info;
    struct leat_error ignored;

    leat_row_lines_release(lines);
    lines->path = leat_malloc(path.length + 1);
    lines->bytes = leat_malloc(PIECE);
    if (lines->path) {
        memcpy(lines->path, path.data, path.length);
        lines->path[path.length] = 0;
        file.path = lines->path;
    }
    if (!lines->path || !lines->bytes || leat_file_stat(lines->path, &info, &ignored) != LEAT_OK) {
        leat_free(lines->path);
        lines->path = NULL; /* the stream is not open */
        return false;
    }
    file.size = info.size;
    file.modified = info.modified;
    if (leat_text_stream_open(&lines->stream, &file, LEAT_TEXT_AUTO, LEAT_TEXT_UTF8, NULL,
                              &ignored) != LEAT_OK) {
        leat_free(lines->path);
        lines->path = NULL;
        return false;
    }
    lines->offset = leat_text_stream_is_plain(&lines->stream) ? lines->stream.position : 0;
    lines->line = 1;
    return true;
}

uint64_t leat_row_lines_find(struct leat_row_lines *lines, struct leat_text path, uint64_t offset)
{
    struct leat_error ignored;

    if (!lines->path || strlen(lines->path) != path.length ||
        memcmp(lines->path, path.data, path.length) != 0 || offset < lines->offset)
        if (!open_file(lines, path))
            return 0;
    while (lines->offset < offset) {
        const uint8_t *start = lines->bytes + lines->at, *feed;
        size_t left = lines->length - lines->at;
        if (left == 0) {
            lines->at = 0;
            if (leat_text_stream_read(&lines->stream, lines->bytes, PIECE, &lines->length,
                                      &ignored) != LEAT_OK ||
                lines->length == 0) {
                leat_row_lines_release(lines);
                return 0;
            }
            continue;
        }
        if (left > offset - lines->offset)
            left = (size_t)(offset - lines->offset);
        feed = memchr(start, '\n', left);
        if (feed)
            left = (size_t)(feed - start) + 1;
        lines->at += left;
        lines->offset += left;
        lines->line += feed != NULL;
    }
    return lines->line;
}
