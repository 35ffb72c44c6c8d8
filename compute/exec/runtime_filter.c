/* Runtime filters: once a join's build side is known, rows of the probe side whose key is not among
 * the build's keys need not be read. A filter is made of one integer-like key: a bitmap over the
 * keys' range where that is small, else a Bloom filter whose three bits lie in one word. It is
 * pushed down the probe side before that is prepared, through projections, groupings by the key,
 * and further joins (also to the other side of an equal key), to the scans, which drop rows by it
 * while reading. Filters drop only rows that the join would drop, so that results do not depend on
 * them. */
#include "compute/exec/key_index.h"

#include "compute/exec/exec_internal.h"

#define BITMAP_LEAST ((uint64_t)1 << 23) /* bits that are always affordable */
#define BITMAP_MOST  ((uint64_t)1 << 29)

struct leat_runtime_filter {
    int64_t minimum;
    uint64_t range; /* maximum - minimum */
    bool bloom;
    bool any;       /* there are keys */
    uint64_t *bits; /* the bitmap has a zero bit at `range` + 1 */
    uint64_t mask;  /* BLOOM: of word numbers */
};

struct leat_runtime_filter *leat_runtime_filter_new(struct leat_exec *exec)
{
    return LEAT_NEW(&exec->arena, struct leat_runtime_filter);
}

/* --- placing --- */

/* The column that an expression gives unchanged, seen as an integer; false if it computes. */
static bool is_column(const struct leat_expr *expr, uint32_t *column)
{
    while (expr->kind == LEAT_EXPR_CAST && expr->type->id >= LEAT_INT8 &&
           expr->type->id <= LEAT_INT64 && expr->args[0]->type->id >= LEAT_INT8 &&
           expr->args[0]->type->id <= expr->type->id)
        expr = expr->args[0];
    *column = expr->column;
    return expr->kind == LEAT_EXPR_COLUMN;
}

static enum leat_status place(struct leat_exec *exec, struct leat_node *scan, uint32_t column,
                              const struct leat_runtime_filter *filter, uint32_t *placed,
                              struct leat_error *err)
{
    struct leat_filter_use *use, **end = &scan->filters;

    if (!leat_key_index_takes(scan->plan->schema.fields[column].type))
        return LEAT_OK;
    use = LEAT_NEW(&exec->arena, struct leat_filter_use);
    if (!use)
        return leat_error_memory(err);
    *use = (struct leat_filter_use){filter, column, NULL};
    while (*end)
        end = &(*end)->next;
    *end = use;
    ++*placed;
    return LEAT_OK;
}

/* The sides of a join from which rows that fail may go. Equal keys carry a filter to the other
 * side: what is dropped there could only have met rows that go here. */
static enum leat_status push_join(struct leat_exec *exec, struct leat_node *node, uint32_t column,
                                  const struct leat_runtime_filter *filter, uint32_t *placed,
                                  struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    enum leat_join_type type = plan->join.type;
    uint32_t left = plan->children[0]->schema.count, at;
    bool from_left = column < left;
    bool both = type == LEAT_JOIN_INNER;
    bool right_follows = both || type == LEAT_JOIN_LEFT || type == LEAT_JOIN_SEMI ||
                         type == LEAT_JOIN_ANTI || type == LEAT_JOIN_SINGLE;
    bool left_follows = both || type == LEAT_JOIN_RIGHT;

    if (type == LEAT_JOIN_FULL || (from_left ? type == LEAT_JOIN_RIGHT : !left_follows))
        return LEAT_OK;
    LEAT_TRY(leat_runtime_filter_push(exec, node->children[!from_left],
                                      from_left ? column : column - left, filter, placed, err));
    for (uint32_t k = 0; k < plan->join.key_count; k++) {
        const struct leat_expr *here =
            from_left ? plan->join.left_keys[k] : plan->join.right_keys[k];
        const struct leat_expr *there =
            from_left ? plan->join.right_keys[k] : plan->join.left_keys[k];
        if (!(from_left ? right_follows : left_follows) ||
            (plan->join.null_safe && plan->join.null_safe[k]))
            continue;
        if (is_column(here, &at) && at == (from_left ? column : column - left) &&
            is_column(there, &at))
            LEAT_TRY(
                leat_runtime_filter_push(exec, node->children[from_left], at, filter, placed, err));
    }
    return LEAT_OK;
}

