/* The CSV reader over any bytes: detection, all splits, all columns, with usual and unusual
 * options. */
#include "formats/csv/csv.h"
#include "read_everything.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leat_option_value options[4];

    read_bytes(&leat_csv_format, data, size, NULL, 0);
    options[0] = number_option("split_size", (int64_t)(size / 3 + 1));
    options[1] = number_option("sample_rows", 1);
    options[2] = text_option("on_error", size & 1 ? "null" : "quarantine");
    if (size < 4096)
        read_bytes(&leat_csv_format, data, size, options, 3);
    options[0] = text_option("delimiter", "||");
    options[1] = text_option("escape", "\\");
    options[2] = text_option("comment", "#");
    options[3] = text_option("encoding", "latin-1");
    read_bytes(&leat_csv_format, data, size, options, 4);
    return 0;
}
