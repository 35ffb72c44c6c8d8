/* Cutting plans into stages.
 *
 * Bottom-up, each subplan becomes a part: a plan of the stage that is being made, and whether all
 * its rows are in one task. An operator that needs rows to meet ends the stages of its children
 * (an exchange) and starts above INPUT nodes. Nodes are copied, since splits and inputs are written
 * into them. Inputs have numbers of their own during the cut; when a stage is ended, its INPUT
 * nodes are numbered from 0. */
#include "compute/plan/stages.h"
#include "compute/plan/reduce.h"

enum { MAX_DEPTH = 1000, CARRY_ROWS = 20000 /* rows in memory that travel inside a plan */ };

struct part {
    struct leat_plan *plan;
    bool single;    /* all rows are in task 0 */
    uint32_t tasks; /* at least so many */
    bool local;
};
struct shared_stage {
    const struct leat_plan *child;
    uint32_t stage;
};
struct cutting {
    const struct leat_stage_options *options;
    struct leat_plan_owner *owner;
    struct leat_stages *stages;
    uint32_t stage_capacity;
    struct leat_stage_input *inputs;
    uint32_t input_count;
    uint32_t input_capacity;
    struct shared_stage *shared;
    uint32_t shared_count;
    uint32_t shared_capacity;
    struct leat_error *err;
};

static enum leat_status cut(struct cutting *c, const struct leat_plan *plan, unsigned depth,
                            struct part *out);

static enum leat_status grow(struct cutting *c, void *items, uint32_t count, uint32_t *capacity,
                             size_t size)
{
    void **list = items, *grown;
    uint32_t wanted = *capacity ? *capacity * 2 : 16;

    if (count < *capacity)
        return LEAT_OK;
    grown = leat_arena_calloc(&c->owner->arena, wanted, size);
    if (!grown)
        return leat_error_memory(c->err);
    if (count)
        memcpy(grown, *list, count * size);
    *list = grown;
    *capacity = wanted;
    return LEAT_OK;
}

/* --- nodes --- */

static enum leat_status copy_node(struct cutting *c, const struct leat_plan *plan,
                                  struct leat_plan **out)
{
    struct leat_plan *copy = LEAT_NEW(&c->owner->arena, struct leat_plan);
    struct leat_plan **children =
        LEAT_NEW_ARRAY(&c->owner->arena, struct leat_plan *, plan->child_count);

    *out = copy;
    if (!copy || !children)
        return leat_error_memory(c->err);
    *copy = *plan;
    copy->children = children;
    return LEAT_OK;
}

static enum leat_status new_input(struct cutting *c, uint32_t stage, enum leat_input_mode mode,
                                  const struct leat_plan *like, struct part *out)
{
    struct leat_plan *plan = LEAT_NEW(&c->owner->arena, struct leat_plan);

    if (!plan)
        return leat_error_memory(c->err);
    LEAT_TRY(grow(c, &c->inputs, c->input_count, &c->input_capacity, sizeof(*c->inputs)));
    c->inputs[c->input_count] = (struct leat_stage_input){stage, mode};
    plan->kind = LEAT_PLAN_INPUT;
    plan->schema = like->schema;
    plan->rows = like->rows;
    plan->input.stage = c->input_count++;
    *out = (struct part){.plan = plan, .single = mode == LEAT_INPUT_ALL, .tasks = 1};
    if (mode == LEAT_INPUT_OWN)
        out->tasks = c->stages->items[stage].partition_count;
    return LEAT_OK;
}

/* --- ending a stage --- */

static uint32_t count_kind(const struct leat_plan *plan, enum leat_plan_kind kind)
{
    uint32_t count = plan->kind == kind;

    for (uint32_t i = 0; i < plan->child_count; i++)
        count += count_kind(plan->children[i], kind);
    return count;
}

/* Lists the stage's scans, and numbers its inputs from 0. */
static void list_leaves(struct cutting *c, struct leat_plan *plan, struct leat_stage *stage)
{
    if (plan->kind == LEAT_PLAN_INPUT) {
        stage->inputs[stage->input_count] = c->inputs[plan->input.stage];
        plan->input.stage = stage->input_count++;
    } else if (plan->kind == LEAT_PLAN_SCAN) {
        stage->scans[stage->scan_count++] =
            (struct leat_stage_scan){plan, plan->scan.splits, plan->scan.split_count};
    }
    for (uint32_t i = 0; i < plan->child_count; i++)
        list_leaves(c, plan->children[i], stage);
}

