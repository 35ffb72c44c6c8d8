/*
 * Files of one source. Columns are matched by name when a file is opened, so all that is kept of a
 * file is what identifies it.
 */
#include "formats/source_files.h"

enum leat_status leat_source_files_init(struct leat_source_files *files,
                                        const struct leat_file_info *infos, size_t count,
                                        const struct leat_option_value *options,
                                        size_t option_count, struct leat_arena *arena,
                                        struct leat_error *err)
{
    const struct leat_value *filename = leat_option_find(options, option_count, "filename");
    const struct leat_value *by_name = leat_option_find(options, option_count, "union_by_name");
    *files = (struct leat_source_files){.count = (uint32_t)count};
    files->filename = filename && !filename->is_null && filename->integer;
    files->union_by_name = by_name && !by_name->is_null && by_name->integer;
    files->items = LEAT_NEW_ARRAY(arena, struct leat_source_file, count);
    if (!files->items)
        return leat_error_memory(err);
    for (size_t i = 0; i < count; i++) {
        files->items[i].path = leat_arena_strdup(arena, infos[i].path);
        files->items[i].size = infos[i].size;
        files->items[i].modified = infos[i].modified;
        if (!files->items[i].path)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

int leat_source_files_find(const struct leat_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

/* Adds the columns of a further file that are new, and widens the types of the others. */
static enum leat_status unite(const struct leat_source_files *files, uint32_t i,
                              const struct leat_schema *file_schema, struct leat_arena *arena,
                              struct leat_schema *schema, struct leat_error *err)
{
    struct leat_field *fields =
        LEAT_NEW_ARRAY(arena, struct leat_field, schema->count + file_schema->count);
    if (!fields)
        return leat_error_memory(err);
    memcpy(fields, schema->fields, schema->count * sizeof(*fields));
    uint32_t count = schema->count;
    for (uint32_t j = 0; j < file_schema->count; j++) {
        const struct leat_field *field = &file_schema->fields[j];
        int known = leat_source_files_find(schema, field->name);
        if (known < 0) {
            fields[count] = *field;
            fields[count++].required = false;
            continue;
        }
        const struct leat_type *type = leat_type_unify(arena, fields[known].type, field->type);
        if (!type)
            return leat_error_set(err, LEAT_E_PARQUET_SCHEMA,
                                  "column %s of %s has another type than in %s", field->name,
                                  files->items[i].path, files->items[0].path);
        fields[known].type = type;
        fields[known].required = fields[known].required && field->required;
    }
    for (uint32_t j = 0; j < schema->count; j++) {
        if (leat_source_files_find(file_schema, fields[j].name) < 0)
            fields[j].required = false;
    }
    *schema = (struct leat_schema){count, fields};
    return LEAT_OK;
}

enum leat_status leat_source_files_merge(const struct leat_source_files *files, uint32_t i,
                                         const struct leat_schema *file_schema,
                                         struct leat_arena *arena, struct leat_schema *schema,
                                         struct leat_error *err)
{
    struct leat_schema copy;
    if (i == 0)
        return leat_schema_copy(file_schema, arena, schema, err);
    if (files->union_by_name) {
        LEAT_TRY(leat_schema_copy(file_schema, arena, &copy, err));
        return unite(files, i, &copy, arena, schema, err);
    }
    for (uint32_t j = 0; j < schema->count; j++) {
        int found = leat_source_files_find(file_schema, schema->fields[j].name);
        if (found < 0) {
            enum leat_status status =
                leat_error_set(err, LEAT_E_PARQUET_SCHEMA, "%s has no column %s, which %s has",
                               files->items[i].path, schema->fields[j].name, files->items[0].path);
            leat_error_hint(err, "read them with union_by_name => true");
            return status;
        }
        if (!file_schema->fields[found].required)
            schema->fields[j].required = false;
    }
    return LEAT_OK;
}

enum leat_status leat_source_files_complete(const struct leat_source_files *files,
                                            struct leat_arena *arena, struct leat_schema *schema,
                                            struct leat_error *err)
{
    uint32_t extra = leat_source_files_extra(files), count = schema->count;

    if (!extra)
        return LEAT_OK;
    struct leat_field *fields = LEAT_NEW_ARRAY(arena, struct leat_field, count + extra);
    if (!fields)
        return leat_error_memory(err);
    memcpy(fields, schema->fields, count * sizeof(*fields));
    if (files->filename)
        fields[count++] = (struct leat_field){
            .name = "filename", .type = leat_type_get(LEAT_TEXT), .required = true};
    if (files->origin) {
        fields[count++] =
            (struct leat_field){.name = "origin_file", .type = leat_type_get(LEAT_TEXT)};
        fields[count++] =
            (struct leat_field){.name = "origin_offset", .type = leat_type_get(LEAT_INT64)};
    }
    *schema = (struct leat_schema){count, fields};
    return LEAT_OK;
}

enum leat_status leat_source_files_put(const struct leat_source_files *files,
                                       struct leat_buffer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_put_u8(out, files->filename, err));
    LEAT_TRY(leat_buffer_put_u8(out, files->origin, err));
    LEAT_TRY(leat_buffer_put_u8(out, files->union_by_name, err));
    LEAT_TRY(leat_buffer_put_u32(out, files->count, err));
    for (uint32_t i = 0; i < files->count; i++) {
        LEAT_TRY(leat_buffer_put_string(out, files->items[i].path, err));
        LEAT_TRY(leat_buffer_put_u64(out, files->items[i].size, err));
        LEAT_TRY(leat_buffer_put_u64(out, (uint64_t)files->items[i].modified, err));
    }
    return LEAT_OK;
}

enum leat_status leat_source_files_read(struct leat_cursor *cursor, struct leat_arena *arena,
                                        struct leat_source_files *out, struct leat_error *err)
{
    uint8_t filename, origin, union_by_name;
    uint64_t modified;
    *out = (struct leat_source_files){0};
    LEAT_TRY(leat_cursor_get_u8(cursor, &filename, err));
    LEAT_TRY(leat_cursor_get_u8(cursor, &origin, err));
    LEAT_TRY(leat_cursor_get_u8(cursor, &union_by_name, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &out->count, err));
    out->filename = filename != 0;
    out->origin = origin != 0;
    out->union_by_name = union_by_name != 0;
    if (out->count > (cursor->length - cursor->position) / 20)
        return leat_error_set(err, LEAT_E_MESSAGE, "a serialised source is cut short");
    out->items = LEAT_NEW_ARRAY(arena, struct leat_source_file, out->count);
    if (!out->items)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < out->count; i++) {
        LEAT_TRY(leat_cursor_get_string(cursor, arena, &out->items[i].path, err));
        LEAT_TRY(leat_cursor_get_u64(cursor, &out->items[i].size, err));
        LEAT_TRY(leat_cursor_get_u64(cursor, &modified, err));
        out->items[i].modified = (int64_t)modified;
    }
    return LEAT_OK;
}

enum leat_status leat_source_file_open(const struct leat_source_file *file, struct leat_input **out,
                                       struct leat_error *err)
{
    struct leat_input *input;
    *out = NULL;
    LEAT_TRY(leat_file_open_input(file->path, &input, err));
    if (input->size != file->size ||
        (file->modified && input->modified && input->modified != file->modified)) {
        leat_input_close(input);
        return leat_error_set(err, LEAT_E_PARQUET_CORRUPT,
                              "%s was changed since the query was planned", file->path);
    }
    *out = input;
    return LEAT_OK;
}
