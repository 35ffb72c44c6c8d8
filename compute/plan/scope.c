/*
 * Names of columns. A plain name is looked for among the visible columns of FROM, then in the
 * queries around it; exact spelling first, then, for names without quotes, any case if only one
 * column fits. A name with dots is a table's column or a field of a struct.
 */
#include "columns/format.h"
#include "compute/plan/planner_internal.h"
#include <stdio.h>

bool scope_add(struct planner *pl, struct scope *scope, struct leat_text alias,
               const struct leat_sql_path *path, const struct output *outputs, uint32_t count)
{
    struct range *ranges = plan_alloc(pl, (scope->range_count + 1u) * sizeof(*ranges)), *range;
    struct visible *visible =
        plan_alloc(pl, ((size_t)scope->visible_count + count) * sizeof(*visible));

    if (!ranges || !visible)
        return false;
    if (scope->range_count)
        memcpy(ranges, scope->ranges, scope->range_count * sizeof(*ranges));
    if (scope->visible_count)
        memcpy(visible, scope->visible, scope->visible_count * sizeof(*visible));
    range = &ranges[scope->range_count];
    range->alias = alias;
    range->path = path;
    range->count = count;
    range->columns = plan_alloc(pl, count * sizeof(*range->columns));
    if (!range->columns)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        range->columns[i] = (struct range_column){outputs[i].name, outputs[i].id};
        visible[scope->visible_count + i] =
            (struct visible){outputs[i].name, outputs[i].id, scope->range_count};
    }
    scope->ranges = ranges;
    scope->range_count++;
    scope->visible = visible;
    scope->visible_count += count;
    return true;
}

static bool same_name(struct leat_text a, struct leat_text b, bool any_case)
{
    return any_case ? leat_text_equal_nocase(a, b) : leat_text_equal(a, b);
}

/* 0, 1 or 2 (ambiguous) matches among the visible columns. */
static unsigned find_visible(const struct scope *scope, const struct leat_sql_name *name,
                             uint32_t *id)
{
    for (int any_case = 0; any_case < (name->quoted ? 1 : 2); any_case++) {
        unsigned found = 0;
        for (uint32_t i = 0; i < scope->visible_count; i++)
            if (same_name(scope->visible[i].name, name->text, any_case != 0)) {
                if (found && *id == scope->visible[i].id)
                    continue;
                *id = scope->visible[i].id;
                found++;
            }
        if (found)
            return found > 1 ? 2 : 1;
    }
    return 0;
}

static unsigned find_in_range(const struct range *range, const struct leat_sql_name *name,
                              uint32_t *id)
{
    for (int any_case = 0; any_case < (name->quoted ? 1 : 2); any_case++) {
        unsigned found = 0;
        for (uint32_t i = 0; i < range->count; i++)
            if (same_name(range->columns[i].name, name->text, any_case != 0)) {
                *id = range->columns[i].id;
                found++;
            }
        if (found)
            return found > 1 ? 2 : 1;
    }
    return 0;
}

/* The table that the first `count` parts of a path name. */
static const struct range *find_range(const struct scope *scope, const struct leat_sql_path *path,
                                      uint32_t count)
{
    const struct leat_sql_name *last = &path->parts[count - 1];

    for (uint32_t i = 0; i < scope->range_count; i++) {
        const struct range *range = &scope->ranges[i];
        bool same = same_name(range->alias, last->text, !last->quoted);
        if (same && count > 1) { /* schema.table */
            same = range->path && range->path->count >= count;
            for (uint32_t k = 1; same && k < count; k++)
                same = same_name(range->path->parts[range->path->count - 1 - k].text,
                                 path->parts[count - 1 - k].text, true);
        }
        if (same)
            return range;
    }
    return NULL;
}

/* Names near the unknown one, for the hint. */
static void candidates(struct planner *pl, const struct scope *scope,
                       const struct leat_sql_name *name, char *hint, size_t size)
{
    const char **names;
    uint32_t count = 0, total = 0;
    const char *near;
    size_t used;

    hint[0] = 0;
    for (const struct scope *s = scope; s; s = s->outer)
        total += s->visible_count;
    names = leat_arena_calloc(pl->arena, total + 1u, sizeof(*names));
    if (!names)
        return;
    for (const struct scope *s = scope; s; s = s->outer)
        for (uint32_t i = 0; i < s->visible_count; i++)
            names[count++] = s->visible[i].name.data;
    near = leat_nearest_name(name->text, names);
    if (near) {
        snprintf(hint, size, "did you mean \"%s\"?", near);
        return;
    }
    if (!count)
        return;
    used = (size_t)snprintf(hint, size, "Candidates: ");
    for (uint32_t i = 0; i < count && i < 8 && used + 80 < size; i++)
        used += (size_t)snprintf(hint + used, size - used, "%s%.60s", i ? ", " : "", names[i]);
    if (count > 8 && used < size)
        snprintf(hint + used, size - used, ", ...");
}

