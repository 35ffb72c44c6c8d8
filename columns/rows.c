/* Batches as bytes, and rows kept in memory.
 *
 * A batch's message: magic, checksum and length of the rest, then rows and columns. Each vector is
 * written flat: a flag byte for nulls, the validity words, then values: fixed-width values as they
 * lie in memory, strings as 32-bit lengths followed by the bytes, lists as 32-bit lengths followed
 * by their children. */
#include "base/hash.h"
#include "columns/vector.h"

enum { BATCH_MAGIC = 0x3142544c }; /* "LTB1" */

static enum leat_status put_vector(const struct leat_vector *vector, uint32_t start, uint32_t count,
                                   struct leat_arena *scratch, struct leat_buffer *out,
                                   struct leat_error *err);

static enum leat_status put_strings(const struct leat_vector *flat, uint32_t count,
                                    struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_string *strings = flat->data;
    uint64_t total = 0;
    uint32_t length;

    for (uint32_t i = 0; i < count; i++)
        total += leat_validity_get(flat->validity, i) ? strings[i].length : 0;
    LEAT_TRY(leat_buffer_put_u64(out, total, err));
    LEAT_TRY(leat_buffer_reserve(out, total + (size_t)count * 4, err));
    for (uint32_t i = 0; i < count; i++) {
        length = leat_validity_get(flat->validity, i) ? strings[i].length : 0;
        memcpy(out->data + out->length, &length, 4);
        out->length += 4;
    }
    for (uint32_t i = 0; i < count; i++) {
        length = leat_validity_get(flat->validity, i) ? strings[i].length : 0;
        if (length)
            memcpy(out->data + out->length, leat_string_data(&strings[i]), length);
        out->length += length;
    }
    return LEAT_OK;
}

/* Lengths of the lists, then the children of all of them in order. */
static enum leat_status put_lists(const struct leat_vector *flat, uint32_t count,
                                  struct leat_arena *scratch, struct leat_buffer *out,
                                  struct leat_error *err)
{
    const struct leat_list_entry *entries = flat->data;
    uint64_t total = 0;
    uint32_t *selection, at = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = leat_validity_get(flat->validity, i) ? entries[i].length : 0;
        LEAT_TRY(leat_buffer_put_u32(out, length, err));
        total += length;
    }
    if (total > UINT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "lists with more than 4 billion items in a batch");
    selection = leat_arena_alloc(scratch, (total + 1) * sizeof(*selection));
    if (!selection)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++)
        if (leat_validity_get(flat->validity, i))
            for (uint32_t j = 0; j < entries[i].length; j++)
                selection[at++] = entries[i].offset + j;
    for (uint32_t c = 0; c < flat->type->field_count; c++) {
        struct leat_vector chosen;
        LEAT_TRY(leat_vector_select(&flat->children[c], selection, (uint32_t)total, scratch,
                                    &chosen, err));
        LEAT_TRY(put_vector(&chosen, 0, (uint32_t)total, scratch, out, err));
    }
    return LEAT_OK;
}

static enum leat_status put_vector(const struct leat_vector *vector, uint32_t start, uint32_t count,
                                   struct leat_arena *scratch, struct leat_buffer *out,
                                   struct leat_error *err)
{
    struct leat_vector flat;
    size_t width = leat_type_width(vector->type);

    LEAT_TRY(leat_vector_slice(vector, start, count, scratch, &flat, err));
    LEAT_TRY(leat_vector_flatten(&flat, scratch, err));
    LEAT_TRY(leat_buffer_put_u8(out, flat.validity != NULL, err));
    if (flat.validity)
        LEAT_TRY(leat_buffer_append(out, flat.validity, leat_validity_words(count) * 8, err));
    switch (vector->type->id) {
    case LEAT_NULL:
        return LEAT_OK;
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        return put_strings(&flat, count, out, err);
    case LEAT_LIST:
    case LEAT_MAP:
        return put_lists(&flat, count, scratch, out, err);
    case LEAT_STRUCT:
        for (uint32_t c = 0; c < vector->type->field_count; c++)
            LEAT_TRY(put_vector(&flat.children[c], 0, count, scratch, out, err));
        return LEAT_OK;
    default:
        return leat_buffer_append(out, flat.data, count * width, err);
    }
}

enum leat_status leat_batch_put(const struct leat_batch *batch, struct leat_buffer *out,
                                struct leat_error *err)
{
    struct leat_arena scratch;
    enum leat_status status;
    size_t header = out->length;

