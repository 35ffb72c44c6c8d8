/*
 * Building blocks of the binder and optimizer: errors with places, lists, sets of column numbers,
 * nodes, and walks over expressions.
 */
#include "compute/plan/planner_internal.h"
#include <stdio.h>

const struct leat_type planner_unknown = {.id = LEAT_TEXT};

/* --- memory and errors --- */
bool plan_memory(struct planner *pl)
{
    leat_error_memory(pl->err);
    return false;
}

void *plan_alloc(struct planner *pl, size_t size)
{
    void *memory = leat_arena_calloc(pl->arena, 1, size ? size : 1);
    if (!memory)
        plan_memory(pl);
    return memory;
}

void *plan_grow(struct planner *pl, void *items, uint32_t count, uint32_t *capacity, size_t size)
{
    uint32_t wanted = *capacity ? *capacity * 2 : 8;
    void *grown;

    if (count < *capacity)
        return items;
    if (wanted > UINT32_MAX / 2) {
        leat_error_set(pl->err, LEAT_E_LIMIT, "the statement is too large to be planned");
        return NULL;
    }
    grown = leat_arena_calloc(pl->arena, wanted, size);
    if (!grown) {
        plan_memory(pl);
        return NULL;
    }
    if (count)
        memcpy(grown, items, (size_t)count * size);
    *capacity = wanted;
    return grown;
}

bool plan_place(struct planner *pl, uint32_t offset, uint32_t length)
{
    if (pl->source.text && length && offset <= pl->source.length && pl->err->place.line == 0)
        leat_error_at_text(pl->err, pl->source.name ? pl->source.name : "", pl->source.text,
                           pl->source.length, offset, length);
    return false;
}

bool plan_fail(struct planner *pl, int code, uint32_t offset, uint32_t length, const char *hint,
               const char *format, ...)
{
    char message[768];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    leat_error_set(pl->err, code, "%s", message);
    if (hint && hint[0])
        leat_error_hint(pl->err, "%s", hint);
    return plan_place(pl, offset, length);
}

/* --- lists --- */
bool exprs_add(struct planner *pl, struct exprs *list, struct leat_expr *expr)
{
    struct leat_expr **items =
        plan_grow(pl, list->items, list->count, &list->capacity, sizeof(struct leat_expr *));
    if (!items || !expr)
        return false;
    list->items = items;
    list->items[list->count++] = expr;
    return true;
}

bool exprs_append(struct planner *pl, struct exprs *list, const struct exprs *more)
{
    for (uint32_t i = 0; i < more->count; i++)
        if (!exprs_add(pl, list, more->items[i]))
            return false;
    return true;
}

bool exprs_add_conjuncts(struct planner *pl, struct exprs *list, struct leat_expr *expr)
{
    if (!expr)
        return false;
    if (expr->kind != LEAT_EXPR_AND)
        return expr_is_true(expr) || exprs_add(pl, list, expr);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!exprs_add_conjuncts(pl, list, expr->args[i]))
            return false;
    return true;
}

bool ids_add(struct planner *pl, struct ids *list, uint32_t id)
{
    uint32_t *items = plan_grow(pl, list->items, list->count, &list->capacity, sizeof(uint32_t));
    if (!items || id == UINT32_MAX)
        return false;
    list->items = items;
    list->items[list->count++] = id;
    return true;
}

