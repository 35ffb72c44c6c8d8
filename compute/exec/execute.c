/* Running plans: from plan nodes to exec nodes, pipelines over threads, results to the handler or
 * into sinks. */
#include "compute/exec/exec_internal.h"

#include <pthread.h>

enum { MAX_DEPTH = 1000 };

void leat_operator_close(struct leat_operator *op)
{
    if (op)
        op->ops->close(op);
}

static const struct leat_node_ops *ops_of(enum leat_plan_kind kind)
{
    switch (kind) {
    case LEAT_PLAN_SCAN:
        return &leat_scan_node;
    case LEAT_PLAN_VALUES:
        return &leat_values_node;
    case LEAT_PLAN_FILTER:
        return &leat_filter_node;
    case LEAT_PLAN_PROJECT:
        return &leat_project_node;
    case LEAT_PLAN_AGGREGATE:
        return &leat_aggregate_node;
    case LEAT_PLAN_JOIN:
        return &leat_join_node;
    case LEAT_PLAN_SORT:
        return &leat_sort_node;
    case LEAT_PLAN_LIMIT:
        return &leat_limit_node;
    case LEAT_PLAN_UNION:
        return &leat_union_node;
    case LEAT_PLAN_EXCHANGE:
        return &leat_pass_node;
    case LEAT_PLAN_SHARED:
        return &leat_shared_node;
    case LEAT_PLAN_INPUT:
        return &leat_input_node;
    case LEAT_PLAN_SERIES:
        return &leat_series_node;
    case LEAT_PLAN_RECURSIVE:
        return &leat_recursive_node;
    case LEAT_PLAN_WORKING:
        return &leat_working_node;
    case LEAT_PLAN_WINDOW:
        return &leat_window_node;
    case LEAT_PLAN_UNNEST:
        return &leat_unnest_node;
    default:
        return NULL;
    }
}

/* Whether the order of the node's rows means something. */
static bool is_ordered(const struct leat_node *node)
{
    switch (node->plan->kind) {
    case LEAT_PLAN_SORT:
    case LEAT_PLAN_INPUT:
    case LEAT_PLAN_VALUES:
    case LEAT_PLAN_SERIES:
        return true;
    case LEAT_PLAN_FILTER:
    case LEAT_PLAN_PROJECT:
    case LEAT_PLAN_LIMIT:
    case LEAT_PLAN_SHARED:
    case LEAT_PLAN_EXCHANGE:
        return node->children[0]->ordered;
    default:
        return false;
    }
}

static enum leat_status make_node(struct leat_exec *exec, const struct leat_plan *plan,
                                  unsigned depth, struct leat_node **out, struct leat_error *err)
{
    struct leat_node *node, *owner = NULL;

    for (uint32_t i = 0; plan->kind == LEAT_PLAN_SHARED && i < exec->shared_count; i++)
        if (exec->shared[i]->plan->children[0] == plan->children[0])
            owner = exec->shared[i];
    if (depth > MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "a plan deeper than %d", MAX_DEPTH);
    node = LEAT_NEW(&exec->arena, struct leat_node);
    if (!node)
        return leat_error_memory(err);
    node->plan = plan;
    node->ops = ops_of(plan->kind);
    if (!node->ops)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "this kind of query (plan node %d)",
                              (int)plan->kind);
    node->children = LEAT_NEW_ARRAY(&exec->arena, struct leat_node *, plan->child_count);
    if (!node->children)
        return leat_error_memory(err);
    if (owner) { /* rows computed once, read by this node with a counter of its own */
        node->owner = owner;
        node->children[0] = owner->children[0];
        node->ordered = owner->ordered;
        *out = node;
        return LEAT_OK;
    }
    for (uint32_t i = 0; i < plan->child_count; i++)
        LEAT_TRY(make_node(exec, plan->children[i], depth + 1, &node->children[i], err));
    node->ordered = is_ordered(node);
    if (plan->kind == LEAT_PLAN_SHARED) {
        if (exec->shared_count == 64)
            return leat_error_set(err, LEAT_E_LIMIT, "more than 64 shared subplans");
        exec->shared[exec->shared_count++] = node;
    }
    *out = node;
    return LEAT_OK;
}

enum leat_status leat_node_new(struct leat_exec *exec, const struct leat_plan *plan,
                               struct leat_node **out, struct leat_error *err)
{
    return make_node(exec, plan, 0, out, err);
}