static enum leat_status end_stage(struct cutting *c, const struct part *part,
                                  enum leat_exchange_type output, struct leat_expr **keys,
                                  uint32_t key_count, uint32_t *number)
{
    struct leat_stage *stage;

    LEAT_TRY(grow(c, &c->stages->items, c->stages->count, &c->stage_capacity,
                  sizeof(*c->stages->items)));
    stage = &c->stages->items[c->stages->count];
    stage->plan = part->plan;
    stage->task_count = part->single ? 1 : part->tasks;
    stage->output = output;
    stage->keys = keys;
    stage->key_count = key_count;
    stage->partition_count = output == LEAT_EXCHANGE_HASH ? c->options->tasks : stage->task_count;
    stage->local = part->local;
    stage->inputs = LEAT_NEW_ARRAY(&c->owner->arena, struct leat_stage_input,
                                   count_kind(part->plan, LEAT_PLAN_INPUT));
    stage->scans = LEAT_NEW_ARRAY(&c->owner->arena, struct leat_stage_scan,
                                  count_kind(part->plan, LEAT_PLAN_SCAN));
    if (!stage->inputs || !stage->scans)
        return leat_error_memory(c->err);
    list_leaves(c, part->plan, stage);
    *number = c->stages->count++;
    return LEAT_OK;
}

/* The stage whose rows the part only hands on, if it does nothing else. */
static bool is_bare_input(const struct cutting *c, const struct part *part, uint32_t *stage)
{
    if (part->plan->kind != LEAT_PLAN_INPUT)
        return false;
    *stage = c->inputs[part->plan->input.stage].stage;
    return true;
}

/* Ends the part's stage; *part becomes the reading of its rows. */
static enum leat_status gather(struct cutting *c, struct part *part, enum leat_input_mode mode)
{
    const struct leat_plan *plan = part->plan;
    uint32_t stage;

    if (!is_bare_input(c, part, &stage))
        LEAT_TRY(end_stage(c, part, LEAT_EXCHANGE_SINGLE, NULL, 0, &stage));
    return new_input(c, stage, mode, plan, part);
}

static enum leat_status gather_single(struct cutting *c, struct part *part)
{
    return part->single ? LEAT_OK : gather(c, part, LEAT_INPUT_ALL);
}

static enum leat_status spread(struct cutting *c, struct part *part, struct leat_expr **keys,
                               uint32_t key_count)
{
    const struct leat_plan *plan = part->plan;
    uint32_t stage;

    LEAT_TRY(end_stage(c, part, LEAT_EXCHANGE_HASH, keys, key_count, &stage));
    return new_input(c, stage, LEAT_INPUT_OWN, plan, part);
}

/* --- leaves --- */

static enum leat_status take_splits(struct cutting *c, struct leat_plan *plan)
{
    struct leat_source *source = plan->scan.source;
    struct leat_bytes_list list;
    enum leat_status status;

    leat_bytes_list_init(&list);
    status = source->ops->splits(source, &plan->scan.scan, c->options->tasks, &list, c->err);
    if (status == LEAT_OK) {
        plan->scan.splits = LEAT_NEW_ARRAY(&c->owner->arena, struct leat_text, list.count);
        plan->scan.split_count = (uint32_t)list.count;
        if (!plan->scan.splits)
            status = leat_error_memory(c->err);
    }
    for (size_t i = 0; i < list.count && status == LEAT_OK; i++) {
        plan->scan.splits[i].length = list.items[i].length;
        plan->scan.splits[i].data =
            leat_arena_copy(&c->owner->arena, list.items[i].data, list.items[i].length);
        if (!plan->scan.splits[i].data)
            status = leat_error_memory(c->err);
    }
    leat_bytes_list_release(&list);
    return status;
}

static enum leat_status cut_scan(struct cutting *c, const struct leat_plan *plan, struct part *out)
{
    uint32_t splits, tasks = c->options->tasks;
    struct leat_plan *copy;

