/*
 * Batches as Arrow arrays. Everything that an array points to lies in one arena, which its root and
 * all its children hold together by a count, since a consumer may move a child out of its parent
 * and release it later.
 *
 * Vectors of other forms become flat first. Long texts are gathered into buffers of their own: a
 * consumer may copy or send whole buffers, and must not find there what other columns hold.
 */
#include "columns/arrow.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#define TEXT_BUFFER ((size_t)INT32_MAX) /* offsets into a buffer of texts are 32 bits */

struct shared {
    _Atomic uint32_t holders;
    struct leat_arena arena;
};

static void shared_drop(struct shared *shared)
{
    if (atomic_fetch_sub(&shared->holders, 1) != 1)
        return;
    leat_arena_release(&shared->arena);
    leat_free(shared);
}

static void schema_release(struct ArrowSchema *schema)
{
    struct shared *shared = schema->private_data;

    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
    schema->release = NULL;
    shared_drop(shared);
}

static void array_release(struct ArrowArray *array)
{
    struct shared *shared = array->private_data;

    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
    array->release = NULL;
    shared_drop(shared);
}

static struct shared *shared_new(struct leat_arena *arena)
{
    struct shared *shared = leat_calloc(1, sizeof(*shared));

    if (!shared) {
        if (arena)
            leat_arena_release(arena);
        return NULL;
    }
    atomic_init(&shared->holders, 1); /* the caller's, until it is done */
    leat_arena_init(&shared->arena, arena ? arena->accountant : NULL);
    if (arena)
        leat_arena_adopt(&shared->arena, arena);
    return shared;
}

/* --- schemas --- */

static const char *format_of(struct leat_arena *arena, const struct leat_type *type)
{
    static const char *const formats[LEAT_TYPE_COUNT] = {
        [LEAT_NULL] = "n",         [LEAT_BOOLEAN] = "b",
        [LEAT_INT8] = "c",         [LEAT_INT16] = "s",
        [LEAT_INT32] = "i",        [LEAT_INT64] = "l",
        [LEAT_FLOAT] = "f",        [LEAT_DOUBLE] = "g",
        [LEAT_TEXT] = "vu",        [LEAT_BYTES] = "vz",
        [LEAT_DATE] = "tdD",       [LEAT_TIME] = "ttu",
        [LEAT_TIMESTAMP] = "tsu:", [LEAT_TIMESTAMPTZ] = "tsu:UTC",
        [LEAT_INTERVAL] = "tin",   [LEAT_UUID] = "w:16",
        [LEAT_JSON] = "vu",        [LEAT_LIST] = "+l",
        [LEAT_STRUCT] = "+s",      [LEAT_MAP] = "+m"};

    if (type->id != LEAT_DECIMAL)
        return formats[type->id];
    return leat_arena_printf(arena, "d:%u,%u,%d", type->precision, type->scale,
                             leat_type_is_small_decimal(type) ? 64 : 128);
}

/* One pair in the interface's form: counts and lengths as 32-bit integers. */
static const char *extension(struct leat_arena *arena, const char *name)
{
    static const char key[] = "ARROW:extension:name";
    int32_t count = 1, key_length = sizeof(key) - 1, length = (int32_t)strlen(name);
    char *out = leat_arena_alloc(arena, 12 + sizeof(key) + (size_t)length);

    if (!out)
        return NULL;
    memcpy(out, &count, 4);
    memcpy(out + 4, &key_length, 4);
    memcpy(out + 8, key, sizeof(key) - 1);
    memcpy(out + 8 + key_length, &length, 4);
    memcpy(out + 12 + key_length, name, (size_t)length);
    return out;
}

static enum leat_status new_children(struct shared *shared, struct ArrowSchema *out, uint32_t count,
                                     struct leat_error *err)
{
    struct ArrowSchema *items = LEAT_NEW_ARRAY(&shared->arena, struct ArrowSchema, count);

    out->children = LEAT_NEW_ARRAY(&shared->arena, struct ArrowSchema *, count);
    if (!items || !out->children)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++)
        out->children[i] = &items[i];
    out->n_children = count;
    return LEAT_OK;
}