static void release_node(struct leat_node *node)
{
    if (!node)
        return;
    if (node->state && node->ops->release)
        node->ops->release(node);
    node->state = NULL;
    for (uint32_t i = 0; !node->owner && node->children && i < node->plan->child_count; i++)
        release_node(node->children[i]);
}

static enum leat_status prepare_node(struct leat_exec *exec, struct leat_node *node,
                                     struct leat_error *err)
{
    if (node->ops->prepare)
        return node->ops->prepare(exec, node, err);
    for (uint32_t i = 0; i < node->plan->child_count; i++)
        LEAT_TRY(leat_node_prepare(exec, node->children[i], err));
    return LEAT_OK;
}

enum leat_status leat_node_prepare(struct leat_exec *exec, struct leat_node *node,
                                   struct leat_error *err)
{
    enum leat_status status;
    int64_t start;

    if (node->prepared)
        return LEAT_OK;
    node->prepared = true;
    start = exec->options->profile ? leat_clock_monotonic() : 0;
    status = prepare_node(exec, node, err);
    /* what a breaker does happens here */
    if (exec->options->profile && node->ops->prepare)
        atomic_fetch_add(&node->nanoseconds, leat_clock_monotonic() - start);
    return status;
}

/* --- profiling --- */
struct profile_operator {
    struct leat_operator base;
    struct leat_node *node;
    struct leat_operator *inner;
};

static enum leat_status profile_next(struct leat_operator *base, struct leat_batch **out,
                                     struct leat_error *err)
{
    struct profile_operator *op = (struct profile_operator *)base;
    int64_t start = leat_clock_monotonic();
    enum leat_status status = op->inner->ops->next(op->inner, out, err);

    atomic_fetch_add(&op->node->nanoseconds, leat_clock_monotonic() - start);
    if (status == LEAT_OK && *out)
        atomic_fetch_add(&op->node->rows, (*out)->length);
    return status;
}

static void profile_close(struct leat_operator *base)
{
    leat_operator_close(((struct profile_operator *)base)->inner);
    leat_free(base);
}

static const struct leat_operator_ops profile_ops = {profile_next, profile_close};

enum leat_status leat_node_open(struct leat_exec *exec, struct leat_node *node,
                                struct leat_operator **out, struct leat_error *err)
{
    struct profile_operator *wrapper;

    LEAT_TRY(node->ops->open(exec, node, out, err));
    if (!exec->options->profile)
        return LEAT_OK;
    wrapper = leat_calloc(1, sizeof(*wrapper));
    if (!wrapper) {
        leat_operator_close(*out);
        *out = NULL;
        return leat_error_memory(err);
    }
    wrapper->base.ops = &profile_ops;
    wrapper->node = node;
    wrapper->inner = *out;
    *out = &wrapper->base;
    return LEAT_OK;
}

/* --- pipelines --- */
struct pipeline {
    struct leat_exec *exec;
    struct leat_node *node;
    leat_pipeline_take take;
    void *context;
};

static enum leat_status pipeline_thread(void *context, size_t thread, struct leat_error *err)
{
    struct pipeline *pipeline = context;
    struct leat_operator *op;
    struct leat_batch *batch;
    enum leat_status status;

    LEAT_TRY(leat_node_open(pipeline->exec, pipeline->node, &op, err));
    do {
        status = op->ops->next(op, &batch, err);
        if (status == LEAT_OK)
            status = leat_exec_check(pipeline->exec, err);
        if (status == LEAT_OK && batch && batch->length > 0)
            status = pipeline->take(pipeline->context, (unsigned)thread, batch, err);
    } while (status == LEAT_OK && batch);
    leat_operator_close(op);
    return status;
}

unsigned leat_pipeline_threads(const struct leat_exec *exec, const struct leat_node *node)
{
    return node->ordered ? 1 : exec->threads;
}

enum leat_status leat_pipeline_run(struct leat_exec *exec, struct leat_node *node,
                                   leat_pipeline_take take, void *context, struct leat_error *err)
{
    struct pipeline pipeline = {exec, node, take, context};
    unsigned threads = leat_pipeline_threads(exec, node);

    LEAT_TRY(leat_node_prepare(exec, node, err));
    exec->pipeline_threads = threads;
    return leat_parallel_run(threads, threads, pipeline_thread, &pipeline, err);
}

static enum leat_status collect_batch(void *context, unsigned thread,
                                      const struct leat_batch *batch, struct leat_error *err)
{
    return leat_rows_append((struct leat_rows *)context + thread, batch, err);
}

