/* What a plan borrows, kept and closed together. */
#include "compute/plan/plan.h"

void leat_plan_owner_init(struct leat_plan_owner *owner, struct leat_accountant *accountant)
{
    memset(owner, 0, sizeof(*owner));
    leat_arena_init(&owner->arena, accountant);
}

void leat_plan_owner_release(struct leat_plan_owner *owner)
{
    for (size_t i = 0; i < owner->source_count; i++)
        leat_source_close(owner->sources[i]);
    for (size_t i = 0; i < owner->sink_count; i++)
        leat_sink_close(owner->sinks[i]);
    leat_free(owner->sources);
    leat_free(owner->sinks);
    leat_arena_release(&owner->arena);
    memset(owner, 0, sizeof(*owner));
}

enum leat_status leat_plan_own_source(struct leat_plan_owner *owner, struct leat_source *source,
                                      struct leat_error *err)
{
    struct leat_source **sources =
        leat_realloc(owner->sources, (owner->source_count + 1) * sizeof(*sources));

    if (!sources) {
        leat_source_close(source);
        return leat_error_memory(err);
    }
    owner->sources = sources;
    owner->sources[owner->source_count++] = source;
    return LEAT_OK;
}

enum leat_status leat_plan_own_sink(struct leat_plan_owner *owner, struct leat_sink *sink,
                                    struct leat_error *err)
{
    struct leat_sink **sinks = leat_realloc(owner->sinks, (owner->sink_count + 1) * sizeof(*sinks));

    if (!sinks) {
        leat_sink_close(sink);
        return leat_error_memory(err);
    }
    owner->sinks = sinks;
    owner->sinks[owner->sink_count++] = sink;
    return LEAT_OK;
}