static enum leat_status export_field(struct shared *shared, const char *name,
                                     const struct leat_type *type, bool required,
                                     struct ArrowSchema *out, struct leat_error *err)
{
    struct ArrowSchema *parent = out;

    out->format = format_of(&shared->arena, type);
    out->name = leat_arena_strdup(&shared->arena, name ? name : "");
    out->flags = required ? 0 : ARROW_FLAG_NULLABLE;
    out->release = schema_release;
    out->private_data = shared;
    atomic_fetch_add(&shared->holders, 1);
    if (type->id == LEAT_UUID || type->id == LEAT_JSON) {
        out->metadata =
            extension(&shared->arena, type->id == LEAT_UUID ? "arrow.uuid" : "arrow.json");
        if (!out->metadata)
            return leat_error_memory(err);
    }
    if (!out->format || !out->name)
        return leat_error_memory(err);
    if (type->id == LEAT_MAP) { /* keys and values are the fields of a struct between */
        LEAT_TRY(new_children(shared, out, 1, err));
        parent = out->children[0];
        *parent = (struct ArrowSchema){.format = "+s", .name = "entries"};
        parent->release = schema_release;
        parent->private_data = shared;
        atomic_fetch_add(&shared->holders, 1);
    }
    if (!leat_type_is_nested(type))
        return LEAT_OK;
    LEAT_TRY(new_children(shared, parent, type->field_count, err));
    for (uint32_t i = 0; i < type->field_count; i++)
        LEAT_TRY(export_field(shared, type->fields[i].name, type->fields[i].type,
                              type->fields[i].required || (type->id == LEAT_MAP && i == 0),
                              parent->children[i], err));
    return LEAT_OK;
}

enum leat_status leat_arrow_export_schema(const struct leat_schema *schema, struct ArrowSchema *out,
                                          struct leat_error *err)
{
    struct shared *shared = shared_new(NULL);
    struct leat_type root = {
        .id = LEAT_STRUCT, .field_count = schema->count, .fields = schema->fields};
    enum leat_status status;

    *out = (struct ArrowSchema){0};
    if (!shared)
        return leat_error_memory(err);
    status = export_field(shared, "", &root, true, out, err);
    if (status) {
        out->release(out);
        *out = (struct ArrowSchema){0};
    }
    shared_drop(shared);
    return status;
}

/* --- arrays --- */

static int64_t count_nulls(const uint64_t *validity, uint32_t length)
{
    uint32_t set = 0, whole = length / 64;

    if (!validity)
        return 0;
    for (uint32_t i = 0; i < whole; i++)
        set += (uint32_t)__builtin_popcountll(validity[i]);
    if (length % 64)
        set +=
            (uint32_t)__builtin_popcountll(validity[whole] & (((uint64_t)1 << (length % 64)) - 1));
    return (int64_t)length - set;
}

static enum leat_status export_booleans(const struct leat_vector *vector, struct leat_arena *arena,
                                        const void **out, struct leat_error *err)
{
    const uint8_t *values = vector->data;
    uint64_t *bits = leat_arena_calloc(arena, leat_validity_words(vector->length) + 1, 8);

    if (!bits)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < vector->length; i++)
        bits[i >> 6] |= (uint64_t)(values[i] != 0) << (i & 63);
    *out = bits;
    return LEAT_OK;
}

static enum leat_status export_intervals(const struct leat_vector *vector, struct leat_arena *arena,
                                         const void **out, struct leat_error *err)
{
    const struct leat_interval *values = vector->data;
    struct leat_interval *copy =
        leat_arena_calloc(arena, (size_t)vector->length + 1, sizeof(*copy));

    if (!copy)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < vector->length; i++) {
        if (!leat_validity_get(vector->validity, i))
            continue;
        copy[i] = values[i];
        if (__builtin_mul_overflow(values[i].microseconds, 1000, &copy[i].microseconds))
            return leat_error_set(err, LEAT_E_LIMIT,
                                  "an interval of %" PRId64
                                  " microseconds has no 64-bit number of nanoseconds",
                                  values[i].microseconds);
    }
    *out = copy;
    return LEAT_OK;
}

