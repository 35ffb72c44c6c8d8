/* For arrays.py: takes a batch by the Arrow C data interface, copies it, and gives it back. Built
 * with the sources of base/ and columns/ into one shared object. */
#include "columns/arrow.h"

#include <stdio.h>

__attribute__((visibility("default"))) int bridge(const struct ArrowSchema *schema_in,
                                                  struct ArrowArray *array_in,
                                                  struct ArrowSchema *schema_out,
                                                  struct ArrowArray *array_out, char message[1024]);

int bridge(const struct ArrowSchema *schema_in, struct ArrowArray *array_in,
           struct ArrowSchema *schema_out, struct ArrowArray *array_out, char message[1024])
{
    struct leat_arena arena, copies;
    struct leat_error err = {0};
    struct leat_schema schema;
    struct leat_batch batch;
    enum leat_status status;

    leat_arena_init(&arena, NULL);
    leat_arena_init(&copies, NULL);
    status = leat_arrow_import_schema(schema_in, &arena, &schema, &err);
    if (!status)
        status = leat_arrow_import_batch(array_in, &schema, schema_in, &arena, &batch, &err);
    for (uint32_t i = 0; !status && i < batch.column_count; i++) {
        struct leat_vector column = batch.columns[i];
        status = leat_vector_copy(&column, 0, batch.length, &copies, &batch.columns[i], &err);
    }
    if (!status)
        status = leat_arrow_export_schema(&schema, schema_out, &err);
    if (!status)
        status = leat_arrow_export_batch(&batch, &copies, array_out, &err);
    array_in->release(array_in);
    leat_arena_release(&copies);
    leat_arena_release(&arena);
    snprintf(message, 1024, "%s", err.message);
    return (int)status;
}