enum leat_status leat_runtime_filter_push(struct leat_exec *exec, struct leat_node *node,
                                          uint32_t column, const struct leat_runtime_filter *filter,
                                          uint32_t *placed, struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    uint32_t below = column;

    if (node->prepared)
        return LEAT_OK;
    switch (plan->kind) {
    case LEAT_PLAN_SCAN:
        return place(exec, node, column, filter, placed, err);
    case LEAT_PLAN_PROJECT:
        if (!is_column(plan->project.exprs[column], &below))
            return LEAT_OK;
        break;
    case LEAT_PLAN_AGGREGATE:
        if (column >= plan->aggregate.key_count || plan->aggregate.mode == LEAT_AGGREGATE_FINAL ||
            !is_column(plan->aggregate.keys[column], &below))
            return LEAT_OK;
        break;
    case LEAT_PLAN_FILTER:
    case LEAT_PLAN_EXCHANGE:
        break;
    case LEAT_PLAN_SORT:
        if (plan->sort.limit != UINT64_MAX || plan->sort.offset > 0)
            return LEAT_OK;
        break;
    case LEAT_PLAN_JOIN:
        return push_join(exec, node, column, filter, placed, err);
    case LEAT_PLAN_UNION:
        for (uint32_t i = 0; i < plan->child_count; i++)
            LEAT_TRY(
                leat_runtime_filter_push(exec, node->children[i], column, filter, placed, err));
        return LEAT_OK;
    default:
        return LEAT_OK;
    }
    return leat_runtime_filter_push(exec, node->children[0], below, filter, placed, err);
}

/* --- making --- */

static uint64_t word_of(const struct leat_runtime_filter *filter, uint64_t hash)
{
    return hash >> 20 & filter->mask;
}

static uint64_t bits_of(uint64_t hash)
{
    return (uint64_t)1 << (hash & 63) | (uint64_t)1 << (hash >> 6 & 63) |
           (uint64_t)1 << (hash >> 12 & 63);
}

static enum leat_status make_bits(struct leat_runtime_filter *filter, uint64_t count,
                                  struct leat_arena *arena, struct leat_error *err)
{
    uint64_t most = count * 64 < BITMAP_LEAST ? BITMAP_LEAST : count * 64, words = 64;

    filter->bloom = filter->range >= (most < BITMAP_MOST ? most : BITMAP_MOST);
    if (filter->bloom)
        while (words * 4 < count)
            words *= 2;
    else
        words = (filter->range + 1) / 64 + 1;
    filter->mask = words - 1;
    filter->bits = leat_arena_calloc(arena, words, sizeof(uint64_t));
    return filter->bits ? LEAT_OK : leat_error_memory(err);
}

enum leat_status leat_runtime_filter_fill(struct leat_runtime_filter *filter,
                                          const struct leat_key_layout *layout, uint32_t key,
                                          const uint8_t *rows, uint64_t count,
                                          struct leat_arena *arena, struct leat_error *err)
{
    int64_t minimum = INT64_MAX, maximum = INT64_MIN;
    size_t width = layout->width, offset = layout->offsets[key];
    uint64_t nulls;