static struct leat_expr *column_at(struct binding *b, uint32_t id, const struct leat_sql_expr *ast)
{
    struct leat_expr *expr = expr_column(b->pl, id, NULL);
    if (expr) {
        expr->offset = ast->offset;
        expr->length = ast->length;
    }
    return expr;
}

/* Fields of structs: the parts behind the first `used`. */
static struct leat_expr *fields(struct binding *b, struct leat_expr *expr,
                                const struct leat_sql_expr *ast, uint32_t used)
{
    for (uint32_t p = used; expr && p < ast->path.count; p++) {
        const struct leat_sql_name *name = &ast->path.parts[p];
        struct leat_expr *field = NULL;
        if (expr->type->id == LEAT_STRUCT && !is_unknown(expr))
            for (uint32_t i = 0; i < expr->type->field_count && !field; i++)
                if (same_name(leat_text_of(expr->type->fields[i].name), name->text, true)) {
                    field = expr_new(b->pl, LEAT_EXPR_FIELD, expr->type->fields[i].type, 1);
                    if (!field)
                        return NULL;
                    field->column = i;
                    field->args[0] = expr;
                    field->offset = ast->offset;
                    field->length = ast->length;
                }
        if (!field && ast->origin && expr->type->id == LEAT_MAP)
            field = spark_map_field(b->pl, expr, name->text);
        else if (!field)
            plan_fail(b->pl, LEAT_E_UNKNOWN_FIELD, name->offset, name->length, NULL,
                      "there is no field \"%s\" in \"%s\"", name->text.data,
                      ast->path.parts[p - 1].text.data);
        expr = field;
    }
    return expr;
}

static struct leat_expr *ambiguous(struct binding *b, const struct scope *scope,
                                   const struct leat_sql_name *name)
{
    char hint[256] = "write table.column: ";
    size_t used = strlen(hint);
    bool first = true;

    for (uint32_t i = 0; i < scope->visible_count && used + 80 < sizeof(hint); i++) {
        const struct visible *v = &scope->visible[i];
        if (v->range == UINT32_MAX || !same_name(v->name, name->text, true))
            continue;
        used +=
            (size_t)snprintf(hint + used, sizeof(hint) - used, "%s%.30s.%.40s", first ? "" : " or ",
                             scope->ranges[v->range].alias.data, v->name.data);
        first = false;
    }
    plan_fail(b->pl, LEAT_E_AMBIGUOUS_COLUMN, name->offset, name->length, hint,
              "column reference \"%s\" is ambiguous", name->text.data);
    return NULL;
}

static struct leat_expr *unknown_column(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_sql_path *path = &ast->path;
    const struct leat_sql_name *name = &path->parts[path->count - 1];
    char hint[400];

    candidates(b->pl, b->scope, name, hint, sizeof(hint));
    if (path->count > 1) {
        for (const struct scope *s = b->scope; s; s = s->outer)
            if (find_range(s, path, path->count - 1)) {
                plan_fail(b->pl, LEAT_E_UNKNOWN_COLUMN, name->offset, name->length, hint,
                          "table \"%s\" has no column \"%s\"",
                          path->parts[path->count - 2].text.data, name->text.data);
                return NULL;
            }
        plan_fail(b->pl, LEAT_E_UNKNOWN_TABLE, path->parts[0].offset, path->parts[0].length,
                  "name it in FROM, with the same alias", "there is no table \"%s\" in FROM",
                  path->parts[path->count - 2].text.data);
        return NULL;
    }
    if (name->quoted && !strstr(hint, "mean"))
        snprintf(hint, sizeof(hint), "string literals take single quotes: '%.60s'",
                 name->text.data);
    for (const struct scope *s = b->scope; s; s = s->outer)
        if (find_range(s, path, 1)) {
            snprintf(hint, sizeof(hint), "%.60s is a table: write %.60s.* or one of its columns",
                     name->text.data, name->text.data); /* Spark's dialect */
            break;
        }
    plan_fail(b->pl, LEAT_E_UNKNOWN_COLUMN, ast->offset, ast->length, hint,
              "column \"%s\" does not exist", name->text.data);
    return NULL;
}

/* The last item of the select list so far that has the name, or NULL. */
static struct leat_expr *aliased(const struct aliases *aliases, struct leat_text name)
{
    for (uint32_t i = aliases->items->count; i-- > 0;)
        if (leat_text_equal_nocase((*aliases->names)[i], name))
            return aliases->items->items[i];
    return NULL;
}

/* A table's name in place of a column: its row. */
static struct leat_expr *whole_row(struct binding *b, const struct leat_sql_expr *ast,
                                   const struct range *range)
{
    struct leat_expr *row = expr_new(b->pl, LEAT_EXPR_ROW, NULL, range->count);
    struct leat_field *fields = plan_alloc(b->pl, range->count * sizeof(*fields));

    if (!row || !fields)
        return NULL;
    for (uint32_t i = 0; i < range->count; i++) {
        if (!(row->args[i] = column_at(b, range->columns[i].id, ast)))
            return NULL;
        fields[i] =
            (struct leat_field){.name = range->columns[i].name.data, .type = row->args[i]->type};
    }
    row->type = leat_type_struct(b->pl->arena, fields, range->count);
    row->offset = ast->offset;
    row->length = ast->length;
    if (!row->type)
        plan_memory(b->pl);
    return row->type ? row : NULL;
}

