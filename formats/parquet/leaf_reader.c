/*
 * Rows of a leaf. A flat leaf (no lists around it) becomes a vector: definition levels of one bit
 * are copied as the validity bitmap, values are decoded densely and then moved apart where nulls
 * stand. A leaf below lists gives its levels and dense values to the assembler.
 *
 * A vector is begun as codes if the page is; should the batch run on into a page of another
 * encoding (a dictionary given up by the writer), the codes so far are looked up and it goes on
 * flat.
 */
#include "formats/parquet/reader_internal.h"

#define SLOTS_MOST ((size_t)1 << 27) /* of one batch */

/* --- flat leaves --- */

/* Validity bits of the next `count` slots from bit `offset` on; *valid is how many are set. */
static enum leat_status read_validity(struct parquet_leaf_reader *reader, uint64_t *bitmap,
                                      size_t offset, uint32_t count, size_t *valid,
                                      struct leat_error *err)
{
    uint8_t maximum = reader->node->max_definition;
    uint32_t some[512];
    *valid = 0;
    if (maximum == 1) {
        if (!parquet_hybrid_get_bits(&reader->definition, bitmap, offset, count, valid))
            return parquet_leaf_corrupt(reader, err, "a page's levels are cut short");
        return LEAT_OK;
    }
    for (uint32_t at = 0; at < count;) {
        uint32_t block = count - at < 512 ? count - at : 512;
        if (!parquet_hybrid_get(&reader->definition, some, block))
            return parquet_leaf_corrupt(reader, err, "a page's levels are cut short");
        for (uint32_t i = 0; i < block; i++) {
            bool set = some[i] == maximum;
            leat_validity_set(bitmap, offset + at + i, set);
            *valid += set;
        }
        at += block;
    }
    return LEAT_OK;
}

/* Moves `valid` dense values apart, from the last on; nulls become zeros. */
#define SPREAD(type)                                                                               \
    do {                                                                                           \
        type *values = (type *)data;                                                               \
        for (size_t i = count, from = valid; i-- > 0;)                                             \
            values[i] = leat_validity_get(bitmap, offset + i) ? values[--from] : (type){0};        \
    } while (0)

static void spread(void *data, size_t width, const uint64_t *bitmap, size_t offset, size_t count,
                   size_t valid)
{
    switch (width) {
    case 1:
        SPREAD(uint8_t);
        break;
    case 2:
        SPREAD(uint16_t);
        break;
    case 4:
        SPREAD(uint32_t);
        break;
    case 8:
        SPREAD(uint64_t);
        break;
    case 16:
        SPREAD(struct leat_string); /* any sixteen bytes */
        break;
    default:
        break;
    }
}

/* Codes of the rows so far become values. */
static enum leat_status give_up_codes(struct parquet_leaf_reader *reader, struct leat_vector *out,
                                      uint32_t rows)
{
    size_t width = reader->converter.to_width;
    const char *entries = reader->dictionary->data;
    for (uint32_t i = 0; i < rows; i++)
        memcpy((char *)reader->out_data + i * width, entries + reader->out_codes[i] * width, width);
    out->form = LEAT_FLAT;
    out->codes = NULL;
    out->data = reader->out_data;
    return LEAT_OK;
}

/* A part of a batch: rows of the present page, and which of them are wanted. */
struct part {
    uint32_t at, count;
    const uint32_t *selection; /* NULL: all */
    uint32_t selected;
};

/* The wanted rows of a part without nulls, where they are so few that picking them pays. */
static enum leat_status pick_part(struct parquet_leaf_reader *reader, struct leat_vector *out,
                                  const struct part *part, struct leat_error *err)
{
    uint32_t *codes = reader->scratch;
    if (out->form != LEAT_DICTIONARY)
        return parquet_pick_values(reader, part->count, part->selection, part->selected, part->at,
                                   reader->out_data, err);
    LEAT_TRY(parquet_pick_codes(reader, part->count, part->selection, part->selected, part->at,
                                codes, err));
    for (uint32_t i = 0; i < part->selected; i++)
        reader->out_codes[part->selection[i]] = codes[i];
    return LEAT_OK;
}