enum leat_status leat_pipeline_collect(struct leat_exec *exec, struct leat_node *node,
                                       struct leat_table_rows *out, struct leat_error *err)
{
    unsigned threads = leat_pipeline_threads(exec, node);
    struct leat_rows *parts = leat_calloc(threads, sizeof(*parts));
    enum leat_status status = LEAT_OK;

    if (!parts)
        return leat_error_memory(err);
    for (unsigned i = 0; i < threads && status == LEAT_OK; i++)
        status = leat_rows_init(&parts[i], &node->plan->schema, exec->options->accountant, err);
    if (status == LEAT_OK)
        status = leat_pipeline_run(exec, node, collect_batch, parts, err);
    if (status == LEAT_OK)
        status = leat_table_rows_join(exec, parts, threads, &node->plan->schema, out, err);
    for (unsigned i = 0; i < threads; i++)
        leat_rows_release(&parts[i]);
    leat_free(parts);
    return status;
}

/* --- the top: results or writes --- */
struct top {
    struct leat_exec *exec;
    struct leat_result_handler *handler;
    pthread_mutex_t lock;
    struct leat_sink *sink;
    struct leat_writer **writers; /* one a thread, opened at its first batch */
};

static enum leat_status give_batch(void *context, unsigned thread, const struct leat_batch *batch,
                                   struct leat_error *err)
{
    struct top *top = context;
    enum leat_status status;

    if (!top->handler)
        return LEAT_OK;
    if (top->handler->batch_of)
        return top->handler->batch_of(top->handler, thread, batch, err);
    pthread_mutex_lock(&top->lock);
    status = top->handler->batch(top->handler, batch, err);
    pthread_mutex_unlock(&top->lock);
    return status;
}

static enum leat_status write_batch(void *context, unsigned thread, const struct leat_batch *batch,
                                    struct leat_error *err)
{
    struct top *top = context;

    if (!top->writers[thread]) {
        struct leat_attempt attempt = *top->exec->options->attempt;
        attempt.partition += thread;
        LEAT_TRY(top->sink->ops->open(top->sink, &attempt, &top->writers[thread], err));
    }
    return top->writers[thread]->ops->write(top->writers[thread], batch, err);
}

static enum leat_status finish_writers(struct top *top, unsigned threads, struct leat_error *err)
{
    struct leat_buffer receipt;
    enum leat_status status = LEAT_OK;

    leat_buffer_init(&receipt, 0);
    for (unsigned i = 0; i < threads && status == LEAT_OK; i++) {
        struct leat_writer *writer = top->writers[i];
        if (!writer)
            continue;
        top->writers[i] = NULL;
        receipt.length = 0;
        status = writer->ops->finish(writer, &receipt, err);
        if (status == LEAT_OK)
            status = leat_bytes_list_append(top->exec->receipts, receipt.data, receipt.length, err);
    }
    leat_buffer_release(&receipt);
    return status;
}

static enum leat_status run_write(struct leat_exec *exec, const struct leat_plan *plan,
                                  struct leat_node *child, struct leat_error *err)
{
    unsigned threads = leat_pipeline_threads(exec, child);
    struct top top = {.exec = exec, .sink = plan->write.sink};
    enum leat_status status;

    if (!exec->options->attempt || !exec->receipts)
        return leat_error_internal(err, "a plan that writes, run without an attempt");
    top.writers = leat_calloc(threads, sizeof(*top.writers));
    if (!top.writers)
        return leat_error_memory(err);
    status = leat_pipeline_run(exec, child, write_batch, &top, err);
    if (status == LEAT_OK)
        status = finish_writers(&top, threads, err);
    for (unsigned i = 0; i < threads; i++)
        leat_writer_abort(top.writers[i]);
    leat_free(top.writers);
    return status;
}

static enum leat_status run_top(struct leat_exec *exec, const struct leat_plan *plan,
                                struct leat_result_handler *handler, struct leat_node **root,
                                struct leat_error *err)
{
    bool writes = plan->kind == LEAT_PLAN_WRITE;
    struct top top = {.exec = exec, .handler = handler};
    enum leat_status status;

    LEAT_TRY(leat_node_new(exec, writes ? plan->children[0] : plan, root, err));
    if (writes)
        return run_write(exec, plan, *root, err);
    pthread_mutex_init(&top.lock, NULL);
    status = leat_pipeline_run(exec, *root, give_batch, &top, err);
    pthread_mutex_destroy(&top.lock);
    return status;
}

