/*
 * Runs a fuzz target without a fuzzer: over each file given as an argument, and over every file of
 * each folder given, so that the corpus and past crashes are part of the ordinary tests.
 */
#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    struct leat_error err = {0};
    size_t count = 0;

    for (int i = 1; i < argc; i++) {
        struct leat_file_list files;
        if (leat_file_glob(argv[i], &files, &err) != LEAT_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        for (size_t k = 0; k < files.count; k++) {
            struct leat_buffer bytes;
            uint8_t *exact;
            leat_buffer_init(&bytes, 0);
            if (leat_file_read_all(files.items[k].path, &bytes, &err) != LEAT_OK) {
                fprintf(stderr, "%s\n", err.message);
                return 1;
            }
            exact =
                malloc(bytes.length ? bytes.length : 1); /* no slack for a read beyond the end */
            if (!exact)
                return 1;
            if (bytes.length)
                memcpy(exact, bytes.data, bytes.length);
            (void)LLVMFuzzerTestOneInput(exact, bytes.length);
            free(exact);
            leat_buffer_release(&bytes);
            count++;
        }
        leat_file_list_release(&files);
    }
    printf("%zu inputs\n", count);
    return 0;
}
