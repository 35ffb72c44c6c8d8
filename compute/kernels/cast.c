/*
 * Casts between types, with PostgreSQL's rules: which are allowed (pg_cast), how numbers round
 * (numeric half away from zero, floating point half to even), and what is out of range.
 *
 * One kernel serves all pairs and branches on the pair once a batch. A value that cannot be cast is
 * an error, or null for TRY_CAST. Text goes through the parsers and printers of columns/value.h.
 */
#include "compute/kernels/cast_internal.h"

#include <math.h>

/* --- levels --- */

static enum leat_cast_level number_level(enum leat_type_id from, enum leat_type_id to)
{
    static const uint8_t rank[LEAT_TYPE_COUNT] = {
        [LEAT_INT8] = 1,    [LEAT_INT16] = 2, [LEAT_INT32] = 3, [LEAT_INT64] = 4,
        [LEAT_DECIMAL] = 5, [LEAT_FLOAT] = 6, [LEAT_DOUBLE] = 7};
    return rank[from] <= rank[to] ? LEAT_CAST_IMPLICIT : LEAT_CAST_ASSIGNMENT;
}

static bool is_time(enum leat_type_id id)
{
    return id >= LEAT_DATE && id <= LEAT_INTERVAL;
}

static enum leat_cast_level time_level(enum leat_type_id from, enum leat_type_id to)
{
    switch (from) {
    case LEAT_DATE:
        return to == LEAT_TIMESTAMP || to == LEAT_TIMESTAMPTZ ? LEAT_CAST_IMPLICIT : LEAT_CAST_NONE;
    case LEAT_TIME:
        return to == LEAT_INTERVAL ? LEAT_CAST_IMPLICIT : LEAT_CAST_NONE;
    case LEAT_TIMESTAMP:
        if (to == LEAT_TIMESTAMPTZ)
            return LEAT_CAST_IMPLICIT;
        return to == LEAT_DATE || to == LEAT_TIME ? LEAT_CAST_ASSIGNMENT : LEAT_CAST_NONE;
    case LEAT_TIMESTAMPTZ:
        return to == LEAT_INTERVAL ? LEAT_CAST_NONE : LEAT_CAST_ASSIGNMENT;
    default:
        return to == LEAT_TIME ? LEAT_CAST_ASSIGNMENT : LEAT_CAST_NONE;
    }
}

static enum leat_cast_level nested_level(const struct leat_type *from, const struct leat_type *to)
{
    enum leat_cast_level lowest = LEAT_CAST_IMPLICIT;
    if (from->id != to->id || from->field_count != to->field_count)
        return LEAT_CAST_NONE;
    for (uint32_t i = 0; i < from->field_count; i++) {
        enum leat_cast_level level = leat_cast_level_of(from->fields[i].type, to->fields[i].type);
        if (level < lowest)
            lowest = level;
    }
    return lowest;
}

enum leat_cast_level leat_cast_level_of(const struct leat_type *from, const struct leat_type *to)
{
    if (from->id == LEAT_NULL || leat_type_equal(from, to))
        return LEAT_CAST_IMPLICIT;
    if (leat_type_is_nested(from) || leat_type_is_nested(to)) {
        if (to->id == LEAT_TEXT || to->id == LEAT_JSON)
            return LEAT_CAST_ASSIGNMENT;
        if (from->id == LEAT_TEXT || from->id == LEAT_JSON)
            return LEAT_CAST_EXPLICIT;
        return nested_level(from, to);
    }
    if (leat_type_is_numeric(from) && leat_type_is_numeric(to))
        return number_level(from->id, to->id);
    if (to->id == LEAT_TEXT)
        return LEAT_CAST_ASSIGNMENT;
    if (from->id == LEAT_TEXT)
        return LEAT_CAST_EXPLICIT;
    if (from->id == LEAT_BOOLEAN || to->id == LEAT_BOOLEAN)
        return leat_type_is_integer(from) || leat_type_is_integer(to) ? LEAT_CAST_EXPLICIT
                                                                      : LEAT_CAST_NONE;
    if (is_time(from->id) && is_time(to->id))
        return time_level(from->id, to->id);
    return LEAT_CAST_NONE;
}

