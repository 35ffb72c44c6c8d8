/*
 * From physical to our types: which conversion a leaf needs, and a loop for each. Conversions that
 * keep the width may run in place; those that widen are given another array.
 */
#include "formats/parquet/reader_internal.h"
#include "base/utf8.h"

#define JULIAN_EPOCH 2440588 /* Julian day of 1970-01-01 */
#define DAY_MICROS   INT64_C(86400000000)
#define INT128_BYTES 16u

static const struct leat_type *timestamp(bool utc)
{
    return leat_type_get(utc ? LEAT_TIMESTAMPTZ : LEAT_TIMESTAMP);
}

static const struct leat_type *decimal_type(const struct parquet_element *element)
{
    int64_t precision = element->precision,
            scale = element->scale == PARQUET_UNSET ? 0 : element->scale;
    bool numeric = element->type == PARQUET_INT32 || element->type == PARQUET_INT64;
    if (precision < 1 || precision > LEAT_DECIMAL_MAX_PRECISION || scale < 0 || scale > precision)
        return numeric ? NULL : leat_type_get(LEAT_BYTES);
    return leat_type_decimal((unsigned)precision, (unsigned)scale);
}

static const struct leat_type *integer_type(unsigned bits, bool is_signed)
{
    if (bits <= 8)
        return leat_type_get(is_signed ? LEAT_INT8 : LEAT_INT16);
    if (bits <= 16)
        return leat_type_get(is_signed ? LEAT_INT16 : LEAT_INT32);
    if (bits <= 32)
        return leat_type_get(is_signed ? LEAT_INT32 : LEAT_INT64);
    return is_signed ? leat_type_get(LEAT_INT64) : leat_type_decimal(20, 0);
}

/* By the logical type, or NULL if it says nothing for that physical type. */
static const struct leat_type *logical_type(const struct parquet_element *element)
{
    bool i32 = element->type == PARQUET_INT32, i64 = element->type == PARQUET_INT64;
    bool bytes = element->type == PARQUET_BYTE_ARRAY;
    switch (element->logical) {
    case PARQUET_LOGICAL_STRING:
    case PARQUET_LOGICAL_ENUM:
        return bytes ? leat_type_get(LEAT_TEXT) : NULL;
    case PARQUET_LOGICAL_JSON:
        return bytes ? leat_type_get(LEAT_JSON) : NULL;
    case PARQUET_LOGICAL_DECIMAL:
        return i32 || i64 || bytes || element->type == PARQUET_FIXED ? decimal_type(element) : NULL;
    case PARQUET_LOGICAL_DATE:
        return i32 ? leat_type_get(LEAT_DATE) : NULL;
    case PARQUET_LOGICAL_TIME:
        return i32 || i64 ? leat_type_get(LEAT_TIME) : NULL;
    case PARQUET_LOGICAL_TIMESTAMP:
        return i64 ? timestamp(element->is_utc) : NULL;
    case PARQUET_LOGICAL_INTEGER:
        return (i32 && element->bits <= 32) || i64 ? integer_type(element->bits, element->is_signed)
                                                   : NULL;
    case PARQUET_LOGICAL_UUID:
        return element->type == PARQUET_FIXED && element->type_length == 16
                   ? leat_type_get(LEAT_UUID)
                   : NULL;
    case PARQUET_LOGICAL_FLOAT16:
        return element->type == PARQUET_FIXED && element->type_length == 2
                   ? leat_type_get(LEAT_FLOAT)
                   : NULL;
    case PARQUET_LOGICAL_NULL:
        return leat_type_get(LEAT_NULL);
    default:
        return NULL;
    }
}

