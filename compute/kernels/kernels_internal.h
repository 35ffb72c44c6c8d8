/*
 * Inside the kernels: how functions are registered, resolved and called.
 *
 * A kernel is called for a whole batch: its arguments are FLAT or CONSTANT, its result is a FLAT
 * vector with memory for `count` values. For strict functions the evaluator has already set the
 * result's validity (a row is null where an argument is) and never calls with a constant null;
 * values under null rows are garbage: kernels that follow pointers or may fail skip those rows.
 */
#ifndef LEAT_COMPUTE_KERNELS_INTERNAL_H
#define LEAT_COMPUTE_KERNELS_INTERNAL_H

#include "base/hot.h"
#include "compute/kernels/function.h"

typedef unsigned __int128 leat_uint128;

/* What a kernel keeps between batches (a compiled pattern, a hash set). Zeroed at first. */
struct kernel_state {
    void *data;
    void (*release)(void *data);
    struct leat_arena *arena; /* lives as long as the evaluator */
};
struct kernel_call {
    const struct leat_type *type; /* of the result */
    const struct leat_vector *args;
    uint32_t arg_count;
    uint32_t count;
    struct leat_vector *out;
    struct leat_arena *arena; /* for results and scratch; reset before the next batch */
    struct kernel_state *state;
};
typedef enum leat_status (*kernel_fn)(struct kernel_call *call, struct leat_error *err);

/* Decides result and argument types beyond what the codes say. `types` are the actual types, cast
 * is what they become (filled with the codes' types). False: does not apply after all. */
struct signature {
    const struct leat_type *const *types;
    const struct leat_type **cast;
    uint32_t count;
    const struct leat_type *result;
    struct leat_arena *arena;
};
typedef bool (*type_rule)(struct signature *signature);

enum {
    FUNCTION_NOT_STRICT = 1, /* sees nulls itself */
    FUNCTION_TOTAL = 2,      /* never fails, whatever the values */
    FUNCTION_STABLE = 4      /* constant during one statement */
};

/*
 * Argument codes, one a character: b boolean, s smallint, i integer, l bigint, f real, d double,
 * n numeric, t text, y bytea, D date, T time, S timestamp, Z timestamptz, I interval, U uuid,
 * J json; E any one type, the same for all E (unified); A array, whose element type is E; P text[];
 * R struct; M map; * any type as it is; a final + repeats the last one or more times. Result: such
 * a code (E and A as bound by the arguments), or 0: the rule sets it.
 */
struct leat_function_implementation {
    const char *args;
    char result;
    uint8_t flags;
    kernel_fn run;
    type_rule rule;
    const struct leat_aggregate_ops *(*aggregate)(const struct leat_aggregate *call);
};
struct function_table {
    const struct leat_function *functions;
    size_t count;
};
#define FUNCTION(...) FUNCTION_ENTRY(__VA_ARGS__)
#define FUNCTION_ENTRY(name_, signature_, help_, args_, result_, flags_, run_, rule_)              \
    {                                                                                              \
        .name = (name_), .kind = LEAT_FUNCTION_SCALAR, .signature = (signature_), .help = (help_), \
        .implementation = &(const struct leat_function_implementation)                             \
        {                                                                                          \
            .args = (args_), .result = (result_), .flags = (flags_), .run = (run_),                \
            .rule = (rule_)                                                                        \
        }                                                                                          \
    }
#define TABLE_OF(array) ((struct function_table){(array), sizeof(array) / sizeof((array)[0])})

struct function_table arithmetic_functions(void);
struct function_table compare_functions(void);
struct function_table math_functions(void);
struct function_table text_functions(void);
struct function_table pattern_functions(void);
struct function_table regexp_functions(void);
struct function_table datetime_functions(void);
struct function_table calendar_functions(void);
struct function_table format_functions(void);
struct function_table nested_functions(void);
struct function_table series_functions(void);
struct function_table json_functions(void);
struct function_table json_build_functions(void);
struct function_table json_change_functions(void);
struct function_table json_set_functions(void);
struct function_table aggregate_functions(void);
struct function_table window_functions(void);
struct function_table spark_functions(void);
struct function_table spark_list_functions(void);

