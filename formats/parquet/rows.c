/*
 * Rows of some row groups of a file, as a table's schema wants them.
 *
 * Columns are bound to the file's nodes once. A row group is left out by its statistics; what the
 * page index rules out becomes gaps between row ranges. In each batch the columns with conditions
 * are read first: if no row can satisfy one of them, the other columns only note that they are
 * behind, and catch up (passing over whole pages unread) when they are next needed. A column's
 * chunk is not even fetched before that. Then the context's filter is asked, step by step, and of
 * each later column only the values of rows still wanted are decoded.
 */
#include "formats/parquet/reader_internal.h"

#include "base/hot.h"

#define MATCHES_MOST (1u << 20) /* dictionary entries judged once a row group */

enum column_kind { COLUMN_CONSTANT, COLUMN_POSITION, COLUMN_FLAT, COLUMN_NESTED };

struct column {
    enum column_kind kind;
    struct leat_value constant;
    struct parquet_binding binding;
    bool started;    /* in the present row group */
    uint64_t behind; /* rows to skip before the next read */
    bool read;       /* in the present batch */
};

struct condition {
    const struct leat_predicate *predicate;
    const struct leat_vector *judged; /* the dictionary that `matches` is about */
    uint8_t *matches;
    uint32_t capacity;
    bool any;
};

struct rows {
    struct leat_reader base;
    const struct leat_parquet_file *file;
    struct leat_read_context context;
    struct leat_schema wanted;
    struct leat_arena arena;   /* of the reader's life */
    struct leat_arena scratch; /* of one batch */
    struct leat_arena ranges_arena;
    struct column *columns;
    struct condition *conditions;
    uint32_t condition_count;
    struct leat_vector *vectors; /* of all rows of a step */
    struct leat_vector *given;   /* of the rows that the context's filter wants */
    uint32_t selection[LEAT_BATCH_ROWS];
    struct leat_batch batch;
    uint32_t group, group_end; /* the next row group, and where to stop */
    uint32_t present;          /* the row group being read */
    bool announced;            /* all its columns to the input */
    struct parquet_range *ranges;
    uint32_t range_count, range;
    uint64_t position; /* in the row group: the next row */
};

/* --- binding --- */

static enum leat_status bind(struct rows *rows, const struct parquet_node *node,
                             const struct leat_type *type, enum leat_parquet_match match,
                             unsigned depth, struct parquet_binding *out, struct leat_error *err);

static const struct parquet_node *find_node(const struct parquet_node *nodes, uint32_t count,
                                            const struct leat_field *field,
                                            enum leat_parquet_match match)
{
    for (uint32_t i = 0; i < count; i++) {
        if (match == LEAT_PARQUET_BY_ID ? nodes[i].id != 0 && nodes[i].id == field->id
                                        : strcmp(nodes[i].name, field->name) == 0)
            return &nodes[i];
    }
    return NULL;
}

static enum leat_status bind_leaf(struct rows *rows, const struct parquet_node *node,
                                  const struct leat_type *type, struct parquet_binding *out,
                                  struct leat_error *err)
{
    struct parquet_leaf_reader *reader = leat_calloc(1, sizeof(*reader));
    if (!reader)
        return leat_error_memory(err);
    enum leat_status status =
        parquet_leaf_reader_init(reader, rows->file, node, type, &rows->context, err);
    if (status) {
        leat_free(reader);
        return status;
    }
    out->reader = reader;
    out->shape = &out->levels;
    return LEAT_OK;
}

static enum leat_status misfit(const struct rows *rows, const struct parquet_node *node,
                               const struct leat_type *type, struct leat_error *err)
{
    struct leat_arena arena;
    leat_arena_init(&arena, NULL);
    const char *have = leat_type_name(&arena, node->type), *want = leat_type_name(&arena, type);
    enum leat_status status =
        leat_error_set(err, LEAT_E_PARQUET_SCHEMA, "%s: column %s is %s, not %s",
                       rows->file->input->path, node->name, have ? have : "", want ? want : "");
    leat_arena_release(&arena);
    return status;
}

