/*
 * What statistics allow to leave out: bounds of row groups and pages against conditions on a
 * column.
 *
 * A bound is used only where its order is known: min_value and max_value if the footer declares the
 * column's order, the older pair for signed numbers. Floating-point maxima say nothing about NaN,
 * which is above all else here, so conditions that NaN could satisfy are never pruned by them.
 */
#include "formats/parquet/reader_internal.h"
#include <math.h>

static bool is_real(const struct leat_type *type)
{
    return type->id == LEAT_FLOAT || type->id == LEAT_DOUBLE;
}

/* One physical value from its stored form, into 16 bytes. */
static bool physical_value(const struct parquet_element *element, struct leat_text bytes, void *out)
{
    static const size_t widths[] = {1, 4, 8, 12, 4, 8, 0, 0};
    if (element->type == PARQUET_BYTE_ARRAY || element->type == PARQUET_FIXED) {
        if (bytes.length > UINT32_MAX ||
            (element->type == PARQUET_FIXED && bytes.length != (uint64_t)element->type_length))
            return false;
        struct leat_string string = leat_string_of(bytes.data, bytes.length);
        memcpy(out, &string, sizeof(string));
        return true;
    }
    if (bytes.length != widths[element->type] || element->type == PARQUET_INT96)
        return false;
    memcpy(out, bytes.data, bytes.length);
    return true;
}

static void take_value(const void *data, const struct leat_type *type, struct leat_text bytes,
                       struct leat_value *out)
{
    switch (type->id) {
    case LEAT_BOOLEAN:
        out->integer = *(const uint8_t *)data != 0;
        break;
    case LEAT_INT8:
        out->integer = *(const int8_t *)data;
        break;
    case LEAT_INT16:
        out->integer = *(const int16_t *)data;
        break;
    case LEAT_INT32:
    case LEAT_DATE:
        out->integer = *(const int32_t *)data;
        break;
    case LEAT_FLOAT:
        out->real = (double)*(const float *)data;
        break;
    case LEAT_DOUBLE:
        out->real = *(const double *)data;
        break;
    case LEAT_DECIMAL:
        out->decimal =
            leat_type_is_small_decimal(type) ? *(const int64_t *)data : *(const leat_int128 *)data;
        break;
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_BYTES:
        out->text = bytes;
        break;
    case LEAT_UUID:
        memcpy(out->uuid, data, 16);
        break;
    default:
        out->integer = *(const int64_t *)data;
    }
}

bool parquet_bound_value(const struct parquet_node *node, const struct leat_type *type,
                         struct leat_text bytes, struct leat_value *out)
{
    struct parquet_converter converter;
    leat_int128 physical[1] = {0}, converted[1] = {0};
    *out = (struct leat_value){.type = type, .is_null = true};
    if (type->id == LEAT_INTERVAL || type->id == LEAT_NULL || leat_type_is_nested(type) ||
        !parquet_converter_init(node->element, type, &converter))
        return false;
    /* A cut text may end inside a character: it is a bound all the same. */
    if (converter.kind == PARQUET_CONVERT_UTF8)
        converter.kind = PARQUET_CONVERT_NONE;
    if (!physical_value(node->element, bytes, physical) ||
        !parquet_convert(&converter, physical, converted, 1))
        return false;
    take_value(converted, type, bytes, out);
    if (is_real(type) && isnan(out->real))
        return false;
    out->is_null = false;
    return true;
}

/* The deprecated pair was written with signed comparison: right for signed numbers only. */
static bool old_order_is_right(const struct parquet_element *element)
{
    bool is_unsigned =
        element->logical == PARQUET_LOGICAL_INTEGER
            ? !element->is_signed
            : element->converted >= PARQUET_UINT_8 && element->converted <= PARQUET_UINT_64;
    return !is_unsigned && element->type != PARQUET_BYTE_ARRAY && element->type != PARQUET_FIXED &&
           element->type != PARQUET_INT96;
}

void parquet_chunk_bounds(const struct leat_parquet_file *file, const struct parquet_node *node,
                          const struct parquet_chunk *chunk, const struct leat_type *type,
                          struct leat_value *minimum, struct leat_value *maximum)
{
    const struct parquet_statistics *statistics = &chunk->statistics;
    uint32_t leaf = (uint32_t)node->leaf;
    bool ordered = leaf < file->metadata.order_count && file->metadata.orders[leaf] == 1;
    bool old = old_order_is_right(node->element);
    *minimum = *maximum = (struct leat_value){.type = type, .is_null = true};
    if (statistics->has_min && (ordered || old))
        (void)parquet_bound_value(node, type, statistics->min, minimum);
    else if (statistics->has_old_min && old)
        (void)parquet_bound_value(node, type, statistics->old_min, minimum);
    if (statistics->has_max && (ordered || old))
        (void)parquet_bound_value(node, type, statistics->max, maximum);
    else if (statistics->has_old_max && old)
        (void)parquet_bound_value(node, type, statistics->old_max, maximum);
}

