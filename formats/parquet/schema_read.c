/*
 * The file's list of schema elements to a tree of nodes, with levels counted on the way down. Lists
 * are recognised in all the forms that writers have used (the rules of the format's LogicalTypes
 * document, "backward compatibility rules").
 */
#include "formats/parquet/reader_internal.h"
#include <stdio.h>

#define MAX_LEVELS 200u

struct walk {
    struct leat_parquet_file *file;
    uint32_t next; /* element */
    uint32_t leaf;
    uint32_t leaf_capacity;
};
struct levels {
    unsigned definition, repetition, outer;
};

static enum leat_status read_node(struct walk *walk, struct levels levels, unsigned depth,
                                  struct parquet_node *out, struct leat_error *err);

enum leat_status parquet_corrupt(const struct leat_parquet_file *file, struct leat_error *err,
                                 const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    enum leat_status status =
        leat_error_set(err, LEAT_E_PARQUET_CORRUPT, "%s: %s", file->input->path, text);
    leat_error_at(err, file->input->path, 0, 0, 0);
    return status;
}

static const struct parquet_element *peek(const struct walk *walk)
{
    const struct parquet_metadata *metadata = &walk->file->metadata;
    return walk->next < metadata->element_count ? &metadata->elements[walk->next] : NULL;
}

static enum leat_status take(struct walk *walk, unsigned depth, const struct parquet_element **out,
                             struct leat_error *err)
{
    *out = peek(walk);
    if (!*out)
        return parquet_corrupt(walk->file, err, "the schema is cut short");
    if (depth > LEAT_TYPE_MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "%s: the schema is nested deeper than %d",
                              walk->file->input->path, LEAT_TYPE_MAX_DEPTH);
    if ((*out)->child_count < 0 || (*out)->child_count > walk->file->metadata.element_count ||
        (*out)->repetition > PARQUET_REPEATED)
        return parquet_corrupt(walk->file, err, "the schema is damaged");
    walk->next++;
    return LEAT_OK;
}

static bool is_group(const struct parquet_element *element)
{
    return element->type == PARQUET_UNSET;
}

static bool is_list(const struct parquet_element *element)
{
    return element->logical == PARQUET_LOGICAL_LIST || element->converted == PARQUET_LIST;
}

static bool is_map(const struct parquet_element *element)
{
    return element->logical == PARQUET_LOGICAL_MAP || element->converted == PARQUET_MAP ||
           element->converted == PARQUET_MAP_KEY_VALUE;
}

static void set_identity(struct parquet_node *node, const struct parquet_element *element)
{
    node->name = element->name;
    node->element = element;
    node->id =
        element->field_id > 0 && element->field_id <= INT32_MAX ? (int32_t)element->field_id : 0;
}

static enum leat_status read_leaf(struct walk *walk, struct levels levels,
                                  const struct parquet_element *element, struct parquet_node *out,
                                  struct leat_error *err)
{
    struct leat_parquet_file *file = walk->file;
    if (element->type < 0 || element->type > PARQUET_FIXED ||
        (element->type == PARQUET_FIXED &&
         (element->type_length < 0 || element->type_length > (1 << 28))))
        return parquet_corrupt(file, err, "column %s has an unknown type", element->name);
    out->kind = PARQUET_NODE_LEAF;
    out->leaf = (int32_t)walk->leaf;
    out->max_definition = (uint8_t)levels.definition;
    out->type = parquet_leaf_type(element);
    if (walk->leaf >= walk->leaf_capacity)
        return parquet_corrupt(file, err, "the schema is damaged");
    file->leaves[walk->leaf++] = out;
    return LEAT_OK;
}

static const struct leat_field *child_fields(struct walk *walk, const struct parquet_node *node)
{
    struct leat_field *fields =
        LEAT_NEW_ARRAY(&walk->file->arena, struct leat_field, node->child_count);
    for (uint32_t i = 0; fields && i < node->child_count; i++) {
        const struct parquet_node *child = &node->children[i];
        fields[i] = (struct leat_field){.name = child->name,
                                        .type = child->type,
                                        .required = !child->optional,
                                        .id = child->id};
    }
    return fields;
}