    LEAT_TRY(copy_node(c, plan, &copy));
    LEAT_TRY(take_splits(c, copy));
    splits = copy->scan.split_count;
    *out = (struct part){.plan = copy, .tasks = splits < tasks ? splits : tasks};
    out->single = splits == 0 || (splits == 1 && plan->rows <= (double)c->options->small_rows) ||
                  (tasks == 1 && c->options->small_rows > 0);
    if (out->tasks == 0)
        out->tasks = 1;
    if (strcmp(plan->scan.source->ops->kind, "rows") == 0 &&
        plan->scan.source->row_estimate > CARRY_ROWS) {
        out->local = out->single = true;
        return gather(c, out, LEAT_INPUT_ALL);
    }
    return LEAT_OK;
}

static enum leat_status cut_shared(struct cutting *c, const struct leat_plan *plan, unsigned depth,
                                   struct part *out)
{
    struct shared_stage *shared = NULL;
    uint32_t stage;
    bool single;

    for (uint32_t i = 0; i < c->shared_count; i++)
        if (c->shared[i].child == plan->children[0])
            shared = &c->shared[i];
    if (!shared) {
        LEAT_TRY(cut(c, plan->children[0], depth, out));
        if (!is_bare_input(c, out, &stage))
            LEAT_TRY(end_stage(c, out, LEAT_EXCHANGE_SINGLE, NULL, 0, &stage));
        LEAT_TRY(grow(c, &c->shared, c->shared_count, &c->shared_capacity, sizeof(*c->shared)));
        shared = &c->shared[c->shared_count++];
        *shared = (struct shared_stage){plan->children[0], stage};
    }
    single = c->stages->items[shared->stage].partition_count == 1;
    return new_input(c, shared->stage, single ? LEAT_INPUT_ALL : LEAT_INPUT_OWN, plan, out);
}

/* --- operators --- */

static enum leat_status cut_child(struct cutting *c, const struct leat_plan *plan, unsigned depth,
                                  struct part *out)
{
    return cut(c, plan->children[0], depth + 1, out);
}

/* Puts a copy of the node on the part. */
static enum leat_status put_on(struct cutting *c, const struct leat_plan *plan, struct part *part)
{
    struct leat_plan *copy;

    LEAT_TRY(copy_node(c, plan, &copy));
    copy->children[0] = part->plan;
    part->plan = copy;
    return LEAT_OK;
}

static enum leat_status column_keys(struct cutting *c, const struct leat_plan *plan, uint32_t count,
                                    struct leat_expr ***out)
{
    *out = LEAT_NEW_ARRAY(&c->owner->arena, struct leat_expr *, count);
    if (!*out)
        return leat_error_memory(c->err);
    for (uint32_t i = 0; i < count; i++) {
        struct leat_expr *expr = LEAT_NEW(&c->owner->arena, struct leat_expr);
        if (!expr)
            return leat_error_memory(c->err);
        expr->kind = LEAT_EXPR_COLUMN;
        expr->type = plan->schema.fields[i].type;
        expr->column = i;
        (*out)[i] = expr;
    }
    return LEAT_OK;
}

/* Partial states below the exchange, final results above. */
static enum leat_status cut_partial(struct cutting *c, const struct leat_plan *plan,
                                    struct part *part)
{
    uint32_t keys = plan->aggregate.key_count;
    struct leat_schema states = {plan->schema.count, NULL};
    struct leat_expr **columns;

    states.fields = LEAT_NEW_ARRAY(&c->owner->arena, struct leat_field, states.count);
    if (!states.fields)
        return leat_error_memory(c->err);
    for (uint32_t i = 0; i < states.count; i++) {
        states.fields[i] = plan->schema.fields[i];
        if (i >= keys)
            states.fields[i].type = leat_type_get(LEAT_BYTES);
    }
    LEAT_TRY(put_on(c, plan, part));
    part->plan->schema = states;
    part->plan->aggregate.mode = LEAT_AGGREGATE_PARTIAL;
    LEAT_TRY(column_keys(c, plan, keys, &columns));
    if (keys > 0)
        LEAT_TRY(spread(c, part, columns, keys));
    else
        LEAT_TRY(gather(c, part, LEAT_INPUT_ALL));
    LEAT_TRY(put_on(c, plan, part));
    part->plan->aggregate.mode = LEAT_AGGREGATE_FINAL;
    part->plan->aggregate.keys = columns;
    return LEAT_OK;
}

