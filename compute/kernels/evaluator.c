/*
 * The evaluator: compiles expression trees into a list of distinct nodes and evaluates them lazily,
 * batch by batch.
 *
 * Compilation numbers subexpressions bottom up; equal ones (same kind, type, function, argument
 * numbers, constant) share a node, so that they are computed once. Nodes without columns are
 * computed once at compile time; if that fails they stay and fail only for rows that reach them.
 * Evaluation happens in frames. The outer frame holds all rows; conditional constructs open a frame
 * for the rows that need a branch, in which columns appear as DICTIONARY vectors over the
 * selection. A result that an outer frame has already is taken from there.
 */
#include "compute/kernels/evaluator_internal.h"

#include "base/hash.h"

#define MAXIMUM_DEPTH 1000u
#define NO_NODE       UINT32_MAX

/* --- compiling --- */

static uint64_t hash_node(const struct node *node)
{
    const struct leat_expr *expr = node->expr;
    uint64_t hash = leat_hash_u64((uint64_t)expr->kind * 64 + expr->type->id + 1);
    hash = leat_hash_combine(hash, expr->column);
    hash = leat_hash_combine(hash, (uint64_t)(uintptr_t)expr->function);
    for (uint32_t i = 0; i < node->arg_count; i++)
        hash = leat_hash_combine(hash, node->args[i]);
    if (expr->kind == LEAT_EXPR_CONSTANT && !expr->constant.is_null) {
        if (leat_type_is_string(expr->type))
            hash = leat_hash_combine(
                hash, leat_hash_bytes(expr->constant.text.data, expr->constant.text.length, 0));
        else if (!leat_type_is_nested(expr->type) && expr->type->id != LEAT_NULL)
            hash = leat_hash_combine(hash, (uint64_t)expr->constant.integer);
    }
    return hash;
}

static bool nodes_equal(const struct node *a, const struct node *b)
{
    const struct leat_expr *x = a->expr, *y = b->expr;
    if (a->hash != b->hash || x->kind != y->kind || x->column != y->column ||
        x->function != y->function || a->arg_count != b->arg_count ||
        !leat_type_equal(x->type, y->type))
        return false;
    if (x->function && x->function->volatile_result)
        return false;
    if (a->arg_count && memcmp(a->args, b->args, a->arg_count * sizeof(uint32_t)) != 0)
        return false;
    return x->kind != LEAT_EXPR_CONSTANT || constants_equal(&x->constant, &y->constant);
}

static void choose_kernel(struct node *node)
{
    const struct leat_expr *expr = node->expr;
    node->strict = true;
    node->total = true;
    switch (expr->kind) {
    case LEAT_EXPR_CALL:
        node->run = expr->function->implementation->run;
        node->strict = !(expr->function->implementation->flags & FUNCTION_NOT_STRICT);
        node->total = (expr->function->implementation->flags & FUNCTION_TOTAL) != 0;
        break;
    case LEAT_EXPR_CAST:
    case LEAT_EXPR_TRY_CAST:
        node->total = expr->kind == LEAT_EXPR_TRY_CAST;
        if (cast_is_relabel(expr->args[0]->type, expr->type))
            node->total = true;
        else
            node->run =
                cast_kernel(expr->args[0]->type, expr->type, expr->kind == LEAT_EXPR_TRY_CAST);
        break;
    default:
        break;
    }
}

static enum leat_status add_node(struct leat_evaluator *evaluator, const struct node *node,
                                 uint32_t *out, struct leat_error *err)
{
    for (uint32_t i = 0; i < evaluator->node_count; i++) {
        if (nodes_equal(&evaluator->nodes[i], node)) {
            *out = i;
            return LEAT_OK;
        }
    }
    if (evaluator->node_count == evaluator->node_capacity) {
        uint32_t capacity = evaluator->node_capacity ? evaluator->node_capacity * 2 : 32;
        struct node *grown = LEAT_NEW_ARRAY(&evaluator->arena, struct node, capacity);
        if (!grown)
            return leat_error_memory(err);
        if (evaluator->node_count)
            memcpy(grown, evaluator->nodes, evaluator->node_count * sizeof(*grown));
        evaluator->nodes = grown;
        evaluator->node_capacity = capacity;
    }
    *out = evaluator->node_count;
    evaluator->nodes[evaluator->node_count++] = *node;
    return LEAT_OK;
}

