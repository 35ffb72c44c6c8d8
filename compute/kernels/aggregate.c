/*
 * The table of aggregate functions, and those that keep one value: min, max, any_value, first,
 * last, boolean and bit aggregates.
 */
#include "compute/kernels/aggregate_internal.h"

/* --- one value --- */

/* A value of up to 16 bytes; text longer than a view's inline part lies in an arena block of
 * `capacity` bytes, reused when a later value fits. */
struct held {
    union {
        struct leat_string string;
        uint8_t bytes[16];
    };
    uint32_t capacity;
    bool seen;
};

static enum leat_status hold(struct held *held, const struct leat_vector *base, uint32_t at,
                             struct leat_arena *arena, struct leat_error *err)
{
    size_t width = leat_type_width(base->type);
    const struct leat_string *text;

    held->seen = true;
    if (!leat_type_is_string(base->type)) {
        memcpy(held->bytes, (const char *)base->data + at * width, width);
        return LEAT_OK;
    }
    text = &((const struct leat_string *)base->data)[at];
    if (text->length <= LEAT_STRING_INLINE) {
        held->string = *text;
        held->capacity = 0;
        return LEAT_OK;
    }
    char *into = held->capacity >= text->length ? (char *)held->string.view.data : NULL;
    if (!into) {
        held->capacity = text->length < UINT32_MAX / 2 ? text->length * 2 : text->length;
        into = leat_arena_alloc(arena, held->capacity);
        if (!into)
            return leat_error_memory(err);
    }
    memcpy(into, text->view.data, text->length);
    held->string = leat_string_of(into, text->length);
    return LEAT_OK;
}

static struct leat_vector held_vector(const struct leat_type *type, const struct held *held)
{
    return (struct leat_vector){
        .type = type, .form = LEAT_FLAT, .length = 1, .data = (void *)held->bytes};
}

/* sign: 1 max, -1 min, 0 first, 2 last. */
static enum leat_status keep_update(UPDATE_ARGS, int sign)
{
    const struct leat_vector *arg = &args[0], *base;
    (void)call;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        struct held *held = STATE(struct held, row);
        if (leat_vector_is_null(arg, row))
            continue;
        uint32_t at = leat_vector_locate(arg, row, &base);
        if (held->seen && sign != 2) {
            struct leat_vector kept = held_vector(arg->type, held);
            if (sign == 0 || leat_vector_compare(base, at, &kept, 0) * sign <= 0)
                continue;
        }
        LEAT_TRY(hold(held, base, at, arena, err));
    }
    return LEAT_OK;
}

#define EXTREME_LOOP(ctype)                                                                        \
    do {                                                                                           \
        const ctype *values = (const ctype *)base->data;                                           \
        ctype kept = 0, value;                                                                     \
        for (uint32_t i = 0; group_of && i < count; i++) {                                         \
            uint32_t row = TAKEN(i);                                                               \
            struct held *held = STATE(struct held, row);                                           \
            value = values[codes ? codes[row] : row];                                              \
            memcpy(&kept, held->bytes, sizeof(ctype));                                             \
            if (!held->seen || (sign > 0 ? value > kept : value < kept)) {                         \
                memcpy(held->bytes, &value, sizeof(ctype));                                        \
                held->seen = true;                                                                 \
            }                                                                                      \
        }                                                                                          \
        if (group_of || count == 0)                                                                \
            return LEAT_OK;                                                                        \
        value = values[codes ? codes[TAKEN(0)] : TAKEN(0)];                                        \
        memcpy(&kept, one->bytes, sizeof(ctype));                                                  \
        kept = one->seen ? kept : value;                                                           \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            value = values[codes ? codes[TAKEN(i)] : TAKEN(i)];                                    \
            kept = (sign > 0 ? value > kept : value < kept) ? value : kept;                        \
        }                                                                                          \
        memcpy(one->bytes, &kept, sizeof(ctype));                                                  \
        one->seen = true;                                                                          \
        return LEAT_OK;                                                                            \
    } while (0)

static enum leat_status extreme_update(UPDATE_ARGS, int sign)
{
    const struct leat_vector *base =
        args[0].form == LEAT_DICTIONARY ? args[0].dictionary : &args[0];
    const uint32_t *codes = args[0].form == LEAT_DICTIONARY ? args[0].codes : NULL;
    struct held *one = states;