static enum leat_status cut_aggregate(struct cutting *c, const struct leat_plan *plan,
                                      unsigned depth, struct part *out)
{
    bool whole = false;

    LEAT_TRY(cut_child(c, plan, depth, out));
    /* States of a task's own rows are as good as those of all. */
    if (out->single || plan->aggregate.mode == LEAT_AGGREGATE_PARTIAL)
        return put_on(c, plan, out);
    whole = plan->aggregate.mode == LEAT_AGGREGATE_FINAL;
    for (uint32_t i = 0; i < plan->aggregate.call_count; i++)
        whole |= plan->aggregate.calls[i].distinct || plan->aggregate.calls[i].order_count > 0;
    if (!whole)
        return cut_partial(c, plan, out);
    if (plan->aggregate.key_count > 0)
        LEAT_TRY(spread(c, out, plan->aggregate.keys, plan->aggregate.key_count));
    else
        LEAT_TRY(gather_single(c, out));
    return put_on(c, plan, out);
}

static enum leat_status cut_window(struct cutting *c, const struct leat_plan *plan, unsigned depth,
                                   struct part *out)
{
    LEAT_TRY(cut_child(c, plan, depth, out));
    if (!out->single && plan->window.key_count > 0)
        LEAT_TRY(spread(c, out, plan->window.partition_keys, plan->window.key_count));
    else
        LEAT_TRY(gather_single(c, out));
    return put_on(c, plan, out);
}

static uint64_t first_rows(uint64_t limit, uint64_t offset)
{
    return limit > UINT64_MAX - offset ? UINT64_MAX : limit + offset;
}

/* Each task keeps the rows that may be among the first; one task decides. */
static enum leat_status cut_sort(struct cutting *c, const struct leat_plan *plan, unsigned depth,
                                 struct part *out)
{
    uint64_t keep = first_rows(plan->sort.limit, plan->sort.offset);

    LEAT_TRY(cut_child(c, plan, depth, out));
    if (!out->single && keep != UINT64_MAX) {
        LEAT_TRY(put_on(c, plan, out));
        out->plan->sort.limit = keep;
        out->plan->sort.offset = 0;
    }
    LEAT_TRY(gather_single(c, out));
    return put_on(c, plan, out);
}

static enum leat_status cut_limit(struct cutting *c, const struct leat_plan *plan, unsigned depth,
                                  struct part *out)
{
    uint64_t keep = first_rows(plan->limit.limit, plan->limit.offset);

    LEAT_TRY(cut_child(c, plan, depth, out));
    if (!out->single && keep != UINT64_MAX) {
        LEAT_TRY(put_on(c, plan, out));
        out->plan->limit.limit = keep;
        out->plan->limit.offset = 0;
    }
    LEAT_TRY(gather_single(c, out));
    return put_on(c, plan, out);
}

static enum leat_status cut_union(struct cutting *c, const struct leat_plan *plan, unsigned depth,
                                  struct part *out)
{
    struct part *parts = LEAT_NEW_ARRAY(&c->owner->arena, struct part, plan->child_count);
    struct leat_plan *copy;
    bool single = true;

    if (!parts)
        return leat_error_memory(c->err);
    LEAT_TRY(copy_node(c, plan, &copy));
    for (uint32_t i = 0; i < plan->child_count; i++) {
        LEAT_TRY(cut(c, plan->children[i], depth + 1, &parts[i]));
        single &= parts[i].single;
    }
    *out = (struct part){.plan = copy, .single = single, .tasks = 1};
    for (uint32_t i = 0; i < plan->child_count; i++) {
        if (!single && parts[i].single)
            LEAT_TRY(gather(c, &parts[i], LEAT_INPUT_FIRST));
        copy->children[i] = parts[i].plan;
        if (parts[i].tasks > out->tasks)
            out->tasks = parts[i].tasks;
    }
    return LEAT_OK;
}

/* Brings the two sides together. A MARK join must see all right rows, since a null or an empty set
 * anywhere decides about every row of the left: it is never hashed. */
/* Whether all tasks had better read all rows of that side: they are few, or, up to a bound that a
 * task can hold, fewer in all than the rows that would be exchanged instead. */
static bool is_small(const struct cutting *c, const struct leat_plan *join, uint32_t side)
{
    enum { MORE = 20 };
    double small = (double)c->options->small_rows, rows = join->children[side]->rows;
    double other = join->children[!side]->rows;

    return rows <= small || (rows <= small * MORE && rows * c->options->tasks <= rows + other);
}

