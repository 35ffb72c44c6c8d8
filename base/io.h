/*
 * Random-access input and sequential output, whatever lies behind them (a local file, memory, S3,
 * HDFS). Formats read and write through these two interfaces only.
 */
#ifndef LEAT_BASE_IO_H
#define LEAT_BASE_IO_H

#include "base/buffer.h"

struct leat_input;
struct leat_range {
    uint64_t offset;
    uint64_t length;
};
struct leat_input_ops {
    /* Reads up to `length` bytes at `offset` into `into`; *out is what was read, less only at the
     * end of the file. Thread-safe: several threads may read one input at once. */
    enum leat_status (*read_at)(struct leat_input *input, uint64_t offset, void *into,
                                size_t length, size_t *out, struct leat_error *err);
    void (*close)(struct leat_input *input);
    /* These bytes will be read soon: they may be fetched meanwhile. NULL where nothing is gained.
     */
    void (*prefetch)(struct leat_input *input, const struct leat_range *ranges, size_t count);
};
struct leat_input {
    const struct leat_input_ops *ops;
    const char *path; /* as shown in errors; owned by the input */
    uint64_t size;    /* bytes, at the time of opening */
    int64_t modified; /* microseconds since 1970, 0 if unknown */
};
/* Reads exactly `length` bytes; a shorter file is LEAT_CORRUPT ("changed or truncated while it was
 * read"). */
LEAT_CHECKED enum leat_status leat_input_read_exact(struct leat_input *input, uint64_t offset,
                                                    void *into, size_t length,
                                                    struct leat_error *err);
void leat_input_prefetch(struct leat_input *input, const struct leat_range *ranges, size_t count);
void leat_input_close(struct leat_input *input); /* NULL is allowed */

struct leat_output;
struct leat_output_ops {
    enum leat_status (*write)(struct leat_output *output, const void *bytes, size_t length,
                              struct leat_error *err);
    /* Makes everything durable (fsync of file and folder where there is one) and closes. Frees the
     * output. */
    enum leat_status (*finish)(struct leat_output *output, struct leat_error *err);
    /* Gives up: removes what was written, and frees the output. */
    void (*abort)(struct leat_output *output);
};
struct leat_output {
    const struct leat_output_ops *ops;
    const char *path;
    uint64_t position; /* bytes written so far; kept by leat_output_write */
};
LEAT_CHECKED enum leat_status leat_output_write(struct leat_output *output, const void *bytes,
                                                size_t length, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_output_finish(struct leat_output *output,
                                                 struct leat_error *err);
void leat_output_abort(struct leat_output *output); /* NULL is allowed */

/* An input over bytes in memory, which are borrowed and must outlive it. */
LEAT_CHECKED enum leat_status leat_input_open_memory(const void *bytes, size_t length,
                                                     const char *name, struct leat_input **out,
                                                     struct leat_error *err);
/* An output that appends to a buffer, which is borrowed. */
LEAT_CHECKED enum leat_status leat_output_open_memory(struct leat_buffer *buffer,
                                                      struct leat_output **out,
                                                      struct leat_error *err);

#endif
