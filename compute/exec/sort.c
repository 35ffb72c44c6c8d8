/* Sorting: all rows are collected, each key becomes a slot of bytes whose order is the key's order
 * (nulls, direction and sign folded in), and an index is merge-sorted by comparing slots; strings
 * longer than their slot are compared whole. The output are dictionary vectors over the collected
 * rows, in the index's order. With a small limit, threads drop what cannot be among the first rows
 * as they go. */
#include "compute/exec/exec_internal.h"

enum { SLOT = 17 }; /* a byte for null order, then up to 16 bytes */

struct sorting {
    const struct leat_sort_key *keys;
    uint32_t key_count;
    const uint8_t *slots;             /* row * key_count * SLOT */
    const struct leat_vector *values; /* FLAT, one a key: for strings */
};

static void put_big_endian(uint8_t *out, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(out, &value, 8);
}

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

/* Bytes whose memcmp order is the order of values; 16 of them. */
static void fill_slot(const struct leat_vector *v, uint32_t row, uint8_t out[16])
{
    const struct leat_string *string;
    const struct leat_interval *interval;
    leat_int128 wide;

    memset(out, 0, 16);
    switch (v->type->id) {
    case LEAT_BOOLEAN:
        out[0] = ((const uint8_t *)v->data)[row];
        break;
    case LEAT_INT8:
        put_big_endian(out, order_integer(((const int8_t *)v->data)[row]));
        break;
    case LEAT_INT16:
        put_big_endian(out, order_integer(((const int16_t *)v->data)[row]));
        break;
    case LEAT_INT32:
    case LEAT_DATE:
        put_big_endian(out, order_integer(((const int32_t *)v->data)[row]));
        break;
    case LEAT_FLOAT:
        put_big_endian(out, order_double(((const float *)v->data)[row]));
        break;
    case LEAT_DOUBLE:
        put_big_endian(out, order_double(((const double *)v->data)[row]));
        break;
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        string = (const struct leat_string *)v->data + row;
        memcpy(out, leat_string_data(string), string->length < 16 ? string->length : 16);
        break;
    case LEAT_UUID:
        memcpy(out, (const uint8_t *)v->data + (size_t)row * 16, 16);
        break;
    case LEAT_INTERVAL:
        interval = (const struct leat_interval *)v->data + row;
        wide = ((leat_int128)interval->months * 30 + interval->days) * 86400000000LL +
               interval->microseconds;
        put_big_endian(out, order_integer((int64_t)(wide >> 64)));
        put_big_endian(out + 8, (uint64_t)wide);
        break;
    case LEAT_DECIMAL:
        if (!leat_type_is_small_decimal(v->type)) {
            memcpy(&wide, (const char *)v->data + (size_t)row * 16, 16);
            put_big_endian(out, order_integer((int64_t)(wide >> 64)));
            put_big_endian(out + 8, (uint64_t)wide);
            break;
        }
        put_big_endian(out, order_integer(((const int64_t *)v->data)[row]));
        break;
    case LEAT_INT64:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        put_big_endian(out, order_integer(((const int64_t *)v->data)[row]));
        break;
    default: /* nested: compared whole */
        break;
    }
}

static int compare_rows(const struct sorting *s, uint32_t a, uint32_t b)
{
    size_t stride = (size_t)s->key_count * SLOT;

    for (uint32_t k = 0; k < s->key_count; k++) {
        const uint8_t *left = s->slots + a * stride + k * SLOT;
        const uint8_t *right = s->slots + b * stride + k * SLOT;
        const struct leat_type *type = s->values[k].type;
        int order = memcmp(left, right, SLOT);
        if (order == 0 && (leat_type_is_string(type) || leat_type_is_nested(type)) &&
            leat_validity_get(s->values[k].validity, a)) {
            order = leat_vector_compare(&s->values[k], a, &s->values[k], b);
            order = s->keys[k].descending ? -order : order;
        }
        if (order != 0)
            return order;
    }
    return 0;
}