static enum leat_status fold_node(struct leat_evaluator *evaluator, uint32_t id,
                                  struct leat_error *err);

static enum leat_status compile(struct leat_evaluator *evaluator, const struct leat_expr *expr,
                                unsigned depth, uint32_t *out, struct leat_error *err)
{
    struct node node = {.expr = expr};
    uint32_t before = evaluator->node_count;

    if (depth > MAXIMUM_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "expression is nested too deeply");
    choose_kernel(&node);
    node.deterministic = expr->kind != LEAT_EXPR_CALL || !expr->function->volatile_result;
    node.has_column = expr->kind == LEAT_EXPR_COLUMN;
    node.arg_count = expr->arg_count;
    node.args = LEAT_NEW_ARRAY(&evaluator->arena, uint32_t, expr->arg_count);
    if (!node.args)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        LEAT_TRY(compile(evaluator, expr->args[i], depth + 1, &node.args[i], err));
        const struct node *arg = &evaluator->nodes[node.args[i]];
        node.total = node.total && arg->total;
        node.deterministic = node.deterministic && arg->deterministic;
        node.has_column = node.has_column || arg->has_column;
    }
    if ((expr->kind == LEAT_EXPR_CALL || expr->kind == LEAT_EXPR_CAST ||
         expr->kind == LEAT_EXPR_TRY_CAST) &&
        !node.run && !(expr->arg_count == 1 && cast_is_relabel(expr->args[0]->type, expr->type)))
        return leat_error_internal(err, "expression without a kernel: %s",
                                   expr->function ? expr->function->name : "cast");
    node.hash = hash_node(&node);
    LEAT_TRY(add_node(evaluator, &node, out, err));
    if (*out < before)
        return LEAT_OK;
    evaluator->nodes[*out].state.arena = &evaluator->arena;
    return fold_node(evaluator, *out, err);
}

enum leat_status frame_new(struct leat_evaluator *evaluator, struct frame *parent,
                           const uint32_t *selection, uint32_t count, struct frame **out,
                           struct leat_error *err)
{
    struct frame *frame = LEAT_NEW(&evaluator->scratch, struct frame);
    if (!frame)
        return leat_error_memory(err);
    frame->parent = parent;
    frame->selection = selection;
    frame->count = count;
    frame->results =
        leat_arena_alloc(&evaluator->scratch, evaluator->node_count * sizeof(struct leat_vector));
    frame->ready = LEAT_NEW_ARRAY(&evaluator->scratch, bool, evaluator->node_count);
    if (!frame->results || !frame->ready)
        return leat_error_memory(err);
    *out = frame;
    return LEAT_OK;
}

/* Computes a node without columns once. Failure is no error here. */
static enum leat_status fold_node(struct leat_evaluator *evaluator, uint32_t id,
                                  struct leat_error *err)
{
    struct node *node = &evaluator->nodes[id];
    struct leat_batch empty = {.length = 1};
    struct leat_error ignored;
    const struct leat_vector *value;
    struct frame *frame;
    enum leat_status status;

    if (node->expr->kind == LEAT_EXPR_CONSTANT) {
        node->folded = true;
        return leat_value_to_vector(&node->expr->constant, 1, &evaluator->arena, &node->constant,
                                    err);
    }
    if (node->has_column || !node->deterministic)
        return LEAT_OK;
    evaluator->in = &empty;
    LEAT_TRY(frame_new(evaluator, NULL, NULL, 1, &frame, err));
    status = evaluate(evaluator, frame, id, &value, &ignored);
    if (status == LEAT_NO_MEMORY) {
        if (err)
            *err = ignored;
        return status;
    }
    if (status)
        return LEAT_OK;
    LEAT_TRY(leat_vector_copy(value, 0, 1, &evaluator->arena, &node->constant, err));
    node->constant.form = LEAT_CONSTANT;
    node->folded = true;
    node->total = true;
    return LEAT_OK;
}