/* The node's own type object, whose fields carry ids and nullability. */
static enum leat_status make_type(struct walk *walk, struct parquet_node *node,
                                  struct leat_error *err)
{
    static const char *const names[] = {"element", "key", "value"};
    struct leat_type *type = LEAT_NEW(&walk->file->arena, struct leat_type);
    struct leat_field *fields = (struct leat_field *)(uintptr_t)child_fields(walk, node);
    if (!type || !fields)
        return leat_error_memory(err);
    type->id = node->kind == PARQUET_NODE_STRUCT ? LEAT_STRUCT
               : node->kind == PARQUET_NODE_LIST ? LEAT_LIST
                                                 : LEAT_MAP;
    type->field_count = node->child_count;
    type->fields = fields;
    if (node->kind == PARQUET_NODE_LIST)
        fields[0].name = names[0];
    for (uint32_t i = 0; node->kind == PARQUET_NODE_MAP && i < 2; i++)
        fields[i].name = names[1 + i];
    node->type = type;
    node->leaf = node->children[0].leaf;
    return LEAT_OK;
}

static enum leat_status alloc_children(struct walk *walk, struct parquet_node *node, int64_t count,
                                       struct leat_error *err)
{
    if (count < 1)
        return parquet_corrupt(walk->file, err, "group %s has no fields", node->name);
    node->child_count = (uint32_t)count;
    node->children = LEAT_NEW_ARRAY(&walk->file->arena, struct parquet_node, (size_t)count);
    return node->children ? LEAT_OK : leat_error_memory(err);
}

static enum leat_status read_struct(struct walk *walk, struct levels levels,
                                    const struct parquet_element *element, unsigned depth,
                                    struct parquet_node *out, struct leat_error *err)
{
    out->kind = PARQUET_NODE_STRUCT;
    LEAT_TRY(alloc_children(walk, out, element->child_count, err));
    for (uint32_t i = 0; i < out->child_count; i++)
        LEAT_TRY(read_node(walk, levels, depth + 1, &out->children[i], err));
    return make_type(walk, out, err);
}

/* The content of an element whose own repetition has been dealt with. */
static enum leat_status read_content(struct walk *walk, struct levels levels,
                                     const struct parquet_element *element, unsigned depth,
                                     struct parquet_node *out, struct leat_error *err);

/* A list whose repeated element is `repeated` (already taken); levels are those of the list. */
static enum leat_status read_items(struct walk *walk, struct levels levels,
                                   const struct parquet_element *repeated, bool element_is_group,
                                   unsigned depth, struct parquet_node *out, struct leat_error *err)
{
    out->kind = PARQUET_NODE_LIST;
    out->item_definition = (uint8_t)(levels.definition + 1);
    levels.definition++;
    levels.repetition++;
    levels.outer = levels.definition;
    if (levels.definition > MAX_LEVELS)
        return parquet_corrupt(walk->file, err, "the schema has too many levels");
    LEAT_TRY(alloc_children(walk, out, 1, err));
    struct parquet_node *item = &out->children[0];
    if (!element_is_group) {
        LEAT_TRY(read_node(walk, levels, depth + 1, item, err));
    } else {
        set_identity(item, repeated);
        item->outer_definition = (uint8_t)levels.outer;
        item->definition = (uint8_t)levels.definition;
        item->repetition = (uint8_t)levels.repetition;
        LEAT_TRY(read_content(walk, levels, repeated, depth + 1, item, err));
    }
    return make_type(walk, out, err);
}

static bool names_tuple(const char *list, const char *group)
{
    size_t length = strlen(list);
    return strncmp(group, list, length) == 0 && strcmp(group + length, "_tuple") == 0;
}

static enum leat_status read_list(struct walk *walk, struct levels levels,
                                  const struct parquet_element *element, unsigned depth,
                                  struct parquet_node *out, struct leat_error *err)
{
    const struct parquet_element *repeated;
    LEAT_TRY(take(walk, depth + 1, &repeated, err));
    const struct parquet_element *inner = peek(walk);
    bool whole = !is_group(repeated) || repeated->child_count != 1 ||
                 strcmp(repeated->name, "array") == 0 ||
                 names_tuple(element->name, repeated->name) || is_list(repeated) ||
                 is_map(repeated) || (inner && inner->repetition == PARQUET_REPEATED);
    return read_items(walk, levels, repeated, whole, depth + 1, out, err);
}

