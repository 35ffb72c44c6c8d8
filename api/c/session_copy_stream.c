/* COPY with the client's own stream, and COPY FROM a file: rows in PostgreSQL's text or CSV form.
 */
#include "api/c/copy_text.h"
#include "api/c/session_internal.h"

/* --- out --- */

struct stream_output {
    struct leat_result_handler base;
    struct leat_session_output *output;
    const struct leat_copy_form *form;
    struct leat_buffer bytes, cell;
    uint64_t rows;
};

static enum leat_status put_batch(struct leat_result_handler *handler,
                                  const struct leat_batch *batch, struct leat_error *err)
{
    struct stream_output *out = (struct stream_output *)handler;

    out->rows += batch->length;
    for (uint32_t r = 0; r < batch->length; r++) { /* clients expect one row at a time */
        LEAT_TRY(leat_copy_put_row(out->form, batch, r, &out->cell, &out->bytes, err));
        LEAT_TRY(
            out->output->copy_out(out->output, out->bytes.data, out->bytes.length, false, err));
        out->bytes.length = 0;
    }
    return LEAT_OK;
}

static enum leat_status copy_out(struct run *run, const struct leat_plan *plan,
                                 struct stream_output *out, struct leat_error *err)
{
    LEAT_TRY(out->output->copy(out->output, false, plan->schema.count, err));
    LEAT_TRY(leat_copy_put_header(out->form, &plan->schema, &out->bytes, err));
    LEAT_TRY(out->output->copy_out(out->output, out->bytes.data, out->bytes.length, false, err));
    out->bytes.length = 0;
    LEAT_TRY(
        leat_runner_execute(&run->session->runner, plan, &run->execute, &out->base, NULL, err));
    return out->output->copy_out(out->output, out->bytes.data, out->bytes.length, true, err);
}

static enum leat_status no_stream(struct run *run, const struct leat_sql_copy *copy,
                                  struct leat_error *err)
{
    (void)leat_error_set(err, LEAT_E_UNSUPPORTED, "there is no client to copy %s here",
                         copy->from ? "from" : "to");
    leat_error_at_text(err, run->script->name, run->script->text, run->script->length,
                       copy->file_offset, copy->file_length);
    leat_error_hint(err, "name a file in single quotes; with leat serve, psql has \\copy");
    return LEAT_UNSUPPORTED;
}

enum leat_status session_copy_to_client(struct run *run, const struct leat_sql_copy *copy,
                                        struct leat_error *err)
{
    struct leat_copy_form form;
    struct stream_output out = {.base = {.batch = put_batch}, .output = run->output, .form = &form};
    struct leat_plan *plan;
    enum leat_status status;

    if (!run->output->copy_out)
        return no_stream(run, copy, err);
    LEAT_TRY(leat_copy_form_read(copy, &form, err));
    LEAT_TRY(leat_plan_query(copy->query, &run->plan_options, &run->owner, &plan, err));
    if (run->describe)
        return LEAT_OK;
    leat_buffer_init(&out.bytes, 0);
    leat_buffer_init(&out.cell, 0);
    status = copy_out(run, plan, &out, err);
    leat_buffer_release(&out.bytes);
    leat_buffer_release(&out.cell);
    return status == LEAT_OK ? session_end(run, "COPY", out.rows, err) : status;
}

/* --- in --- */

struct client_input {
    struct leat_copy_input base;
    struct leat_session_output *output;
    bool ended;
};

static enum leat_status next_from_client(struct leat_copy_input *base, struct leat_text *out,
                                         struct leat_error *err)
{
    struct client_input *input = (struct client_input *)base;

    LEAT_TRY(input->output->copy_in(input->output, out, err));
    input->ended = out->length == 0;
    return LEAT_OK;
}

struct file_input {
    struct leat_copy_input base;
    struct leat_input *file;
    uint64_t offset;
    uint8_t bytes[65536];
};

static enum leat_status next_from_file(struct leat_copy_input *base, struct leat_text *out,
                                       struct leat_error *err)
{
    struct file_input *input = (struct file_input *)base;
    uint64_t left = input->file->size - input->offset;
    size_t length = left < sizeof(input->bytes) ? (size_t)left : sizeof(input->bytes);

    *out = (struct leat_text){(const char *)input->bytes, length};
    if (length > 0)
        LEAT_TRY(leat_input_read_exact(input->file, input->offset, input->bytes, length, err));
    input->offset += length;
    return LEAT_OK;
}