enum leat_status leat_evaluator_new(struct leat_expr *const *exprs, uint32_t count,
                                    const struct leat_expr_source *source,
                                    struct leat_accountant *accountant, struct leat_evaluator **out,
                                    struct leat_error *err)
{
    struct leat_evaluator *evaluator = leat_calloc(1, sizeof(*evaluator));
    enum leat_status status = LEAT_OK;

    *out = NULL;
    if (!evaluator)
        return leat_error_memory(err);
    leat_arena_init(&evaluator->arena, accountant);
    leat_arena_init(&evaluator->scratch, accountant);
    evaluator->source = source;
    evaluator->root_count = count;
    evaluator->roots = LEAT_NEW_ARRAY(&evaluator->arena, uint32_t, count);
    if (!evaluator->roots)
        status = leat_error_memory(err);
    for (uint32_t i = 0; i < count && !status; i++)
        status = compile(evaluator, exprs[i], 0, &evaluator->roots[i], err);
    leat_arena_reset(&evaluator->scratch);
    if (status) {
        leat_evaluator_free(evaluator);
        return status;
    }
    *out = evaluator;
    return LEAT_OK;
}

void leat_evaluator_free(struct leat_evaluator *evaluator)
{
    if (!evaluator)
        return;
    for (uint32_t i = 0; i < evaluator->node_count; i++) {
        if (evaluator->nodes[i].state.release)
            evaluator->nodes[i].state.release(evaluator->nodes[i].state.data);
    }
    leat_arena_release(&evaluator->scratch);
    leat_arena_release(&evaluator->arena);
    leat_free(evaluator);
}

/* --- running --- */

/* The result's validity: a row is null where any argument is. *all_null: a constant one is. */
static enum leat_status strict_validity(struct kernel_call *call, bool *all_null,
                                        struct leat_error *err)
{
    size_t words = leat_validity_words(call->count);

    *all_null = false;
    for (uint32_t a = 0; a < call->arg_count; a++) {
        const struct leat_vector *arg = &call->args[a];
        if (arg->type->id == LEAT_NULL ||
            (arg->form == LEAT_CONSTANT && !leat_validity_get(arg->validity, 0))) {
            *all_null = true;
            return LEAT_OK;
        }
        if (!arg->validity || arg->form == LEAT_CONSTANT)
            continue;
        if (!call->out->validity) {
            call->out->validity = leat_arena_alloc_aligned(call->arena, words * 8);
            if (!call->out->validity)
                return leat_error_memory(err);
            memcpy(call->out->validity, arg->validity, words * 8);
        } else {
            for (size_t w = 0; w < words; w++)
                call->out->validity[w] &= arg->validity[w];
        }
    }
    return LEAT_OK;
}

static enum leat_status constant_null(const struct leat_type *type, uint32_t count,
                                      struct leat_arena *arena, struct leat_vector *out,
                                      struct leat_error *err)
{
    struct leat_value null = {.type = type, .is_null = true};
    return leat_value_to_vector(&null, count, arena, out, err);
}

/* Runs the kernel on arguments that are FLAT or CONSTANT. */
static enum leat_status run_kernel(struct leat_evaluator *evaluator, struct node *node,
                                   const struct leat_vector *args, uint32_t count,
                                   struct leat_vector *out, struct leat_error *err)
{
    struct kernel_call call = {.type = node->expr->type,
                               .args = args,
                               .arg_count = node->arg_count,
                               .count = count,
                               .out = out,
                               .arena = &evaluator->scratch,
                               .state = &node->state};
    bool all_null = false;