static enum leat_status read_part(struct parquet_leaf_reader *reader, struct leat_vector *out,
                                  const struct part *part, bool *any_null, struct leat_error *err)
{
    uint32_t at = part->at, count = part->count;
    size_t width = reader->converter.to_width, valid = count;
    bool coded = reader->form == PARQUET_VALUES_CODES && reader->give_codes;
    if (reader->node->max_definition)
        LEAT_TRY(read_validity(reader, reader->out_validity, at, count, &valid, err));
    *any_null |= valid < count;
    if (!out->data && !out->codes) {
        out->form = coded ? LEAT_DICTIONARY : LEAT_FLAT;
        out->codes = coded ? reader->out_codes : NULL;
        out->data = coded ? NULL : reader->out_data;
    } else if (out->form == LEAT_DICTIONARY && !coded) {
        LEAT_TRY(give_up_codes(reader, out, at));
    }
    if (part->selection && valid == count && part->selected < count - count / 4 &&
        parquet_picks_values(reader))
        return pick_part(reader, out, part, err);
    if (out->form == LEAT_DICTIONARY) {
        uint32_t *codes = reader->out_codes + at;
        LEAT_TRY(parquet_read_codes(reader, (uint32_t)valid, codes, err));
        if (valid < count)
            spread(codes, sizeof(*codes), reader->out_validity, at, count, valid);
        return LEAT_OK;
    }
    char *data = (char *)reader->out_data + at * width;
    LEAT_TRY(parquet_read_values(reader, (uint32_t)valid, data, err));
    if (valid < count)
        spread(data, width, reader->out_validity, at, count, valid);
    return LEAT_OK;
}

/* The vector after its parts. */
static void finish_vector(struct parquet_leaf_reader *reader, struct leat_vector *out,
                          bool any_null)
{
    if (any_null)
        out->validity = reader->out_validity;
    if (out->form == LEAT_DICTIONARY)
        out->dictionary = reader->dictionary;
    else
        out->data = reader->out_data;
}

enum leat_status parquet_leaf_read_rows(struct parquet_leaf_reader *reader, uint32_t rows,
                                        struct leat_vector *out, struct leat_error *err)
{
    bool any_null = false;
    *out = (struct leat_vector){.type = reader->converter.type, .form = LEAT_FLAT, .length = rows};
    for (uint32_t done = 0; done < rows;) {
        LEAT_TRY(parquet_next_page(reader, NULL, err));
        struct part part = {.at = done, .count = rows - done};
        if (part.count > reader->page_slots)
            part.count = (uint32_t)reader->page_slots;
        LEAT_TRY(read_part(reader, out, &part, &any_null, err));
        reader->page_slots -= part.count;
        done += part.count;
    }
    finish_vector(reader, out, any_null);
    return LEAT_OK;
}

/* Skips `count` slots of the present page. */
static enum leat_status skip_part(struct parquet_leaf_reader *reader, uint64_t count,
                                  struct leat_error *err)
{
    uint64_t bitmap[LEAT_BATCH_ROWS / 64], valid_all = count;
    reader->page_slots -= count;
    if (reader->node->max_definition) {
        valid_all = 0;
        while (count) {
            uint32_t some = count < LEAT_BATCH_ROWS ? (uint32_t)count : LEAT_BATCH_ROWS;
            size_t valid;
            LEAT_TRY(read_validity(reader, bitmap, 0, some, &valid, err));
            valid_all += valid;
            count -= some;
        }
    }
    return parquet_skip_values(reader, valid_all, err);
}

/* Rows before the next wanted one: passes over whole pages, then within a page. *done moves on. */
static enum leat_status skip_gap(struct parquet_leaf_reader *reader, uint32_t gap, uint32_t *done,
                                 struct leat_error *err)
{
    uint64_t left = gap;
    LEAT_TRY(parquet_next_page(reader, &left, err));
    *done += gap - (uint32_t)left;
    uint64_t count = left < reader->page_slots ? left : reader->page_slots;
    if (count)
        LEAT_TRY(skip_part(reader, count, err));
    *done += (uint32_t)count;
    return LEAT_OK;
}