/* One table for every name: the source of what is copied in. */
struct copy_catalog {
    struct leat_catalog base;
    struct leat_source *source; /* taken by the first who asks */
    const char *name;
};

static enum leat_status find_source(struct leat_catalog *base, const struct leat_text *parts,
                                    uint32_t count, struct leat_arena *arena,
                                    struct leat_relation *out, struct leat_error *err)
{
    struct copy_catalog *catalog = (struct copy_catalog *)base;

    (void)parts;
    (void)count;
    (void)arena;
    memset(out, 0, sizeof(*out));
    if (!catalog->source)
        return leat_error_internal(err, "COPY reads its input twice");
    out->kind = LEAT_RELATION_TABLE;
    out->name = catalog->name;
    out->source = catalog->source;
    catalog->source = NULL;
    return LEAT_OK;
}

static enum leat_status list_nothing(struct leat_catalog *catalog, struct leat_bytes_list *out,
                                     struct leat_error *err)
{
    (void)catalog;
    (void)out;
    (void)err;
    return LEAT_OK;
}

static const struct leat_catalog_ops copy_ops = {.find = find_source, .list = list_nothing};

/* The table's columns, or those that are listed. */
static enum leat_status copied_columns(struct run *run, const struct leat_sql_copy *copy,
                                       const struct leat_schema *table, struct leat_schema *out,
                                       struct leat_error *err)
{
    *out = *table;
    if (copy->columns.count == 0)
        return LEAT_OK;
    out->count = copy->columns.count;
    out->fields = LEAT_NEW_ARRAY(&run->owner.arena, struct leat_field, out->count);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < out->count; i++) {
        const struct leat_sql_name *name = &copy->columns.items[i];
        int at = leat_schema_find(table, name->text);
        if (at < 0) {
            (void)leat_error_set(err, LEAT_E_TABLE_COLUMN, "the table has no column \"%s\"",
                                 name->text.data);
            leat_error_at_text(err, run->script->name, run->script->text, run->script->length,
                               name->offset, name->length);
            return LEAT_INVALID;
        }
        out->fields[i] = table->fields[at];
    }
    return LEAT_OK;
}

static enum leat_status copy_in(struct run *run, const struct leat_sql_copy *copy,
                                struct leat_copy_input *input, struct leat_error *err)
{
    struct copy_catalog catalog = {.base = {.ops = &copy_ops}};
    struct leat_copy_form *form = LEAT_NEW(&run->owner.arena, struct leat_copy_form);
    struct leat_schema columns;
    struct leat_relation relation;
    struct leat_text *parts;
    struct leat_plan *plan;
    enum leat_status status;

    if (!form)
        return leat_error_memory(err);
    LEAT_TRY(leat_copy_form_read(copy, form, err));
    LEAT_TRY(session_open_target(run, &copy->target, "nothing can be copied into it", &parts,
                                 &relation, err));
    LEAT_TRY(copied_columns(run, copy, &relation.source->schema, &columns, err));
    if (run->describe)
        return LEAT_OK;
    if (copy->stdio)
        LEAT_TRY(run->output->copy(run->output, true, columns.count, err));
    catalog.name = relation.name;
    LEAT_TRY(leat_copy_source_open(form, &columns, relation.name, input, &catalog.source, err));
    run->plan_options.catalog = &catalog.base;
    status = leat_plan_query(copy->query, &run->plan_options, &run->owner, &plan, err);
    run->plan_options.catalog = run->session->catalog;
    leat_source_close(catalog.source);
    LEAT_TRY(status);
    return session_append(run, &copy->target, &relation.source->schema, plan, true, "COPY", err);
}

enum leat_status session_copy_from(struct run *run, const struct leat_sql_copy *copy,
                                   struct leat_error *err)
{
    struct client_input client = {.base = {.next = next_from_client}, .output = run->output};
    struct file_input *file;
    enum leat_status status;
    const char *path;

    if (copy->stdio)
        return run->output->copy_in ? copy_in(run, copy, &client.base, err)
                                    : no_stream(run, copy, err);
    file = LEAT_NEW(&run->owner.arena, struct file_input);
    if (!file)
        return leat_error_memory(err);
    LEAT_TRY(session_file_path(run, copy->file, &path, err));
    file->base.next = next_from_file;
    LEAT_TRY(leat_file_open_input(path, &file->file, err));
    status = copy_in(run, copy, &file->base, err);
    leat_input_close(file->file);
    return status;
}