/* Texts of up to 12 bytes go as they are. Others are gathered, and their views rewritten. */
static enum leat_status export_texts(const struct leat_vector *vector, struct leat_arena *arena,
                                     struct ArrowArray *out, struct leat_error *err)
{
    const struct leat_string *values = vector->data;
    size_t total = 0, used = 0, filled = 0, buffers = 0;
    bool any_long = false;
    struct leat_string *views;
    int64_t *lengths;
    char *bytes;

    for (uint32_t i = 0; i < vector->length; i++) {
        any_long |= values[i].length > LEAT_STRING_INLINE;
        if (values[i].length > LEAT_STRING_INLINE && leat_validity_get(vector->validity, i))
            total += values[i].length;
        if (values[i].length > TEXT_BUFFER)
            return leat_error_set(err, LEAT_E_LIMIT, "a text of more than 2 GiB");
    }
    buffers = total / (TEXT_BUFFER / 2) + 1; /* each but the last is at least half full */
    out->buffers = LEAT_NEW_ARRAY(arena, const void *, buffers + 3);
    lengths = LEAT_NEW_ARRAY(arena, int64_t, buffers + 1);
    if (!out->buffers || !lengths)
        return leat_error_memory(err);
    out->buffers[0] = vector->validity;
    out->buffers[1] = vector->data;
    out->buffers[2] = lengths;
    out->n_buffers = 3;
    if (!any_long)
        return LEAT_OK;
    views = leat_arena_calloc(arena, vector->length, sizeof(*views));
    bytes = leat_arena_alloc_aligned(arena, total + 1);
    if (!views || !bytes)
        return leat_error_memory(err);
    out->buffers[1] = views;
    out->buffers[2] = bytes;
    buffers = 1;
    for (uint32_t i = 0; i < vector->length; i++) {
        uint32_t length = values[i].length;
        int32_t place[2];
        if (!leat_validity_get(vector->validity, i))
            continue;
        views[i] = values[i];
        if (length <= LEAT_STRING_INLINE)
            continue;
        if (filled + length > TEXT_BUFFER) {
            lengths[buffers - 1] = (int64_t)filled;
            out->buffers[2 + buffers++] = bytes + used;
            filled = 0;
        }
        memcpy(bytes + used, values[i].view.data, length);
        place[0] = (int32_t)(buffers - 1);
        place[1] = (int32_t)filled;
        memcpy((char *)&views[i] + 8, place, 8);
        used += length;
        filled += length;
    }
    lengths[buffers - 1] = (int64_t)filled;
    out->buffers[2 + buffers] = lengths;
    out->n_buffers = (int64_t)buffers + 3;
    return LEAT_OK;
}

/* False if items lie apart or out of order. */
static bool list_offsets(const struct leat_vector *vector, int32_t *offsets)
{
    const struct leat_list_entry *entries = vector->data;
    bool first = true;
    uint64_t next = 0;

    offsets[0] = 0;
    for (uint32_t i = 0; i < vector->length; i++) {
        if (leat_validity_get(vector->validity, i) && entries[i].length) {
            if (first) {
                next = entries[i].offset;
                for (uint32_t k = 0; k <= i; k++)
                    offsets[k] = (int32_t)next;
                first = false;
            }
            if (entries[i].offset != next)
                return false;
            next += entries[i].length;
            if (next > INT32_MAX)
                return false;
        }
        offsets[i + 1] = (int32_t)next;
    }
    return true;
}

static enum leat_status export_vector(struct shared *shared, const struct leat_vector *from,
                                      struct ArrowArray *out, struct leat_error *err);

static enum leat_status export_children(struct shared *shared, const struct leat_vector *vector,
                                        struct ArrowArray *out, struct leat_error *err)
{
    uint32_t count = vector->type->field_count;
    struct ArrowArray *items = LEAT_NEW_ARRAY(&shared->arena, struct ArrowArray, count);

    out->children = LEAT_NEW_ARRAY(&shared->arena, struct ArrowArray *, count);
    if (!items || !out->children)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        out->children[i] = &items[i];
        out->n_children = i + 1;
        LEAT_TRY(export_vector(shared, &vector->children[i], &items[i], err));
    }
    return LEAT_OK;
}

