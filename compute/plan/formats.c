/*
 * File formats and calls of files in FROM. The table of formats gives read_csv and its like, COPY
 * and FROM 'file' their meaning; read_files and plain files take the format from an option, the
 * extension, or the first bytes.
 */
#include "columns/format.h"
#include "compute/plan/planner.h"
#include "formats/avro/avro.h"
#include "formats/csv/csv.h"
#include "formats/json/json.h"
#include "formats/parquet/reader.h"
#include <stdlib.h>

static const struct leat_format *const formats[] = {
    &leat_csv_format,
    &leat_json_format,
    &leat_parquet_format,
    &leat_avro_format,
};
#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

const struct leat_format *leat_plan_format(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (leat_text_equal_nocase(leat_text_of(formats[i]->name), leat_text_of(name)))
            return formats[i];
    return NULL;
}

const struct leat_format *leat_plan_format_at(size_t index)
{
    return index < FORMAT_COUNT ? formats[index] : NULL;
}

/* --- arguments --- */
struct reading {
    const struct leat_plan_options *options;
    struct leat_arena *arena;
    struct leat_error *err;
};

static enum leat_status bad(struct reading *r, const struct leat_sql_expr *at, const char *message)
{
    leat_error_set(r->err, LEAT_E_WRONG_ARGUMENT, "%s", message);
    if (r->err && r->options->source.text)
        leat_error_at_text(r->err, r->options->source.name, r->options->source.text,
                           r->options->source.length, at->offset, at->length);
    return LEAT_INVALID;
}

/* Row 0 of a list or map whose items are texts. */
static enum leat_status text_items(struct reading *r, struct leat_sql_expr *const *items,
                                   uint32_t count, uint32_t step, struct leat_vector *out)
{
    uint32_t rows = count / step;

    LEAT_TRY(leat_vector_init(out, leat_type_get(LEAT_TEXT), rows ? rows : 1, 0, r->arena, r->err));
    for (uint32_t i = 0; i < rows; i++) {
        const struct leat_sql_expr *item = items[i * step];
        struct leat_text text = item->text;
        if (item->kind == LEAT_SQL_COLUMN && item->path.count == 1)
            text = item->path.parts[0].text;
        else if (item->kind != LEAT_SQL_STRING && item->kind != LEAT_SQL_INTEGER &&
                 item->kind != LEAT_SQL_DECIMAL)
            return bad(r, item, "items of a list or map here are texts in single quotes");
        ((struct leat_string *)out->data)[i] = leat_string_of(text.data, text.length);
    }
    out->length = rows;
    return LEAT_OK;
}

static enum leat_status nested_value(struct reading *r, const struct leat_sql_expr *expr,
                                     struct leat_value *out)
{
    const struct leat_type *text = leat_type_get(LEAT_TEXT);
    bool map = expr->kind == LEAT_SQL_MAP;
    struct leat_vector *vector = LEAT_NEW(r->arena, struct leat_vector);
    struct leat_list_entry *entry;

    out->type = map ? leat_type_map(r->arena, text, text) : leat_type_list(r->arena, text);
    if (!vector || !out->type)
        return leat_error_memory(r->err);
    LEAT_TRY(leat_vector_init(vector, out->type, 1, expr->arg_count + 1, r->arena, r->err));
    vector->length = 1;
    entry = vector->data;
    entry->offset = 0;
    entry->length = map ? expr->arg_count / 2 : expr->arg_count;
    LEAT_TRY(text_items(r, expr->args, expr->arg_count, map ? 2 : 1, &vector->children[0]));
    if (map)
        LEAT_TRY(text_items(r, expr->args + 1, expr->arg_count, 2, &vector->children[1]));
    out->nested = vector;
    return LEAT_OK;
}

/* Literals as they are; anything else is computed. */
static enum leat_status argument_value(struct reading *r, const struct leat_sql_expr *expr,
                                       struct leat_value *out)
{
    struct leat_schema none = {0};
    struct leat_expr *bound;

    *out = (struct leat_value){0};
    if (expr->kind == LEAT_SQL_STRING) {
        out->type = leat_type_get(LEAT_TEXT);
        out->text = expr->text;
        return LEAT_OK;
    }
    if (expr->kind == LEAT_SQL_ARRAY || expr->kind == LEAT_SQL_MAP)
        return nested_value(r, expr, out);
    LEAT_TRY(leat_plan_expression(expr, &none, false, r->options, r->arena, &bound, r->err));
    if (bound->kind == LEAT_EXPR_CONSTANT) {
        *out = bound->constant;
        return LEAT_OK;
    }
    return leat_expr_fold(bound, r->arena, out, r->err);
}

