/* The Parquet reader over any bytes: footer, pages, all columns, with and without a condition. */
#include "formats/parquet/reader.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BATCHES_MOST 64 /* a few bytes can announce endless rows of nulls */

static void drain(struct leat_reader *reader, struct leat_buffer *text)
{
    struct leat_error err = {0};
    struct leat_batch *batch;
    for (int n = 0; n < BATCHES_MOST && reader->ops->next(reader, &batch, &err) == LEAT_OK && batch;
         n++) {
        for (uint32_t i = 0; i < batch->column_count; i++) {
            for (uint32_t row = 0; row < batch->length; row += 97) {
                text->length = 0;
                (void)!leat_vector_print_json(&batch->columns[i], row, text, &err);
            }
        }
    }
    if (err.code == LEAT_E_INTERNAL)
        abort();
}

static void read_file(const struct leat_parquet_file *file, struct leat_accountant *accountant)
{
    const struct leat_schema *schema = leat_parquet_file_schema(file);
    struct leat_read_context context = {.accountant = accountant};
    struct leat_value value = {.type = leat_type_get(LEAT_INT32), .integer = 3};
    struct leat_predicate predicate = {.op = LEAT_PREDICATE_EQ, .value_count = 1, .values = &value};
    struct leat_parquet_request request = {.position_column = -1, .row_group_count = UINT32_MAX};
    struct leat_error err = {0};
    struct leat_reader *reader;
    struct leat_buffer text;
    leat_buffer_init(&text, (size_t)64 << 20);
    for (int with = 0; with < 2; with++) {
        if (leat_parquet_rows_open(file, &request, &context, &reader, &err) == LEAT_OK) {
            drain(reader, &text);
            leat_reader_close(reader);
        }
        for (uint32_t i = 0; i < schema->count; i++) {
            struct leat_column_statistics statistics;
            leat_parquet_file_statistics(file, i, &statistics);
            if (schema->fields[i].type->id == LEAT_INT32)
                predicate.column = i;
        }
        request.predicates = &predicate;
        request.predicate_count = 1;
    }
    leat_buffer_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leat_accountant accountant;
    struct leat_input *input = NULL;
    struct leat_parquet_file *file = NULL;
    struct leat_error err = {0};
    leat_accountant_init(&accountant, NULL, (uint64_t)512 << 20);
    if (leat_input_open_memory(data, size, "fuzz.parquet", &input, &err) != LEAT_OK)
        return 0;
    if (leat_parquet_file_open(input, &accountant, &file, &err) == LEAT_OK)
        read_file(file, &accountant);
    leat_parquet_file_close(file);
    leat_input_close(input);
    if (err.code == LEAT_E_INTERNAL || atomic_load(&accountant.used) != 0)
        abort();
    return 0;
}
