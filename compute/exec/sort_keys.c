/* Sort keys as words. Each value is mapped to numbers whose order is its order (one of 64 bits for
 * most types, two for wide ones; for texts what follows the beginning that all share, 16 bytes, and
 * the length); of each number only the bits between the least and the greatest met are kept, and
 * the keys' bits are put one behind the other. So the keys of most sorts fit into one word. */
#include "compute/exec/sort_internal.h"

enum { PARTS_MOST = 3, CHUNK = 2048, FIELDS_MOST = 64 };

static uint64_t order_double(double value)
{
    uint64_t bits;

    if (value == 0)
        value = 0;
    if (value != value)
        return UINT64_MAX;
    memcpy(&bits, &value, 8);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t order_integer(int64_t value)
{
    return (uint64_t)value ^ (uint64_t)1 << 63;
}

static unsigned part_count(const struct leat_type *type)
{
    switch (type->id) {
    case LEAT_UUID:
    case LEAT_INTERVAL:
        return 2;
    case LEAT_DECIMAL:
        return leat_type_is_small_decimal(type) ? 1 : 2;
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        return 3;
    case LEAT_NULL:
    case LEAT_LIST:
    case LEAT_MAP:
    case LEAT_STRUCT:
        return 0;
    default:
        return 1;
    }
}

/* What is known of a key's values before they are packed. */
struct key_stats {
    bool has_null, has_value;
    uint32_t first;  /* row of some value */
    uint32_t prefix; /* texts: bytes that all begin with */
    uint32_t longest;
    uint64_t least[PARTS_MOST], greatest[PARTS_MOST];
};

/* Eight bytes of a text from `at` on as a number. */
static uint64_t text_bytes(const struct leat_string *string, uint32_t at)
{
    const char *data = leat_string_data(string);
    uint64_t bytes = 0;

    if (at < string->length)
        memcpy(&bytes, data + at, string->length - at < 8 ? string->length - at : 8);
    return __builtin_bswap64(bytes);
}

#define MAP_ALL(expression)                                                                        \
    for (uint32_t i = 0; i < count; i++) {                                                         \
        uint32_t row = start + i;                                                                  \
        out[i] = (expression);                                                                     \
    }                                                                                              \
    break

static uint64_t wide_part(leat_int128 wide, unsigned part)
{
    return part == 0 ? order_integer((int64_t)(wide >> 64)) : (uint64_t)wide;
}

static leat_int128 interval_length(const struct leat_interval *interval)
{
    return ((leat_int128)interval->months * 30 + interval->days) * 86400000000LL +
           interval->microseconds;
}

/* Part `part` of rows [start, start + count) as numbers. Those of nulls mean nothing. */
static void map_values(const struct leat_vector *v, unsigned part, uint32_t prefix, uint32_t start,
                       uint32_t count, uint64_t *out)
{
    const leat_int128 *wide = v->data;
    const struct leat_string *strings = v->data;
    uint64_t half;

    switch (v->type->id) {
    case LEAT_BOOLEAN:
        MAP_ALL(((const uint8_t *)v->data)[row]);
    case LEAT_INT8:
        MAP_ALL(order_integer(((const int8_t *)v->data)[row]));
    case LEAT_INT16:
        MAP_ALL(order_integer(((const int16_t *)v->data)[row]));
    case LEAT_INT32:
    case LEAT_DATE:
        MAP_ALL(order_integer(((const int32_t *)v->data)[row]));
    case LEAT_FLOAT:
        MAP_ALL(order_double(((const float *)v->data)[row]));
    case LEAT_DOUBLE:
        MAP_ALL(order_double(((const double *)v->data)[row]));
    case LEAT_UUID:
        for (uint32_t i = 0; i < count; i++) {
            memcpy(&half, (const uint8_t *)v->data + (size_t)(start + i) * 16 + part * 8, 8);
            out[i] = __builtin_bswap64(half);
        }
        break;
    case LEAT_INTERVAL:
        MAP_ALL(wide_part(interval_length((const struct leat_interval *)v->data + row), part));
    case LEAT_DECIMAL:
        if (leat_type_is_small_decimal(v->type)) {
            MAP_ALL(order_integer(((const int64_t *)v->data)[row]));
        }
        MAP_ALL(wide_part(wide[row], part));
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        if (part == 2) {
            MAP_ALL(strings[row].length);
        }
        if (v->validity) { /* the views of nulls may point anywhere */
            MAP_ALL(leat_validity_get(v->validity, row)
                        ? text_bytes(&strings[row], prefix + part * 8)
                        : 0);
        }
        MAP_ALL(text_bytes(&strings[row], prefix + part * 8));
    default:
        MAP_ALL(order_integer(((const int64_t *)v->data)[row]));
    }
}

/* --- what the values need --- */

struct packing {
    struct leat_exec *exec;
    struct leat_sort_words *out;
    uint32_t rows;
    size_t tasks;
    struct key_stats *stats; /* task * key_count */
    uint64_t *words;
    struct field {
        uint32_t key;
        int part; /* -1: whether it is null */
        uint64_t least, greatest;
        unsigned word, shift;
    } fields[FIELDS_MOST];
    uint32_t field_count;
};

static void text_stats(const struct leat_vector *v, uint32_t start, uint32_t end,
                       struct key_stats *stats)
{
    const struct leat_string *strings = v->data, *first;

    for (uint32_t row = start; row < end; row++) {
        const struct leat_string *string = &strings[row];
        uint32_t same = 0, most;
        if (!leat_validity_get(v->validity, row))
            continue;
        if (!stats->has_value) {
            stats->has_value = true;
            stats->first = row;
            stats->prefix = string->length;
        }
        first = &strings[stats->first];
        most = string->length < stats->prefix ? string->length : stats->prefix;
        if (most > 0 && memcmp(leat_string_data(string), leat_string_data(first), most) != 0) {
            while (leat_string_data(string)[same] == leat_string_data(first)[same])
                same++;
            most = same;
        }
        stats->prefix = most;
        stats->longest = string->length > stats->longest ? string->length : stats->longest;
    }
}

static enum leat_status look_at_texts(void *context, size_t task, struct leat_error *err)
{
    struct packing *p = context;
    uint32_t start = (uint32_t)(p->rows * (uint64_t)task / p->tasks);
    uint32_t end = (uint32_t)(p->rows * (uint64_t)(task + 1) / p->tasks);

    (void)err;
    for (uint32_t k = 0; k < p->out->key_count; k++)
        if (leat_type_is_string(p->out->values[k].type))
            text_stats(&p->out->values[k], start, end, &p->stats[task * p->out->key_count + k]);
    return LEAT_OK;
}

/* Least and greatest of a part among rows that are not null. */
static void part_stats(const struct leat_vector *v, unsigned part, uint32_t start, uint32_t end,
                       struct key_stats *stats)
{
    uint64_t numbers[CHUNK];
    uint64_t least = stats->least[part], greatest = stats->greatest[part];

    for (uint32_t at = start; at < end; at += CHUNK) {
        uint32_t count = end - at < CHUNK ? end - at : CHUNK;
        map_values(v, part, stats->prefix, at, count, numbers);
        for (uint32_t i = 0; i < count; i++) {
            if (v->validity && !leat_validity_get(v->validity, at + i)) {
                stats->has_null = true;
                continue;
            }
            stats->has_value = true;
            least = numbers[i] < least ? numbers[i] : least;
            greatest = numbers[i] > greatest ? numbers[i] : greatest;
        }
    }
    stats->least[part] = least;
    stats->greatest[part] = greatest;
}

static enum leat_status look_at_values(void *context, size_t task, struct leat_error *err)
{
    struct packing *p = context;
    uint32_t start = (uint32_t)(p->rows * (uint64_t)task / p->tasks);
    uint32_t end = (uint32_t)(p->rows * (uint64_t)(task + 1) / p->tasks);

    LEAT_TRY(leat_exec_check(p->exec, err));
    for (uint32_t k = 0; k < p->out->key_count; k++) {
        const struct leat_vector *v = &p->out->values[k];
        struct key_stats *stats = &p->stats[task * p->out->key_count + k];
        for (unsigned part = 0; part < PARTS_MOST; part++) {
            stats->least[part] = UINT64_MAX;
            stats->greatest[part] = 0;
        }
        for (unsigned part = 0; part < part_count(v->type); part++)
            part_stats(v, part, start, end, stats);
    }
    return LEAT_OK;
}

/* The tasks' prefixes are those of their own rows: what all share is decided by their firsts. */
static void join_text_stats(struct packing *p, uint32_t k)
{
    const struct leat_string *strings = p->out->values[k].data, *first = NULL;
    uint32_t keys = p->out->key_count, prefix = 0, longest = 0;

    for (size_t t = 0; t < p->tasks; t++) {
        const struct key_stats *stats = &p->stats[t * keys + k];
        const struct leat_string *other = &strings[stats->first];
        uint32_t same = 0;
        if (!stats->has_value)
            continue;
        longest = stats->longest > longest ? stats->longest : longest;
        if (!first) {
            first = other;
            prefix = stats->prefix;
            continue;
        }
        prefix = stats->prefix < prefix ? stats->prefix : prefix;
        while (same < prefix && leat_string_data(other)[same] == leat_string_data(first)[same])
            same++;
        prefix = same;
    }
    for (size_t t = 0; t < p->tasks; t++) {
        p->stats[t * keys + k].prefix = prefix;
        p->stats[t * keys + k].longest = longest;
    }
}

static void join_stats(struct packing *p, uint32_t k)
{
    uint32_t keys = p->out->key_count;
    struct key_stats *into = &p->stats[k];

    for (size_t t = 1; t < p->tasks; t++) {
        const struct key_stats *from = &p->stats[t * keys + k];
        into->has_null |= from->has_null;
        into->has_value |= from->has_value;
        for (unsigned part = 0; part < PARTS_MOST; part++) {
            if (from->least[part] < into->least[part])
                into->least[part] = from->least[part];
            if (from->greatest[part] > into->greatest[part])
                into->greatest[part] = from->greatest[part];
        }
    }
}

/* --- where the bits go --- */

/* False if there is no room: then this key is compared by value. */
static bool place_field(struct packing *p, uint32_t key, int part, uint64_t least,
                        uint64_t greatest)
{
    unsigned bits = greatest > least ? 64 - (unsigned)__builtin_clzll(greatest - least) : 0;
    struct leat_sort_words *out = p->out;
    struct field *field = &p->fields[p->field_count];

    if (bits == 0)
        return true;
    if (p->field_count == FIELDS_MOST)
        return false;
    if (out->word_count == 0 || out->bits[out->word_count - 1] + bits > 64) {
        if (out->word_count == LEAT_SORT_WORDS_MOST)
            return false;
        out->bits[out->word_count++] = 0;
    }
    *field = (struct field){key, part, least, greatest, out->word_count - 1, 0};
    out->bits[field->word] += bits;
    field->shift = 64 - out->bits[field->word];
    p->field_count++;
    return true;
}

/* The key's fields; false if they are not the whole truth. */
static bool place_key(struct packing *p, uint32_t k)
{
    const struct leat_type *type = p->out->values[k].type;
    const struct key_stats *stats = &p->stats[k];
    unsigned parts = part_count(type);

    if (type->id == LEAT_NULL)
        return true;
    if (parts == 0)
        return false;
    if (stats->has_null && stats->has_value && !place_field(p, k, -1, 0, 1))
        return false;
    if (!stats->has_value)
        return true;
    if (leat_type_is_string(type) && stats->longest - stats->prefix > 16)
        parts = 2;
    for (unsigned part = 0; part < parts; part++)
        if (!place_field(p, k, (int)part, stats->least[part], stats->greatest[part]))
            return false;
    return parts == part_count(type);
}

/* --- packing --- */

static void pack_field(const struct packing *p, const struct field *field, uint32_t start,
                       uint32_t count, uint64_t *numbers)
{
    const struct leat_sort_key *key = &p->out->keys[field->key];
    const struct leat_vector *v = &p->out->values[field->key];
    uint32_t stride = p->out->word_count;
    uint64_t *words = p->words + (size_t)start * stride + field->word;

    if (field->part < 0) {
        for (uint32_t i = 0; i < count; i++)
            if (leat_validity_get(v->validity, start + i) == key->nulls_first)
                words[(size_t)i * stride] |= (uint64_t)1 << field->shift;
        return;
    }
    map_values(v, (unsigned)field->part, p->stats[field->key].prefix, start, count, numbers);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number =
            key->descending ? field->greatest - numbers[i] : numbers[i] - field->least;
        if (!v->validity || leat_validity_get(v->validity, start + i))
            words[(size_t)i * stride] |= number << field->shift;
    }
}