/* --- sets --- */
bool idset_add(struct planner *pl, struct idset *set, uint32_t id)
{
    uint32_t word = id / 64;

    if (word >= set->word_count) {
        uint32_t count = pl->column_count / 64 + 1 > word ? pl->column_count / 64 + 1 : word + 1;
        uint64_t *words = plan_alloc(pl, count * sizeof(*words));
        if (!words)
            return false;
        if (set->word_count)
            memcpy(words, set->words, set->word_count * sizeof(*words));
        set->words = words;
        set->word_count = count;
    }
    set->words[word] |= (uint64_t)1 << (id % 64);
    return true;
}
void idset_remove(struct idset *set, uint32_t id)
{
    if (id / 64 < set->word_count)
        set->words[id / 64] &= ~((uint64_t)1 << (id % 64));
}
bool idset_has(const struct idset *set, uint32_t id)
{
    return id / 64 < set->word_count && (set->words[id / 64] >> (id % 64) & 1);
}
bool idset_or(struct planner *pl, struct idset *set, const struct idset *more)
{
    for (uint32_t i = 0; i < more->word_count; i++) {
        uint64_t word = more->words[i];
        while (word) {
            if (i < set->word_count) {
                set->words[i] |= word;
                break;
            }
            if (!idset_add(pl, set, i * 64 + (uint32_t)__builtin_ctzll(word)))
                return false;
            word &= word - 1;
        }
    }
    return true;
}
bool idset_meets(const struct idset *a, const struct idset *b)
{
    for (uint32_t i = 0; i < a->word_count && i < b->word_count; i++)
        if (a->words[i] & b->words[i])
            return true;
    return false;
}
bool idset_within(const struct idset *a, const struct idset *b)
{
    for (uint32_t i = 0; i < a->word_count; i++)
        if (a->words[i] & ~(i < b->word_count ? b->words[i] : 0))
            return false;
    return true;
}
bool idset_empty(const struct idset *set)
{
    for (uint32_t i = 0; i < set->word_count; i++)
        if (set->words[i])
            return false;
    return true;
}

/* --- columns and nodes --- */
uint32_t new_column(struct planner *pl, const char *name, const struct leat_type *type)
{
    struct column_info *columns = plan_grow(pl, pl->columns, pl->column_count, &pl->column_capacity,
                                            sizeof(struct column_info));
    if (!columns)
        return UINT32_MAX;
    pl->columns = columns;
    columns[pl->column_count] = (struct column_info){.name = name ? name : "", .type = type};
    return pl->column_count++;
}

struct node *new_node(struct planner *pl, enum node_kind kind, struct node *left)
{
    struct node *node = plan_alloc(pl, sizeof(*node));
    if (node) {
        node->kind = kind;
        node->left = left;
        node->rows = -1;
        node->limit = UINT64_MAX;
    }
    return node;
}

struct node *new_filter(struct planner *pl, struct node *left, const struct exprs *conds)
{
    struct node *node;

    if (!left || !conds->count)
        return left;
    node = new_node(pl, NODE_FILTER, left);
    if (node)
        node->conds = *conds;
    return node;
}

struct node *new_join(struct planner *pl, enum leat_join_type type, struct node *left,
                      struct node *right)
{
    struct node *node = left && right ? new_node(pl, NODE_JOIN, left) : NULL;
    if (node) {
        node->join = type;
        node->right = right;
    }
    return node;
}

struct node *new_one_row(struct planner *pl)
{
    struct node *node = new_node(pl, NODE_VALUES, NULL);
    if (node)
        node->row_count = 1;
    return node;
}

struct shared *new_shared(struct planner *pl, struct node *child)
{
    struct shared *shared = plan_alloc(pl, sizeof(*shared));
    struct idset outputs = {0};

    if (!shared || !node_outputs(pl, child, &outputs))
        return NULL;
    shared->id = pl->shared_count++;
    shared->child = child;
    for (uint32_t i = 0; i < pl->column_count; i++)
        if (idset_has(&outputs, i) && !ids_add(pl, &shared->columns, i))
            return NULL;
    return shared;
}

struct node *new_shared_use(struct planner *pl, struct shared *shared, bool same)
{
    struct node *node = new_node(pl, NODE_SHARED, NULL);

    if (!node)
        return NULL;
    node->shared = shared;
    shared->uses++;
    for (uint32_t i = 0; i < shared->columns.count; i++) {
        uint32_t id = shared->columns.items[i];
        if (!same) {
            uint32_t copy = new_column(pl, pl->columns[id].name, pl->columns[id].type);
            if (copy == UINT32_MAX)
                return NULL;
            pl->columns[copy] = pl->columns[id];
            id = copy;
        }
        if (!ids_add(pl, &node->columns, id))
            return NULL;
    }
    return node;
}

static bool add_own(struct planner *pl, const struct node *node, struct idset *out)
{
    for (uint32_t i = 0; i < node->columns.count; i++)
        if (!idset_add(pl, out, node->columns.items[i]))
            return false;
    return true;
}