/* May some value between the bounds (null: unknown) equal this one? */
static bool may_equal(const struct leat_value *value, const struct leat_value *minimum,
                      const struct leat_value *maximum)
{
    if (is_real(value->type) && isnan(value->real))
        return true;
    return (minimum->is_null || leat_value_compare(minimum, value) <= 0) &&
           (maximum->is_null || leat_value_compare(maximum, value) >= 0);
}

bool parquet_may_match(const struct leat_predicate *predicate, const struct leat_value *minimum,
                       const struct leat_value *maximum, int64_t null_count, int64_t rows)
{
    const struct leat_value *value = predicate->values;
    if (predicate->op == LEAT_PREDICATE_IS_NULL)
        return null_count != 0;
    if (null_count != PARQUET_UNSET && null_count >= rows)
        return false;
    if (predicate->op == LEAT_PREDICATE_IS_NOT_NULL || predicate->value_count == 0)
        return true;
    bool real = is_real(minimum->type);
    switch (predicate->op) {
    case LEAT_PREDICATE_EQ:
        return may_equal(value, minimum, maximum);
    case LEAT_PREDICATE_NE:
        return real || minimum->is_null || maximum->is_null ||
               leat_value_compare(minimum, value) != 0 || leat_value_compare(maximum, value) != 0;
    case LEAT_PREDICATE_LT:
        return minimum->is_null || leat_value_compare(minimum, value) < 0;
    case LEAT_PREDICATE_LE:
        return minimum->is_null || leat_value_compare(minimum, value) <= 0;
    case LEAT_PREDICATE_GT:
        return real || maximum->is_null || leat_value_compare(maximum, value) > 0;
    case LEAT_PREDICATE_GE:
        return real || maximum->is_null || leat_value_compare(maximum, value) >= 0;
    case LEAT_PREDICATE_IN:
        for (uint32_t i = 0; i < predicate->value_count; i++) {
            if (may_equal(&predicate->values[i], minimum, maximum))
                return true;
        }
        return false;
    default:
        return true;
    }
}

/* --- page index --- */

static enum leat_status load(const struct leat_parquet_file *file, int64_t offset, int64_t length,
                             struct leat_arena *arena, const uint8_t **out, struct leat_error *err)
{
    *out = NULL;
    if (offset < 4 || length <= 0 || (uint64_t)offset >= file->input->size ||
        (uint64_t)length > file->input->size - (uint64_t)offset)
        return LEAT_OK;
    uint8_t *bytes = leat_arena_alloc(arena, (size_t)length);
    if (!bytes)
        return leat_error_memory(err);
    LEAT_TRY(leat_input_read_exact(file->input, (uint64_t)offset, bytes, (size_t)length, err));
    *out = bytes;
    return LEAT_OK;
}

/* The rows of both lists. */
static uint32_t intersect(const struct parquet_range *a, uint32_t a_count,
                          const struct parquet_range *b, uint32_t b_count,
                          struct parquet_range *out)
{
    uint32_t i = 0, j = 0, count = 0;
    while (i < a_count && j < b_count) {
        uint64_t first = a[i].first > b[j].first ? a[i].first : b[j].first;
        uint64_t last = a[i].last < b[j].last ? a[i].last : b[j].last;
        if (first < last)
            out[count++] = (struct parquet_range){first, last};
        if (a[i].last < b[j].last)
            i++;
        else
            j++;
    }
    return count;
}

static bool page_matches(const struct leat_parquet_file *file, const struct parquet_node *node,
                         const struct leat_type *type, const struct leat_predicate *predicate,
                         const struct parquet_column_index *index, uint32_t page, int64_t rows)
{
    struct leat_value minimum, maximum;
    int64_t nulls = index->null_counts ? index->null_counts[page] : PARQUET_UNSET;
    uint32_t leaf = (uint32_t)node->leaf;
    bool ordered = leaf < file->metadata.order_count && file->metadata.orders[leaf] == 1;
    minimum = maximum = (struct leat_value){.type = type, .is_null = true};
    if (index->null_pages[page])
        nulls = rows;
    else if (ordered) {
        (void)parquet_bound_value(node, type, index->min[page], &minimum);
        (void)parquet_bound_value(node, type, index->max[page], &maximum);
    }
    return parquet_may_match(predicate, &minimum, &maximum, nulls, rows);
}

