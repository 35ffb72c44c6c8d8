/*
 * Arrow C data interface (specification 1.0): export and import of batches without copying values.
 *
 * Values of numbers, dates, times, decimals, UUIDs and short strings (text and bytes go as string
 * views) are handed over where they lie. Converted are: booleans (packed to bits), list offsets,
 * intervals, strings longer than 12 bytes (gathered, so that a buffer holds nothing else), and
 * vectors that are constant or have a dictionary (made flat). Imports take any layout of the
 * specification but unions, run-end encoding and durations; values are used where they lie when
 * layout and alignment agree. https://arrow.apache.org/docs/format/CDataInterface.html
 */
#ifndef LEAT_COLUMNS_ARROW_H
#define LEAT_COLUMNS_ARROW_H

#include "columns/vector.h"

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4
struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

/* Exports a schema as a struct type. The result is self-contained. */
LEAT_CHECKED enum leat_status leat_arrow_export_schema(const struct leat_schema *schema,
                                                       struct ArrowSchema *out,
                                                       struct leat_error *err);
/* Exports a batch as a struct array. `arena` is taken: its memory (which holds the batch's values)
 * lives until the consumer has released the array and what it moved out of it; *arena is empty
 * afterwards, also on failure. The arena's accountant, if any, must live as long. */
LEAT_CHECKED enum leat_status leat_arrow_export_batch(const struct leat_batch *batch,
                                                      struct leat_arena *arena,
                                                      struct ArrowArray *out,
                                                      struct leat_error *err);
/* Imports a struct schema; everything is copied into the arena. */
LEAT_CHECKED enum leat_status leat_arrow_import_schema(const struct ArrowSchema *schema,
                                                       struct leat_arena *arena,
                                                       struct leat_schema *out,
                                                       struct leat_error *err);
/* Imports a struct array as a batch whose vectors point into the array, which must outlive it; what
 * must be converted lies in the arena. `schema` is what leat_arrow_import_schema made of
 * `arrow_schema`. Lengths, offsets, indices, text and numbers of buffers are checked: L1501; types
 * that have no counterpart here are L1502. The size of a buffer is not known and not checked. */
LEAT_CHECKED enum leat_status
leat_arrow_import_batch(const struct ArrowArray *array, const struct leat_schema *schema,
                        const struct ArrowSchema *arrow_schema, struct leat_arena *arena,
                        struct leat_batch *out, struct leat_error *err);

#endif