bool cast_is_relabel(const struct leat_type *from, const struct leat_type *to)
{
    if (leat_type_equal(from, to))
        return true;
    if (from->id == LEAT_DECIMAL && to->id == LEAT_DECIMAL)
        return from->scale == to->scale && from->precision <= to->precision &&
               leat_type_is_small_decimal(from) == leat_type_is_small_decimal(to);
    return from->id == LEAT_JSON && to->id == LEAT_TEXT;
}

/* --- numbers --- */

/* A row failed: an error, or null. */
static enum leat_status refuse(struct cast *cast, uint32_t row, struct leat_error *err)
{
    if (cast->soft)
        return kernel_set_null(cast->call, row, err);
    return error_overflow(cast->call->type, err);
}

#define EACH_INTEGER(X)                                                                            \
    X(LEAT_INT8, int8_t, INT8_MIN, INT8_MAX)                                                       \
    X(LEAT_INT16, int16_t, INT16_MIN, INT16_MAX)                                                   \
    X(LEAT_INT32, int32_t, INT32_MIN, INT32_MAX)                                                   \
    X(LEAT_INT64, int64_t, INT64_MIN, INT64_MAX)

static int64_t load_integer(const struct leat_vector *vector, uint32_t i)
{
    switch (vector->type->id) {
    case LEAT_BOOLEAN:
        return ((const uint8_t *)vector->data)[i];
    case LEAT_INT8:
        return ((const int8_t *)vector->data)[i];
    case LEAT_INT16:
        return ((const int16_t *)vector->data)[i];
    case LEAT_INT32:
        return ((const int32_t *)vector->data)[i];
    default:
        return ((const int64_t *)vector->data)[i];
    }
}

/* False if the value does not fit. */
static bool store_integer(struct leat_vector *vector, uint32_t i, leat_int128 value)
{
    switch (vector->type->id) {
    case LEAT_BOOLEAN:
        ((uint8_t *)vector->data)[i] = value != 0;
        return true;
#define STORE(id, ctype, minimum, maximum)                                                         \
    case id:                                                                                       \
        ((ctype *)vector->data)[i] = (ctype)value;                                                 \
        return value >= minimum && value <= maximum;
        EACH_INTEGER(STORE)
#undef STORE
    default:
        return false;
    }
}

#define WIDEN(from_type, to_type)                                                                  \
    do {                                                                                           \
        const from_type *source = (const from_type *)arg->data;                                    \
        to_type *into = (to_type *)call->out->data;                                                \
        for (uint32_t i = 0; i < call->count; i++)                                                 \
            into[i] = (to_type)source[i];                                                          \
        return true;                                                                               \
    } while (0)

/* Conversions that always fit, as plain loops. */
static bool widen(struct kernel_call *call)
{
    const struct leat_vector *arg = &call->args[0];
    enum leat_type_id from = arg->type->id, to = call->type->id;

    if (arg->form == LEAT_CONSTANT)
        return false;
    if (from == LEAT_INT32 && to == LEAT_INT64)
        WIDEN(int32_t, int64_t);
    if (from == LEAT_INT32 && to == LEAT_DOUBLE)
        WIDEN(int32_t, double);
    if (from == LEAT_INT64 && to == LEAT_DOUBLE)
        WIDEN(int64_t, double);
    if (from == LEAT_INT16 && to == LEAT_INT32)
        WIDEN(int16_t, int32_t);
    if (from == LEAT_FLOAT && to == LEAT_DOUBLE)
        WIDEN(float, double);
    if (from == LEAT_DECIMAL && to == LEAT_DECIMAL && arg->type->scale == call->type->scale &&
        arg->type->precision <= call->type->precision && leat_type_is_small_decimal(arg->type) &&
        !leat_type_is_small_decimal(call->type))
        WIDEN(int64_t, leat_int128);
    return false;
}

