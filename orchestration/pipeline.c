/* From statements to an ordered list of datasets. What a query reads is found by walking its syntax
 * tree: names that are no dataset are tables of the lake or CTEs, and are left to the planner. */
#include "orchestration/pipeline.h"

#include "base/hash.h"

#include <stdio.h>

struct building {
    struct leat_pipeline *pipeline;
    struct leat_arena *arena;
    struct leat_dataset *current;
    uint32_t capacity;
    bool no_memory;
};

static void complain(struct building *b, const struct leat_project_file *file, uint32_t offset,
                     uint32_t length, struct leat_error *error)
{
    leat_error_at_text(error, file->path, file->script.text, file->script.length, offset, length);
    leat_project_add_error(b->pipeline->project, error);
}

struct leat_dataset *leat_pipeline_find(const struct leat_pipeline *pipeline,
                                        const struct leat_text *parts, uint32_t count)
{
    if (count == 0 || count > 3)
        return NULL;
    if (count > 1 && !leat_text_equal(parts[count - 2], leat_text_of(pipeline->project->schema)))
        return NULL;
    for (uint32_t i = 0; i < pipeline->count; i++)
        if (leat_text_equal(leat_text_of(pipeline->datasets[i]->name), parts[count - 1]))
            return pipeline->datasets[i];
    return NULL;
}

static struct leat_dataset *find_path(const struct building *b, const struct leat_sql_path *path)
{
    struct leat_text parts[8];

    for (uint32_t i = 0; i < path->count && i < 8; i++)
        parts[i] = path->parts[i].text;
    return leat_pipeline_find(b->pipeline, parts, path->count < 8 ? path->count : 0);
}

static const char *last_part(const struct leat_sql_path *path)
{
    return path->parts[path->count - 1].text.data;
}

/* --- collecting --- */

static void add_flow(struct building *b, struct leat_dataset *dataset, const struct leat_flow *flow)
{
    struct leat_flow *flows =
        LEAT_NEW_ARRAY(b->arena, struct leat_flow, (size_t)dataset->flow_count + 1);

    if (!flows) {
        b->no_memory = true;
        return;
    }
    if (dataset->flow_count)
        memcpy(flows, dataset->flows, dataset->flow_count * sizeof(*flows));
    flows[dataset->flow_count++] = *flow;
    dataset->flows = flows;
}

static void add_dataset(struct building *b, const struct leat_project_file *file,
                        const struct leat_sql_statement *statement)
{
    const struct leat_sql_create *create = &statement->create;
    struct leat_dataset *dataset = find_path(b, &create->name);
    struct leat_error error;

    if (dataset) {
        (void)leat_error_set(&error, LEAT_E_DUPLICATE_DATASET, "\"%s\" is defined twice",
                             dataset->name);
        leat_error_hint(&error, "the other definition is in %s", dataset->file->path);
        complain(b, file, create->name.offset, create->name.length, &error);
        return;
    }
    dataset = LEAT_NEW(b->arena, struct leat_dataset);
    if (!dataset || b->pipeline->count == b->capacity) {
        b->no_memory = true;
        return;
    }
    dataset->name = last_part(&create->name);
    dataset->kind = create->kind == LEAT_SQL_CREATE_STREAMING_TABLE ? LEAT_DATASET_STREAMING
                    : create->kind == LEAT_SQL_CREATE_VIEW          ? LEAT_DATASET_VIEW
                                                                    : LEAT_DATASET_MATERIALIZED;
    dataset->file = file;
    dataset->statement = statement;
    dataset->create = create;
    b->pipeline->datasets[b->pipeline->count++] = dataset;
    if (create->query)
        add_flow(b, dataset,
                 &(struct leat_flow){.name = dataset->name,
                                     .file = file,
                                     .query = create->query,
                                     .by_name = true,
                                     .offset = statement->offset});
}

static void take_flow(struct building *b, const struct leat_project_file *file,
                      const struct leat_sql_statement *statement)
{
    const struct leat_sql_flow *flow = &statement->flow;
    struct leat_dataset *dataset = find_path(b, &flow->target);
    struct leat_error error;

    if (!dataset || dataset->kind != LEAT_DATASET_STREAMING) {
        (void)leat_error_set(&error, LEAT_E_FLOW_TARGET, "flow \"%s\" writes into \"%s\", which %s",
                             last_part(&flow->name), last_part(&flow->target),
                             dataset ? "is no streaming table" : "is not declared");
        leat_error_hint(&error, "declare it: CREATE STREAMING TABLE %s", last_part(&flow->target));
        complain(b, file, flow->target.offset, flow->target.length, &error);
        return;
    }
    add_flow(b, dataset,
             &(struct leat_flow){.name = last_part(&flow->name),
                                 .file = file,
                                 .query = flow->query,
                                 .by_name = flow->by_name,
                                 .once = flow->once,
                                 .offset = statement->offset});
}