bool node_outputs(struct planner *pl, const struct node *node, struct idset *out)
{
    for (;;) {
        if (!add_own(pl, node, out))
            return false;
        switch (node->kind) {
        case NODE_FILTER:
        case NODE_SORT:
        case NODE_LIMIT:
        case NODE_MAP:
        case NODE_WINDOW:
        case NODE_UNNEST:
            node = node->left;
            break;
        case NODE_JOIN:
            if (node->join != LEAT_JOIN_SEMI && node->join != LEAT_JOIN_ANTI &&
                node->join != LEAT_JOIN_MARK && !node_outputs(pl, node->right, out))
                return false;
            node = node->left;
            break;
        default:
            return true;
        }
    }
}

/* --- expressions --- */
bool expr_refs(struct planner *pl, const struct leat_expr *expr, struct idset *out)
{
    if (!expr)
        return true;
    if (expr->kind == LEAT_EXPR_COLUMN)
        return idset_add(pl, out, expr->column);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!expr_refs(pl, expr->args[i], out))
            return false;
    return true;
}

bool exprs_refs(struct planner *pl, const struct exprs *list, struct idset *out)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (!expr_refs(pl, list->items[i], out))
            return false;
    return true;
}

static bool calls_refs(struct planner *pl, const struct node *node, struct idset *out)
{
    for (uint32_t i = 0; i < node->call_count; i++) {
        const struct leat_aggregate *call = &node->calls[i];
        for (uint32_t a = 0; a < call->arg_count; a++)
            if (!expr_refs(pl, call->args[a], out))
                return false;
        for (uint32_t o = 0; o < call->order_count; o++)
            if (!expr_refs(pl, call->order[o].expr, out))
                return false;
        if (!expr_refs(pl, call->filter, out))
            return false;
    }
    return true;
}

static bool collect_free(struct planner *pl, const struct node *node, struct idset *used,
                         struct idset *made)
{
    if (!node)
        return true;
    if (!exprs_refs(pl, &node->exprs, used) || !exprs_refs(pl, &node->conds, used) ||
        !exprs_refs(pl, &node->partition, used) || !calls_refs(pl, node, used) ||
        !add_own(pl, node, made))
        return false;
    for (uint32_t i = 0; i < node->sort_count; i++)
        if (!expr_refs(pl, node->keys[i].expr, used))
            return false;
    for (uint32_t i = 0; i < node->child_count; i++) {
        for (uint32_t k = 0; k < node->child_columns[i].count; k++)
            if (!idset_add(pl, used, node->child_columns[i].items[k]))
                return false;
        if (!collect_free(pl, node->children[i], used, made))
            return false;
    }
    if (node->kind == NODE_SHARED && node->shared->child) {
        /* Its inner numbers stay inside: another use may show them under the same numbers. */
        struct shared *shared = node->shared;
        if (!shared->free_known && !node_free(pl, shared->child, &shared->free))
            return false;
        shared->free_known = true;
        return idset_or(pl, used, &shared->free);
    }
    return collect_free(pl, node->left, used, made) && collect_free(pl, node->right, used, made);
}

bool node_free(struct planner *pl, const struct node *node, struct idset *out)
{
    struct idset made = {0};

    if (!collect_free(pl, node, out, &made))
        return false;
    for (uint32_t i = 0; i < out->word_count && i < made.word_count; i++)
        out->words[i] &= ~made.words[i];
    return true;
}

struct leat_expr *expr_new(struct planner *pl, enum leat_expr_kind kind,
                           const struct leat_type *type, uint32_t arg_count)
{
    struct leat_expr *expr = plan_alloc(pl, sizeof(*expr));
    if (!expr)
        return NULL;
    expr->kind = kind;
    expr->type = type;
    expr->arg_count = arg_count;
    expr->args = plan_alloc(pl, (arg_count ? arg_count : 1) * sizeof(*expr->args));
    return expr->args ? expr : NULL;
}

struct leat_expr *expr_column(struct planner *pl, uint32_t id, const struct leat_expr *place)
{
    struct leat_expr *expr = expr_new(pl, LEAT_EXPR_COLUMN, pl->columns[id].type, 0);
    if (!expr)
        return NULL;
    expr->column = id;
    if (place) {
        expr->offset = place->offset;
        expr->length = place->length;
    }
    return expr;
}