    *out = (struct leat_vector){.type = call.type, .form = LEAT_FLAT};
    if (node->strict) {
        LEAT_TRY(strict_validity(&call, &all_null, err));
        if (all_null)
            return constant_null(call.type, count, call.arena, out, err);
    }
    uint64_t *validity = out->validity;
    LEAT_TRY(leat_vector_init(out, call.type, count, 0, call.arena, err));
    out->validity = validity;
    out->length = count;
    return node->run(&call, err);
}

static enum leat_status call_error(const struct leat_evaluator *evaluator, const struct node *node,
                                   enum leat_status status, struct leat_error *err)
{
    if (status == LEAT_RUNTIME && err && evaluator->source && evaluator->source->text &&
        err->place.line == 0 && node->expr->offset <= evaluator->source->length)
        leat_error_at_text(err, evaluator->source->name, evaluator->source->text,
                           evaluator->source->length, node->expr->offset, node->expr->length);
    return status;
}

/* If one argument is a dictionary no longer than the batch and the others are constants, the
 * function runs on the dictionary and the codes are kept. */
static enum leat_status run_on_dictionary(struct leat_evaluator *evaluator, struct node *node,
                                          struct leat_vector *args, uint32_t dictionary_arg,
                                          struct leat_vector *out, struct leat_error *err)
{
    struct leat_vector coded = args[dictionary_arg];
    struct leat_vector *values = leat_arena_alloc(&evaluator->scratch, sizeof(*values));
    enum leat_status status;

    if (!values)
        return leat_error_memory(err);
    args[dictionary_arg] = *coded.dictionary;
    status = run_kernel(evaluator, node, args, coded.dictionary->length, values, err);
    args[dictionary_arg] = coded;
    if (status)
        return status;
    if (values->form == LEAT_CONSTANT) {
        *out = *values;
        out->length = coded.length;
        return LEAT_OK;
    }
    *out = coded;
    out->type = node->expr->type;
    out->dictionary = values;
    return LEAT_OK;
}

static enum leat_status evaluate_call(struct leat_evaluator *evaluator, struct frame *frame,
                                      struct node *node, struct leat_vector *out,
                                      struct leat_error *err)
{
    struct leat_vector *args =
        leat_arena_alloc(&evaluator->scratch, (node->arg_count + 1) * sizeof(*args));
    uint32_t varying = 0, dictionary_arg = NO_NODE, count = frame->count;

    if (!args)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < node->arg_count; i++) {
        const struct leat_vector *value;
        LEAT_TRY(evaluate(evaluator, frame, node->args[i], &value, err));
        args[i] = *value;
        varying += value->form != LEAT_CONSTANT;
        if (value->form == LEAT_DICTIONARY)
            dictionary_arg = i;
    }
    if (node->run && varying == 0 && node->deterministic && count > 0) {
        LEAT_TRY(run_kernel(evaluator, node, args, 1, out, err));
        out->form = LEAT_CONSTANT;
        out->length = count;
        return LEAT_OK;
    }
    if (varying == 1 && dictionary_arg != NO_NODE && node->strict && node->total &&
        node->deterministic && !leat_type_is_nested(node->expr->type) &&
        args[dictionary_arg].dictionary->length <= count)
        return run_on_dictionary(evaluator, node, args, dictionary_arg, out, err);
    for (uint32_t i = 0; i < node->arg_count; i++) {
        if (args[i].form == LEAT_DICTIONARY)
            LEAT_TRY(leat_vector_flatten(&args[i], &evaluator->scratch, err));
    }
    return run_kernel(evaluator, node, args, count, out, err);
}

static enum leat_status evaluate_null_test(struct leat_evaluator *evaluator, struct frame *frame,
                                           const struct node *node, struct leat_vector *out,
                                           struct leat_error *err)
{
    bool negated = node->expr->kind == LEAT_EXPR_IS_NOT_NULL;
    const struct leat_vector *arg;
    uint8_t *into;

