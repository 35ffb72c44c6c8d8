/* The Avro reader over any bytes: header, schema, blocks, whole and from the middle. */
#include "formats/avro/avro.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BATCHES_MOST 64 /* a few bytes can announce endless rows of nulls */

static void drain(struct leat_reader *reader)
{
    struct leat_error err = {0};
    struct leat_batch *batch;
    struct leat_buffer text;
    leat_buffer_init(&text, (size_t)64 << 20);
    for (int n = 0; n < BATCHES_MOST && reader->ops->next(reader, &batch, &err) == LEAT_OK && batch;
         n++) {
        for (uint32_t i = 0; i < batch->column_count; i++) {
            for (uint32_t row = 0; row < batch->length; row += 97) {
                text.length = 0;
                (void)!leat_vector_print_json(&batch->columns[i], row, &text, &err);
            }
        }
    }
    leat_buffer_release(&text);
    if (err.code == LEAT_E_INTERNAL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leat_accountant accountant;
    struct leat_read_context context = {.accountant = &accountant};
    struct leat_input *input = NULL;
    struct leat_avro_file *file = NULL;
    struct leat_reader *reader;
    struct leat_error err = {0};
    leat_accountant_init(&accountant, NULL, (uint64_t)512 << 20);
    if (leat_input_open_memory(data, size, "fuzz.avro", &input, &err) != LEAT_OK)
        return 0;
    if (leat_avro_file_open(input, &accountant, &file, &err) == LEAT_OK) {
        const uint64_t starts[] = {0, size / 2};
        for (int i = 0; i < 2; i++) {
            if (leat_avro_rows_open(file, NULL, LEAT_AVRO_BY_NAME, starts[i], UINT64_MAX, &context,
                                    &reader, &err) != LEAT_OK)
                continue;
            drain(reader);
            leat_reader_close(reader);
        }
    }
    leat_avro_file_close(file);
    leat_input_close(input);
    if (err.code == LEAT_E_INTERNAL || atomic_load(&accountant.used) != 0)
        abort();
    return 0;
}