    if (args[0].form != LEAT_CONSTANT && !args[0].validity && !base->validity) {
        switch (args[0].type->id) {
        case LEAT_INT16:
            EXTREME_LOOP(int16_t);
        case LEAT_INT32:
        case LEAT_DATE:
            EXTREME_LOOP(int32_t);
        case LEAT_INT64:
        case LEAT_TIMESTAMP:
        case LEAT_TIMESTAMPTZ:
            EXTREME_LOOP(int64_t);
        case LEAT_DECIMAL:
            if (leat_type_is_small_decimal(args[0].type))
                EXTREME_LOOP(int64_t);
            break;
        default:
            break;
        }
    }
    return keep_update(call, states, stride, group_of, selection, count, args, arena, err, sign);
}

static enum leat_status keep_merge(MERGE_ARGS, int sign)
{
    const struct leat_type *type = call->args[0]->type;
    const struct held *other = from;
    struct held *held = into;

    if (!other->seen)
        return LEAT_OK;
    struct leat_vector source = held_vector(type, other), kept = held_vector(type, held);
    if (held->seen && sign != 2 &&
        (sign == 0 || leat_vector_compare(&source, 0, &kept, 0) * sign <= 0))
        return LEAT_OK;
    return hold(held, &source, 0, arena, err);
}

static enum leat_status keep_finish(FINISH_ARGS)
{
    size_t width = leat_type_width(call->type);
    for (uint32_t i = 0; i < count; i++) {
        const struct held *held = NTH(struct held, i);
        uint32_t row = out->length++;
        memcpy((char *)out->data + row * width, held->bytes, width);
        if (!held->seen)
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
    }
    return LEAT_OK;
}

static enum leat_status keep_put(PUT_ARGS)
{
    const struct held *held = state;
    LEAT_TRY(leat_buffer_put_u8(out, held->seen, err));
    if (!held->seen)
        return LEAT_OK;
    if (leat_type_is_string(call->args[0]->type))
        return leat_buffer_put_bytes(out, leat_string_data(&held->string), held->string.length,
                                     err);
    return leat_buffer_append(out, held->bytes, 16, err);
}

static enum leat_status keep_read(READ_ARGS)
{
    struct held *held = state;
    struct leat_text text;
    uint8_t seen;

    memset(held, 0, sizeof(*held));
    LEAT_TRY(leat_cursor_get_u8(cursor, &seen, err));
    if (!seen)
        return LEAT_OK;
    held->seen = true;
    if (leat_type_is_string(call->args[0]->type)) {
        LEAT_TRY(leat_cursor_get_bytes(cursor, &text, err));
        char *copy = leat_arena_copy(arena, text.data, text.length);
        if (!copy)
            return leat_error_memory(err);
        held->string = leat_string_of(copy, text.length);
        held->capacity = held->string.length > LEAT_STRING_INLINE ? held->string.length : 0;
        return LEAT_OK;
    }
    if (cursor->length - cursor->position < 16)
        return leat_error_set(err, LEAT_E_MESSAGE, "aggregate state is cut short");
    memcpy(held->bytes, cursor->data + cursor->position, 16);
    cursor->position += 16;
    return LEAT_OK;
}

#define DEFINE_KEEP(name, updater, sign)                                                           \
    static enum leat_status name##_update(UPDATE_ARGS)                                             \
    {                                                                                              \
        return updater(call, states, stride, group_of, selection, count, args, arena, err, sign);  \
    }                                                                                              \
    static enum leat_status name##_merge(MERGE_ARGS)                                               \
    {                                                                                              \
        return keep_merge(call, into, from, arena, err, sign);                                     \
    }                                                                                              \
    const struct leat_aggregate_ops aggregate_##name = {                                           \
        sizeof(struct held), name##_update, name##_merge, keep_finish, keep_put, keep_read};
DEFINE_KEEP(minimum, extreme_update, -1)
DEFINE_KEEP(maximum, extreme_update, 1)
DEFINE_KEEP(any, keep_update, 0)
DEFINE_KEEP(first, keep_update, 0)
DEFINE_KEEP(last, keep_update, 2)

/* --- booleans and bits --- */

