/* One walk over the plan. Rows are as wide as their columns' types, texts a guess; a table that is
 * kept has an entry of its directory for each row besides. */
#include "compute/plan/work.h"

enum { TEXT_WIDTH = 24, NESTED_WIDTH = 64, ENTRY_WIDTH = 16, SHARED_IDS = 64 };

static double row_width(const struct leat_schema *schema)
{
    double width = 0;

    for (uint32_t i = 0; i < schema->count; i++) {
        const struct leat_type *type = schema->fields[i].type;
        if (leat_type_is_nested(type))
            width += NESTED_WIDTH;
        else if (type->id == LEAT_TEXT || type->id == LEAT_BYTES || type->id == LEAT_JSON)
            width += TEXT_WIDTH;
        else
            width += (double)leat_type_width(type);
    }
    return width;
}

static double rows_of(const struct leat_plan *plan)
{
    return plan->rows > 0 ? plan->rows : 0;
}

static void keep(struct leat_plan_work *work, double rows, double width)
{
    work->memory += rows * (width + ENTRY_WIDTH);
}

static void exchange(struct leat_plan_work *work, const struct leat_plan *child)
{
    work->exchanged += rows_of(child) * row_width(&child->schema);
    work->cuts++;
}

static void add_join(const struct leat_plan *plan, struct leat_plan_work *work)
{
    const struct leat_plan *build = plan->children[plan->join.build_left ? 0 : 1];

    keep(work, rows_of(build), row_width(&build->schema));
    if (plan->join.key_count == 0)
        work->steps += rows_of(plan->children[0]) * rows_of(plan->children[1]);
    exchange(work, plan->children[0]);
    exchange(work, plan->children[1]);
}

static void add_scan(const struct leat_plan *plan, struct leat_plan_work *work)
{
    const struct leat_source *source = plan->scan.source;

    work->rows_read +=
        source->row_estimate == UINT64_MAX ? rows_of(plan) : (double)source->row_estimate;
    work->steps += source->row_estimate == UINT64_MAX ? 0 : (double)source->row_estimate;
    if (source->byte_estimate != UINT64_MAX)
        work->bytes_read += (double)source->byte_estimate;
}

static void add_node(const struct leat_plan *plan, struct leat_plan_work *work)
{
    switch (plan->kind) {
    case LEAT_PLAN_SCAN:
        add_scan(plan, work);
        break;
    case LEAT_PLAN_JOIN:
        add_join(plan, work);
        break;
    case LEAT_PLAN_AGGREGATE: /* partial states meet, not rows */
        keep(work, rows_of(plan), row_width(&plan->schema));
        exchange(work, plan);
        break;
    case LEAT_PLAN_SORT:
        if (plan->sort.limit == UINT64_MAX)
            keep(work, rows_of(plan), row_width(&plan->schema));
        exchange(work, plan);
        break;
    case LEAT_PLAN_WINDOW:
        keep(work, rows_of(plan), row_width(&plan->schema));
        exchange(work, plan->children[0]);
        break;
    default:
        break;
    }
}

struct walk {
    struct leat_plan_work *work;
    uint32_t seen[SHARED_IDS];
    unsigned seen_count;
};

static bool seen(struct walk *walk, uint32_t id)
{
    for (unsigned i = 0; i < walk->seen_count; i++)
        if (walk->seen[i] == id)
            return true;
    if (walk->seen_count < SHARED_IDS)
        walk->seen[walk->seen_count++] = id;
    return false;
}

static void add(const struct leat_plan *plan, struct walk *walk)
{
    if (plan->kind == LEAT_PLAN_SHARED && seen(walk, plan->shared.id))
        return;
    walk->work->steps += rows_of(plan);
    add_node(plan, walk->work);
    for (uint32_t i = 0; i < plan->child_count; i++)
        add(plan->children[i], walk);
}

void leat_plan_estimate(const struct leat_plan *plan, struct leat_plan_work *out)
{
    struct walk walk = {.work = out};

    memset(out, 0, sizeof(*out));
    out->rows = rows_of(plan);
    add(plan, &walk);
}