void leat_exec_begin(struct leat_exec *exec, const struct leat_execute_options *options,
                     struct leat_bytes_list *receipts)
{
    memset(exec, 0, sizeof(*exec));
    exec->options = options;
    exec->threads = options->threads ? options->threads : leat_cpu_count();
    exec->batch_rows = options->batch_rows ? options->batch_rows : LEAT_BATCH_ROWS;
    exec->receipts = receipts;
    leat_arena_init(&exec->arena, options->accountant);
}

void leat_exec_end(struct leat_exec *exec, struct leat_node *root)
{
    release_node(root);
    leat_arena_release(&exec->arena);
}

enum leat_status leat_execute(const struct leat_plan *plan,
                              const struct leat_execute_options *options,
                              struct leat_result_handler *handler, struct leat_bytes_list *receipts,
                              struct leat_error *err)
{
    struct leat_node *root = NULL;
    struct leat_exec exec;
    enum leat_status status;

    leat_exec_begin(&exec, options, receipts);
    status = run_top(&exec, plan, handler, &root, err);
    leat_exec_end(&exec, root);
    return status;
}

struct rows_handler {
    struct leat_result_handler base;
    struct leat_rows *rows;
};

static enum leat_status keep_batch(struct leat_result_handler *handler,
                                   const struct leat_batch *batch, struct leat_error *err)
{
    return leat_rows_append(((struct rows_handler *)handler)->rows, batch, err);
}

enum leat_status leat_execute_rows(const struct leat_plan *plan,
                                   const struct leat_execute_options *options,
                                   struct leat_rows *out, struct leat_error *err)
{
    struct rows_handler handler = {{.batch = keep_batch}, out};
    enum leat_status status = leat_rows_init(out, &plan->schema, options->accountant, err);

    if (status == LEAT_OK)
        status = leat_execute(plan, options, &handler.base, NULL, err);
    if (status != LEAT_OK)
        leat_rows_release(out);
    return status;
}

/* Adds real rows and time behind each line of the plan's tree, which is printed in the same order.
 */
static enum leat_status print_profile(const struct leat_node *node, unsigned depth,
                                      struct leat_buffer *out, struct leat_error *err)
{
    static const char *const names[] = {
        "Scan",   "Values", "Filter", "Project",  "Aggregate", "Join",
        "Sort",   "Limit",  "Union",  "Exchange", "Write",     "Shared",
        "Window", "Unnest", "Input",  "Series",   "Recursion", "Rows of a round"};
    const struct leat_plan *plan = node->plan;

    LEAT_TRY(leat_buffer_printf(out, err, "%*s%s", (int)depth * 2, "", names[plan->kind]));
    if (plan->kind == LEAT_PLAN_SCAN)
        LEAT_TRY(leat_buffer_printf(out, err, " %s", plan->scan.source->name));
    LEAT_TRY(leat_buffer_printf(out, err, "  (estimated %.0f rows, real %llu, %.3f ms)\n",
                                plan->rows, (unsigned long long)atomic_load(&node->rows),
                                (double)atomic_load(&node->nanoseconds) / 1e6));
    if (atomic_load(&node->spilled) > 0) {
        out->length--;
        LEAT_TRY(leat_buffer_printf(out, err, "  (%.1f MB moved to disk)\n",
                                    (double)atomic_load(&node->spilled) / 1e6));
    }
    for (uint32_t i = 0; i < plan->child_count; i++)
        LEAT_TRY(print_profile(node->children[i], depth + 1, out, err));
    return LEAT_OK;
}

enum leat_status leat_execute_explain(const struct leat_plan *plan,
                                      const struct leat_execute_options *options,
                                      struct leat_buffer *out, struct leat_error *err)
{
    struct leat_execute_options profiled = *options;
    int64_t start = leat_clock_monotonic();
    struct leat_node *root = NULL;
    struct leat_exec exec;
    enum leat_status status;

    profiled.profile = true;
    leat_exec_begin(&exec, &profiled, NULL);
    status = run_top(&exec, plan, NULL, &root, err);
    if (status == LEAT_OK)
        status = print_profile(root, 0, out, err);
    if (status == LEAT_OK)
        status = leat_buffer_printf(
            out, err, "Time of operators includes what they pull; whole: %.3f ms, %u threads\n",
            (double)(leat_clock_monotonic() - start) / 1e6, exec.threads);
    leat_exec_end(&exec, root);
    return status;
}