struct bits {
    uint64_t value;
    uint64_t seen;
};

static void combine_bits(struct bits *into, uint64_t value, char op)
{
    if (!into->seen)
        into->value = value;
    else
        into->value = op == '&'   ? into->value & value
                      : op == '|' ? into->value | value
                                  : into->value ^ value;
    into->seen = 1;
}

static enum leat_status bits_update(UPDATE_ARGS, char op)
{
    const struct leat_vector *base;
    size_t width = leat_type_width(args[0].type);
    (void)call;
    (void)arena;
    (void)err;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = TAKEN(i);
        uint64_t value = 0;
        if (leat_vector_is_null(&args[0], row))
            continue;
        uint32_t at = leat_vector_locate(&args[0], row, &base);
        memcpy(&value, (const char *)base->data + at * width, width);
        combine_bits(STATE(struct bits, row), value, op);
    }
    return LEAT_OK;
}

static enum leat_status bits_merge(MERGE_ARGS, char op)
{
    const struct bits *other = from;
    (void)call;
    (void)arena;
    (void)err;
    if (other->seen)
        combine_bits(into, other->value, op);
    return LEAT_OK;
}

static enum leat_status bits_finish(FINISH_ARGS)
{
    size_t width = leat_type_width(call->type);
    for (uint32_t i = 0; i < count; i++) {
        const struct bits *bits = NTH(struct bits, i);
        uint32_t row = out->length++;
        memcpy((char *)out->data + row * width, &bits->value, width);
        if (!bits->seen)
            LEAT_TRY(aggregate_null(out, row, row + count - i, arena, err));
    }
    return LEAT_OK;
}

static enum leat_status bits_put(PUT_ARGS)
{
    const struct bits *bits = state;
    (void)call;
    LEAT_TRY(leat_buffer_put_u64(out, bits->value, err));
    return leat_buffer_put_u8(out, bits->seen != 0, err);
}

static enum leat_status bits_read(READ_ARGS)
{
    struct bits *bits = state;
    uint8_t seen;
    (void)call;
    (void)arena;
    LEAT_TRY(leat_cursor_get_u64(cursor, &bits->value, err));
    LEAT_TRY(leat_cursor_get_u8(cursor, &seen, err));
    bits->seen = seen != 0;
    return LEAT_OK;
}

#define DEFINE_BITS(name, op)                                                                      \
    static enum leat_status name##_update(UPDATE_ARGS)                                             \
    {                                                                                              \
        return bits_update(call, states, stride, group_of, selection, count, args, arena, err,     \
                           op);                                                                    \
    }                                                                                              \
    static enum leat_status name##_merge(MERGE_ARGS)                                               \
    {                                                                                              \
        return bits_merge(call, into, from, arena, err, op);                                       \
    }                                                                                              \
    const struct leat_aggregate_ops aggregate_##name = {                                           \
        sizeof(struct bits), name##_update, name##_merge, bits_finish, bits_put, bits_read};
DEFINE_BITS(bool_and, '&')
DEFINE_BITS(bool_or, '|')
DEFINE_BITS(bit_and, '&')
DEFINE_BITS(bit_or, '|')
DEFINE_BITS(bit_xor, '^')

/* --- the table --- */

#define CHOOSE(name)                                                                               \
    static const struct leat_aggregate_ops *choose_##name(const struct leat_aggregate *call)       \
    {                                                                                              \
        (void)call;                                                                                \
        return &aggregate_##name;                                                                  \
    }
CHOOSE(count)
CHOOSE(sum_integer)
CHOOSE(sum_decimal)
CHOOSE(sum_real)
CHOOSE(avg)
CHOOSE(avg_real)
CHOOSE(minimum)
CHOOSE(maximum)
CHOOSE(any)
CHOOSE(first)
CHOOSE(last)
CHOOSE(bool_and)
CHOOSE(bool_or)
CHOOSE(bit_and)
CHOOSE(bit_or)
CHOOSE(bit_xor)
CHOOSE(string_agg)
CHOOSE(array_agg)
CHOOSE(json)
CHOOSE(moments)
CHOOSE(pairs)
CHOOSE(percentile)

static bool rule_decimal_sum(struct signature *s)
{
    s->result = leat_type_decimal(38, s->cast[0]->scale);
    return true;
}