static enum leat_status pack_rows(void *context, size_t task, struct leat_error *err)
{
    const struct packing *p = context;
    uint32_t start = (uint32_t)(p->rows * (uint64_t)task / p->tasks);
    uint32_t end = (uint32_t)(p->rows * (uint64_t)(task + 1) / p->tasks);
    uint64_t numbers[CHUNK];

    LEAT_TRY(leat_exec_check(p->exec, err));
    for (uint32_t at = start; at < end; at += CHUNK) {
        uint32_t count = end - at < CHUNK ? end - at : CHUNK;
        memset(p->words + (size_t)at * p->out->word_count, 0,
               (size_t)count * p->out->word_count * sizeof(uint64_t));
        for (uint32_t f = 0; f < p->field_count; f++)
            pack_field(p, &p->fields[f], at, count, numbers);
    }
    return LEAT_OK;
}

static enum leat_status fill(struct packing *p, struct leat_arena *arena, struct leat_error *err)
{
    struct leat_sort_words *out = p->out;
    unsigned threads = p->exec->threads;

    p->stats = LEAT_NEW_ARRAY(arena, struct key_stats, p->tasks * out->key_count);
    if (!p->stats)
        return leat_error_memory(err);
    LEAT_TRY(leat_parallel_run(threads, p->tasks, look_at_texts, p, err));
    for (uint32_t k = 0; k < out->key_count; k++)
        if (leat_type_is_string(out->values[k].type))
            join_text_stats(p, k);
    LEAT_TRY(leat_parallel_run(threads, p->tasks, look_at_values, p, err));
    for (uint32_t k = 0; k < out->key_count; k++)
        join_stats(p, k);
    for (out->inexact = 0; out->inexact < out->key_count; out->inexact++)
        if (!place_key(p, out->inexact))
            break;
    if (out->word_count == 0)
        return LEAT_OK;
    p->words = leat_arena_alloc(arena, (size_t)p->rows * out->word_count * sizeof(uint64_t) + 8);
    if (!p->words)
        return leat_error_memory(err);
    out->words = p->words;
    return leat_parallel_run(threads, p->tasks, pack_rows, p, err);
}