static bool to_decimal(const struct leat_vector *arg, uint32_t i, const struct leat_type *to,
                       leat_int128 *out)
{
    leat_int128 value;
    unsigned scale = 0;

    if (arg->type->id == LEAT_DOUBLE)
        return double_to_decimal(((const double *)arg->data)[i], to->precision, to->scale, out);
    if (arg->type->id == LEAT_FLOAT) { /* through its shortest text, as PostgreSQL's 6 digits */
        char text[LEAT_PRINT_MAX];
        size_t length = leat_print_float(((const float *)arg->data)[i], text);
        return leat_parse_decimal(text, length, to->precision, to->scale, out);
    }
    if (arg->type->id == LEAT_DECIMAL) {
        value = decimal_load(arg, i);
        scale = arg->type->scale;
    } else {
        value = load_integer(arg, i);
    }
    if (to->scale >= scale) {
        if (__builtin_mul_overflow(value, leat_power_of_ten[to->scale - scale], &value))
            return false;
    } else {
        value = decimal_round(value, scale - to->scale);
    }
    *out = value;
    return value < leat_power_of_ten[to->precision] && value > -leat_power_of_ten[to->precision];
}

static bool to_integer(const struct leat_vector *arg, uint32_t i, struct leat_vector *out,
                       uint32_t row)
{
    if (arg->type->id == LEAT_DECIMAL)
        return store_integer(out, row, decimal_round(decimal_load(arg, i), arg->type->scale));
    if (arg->type->id == LEAT_DOUBLE || arg->type->id == LEAT_FLOAT) {
        double value = arg->type->id == LEAT_DOUBLE ? ((const double *)arg->data)[i]
                                                    : (double)((const float *)arg->data)[i];
        value = rint(value);
        if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0))
            return false;
        return store_integer(out, row, (int64_t)value);
    }
    return store_integer(out, row, load_integer(arg, i));
}

static double to_double(const struct leat_vector *arg, uint32_t i)
{
    switch (arg->type->id) {
    case LEAT_DOUBLE:
        return ((const double *)arg->data)[i];
    case LEAT_FLOAT:
        return ((const float *)arg->data)[i];
    case LEAT_DECIMAL:
        return decimal_to_double(decimal_load(arg, i), arg->type->scale);
    default:
        return (double)load_integer(arg, i);
    }
}

static bool to_float(const struct leat_vector *arg, uint32_t i, float *out)
{
    double value = to_double(arg, i);
    *out = (float)value;
    return isfinite(*out) || !isfinite(value);
}

static enum leat_status cast_number(struct cast *cast, struct leat_error *err)
{
    struct kernel_call *call = cast->call;
    const struct leat_vector *arg = &call->args[0];
    uint32_t mask = ARG_MASK(arg);

    if (widen(call))
        return LEAT_OK;
    FOR_VALID(call, i)
    {
        bool fits = true;
        leat_int128 value = 0;
        switch (call->type->id) {
        case LEAT_DOUBLE:
            ((double *)call->out->data)[i] = to_double(arg, i & mask);
            break;
        case LEAT_FLOAT:
            fits = to_float(arg, i & mask, &((float *)call->out->data)[i]);
            break;
        case LEAT_DECIMAL:
            fits = to_decimal(arg, i & mask, call->type, &value);
            if (fits)
                decimal_store(call->out, i, value);
            break;
        default:
            fits = to_integer(arg, i & mask, call->out, i);
            break;
        }
        if (!fits)
            LEAT_TRY(refuse(cast, i, err));
    }
    return LEAT_OK;
}

/* --- dates and times; the session's time zone is UTC --- */

static enum leat_status cast_time(struct cast *cast, struct leat_error *err)
{
    struct kernel_call *call = cast->call;
    enum leat_type_id from = call->args[0].type->id, to = call->type->id;

    FOR_VALID(call, i)
    {
        int64_t *wide = call->out->data;
        int32_t *days = call->out->data;
        if (from == LEAT_DATE) {
            int32_t date = ARG(int32_t, call, 0, i);
            if (date == INT32_MAX || date == INT32_MIN)
                wide[i] = date < 0 ? INT64_MIN : INT64_MAX;
            else if (__builtin_mul_overflow((int64_t)date, MICROS_PER_DAY, &wide[i]))
                LEAT_TRY(refuse(cast, i, err));
        } else if (from == LEAT_TIME) { /* to interval */
            ((struct leat_interval *)call->out->data)[i] =
                (struct leat_interval){0, 0, ARG(int64_t, call, 0, i)};
        } else if (from == LEAT_INTERVAL) { /* to time */
            wide[i] =
                floor_modulo(ARG(struct leat_interval, call, 0, i).microseconds, MICROS_PER_DAY);
        } else {
            int64_t value = ARG(int64_t, call, 0, i);
            if (to == LEAT_DATE)
                days[i] = value == INT64_MAX   ? INT32_MAX
                          : value == INT64_MIN ? INT32_MIN
                                               : (int32_t)floor_divide(value, MICROS_PER_DAY);
            else
                wide[i] = to == LEAT_TIME ? floor_modulo(value, MICROS_PER_DAY) : value;
        }
    }
    return LEAT_OK;
}