static enum leat_status add_pattern(struct reading *r, struct leat_file_call *call,
                                    struct leat_text text)
{
    const char *name = leat_arena_copy(r->arena, text.data, text.length);
    if (name && r->options->folder)
        name = leat_path_join(r->arena, r->options->folder, name);
    if (!name)
        return leat_error_memory(r->err);
    call->patterns[call->pattern_count++] = name;
    return LEAT_OK;
}

static enum leat_status add_patterns(struct reading *r, const struct leat_sql_expr *expr,
                                     struct leat_file_call *call)
{
    uint32_t count = expr->kind == LEAT_SQL_ARRAY ? expr->arg_count : 1;

    call->patterns = LEAT_NEW_ARRAY(r->arena, const char *, count + 1);
    if (!call->patterns)
        return leat_error_memory(r->err);
    for (uint32_t i = 0; i < count; i++) {
        const struct leat_sql_expr *item = expr->kind == LEAT_SQL_ARRAY ? expr->args[i] : expr;
        struct leat_value value;
        LEAT_TRY(argument_value(r, item, &value));
        if (value.is_null || value.type->id != LEAT_TEXT)
            return bad(r, item, "a file name is a text in single quotes");
        LEAT_TRY(add_pattern(r, call, value.text));
    }
    if (!count)
        return bad(r, expr, "the list of files is empty");
    return LEAT_OK;
}

static bool is_file_function(const char *name)
{
    return strcmp(name, "read_files") == 0 ||
           (strncmp(name, "read_", 5) == 0 && leat_plan_format(name + 5));
}

enum leat_status leat_plan_file_call(const struct leat_sql_from *from,
                                     const struct leat_plan_options *options,
                                     struct leat_arena *arena, struct leat_file_call *out,
                                     struct leat_error *err)
{
    struct reading r = {options, arena, err};
    const struct leat_sql_call *call;
    struct leat_sql_path path;

    *out = (struct leat_file_call){.function = "read_files",
                                   .origin = options->origin != NULL,
                                   .offset = from->offset,
                                   .length = from->length};
    if (from->kind == LEAT_SQL_FROM_FILE) {
        out->patterns = LEAT_NEW_ARRAY(arena, const char *, 1);
        return out->patterns ? add_pattern(&r, out, from->file) : leat_error_memory(err);
    }
    if (from->kind != LEAT_SQL_FROM_FUNCTION)
        return LEAT_NOT_FOUND;
    call = from->function->call;
    path = call->function;
    out->function = path.parts[path.count - 1].text.data;
    if (!is_file_function(out->function))
        return LEAT_NOT_FOUND;
    out->offset = from->function->offset;
    out->length = from->function->length;
    out->options = LEAT_NEW_ARRAY(arena, struct leat_option_value, call->args.count + 1);
    if (!out->options)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < call->args.count; i++) {
        const struct leat_sql_expr *arg = call->args.items[i];
        struct leat_text name = call->arg_names ? call->arg_names[i].text : (struct leat_text){0};
        if (!name.data || strcmp(name.data, "path") == 0) {
            if (out->pattern_count)
                return bad(&r, arg,
                           "further arguments have names: header => true; several files "
                           "are a list: ['a.csv', 'b.csv']");
            LEAT_TRY(add_patterns(&r, arg, out));
            continue;
        }
        out->options[out->option_count].name = name.data;
        LEAT_TRY(argument_value(&r, arg, &out->options[out->option_count].value));
        out->option_count++;
    }
    if (!out->pattern_count)
        return bad(&r, from->function, "a file, folder or pattern is needed as first argument");
    return LEAT_OK;
}

/* --- files --- */
static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct leat_file_info *)a)->path,
                  ((const struct leat_file_info *)b)->path);
}

static enum leat_status no_files(const char *pattern, struct leat_error *err)
{
    struct leat_file_info info;

    if (leat_file_is_glob(pattern))
        return leat_error_set(err, LEAT_E_NO_FILES, "no file matches \"%s\"", pattern);
    if (leat_file_stat(pattern, &info, NULL) == LEAT_OK && info.kind == LEAT_FILE_FOLDER)
        return leat_error_set(err, LEAT_E_NO_FILES, "the folder \"%s\" holds no files", pattern);
    return leat_error_set(err, LEAT_E_FILE_NOT_FOUND, "there is no file \"%s\"", pattern);
}