static enum leat_status bind_children(struct rows *rows, const struct parquet_node *node,
                                      const struct leat_type *type, enum leat_parquet_match match,
                                      unsigned depth, struct parquet_binding *out,
                                      struct leat_error *err)
{
    out->children = LEAT_NEW_ARRAY(&rows->arena, struct parquet_binding, type->field_count);
    if (!out->children)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct parquet_node *child =
            node->kind == PARQUET_NODE_STRUCT
                ? find_node(node->children, node->child_count, &type->fields[i], match)
                : &node->children[i];
        out->child_count = i + 1;
        LEAT_TRY(bind(rows, child, type->fields[i].type, match, depth + 1, &out->children[i], err));
        if (!out->shape)
            out->shape = out->children[i].shape;
    }
    if (out->shape)
        return LEAT_OK;
    /* None of the wanted fields is there: some leaf must tell which structs are null. */
    const struct parquet_node *leaf = rows->file->leaves[node->leaf];
    return bind_leaf(rows, leaf, leaf->type, out, err);
}

static enum leat_status bind(struct rows *rows, const struct parquet_node *node,
                             const struct leat_type *type, enum leat_parquet_match match,
                             unsigned depth, struct parquet_binding *out, struct leat_error *err)
{
    static const enum leat_type_id ids[] = {LEAT_NULL, LEAT_STRUCT, LEAT_LIST, LEAT_MAP};
    out->type = type;
    out->node = node;
    if (!node)
        return LEAT_OK;
    if (depth > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "column %s is nested too deep", node->name);
    if (node->kind == PARQUET_NODE_LEAF)
        return leat_type_is_nested(type) ? misfit(rows, node, type, err)
                                         : bind_leaf(rows, node, type, out, err);
    if (type->id != ids[node->kind])
        return misfit(rows, node, type, err);
    return bind_children(rows, node, type, match, depth, out, err);
}

static void binding_release(struct parquet_binding *binding)
{
    if (binding->reader) {
        parquet_leaf_reader_release(binding->reader);
        leat_free(binding->reader);
    }
    parquet_levels_release(&binding->levels);
    for (uint32_t i = 0; i < binding->child_count; i++)
        binding_release(&binding->children[i]);
}

static enum leat_status bind_column(struct rows *rows, const struct leat_parquet_request *request,
                                    uint32_t i, struct leat_error *err)
{
    struct column *column = &rows->columns[i];
    const struct leat_field *field = &rows->wanted.fields[i];
    const struct leat_value *constant = request->constants ? &request->constants[i] : NULL;
    if (constant && (!constant->type || constant->type->id == LEAT_NULL))
        constant = NULL;
    bool only_missing = request->constant_if_missing && request->constant_if_missing[i];
    enum leat_parquet_match match = request->wanted ? request->match : LEAT_PARQUET_BY_NAME;
    const struct parquet_node *node =
        find_node(rows->file->columns, rows->file->column_count, field, match);
    if (!request->wanted)
        node = &rows->file->columns[i]; /* names may stand twice */
    if ((int64_t)i == request->position_column) {
        column->kind = COLUMN_POSITION;
        return LEAT_OK;
    }
    if ((constant && !only_missing) || !node) {
        column->kind = COLUMN_CONSTANT;
        column->constant = (struct leat_value){.type = field->type, .is_null = true};
        return constant ? leat_value_copy(constant, &rows->arena, &column->constant, err) : LEAT_OK;
    }
    column->kind = node->kind == PARQUET_NODE_LEAF ? COLUMN_FLAT : COLUMN_NESTED;
    return bind(rows, node, field->type, match, 0, &column->binding, err);
}