    leat_arena_init(&scratch, NULL);
    status = leat_buffer_put_u32(out, BATCH_MAGIC, err);
    if (status == LEAT_OK)
        status = leat_buffer_put_u64(out, 0, err); /* checksum, filled in below */
    if (status == LEAT_OK)
        status = leat_buffer_put_u64(out, 0, err); /* length */
    if (status == LEAT_OK)
        status = leat_buffer_put_u32(out, batch->length, err);
    if (status == LEAT_OK)
        status = leat_buffer_put_u32(out, batch->column_count, err);
    for (uint32_t i = 0; i < batch->column_count && status == LEAT_OK; i++)
        status = put_vector(&batch->columns[i], 0, batch->length, &scratch, out, err);
    leat_arena_release(&scratch);
    if (status == LEAT_OK) {
        uint64_t length = out->length - header - 20;
        uint64_t sum = leat_hash_bytes(out->data + header + 20, length, BATCH_MAGIC);
        memcpy(out->data + header + 4, &sum, 8);
        memcpy(out->data + header + 12, &length, 8);
    }
    return status;
}

static enum leat_status damaged(struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_MESSAGE, "a batch does not follow its form");
}

static enum leat_status take_bytes(struct leat_cursor *cursor, uint64_t size, const uint8_t **out,
                                   struct leat_error *err)
{
    if (size > cursor->length - cursor->position)
        return damaged(err);
    *out = cursor->data + cursor->position;
    cursor->position += size;
    return LEAT_OK;
}

/* Copies into aligned memory of the arena. */
static enum leat_status take_copy(struct leat_cursor *cursor, uint64_t size,
                                  struct leat_arena *arena, void **out, struct leat_error *err)
{
    const uint8_t *bytes;

    LEAT_TRY(take_bytes(cursor, size, &bytes, err));
    *out = leat_arena_alloc_aligned(arena, size);
    if (!*out)
        return leat_error_memory(err);
    if (size)
        memcpy(*out, bytes, size);
    return LEAT_OK;
}

static enum leat_status read_strings(struct leat_cursor *cursor, uint32_t count,
                                     struct leat_vector *out, struct leat_arena *arena,
                                     struct leat_error *err)
{
    struct leat_string *strings;
    const uint8_t *lengths;
    void *heap;
    uint64_t total, used = 0;

    LEAT_TRY(leat_cursor_get_u64(cursor, &total, err));
    LEAT_TRY(take_bytes(cursor, (uint64_t)count * 4, &lengths, err));
    LEAT_TRY(take_copy(cursor, total, arena, &heap, err));
    strings = leat_arena_alloc_aligned(arena, count * sizeof(*strings));
    if (!strings)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length;
        memcpy(&length, lengths + (size_t)i * 4, 4);
        if (length > total - used)
            return damaged(err);
        strings[i] = leat_string_of((const char *)heap + used, length);
        used += length;
    }
    out->data = strings;
    return LEAT_OK;
}

static enum leat_status read_vector(struct leat_cursor *cursor, const struct leat_type *type,
                                    uint32_t count, unsigned depth, struct leat_arena *arena,
                                    struct leat_vector *out, struct leat_error *err);

static enum leat_status read_lists(struct leat_cursor *cursor, uint32_t count, unsigned depth,
                                   struct leat_vector *out, struct leat_arena *arena,
                                   struct leat_error *err)
{
    struct leat_list_entry *entries;
    const uint8_t *lengths;
    uint64_t total = 0;

    LEAT_TRY(take_bytes(cursor, (uint64_t)count * 4, &lengths, err));
    entries = leat_arena_alloc_aligned(arena, count * sizeof(*entries));
    if (!entries)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&entries[i].length, lengths + (size_t)i * 4, 4);
        entries[i].offset = (uint32_t)total;
        total += entries[i].length;
        if (total > UINT32_MAX)
            return damaged(err);
    }
    out->data = entries;
    for (uint32_t c = 0; c < out->type->field_count; c++)
        LEAT_TRY(read_vector(cursor, out->type->fields[c].type, (uint32_t)total, depth + 1, arena,
                             &out->children[c], err));
    return LEAT_OK;
}

static enum leat_status read_vector(struct leat_cursor *cursor, const struct leat_type *type,
                                    uint32_t count, unsigned depth, struct leat_arena *arena,
                                    struct leat_vector *out, struct leat_error *err)
{
    uint8_t has_nulls;
    void *copy;

    *out = (struct leat_vector){.type = type, .form = LEAT_FLAT, .length = count};
    if (depth > LEAT_TYPE_MAX_DEPTH)
        return damaged(err);
    LEAT_TRY(leat_cursor_get_u8(cursor, &has_nulls, err));
    if (has_nulls) {
        LEAT_TRY(take_copy(cursor, leat_validity_words(count) * 8, arena, &copy, err));
        out->validity = copy;
    }
    if (leat_type_is_nested(type)) {
        out->children = LEAT_NEW_ARRAY(arena, struct leat_vector, type->field_count);
        if (!out->children)
            return leat_error_memory(err);
    }
    switch (type->id) {
    case LEAT_NULL:
        return LEAT_OK;
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        return read_strings(cursor, count, out, arena, err);
    case LEAT_LIST:
    case LEAT_MAP:
        return read_lists(cursor, count, depth, out, arena, err);
    case LEAT_STRUCT:
        for (uint32_t c = 0; c < type->field_count; c++)
            LEAT_TRY(read_vector(cursor, type->fields[c].type, count, depth + 1, arena,
                                 &out->children[c], err));
        return LEAT_OK;
    default:
        return take_copy(cursor, (uint64_t)count * leat_type_width(type), arena, &out->data, err);
    }
}

