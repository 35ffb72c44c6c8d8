/*
 * The names and types of window functions. They have no kernels: the window operator computes them
 * from the places of rows in their partition.
 */
#include "compute/kernels/kernels_internal.h"

#define WINDOW(name_, signature_, help_, args_, result_)                                           \
    {                                                                                              \
        .name = (name_), .kind = LEAT_FUNCTION_WINDOW, .signature = (signature_), .help = (help_), \
        .implementation = &(const struct leat_function_implementation)                             \
        {                                                                                          \
            .args = (args_), .result = (result_)                                                   \
        }                                                                                          \
    }
#define LAG  "lag(any [, offset [, default]]) -> any"
#define LEAD "lead(any [, offset [, default]]) -> any"

static const struct leat_function functions[] = {
    WINDOW("row_number", "row_number() -> bigint", "number of the row, from 1", "", 'l'),
    WINDOW("rank", "rank() -> bigint", "rank with gaps", "", 'l'),
    WINDOW("dense_rank", "dense_rank() -> bigint", "rank without gaps", "", 'l'),
    WINDOW("percent_rank", "percent_rank() -> double precision", "(rank - 1) / (rows - 1)", "",
           'd'),
    WINDOW("cume_dist", "cume_dist() -> double precision", "share of rows up to the last peer", "",
           'd'),
    WINDOW("ntile", "ntile(integer) -> integer", "number of the bucket, from 1", "i", 'i'),
    WINDOW("lag", LAG, "value some rows before", "E", 'E'),
    WINDOW("lag", LAG, "value some rows before", "Ei", 'E'),
    WINDOW("lag", LAG, "value some rows before", "EiE", 'E'),
    WINDOW("lead", LEAD, "value some rows after", "E", 'E'),
    WINDOW("lead", LEAD, "value some rows after", "Ei", 'E'),
    WINDOW("lead", LEAD, "value some rows after", "EiE", 'E'),
    WINDOW("first_value", "first_value(any) -> any", "value of the frame's first row", "E", 'E'),
    WINDOW("last_value", "last_value(any) -> any", "value of the frame's last row", "E", 'E'),
    WINDOW("nth_value", "nth_value(any, integer) -> any", "value of the frame's nth row", "Ei",
           'E'),
};

struct function_table window_functions(void)
{
    return TABLE_OF(functions);
}
