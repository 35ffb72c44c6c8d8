/*
 * Levels back to nested vectors. A node's instances are the slots whose repetition level is not
 * deeper than the lists around it and whose definition level says that those lists have an item
 * there. Any leaf below a node tells its shape; that all of them agree is checked by the lengths.
 */
#include "formats/parquet/reader_internal.h"

static enum leat_status build(struct parquet_binding *binding, uint32_t expected,
                              struct leat_arena *arena, struct leat_vector *out, unsigned depth,
                              struct leat_error *err);

static enum leat_status read_leaves(struct parquet_binding *binding, uint32_t rows, unsigned depth,
                                    struct leat_error *err)
{
    if (depth > 2 * LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "a column is nested too deep");
    if (binding->reader)
        LEAT_TRY(parquet_leaf_read_slots(binding->reader, rows, &binding->levels, err));
    for (uint32_t i = 0; i < binding->child_count; i++)
        LEAT_TRY(read_leaves(&binding->children[i], rows, depth + 1, err));
    return LEAT_OK;
}

static enum leat_status disagree(const struct parquet_binding *binding, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_PARQUET_CORRUPT,
                          "damaged Parquet data: the parts of column %s have different lengths",
                          binding->node->name);
}

static enum leat_status all_null(const struct leat_type *type, uint32_t length,
                                 struct leat_arena *arena, struct leat_vector *out,
                                 struct leat_error *err)
{
    LEAT_TRY(leat_vector_init(out, type, length, 0, arena, err));
    out->length = length;
    LEAT_TRY(leat_vector_make_validity(out, length, arena, err));
    if (length)
        memset(out->validity, 0, leat_validity_words(length) * 8);
    size_t width = leat_type_width(type);
    if (width && length)
        memset(out->data, 0, length * width);
    for (uint32_t i = 0; type->id == LEAT_STRUCT && i < type->field_count; i++)
        LEAT_TRY(all_null(type->fields[i].type, length, arena, &out->children[i], err));
    return LEAT_OK;
}

/* Is the slot an instance of the node? */
static inline bool is_instance(const struct parquet_node *node, const struct parquet_levels *levels,
                               size_t slot)
{
    return levels->repetition[slot] <= node->repetition &&
           levels->definition[slot] >= node->outer_definition;
}

static enum leat_status count_instances(struct parquet_binding *binding, uint32_t expected,
                                        struct leat_error *err)
{
    const struct parquet_levels *levels = binding->shape;
    size_t count = 0;
    for (size_t i = 0; i < levels->count; i++)
        count += is_instance(binding->node, levels, i);
    return count == expected ? LEAT_OK : disagree(binding, err);
}

/* Validity of the node's instances. */
static enum leat_status build_validity(struct parquet_binding *binding, uint32_t length,
                                       struct leat_arena *arena, struct leat_vector *out,
                                       struct leat_error *err)
{
    const struct parquet_levels *levels = binding->shape;
    const struct parquet_node *node = binding->node;
    uint32_t row = 0;
    bool any_null = false;
    LEAT_TRY(leat_vector_make_validity(out, length, arena, err));
    for (size_t i = 0; i < levels->count; i++) {
        if (!is_instance(node, levels, i))
            continue;
        bool valid = levels->definition[i] >= node->definition;
        any_null |= !valid;
        leat_validity_set(out->validity, row++, valid);
    }
    if (!any_null)
        out->validity = NULL;
    return LEAT_OK;
}

static enum leat_status build_leaf(struct parquet_binding *binding, uint32_t length,
                                   struct leat_arena *arena, struct leat_vector *out,
                                   struct leat_error *err)
{
    const struct parquet_levels *levels = &binding->levels;
    const struct parquet_node *node = binding->node;
    size_t width = leat_type_width(binding->type), from = 0;
    uint32_t row = 0;
    LEAT_TRY(leat_vector_init(out, binding->type, length, 0, arena, err));
    out->length = length;
    if (levels->value_count == length) {
        if (width && length)
            memcpy(out->data, levels->values, length * width);
        return LEAT_OK;
    }
    LEAT_TRY(leat_vector_make_validity(out, length, arena, err));
    for (size_t i = 0; i < levels->count; i++) {
        if (!is_instance(node, levels, i))
            continue;
        char *to = width ? (char *)out->data + row * width : NULL;
        if (levels->definition[i] == node->max_definition) {
            if (from == levels->value_count)
                return disagree(binding, err);
            if (width)
                memcpy(to, levels->values + from++ * width, width);
        } else {
            if (width)
                memset(to, 0, width);
            leat_validity_set(out->validity, row, false);
        }
        row++;
    }
    return LEAT_OK;
}

static enum leat_status build_struct(struct parquet_binding *binding, uint32_t length,
                                     struct leat_arena *arena, struct leat_vector *out,
                                     unsigned depth, struct leat_error *err)
{
    LEAT_TRY(leat_vector_init(out, binding->type, 0, 0, arena, err));
    out->length = length;
    if (binding->node->optional)
        LEAT_TRY(build_validity(binding, length, arena, out, err));
    for (uint32_t i = 0; i < binding->child_count; i++)
        LEAT_TRY(build(&binding->children[i], length, arena, &out->children[i], depth + 1, err));
    return LEAT_OK;
}

static enum leat_status build_list(struct parquet_binding *binding, uint32_t length,
                                   struct leat_arena *arena, struct leat_vector *out,
                                   unsigned depth, struct leat_error *err)
{
    const struct parquet_levels *levels = binding->shape;
    const struct parquet_node *node = binding->node;
    uint32_t row = 0, items = 0;
    LEAT_TRY(leat_vector_init(out, binding->type, length, 0, arena, err));
    out->length = length;
    if (node->optional)
        LEAT_TRY(build_validity(binding, length, arena, out, err));
    struct leat_list_entry *entries = out->data;
    for (size_t i = 0; i < levels->count; i++) {
        if (is_instance(node, levels, i))
            entries[row++] = (struct leat_list_entry){items, 0};
        if (levels->definition[i] >= node->item_definition &&
            levels->repetition[i] <= node->repetition + 1) {
            if (row == 0)
                return disagree(binding, err);
            entries[row - 1].length++;
            items++;
        }
    }
    for (uint32_t i = 0; i < binding->child_count; i++)
        LEAT_TRY(build(&binding->children[i], items, arena, &out->children[i], depth + 1, err));
    return LEAT_OK;
}

static enum leat_status build(struct parquet_binding *binding, uint32_t expected,
                              struct leat_arena *arena, struct leat_vector *out, unsigned depth,
                              struct leat_error *err)
{
    if (depth > 2 * LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "a column is nested too deep");
    if (!binding->node)
        return all_null(binding->type, expected, arena, out, err);
    LEAT_TRY(count_instances(binding, expected, err));
    switch (binding->node->kind) {
    case PARQUET_NODE_LEAF:
        return build_leaf(binding, expected, arena, out, err);
    case PARQUET_NODE_STRUCT:
        return build_struct(binding, expected, arena, out, depth, err);
    default:
        return build_list(binding, expected, arena, out, depth, err);
    }
}

enum leat_status parquet_assemble(struct parquet_binding *binding, uint32_t rows,
                                  struct leat_arena *arena, struct leat_vector *out,
                                  struct leat_error *err)
{
    LEAT_TRY(read_leaves(binding, rows, 0, err));
    return build(binding, rows, arena, out, 0, err);
}