struct leat_expr *expr_boolean(struct planner *pl, bool value)
{
    struct leat_expr *expr = expr_new(pl, LEAT_EXPR_CONSTANT, leat_type_get(LEAT_BOOLEAN), 0);
    if (expr)
        expr->constant = (struct leat_value){.type = expr->type, .integer = value};
    return expr;
}

struct leat_expr *expr_integer(struct planner *pl, int64_t value)
{
    struct leat_expr *expr = expr_new(pl, LEAT_EXPR_CONSTANT, leat_type_get(LEAT_INT64), 0);
    if (expr)
        expr->constant = (struct leat_value){.type = expr->type, .integer = value};
    return expr;
}

struct leat_expr *expr_null(struct planner *pl, const struct leat_type *type)
{
    struct leat_expr *expr = expr_new(pl, LEAT_EXPR_CONSTANT, type, 0);
    if (expr)
        expr->constant = (struct leat_value){.type = type, .is_null = true};
    return expr;
}

struct leat_expr *expr_and(struct planner *pl, const struct exprs *list)
{
    struct leat_expr *expr;

    if (list->count == 1)
        return list->items[0];
    expr = expr_new(pl, LEAT_EXPR_AND, leat_type_get(LEAT_BOOLEAN), list->count);
    if (expr && list->count) {
        memcpy(expr->args, list->items, list->count * sizeof(*expr->args));
        expr->offset = list->items[0]->offset;
        expr->length = list->items[0]->length;
    }
    return expr;
}

struct leat_expr *expr_unary(struct planner *pl, enum leat_expr_kind kind, struct leat_expr *arg)
{
    struct leat_expr *expr = arg ? expr_new(pl, kind, leat_type_get(LEAT_BOOLEAN), 1) : NULL;
    if (!expr)
        return NULL;
    expr->args[0] = arg;
    expr->offset = arg->offset;
    expr->length = arg->length;
    return expr;
}

bool expr_is_true(const struct leat_expr *expr)
{
    return expr->kind == LEAT_EXPR_CONSTANT && expr->type->id == LEAT_BOOLEAN &&
           !expr->constant.is_null && expr->constant.integer;
}

bool expr_is_equality(const struct leat_expr *expr)
{
    return expr->kind == LEAT_EXPR_CALL && expr->arg_count == 2 &&
           strcmp(expr->function->name, "=") == 0;
}

bool expr_deterministic(const struct leat_expr *expr)
{
    if (expr->kind == LEAT_EXPR_CALL && expr->function->volatile_result)
        return false;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (!expr_deterministic(expr->args[i]))
            return false;
    return true;
}

struct leat_expr *expr_replace(struct planner *pl, struct leat_expr *expr, const uint32_t *ids,
                               struct leat_expr *const *replacements, uint32_t count)
{
    struct leat_expr *copy = NULL;

    if (!expr)
        return NULL;
    if (expr->kind == LEAT_EXPR_COLUMN) {
        for (uint32_t i = 0; i < count; i++)
            if (ids[i] == expr->column)
                return replacements[i];
        return expr;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        struct leat_expr *arg = expr_replace(pl, expr->args[i], ids, replacements, count);
        if (!arg)
            return NULL;
        if (arg == expr->args[i])
            continue;
        if (!copy) {
            copy = expr_new(pl, expr->kind, expr->type, expr->arg_count);
            if (!copy)
                return NULL;
            struct leat_expr **args = copy->args;
            *copy = *expr;
            copy->args = args;
            memcpy(args, expr->args, expr->arg_count * sizeof(*args));
        }
        copy->args[i] = arg;
    }
    return copy ? copy : expr;
}

bool exprs_replace(struct planner *pl, struct exprs *list, const uint32_t *ids,
                   struct leat_expr *const *replacements, uint32_t count)
{
    struct exprs replaced = {0};

    for (uint32_t i = 0; i < list->count; i++)
        if (!exprs_add(pl, &replaced, expr_replace(pl, list->items[i], ids, replacements, count)))
            return false;
    *list = replaced;
    return true;
}
