/* Text written to a file, compressed on the way where asked. Shared by the CSV and JSON writers. */
#ifndef LEAT_FORMATS_TEXT_OUTPUT_H
#define LEAT_FORMATS_TEXT_OUTPUT_H

#include "formats/text_stream.h"

struct leat_text_output {
    struct leat_output *output; /* owned */
    enum leat_text_compression compression;
    void *encoder;
    uint8_t *packed;
    struct leat_buffer pending; /* text not yet written; append here, then call drain */
};

/* Takes the output, also on failure. AUTO: by the end of its path (.gz, .zst). */
LEAT_CHECKED enum leat_status leat_text_output_init(struct leat_text_output *out,
                                                    struct leat_output *output,
                                                    enum leat_text_compression compression,
                                                    struct leat_error *err);
/* Writes what is pending once there is enough of it. */
LEAT_CHECKED enum leat_status leat_text_output_drain(struct leat_text_output *out,
                                                     struct leat_error *err);
/* Writes the rest, makes it durable, and releases everything, also on failure. *bytes is the size
 * of the file. */
LEAT_CHECKED enum leat_status leat_text_output_finish(struct leat_text_output *out, uint64_t *bytes,
                                                      struct leat_error *err);
void leat_text_output_abort(struct leat_text_output *out);

#endif
