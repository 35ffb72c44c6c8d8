/*
 * One loop a kind, over dense arrays. Upper text bounds that were cut are raised: the last
 * character (byte, for binary) that has a successor is replaced by it and what follows is dropped.
 */
#include "formats/parquet/bounds.h"
#include <math.h>

#define ICEBERG_CHARACTERS 16u

void parquet_bounds_init(struct parquet_bounds *bounds, enum parquet_value_kind kind)
{
    *bounds = (struct parquet_bounds){.kind = kind};
}

#define ADD_INTEGERS(type)                                                                         \
    do {                                                                                           \
        const type *array = values;                                                                \
        type low = array[0], high = array[0];                                                      \
        for (size_t i = 1; i < count; i++) {                                                       \
            low = array[i] < low ? array[i] : low;                                                 \
            high = array[i] > high ? array[i] : high;                                              \
        }                                                                                          \
        if (!bounds->any || low < bounds->integer.min)                                             \
            bounds->integer.min = low;                                                             \
        if (!bounds->any || high > bounds->integer.max)                                            \
            bounds->integer.max = high;                                                            \
        bounds->any = true;                                                                        \
    } while (0)

/* Comparisons with NaN are false, so it never enters. */
#define ADD_REALS(type)                                                                            \
    do {                                                                                           \
        const type *array = values;                                                                \
        double low = INFINITY, high = -INFINITY;                                                   \
        size_t nans = 0;                                                                           \
        for (size_t i = 0; i < count; i++) {                                                       \
            double value = (double)array[i];                                                       \
            low = value < low ? value : low;                                                       \
            high = value > high ? value : high;                                                    \
            nans += value != value;                                                                \
        }                                                                                          \
        bounds->nans += nans;                                                                      \
        if (nans < count) {                                                                        \
            add_real(bounds, low);                                                                 \
            add_real(bounds, high);                                                                \
        }                                                                                          \
    } while (0)

static void add_real(struct parquet_bounds *bounds, double value)
{
    if (isnan(value)) {
        bounds->nans++;
        return;
    }
    if (!bounds->any || value < bounds->real.min)
        bounds->real.min = value;
    if (!bounds->any || value > bounds->real.max)
        bounds->real.max = value;
    bounds->any = true;
}

static void add_decimals(struct parquet_bounds *bounds, const leat_int128 *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!bounds->any || values[i] < bounds->decimal.min)
            bounds->decimal.min = values[i];
        if (!bounds->any || values[i] > bounds->decimal.max)
            bounds->decimal.max = values[i];
        bounds->any = true;
    }
}

static int compare_bytes(const void *a, size_t a_length, const void *b, size_t b_length)
{
    size_t shared = a_length < b_length ? a_length : b_length;
    int order = shared ? memcmp(a, b, shared) : 0;
    return order ? order : a_length < b_length ? -1 : a_length > b_length;
}

static void add_text(struct parquet_bounds *bounds, const void *bytes, size_t whole)
{
    size_t length = whole < PARQUET_BOUND_BYTES ? whole : PARQUET_BOUND_BYTES;
    if (!bounds->any || compare_bytes(bytes, length, bounds->text.min, bounds->min_length) < 0) {
        if (length)
            memcpy(bounds->text.min, bytes, length);
        bounds->min_length = (uint8_t)length;
    }
    int order =
        bounds->any ? compare_bytes(bytes, length, bounds->text.max, bounds->max_length) : 1;
    if (order > 0) {
        if (length)
            memcpy(bounds->text.max, bytes, length);
        bounds->max_length = (uint8_t)length;
        bounds->max_cut = whole > length;
    } else if (order == 0 && whole > length) {
        bounds->max_cut = true;
    }
    bounds->any = true;
}

void parquet_bounds_add(struct parquet_bounds *bounds, const void *values, size_t count)
{
    if (count == 0)
        return;
    switch (bounds->kind) {
    case PARQUET_VALUE_NONE:
        break;
    case PARQUET_VALUE_BOOLEAN:
        ADD_INTEGERS(uint8_t);
        break;
    case PARQUET_VALUE_INT32:
        ADD_INTEGERS(int32_t);
        break;
    case PARQUET_VALUE_INT64:
        ADD_INTEGERS(int64_t);
        break;
    case PARQUET_VALUE_FLOAT:
        ADD_REALS(float);
        break;
    case PARQUET_VALUE_DOUBLE:
        ADD_REALS(double);
        break;
    case PARQUET_VALUE_INT128:
        add_decimals(bounds, values, count);
        break;
    case PARQUET_VALUE_UUID:
        for (size_t i = 0; i < count; i++)
            add_text(bounds, (const uint8_t *)values + 16 * i, 16);
        break;
    case PARQUET_VALUE_STRING:
        for (size_t i = 0; i < count; i++) {
            const struct leat_string *string = &((const struct leat_string *)values)[i];
            add_text(bounds, leat_string_data(string), string->length);
        }
        break;
    }
}