static enum leat_status meet(struct cutting *c, const struct leat_plan *plan, struct part *left,
                             struct part *right)
{
    bool left_small = is_small(c, plan, 0), right_small = is_small(c, plan, 1);
    bool hash = plan->join.key_count > 0 && plan->join.type != LEAT_JOIN_MARK;

    if (left->single && right->single)
        return LEAT_OK;
    if (!left->single && leat_join_may_broadcast(plan->join.type, true) && (right_small || !hash))
        return gather(c, right, LEAT_INPUT_ALL);
    if (!right->single && leat_join_may_broadcast(plan->join.type, false) && (left_small || !hash))
        return gather(c, left, LEAT_INPUT_ALL);
    if (hash && !(left->single && right_small) && !(right->single && left_small)) {
        LEAT_TRY(spread(c, left, plan->join.left_keys, plan->join.key_count));
        return spread(c, right, plan->join.right_keys, plan->join.key_count);
    }
    LEAT_TRY(gather_single(c, left));
    return gather_single(c, right);
}

/* The small side's stage is also read by the stage that reads the other side, for its keys. */
static enum leat_status cut_reduced(struct cutting *c, const struct leat_reduction *reduction,
                                    unsigned depth, struct part *parts)
{
    const struct leat_plan *join = reduction->join;
    uint32_t side = reduction->side;
    struct leat_expr **keys[2] = {join->join.left_keys, join->join.right_keys};
    struct part *other = &parts[!side], reader;
    struct leat_plan *reduced;
    uint32_t stage;

    LEAT_TRY(cut(c, join->children[!side], depth + 1, other));
    if (reduction->hashes)
        LEAT_TRY(spread(c, other, keys[!side], join->join.key_count));
    else
        LEAT_TRY(gather(c, other, LEAT_INPUT_ALL));
    stage = c->inputs[other->plan->input.stage].stage;
    LEAT_TRY(new_input(c, stage, LEAT_INPUT_ALL, other->plan, &reader));
    LEAT_TRY(leat_reduction_put(reduction, reader.plan, &c->owner->arena, &reduced, c->err));
    LEAT_TRY(cut(c, reduced, depth + 1, &parts[side]));
    if (parts[side].single)
        return new_input(c, stage, LEAT_INPUT_ALL, other->plan, other);
    return reduction->hashes ? spread(c, &parts[side], keys[side], join->join.key_count) : LEAT_OK;
}

static enum leat_status cut_join(struct cutting *c, const struct leat_plan *plan, unsigned depth,
                                 struct part *out)
{
    struct leat_reduction reduction;
    struct leat_plan *copy;
    struct part parts[2];

    LEAT_TRY(copy_node(c, plan, &copy));
    if (leat_reduction_find(plan, (double)c->options->small_rows, c->options->tasks, &reduction)) {
        LEAT_TRY(cut_reduced(c, &reduction, depth, parts));
    } else {
        LEAT_TRY(cut(c, plan->children[0], depth + 1, &parts[0]));
        LEAT_TRY(cut(c, plan->children[1], depth + 1, &parts[1]));
        LEAT_TRY(meet(c, plan, &parts[0], &parts[1]));
    }
    copy->children[0] = parts[0].plan;
    copy->children[1] = parts[1].plan;
    *out =
        (struct part){.plan = copy,
                      .single = parts[0].single && parts[1].single,
                      .tasks = parts[0].tasks > parts[1].tasks ? parts[0].tasks : parts[1].tasks};
    return LEAT_OK;
}