/* How many of the ascending rows lie below `limit`. */
static uint32_t rows_below(const uint32_t *rows, uint32_t count, uint32_t limit)
{
    uint32_t low = 0, high = count;
    if (count && rows[count - 1] < limit)
        return count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows[middle] < limit)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum leat_status parquet_leaf_read_selected(struct parquet_leaf_reader *reader, uint32_t rows,
                                            const uint32_t *selection, uint32_t selected,
                                            struct leat_vector *out, struct leat_error *err)
{
    bool any_null = false;
    uint32_t next = 0;
    *out = (struct leat_vector){.type = reader->converter.type, .form = LEAT_FLAT, .length = rows};
    /* rows passed over keep no stale bits: codes may yet be looked up, bitmaps be copied */
    memset(reader->out_codes, 0, rows * sizeof(*reader->out_codes));
    memset(reader->out_validity, 0xff, leat_validity_words(rows) * 8);
    for (uint32_t done = 0; done < rows;) {
        uint32_t gap = (next < selected ? selection[next] : rows) - done;
        if (gap) {
            LEAT_TRY(skip_gap(reader, gap, &done, err));
            continue;
        }
        LEAT_TRY(parquet_next_page(reader, NULL, err));
        struct part part = {.at = done, .count = rows - done, .selection = selection + next};
        if (part.count > reader->page_slots)
            part.count = (uint32_t)reader->page_slots;
        part.selected = rows_below(selection + next, selected - next, done + part.count);
        next += part.selected;
        LEAT_TRY(read_part(reader, out, &part, &any_null, err));
        reader->page_slots -= part.count;
        done += part.count;
    }
    finish_vector(reader, out, any_null);
    return LEAT_OK;
}

static enum leat_status skip_nested(struct parquet_leaf_reader *reader, uint64_t rows,
                                    struct leat_error *err)
{
    struct parquet_levels levels = {0};
    enum leat_status status = LEAT_OK;
    while (!status && rows) {
        uint32_t some = rows < LEAT_BATCH_ROWS ? (uint32_t)rows : LEAT_BATCH_ROWS;
        status = parquet_leaf_read_slots(reader, some, &levels, err);
        rows -= some;
    }
    parquet_levels_release(&levels);
    return status;
}

enum leat_status parquet_leaf_skip_rows(struct parquet_leaf_reader *reader, uint64_t rows,
                                        struct leat_error *err)
{
    if (reader->node->repetition)
        return skip_nested(reader, rows, err);
    while (rows) {
        LEAT_TRY(parquet_next_page(reader, &rows, err));
        uint64_t count = rows < reader->page_slots ? rows : reader->page_slots;
        if (count)
            LEAT_TRY(skip_part(reader, count, err));
        rows -= count;
    }
    return LEAT_OK;
}

/* --- leaves below lists and structs --- */

void parquet_levels_release(struct parquet_levels *levels)
{
    leat_free(levels->definition);
    leat_free(levels->repetition);
    leat_free(levels->values);
    *levels = (struct parquet_levels){0};
}

static enum leat_status grow_levels(struct parquet_levels *levels, size_t needed,
                                    struct leat_error *err)
{
    if (needed <= levels->capacity)
        return LEAT_OK;
    if (needed > SLOTS_MOST)
        return leat_error_set(err, LEAT_E_LIMIT, "a batch has more than %zu list items",
                              SLOTS_MOST);
    size_t capacity = levels->capacity ? levels->capacity : LEAT_BATCH_ROWS;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *definition = leat_realloc(levels->definition, capacity);
    if (!definition)
        return leat_error_memory(err);
    levels->definition = definition;
    uint8_t *repetition = leat_realloc(levels->repetition, capacity);
    if (!repetition)
        return leat_error_memory(err);
    levels->repetition = repetition;
    levels->capacity = capacity;
    return LEAT_OK;
}