/* Conditions on flat columns only; the others are no help. */
static enum leat_status bind_conditions(struct rows *rows,
                                        const struct leat_parquet_request *request,
                                        struct leat_error *err)
{
    rows->conditions = LEAT_NEW_ARRAY(&rows->arena, struct condition, request->predicate_count);
    if (!rows->conditions)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < request->predicate_count; i++) {
        const struct leat_predicate *predicate = &request->predicates[i];
        bool fits = predicate->column < rows->wanted.count &&
                    rows->columns[predicate->column].kind == COLUMN_FLAT;
        const struct leat_type *type = fits ? rows->columns[predicate->column].binding.type : NULL;
        for (uint32_t v = 0; fits && v < predicate->value_count; v++)
            fits =
                !predicate->values[v].is_null && leat_type_equal(predicate->values[v].type, type);
        if (fits)
            rows->conditions[rows->condition_count++].predicate = predicate;
    }
    return LEAT_OK;
}

/* --- row groups --- */

static const struct parquet_chunk *chunk_of(const struct rows *rows, const struct column *column)
{
    return &rows->file->metadata.groups[rows->present].chunks[column->binding.node->leaf];
}

static bool group_may_match(const struct rows *rows)
{
    int64_t count = rows->file->metadata.groups[rows->present].rows;
    for (uint32_t i = 0; i < rows->condition_count; i++) {
        const struct leat_predicate *predicate = rows->conditions[i].predicate;
        const struct column *column = &rows->columns[predicate->column];
        const struct parquet_chunk *chunk = chunk_of(rows, column);
        struct leat_value minimum, maximum;
        parquet_chunk_bounds(rows->file, column->binding.node, chunk, column->binding.type,
                             &minimum, &maximum);
        if (!parquet_may_match(predicate, &minimum, &maximum, chunk->statistics.null_count, count))
            return false;
    }
    return true;
}

static enum leat_status start_binding(struct parquet_binding *binding, uint32_t group,
                                      struct leat_error *err)
{
    if (binding->reader)
        LEAT_TRY(parquet_leaf_reader_start(binding->reader, group, err));
    for (uint32_t i = 0; i < binding->child_count; i++)
        LEAT_TRY(start_binding(&binding->children[i], group, err));
    return LEAT_OK;
}

static enum leat_status skip_binding(struct parquet_binding *binding, uint64_t rows,
                                     struct leat_error *err)
{
    if (binding->reader)
        LEAT_TRY(parquet_leaf_skip_rows(binding->reader, rows, err));
    for (uint32_t i = 0; i < binding->child_count; i++)
        LEAT_TRY(skip_binding(&binding->children[i], rows, err));
    return LEAT_OK;
}

static void recycle_binding(struct parquet_binding *binding)
{
    if (binding->reader)
        parquet_leaf_reader_recycle(binding->reader);
    for (uint32_t i = 0; i < binding->child_count; i++)
        recycle_binding(&binding->children[i]);
}

static bool value_matches(const struct leat_predicate *predicate, const struct leat_value *value)
{
    const struct leat_value *wanted = predicate->values;
    int order = predicate->value_count ? leat_value_compare(value, wanted) : 0;
    switch (predicate->op) {
    case LEAT_PREDICATE_EQ:
        return order == 0;
    case LEAT_PREDICATE_NE:
        return order != 0;
    case LEAT_PREDICATE_LT:
        return order < 0;
    case LEAT_PREDICATE_LE:
        return order <= 0;
    case LEAT_PREDICATE_GT:
        return order > 0;
    case LEAT_PREDICATE_GE:
        return order >= 0;
    case LEAT_PREDICATE_IN:
        for (uint32_t i = 0; i < predicate->value_count; i++) {
            if (leat_value_compare(value, &wanted[i]) == 0)
                return true;
        }
        return false;
    default:
        return true;
    }
}