enum leat_status leat_sort_words_fill(struct leat_exec *exec, const struct leat_sort_key *keys,
                                      uint32_t key_count, const struct leat_vector *values,
                                      uint32_t rows, struct leat_arena *arena,
                                      struct leat_sort_words *out, struct leat_error *err)
{
    struct packing *p = leat_calloc(1, sizeof(*p));
    enum leat_status status;

    if (!p)
        return leat_error_memory(err);
    *out = (struct leat_sort_words){
        .key_count = key_count, .keys = keys, .values = values, .cancel = exec->options->cancel};
    p->exec = exec;
    p->out = out;
    p->rows = rows;
    p->tasks = leat_sort_tasks(exec, rows);
    status = fill(p, arena, err);
    leat_free(p);
    return status;
}

void leat_sort_first_words(const struct leat_sort_key *key, const struct leat_vector *values,
                           uint32_t rows, uint64_t *out)
{
    uint64_t flip = key->descending ? UINT64_MAX : 0;
    uint64_t above =
        key->nulls_first ? (uint64_t)1 << 63 : 0; /* values halved leave room for null */

    if (part_count(values->type) == 0) {
        memset(out, 0, rows * sizeof(*out));
        return;
    }
    map_values(values, 0, 0, 0, rows, out);
    for (uint32_t i = 0; i < rows; i++)
        out[i] = leat_validity_get(values->validity, i) ? (out[i] ^ flip) >> 1 | above
                 : key->nulls_first                     ? 0
                                                        : UINT64_MAX;
}

int leat_sort_compare_values(const struct leat_sort_key *keys, uint32_t first, uint32_t key_count,
                             const struct leat_vector *a, uint32_t a_row,
                             const struct leat_vector *b, uint32_t b_row)
{
    for (uint32_t k = first; k < key_count; k++) {
        bool a_null = leat_vector_is_null(&a[k], a_row), b_null = leat_vector_is_null(&b[k], b_row);
        int order;
        if (a_null && b_null)
            continue;
        if (a_null || b_null)
            return a_null == keys[k].nulls_first ? -1 : 1;
        order = leat_vector_compare(&a[k], a_row, &b[k], b_row);
        if (order != 0)
            return keys[k].descending ? -order : order;
    }
    return 0;
}