enum leat_status leat_plan_file_list(const struct leat_file_call *call, struct leat_file_list *out,
                                     struct leat_error *err)
{
    *out = (struct leat_file_list){0};
    for (uint32_t p = 0; p < call->pattern_count; p++) {
        struct leat_file_list more;
        struct leat_file_info *items;
        enum leat_status status = leat_file_glob(call->patterns[p], &more, err);
        if (!status && !more.count) {
            status = no_files(call->patterns[p], err);
            leat_file_list_release(&more);
        }
        if (status) {
            leat_file_list_release(out);
            *out = (struct leat_file_list){0};
            return status;
        }
        if (p == 0) {
            *out = more;
            continue;
        }
        items = LEAT_NEW_ARRAY(&out->arena, struct leat_file_info, out->count + more.count);
        if (!items) {
            leat_file_list_release(&more);
            leat_file_list_release(out);
            *out = (struct leat_file_list){0};
            return leat_error_memory(err);
        }
        memcpy(items, out->items, out->count * sizeof(*items));
        memcpy(items + out->count, more.items, more.count * sizeof(*items));
        leat_arena_adopt(&out->arena, &more.arena);
        out->items = items;
        out->count += more.count;
        qsort(items, out->count, sizeof(*items), compare_files);
    }
    return LEAT_OK;
}

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path), end_length = strlen(end);
    return length > end_length &&
           leat_text_equal_nocase((struct leat_text){path + length - end_length, end_length},
                                  (struct leat_text){end, end_length});
}

static const struct leat_format *format_of_name(const char *path)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        for (const char *const *e = formats[i]->extensions; *e; e++)
            if (ends_with(path, *e))
                return formats[i];
    return NULL;
}

static enum leat_status format_of_content(const char *path, const struct leat_format **out,
                                          struct leat_error *err)
{
    uint8_t head[4096];
    size_t length = 0;
    struct leat_input *input = NULL;
    enum leat_status status;

    *out = NULL;
    LEAT_TRY(leat_file_open_input(path, &input, err));
    status = input->ops->read_at(input, 0, head, sizeof(head), &length, err);
    leat_input_close(input);
    if (status)
        return status;
    for (size_t i = FORMAT_COUNT; i-- > 0 && !*out;) /* CSV, which takes any text, last */
        if (formats[i]->recognise(head, length))
            *out = formats[i];
    return LEAT_OK;
}

static enum leat_status unknown_format(const char *what, const char *name, struct leat_error *err)
{
    const char *names[FORMAT_COUNT + 1] = {NULL};
    const char *near;

    for (size_t i = 0; i < FORMAT_COUNT; i++)
        names[i] = formats[i]->name;
    near = leat_nearest_name(leat_text_of(name), names);
    leat_error_set(err, LEAT_E_UNKNOWN_FORMAT, "%s \"%s\"", what, name);
    if (near)
        leat_error_hint(err, "did you mean '%s'?", near);
    else
        leat_error_hint(err, "formats are csv, json, parquet and avro: format => 'csv'");
    return LEAT_INVALID;
}

static bool has_option(const struct leat_format *format, const char *name)
{
    for (const struct leat_option *option = format->read_options; option->name; option++)
        if (strcmp(option->name, name) == 0)
            return true;
    return false;
}

enum leat_status leat_plan_open_files(const struct leat_file_call *call,
                                      const struct leat_file_info *files, size_t count,
                                      struct leat_source **out, struct leat_error *err)
{
    const struct leat_format *format = NULL;
    struct leat_option_value rest[64];
    size_t rest_count = 0;
    bool any = strcmp(call->function, "read_files") == 0;

    *out = NULL;
    if (call->option_count > 63)
        return leat_error_set(err, LEAT_E_WRONG_ARGUMENT, "more than 63 options");
    if (!count)
        return leat_error_set(err, LEAT_E_NO_FILES, "there are no files to read");
    for (uint32_t i = 0; i < call->option_count; i++) {
        const struct leat_option_value *option = &call->options[i];
        if (any && strcmp(option->name, "format") == 0 && option->value.type->id == LEAT_TEXT &&
            !option->value.is_null) {
            char name[32];
            size_t length = option->value.text.length < 31 ? option->value.text.length : 31;
            memcpy(name, option->value.text.data, length);
            name[length] = 0;
            format = leat_plan_format(name);
            if (!format)
                return unknown_format("there is no file format", name, err);
        } else {
            rest[rest_count++] = *option;
        }
    }
    if (!any)
        format = leat_plan_format(call->function + 5);
    if (!format)
        format = format_of_name(files[0].path);
    if (!format)
        LEAT_TRY(format_of_content(files[0].path, &format, err));
    if (!format)
        return unknown_format("the format cannot be told from the name or content of",
                              files[0].path, err);
    if (call->origin && has_option(format, "origin"))
        rest[rest_count++] = (struct leat_option_value){
            .name = "origin", .value = {.type = leat_type_get(LEAT_BOOLEAN), .integer = 1}};
    return format->open(files, count, rest, rest_count, out, err);
}