static void take_test(struct building *b, const struct leat_project_file *file,
                      const struct leat_sql_test *test)
{
    struct leat_pipeline *p = b->pipeline;

    if (p->test_count == b->capacity) {
        b->no_memory = true;
        return;
    }
    p->tests[p->test_count] = test;
    p->test_files[p->test_count++] = file;
}

/* USE and SET CATALOG may name only what spark-pipeline.yml names. */
static void check_use(struct building *b, const struct leat_project_file *file,
                      const struct leat_sql_set *set)
{
    const struct leat_project *project = b->pipeline->project;
    const char *name = set->name.parts[0].text.data;
    const char *own = strcmp(name, "schema") == 0    ? project->schema
                      : strcmp(name, "catalog") == 0 ? project->catalog
                                                     : NULL;
    struct leat_error error;

    if (project->dialect != LEAT_SQL_SPARK || set->name.count != 1 || !own ||
        leat_text_equal_nocase(set->value, leat_text_of(own)))
        return;
    (void)leat_error_set(&error, LEAT_E_DIALECT,
                         "USE of another %s than the pipeline's \"%s\" is not carried over", name,
                         own);
    leat_error_hint(&error, "write tables of others with their schema: %.*s.table",
                    (int)set->value.length, set->value.data);
    complain(b, file, set->name.offset, set->name.length, &error);
}

static void collect(struct building *b, bool flows)
{
    struct leat_project *project = b->pipeline->project;

    for (uint32_t f = 0; f < project->file_count; f++) {
        const struct leat_project_file *file = &project->files[f];
        for (uint32_t s = 0; s < file->script.count; s++) {
            const struct leat_sql_statement *statement = file->script.statements[s];
            bool create = statement->kind == LEAT_SQL_STATEMENT_CREATE &&
                          statement->create.kind != LEAT_SQL_CREATE_TABLE;
            if (!flows && statement->kind == LEAT_SQL_STATEMENT_SET)
                check_use(b, file, &statement->set);
            if (flows && statement->kind == LEAT_SQL_STATEMENT_FLOW) {
                take_flow(b, file, statement);
            } else if (!flows && create) {
                add_dataset(b, file, statement);
            } else if (!flows && statement->kind == LEAT_SQL_STATEMENT_TEST) {
                take_test(b, file, &statement->test);
            } else if (!flows && !create && statement->kind != LEAT_SQL_STATEMENT_SET &&
                       statement->kind != LEAT_SQL_STATEMENT_FLOW) {
                struct leat_error error;
                (void)leat_error_set(&error, LEAT_E_PIPELINE_STATEMENT,
                                     "this statement has no place in a pipeline");
                leat_error_hint(&error, "run it with `leat query`");
                complain(b, file, statement->offset, 0, &error);
            }
        }
    }
}

/* --- what queries read --- */

static void walk_query(struct building *b, const struct leat_sql_query *query);

static void note_input(struct building *b, const struct leat_sql_path *path, bool stream)
{
    struct leat_dataset *input = find_path(b, path), *current = b->current;
    struct leat_dataset **inputs;
    bool *streamed;

    if (!input)
        return;
    for (uint32_t i = 0; i < current->input_count; i++)
        if (current->inputs[i] == input) {
            current->streamed[i] |= stream;
            return;
        }
    inputs = LEAT_NEW_ARRAY(b->arena, struct leat_dataset *, (size_t)current->input_count + 1);
    streamed = LEAT_NEW_ARRAY(b->arena, bool, (size_t)current->input_count + 1);
    if (!inputs || !streamed) {
        b->no_memory = true;
        return;
    }
    if (current->input_count) {
        memcpy(inputs, current->inputs, current->input_count * sizeof(*inputs));
        memcpy(streamed, current->streamed, current->input_count * sizeof(*streamed));
    }
    streamed[current->input_count] = stream;
    inputs[current->input_count++] = input;
    current->inputs = inputs;
    current->streamed = streamed;
}

static void walk_expr(struct building *b, const struct leat_sql_expr *expr)
{
    if (!expr)
        return;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        walk_expr(b, expr->args[i]);
    if (expr->query)
        walk_query(b, expr->query);
    if (expr->call) {
        for (uint32_t i = 0; i < expr->call->args.count; i++)
            walk_expr(b, expr->call->args.items[i]);
        walk_expr(b, expr->call->filter);
    }
}