/* Judges the entries of a dictionary, once. */
static enum leat_status judge(struct rows *rows, struct condition *condition,
                              const struct leat_vector *dictionary, struct leat_error *err)
{
    if (condition->judged == dictionary)
        return LEAT_OK;
    if (condition->capacity < dictionary->length) {
        uint8_t *matches = leat_realloc(condition->matches, dictionary->length);
        if (!matches)
            return leat_error_memory(err);
        condition->matches = matches;
        condition->capacity = dictionary->length;
    }
    condition->any = false;
    for (uint32_t i = 0; i < dictionary->length; i++) {
        struct leat_value value;
        LEAT_TRY(leat_value_from_vector(dictionary, i, &rows->scratch, &value, err));
        condition->matches[i] = value_matches(condition->predicate, &value);
        condition->any |= condition->matches[i];
    }
    condition->judged = dictionary;
    return LEAT_OK;
}

static bool judges_dictionary(const struct condition *condition)
{
    return condition->predicate->op != LEAT_PREDICATE_IS_NULL &&
           condition->predicate->op != LEAT_PREDICATE_IS_NOT_NULL;
}

enum { ANNOUNCED_AT_ONCE = 128 };

struct announcement {
    struct leat_range ranges[ANNOUNCED_AT_ONCE];
    size_t count;
};

/* The chunks of a column's leaves in this row group. */
static void announce_binding(const struct rows *rows, const struct parquet_binding *binding,
                             struct announcement *out)
{
    const struct parquet_row_group *group = &rows->file->metadata.groups[rows->present];
    if (binding->reader && out->count < ANNOUNCED_AT_ONCE &&
        parquet_chunk_bytes(rows->file, &group->chunks[binding->reader->node->leaf],
                            &out->ranges[out->count]))
        out->count++;
    for (uint32_t i = 0; i < binding->child_count; i++)
        announce_binding(rows, &binding->children[i], out);
}

static bool has_condition(const struct rows *rows, const struct column *column)
{
    for (uint32_t i = 0; i < rows->condition_count; i++)
        if (&rows->columns[rows->conditions[i].predicate->column] == column)
            return true;
    return false;
}

/* Tells an input that fetches from afar what will be read: the columns with conditions first, the
 * others when it is known that a row is wanted. */
static void announce(struct rows *rows, bool with_conditions)
{
    struct announcement announcement = {.count = 0};
    if (!rows->file->input->ops->prefetch)
        return;
    for (uint32_t i = 0; i < rows->wanted.count; i++)
        if (!rows->columns[i].started && has_condition(rows, &rows->columns[i]) == with_conditions)
            announce_binding(rows, &rows->columns[i].binding, &announcement);
    leat_input_prefetch(rows->file->input, announcement.ranges, announcement.count);
}

static enum leat_status start_column(struct rows *rows, struct column *column,
                                     struct leat_error *err)
{
    if (!column->started && !rows->announced && !has_condition(rows, column)) {
        rows->announced = true;
        announce(rows, false);
    }
    if (!column->started)
        LEAT_TRY(start_binding(&column->binding, rows->present, err));
    column->started = true;
    return LEAT_OK;
}

/* A chunk that is all dictionary: does any entry match? */
static enum leat_status dictionaries_may_match(struct rows *rows, bool *out, struct leat_error *err)
{
    *out = true;
    for (uint32_t i = 0; *out && i < rows->condition_count; i++) {
        struct condition *condition = &rows->conditions[i];
        struct column *column = &rows->columns[condition->predicate->column];
        if (!chunk_of(rows, column)->only_dictionary || !judges_dictionary(condition))
            continue;
        LEAT_TRY(start_column(rows, column, err));
        struct parquet_leaf_reader *reader = column->binding.reader;
        LEAT_TRY(parquet_next_page(reader, NULL, err));
        if (!reader->dictionary->type || reader->dictionary->length > MATCHES_MOST)
            continue;
        LEAT_TRY(judge(rows, condition, reader->dictionary, err));
        *out = condition->any;
    }
    return LEAT_OK;
}