static enum leat_status cut(struct cutting *c, const struct leat_plan *plan, unsigned depth,
                            struct part *out)
{
    if (depth > MAX_DEPTH)
        return leat_error_set(c->err, LEAT_E_LIMIT, "a plan deeper than %d", MAX_DEPTH);
    switch (plan->kind) {
    case LEAT_PLAN_SCAN:
        return cut_scan(c, plan, out);
    case LEAT_PLAN_VALUES:
    case LEAT_PLAN_SERIES:
        *out = (struct part){.single = true, .tasks = 1};
        return copy_node(c, plan, &out->plan);
    case LEAT_PLAN_RECURSIVE: /* many short rounds: here, as a whole */
        *out = (struct part){.single = true, .local = true, .tasks = 1};
        LEAT_TRY(copy_node(c, plan, &out->plan));
        memcpy(out->plan->children, plan->children, 2 * sizeof(struct leat_plan *));
        return gather(c, out, LEAT_INPUT_ALL);
    case LEAT_PLAN_WORKING:
        return leat_error_internal(c->err, "rows of a recursion outside it");
    case LEAT_PLAN_FILTER:
    case LEAT_PLAN_PROJECT:
    case LEAT_PLAN_UNNEST:
    case LEAT_PLAN_WRITE:
        LEAT_TRY(cut_child(c, plan, depth, out));
        return put_on(c, plan, out);
    case LEAT_PLAN_AGGREGATE:
        return cut_aggregate(c, plan, depth, out);
    case LEAT_PLAN_JOIN:
        return cut_join(c, plan, depth, out);
    case LEAT_PLAN_SORT:
        return cut_sort(c, plan, depth, out);
    case LEAT_PLAN_LIMIT:
        return cut_limit(c, plan, depth, out);
    case LEAT_PLAN_UNION:
        return cut_union(c, plan, depth, out);
    case LEAT_PLAN_EXCHANGE:
        return cut_child(c, plan, depth, out);
    case LEAT_PLAN_SHARED:
        return cut_shared(c, plan, depth + 1, out);
    case LEAT_PLAN_WINDOW:
        return cut_window(c, plan, depth, out);
    case LEAT_PLAN_INPUT: /* put there by cut_reduced() */
        *out = (struct part){.single = true, .tasks = 1};
        return copy_node(c, plan, &out->plan);
    }
    return leat_error_internal(c->err, "plan node %d cannot be cut", (int)plan->kind);
}

enum leat_status leat_stages_cut(const struct leat_plan *plan,
                                 const struct leat_stage_options *options,
                                 struct leat_plan_owner *owner, struct leat_stages *out,
                                 struct leat_error *err)
{
    struct cutting c = {.options = options, .owner = owner, .stages = out, .err = err};
    struct part part;
    uint32_t last;

    memset(out, 0, sizeof(*out));
    LEAT_TRY(cut(&c, plan, 0, &part));
    return end_stage(&c, &part, LEAT_EXCHANGE_SINGLE, NULL, 0, &last);
}

/* --- fragments --- */

enum leat_status leat_stage_put_task(struct leat_stage *stage, uint32_t task,
                                     struct leat_buffer *out, struct leat_error *err)
{
    for (uint32_t i = 0; i < stage->scan_count; i++) {
        const struct leat_stage_scan *scan = &stage->scans[i];
        uint64_t first = (uint64_t)scan->split_count * task / stage->task_count;
        uint64_t end = (uint64_t)scan->split_count * (task + 1) / stage->task_count;
        scan->plan->scan.splits = scan->splits + first;
        scan->plan->scan.split_count = (uint32_t)(end - first);
    }
    return leat_plan_put(stage->plan, out, err);
}

/* --- EXPLAIN --- */

static enum leat_status print_stage(const struct leat_stages *stages, uint32_t number,
                                    struct leat_buffer *out, struct leat_error *err)
{
    static const char *const modes[] = {"", " whole", " in the first task"};
    const struct leat_stage *stage = &stages->items[number];

    LEAT_TRY(leat_buffer_printf(out, err, "stage %u, %u task%s%s", number, stage->task_count,
                                stage->task_count == 1 ? "" : "s", stage->local ? ", here" : ""));
    for (uint32_t i = 0; i < stage->input_count; i++)
        LEAT_TRY(leat_buffer_printf(out, err, "%s stage %u%s", i ? "," : ", reads",
                                    stage->inputs[i].stage, modes[stage->inputs[i].mode]));
    if (stage->output == LEAT_EXCHANGE_HASH) {
        LEAT_TRY(leat_buffer_append_string(out, ", hash by ", err));
        for (uint32_t i = 0; i < stage->key_count; i++) {
            if (i)
                LEAT_TRY(leat_buffer_append_string(out, ", ", err));
            LEAT_TRY(leat_expr_print(stage->keys[i], &stage->plan->schema, out, err));
        }
    }
    LEAT_TRY(leat_buffer_append_string(out, "\n", err));
    return leat_plan_print(stage->plan, out, err);
}

enum leat_status leat_stages_print(const struct leat_stages *stages, struct leat_buffer *out,
                                   struct leat_error *err)
{
    for (uint32_t i = 0; i < stages->count; i++)
        LEAT_TRY(print_stage(stages, i, out, err));
    return LEAT_OK;
}