enum leat_status parquet_prune_pages(const struct leat_parquet_file *file,
                                     const struct parquet_node *node, const struct leat_type *type,
                                     const struct parquet_chunk *chunk,
                                     const struct leat_predicate *predicate, uint64_t rows,
                                     struct leat_arena *arena, struct parquet_range **ranges,
                                     uint32_t *count, struct leat_error *err)
{
    const uint8_t *offset_bytes, *column_bytes;
    struct parquet_page_location *locations;
    struct parquet_column_index index;
    uint32_t pages, kept = 0;
    LEAT_TRY(load(file, chunk->offset_index_offset, chunk->offset_index_length, arena,
                  &offset_bytes, err));
    LEAT_TRY(load(file, chunk->column_index_offset, chunk->column_index_length, arena,
                  &column_bytes, err));
    if (!offset_bytes || !column_bytes ||
        !parquet_offset_index_read(offset_bytes, (size_t)chunk->offset_index_length, arena,
                                   &locations, &pages) ||
        !parquet_column_index_read(column_bytes, (size_t)chunk->column_index_length, arena,
                                   &index) ||
        index.count != pages || pages == 0)
        return LEAT_OK;
    struct parquet_range *matching = LEAT_NEW_ARRAY(arena, struct parquet_range, pages);
    struct parquet_range *both = LEAT_NEW_ARRAY(arena, struct parquet_range, pages + *count);
    if (!matching || !both)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < pages; i++) {
        int64_t first = locations[i].first_row;
        int64_t last = i + 1 < pages ? locations[i + 1].first_row : (int64_t)rows;
        if (first < 0 || last < first || (uint64_t)last > rows || (i == 0 && first != 0))
            return LEAT_OK; /* a damaged index is not used */
        if (first == last || !page_matches(file, node, type, predicate, &index, i, last - first))
            continue;
        if (kept && matching[kept - 1].last == (uint64_t)first)
            matching[kept - 1].last = (uint64_t)last;
        else
            matching[kept++] = (struct parquet_range){(uint64_t)first, (uint64_t)last};
    }
    *count = intersect(*ranges, *count, matching, kept, both);
    *ranges = both;
    return LEAT_OK;
}

/* --- rows --- */

#define ANY(type, condition)                                                                       \
    do {                                                                                           \
        const type *values = vector->data;                                                         \
        unsigned any = 0;                                                                          \
        for (uint32_t i = 0; i < vector->length; i++) {                                            \
            type x = values[i];                                                                    \
            any |= (condition);                                                                    \
        }                                                                                          \
        return any != 0;                                                                           \
    } while (0)

#define ANY_BY_OP(type, v)                                                                         \
    switch (op) {                                                                                  \
    case LEAT_PREDICATE_EQ:                                                                        \
        ANY(type, x == (v));                                                                       \
    case LEAT_PREDICATE_LT:                                                                        \
        ANY(type, x < (v));                                                                        \
    case LEAT_PREDICATE_LE:                                                                        \
        ANY(type, x <= (v));                                                                       \
    case LEAT_PREDICATE_GT:                                                                        \
        ANY(type, x > (v));                                                                        \
    case LEAT_PREDICATE_GE:                                                                        \
        ANY(type, x >= (v));                                                                       \
    default:                                                                                       \
        return true;                                                                               \
    }

static bool any_flat(enum leat_predicate_op op, const struct leat_value *value,
                     const struct leat_vector *vector)
{
    switch (vector->type->id) {
    case LEAT_INT32:
    case LEAT_DATE:
        if (value->integer != (int32_t)value->integer)
            return true;
        ANY_BY_OP(int32_t, (int32_t)value->integer)
    case LEAT_INT64:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        ANY_BY_OP(int64_t, value->integer)
    case LEAT_DECIMAL:
        if (!leat_type_is_small_decimal(vector->type) || value->decimal != (int64_t)value->decimal)
            return true;
        ANY_BY_OP(int64_t, (int64_t)value->decimal)
    default:
        return true;
    }
}

/* A flat vector; nulls hold zeros, so they can only make a batch be kept that need not be. */
bool parquet_any_match(const struct leat_predicate *predicate, const struct leat_vector *vector)
{
    if (vector->form != LEAT_FLAT || predicate->value_count != 1 ||
        !leat_type_equal(predicate->values[0].type, vector->type))
        return true;
    return any_flat(predicate->op, &predicate->values[0], vector);
}