/* Bottom-up merge sort of an index: stable, and without calls that allocate. */
static uint32_t *merge_sort(const struct sorting *s, uint32_t *index, uint32_t *other, size_t count)
{
    for (size_t start = 0; start < count; start += 16) { /* runs of 16 by insertion */
        size_t end = start + 16 < count ? start + 16 : count;
        for (size_t i = start + 1; i < end; i++) {
            uint32_t row = index[i];
            size_t j = i;
            for (; j > start && compare_rows(s, index[j - 1], row) > 0; j--)
                index[j] = index[j - 1];
            index[j] = row;
        }
    }
    for (size_t width = 16; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += width * 2) {
            size_t middle = start + width < count ? start + width : count;
            size_t end = start + width * 2 < count ? start + width * 2 : count;
            size_t a = start, b = middle;
            for (size_t i = start; i < end; i++)
                other[i] = a < middle && (b == end || compare_rows(s, index[a], index[b]) <= 0)
                               ? index[a++]
                               : index[b++];
        }
        uint32_t *swap = index;
        index = other;
        other = swap;
    }
    return index;
}

/* Evaluates the keys over the table, batch by batch, into FLAT vectors and slots. */
static enum leat_status fill_keys(struct leat_exec *exec, const struct leat_table_rows *table,
                                  struct leat_evaluator *evaluator, struct sorting *s,
                                  uint8_t *slots, struct leat_rows *kept,
                                  struct leat_arena *scratch, struct leat_error *err)
{
    struct leat_vector *columns = LEAT_NEW_ARRAY(scratch, struct leat_vector, table->column_count);
    struct leat_vector *results = LEAT_NEW_ARRAY(scratch, struct leat_vector, s->key_count);
    struct leat_arena views;
    enum leat_status status = columns && results ? LEAT_OK : leat_error_memory(err);

    (void)slots;
    leat_arena_init(&views, NULL);
    for (uint64_t start = 0; status == LEAT_OK && start < table->length; start += LEAT_BATCH_ROWS) {
        uint64_t left = table->length - start;
        struct leat_batch in = {table->column_count,
                                left < LEAT_BATCH_ROWS ? (uint32_t)left : LEAT_BATCH_ROWS, columns};
        struct leat_batch out = {s->key_count, in.length, results};
        leat_arena_reset(&views);
        status = leat_exec_check(exec, err);
        if (status == LEAT_OK)
            status = leat_table_rows_slice(table, start, in.length, &views, columns, err);
        if (status == LEAT_OK)
            status = leat_evaluator_run(evaluator, &in, results, err);
        if (status == LEAT_OK)
            status = leat_rows_append(kept, &out, err);
    }
    leat_arena_release(&views);
    return status;
}

static void fill_slots(const struct sorting *s, uint64_t count, uint8_t *slots)
{
    size_t stride = (size_t)s->key_count * SLOT;

    for (uint32_t k = 0; k < s->key_count; k++)
        for (uint64_t r = 0; r < count; r++) {
            uint8_t *slot = slots + r * stride + k * SLOT;
            bool valid =
                s->values[k].type->id != LEAT_NULL && leat_validity_get(s->values[k].validity, r);
            memset(slot, 0, SLOT);
            slot[0] = valid ? 1 : s->keys[k].nulls_first ? 0 : 2;
            if (!valid)
                continue;
            fill_slot(&s->values[k], (uint32_t)r, slot + 1);
            for (int i = 1; s->keys[k].descending && i < SLOT; i++)
                slot[i] = (uint8_t)~slot[i];
        }
}

