/*
 * Line numbers of byte offsets in text files, as they stand decompressed: found by reading forward
 * from the last one asked for, so that rows in their order cost one pass over the file in all.
 */
#ifndef LEAT_ORCHESTRATION_ROW_LINES_H
#define LEAT_ORCHESTRATION_ROW_LINES_H

#include "formats/text_stream.h"

struct leat_row_lines {
    char *path; /* of the open file; NULL: none */
    struct leat_text_stream stream;
    uint8_t *bytes; /* the piece that was read last */
    size_t length;
    size_t at;       /* in the piece */
    uint64_t offset; /* of bytes[at] in the text */
    uint64_t line;   /* of that byte, from 1 */
};

/* All zeroes is the empty state. */
void leat_row_lines_release(struct leat_row_lines *lines);
/* The line of the byte at `offset`; 0 if it cannot be found: the file is gone, changed or shorter.
 */
uint64_t leat_row_lines_find(struct leat_row_lines *lines, struct leat_text path, uint64_t offset);

#endif
