/* The JSON reader over any bytes, and the validator, which must agree that what is read is JSON. */
#include "formats/json/json.h"
#include "read_everything.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leat_option_value options[2];
    const char *reason;
    size_t at;

    if (!leat_json_validate((const char *)data, size, 64, &at, &reason) && at > size)
        abort();
    read_bytes(&leat_json_format, data, size, NULL, 0);
    options[0] = number_option("split_size", (int64_t)(size / 3 + 1));
    options[1] = number_option("sample_rows", 1);
    if (size < 4096)
        read_bytes(&leat_json_format, data, size, options, 2);
    options[0] = text_option("format", "array");
    options[1] = text_option("on_error", "null");
    read_bytes(&leat_json_format, data, size, options, 2);
    return 0;
}