enum leat_status leat_batch_read(struct leat_cursor *cursor, const struct leat_schema *schema,
                                 struct leat_arena *arena, struct leat_batch *out,
                                 struct leat_error *err)
{
    struct leat_cursor body;
    const uint8_t *bytes;
    uint32_t magic, rows, columns;
    uint64_t sum, length;

    memset(out, 0, sizeof(*out));
    LEAT_TRY(leat_cursor_get_u32(cursor, &magic, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &sum, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &length, err));
    if (magic != BATCH_MAGIC)
        return damaged(err);
    LEAT_TRY(take_bytes(cursor, length, &bytes, err));
    if (leat_hash_bytes(bytes, length, BATCH_MAGIC) != sum)
        return leat_error_set(err, LEAT_E_MESSAGE, "a batch's checksum does not fit its bytes");
    body = (struct leat_cursor){bytes, length, 0};
    LEAT_TRY(leat_cursor_get_u32(&body, &rows, err));
    LEAT_TRY(leat_cursor_get_u32(&body, &columns, err));
    if (columns != schema->count)
        return damaged(err);
    out->columns = LEAT_NEW_ARRAY(arena, struct leat_vector, columns);
    if (!out->columns)
        return leat_error_memory(err);
    out->column_count = columns;
    out->length = rows;
    for (uint32_t i = 0; i < columns; i++)
        LEAT_TRY(read_vector(&body, schema->fields[i].type, rows, 0, arena, &out->columns[i], err));
    return body.position == body.length ? LEAT_OK : damaged(err);
}

enum leat_status leat_batch_init(struct leat_batch *batch, const struct leat_schema *schema,
                                 uint32_t capacity, struct leat_arena *arena,
                                 struct leat_error *err)
{
    batch->length = 0;
    batch->column_count = schema->count;
    batch->columns = LEAT_NEW_ARRAY(arena, struct leat_vector, schema->count);
    if (!batch->columns)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < schema->count; i++)
        LEAT_TRY(leat_vector_init(&batch->columns[i], schema->fields[i].type, capacity, capacity,
                                  arena, err));
    return LEAT_OK;
}

enum leat_status leat_rows_init(struct leat_rows *rows, const struct leat_schema *schema,
                                struct leat_accountant *accountant, struct leat_error *err)
{
    memset(rows, 0, sizeof(*rows));
    leat_arena_init(&rows->arena, accountant);
    return leat_schema_copy(schema, &rows->arena, &rows->schema, err);
}

/* The batch's nested types may live shorter than the rows: the schema's copies take their place. */
static void own_type(struct leat_vector *vector, const struct leat_type *type)
{
    if (!leat_type_is_nested(type) || !leat_type_equal(vector->type, type))
        return;
    vector->type = type;
    for (uint32_t c = 0; c < type->field_count; c++)
        own_type(&vector->children[c], type->fields[c].type);
}

enum leat_status leat_rows_append(struct leat_rows *rows, const struct leat_batch *batch,
                                  struct leat_error *err)
{
    struct leat_batch copy = {.column_count = batch->column_count, .length = batch->length};

    if (batch->length == 0)
        return LEAT_OK;
    if (rows->batch_count == rows->batch_capacity) {
        size_t capacity = rows->batch_capacity ? rows->batch_capacity * 2 : 8;
        struct leat_batch *batches = leat_realloc(rows->batches, capacity * sizeof(*batches));
        if (!batches)
            return leat_error_memory(err);
        rows->batches = batches;
        rows->batch_capacity = capacity;
    }
    copy.columns = LEAT_NEW_ARRAY(&rows->arena, struct leat_vector, batch->column_count);
    if (!copy.columns)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        LEAT_TRY(leat_vector_copy(&batch->columns[i], 0, batch->length, &rows->arena,
                                  &copy.columns[i], err));
        if (i < rows->schema.count)
            own_type(&copy.columns[i], rows->schema.fields[i].type);
    }
    rows->batches[rows->batch_count++] = copy;
    rows->row_count += batch->length;
    return LEAT_OK;
}

void leat_rows_release(struct leat_rows *rows)
{
    leat_free(rows->batches);
    leat_arena_release(&rows->arena);
    memset(rows, 0, sizeof(*rows));
}