    LEAT_TRY(evaluate(evaluator, frame, node->args[0], &arg, err));
    LEAT_TRY(leat_vector_init(out, node->expr->type, frame->count, 0, &evaluator->scratch, err));
    out->length = frame->count;
    into = out->data;
    if (!arg->validity && arg->type->id != LEAT_NULL &&
        (arg->form != LEAT_DICTIONARY || !arg->dictionary->validity)) {
        memset(into, negated, frame->count);
        return LEAT_OK;
    }
    for (uint32_t i = 0; i < frame->count; i++)
        into[i] = leat_vector_is_null(arg, i) != negated;
    return LEAT_OK;
}

static enum leat_status evaluate_not(struct leat_evaluator *evaluator, struct frame *frame,
                                     const struct node *node, struct leat_vector *out,
                                     struct leat_error *err)
{
    const struct leat_vector *arg;
    uint8_t *into;

    LEAT_TRY(evaluate(evaluator, frame, node->args[0], &arg, err));
    *out = *arg;
    if (arg->type->id == LEAT_NULL)
        return LEAT_OK;
    LEAT_TRY(leat_vector_flatten(out, &evaluator->scratch, err));
    into = leat_arena_alloc_aligned(&evaluator->scratch, frame->count);
    if (!into)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < frame->count; i++)
        into[i] = ((const uint8_t *)out->data)[i] == 0;
    out->data = into;
    return LEAT_OK;
}

static enum leat_status evaluate_field(struct leat_evaluator *evaluator, struct frame *frame,
                                       const struct node *node, struct leat_vector *out,
                                       struct leat_error *err)
{
    const struct leat_vector *arg;
    struct leat_vector flat;
    size_t words = leat_validity_words(frame->count);

    LEAT_TRY(evaluate(evaluator, frame, node->args[0], &arg, err));
    flat = *arg;
    LEAT_TRY(leat_vector_flatten(&flat, &evaluator->scratch, err));
    *out = flat.children[node->expr->column];
    LEAT_TRY(leat_vector_flatten(out, &evaluator->scratch, err));
    out->length = frame->count;
    if (flat.validity && out->type->id != LEAT_NULL) {
        uint64_t *validity = leat_arena_alloc_aligned(&evaluator->scratch, words * 8 + 8);
        if (!validity)
            return leat_error_memory(err);
        for (size_t w = 0; w < words; w++)
            validity[w] = flat.validity[w] & (out->validity ? out->validity[w] : UINT64_MAX);
        out->validity = validity;
    }
    return LEAT_OK;
}

static enum leat_status evaluate_row(struct leat_evaluator *evaluator, struct frame *frame,
                                     const struct node *node, struct leat_vector *out,
                                     struct leat_error *err)
{
    *out =
        (struct leat_vector){.type = node->expr->type, .form = LEAT_FLAT, .length = frame->count};
    out->children = LEAT_NEW_ARRAY(&evaluator->scratch, struct leat_vector, node->arg_count);
    if (!out->children)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < node->arg_count; i++) {
        const struct leat_vector *value;
        LEAT_TRY(evaluate(evaluator, frame, node->args[i], &value, err));
        out->children[i] = *value;
        LEAT_TRY(leat_vector_flatten(&out->children[i], &evaluator->scratch, err));
    }
    return LEAT_OK;
}

static enum leat_status compute(struct leat_evaluator *evaluator, struct frame *frame, uint32_t id,
                                struct leat_vector *out, struct leat_error *err)
{
    struct node *node = &evaluator->nodes[id];
    const struct leat_vector *arg;