static const struct leat_type *converted_type(const struct parquet_element *element)
{
    bool i32 = element->type == PARQUET_INT32, i64 = element->type == PARQUET_INT64;
    bool bytes = element->type == PARQUET_BYTE_ARRAY;
    int64_t converted = element->converted;
    if (converted == PARQUET_UTF8 || converted == PARQUET_ENUM)
        return bytes ? leat_type_get(LEAT_TEXT) : NULL;
    if (converted == PARQUET_JSON)
        return bytes ? leat_type_get(LEAT_JSON) : NULL;
    if (converted == PARQUET_DECIMAL)
        return i32 || i64 || bytes || element->type == PARQUET_FIXED ? decimal_type(element) : NULL;
    if (converted == PARQUET_DATE)
        return i32 ? leat_type_get(LEAT_DATE) : NULL;
    if (converted == PARQUET_TIME_MILLIS || converted == PARQUET_TIME_MICROS)
        return i32 || i64 ? leat_type_get(LEAT_TIME) : NULL;
    if (converted == PARQUET_TIMESTAMP_MILLIS || converted == PARQUET_TIMESTAMP_MICROS)
        return i64 ? timestamp(true) : NULL;
    if (converted >= PARQUET_UINT_8 && converted <= PARQUET_INT_64 && (i32 || i64)) {
        bool is_signed = converted >= PARQUET_INT_8;
        unsigned bits = 8u << (converted - (is_signed ? PARQUET_INT_8 : PARQUET_UINT_8));
        return i32 && bits > 32 ? NULL : integer_type(bits, is_signed);
    }
    if (converted == PARQUET_INTERVAL)
        return element->type == PARQUET_FIXED && element->type_length == 12
                   ? leat_type_get(LEAT_INTERVAL)
                   : NULL;
    return NULL;
}

const struct leat_type *parquet_leaf_type(const struct parquet_element *element)
{
    static const enum leat_type_id physical[] = {LEAT_BOOLEAN,   LEAT_INT32, LEAT_INT64,
                                                 LEAT_TIMESTAMP, LEAT_FLOAT, LEAT_DOUBLE,
                                                 LEAT_BYTES,     LEAT_BYTES};
    const struct leat_type *type = element->logical ? logical_type(element) : NULL;
    if (!type && element->converted != PARQUET_UNSET)
        type = converted_type(element);
    return type ? type : leat_type_get(physical[element->type]);
}

/* --- choosing --- */

static int64_t time_factor(const struct parquet_element *element)
{
    if (element->unit)
        return element->unit == PARQUET_MILLIS ? 1000 : element->unit == PARQUET_NANOS ? -1000 : 1;
    return element->converted == PARQUET_TIME_MILLIS ||
                   element->converted == PARQUET_TIMESTAMP_MILLIS
               ? 1000
               : 1;
}

static bool is_unsigned(const struct parquet_element *element)
{
    if (element->logical == PARQUET_LOGICAL_INTEGER)
        return !element->is_signed;
    return element->converted >= PARQUET_UINT_8 && element->converted <= PARQUET_UINT_64;
}

/* 10^(wanted scale - file's scale), 0 if the wanted one is smaller or the factor too large. */
static int64_t scale_factor(const struct leat_type *natural, const struct leat_type *type)
{
    unsigned from = natural->id == LEAT_DECIMAL ? natural->scale : 0;
    if (type->scale < from || type->scale - from > 18)
        return 0;
    return (int64_t)leat_power_of_ten[type->scale - from];
}

static enum parquet_conversion from_i32(const struct parquet_element *element,
                                        const struct leat_type *natural,
                                        const struct leat_type *type, int64_t *factor)
{
    switch (type->id) {
    case LEAT_INT8:
        return natural->id == LEAT_INT8 ? PARQUET_CONVERT_I32_I8 : -1;
    case LEAT_INT16:
        return natural->id == LEAT_INT8 || natural->id == LEAT_INT16 ? PARQUET_CONVERT_I32_I16 : -1;
    case LEAT_INT32:
        return leat_type_is_integer(natural) && natural->id != LEAT_INT64 ? PARQUET_CONVERT_NONE
                                                                          : -1;
    case LEAT_DATE:
        return natural->id == LEAT_DATE ? PARQUET_CONVERT_NONE : -1;
    case LEAT_INT64:
        if (natural->id == LEAT_INT64 && is_unsigned(element))
            return PARQUET_CONVERT_U32_I64;
        return leat_type_is_integer(natural) ? PARQUET_CONVERT_I32_I64 : -1;
    case LEAT_TIME:
        *factor = time_factor(element);
        return natural->id == LEAT_TIME ? PARQUET_CONVERT_I32_I64 : -1;
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        *factor = DAY_MICROS;
        return natural->id == LEAT_DATE ? PARQUET_CONVERT_I32_I64 : -1;
    case LEAT_DOUBLE:
        return leat_type_is_integer(natural) && !is_unsigned(element) ? PARQUET_CONVERT_I32_DOUBLE
                                                                      : -1;
    case LEAT_DECIMAL:
        *factor = scale_factor(natural, type);
        if (!*factor || (natural->id != LEAT_DECIMAL && !leat_type_is_integer(natural)) ||
            (is_unsigned(element) && natural->id == LEAT_INT64))
            return -1;
        return leat_type_is_small_decimal(type) ? PARQUET_CONVERT_I32_I64
                                                : PARQUET_CONVERT_I32_I128;
    default:
        return -1;
    }
}