static void hold(struct shared *shared, struct ArrowArray *array, int64_t length)
{
    array->length = length;
    array->release = array_release;
    array->private_data = shared;
    atomic_fetch_add(&shared->holders, 1);
}

static enum leat_status export_lists(struct shared *shared, struct leat_vector *vector,
                                     struct ArrowArray *out, struct leat_error *err)
{
    int32_t *offsets =
        leat_arena_alloc_aligned(&shared->arena, ((size_t)vector->length + 1) * sizeof(int32_t));

    if (!offsets)
        return leat_error_memory(err);
    if (!list_offsets(vector, offsets)) {
        struct leat_vector packed;
        LEAT_TRY(leat_vector_copy(vector, 0, vector->length, &shared->arena, &packed, err));
        *vector = packed;
        if (!list_offsets(vector, offsets))
            return leat_error_set(err, LEAT_E_LIMIT, "more than 2^31 items in lists of one batch");
        out->buffers[0] = vector->validity;
    }
    out->buffers[1] = offsets;
    out->n_buffers = 2;
    if (vector->type->id == LEAT_LIST)
        return export_children(shared, vector, out, err);
    { /* a struct of keys and values between */
        struct ArrowArray *entries = LEAT_NEW(&shared->arena, struct ArrowArray);
        out->children = LEAT_NEW(&shared->arena, struct ArrowArray *);
        if (!entries || !out->children)
            return leat_error_memory(err);
        entries->buffers = LEAT_NEW(&shared->arena, const void *);
        if (!entries->buffers)
            return leat_error_memory(err);
        out->children[0] = entries;
        out->n_children = 1;
        entries->n_buffers = 1;
        hold(shared, entries, vector->children[0].length);
        return export_children(shared, vector, entries, err);
    }
}

static enum leat_status export_vector(struct shared *shared, const struct leat_vector *from,
                                      struct ArrowArray *out, struct leat_error *err)
{
    struct leat_arena *arena = &shared->arena;
    struct leat_vector vector = *from;

    hold(shared, out, vector.length);
    if (vector.form != LEAT_FLAT)
        LEAT_TRY(leat_vector_flatten(&vector, arena, err));
    out->null_count = count_nulls(vector.validity, vector.length);
    out->buffers = LEAT_NEW_ARRAY(arena, const void *, 2);
    if (!out->buffers)
        return leat_error_memory(err);
    out->buffers[0] = vector.validity;
    out->buffers[1] = vector.data;
    out->n_buffers = 2;
    switch (vector.type->id) {
    case LEAT_NULL:
        out->null_count = vector.length;
        out->n_buffers = 0;
        return LEAT_OK;
    case LEAT_BOOLEAN:
        return export_booleans(&vector, arena, &out->buffers[1], err);
    case LEAT_INTERVAL:
        return export_intervals(&vector, arena, &out->buffers[1], err);
    case LEAT_TEXT:
    case LEAT_JSON:
    case LEAT_BYTES:
        return export_texts(&vector, arena, out, err);
    case LEAT_STRUCT:
        out->n_buffers = 1;
        return export_children(shared, &vector, out, err);
    case LEAT_LIST:
    case LEAT_MAP:
        return export_lists(shared, &vector, out, err);
    default:
        return LEAT_OK;
    }
}

enum leat_status leat_arrow_export_batch(const struct leat_batch *batch, struct leat_arena *arena,
                                         struct ArrowArray *out, struct leat_error *err)
{
    struct shared *shared = shared_new(arena);
    struct leat_type type = {.id = LEAT_STRUCT, .field_count = batch->column_count};
    struct leat_vector root = {.type = &type, .length = batch->length, .children = batch->columns};
    enum leat_status status;

    *out = (struct ArrowArray){0};
    if (!shared)
        return leat_error_memory(err);
    status = export_vector(shared, &root, out, err);
    if (status) {
        out->release(out);
        *out = (struct ArrowArray){0};
    }
    shared_drop(shared);
    return status;
}
