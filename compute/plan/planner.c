/*
 * The planner's entry points: bind, optimize, lower; and what the statements around a query need:
 * expressions over a schema, and rows brought to a table's types.
 */
#include "compute/plan/planner_internal.h"
#include "columns/format.h"

static void planner_init(struct planner *pl, const struct leat_plan_options *options,
                         struct leat_plan_owner *owner, struct leat_arena *arena,
                         struct leat_error *err)
{
    *pl = (struct planner){
        .options = options, .owner = owner, .arena = arena, .source = options->source, .err = err};
}

/* The columns that say where rows come from, if they reach the top. */
static bool add_origin(struct planner *pl, struct bound_query *query)
{
    static const char *const names[] = {"origin_file", "origin_offset"};
    struct idset outputs = {0};
    struct output *more;

    if (!pl->options->origin)
        return true;
    *pl->options->origin = false;
    if (!pl->has_origin)
        return true;
    if (!node_outputs(pl, query->node, &outputs))
        return false;
    if (!idset_has(&outputs, pl->origin[0]) || !idset_has(&outputs, pl->origin[1]))
        return true;
    more = plan_alloc(pl, (query->count + 2u) * sizeof(*more));
    if (!more)
        return false;
    memcpy(more, query->outputs, query->count * sizeof(*more));
    for (uint32_t i = 0; i < 2; i++)
        more[query->count + i] =
            (struct output){.name = leat_text_of(names[i]), .id = pl->origin[i]};
    query->outputs = more;
    query->count += 2;
    *pl->options->origin = true;
    return true;
}

enum leat_status leat_plan_query(const struct leat_sql_query *query,
                                 const struct leat_plan_options *options,
                                 struct leat_plan_owner *owner, struct leat_plan **out,
                                 struct leat_error *err)
{
    struct leat_error local;
    struct planner pl;
    struct bound_query bound;
    struct node *node;

    *out = NULL;
    if (!err)
        err = &local;
    leat_error_clear(err);
    planner_init(&pl, options, owner, &owner->arena, err);
    if (bind_query(&pl, query, NULL, &bound) && add_origin(&pl, &bound)) {
        node = optimize(&pl, bound.node);
        if (node)
            *out = lower_query(&pl, node, bound.outputs, bound.count);
    }
    if (!*out && err->status == LEAT_OK)
        return leat_error_internal(err, "the planner failed without a reason");
    return *out ? LEAT_OK : err->status;
}

enum leat_status leat_plan_expression(const struct leat_sql_expr *expression,
                                      const struct leat_schema *schema, bool boolean,
                                      const struct leat_plan_options *options,
                                      struct leat_arena *arena, struct leat_expr **out,
                                      struct leat_error *err)
{
    struct leat_error local;
    struct planner pl;
    struct scope scope = {0};
    struct binding b = {.pl = &pl, .scope = &scope, .clause = CLAUSE_EXPRESSION};
    struct output *outputs;

    *out = NULL;
    if (!err)
        err = &local;
    leat_error_clear(err);
    planner_init(&pl, options, NULL, arena, err);
    outputs = plan_alloc(&pl, (schema->count + 1u) * sizeof(*outputs));
    if (!outputs)
        return err->status;
    for (uint32_t i = 0; i < schema->count; i++) { /* numbers are positions here */
        uint32_t id = new_column(&pl, schema->fields[i].name, schema->fields[i].type);
        if (id == UINT32_MAX)
            return err->status;
        outputs[i] = (struct output){.name = leat_text_of(schema->fields[i].name), .id = id};
    }
    if (!scope_add(&pl, &scope, leat_text_of(""), NULL, outputs, schema->count))
        return err->status;
    *out = boolean ? bind_condition(&b, expression, "the condition")
                   : decide(&pl, bind_expr(&b, expression));
    return *out ? LEAT_OK : err->status;
}

/* --- bringing rows to a table's types --- */
/* A text literal of the query becomes a value of the column's type, as if it had been written
 * there. */
static bool retype_literals(struct planner *pl, struct leat_plan *plan, uint32_t column,
                            const struct leat_type *type, bool *done)
{
    uint32_t rows = plan->kind == LEAT_PLAN_VALUES ? plan->values.row_count : 1;

    *done = false;
    if (plan->kind != LEAT_PLAN_VALUES && plan->kind != LEAT_PLAN_PROJECT)
        return true;
    for (uint32_t r = 0; r < rows; r++) {
        const struct leat_expr *cell = plan->kind == LEAT_PLAN_VALUES ? plan->values.rows[r][column]
                                                                      : plan->project.exprs[column];
        if (cell->kind != LEAT_EXPR_CONSTANT || cell->type->id != LEAT_TEXT)
            return true;
    }
    for (uint32_t r = 0; r < rows; r++) {
        struct leat_expr **cell = plan->kind == LEAT_PLAN_VALUES ? &plan->values.rows[r][column]
                                                                 : &plan->project.exprs[column];
        struct leat_expr *literal = expr_new(pl, LEAT_EXPR_CONSTANT, &planner_unknown, 0);
        if (!literal)
            return false;
        literal->constant = (*cell)->constant;
        literal->column = (*cell)->column;
        literal->offset = (*cell)->offset;
        literal->length = (*cell)->length;
        if (!(*cell = coerce(pl, literal, type, LEAT_CAST_EXPLICIT, "the value")))
            return false;
    }
    plan->schema.fields[column].type = type;
    *done = true;
    return true;
}