static enum leat_status prune_ranges(struct rows *rows, struct leat_error *err)
{
    uint64_t count = (uint64_t)rows->file->metadata.groups[rows->present].rows;
    leat_arena_reset(&rows->ranges_arena);
    rows->ranges = LEAT_NEW_ARRAY(&rows->ranges_arena, struct parquet_range, 1);
    if (!rows->ranges)
        return leat_error_memory(err);
    rows->ranges[0] = (struct parquet_range){0, count};
    rows->range_count = 1;
    rows->range = 0;
    for (uint32_t i = 0; i < rows->condition_count; i++) {
        const struct leat_predicate *predicate = rows->conditions[i].predicate;
        const struct column *column = &rows->columns[predicate->column];
        LEAT_TRY(parquet_prune_pages(rows->file, column->binding.node, column->binding.type,
                                     chunk_of(rows, column), predicate, count, &rows->ranges_arena,
                                     &rows->ranges, &rows->range_count, err));
    }
    return LEAT_OK;
}

/* Goes to the next row group with rows to read; *done if there is none. */
static enum leat_status next_group(struct rows *rows, bool *done, struct leat_error *err)
{
    *done = false;
    for (;;) {
        if (rows->group >= rows->group_end) {
            *done = true;
            return LEAT_OK;
        }
        rows->present = rows->group++;
        rows->range_count = rows->range = 0;
        rows->position = 0;
        rows->announced = false;
        for (uint32_t i = 0; i < rows->wanted.count; i++) {
            rows->columns[i].started = false;
            rows->columns[i].behind = 0;
        }
        for (uint32_t i = 0; i < rows->condition_count; i++)
            rows->conditions[i].judged = NULL;
        bool match = true;
        if (rows->file->metadata.groups[rows->present].rows == 0 || !group_may_match(rows))
            continue;
        LEAT_TRY(prune_ranges(rows, err));
        if (rows->range_count && rows->condition_count)
            announce(rows, true);
        if (rows->range_count)
            LEAT_TRY(dictionaries_may_match(rows, &match, err));
        if (rows->range_count && match)
            return LEAT_OK;
        rows->range_count = 0;
    }
}

/* --- batches --- */

/* A step through a row range: how many rows, and which of them are wanted. */
struct step {
    uint32_t count, selected; /* equal: all */
};

static enum leat_status read_column(struct rows *rows, uint32_t i, const struct step *step,
                                    struct leat_error *err)
{
    struct column *column = &rows->columns[i];
    LEAT_TRY(start_column(rows, column, err));
    if (column->behind) {
        LEAT_TRY(skip_binding(&column->binding, column->behind, err));
        column->behind = 0;
    }
    column->read = true;
    if (column->kind == COLUMN_FLAT && step->selected < step->count)
        return parquet_leaf_read_selected(column->binding.reader, step->count, rows->selection,
                                          step->selected, &rows->vectors[i], err);
    if (column->kind == COLUMN_FLAT)
        return parquet_leaf_read_rows(column->binding.reader, step->count, &rows->vectors[i], err);
    return parquet_assemble(&column->binding, step->count, &rows->scratch, &rows->vectors[i], err);
}

/* False if no row of the column's vector satisfies the condition. */
static enum leat_status batch_may_match(struct rows *rows, struct condition *condition,
                                        const struct leat_vector *vector, bool *out,
                                        struct leat_error *err)
{
    *out = true;
    if (!judges_dictionary(condition))
        return LEAT_OK;
    if (vector->form == LEAT_DICTIONARY && vector->dictionary->length <= MATCHES_MOST) {
        uint8_t any = 0;
        LEAT_TRY(judge(rows, condition, vector->dictionary, err));
        for (uint32_t i = 0; i < vector->length; i++)
            any |= condition->matches[vector->codes[i]];
        *out = any != 0;
        return LEAT_OK;
    }
    *out = parquet_any_match(condition->predicate, vector);
    return LEAT_OK;
}