static enum parquet_conversion from_i64(const struct parquet_element *element,
                                        const struct leat_type *natural,
                                        const struct leat_type *type, int64_t *factor)
{
    bool instant = natural->id == LEAT_TIMESTAMP || natural->id == LEAT_TIMESTAMPTZ;
    switch (type->id) {
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
        return -1;
    case LEAT_INT64:
        return leat_type_is_integer(natural) ? PARQUET_CONVERT_NONE : -1;
    case LEAT_TIME:
        *factor = time_factor(element);
        if (natural->id != LEAT_TIME)
            return -1;
        return *factor == 1 ? PARQUET_CONVERT_NONE : PARQUET_CONVERT_I64_I64;
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        *factor = time_factor(element);
        if (!instant)
            return -1;
        return *factor == 1 ? PARQUET_CONVERT_NONE : PARQUET_CONVERT_I64_I64;
    case LEAT_DOUBLE:
        return natural->id == LEAT_INT64 ? PARQUET_CONVERT_I64_DOUBLE : -1;
    case LEAT_DECIMAL:
        *factor = scale_factor(natural, type);
        if (!*factor || (natural->id != LEAT_DECIMAL && !leat_type_is_integer(natural)))
            return -1;
        if (is_unsigned(element))
            return leat_type_is_small_decimal(type) ? -1 : PARQUET_CONVERT_U64_I128;
        if (!leat_type_is_small_decimal(type))
            return PARQUET_CONVERT_I64_I128;
        return *factor == 1 ? PARQUET_CONVERT_NONE : PARQUET_CONVERT_I64_I64;
    default:
        return -1;
    }
}

static enum parquet_conversion from_bytes(const struct parquet_element *element,
                                          const struct leat_type *natural,
                                          const struct leat_type *type, int64_t *factor)
{
    switch (type->id) {
    case LEAT_TEXT:
    case LEAT_JSON:
        return natural->id == LEAT_TEXT || natural->id == LEAT_JSON || natural->id == LEAT_BYTES
                   ? PARQUET_CONVERT_UTF8
                   : -1;
    case LEAT_BYTES:
        return PARQUET_CONVERT_NONE;
    case LEAT_UUID:
        return element->type == PARQUET_FIXED && element->type_length == 16 ? PARQUET_CONVERT_UUID
                                                                            : -1;
    case LEAT_INTERVAL:
        return natural->id == LEAT_INTERVAL ? PARQUET_CONVERT_INTERVAL : -1;
    case LEAT_FLOAT:
        return natural->id == LEAT_FLOAT ? PARQUET_CONVERT_HALF_FLOAT : -1;
    case LEAT_DOUBLE:
        return natural->id == LEAT_FLOAT ? PARQUET_CONVERT_HALF_DOUBLE : -1;
    case LEAT_DECIMAL:
        *factor = scale_factor(natural, type);
        if (natural->id != LEAT_DECIMAL || !*factor)
            return -1;
        return leat_type_is_small_decimal(type) ? PARQUET_CONVERT_DECIMAL_I64
                                                : PARQUET_CONVERT_DECIMAL_I128;
    default:
        return -1;
    }
}