    switch (node->expr->kind) {
    case LEAT_EXPR_COLUMN:
        if (node->expr->column >= evaluator->in->column_count)
            return leat_error_internal(err, "column %u of %u", node->expr->column,
                                       evaluator->in->column_count);
        *out = evaluator->in->columns[node->expr->column];
        out->length = frame->count;
        return LEAT_OK;
    case LEAT_EXPR_CONSTANT:
        return leat_error_internal(err, "constant not folded");
    case LEAT_EXPR_CAST:
    case LEAT_EXPR_TRY_CAST:
        if (!node->run) {
            LEAT_TRY(evaluate(evaluator, frame, node->args[0], &arg, err));
            *out = *arg;
            out->type = node->expr->type;
            if (out->form == LEAT_DICTIONARY) {
                struct leat_vector *copy = leat_arena_alloc(&evaluator->scratch, sizeof(*copy));
                if (!copy)
                    return leat_error_memory(err);
                *copy = *out->dictionary;
                copy->type = node->expr->type;
                copy->identity = 0;
                out->dictionary = copy;
            }
            return LEAT_OK;
        }
        if (node->expr->args[0]->type->id == LEAT_NULL)
            return constant_null(node->expr->type, frame->count, &evaluator->scratch, out, err);
        return call_error(evaluator, node, evaluate_call(evaluator, frame, node, out, err), err);
    case LEAT_EXPR_CALL:
        return call_error(evaluator, node, evaluate_call(evaluator, frame, node, out, err), err);
    case LEAT_EXPR_AND:
    case LEAT_EXPR_OR:
        return evaluate_and_or(evaluator, frame, node, out, err);
    case LEAT_EXPR_NOT:
        return evaluate_not(evaluator, frame, node, out, err);
    case LEAT_EXPR_IS_NULL:
    case LEAT_EXPR_IS_NOT_NULL:
        return evaluate_null_test(evaluator, frame, node, out, err);
    case LEAT_EXPR_CASE:
        return evaluate_case(evaluator, frame, node, out, err);
    case LEAT_EXPR_COALESCE:
        return evaluate_coalesce(evaluator, frame, node, out, err);
    case LEAT_EXPR_IN:
        return evaluate_in(evaluator, frame, node, out, err);
    case LEAT_EXPR_FIELD:
        return evaluate_field(evaluator, frame, node, out, err);
    case LEAT_EXPR_NULLIF:
        return evaluate_nullif(evaluator, frame, node, out, err);
    case LEAT_EXPR_ROW:
        return evaluate_row(evaluator, frame, node, out, err);
    }
    return leat_error_internal(err, "expression kind %d", (int)node->expr->kind);
}

enum leat_status evaluate(struct leat_evaluator *evaluator, struct frame *frame, uint32_t id,
                          const struct leat_vector **out, struct leat_error *err)
{
    struct node *node = &evaluator->nodes[id];
    struct leat_vector *result = &frame->results[id];
    bool outside = node->expr->kind == LEAT_EXPR_COLUMN;

    *out = result;
    if (frame->ready[id])
        return LEAT_OK;
    if (node->folded) {
        *result = node->constant;
        result->length = frame->count;
        frame->ready[id] = true;
        return LEAT_OK;
    }
    for (const struct frame *above = frame->parent; above && !outside; above = above->parent)
        outside = above->ready[id];
    if (frame->parent && outside) {
        const struct leat_vector *whole;
        LEAT_TRY(evaluate(evaluator, frame->parent, id, &whole, err));
        LEAT_TRY(leat_vector_select(whole, frame->selection, frame->count, &evaluator->scratch,
                                    result, err));
    } else {
        LEAT_TRY(compute(evaluator, frame, id, result, err));
    }
    frame->ready[id] = true;
    return LEAT_OK;
}

enum leat_status leat_evaluator_run(struct leat_evaluator *evaluator, const struct leat_batch *in,
                                    struct leat_vector *results, struct leat_error *err)
{
    struct frame *frame;

    leat_arena_reset(&evaluator->scratch);
    evaluator->in = in;
    LEAT_TRY(frame_new(evaluator, NULL, NULL, in->length, &frame, err));
    for (uint32_t i = 0; i < evaluator->root_count; i++) {
        const struct leat_vector *value;
        LEAT_TRY(evaluate(evaluator, frame, evaluator->roots[i], &value, err));
        results[i] = *value;
        results[i].length = in->length;
    }
    return LEAT_OK;
}