static enum leat_status read_conditions(struct rows *rows, const struct step *step, bool *match,
                                        struct leat_error *err)
{
    bool asked = rows->context.filter && rows->context.filter->step_count; /* it knows better */
    *match = true;
    for (uint32_t i = 0; !asked && *match && i < rows->condition_count; i++) {
        uint32_t at = rows->conditions[i].predicate->column;
        if (!rows->columns[at].read)
            LEAT_TRY(read_column(rows, at, step, err));
        LEAT_TRY(batch_may_match(rows, &rows->conditions[i], &rows->vectors[at], match, err));
    }
    return LEAT_OK;
}

static enum leat_status fill_column(struct rows *rows, uint32_t i, const struct step *step,
                                    struct leat_error *err)
{
    uint32_t count = step->count;
    struct column *column = &rows->columns[i];
    struct leat_vector *vector = &rows->vectors[i];
    if (column->read)
        return LEAT_OK;
    if (column->kind == COLUMN_CONSTANT || column->kind == COLUMN_POSITION)
        column->read = true;
    if (column->kind == COLUMN_CONSTANT)
        return leat_value_to_vector(&column->constant, count, &rows->scratch, vector, err);
    if (column->kind != COLUMN_POSITION)
        return read_column(rows, i, step, err);
    LEAT_TRY(leat_vector_init(vector, leat_type_get(LEAT_INT64), count, 0, &rows->scratch, err));
    vector->length = count;
    int64_t first = rows->file->group_first_row[rows->present] + (int64_t)rows->position;
    for (uint32_t row = 0; row < count; row++)
        ((int64_t *)vector->data)[row] = first + row;
    return LEAT_OK;
}

/* Rows that were not read in this step: columns that did not move are behind by them. */
static void fall_behind(struct rows *rows, uint64_t count)
{
    for (uint32_t i = 0; i < rows->wanted.count; i++) {
        struct column *column = &rows->columns[i];
        if (!column->read && (column->kind == COLUMN_FLAT || column->kind == COLUMN_NESTED))
            column->behind += count;
    }
}

LEAT_HOT static void number(uint32_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = i;
}

/* Asks the context's filter, reading what it looks at. */
static enum leat_status apply_filter(struct rows *rows, struct step *step, struct leat_error *err)
{
    struct leat_row_filter *filter = rows->context.filter;
    struct leat_batch batch = {rows->wanted.count, step->count, rows->vectors};
    number(rows->selection, step->count);
    for (uint32_t s = 0; s < filter->step_count && step->selected; s++) {
        for (uint32_t i = 0; i < filter->steps[s].column_count; i++)
            LEAT_TRY(fill_column(rows, filter->steps[s].columns[i], step, err));
        LEAT_TRY(filter->narrow(filter, s, &batch, rows->selection, &step->selected, err));
    }
    return LEAT_OK;
}

/* Reads what is still missing of a step with wanted rows. */
static enum leat_status finish_batch(struct rows *rows, const struct step *step,
                                     struct leat_error *err)
{
    for (uint32_t i = 0; i < rows->wanted.count; i++)
        LEAT_TRY(fill_column(rows, i, step, err));
    rows->batch = (struct leat_batch){rows->wanted.count, step->count, rows->vectors};
    if (step->selected == step->count)
        return LEAT_OK;
    rows->batch = (struct leat_batch){rows->wanted.count, step->selected, rows->given};
    for (uint32_t i = 0; i < rows->wanted.count; i++)
        LEAT_TRY(leat_vector_select(&rows->vectors[i], rows->selection, step->selected,
                                    &rows->scratch, &rows->given[i], err));
    return LEAT_OK;
}