bool parquet_converter_init(const struct parquet_element *element, const struct leat_type *type,
                            struct parquet_converter *out)
{
    static const size_t widths[] = {1, 4, 8, 16, 4, 8, 16, 16};
    const struct leat_type *natural = parquet_leaf_type(element);
    int kind = -1;
    *out = (struct parquet_converter){.factor = 1, .type = type};
    switch (element->type) {
    case PARQUET_BOOLEAN:
        kind = type->id == LEAT_BOOLEAN ? PARQUET_CONVERT_NONE : -1;
        break;
    case PARQUET_INT32:
        kind = (int)from_i32(element, natural, type, &out->factor);
        break;
    case PARQUET_INT64:
        kind = (int)from_i64(element, natural, type, &out->factor);
        break;
    case PARQUET_INT96:
        kind =
            type->id == LEAT_TIMESTAMP || type->id == LEAT_TIMESTAMPTZ ? PARQUET_CONVERT_INT96 : -1;
        break;
    case PARQUET_FLOAT:
        kind = type->id == LEAT_FLOAT    ? PARQUET_CONVERT_NONE
               : type->id == LEAT_DOUBLE ? PARQUET_CONVERT_FLOAT_DOUBLE
                                         : -1;
        break;
    case PARQUET_DOUBLE:
        kind = type->id == LEAT_DOUBLE ? PARQUET_CONVERT_NONE : -1;
        break;
    default:
        kind = (int)from_bytes(element, natural, type, &out->factor);
    }
    if (natural->id == LEAT_NULL && type->id == LEAT_NULL)
        kind = PARQUET_CONVERT_NONE;
    if (kind < 0)
        return false;
    out->kind = (enum parquet_conversion)kind;
    out->from_width = widths[element->type];
    out->to_width = leat_type_width(type);
    return true;
}

/* --- converting --- */

#define LOOP(from_type, to_type, expression)                                                       \
    do {                                                                                           \
        const from_type *from = in;                                                                \
        to_type *to = out;                                                                         \
        for (size_t i = 0; i < count; i++) {                                                       \
            from_type value = from[i];                                                             \
            to[i] = (to_type)(expression);                                                         \
        }                                                                                          \
        return true;                                                                               \
    } while (0)

static int64_t floor_divide(int64_t value, int64_t by)
{
    int64_t quotient = value / by;
    return quotient - (value % by < 0);
}

static bool scale_i64(const struct parquet_converter *converter, const int64_t *in, int64_t *out,
                      size_t count)
{
    bool overflow = false;
    if (converter->factor < 0) {
        for (size_t i = 0; i < count; i++)
            out[i] = floor_divide(in[i], -converter->factor);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        overflow |= __builtin_mul_overflow(in[i], converter->factor, &out[i]);
    return !overflow;
}

static bool widen_i32(const struct parquet_converter *converter, const int32_t *in, int64_t *out,
                      size_t count)
{
    bool overflow = false;
    if (converter->factor == 1) {
        for (size_t i = 0; i < count; i++)
            out[i] = in[i];
        return true;
    }
    if (converter->factor < 0) {
        for (size_t i = 0; i < count; i++)
            out[i] = floor_divide(in[i], -converter->factor);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        overflow |= __builtin_mul_overflow((int64_t)in[i], converter->factor, &out[i]);
    return !overflow;
}

/* Big-endian two's complement of any length; false if it is above the type's digits. */
static bool decimal_of(const struct parquet_converter *converter, const struct leat_string *string,
                       leat_int128 *out)
{
    const uint8_t *bytes = (const uint8_t *)leat_string_data(string);
    size_t length = string->length;
    uint8_t sign = length && bytes[0] >= 0x80 ? 0xff : 0;
    while (length > INT128_BYTES) {
        if (*bytes != sign)
            return false;
        bytes++;
        length--;
    }
    unsigned __int128 value = sign ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    leat_int128 limit = leat_power_of_ten[converter->type->precision];
    *out = (leat_int128)value;
    if (converter->factor != 1 && __builtin_mul_overflow(*out, (leat_int128)converter->factor, out))
        return false;
    return *out<limit && * out> - limit;
}

static bool decimals(const struct parquet_converter *converter, const struct leat_string *in,
                     void *out, size_t count)
{
    leat_int128 value;
    for (size_t i = 0; i < count; i++) {
        if (!decimal_of(converter, &in[i], &value))
            return false;
        if (converter->kind == PARQUET_CONVERT_DECIMAL_I64)
            ((int64_t *)out)[i] = (int64_t)value;
        else
            ((leat_int128 *)out)[i] = value;
    }
    return true;
}

static float half_to_float(const struct leat_string *string)
{
    uint16_t half;
    memcpy(&half, leat_string_data(string), 2);
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, bits;
    uint32_t fraction = half & 0x3ff;
    float value;
    if (exponent == 31) {
        bits = sign | 0x7f800000 | fraction << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        value = (float)fraction * 0x1p-24F;
        return sign ? -value : value;
    }
    memcpy(&value, &bits, 4);
    return value;
}

/* Nanoseconds of the day, then the Julian day. Spark lets both wrap around for far years, so the
 * sum does too. */
static void int96(const struct leat_string *in, int64_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t nanos;
        int32_t day;
        const char *bytes = leat_string_data(&in[i]);
        memcpy(&nanos, bytes, 8);
        memcpy(&day, bytes + 8, 4);
        out[i] = (int64_t)((uint64_t)((int64_t)day - JULIAN_EPOCH) * (uint64_t)DAY_MICROS +
                           (uint64_t)floor_divide(nanos, 1000));
    }
}

static void intervals(const struct leat_string *in, struct leat_interval *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t parts[3];
        memcpy(parts, leat_string_data(&in[i]), 12);
        out[i] =
            (struct leat_interval){(int32_t)parts[0], (int32_t)parts[1], (int64_t)parts[2] * 1000};
    }
}