void parquet_bounds_add_range(struct parquet_bounds *bounds, int64_t low, int64_t high)
{
    if (!bounds->any || low < bounds->integer.min)
        bounds->integer.min = low;
    if (!bounds->any || high > bounds->integer.max)
        bounds->integer.max = high;
    bounds->any = true;
}

void parquet_bounds_merge(struct parquet_bounds *bounds, const struct parquet_bounds *other)
{
    bounds->values += other->values;
    bounds->nulls += other->nulls;
    bounds->nans += other->nans;
    if (!other->any)
        return;
    switch (bounds->kind) {
    case PARQUET_VALUE_NONE:
        break;
    case PARQUET_VALUE_BOOLEAN:
    case PARQUET_VALUE_INT32:
    case PARQUET_VALUE_INT64:
        if (!bounds->any || other->integer.min < bounds->integer.min)
            bounds->integer.min = other->integer.min;
        if (!bounds->any || other->integer.max > bounds->integer.max)
            bounds->integer.max = other->integer.max;
        break;
    case PARQUET_VALUE_FLOAT:
    case PARQUET_VALUE_DOUBLE:
        add_real(bounds, other->real.min);
        add_real(bounds, other->real.max);
        break;
    case PARQUET_VALUE_INT128:
        add_decimals(bounds, &other->decimal.min, 1);
        add_decimals(bounds, &other->decimal.max, 1);
        break;
    case PARQUET_VALUE_UUID:
    case PARQUET_VALUE_STRING: {
        bool was_any = bounds->any;
        add_text(bounds, other->text.min, other->min_length);
        add_text(bounds, other->text.max, other->max_length);
        if (other->max_cut && (!was_any || parquet_bounds_compare(bounds, other, true) == 0))
            bounds->max_cut = true;
        break;
    }
    }
    bounds->any = true;
}

int parquet_bounds_compare(const struct parquet_bounds *a, const struct parquet_bounds *b,
                           bool upper)
{
    switch (a->kind) {
    case PARQUET_VALUE_FLOAT:
    case PARQUET_VALUE_DOUBLE: {
        double x = upper ? a->real.max : a->real.min, y = upper ? b->real.max : b->real.min;
        return x < y ? -1 : x > y;
    }
    case PARQUET_VALUE_INT128: {
        leat_int128 x = upper ? a->decimal.max : a->decimal.min;
        leat_int128 y = upper ? b->decimal.max : b->decimal.min;
        return x < y ? -1 : x > y;
    }
    case PARQUET_VALUE_UUID:
    case PARQUET_VALUE_STRING:
        return upper ? compare_bytes(a->text.max, a->max_length, b->text.max, b->max_length)
                     : compare_bytes(a->text.min, a->min_length, b->text.min, b->min_length);
    default: {
        int64_t x = upper ? a->integer.max : a->integer.min;
        int64_t y = upper ? b->integer.max : b->integer.min;
        return x < y ? -1 : x > y;
    }
    }
}

/* The longest part of at most `limit` bytes that ends between characters. */
static size_t cut_utf8(const uint8_t *bytes, size_t length, size_t limit)
{
    if (length <= limit)
        return length;
    while (limit > 0 && (bytes[limit] & 0xc0) == 0x80)
        limit--;
    return limit;
}

/* Drops a character that the 64-byte limit cut in two. */
static size_t whole_characters(const uint8_t *bytes, size_t length)
{
    size_t start = length;
    while (start > 0 && length - start < 4) {
        uint8_t byte = bytes[--start];
        if (byte < 0x80)
            return length;
        if (byte >= 0xc0) {
            size_t need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return length - start == need ? length : start;
        }
    }
    return length;
}

static uint32_t decode_character(const uint8_t *at, size_t length)
{
    uint32_t code = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (at[i] & 0x3f);
    return code;
}

static size_t encode_character(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (uint8_t)(0x80 | (code & 0x3f));
    out[0] = (uint8_t)((0xf00u >> length & 0xff) | code);
    return length;
}

/* The shortest text above all that begin with these bytes; 0 if there is none. */
static size_t raise_utf8(uint8_t *bytes, size_t length)
{
    while (length > 0) {
        size_t start = length - 1;
        while (start > 0 && (bytes[start] & 0xc0) == 0x80)
            start--;
        uint32_t code = decode_character(bytes + start, length - start) + 1;
        if (code == 0xd800)
            code = 0xe000;
        uint8_t raised[4];
        if (code <= 0x10ffff) {
            size_t made = encode_character(code, raised);
            if (start + made <= PARQUET_BOUND_BYTES) {
                memcpy(bytes + start, raised, made);
                return start + made;
            }
        }
        length = start;
    }
    return 0;
}

static size_t raise_bytes(uint8_t *bytes, size_t length)
{
    while (length > 0 && bytes[length - 1] == 0xff)
        length--;
    if (length > 0)
        bytes[length - 1]++;
    return length;
}

