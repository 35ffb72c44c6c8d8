/*
 * Inputs whose every read is a request to a store: small reads share one request, reads in sequence
 * are fetched ahead, what is announced is fetched in parallel, near ranges with one request. What
 * is held is bounded, for one input and for the process.
 */
#ifndef LEAT_BASE_REMOTE_INPUT_H
#define LEAT_BASE_REMOTE_INPUT_H

#include "base/io.h"

struct leat_remote_ops {
    /* Reads exactly `length` bytes (1 to a few MiB) that lie within the size, or fails. Called by
     * several threads at once. */
    enum leat_status (*fetch)(void *context, uint64_t offset, void *into, size_t length,
                              struct leat_error *err);
    void (*close)(void *context);
};
/* `path` is copied; the context is the input's from now on, also on failure. `first` bytes (or
 * NULL) that are known already lie at `first_offset`; they are copied. */
LEAT_CHECKED enum leat_status
leat_remote_input_new(const char *path, uint64_t size, int64_t modified,
                      const struct leat_remote_ops *ops, void *context, const void *first,
                      uint64_t first_offset, size_t first_length, struct leat_input **out,
                      struct leat_error *err);

#endif