    for (uint64_t i = 0; i < count; i++) {
        int64_t value;
        memcpy(&nulls, rows + i * width, 8);
        if (nulls >> key & 1)
            continue;
        memcpy(&value, rows + i * width + offset, 8);
        minimum = value < minimum ? value : minimum;
        maximum = value > maximum ? value : maximum;
    }
    filter->any = minimum <= maximum;
    if (!filter->any)
        return LEAT_OK;
    filter->minimum = minimum;
    filter->range = (uint64_t)maximum - (uint64_t)minimum;
    LEAT_TRY(make_bits(filter, count, arena, err));
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value;
        memcpy(&nulls, rows + i * width, 8);
        if (nulls >> key & 1)
            continue;
        memcpy(&value, rows + i * width + offset, 8);
        value -= (uint64_t)minimum;
        if (filter->bloom) {
            uint64_t hash = leat_hash_u64(value);
            filter->bits[word_of(filter, hash)] |= bits_of(hash);
        } else {
            filter->bits[value >> 6] |= (uint64_t)1 << (value & 63);
        }
    }
    return LEAT_OK;
}

enum leat_status leat_runtime_filter_copy(struct leat_runtime_filter *filter,
                                          const struct leat_key_index *index,
                                          struct leat_arena *arena, struct leat_error *err)
{
    uint64_t words = index->range / 64 + 2;

    filter->any = true;
    filter->minimum = index->minimum;
    filter->range = index->range;
    filter->bits = leat_arena_alloc(arena, words * sizeof(uint64_t));
    if (!filter->bits)
        return leat_error_memory(err);
    for (uint64_t w = 0; w < words; w++)
        filter->bits[w] = index->words[w].bits;
    return LEAT_OK;
}

/* --- asking --- */

static inline bool may_be_key(const struct leat_runtime_filter *filter, int64_t value)
{
    uint64_t at = (uint64_t)value - (uint64_t)filter->minimum;

    if (filter->bloom) {
        uint64_t hash = leat_hash_u64(at), bits = bits_of(hash);
        return at <= filter->range && (filter->bits[word_of(filter, hash)] & bits) == bits;
    }
    at = at <= filter->range ? at : filter->range + 1;
    return filter->bits[at >> 6] >> (at & 63) & 1;
}

#define NARROW(type)                                                                               \
    do {                                                                                           \
        const type *values = base->data;                                                           \
        for (uint32_t i = 0; codes && i < rows; i++) {                                             \
            uint32_t row = selection[i];                                                           \
            selection[kept] = row;                                                                 \
            kept += may_be_key(&own, values[codes[row]]);                                          \
        }                                                                                          \
        for (uint32_t i = 0; !codes && i < rows; i++) {                                            \
            uint32_t row = selection[i];                                                           \
            selection[kept] = row;                                                                 \
            kept += may_be_key(&own, values[constant ? 0 : row]);                                  \
        }                                                                                          \
    } while (0)

static void drop_nulls(const struct leat_vector *vector, uint32_t *selection, uint32_t *count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < *count; i++) {
        uint32_t row = selection[i];
        selection[kept] = row;
        kept += !leat_vector_is_null(vector, row);
    }
    *count = kept;
}

void leat_runtime_filter_narrow(const struct leat_runtime_filter *filter,
                                const struct leat_vector *vector, uint32_t *selection,
                                uint32_t *count)
{
    const struct leat_vector *base = vector->form == LEAT_DICTIONARY ? vector->dictionary : vector;
    const uint32_t *codes = vector->form == LEAT_DICTIONARY ? vector->codes : NULL;
    const struct leat_runtime_filter own =
        *filter; /* what stores cannot change stays in registers */
    bool constant = vector->form == LEAT_CONSTANT;
    uint32_t kept = 0, rows;

    if (!filter->any) {
        *count = 0;
        return;
    }
    if (vector->validity || base->validity)
        drop_nulls(vector, selection, count);
    rows = *count;
    switch (vector->type->id) {
    case LEAT_INT8:
        NARROW(int8_t);
        break;
    case LEAT_INT16:
        NARROW(int16_t);
        break;
    case LEAT_INT32:
    case LEAT_DATE:
        NARROW(int32_t);
        break;
    default:
        NARROW(int64_t);
    }
    *count = kept;
}