static enum leat_status grow_values(struct parquet_levels *levels, size_t needed, size_t width,
                                    struct leat_error *err)
{
    if (needed <= levels->value_capacity && levels->values)
        return LEAT_OK;
    size_t capacity = levels->value_capacity ? levels->value_capacity : LEAT_BATCH_ROWS;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *values = leat_malloc_aligned(capacity * (width ? width : 1));
    if (!values)
        return leat_error_memory(err);
    if (levels->value_count)
        memcpy(values, levels->values, levels->value_count * width);
    leat_free(levels->values);
    levels->values = values;
    levels->value_capacity = capacity;
    return LEAT_OK;
}

/* The next slots of the page that belong to the rows still wanted; *rows is lowered by the rows
 * that are complete or begun. *ends: the last row wanted ends before the page does. */
static size_t slots_of_rows(const struct parquet_leaf_reader *reader, bool first, uint32_t *rows,
                            bool *ends)
{
    size_t have = (size_t)reader->page_slots, count = 0;
    *ends = false;
    for (; count < have; count++) {
        bool starts =
            !reader->page_repetition || reader->page_repetition[reader->level_at + count] == 0;
        if (starts && *rows == 0) {
            *ends = true;
            break;
        }
        if (starts)
            --*rows;
        else if (first && count == 0)
            return SIZE_MAX; /* a row must not begin with a continuation */
    }
    return count;
}

static enum leat_status take_slots(struct parquet_leaf_reader *reader, size_t count,
                                   struct parquet_levels *out, struct leat_error *err)
{
    size_t width = reader->converter.to_width, valid = 0;
    uint8_t maximum = reader->node->max_definition;
    LEAT_TRY(grow_levels(out, out->count + count, err));
    uint8_t *definition = out->definition + out->count;
    if (reader->page_repetition) {
        memcpy(definition, reader->page_definition + reader->level_at, count);
        memcpy(out->repetition + out->count, reader->page_repetition + reader->level_at, count);
        reader->level_at += count;
    } else {
        uint32_t some[512];
        for (size_t at = 0; at < count;) {
            size_t block = count - at < 512 ? count - at : 512;
            if (!maximum)
                memset(some, 0, sizeof(some));
            else if (!parquet_hybrid_get(&reader->definition, some, block))
                return parquet_leaf_corrupt(reader, err, "a page's levels are cut short");
            for (size_t i = 0; i < block; i++) {
                if (some[i] > maximum)
                    return parquet_leaf_corrupt(reader, err, "a page's levels are wrong");
                definition[at + i] = (uint8_t)some[i];
            }
            at += block;
        }
        memset(out->repetition + out->count, 0, count);
    }
    for (size_t i = 0; i < count; i++)
        valid += definition[i] == maximum;
    LEAT_TRY(grow_values(out, out->value_count + valid, width, err));
    while (valid) {
        uint32_t some = valid < LEAT_BATCH_ROWS ? (uint32_t)valid : LEAT_BATCH_ROWS;
        LEAT_TRY(parquet_read_values(reader, some, out->values + out->value_count * width, err));
        out->value_count += some;
        valid -= some;
    }
    out->count += count;
    reader->page_slots -= count;
    return LEAT_OK;
}

enum leat_status parquet_leaf_read_slots(struct parquet_leaf_reader *reader, uint32_t rows,
                                         struct parquet_levels *out, struct leat_error *err)
{
    bool ends = false, first = true;
    out->count = 0;
    out->value_count = 0;
    while (!ends) {
        /* The last row goes on until the next one begins, perhaps in a later page. */
        if (reader->page_slots == 0 && rows == 0 &&
            (reader->slots_left <= 0 || reader->node->repetition == 0))
            break;
        LEAT_TRY(parquet_next_page(reader, NULL, err));
        size_t count = slots_of_rows(reader, first, &rows, &ends);
        if (count == SIZE_MAX)
            return parquet_leaf_corrupt(reader, err, "a page's levels are wrong");
        LEAT_TRY(take_slots(reader, count, out, err));
        first = false;
    }
    return LEAT_OK;
}