static struct leat_expr *target_column(struct planner *pl, struct leat_plan *plan, uint32_t column,
                                       const struct leat_field *field)
{
    const struct leat_type *type = plan->schema.fields[column].type;
    struct leat_expr *expr;
    bool done;

    if (type->id == LEAT_TEXT && field->type->id != LEAT_TEXT) {
        if (!retype_literals(pl, plan, column, field->type, &done))
            return NULL;
        type = plan->schema.fields[column].type;
    }
    expr = expr_new(pl, LEAT_EXPR_COLUMN, type, 0);
    if (!expr)
        return NULL;
    expr->column = column;
    if (leat_type_equal(type, field->type))
        return expr;
    if (type->id != LEAT_NULL && leat_cast_level_of(type, field->type) < LEAT_CAST_ASSIGNMENT) {
        char *name = leat_arena_printf(pl->arena, "%s::%s", plan->schema.fields[column].name,
                                       leat_type_name(pl->arena, field->type));
        plan_fail(pl, LEAT_E_TYPE_MISMATCH, 0, 0, NULL,
                  "column \"%s\" is of type %s but the expression is of type %s", field->name,
                  leat_type_name(pl->arena, field->type), leat_type_name(pl->arena, type));
        if (name)
            leat_error_hint(pl->err, "write a cast: %s", name);
        return NULL;
    }
    if (type->id == LEAT_NULL)
        return expr_null(pl, field->type);
    return coerce(pl, expr, field->type, LEAT_CAST_ASSIGNMENT, field->name);
}

/* Exactly so written, else in any case. */
static int find_by_name(const struct leat_schema *schema, const char *name)
{
    int found = leat_schema_find(schema, leat_text_of(name));

    for (uint32_t i = 0; found < 0 && i < schema->count; i++)
        if (leat_text_equal_nocase(leat_text_of(schema->fields[i].name), leat_text_of(name)))
            found = (int)i;
    return found;
}

static enum leat_status unknown_target(const struct leat_schema *target, const char *name,
                                       struct leat_arena *arena, struct leat_error *err)
{
    const char **names = LEAT_NEW_ARRAY(arena, const char *, target->count + 1);
    const char *near;

    if (!names)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < target->count; i++)
        names[i] = target->fields[i].name;
    near = leat_nearest_name(leat_text_of(name), names);
    leat_error_set(err, LEAT_E_UNKNOWN_COLUMN,
                   "the query has a column \"%s\" that the table does not have", name);
    if (near)
        leat_error_hint(err, "did you mean \"%s\"?", near);
    return LEAT_INVALID;
}

enum leat_status leat_plan_coerce(struct leat_plan *plan, const struct leat_schema *target,
                                  bool by_name, const struct leat_plan_options *options,
                                  struct leat_plan_owner *owner, struct leat_plan **out,
                                  struct leat_error *err)
{
    struct leat_error local;
    struct planner pl;
    struct leat_plan *project;
    bool same = plan->schema.count == target->count;

    *out = NULL;
    if (!err)
        err = &local;
    leat_error_clear(err);
    planner_init(&pl, options, owner, &owner->arena, err);
    if (!by_name && plan->schema.count != target->count)
        return leat_error_set(err, LEAT_E_COLUMN_COUNT,
                              "the table has %u columns but the query gives %u", target->count,
                              plan->schema.count);
    for (uint32_t i = 0; by_name && i < plan->schema.count; i++)
        if (find_by_name(target, plan->schema.fields[i].name) < 0)
            return unknown_target(target, plan->schema.fields[i].name, pl.arena, err);
    project = plan_alloc(&pl, sizeof(*project));
    if (!project)
        return err->status;
    project->kind = LEAT_PLAN_PROJECT;
    project->rows = plan->rows;
    project->schema = *target;
    project->child_count = 1;
    project->children = plan_alloc(&pl, sizeof(*project->children));
    project->project.exprs = plan_alloc(&pl, (target->count + 1u) * sizeof(struct leat_expr *));
    if (!project->children || !project->project.exprs)
        return err->status;
    project->children[0] = plan;
    for (uint32_t i = 0; i < target->count; i++) {
        int from = by_name ? find_by_name(&plan->schema, target->fields[i].name) : (int)i;
        struct leat_expr *expr = from < 0
                                     ? expr_null(&pl, target->fields[i].type)
                                     : target_column(&pl, plan, (uint32_t)from, &target->fields[i]);
        if (!expr)
            return err->status;
        project->project.exprs[i] = expr;
        same = same && expr->kind == LEAT_EXPR_COLUMN && expr->column == i &&
               strcmp(plan->schema.fields[i].name, target->fields[i].name) == 0;
    }
    *out = same ? plan : project;
    return LEAT_OK;
}