/* Copies a text bound cut to `characters`, or to all 64 bytes if that is 0. */
static bool text_bound(const struct parquet_bounds *bounds, bool upper, bool utf8,
                       unsigned characters, uint8_t *out, size_t *length, bool *exact)
{
    size_t whole = upper ? bounds->max_length : bounds->min_length;
    size_t kept = whole;
    const uint8_t *from = upper ? bounds->text.max : bounds->text.min;
    bool cut = upper ? bounds->max_cut : whole == PARQUET_BOUND_BYTES;
    if (utf8 && cut)
        kept = whole_characters(from, kept);
    if (characters && !utf8 && kept > characters)
        kept = characters;
    if (characters && utf8) {
        size_t at = 0;
        for (unsigned i = 0; i < characters && at < kept; i++) {
            at++;
            while (at < kept && (from[at] & 0xc0) == 0x80)
                at++;
        }
        kept = cut_utf8(from, kept, at);
    }
    if (whole)
        memcpy(out, from, whole);
    *exact = !cut && kept == whole;
    *length = kept;
    if (upper && !*exact)
        *length = utf8 ? raise_utf8(out, kept) : raise_bytes(out, kept);
    return !(upper && !*exact && *length == 0);
}

bool parquet_bounds_encode(const struct parquet_bounds *bounds, bool upper, bool utf8,
                           unsigned fixed, uint8_t out[PARQUET_BOUND_BYTES], size_t *length,
                           bool *exact)
{
    *exact = true;
    if (!bounds->any)
        return false;
    int64_t integer = upper ? bounds->integer.max : bounds->integer.min;
    double real = upper ? bounds->real.max : bounds->real.min;
    float single = (float)real;
    switch (bounds->kind) {
    case PARQUET_VALUE_NONE:
        return false;
    case PARQUET_VALUE_BOOLEAN:
        *length = 1;
        out[0] = (uint8_t)integer;
        return true;
    case PARQUET_VALUE_INT32:
        *length = 4;
        memcpy(out, &integer, 4);
        return true;
    case PARQUET_VALUE_INT64:
        *length = 8;
        memcpy(out, &integer, 8);
        return true;
    case PARQUET_VALUE_FLOAT:
        if (single == 0.0F)
            single = upper ? 0.0F : -0.0F;
        *length = 4;
        memcpy(out, &single, 4);
        return true;
    case PARQUET_VALUE_DOUBLE:
        if (real == 0.0)
            real = upper ? 0.0 : -0.0;
        *length = 8;
        memcpy(out, &real, 8);
        return true;
    case PARQUET_VALUE_INT128: {
        leat_int128 value = upper ? bounds->decimal.max : bounds->decimal.min;
        for (unsigned i = 0; i < fixed; i++)
            out[i] = (uint8_t)(value >> (8 * (fixed - 1 - i)));
        *length = fixed;
        return true;
    }
    case PARQUET_VALUE_UUID:
        *length = 16;
        memcpy(out, upper ? bounds->text.max : bounds->text.min, 16);
        return true;
    case PARQUET_VALUE_STRING:
        return text_bound(bounds, upper, utf8, 0, out, length, exact);
    }
    return false;
}

enum leat_status parquet_bounds_value(const struct parquet_bounds *bounds, bool upper,
                                      const struct leat_type *type, struct leat_arena *arena,
                                      struct leat_value *out, struct leat_error *err)
{
    uint8_t bytes[PARQUET_BOUND_BYTES];
    size_t length;
    bool exact;
    *out = (struct leat_value){.type = type, .is_null = !bounds->any};
    if (!bounds->any)
        return LEAT_OK;
    switch (bounds->kind) {
    case PARQUET_VALUE_NONE:
        out->is_null = true;
        break;
    case PARQUET_VALUE_BOOLEAN:
    case PARQUET_VALUE_INT32:
    case PARQUET_VALUE_INT64:
        if (type->id == LEAT_DECIMAL)
            out->decimal = upper ? bounds->integer.max : bounds->integer.min;
        else
            out->integer = upper ? bounds->integer.max : bounds->integer.min;
        break;
    case PARQUET_VALUE_FLOAT:
    case PARQUET_VALUE_DOUBLE:
        out->real = upper ? bounds->real.max : bounds->real.min;
        if (out->real == 0.0)
            out->real = upper ? 0.0 : -0.0;
        break;
    case PARQUET_VALUE_INT128:
        out->decimal = upper ? bounds->decimal.max : bounds->decimal.min;
        break;
    case PARQUET_VALUE_UUID:
        memcpy(out->uuid, upper ? bounds->text.max : bounds->text.min, 16);
        break;
    case PARQUET_VALUE_STRING:
        if (!text_bound(bounds, upper, type->id != LEAT_BYTES, ICEBERG_CHARACTERS, bytes, &length,
                        &exact)) {
            out->is_null = true;
            break;
        }
        out->text.length = length;
        out->text.data = leat_arena_copy(arena, bytes, length);
        if (!out->text.data)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}