static bool valid_texts(const struct leat_string *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!leat_utf8_valid(leat_string_data(&in[i]), in[i].length))
            return false;
    }
    return true;
}

static bool widen_decimals(const struct parquet_converter *converter, const void *in,
                           leat_int128 *out, size_t count)
{
    leat_int128 factor = converter->factor;
    for (size_t i = 0; i < count; i++) {
        leat_int128 value = converter->kind == PARQUET_CONVERT_I32_I128 ? ((const int32_t *)in)[i]
                            : converter->kind == PARQUET_CONVERT_I64_I128
                                ? ((const int64_t *)in)[i]
                                : (leat_int128)((const uint64_t *)in)[i];
        out[i] = value * factor; /* 2^64 * 10^18 fits */
    }
    return true;
}

bool parquet_convert(const struct parquet_converter *converter, const void *in, void *out,
                     size_t count)
{
    switch (converter->kind) {
    case PARQUET_CONVERT_NONE:
    case PARQUET_CONVERT_UTF8:
        if (in != out && count)
            memcpy(out, in, count * converter->to_width);
        return converter->kind == PARQUET_CONVERT_NONE || valid_texts(in, count);
    case PARQUET_CONVERT_I32_I8:
        LOOP(int32_t, int8_t, value);
    case PARQUET_CONVERT_I32_I16:
        LOOP(int32_t, int16_t, value);
    case PARQUET_CONVERT_I32_I64:
        return widen_i32(converter, in, out, count);
    case PARQUET_CONVERT_U32_I64:
        LOOP(uint32_t, int64_t, value);
    case PARQUET_CONVERT_I64_I64:
        return scale_i64(converter, in, out, count);
    case PARQUET_CONVERT_I32_I128:
    case PARQUET_CONVERT_I64_I128:
    case PARQUET_CONVERT_U64_I128:
        return widen_decimals(converter, in, out, count);
    case PARQUET_CONVERT_I32_DOUBLE:
        LOOP(int32_t, double, value);
    case PARQUET_CONVERT_I64_DOUBLE:
        LOOP(int64_t, double, value);
    case PARQUET_CONVERT_FLOAT_DOUBLE:
        LOOP(float, double, value);
    case PARQUET_CONVERT_HALF_FLOAT:
        LOOP(struct leat_string, float, half_to_float(&value));
    case PARQUET_CONVERT_HALF_DOUBLE:
        LOOP(struct leat_string, double, half_to_float(&value));
    case PARQUET_CONVERT_INT96:
        int96(in, out, count);
        return true;
    case PARQUET_CONVERT_DECIMAL_I64:
    case PARQUET_CONVERT_DECIMAL_I128:
        return decimals(converter, in, out, count);
    case PARQUET_CONVERT_UUID:
        for (size_t i = 0; i < count; i++)
            memcpy((uint8_t *)out + 16 * i, leat_string_data(&((const struct leat_string *)in)[i]),
                   16);
        return true;
    case PARQUET_CONVERT_INTERVAL:
        intervals(in, out, count);
        return true;
    }
    return false;
}