/* Row i of a FLAT or CONSTANT argument. */
#define ARG_MASK(vector) ((vector)->form == LEAT_CONSTANT ? 0u : UINT32_MAX)
#define ARG(ctype, call, n, i)                                                                     \
    (((const ctype *)(call)->args[n].data)[(i)&ARG_MASK(&(call)->args[n])])
/* For each row that is not null in a strict function's result. */
#define FOR_VALID(call, i)                                                                         \
    for (uint32_t i = 0; i < (call)->count; i++)                                                   \
        if (leat_validity_get((call)->out->validity, i))
static inline bool arg_is_null(const struct kernel_call *call, uint32_t n, uint32_t i)
{
    return leat_vector_is_null(&call->args[n], i);
}
LEAT_CHECKED enum leat_status kernel_set_null(struct kernel_call *call, uint32_t row,
                                              struct leat_error *err);
/* Row i of a text result: copies the bytes into the arena. */
LEAT_CHECKED enum leat_status kernel_set_text(struct kernel_call *call, uint32_t row,
                                              const char *data, size_t length,
                                              struct leat_error *err);

/* *out = one FLAT row for each of `count` vectors of one row (any form). */
LEAT_CHECKED enum leat_status kernel_concatenate(const struct leat_type *type,
                                                 const struct leat_vector *rows, uint32_t count,
                                                 struct leat_arena *arena, struct leat_vector *out,
                                                 struct leat_error *err);

/* Decimals of both widths as 128 bits. */
static inline leat_int128 decimal_load(const struct leat_vector *vector, uint32_t i)
{
    return leat_type_is_small_decimal(vector->type) ? ((const int64_t *)vector->data)[i]
                                                    : ((const leat_int128 *)vector->data)[i];
}
static inline void decimal_store(struct leat_vector *vector, uint32_t i, leat_int128 value)
{
    if (leat_type_is_small_decimal(vector->type))
        ((int64_t *)vector->data)[i] = (int64_t)value;
    else
        ((leat_int128 *)vector->data)[i] = value;
}
/* Digits before the point that an integer type needs. */
unsigned integer_digits(const struct leat_type *type);
/* The decimal type that holds an integer or decimal type's values. */
const struct leat_type *decimal_of(const struct leat_type *type);
/* a / 10^digits, rounded half away from zero. digits in 0..76 */
leat_int128 decimal_round(leat_int128 value, unsigned digits);
/* a * 10^digits / b, rounded half away from zero; false if it passes 10^38. b is not 0. */
bool decimal_divide(leat_int128 a, unsigned digits, leat_int128 b, leat_int128 *out);
/* a * b / 10^digits rounded; false if it passes 10^38. */
bool decimal_multiply(leat_int128 a, leat_int128 b, unsigned digits, leat_int128 *out);
/* The double nearest to value / 10^scale. */
double decimal_to_double(leat_int128 value, unsigned scale);
/* value * 10^scale, rounded half away from zero; false if it passes 10^precision. */
bool double_to_decimal(double value, unsigned precision, unsigned scale, leat_int128 *out);

/* Casts: the kernel of a cast between two different types, NULL if there is none. With `soft`,
 * rows that cannot be cast become null. */
kernel_fn cast_kernel(const struct leat_type *from, const struct leat_type *to, bool soft);
/* True if values need no work but another type's name. */
bool cast_is_relabel(const struct leat_type *from, const struct leat_type *to);

/* Errors met by several files. */
enum leat_status error_overflow(const struct leat_type *type, struct leat_error *err);
enum leat_status error_division_by_zero(struct leat_error *err);

/* --- date and time, shared by kernels --- */
#define MICROS_PER_DAY    86400000000LL
#define MICROS_PER_SECOND 1000000LL
static inline int64_t floor_divide(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}
static inline int64_t floor_modulo(int64_t a, int64_t b)
{
    return a - floor_divide(a, b) * b;
}
/* timestamp + interval with month clamping; false on overflow. */
bool timestamp_add_interval(int64_t timestamp, const struct leat_interval *interval, int64_t *out);

/* Structural comparison of two constants (types equal, values equal by bytes). */
bool constants_equal(const struct leat_value *a, const struct leat_value *b);

#endif