struct leat_expr *bind_column(struct binding *b, const struct leat_sql_expr *ast)
{
    const struct leat_sql_path *path = &ast->path;
    uint32_t id = 0;

    for (const struct scope *scope = b->scope; scope; scope = scope->outer) {
        unsigned found;
        for (uint32_t parts = path->count - 1; parts > 0; parts--) {
            const struct range *range = find_range(scope, path, parts);
            found = range ? find_in_range(range, &path->parts[parts], &id) : 0;
            if (found == 2)
                return ambiguous(b, scope, &path->parts[parts]);
            if (found)
                return fields(b, column_at(b, id, ast), ast, parts + 1);
        }
        found = find_visible(scope, &path->parts[0], &id);
        if (found == 2)
            return ambiguous(b, scope, &path->parts[0]);
        if (found)
            return fields(b, column_at(b, id, ast), ast, 1);
    }
    if (ast->origin == LEAT_SQL_ORIGIN_SPARK && b->aliases) {
        struct leat_expr *item = aliased(b->aliases, path->parts[0].text);
        if (item)
            return fields(b, item, ast, 1);
    }
    if (ast->origin != LEAT_SQL_ORIGIN_SPARK) {
        const struct range *range = NULL;
        for (const struct scope *s = b->scope; s && !range; s = s->outer)
            range = path->count == 1 ? find_range(s, path, 1) : NULL;
        if (range && range->scalar)
            return column_at(b, range->columns[0].id, ast);
        if (range && range->count > 0)
            return whole_row(b, ast, range);
    }
    return unknown_column(b, ast);
}

static bool not_given(struct binding *b, const struct leat_sql_name *name,
                      const struct output *outputs, uint32_t count)
{
    const char **names = leat_arena_calloc(b->pl->arena, count + 1u, sizeof(*names));
    const char *near;
    char hint[160];

    for (uint32_t i = 0; names && i < count; i++)
        names[i] = outputs[i].name.data;
    near = names ? leat_nearest_name(name->text, names) : NULL;
    if (near)
        snprintf(hint, sizeof(hint), "did you mean \"%.100s\"?", near);
    return plan_fail(b->pl, LEAT_E_UNKNOWN_COLUMN, name->offset, name->length, near ? hint : NULL,
                     "column \"%s\" is not among those that * gives", name->text.data);
}

/* Leaves out what EXCLUDE names, or PIVOT uses; each name must be there. */
static bool exclude(struct binding *b, const struct leat_sql_star *star, struct output *outputs,
                    uint32_t *count)
{
    for (uint32_t e = 0; e < star->exclude.count; e++) {
        const struct leat_sql_name *name = &star->exclude.items[e];
        uint32_t kept = 0;
        for (uint32_t i = 0; i < *count; i++)
            if (!same_name(outputs[i].name, name->text, !name->quoted))
                outputs[kept++] = outputs[i];
        if (kept == *count)
            return not_given(b, name, outputs, *count);
        *count = kept;
    }
    return true;
}

bool bind_star(struct binding *b, const struct leat_sql_expr *ast, struct output **outputs,
               uint32_t *count)
{
    const struct scope *scope = b->scope;

    *count = 0;
    if (ast->path.count) {
        const struct range *range = NULL;
        for (const struct scope *s = scope; s && !range; s = s->outer)
            range = find_range(s, &ast->path, ast->path.count);
        if (!range)
            return plan_fail(b->pl, LEAT_E_UNKNOWN_TABLE, ast->path.offset, ast->path.length,
                             "name it in FROM, with the same alias",
                             "there is no table \"%s\" in FROM",
                             ast->path.parts[ast->path.count - 1].text.data);
        *outputs = plan_alloc(b->pl, range->count * sizeof(**outputs));
        if (!*outputs)
            return false;
        for (uint32_t i = 0; i < range->count; i++)
            (*outputs)[(*count)++] =
                (struct output){.name = range->columns[i].name, .id = range->columns[i].id};
    } else {
        if (!scope->range_count)
            return plan_fail(b->pl, LEAT_E_SYNTAX, ast->offset, ast->length, NULL,
                             "SELECT * needs a FROM clause");
        *outputs = plan_alloc(b->pl, scope->visible_count * sizeof(**outputs));
        if (!*outputs)
            return false;
        for (uint32_t i = 0; i < scope->visible_count; i++)
            (*outputs)[(*count)++] =
                (struct output){.name = scope->visible[i].name, .id = scope->visible[i].id};
    }
    return !ast->star || exclude(b, ast->star, *outputs, count);
}
