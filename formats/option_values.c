/* Option values to C types. Lists and maps arrive as row 0 of a nested vector. */
#include "formats/option_values.h"

static const struct leat_value *find(const struct leat_option_set *set, const char *name)
{
    const struct leat_value *value = leat_option_find(set->values, set->count, name);

    return value && !value->is_null ? value : NULL;
}

bool leat_option_given(const struct leat_option_set *set, const char *name)
{
    return find(set, name) != NULL;
}

void leat_option_boolean(const struct leat_option_set *set, const char *name, bool *out)
{
    const struct leat_value *value = find(set, name);

    if (!value)
        return;
    if (value->type->id == LEAT_TEXT)
        (void)leat_parse_boolean(value->text.data, value->text.length, out);
    else
        *out = value->integer != 0;
}

static enum leat_status copy_text(struct leat_arena *arena, struct leat_text text,
                                  struct leat_text *out, struct leat_error *err)
{
    out->data = leat_arena_copy(arena, text.data, text.length);
    out->length = text.length;
    return out->data ? LEAT_OK : leat_error_memory(err);
}

enum leat_status leat_option_text(const struct leat_option_set *set, const char *name,
                                  struct leat_arena *arena, struct leat_text *out,
                                  struct leat_error *err)
{
    const struct leat_value *value = find(set, name);

    return value ? copy_text(arena, value->text, out, err) : LEAT_OK;
}

enum leat_status leat_option_refuse(const struct leat_option_set *set, const char *name,
                                    struct leat_text value, const char *allowed,
                                    struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_OPTION_VALUE, "option \"%s\" of %s cannot be '%.*s': use %s",
                          name, set->object, (int)(value.length < 100 ? value.length : 100),
                          value.data, allowed);
}

enum leat_status leat_option_number(const struct leat_option_set *set, const char *name,
                                    int64_t least, int64_t most, uint64_t *out,
                                    struct leat_error *err)
{
    const struct leat_value *value = find(set, name);

    if (!value)
        return LEAT_OK;
    if (value->integer < least || value->integer > most)
        return leat_error_set(
            err, LEAT_E_OPTION_VALUE, "option \"%s\" of %s cannot be %lld: use %lld to %lld", name,
            set->object, (long long)value->integer, (long long)least, (long long)most);
    *out = (uint64_t)value->integer;
    return LEAT_OK;
}

/* The text of a row, copied. */
static enum leat_status row_text(const struct leat_vector *vector, uint32_t row,
                                 struct leat_arena *arena, struct leat_text *out,
                                 struct leat_error *err)
{
    struct leat_value value;
    struct leat_buffer printed;
    enum leat_status status;

    LEAT_TRY(leat_value_from_vector(vector, row, arena, &value, err));
    if (value.is_null)
        return copy_text(arena, (struct leat_text){"", 0}, out, err);
    leat_buffer_init(&printed, 0);
    status = leat_value_print(&value, &printed, err);
    if (!status)
        status = copy_text(arena, (struct leat_text){(const char *)printed.data, printed.length},
                           out, err);
    leat_buffer_release(&printed);
    return status;
}

/* Where the items of a list or map value lie in its children. */
static struct leat_list_entry items_of(const struct leat_value *value,
                                       const struct leat_vector **base)
{
    uint32_t row = leat_vector_locate(value->nested, 0, base);

    return ((const struct leat_list_entry *)(*base)->data)[row];
}

enum leat_status leat_option_list(const struct leat_option_set *set, const char *name,
                                  struct leat_arena *arena, struct leat_text **out, uint32_t *count,
                                  struct leat_error *err)
{
    const struct leat_value *value = find(set, name);
    const struct leat_vector *base;
    struct leat_list_entry items;

    if (!value)
        return LEAT_OK;
    if (value->type->id == LEAT_TEXT) {
        *count = 1;
        *out = LEAT_NEW(arena, struct leat_text);
        return *out ? copy_text(arena, value->text, *out, err) : leat_error_memory(err);
    }
    items = items_of(value, &base);
    *count = items.length;
    *out = LEAT_NEW_ARRAY(arena, struct leat_text, items.length + 1);
    if (!*out)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < items.length; i++)
        LEAT_TRY(row_text(&base->children[0], items.offset + i, arena, &(*out)[i], err));
    return LEAT_OK;
}

enum leat_status leat_option_map(const struct leat_option_set *set, const char *name,
                                 struct leat_arena *arena, const char ***names,
                                 struct leat_text **texts, uint32_t *count, struct leat_error *err)
{
    const struct leat_value *value = find(set, name);
    const struct leat_vector *base = NULL;
    struct leat_list_entry items = {0, 0};
    bool is_map;

    if (!value)
        return LEAT_OK;
    is_map = value->type->id == LEAT_MAP;
    if (is_map)
        items = items_of(value, &base);
    else
        items.length = value->type->field_count;
    *count = items.length;
    *names = LEAT_NEW_ARRAY(arena, const char *, items.length + 1);
    *texts = LEAT_NEW_ARRAY(arena, struct leat_text, items.length + 1);
    if (!*names || !*texts)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < items.length; i++) {
        if (is_map) {
            struct leat_text key;
            LEAT_TRY(row_text(&base->children[0], items.offset + i, arena, &key, err));
            (*names)[i] = key.data;
            LEAT_TRY(row_text(&base->children[1], items.offset + i, arena, &(*texts)[i], err));
        } else {
            uint32_t row = leat_vector_locate(value->nested, 0, &base);
            (*names)[i] = leat_arena_strdup(arena, value->type->fields[i].name);
            if (!(*names)[i])
                return leat_error_memory(err);
            LEAT_TRY(row_text(&base->children[i], row, arena, &(*texts)[i], err));
        }
    }
    return LEAT_OK;
}

enum leat_status leat_option_fields(const struct leat_option_set *set, const char *name,
                                    struct leat_arena *arena, struct leat_schema *out,
                                    struct leat_error *err)
{
    const char **names = NULL;
    struct leat_text *types = NULL;
    uint32_t count = 0;

    LEAT_TRY(leat_option_map(set, name, arena, &names, &types, &count, err));
    if (!names)
        return LEAT_OK;
    out->fields = LEAT_NEW_ARRAY(arena, struct leat_field, count + 1);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        enum leat_status status;
        out->fields[i].name = names[i];
        status = leat_type_parse(types[i], arena, &out->fields[i].type, err);
        if (status) {
            leat_error_context(err, "option \"%s\" of %s, column \"%s\"", name, set->object,
                               names[i]);
            return status;
        }
    }
    out->count = count;
    return LEAT_OK;
}

enum leat_status leat_schema_override(struct leat_schema *schema, const struct leat_schema *types,
                                      const char *object, struct leat_error *err)
{
    for (uint32_t i = 0; i < types->count; i++) {
        int at = leat_schema_find(schema, leat_text_of(types->fields[i].name));
        if (at < 0) {
            const char *names[257];
            const char *nearest;
            uint32_t known = 0;
            enum leat_status status;
            for (; known < schema->count && known < 256; known++)
                names[known] = schema->fields[known].name;
            names[known] = NULL;
            nearest = leat_nearest_name(leat_text_of(types->fields[i].name), names);
            status = leat_error_set(err, LEAT_E_CSV_COLUMNS,
                                    "option \"types\" names column \"%s\", which %s lacks",
                                    types->fields[i].name, object);
            if (nearest)
                leat_error_hint(err, "did you mean \"%s\"?", nearest);
            return status;
        }
        schema->fields[at].type = types->fields[i].type;
    }
    return LEAT_OK;
}