static bool rule_big_sum(struct signature *s)
{
    s->result = leat_type_decimal(38, 0);
    return true;
}

static bool rule_average(struct signature *s)
{
    unsigned scale = s->cast[0]->id == LEAT_DECIMAL ? s->cast[0]->scale : 0;
    s->result = leat_type_decimal(38, scale > 16 ? scale : 16);
    return true;
}

/* Spark's sum has ten digits more, its average four more, before and behind the point. */
static bool rule_spark_sum(struct signature *s)
{
    unsigned precision = s->cast[0]->precision + 10u;
    s->result = leat_type_decimal(precision > 38 ? 38 : precision, s->cast[0]->scale);
    return true;
}

static bool rule_spark_average(struct signature *s)
{
    unsigned precision = s->cast[0]->precision + 4u, scale = s->cast[0]->scale + 4u;
    s->result = leat_type_decimal(precision > 38 ? 38 : precision, scale > 38 ? 38 : scale);
    return true;
}

static bool rule_one_value(struct signature *s)
{
    s->result = s->cast[0];
    return !leat_type_is_nested(s->cast[0]) && s->cast[0]->id != LEAT_NULL;
}

static bool rule_list(struct signature *s)
{
    s->result = leat_type_list(s->arena, s->cast[0]);
    return s->cast[0]->id != LEAT_NULL;
}

static bool rule_last_value(struct signature *s)
{
    const struct leat_type *type = s->cast[0];
    s->result = type;
    return !leat_type_is_nested(type) && type->id != LEAT_NULL;
}

static bool rule_moments(struct signature *s)
{
    s->result = leat_type_decimal(38, 16);
    return true;
}

#define AGGREGATE(...) AGGREGATE_ENTRY(__VA_ARGS__)
#define AGGREGATE_ENTRY(name_, signature_, help_, args_, result_, choose_, rule_, order_)          \
    {                                                                                              \
        .name = (name_), .kind = LEAT_FUNCTION_AGGREGATE, .signature = (signature_),               \
        .help = (help_), .needs_order = (order_),                                                  \
        .implementation = &(const struct leat_function_implementation)                             \
        {                                                                                          \
            .args = (args_), .result = (result_), .rule = (rule_), .aggregate = (choose_)          \
        }                                                                                          \
    }
#define SUM             "sum(number) -> number", "sum of the values that are not null"
#define AVG             "avg(number) -> number", "average of the values that are not null"
#define COUNT           "count(*), count(any) -> bigint", "number of rows, or of values that are not null"
#define JSON_AGG        "json_agg(any) -> json", "array of all values, nulls too"
#define JSON_OBJECT_AGG "json_object_agg(key, value) -> json", "object of all keys and values"
#define BIT(s)          s "(integer) -> integer", "bits of all values combined"