static void walk_from(struct building *b, const struct leat_sql_from *from)
{
    if (!from)
        return;
    if (from->kind == LEAT_SQL_FROM_TABLE)
        note_input(b, &from->path, from->stream);
    if (from->query)
        walk_query(b, from->query);
    walk_from(b, from->left);
    walk_from(b, from->right);
    walk_expr(b, from->on);
}

static void walk_body(struct building *b, const struct leat_sql_body *body)
{
    if (!body)
        return;
    walk_body(b, body->left);
    walk_body(b, body->right);
    if (body->nested)
        walk_query(b, body->nested);
    for (uint32_t r = 0; r < body->row_count; r++)
        for (uint32_t i = 0; i < body->rows[r].count; i++)
            walk_expr(b, body->rows[r].items[i]);
    if (!body->select)
        return;
    for (uint32_t i = 0; i < body->select->from_count; i++)
        walk_from(b, body->select->from[i]);
    for (uint32_t i = 0; i < body->select->item_count; i++)
        walk_expr(b, body->select->items[i].expr);
    walk_expr(b, body->select->where);
    walk_expr(b, body->select->having);
    walk_expr(b, body->select->qualify);
}

static void walk_query(struct building *b, const struct leat_sql_query *query)
{
    for (uint32_t i = 0; i < query->cte_count; i++)
        walk_query(b, query->ctes[i].query);
    walk_body(b, query->body);
}

/* --- order --- */

enum { MARK_NEW, MARK_OPEN, MARK_DONE };

/* Depth-first: inputs before their readers. */
static void visit(struct building *b, struct leat_dataset *dataset, struct leat_dataset **order,
                  uint32_t *count, unsigned depth)
{
    struct leat_error error;

    if (dataset->mark == MARK_DONE)
        return;
    if (dataset->mark == MARK_OPEN || depth > 1000) {
        (void)leat_error_set(&error, LEAT_E_CYCLE, "\"%s\" depends on itself", dataset->name);
        complain(b, dataset->file, dataset->create->name.offset, dataset->create->name.length,
                 &error);
        return;
    }
    dataset->mark = MARK_OPEN;
    for (uint32_t i = 0; i < dataset->input_count; i++)
        visit(b, dataset->inputs[i], order, count, depth + 1);
    dataset->mark = MARK_DONE;
    order[(*count)++] = dataset;
}

/* The texts of the statements that define a dataset, hashed. */
static enum leat_status fingerprint(struct leat_dataset *dataset, struct leat_error *err)
{
    struct leat_buffer text;
    enum leat_status status;

    leat_buffer_init(&text, 0);
    status = leat_buffer_append(&text, dataset->file->script.text + dataset->statement->offset,
                                dataset->statement->length, err);
    for (uint32_t i = 0; i < dataset->flow_count && status == LEAT_OK; i++)
        status = leat_buffer_append(
            &text, dataset->flows[i].file->script.text + dataset->flows[i].query->offset,
            dataset->flows[i].query->length, err);
    if (status == LEAT_OK)
        leat_hash_sha256_hex(text.data, text.length, dataset->definition);
    leat_buffer_release(&text);
    return status;
}

static enum leat_status build(struct building *b, struct leat_error *err)
{
    struct leat_pipeline *p = b->pipeline;
    struct leat_dataset **order;
    uint32_t count = 0;

    for (uint32_t f = 0; f < p->project->file_count; f++)
        b->capacity += p->project->files[f].script.count;
    p->datasets = LEAT_NEW_ARRAY(b->arena, struct leat_dataset *, b->capacity);
    p->tests = LEAT_NEW_ARRAY(b->arena, const struct leat_sql_test *, b->capacity);
    p->test_files = LEAT_NEW_ARRAY(b->arena, const struct leat_project_file *, b->capacity);
    order = LEAT_NEW_ARRAY(b->arena, struct leat_dataset *, b->capacity);
    if (!p->datasets || !p->tests || !p->test_files || !order)
        return leat_error_memory(err);
    collect(b, false);
    collect(b, true);
    for (uint32_t i = 0; i < p->count; i++) {
        b->current = p->datasets[i];
        for (uint32_t f = 0; f < b->current->flow_count; f++)
            walk_query(b, b->current->flows[f].query);
        LEAT_TRY(fingerprint(b->current, err));
    }
    if (b->no_memory)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < p->count; i++)
        visit(b, p->datasets[i], order, &count, 0);
    p->datasets = order;
    p->count = count;
    if (p->project->error_count > 0) {
        *err = p->project->errors[0];
        return err->status;
    }
    return LEAT_OK;
}

enum leat_status leat_pipeline_build(struct leat_project *project, struct leat_pipeline *out,
                                     struct leat_error *err)
{
    struct building b = {.pipeline = out, .arena = &project->arena};

    memset(out, 0, sizeof(*out));
    out->project = project;
    return build(&b, err);
}