static enum leat_status permute(struct leat_exec *exec, const struct leat_table_rows *table,
                                const struct leat_sort_key *keys, uint32_t key_count,
                                struct leat_table_rows *values, struct leat_arena *scratch,
                                struct leat_arena *arena, uint32_t **out, struct leat_error *err)
{
    struct sorting s = {.keys = keys, .key_count = key_count};
    struct leat_expr **exprs = LEAT_NEW_ARRAY(scratch, struct leat_expr *, key_count);
    struct leat_schema schema = {key_count, LEAT_NEW_ARRAY(scratch, struct leat_field, key_count)};
    uint8_t *slots = leat_arena_alloc(scratch, table->length * key_count * SLOT + 1);
    uint32_t *index = leat_arena_alloc(arena, table->length * sizeof(*index) + 4);
    uint32_t *other = leat_arena_alloc(arena, table->length * sizeof(*index) + 4);
    struct leat_evaluator *evaluator;
    struct leat_rows kept = {0};
    enum leat_status status;

    if (!exprs || !schema.fields || !slots || !index || !other)
        return leat_error_memory(err);
    for (uint32_t k = 0; k < key_count; k++) {
        exprs[k] = keys[k].expr;
        schema.fields[k] = (struct leat_field){.name = "key", .type = keys[k].expr->type};
    }
    LEAT_TRY(leat_evaluator_new(exprs, key_count, &exec->options->source, exec->options->accountant,
                                &evaluator, err));
    status = leat_rows_init(&kept, &schema, exec->options->accountant, err);
    if (status == LEAT_OK)
        status = fill_keys(exec, table, evaluator, &s, slots, &kept, scratch, err);
    if (status == LEAT_OK)
        status = leat_table_rows_join(&kept, 1, &schema, values, err);
    leat_rows_release(&kept);
    leat_evaluator_free(evaluator);
    LEAT_TRY(status);
    s.values = values->columns;
    fill_slots(&s, table->length, slots);
    s.slots = slots;
    for (uint64_t i = 0; i < table->length; i++)
        index[i] = (uint32_t)i;
    *out = merge_sort(&s, index, other, table->length);
    return LEAT_OK;
}

enum leat_status leat_sort_permutation(struct leat_exec *exec, const struct leat_table_rows *table,
                                       const struct leat_sort_key *keys, uint32_t key_count,
                                       struct leat_arena *arena, uint32_t **out,
                                       struct leat_error *err)
{
    struct leat_table_rows values;
    struct leat_arena scratch;
    enum leat_status status;

    leat_arena_init(&scratch, exec->options->accountant);
    leat_table_rows_init(&values, exec->options->accountant);
    status = permute(exec, table, keys, key_count, &values, &scratch, arena, out, err);
    leat_table_rows_release(&values);
    leat_arena_release(&scratch);
    return status;
}

/* --- the node --- */
struct sort_state {
    struct leat_table_source source;
    struct leat_arena arena;
};

/* Rows of each thread; pruned to the first `keep` whenever they are many more. */
struct collecting {
    struct leat_exec *exec;
    const struct leat_plan *plan;
    struct leat_rows *parts;
    uint64_t keep; /* UINT64_MAX: all */
};

static enum leat_status prune(struct collecting *c, struct leat_rows *rows, struct leat_error *err)
{
    const struct leat_schema *schema = &c->plan->schema;
    struct leat_vector *columns = leat_calloc(schema->count, sizeof(*columns));
    struct leat_rows fresh = {0};
    struct leat_table_rows table;
    struct leat_arena arena;
    enum leat_status status = columns ? LEAT_OK : leat_error_memory(err);
    uint32_t *order = NULL;