static const struct leat_function functions[] = {
    AGGREGATE("count", COUNT, "", 'l', choose_count, NULL, false),
    AGGREGATE("count", COUNT, "*", 'l', choose_count, NULL, false),
    AGGREGATE("sum", SUM, "s", 'l', choose_sum_integer, NULL, false),
    AGGREGATE("sum", SUM, "i", 'l', choose_sum_integer, NULL, false),
    AGGREGATE("sum", SUM, "l", 0, choose_sum_decimal, rule_big_sum, false),
    AGGREGATE("sum", SUM, "n", 0, choose_sum_decimal, rule_decimal_sum, false),
    AGGREGATE("sum", SUM, "f", 'f', choose_sum_real, NULL, false),
    AGGREGATE("sum", SUM, "d", 'd', choose_sum_real, NULL, false),
    AGGREGATE("avg", AVG, "s", 0, choose_avg, rule_average, false),
    AGGREGATE("avg", AVG, "i", 0, choose_avg, rule_average, false),
    AGGREGATE("avg", AVG, "l", 0, choose_avg, rule_average, false),
    AGGREGATE("avg", AVG, "n", 0, choose_avg, rule_average, false),
    AGGREGATE("avg", AVG, "f", 'd', choose_avg_real, NULL, false),
    AGGREGATE("avg", AVG, "d", 'd', choose_avg_real, NULL, false),
    AGGREGATE("spark_sum", SUM, "s", 'l', choose_sum_integer, NULL, false),
    AGGREGATE("spark_sum", SUM, "i", 'l', choose_sum_integer, NULL, false),
    AGGREGATE("spark_sum", SUM, "l", 'l', choose_sum_integer, NULL, false),
    AGGREGATE("spark_sum", SUM, "n", 0, choose_sum_decimal, rule_spark_sum, false),
    AGGREGATE("spark_sum", SUM, "d", 'd', choose_sum_real, NULL, false),
    AGGREGATE("spark_avg", AVG, "n", 0, choose_avg, rule_spark_average, false),
    AGGREGATE("spark_avg", AVG, "d", 'd', choose_avg_real, NULL, false),
    AGGREGATE("min", "min(any) -> any", "smallest value", "E", 0, choose_minimum, rule_one_value,
              false),
    AGGREGATE("max", "max(any) -> any", "largest value", "E", 0, choose_maximum, rule_one_value,
              false),
    AGGREGATE("any_value", "any_value(any) -> any", "some value that is not null", "E", 0,
              choose_any, rule_one_value, false),
    AGGREGATE("first", "first(any ORDER BY ...) -> any", "first value that is not null", "E", 0,
              choose_first, rule_one_value, true),
    AGGREGATE("last", "last(any ORDER BY ...) -> any", "last value that is not null", "E", 0,
              choose_last, rule_one_value, true),
    AGGREGATE("bool_and", "bool_and(boolean) -> boolean", "true if all values are true", "b", 'b',
              choose_bool_and, NULL, false),
    AGGREGATE("bool_or", "bool_or(boolean) -> boolean", "true if any value is true", "b", 'b',
              choose_bool_or, NULL, false),
    AGGREGATE("bit_and", BIT("bit_and"), "s", 's', choose_bit_and, NULL, false),
    AGGREGATE("bit_and", BIT("bit_and"), "i", 'i', choose_bit_and, NULL, false),
    AGGREGATE("bit_and", BIT("bit_and"), "l", 'l', choose_bit_and, NULL, false),
    AGGREGATE("bit_or", BIT("bit_or"), "s", 's', choose_bit_or, NULL, false),
    AGGREGATE("bit_or", BIT("bit_or"), "i", 'i', choose_bit_or, NULL, false),
    AGGREGATE("bit_or", BIT("bit_or"), "l", 'l', choose_bit_or, NULL, false),
    AGGREGATE("bit_xor", BIT("bit_xor"), "s", 's', choose_bit_xor, NULL, false),
    AGGREGATE("bit_xor", BIT("bit_xor"), "i", 'i', choose_bit_xor, NULL, false),
    AGGREGATE("bit_xor", BIT("bit_xor"), "l", 'l', choose_bit_xor, NULL, false),
    AGGREGATE("stddev_samp", "stddev_samp(number) -> number", "sample standard deviation", "i", 0,
              choose_moments, rule_moments, false),
    AGGREGATE("stddev_samp", "stddev_samp(number) -> number", "sample standard deviation", "l", 0,
              choose_moments, rule_moments, false),
    AGGREGATE("stddev_samp", "stddev_samp(number) -> number", "sample standard deviation", "n", 0,
              choose_moments, rule_moments, false),
    AGGREGATE("stddev_samp", "stddev_samp(number) -> number", "sample standard deviation", "d", 'd',
              choose_moments, NULL, false),
    AGGREGATE("stddev_pop", "stddev_pop(number) -> number", "population standard deviation", "i", 0,
              choose_moments, rule_moments, false),
    AGGREGATE("stddev_pop", "stddev_pop(number) -> number", "population standard deviation", "l", 0,
              choose_moments, rule_moments, false),
    AGGREGATE("stddev_pop", "stddev_pop(number) -> number", "population standard deviation", "n", 0,
              choose_moments, rule_moments, false),
    AGGREGATE("stddev_pop", "stddev_pop(number) -> number", "population standard deviation", "d",
              'd', choose_moments, NULL, false),
    AGGREGATE("var_samp", "var_samp(number) -> number", "sample variance", "i", 0, choose_moments,
              rule_moments, false),
    AGGREGATE("var_samp", "var_samp(number) -> number", "sample variance", "l", 0, choose_moments,
              rule_moments, false),
    AGGREGATE("var_samp", "var_samp(number) -> number", "sample variance", "n", 0, choose_moments,
              rule_moments, false),
    AGGREGATE("var_samp", "var_samp(number) -> number", "sample variance", "d", 'd', choose_moments,
              NULL, false),
    AGGREGATE("var_pop", "var_pop(number) -> number", "population variance", "i", 0, choose_moments,
              rule_moments, false),
    AGGREGATE("var_pop", "var_pop(number) -> number", "population variance", "l", 0, choose_moments,
              rule_moments, false),
    AGGREGATE("var_pop", "var_pop(number) -> number", "population variance", "n", 0, choose_moments,
              rule_moments, false),
    AGGREGATE("var_pop", "var_pop(number) -> number", "population variance", "d", 'd',
              choose_moments, NULL, false),
    AGGREGATE("corr", "corr(y, x) -> double precision", "of pairs without nulls", "dd", 'd',
              choose_pairs, NULL, false),
    AGGREGATE("covar_pop", "covar_pop(y, x) -> double precision", "of pairs without nulls", "dd",
              'd', choose_pairs, NULL, false),
    AGGREGATE("covar_samp", "covar_samp(y, x) -> double precision", "of pairs without nulls", "dd",
              'd', choose_pairs, NULL, false),
    AGGREGATE("regr_slope", "regr_slope(y, x) -> double precision", "of pairs without nulls", "dd",
              'd', choose_pairs, NULL, false),
    AGGREGATE("regr_intercept", "regr_intercept(y, x) -> double precision",
              "of pairs without nulls", "dd", 'd', choose_pairs, NULL, false),
    AGGREGATE("regr_r2", "regr_r2(y, x) -> double precision", "of pairs without nulls", "dd", 'd',
              choose_pairs, NULL, false),
    AGGREGATE("regr_avgx", "regr_avgx(y, x) -> double precision", "of pairs without nulls", "dd",
              'd', choose_pairs, NULL, false),
    AGGREGATE("regr_avgy", "regr_avgy(y, x) -> double precision", "of pairs without nulls", "dd",
              'd', choose_pairs, NULL, false),
    AGGREGATE("regr_count", "regr_count(y, x) -> bigint", "pairs without nulls", "dd", 'l',
              choose_pairs, NULL, false),
    AGGREGATE("string_agg", "string_agg(text, separator) -> text", "values joined", "tt", 't',
              choose_string_agg, NULL, true),
    AGGREGATE("string_agg", "string_agg(bytea, separator) -> bytea", "values joined", "yy", 'y',
              choose_string_agg, NULL, true),
    AGGREGATE("array_agg", "array_agg(any) -> any[]", "all values, nulls too", "*", 0,
              choose_array_agg, rule_list, true),
    AGGREGATE("json_agg", JSON_AGG, "*", 'J', choose_json, NULL, true),
    AGGREGATE("jsonb_agg", JSON_AGG, "*", 'J', choose_json, NULL, true),
    AGGREGATE("json_object_agg", JSON_OBJECT_AGG, "**", 'J', choose_json, NULL, true),
    AGGREGATE("jsonb_object_agg", JSON_OBJECT_AGG, "**", 'J', choose_json, NULL, true),
    AGGREGATE("median", "median(double precision) -> double precision", "middle value", "d", 'd',
              choose_percentile, NULL, false),
    AGGREGATE("percentile_cont", "percentile_cont(fraction) WITHIN GROUP (ORDER BY x)",
              "interpolated percentile", "dd", 'd', choose_percentile, NULL, false),
    AGGREGATE("percentile_disc", "percentile_disc(fraction) WITHIN GROUP (ORDER BY x)",
              "value at a percentile", "*d", 0, choose_percentile, rule_last_value, false),
    AGGREGATE("mode", "mode() WITHIN GROUP (ORDER BY x)", "most frequent value", "*", 0,
              choose_percentile, rule_last_value, false),
};

struct function_table aggregate_functions(void)
{
    return TABLE_OF(functions);
}

const struct leat_aggregate_ops *leat_aggregate_ops_get(const struct leat_aggregate *call)
{
    const struct leat_function_implementation *implementation = call->function->implementation;
    return implementation->aggregate ? implementation->aggregate(call) : NULL;
}