/* One condition on the rows chosen so far, which are narrowed. */
static enum leat_status narrow(struct leat_evaluator *evaluator, struct frame *whole, uint32_t id,
                               uint32_t *selection, uint32_t *count, struct leat_error *err)
{
    uint32_t rows = whole->count;
    const struct leat_vector *value;
    struct frame *frame = whole;
    uint32_t *inner = NULL;
    bool all = *count == rows || (evaluator->nodes[id].total && *count > rows - rows / 4), done;

    LEAT_TRY(narrow_coded(evaluator, id, selection, count, &done, err));
    if (done)
        return LEAT_OK;
    if (!all) {
        /* the frame keeps its own copy, since the caller's array is narrowed in place */
        uint32_t *copy = leat_arena_alloc(&evaluator->scratch, (size_t)*count * sizeof(uint32_t));
        if (!copy)
            return leat_error_memory(err);
        memcpy(copy, selection, (size_t)*count * sizeof(uint32_t));
        LEAT_TRY(frame_new(evaluator, whole, copy, *count, &frame, err));
    }
    LEAT_TRY(evaluate(evaluator, frame, id, &value, err));
    inner = leat_arena_alloc(&evaluator->scratch, (size_t)frame->count * sizeof(uint32_t) + 64);
    if (!inner)
        return leat_error_memory(err);
    uint32_t found = select_true(value, frame->count, inner);
    if (!all) {
        for (uint32_t i = 0; i < found; i++)
            selection[i] = frame->selection[inner[i]];
        *count = found;
    } else if (*count == rows) {
        memcpy(selection, inner, (size_t)found * sizeof(uint32_t));
        *count = found;
    } else { /* both are ascending: intersect */
        uint32_t kept = 0, at = 0;
        for (uint32_t i = 0; i < *count; i++) {
            while (at < found && inner[at] < selection[i])
                at++;
            if (at < found && inner[at] == selection[i])
                selection[kept++] = selection[i];
        }
        *count = kept;
    }
    return LEAT_OK;
}

enum leat_status leat_evaluator_select(struct leat_evaluator *evaluator,
                                       const struct leat_batch *in, uint32_t *selection,
                                       uint32_t *count, struct leat_error *err)
{
    uint32_t root = evaluator->roots[0];
    const struct node *node = &evaluator->nodes[root];
    struct frame *frame;

    leat_arena_reset(&evaluator->scratch);
    evaluator->in = in;
    *count = in->length;
    for (uint32_t i = 0; i < in->length; i++)
        selection[i] = i;
    LEAT_TRY(frame_new(evaluator, NULL, NULL, in->length, &frame, err));
    if (node->expr->kind != LEAT_EXPR_AND || node->folded)
        return narrow(evaluator, frame, root, selection, count, err);
    for (uint32_t i = 0; i < node->arg_count && *count; i++)
        LEAT_TRY(narrow(evaluator, frame, node->args[i], selection, count, err));
    return LEAT_OK;
}

enum leat_status leat_expr_fold(const struct leat_expr *expr, struct leat_arena *arena,
                                struct leat_value *out, struct leat_error *err)
{
    struct leat_batch one = {.length = 1};
    struct leat_evaluator *evaluator;
    struct leat_vector result;
    struct leat_value value;
    enum leat_status status;

    LEAT_TRY(leat_evaluator_new((struct leat_expr *const *)&expr, 1, NULL, NULL, &evaluator, err));
    status = leat_evaluator_run(evaluator, &one, &result, err);
    if (!status)
        status = leat_value_from_vector(&result, 0, &evaluator->scratch, &value, err);
    if (!status)
        status = leat_value_copy(&value, arena, out, err);
    leat_evaluator_free(evaluator);
    return status;
}