static enum leat_status read_map(struct walk *walk, struct levels levels, unsigned depth,
                                 struct parquet_node *out, struct leat_error *err)
{
    const struct parquet_element *pair;
    LEAT_TRY(take(walk, depth + 1, &pair, err));
    if (!is_group(pair) || pair->child_count != 2)
        return read_items(walk, levels, pair, !is_group(pair) || pair->child_count != 1, depth + 1,
                          out, err);
    out->kind = PARQUET_NODE_MAP;
    out->item_definition = (uint8_t)(levels.definition + 1);
    levels.definition++;
    levels.repetition++;
    levels.outer = levels.definition;
    if (levels.definition > MAX_LEVELS)
        return parquet_corrupt(walk->file, err, "the schema has too many levels");
    LEAT_TRY(alloc_children(walk, out, 2, err));
    for (uint32_t i = 0; i < 2; i++)
        LEAT_TRY(read_node(walk, levels, depth + 2, &out->children[i], err));
    return make_type(walk, out, err);
}

static enum leat_status read_content(struct walk *walk, struct levels levels,
                                     const struct parquet_element *element, unsigned depth,
                                     struct parquet_node *out, struct leat_error *err)
{
    if (!is_group(element))
        return read_leaf(walk, levels, element, out, err);
    const struct parquet_element *inner = peek(walk);
    bool wrapper = element->child_count == 1 && inner && inner->repetition == PARQUET_REPEATED;
    if (wrapper && is_list(element))
        return read_list(walk, levels, element, depth, out, err);
    if (wrapper && is_map(element))
        return read_map(walk, levels, depth, out, err);
    return read_struct(walk, levels, element, depth, out, err);
}

static enum leat_status read_node(struct walk *walk, struct levels levels, unsigned depth,
                                  struct parquet_node *out, struct leat_error *err)
{
    const struct parquet_element *element;
    LEAT_TRY(take(walk, depth, &element, err));
    set_identity(out, element);
    out->optional = element->repetition == PARQUET_OPTIONAL;
    out->outer_definition = (uint8_t)levels.outer;
    out->repetition = (uint8_t)levels.repetition;
    levels.definition += out->optional;
    if (levels.definition > MAX_LEVELS)
        return parquet_corrupt(walk->file, err, "the schema has too many levels");
    out->definition = (uint8_t)levels.definition;
    if (element->repetition == PARQUET_REPEATED) /* not in a list or map: a list all the same */
        return read_items(walk, levels, element, true, depth, out, err);
    return read_content(walk, levels, element, depth, out, err);
}

enum leat_status parquet_read_schema(struct leat_parquet_file *file, struct leat_error *err)
{
    struct walk walk = {.file = file, .leaf_capacity = file->metadata.element_count};
    const struct parquet_element *root;
    int64_t children = 0; /* checked in all first: it bounds what is allocated below */
    for (uint32_t i = 0; i < file->metadata.element_count; i++) {
        const struct parquet_element *element = &file->metadata.elements[i];
        if (is_group(element) && element->child_count > 0 && element->child_count <= UINT32_MAX)
            children += element->child_count;
    }
    if (children != (int64_t)file->metadata.element_count - 1)
        return parquet_corrupt(file, err, "the schema's groups do not add up");
    LEAT_TRY(take(&walk, 0, &root, err));
    if (!is_group(root))
        return parquet_corrupt(file, err, "the schema's root is no group");
    file->column_count = (uint32_t)root->child_count;
    file->columns = LEAT_NEW_ARRAY(&file->arena, struct parquet_node, file->column_count);
    file->leaves = LEAT_NEW_ARRAY(&file->arena, const struct parquet_node *, walk.leaf_capacity);
    file->schema.count = file->column_count;
    file->schema.fields = LEAT_NEW_ARRAY(&file->arena, struct leat_field, file->column_count);
    if (!file->columns || !file->leaves || !file->schema.fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < file->column_count; i++) {
        const struct parquet_node *node = &file->columns[i];
        LEAT_TRY(read_node(&walk, (struct levels){0, 0, 0}, 1, &file->columns[i], err));
        file->schema.fields[i] = (struct leat_field){
            .name = node->name, .type = node->type, .required = !node->optional, .id = node->id};
    }
    if (walk.next != file->metadata.element_count)
        return parquet_corrupt(file, err, "the schema has elements without a place");
    file->leaf_count = walk.leaf;
    return LEAT_OK;
}
