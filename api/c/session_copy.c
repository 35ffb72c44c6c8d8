/* COPY: a query's rows into a file, written by all threads where the format allows it. */
#include "api/c/session_internal.h"

#include "columns/format.h"

#include <stdlib.h>
#include <string.h>

struct copy_output {
    struct leat_result_handler base;
    const struct leat_format *format;
    struct leat_writer *writer;
    struct leat_writer **branches; /* of threads behind the first, where the format has them */
    unsigned threads;
    _Atomic uint64_t rows;
};

static enum leat_status copy_batch(struct leat_result_handler *handler,
                                   const struct leat_batch *batch, struct leat_error *err)
{
    struct copy_output *copy = (struct copy_output *)handler;

    copy->rows += batch->length;
    return copy->writer->ops->write(copy->writer, batch, err);
}

/* Each thread writes its own part of the file. */
static enum leat_status copy_batch_of(struct leat_result_handler *handler, unsigned thread,
                                      const struct leat_batch *batch, struct leat_error *err)
{
    struct copy_output *copy = (struct copy_output *)handler;
    struct leat_writer *writer = copy->writer;

    atomic_fetch_add(&copy->rows, batch->length);
    if (thread > 0) {
        if (!copy->branches[thread])
            LEAT_TRY(copy->format->branch(writer, &copy->branches[thread], err));
        writer = copy->branches[thread];
    }
    return writer->ops->write(writer, batch, err);
}

static enum leat_status copy_finish(struct copy_output *copy, struct leat_error *err)
{
    struct leat_writer *writer = copy->writer;
    struct leat_buffer receipt;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&receipt, 1 << 20);
    for (unsigned i = 0; i < copy->threads && status == LEAT_OK; i++) {
        struct leat_writer *branch = copy->branches[i];
        copy->branches[i] = NULL;
        if (branch)
            status = branch->ops->finish(branch, &receipt, err);
    }
    if (status == LEAT_OK) {
        copy->writer = NULL;
        status = writer->ops->finish(writer, &receipt, err);
    }
    leat_buffer_release(&receipt);
    return status;
}

/* An option's constant: strings, numbers, booleans and bare words. */
static enum leat_status copy_option(const struct leat_sql_property *property,
                                    struct leat_option_value *out, struct leat_error *err)
{
    const struct leat_sql_expr *value = property->value;
    int64_t integer;

    out->name = property->name.text.data;
    if (!value || value->kind == LEAT_SQL_BOOLEAN) {
        out->value = (struct leat_value){.type = leat_type_get(LEAT_BOOLEAN),
                                         .integer = value ? value->flag : 1};
    } else if (value->kind == LEAT_SQL_INTEGER &&
               leat_parse_int64(value->text.data, value->text.length, &integer)) {
        out->value = (struct leat_value){.type = leat_type_get(LEAT_INT64), .integer = integer};
    } else if (value->kind == LEAT_SQL_STRING ||
               (value->kind == LEAT_SQL_COLUMN && value->path.count == 1)) {
        out->value = (struct leat_value){.type = leat_type_get(LEAT_TEXT)};
        out->value.text = value->kind == LEAT_SQL_STRING ? value->text : value->path.parts[0].text;
    } else {
        return leat_error_set(err, LEAT_E_COPY_OPTION, "option %s takes a constant", out->name);
    }
    return LEAT_OK;
}

/* The format by option or by the file's ending; the options left over are the format's. */
static enum leat_status copy_format(const struct leat_sql_copy *copy, const char *path,
                                    struct leat_option_value *options, uint32_t *count,
                                    const struct leat_format **out, struct leat_error *err)
{
    struct leat_option_value option;
    char name[32] = "";

    *count = 0;
    *out = NULL;
    for (uint32_t i = 0; i < copy->option_count; i++) {
        LEAT_TRY(copy_option(&copy->options[i], &option, err));
        if (strcmp(option.name, "format") != 0)
            options[(*count)++] = option;
        else if (option.value.type->id == LEAT_TEXT && option.value.text.length < sizeof(name))
            for (size_t c = 0; c < option.value.text.length; c++) {
                char letter = option.value.text.data[c];
                name[c] = letter >= 'A' && letter <= 'Z' ? (char)(letter + 32) : letter;
            }
    }
    if (strcmp(name, "ndjson") == 0)
        memcpy(name, "json", 5);
    if (name[0])
        *out = leat_plan_format(name);
    for (size_t i = 0; !name[0] && !*out && leat_plan_format_at(i); i++) {
        const struct leat_format *format = leat_plan_format_at(i);
        for (const char *const *e = format->extensions; *e && !*out; e++) {
            size_t length = strlen(path), ending = strlen(*e);
            if (length > ending && strcmp(path + length - ending, *e) == 0)
                *out = format;
        }
    }
    if (*out && (*out)->create)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_COPY_OPTION, "cannot tell the format of %s", path);
    leat_error_hint(err, "say it: COPY ... TO '%s' (FORMAT csv), json, parquet or avro", path);
    return LEAT_INVALID;
}

enum leat_status session_copy(struct run *run, const struct leat_sql_copy *copy,
                              struct leat_error *err)
{
    struct leat_arena *arena = &run->owner.arena;
    struct copy_output out = {.base = {.batch = copy_batch}};
    unsigned threads = run->execute.threads ? run->execute.threads : leat_cpu_count();
    struct leat_option_value *options =
        LEAT_NEW_ARRAY(arena, struct leat_option_value, copy->option_count);
    struct leat_output *file;
    struct leat_plan *plan;
    enum leat_status status;
    const char *path;
    uint32_t count;

    if (copy->from)
        return session_copy_from(run, copy, err);
    if (copy->stdio)
        return session_copy_to_client(run, copy, err);
    out.branches = LEAT_NEW_ARRAY(arena, struct leat_writer *, threads);
    if (!options || !out.branches)
        return leat_error_memory(err);
    LEAT_TRY(session_file_path(run, copy->file, &path, err));
    LEAT_TRY(copy_format(copy, path, options, &count, &out.format, err));
    LEAT_TRY(leat_plan_query(copy->query, &run->plan_options, &run->owner, &plan, err));
    if (run->describe)
        return LEAT_OK;
    LEAT_TRY(leat_file_create(path, LEAT_CREATE_REPLACE, &file, err));
    LEAT_TRY(out.format->create(file, &plan->schema, options, count, &out.writer, err));
    if (out.format->branch) {
        out.base.batch_of = copy_batch_of;
        out.threads = threads;
    }
    status = leat_runner_execute(&run->session->runner, plan, &run->execute, &out.base, NULL, err);
    if (status == LEAT_OK)
        status = copy_finish(&out, err);
    for (unsigned i = 0; i < out.threads; i++)
        leat_writer_abort(out.branches[i]);
    leat_writer_abort(out.writer);
    return status == LEAT_OK ? session_end(run, "COPY", out.rows, err) : status;
}