    leat_arena_init(&arena, NULL);
    leat_table_rows_init(&table, c->exec->options->accountant);
    if (status == LEAT_OK)
        status = leat_table_rows_join(rows, 1, schema, &table, err);
    if (status == LEAT_OK)
        status = leat_sort_permutation(c->exec, &table, c->plan->sort.keys, c->plan->sort.key_count,
                                       &arena, &order, err);
    if (status == LEAT_OK)
        status = leat_rows_init(&fresh, schema, c->exec->options->accountant, err);
    for (uint64_t start = 0; status == LEAT_OK && start < c->keep && start < table.length;
         start += LEAT_BATCH_ROWS) {
        uint64_t left = (c->keep < table.length ? c->keep : table.length) - start;
        struct leat_batch batch = {
            schema->count, left < LEAT_BATCH_ROWS ? (uint32_t)left : LEAT_BATCH_ROWS, columns};
        for (uint32_t i = 0; i < schema->count && status == LEAT_OK; i++)
            status = leat_vector_select(&table.columns[i], order + start, batch.length, &arena,
                                        &columns[i], err);
        if (status == LEAT_OK)
            status = leat_rows_append(&fresh, &batch, err);
    }
    leat_table_rows_release(&table);
    leat_arena_release(&arena);
    leat_free(columns);
    leat_rows_release(rows);
    *rows = fresh;
    return status;
}

static enum leat_status take_rows(void *context, unsigned thread, const struct leat_batch *batch,
                                  struct leat_error *err)
{
    struct collecting *c = context;
    struct leat_rows *rows = &c->parts[thread];

    LEAT_TRY(leat_rows_append(rows, batch, err));
    if (c->keep > 1 << 20 || rows->row_count < c->keep * 4 + 8 * LEAT_BATCH_ROWS)
        return LEAT_OK;
    return prune(c, rows, err);
}

static enum leat_status collect(struct leat_exec *exec, struct leat_node *node,
                                struct leat_table_rows *out, struct leat_error *err)
{
    const struct leat_plan *plan = node->plan;
    unsigned threads = leat_pipeline_threads(exec, node->children[0]);
    struct collecting c = {.exec = exec, .plan = plan, .keep = UINT64_MAX};
    enum leat_status status = LEAT_OK;

    if (plan->sort.limit < UINT64_MAX - plan->sort.offset)
        c.keep = plan->sort.limit + plan->sort.offset;
    c.parts = leat_calloc(threads, sizeof(*c.parts));
    if (!c.parts)
        return leat_error_memory(err);
    for (unsigned i = 0; i < threads && status == LEAT_OK; i++)
        status = leat_rows_init(&c.parts[i], &plan->schema, exec->options->accountant, err);
    if (status == LEAT_OK)
        status = leat_pipeline_run(exec, node->children[0], take_rows, &c, err);
    if (status == LEAT_OK)
        status = leat_table_rows_join(c.parts, threads, &plan->schema, out, err);
    for (unsigned i = 0; i < threads; i++)
        leat_rows_release(&c.parts[i]);
    leat_free(c.parts);
    return status;
}

static enum leat_status sort_prepare(struct leat_exec *exec, struct leat_node *node,
                                     struct leat_error *err)
{
    struct sort_state *state = LEAT_NEW(&exec->arena, struct sort_state);
    const struct leat_plan *plan = node->plan;
    uint64_t length;
    uint32_t *order;

    if (!state)
        return leat_error_memory(err);
    leat_table_rows_init(&state->source.table, exec->options->accountant);
    leat_arena_init(&state->arena, exec->options->accountant);
    node->state = state;
    LEAT_TRY(collect(exec, node, &state->source.table, err));
    length = state->source.table.length;
    LEAT_TRY(leat_sort_permutation(exec, &state->source.table, plan->sort.keys,
                                   plan->sort.key_count, &state->arena, &order, err));
    state->source.order = order;
    state->source.start = plan->sort.offset < length ? plan->sort.offset : length;
    state->source.end = plan->sort.limit < length - state->source.start
                            ? state->source.start + plan->sort.limit
                            : length;
    return LEAT_OK;
}

static void sort_release(struct leat_node *node)
{
    struct sort_state *state = node->state;

    leat_table_rows_release(&state->source.table);
    leat_arena_release(&state->arena);
}

static enum leat_status sort_open(struct leat_exec *exec, struct leat_node *node,
                                  struct leat_operator **out, struct leat_error *err)
{
    return leat_table_source_open(exec, &((struct sort_state *)node->state)->source, out, err);
}

const struct leat_node_ops leat_sort_node = {sort_prepare, sort_open, sort_release};