/* --- nested types: child by child --- */

static enum leat_status cast_vector(struct cast *cast, const struct leat_vector *from,
                                    const struct leat_type *to, struct leat_vector *out,
                                    struct leat_error *err)
{
    struct leat_vector arg = *from;
    struct kernel_call inner = *cast->call;
    struct cast inner_cast = {&inner, cast->soft};

    if (cast_is_relabel(from->type, to)) {
        *out = *from;
        out->type = to;
        return LEAT_OK;
    }
    LEAT_TRY(leat_vector_flatten(&arg, inner.arena, err));
    LEAT_TRY(leat_vector_init(out, to, arg.length, 0, inner.arena, err));
    out->length = arg.length;
    if (arg.type->id == LEAT_NULL) {
        LEAT_TRY(leat_vector_make_validity(out, arg.length, inner.arena, err));
        memset(out->validity, 0, leat_validity_words(arg.length) * 8);
        return LEAT_OK;
    }
    if (arg.validity) {
        LEAT_TRY(leat_vector_make_validity(out, arg.length, inner.arena, err));
        memcpy(out->validity, arg.validity, leat_validity_words(arg.length) * 8);
    }
    inner.type = to;
    inner.args = &arg;
    inner.count = arg.length;
    inner.out = out;
    return cast_batch(&inner_cast, err);
}

static enum leat_status cast_nested(struct cast *cast, struct leat_error *err)
{
    struct kernel_call *call = cast->call;
    struct leat_vector arg = call->args[0];

    if (arg.form == LEAT_CONSTANT) {
        arg.length = call->count;
        LEAT_TRY(leat_vector_flatten(&arg, call->arena, err));
    }
    if (call->type->id != LEAT_STRUCT)
        memcpy(call->out->data, arg.data, (size_t)call->count * sizeof(struct leat_list_entry));
    for (uint32_t c = 0; c < call->type->field_count; c++)
        LEAT_TRY(cast_vector(cast, &arg.children[c], call->type->fields[c].type,
                             &call->out->children[c], err));
    return LEAT_OK;
}

/* --- all --- */

enum leat_status cast_batch(struct cast *cast, struct leat_error *err)
{
    const struct leat_type *from = cast->call->args[0].type, *to = cast->call->type;
    bool from_number = leat_type_is_numeric(from) || from->id == LEAT_BOOLEAN;
    bool to_number = leat_type_is_numeric(to) || to->id == LEAT_BOOLEAN;

    if (to->id == LEAT_TEXT || (to->id == LEAT_JSON && from->id != LEAT_TEXT))
        return cast_to_text(cast, err);
    if (from->id == LEAT_TEXT || (from->id == LEAT_JSON && leat_type_is_nested(to)))
        return cast_from_text(cast, err);
    if (from_number && to_number)
        return cast_number(cast, err);
    if (is_time(from->id) && is_time(to->id))
        return cast_time(cast, err);
    if (leat_type_is_nested(from) && from->id == to->id)
        return cast_nested(cast, err);
    return leat_error_internal(err, "no cast kernel");
}

static enum leat_status run_hard(struct kernel_call *call, struct leat_error *err)
{
    return cast_batch(&(struct cast){call, false}, err);
}
static enum leat_status run_soft(struct kernel_call *call, struct leat_error *err)
{
    return cast_batch(&(struct cast){call, true}, err);
}

kernel_fn cast_kernel(const struct leat_type *from, const struct leat_type *to, bool soft)
{
    if (leat_cast_level_of(from, to) == LEAT_CAST_NONE)
        return NULL;
    return soft ? run_soft : run_hard;
}