static enum leat_status rows_next(struct leat_reader *reader, struct leat_batch **out,
                                  struct leat_error *err)
{
    struct rows *rows = (struct rows *)reader;
    *out = NULL;
    for (;;) {
        bool done = false, match;
        if (leat_cancel_requested(rows->context.cancel))
            return leat_error_set(err, LEAT_E_CANCELLED, "cancelled");
        leat_arena_reset(&rows->scratch);
        for (uint32_t i = 0; i < rows->wanted.count; i++) {
            rows->columns[i].read = false;
            recycle_binding(&rows->columns[i].binding);
        }
        if (rows->range >= rows->range_count)
            LEAT_TRY(next_group(rows, &done, err));
        if (done)
            return LEAT_OK;
        const struct parquet_range *range = &rows->ranges[rows->range];
        if (rows->position < range->first) {
            fall_behind(rows, range->first - rows->position);
            rows->position = range->first;
        }
        uint64_t left = range->last - rows->position;
        uint32_t count = left < LEAT_BATCH_ROWS ? (uint32_t)left : LEAT_BATCH_ROWS;
        struct step step = {count, count};
        LEAT_TRY(read_conditions(rows, &step, &match, err));
        if (match && rows->context.filter)
            LEAT_TRY(apply_filter(rows, &step, err));
        match = match && step.selected;
        if (match)
            LEAT_TRY(finish_batch(rows, &step, err));
        else
            fall_behind(rows, count);
        rows->position += count;
        if (rows->position == range->last)
            rows->range++;
        if (!match)
            continue;
        *out = &rows->batch;
        return LEAT_OK;
    }
}

static void rows_close(struct leat_reader *reader)
{
    struct rows *rows = (struct rows *)reader;
    for (uint32_t i = 0; rows->columns && i < rows->wanted.count; i++)
        binding_release(&rows->columns[i].binding);
    for (uint32_t i = 0; i < rows->condition_count; i++)
        leat_free(rows->conditions[i].matches);
    leat_arena_release(&rows->scratch);
    leat_arena_release(&rows->ranges_arena);
    leat_arena_release(&rows->arena);
    leat_free(rows);
}

static const struct leat_reader_ops rows_ops = {rows_next, rows_close};

static enum leat_status rows_prepare(struct rows *rows, const struct leat_parquet_request *request,
                                     struct leat_error *err)
{
    rows->columns = LEAT_NEW_ARRAY(&rows->arena, struct column, rows->wanted.count);
    rows->vectors = LEAT_NEW_ARRAY(&rows->arena, struct leat_vector, rows->wanted.count);
    rows->given = LEAT_NEW_ARRAY(&rows->arena, struct leat_vector, rows->wanted.count);
    if (!rows->columns || !rows->vectors || !rows->given)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < rows->wanted.count; i++)
        LEAT_TRY(bind_column(rows, request, i, err));
    const struct leat_row_filter *filter = rows->context.filter;
    for (uint32_t i = 0; filter && filter->step_count && i < filter->steps[0].column_count; i++) {
        struct column *column = &rows->columns[filter->steps[0].columns[i]];
        if (column->kind == COLUMN_FLAT)
            column->binding.reader->codes_wanted = true;
    }
    return bind_conditions(rows, request, err);
}

enum leat_status leat_parquet_rows_open(const struct leat_parquet_file *file,
                                        const struct leat_parquet_request *request,
                                        const struct leat_read_context *context,
                                        struct leat_reader **out, struct leat_error *err)
{
    *out = NULL;
    struct rows *rows = leat_calloc(1, sizeof(*rows));
    if (!rows)
        return leat_error_memory(err);
    if (context)
        rows->context = *context;
    if (rows->context.filter)
        rows->context.filter->applied = true;
    rows->base.ops = &rows_ops;
    rows->file = file;
    rows->wanted = request->wanted ? *request->wanted : file->schema;
    leat_arena_init(&rows->arena, rows->context.accountant);
    leat_arena_init(&rows->scratch, rows->context.accountant);
    leat_arena_init(&rows->ranges_arena, rows->context.accountant);
    uint32_t groups = file->metadata.group_count;
    rows->group = request->first_row_group < groups ? request->first_row_group : groups;
    rows->group_end = request->row_group_count < groups - rows->group
                          ? rows->group + request->row_group_count
                          : groups;
    enum leat_status status = rows_prepare(rows, request, err);
    if (status)
        rows_close(&rows->base);
    else
        *out = &rows->base;
    return status;
}
