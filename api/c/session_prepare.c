/* Prepared statements: the syntax tree is kept, with the types of its parameters and the columns of
 * its rows. Planning is done anew for each run, since tables change meanwhile and values decide
 * what is read. */
#include "api/c/session_internal.h"

/* Keeps the columns that a statement would give. */
struct describing {
    struct leat_session_output base;
    struct leat_prepared *prepared;
};

static enum leat_status keep_schema(struct leat_session_output *output,
                                    const struct leat_schema *schema, struct leat_error *err)
{
    struct leat_prepared *prepared = ((struct describing *)output)->prepared;

    prepared->has_rows = true;
    return leat_schema_copy(schema, prepared->parameters.arena, &prepared->schema, err);
}

static enum leat_status init_parameters(struct leat_prepared *out,
                                        const struct leat_type *const *types, uint32_t type_count,
                                        struct leat_arena *arena, struct leat_error *err)
{
    struct leat_plan_parameters *all = &out->parameters;

    all->arena = arena;
    all->count =
        out->script.parameter_count > type_count ? out->script.parameter_count : type_count;
    if (all->count > UINT16_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "a statement has at most %u parameters",
                              UINT16_MAX);
    all->items = LEAT_NEW_ARRAY(arena, struct leat_plan_parameter, all->count);
    if (!all->items)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < all->count; i++) {
        all->items[i].is_null = true;
        if (i < type_count && types[i])
            LEAT_TRY(leat_type_copy(types[i], arena, &all->items[i].type, err));
    }
    return LEAT_OK;
}

/* A parameter that meets nothing that says its type is text. */
static void close_parameters(struct leat_plan_parameters *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        all->items[i].open = false;
        if (!all->items[i].type)
            all->items[i].type = leat_type_get(LEAT_TEXT);
    }
}

enum leat_status leat_session_prepare(struct leat_session *session, const char *text, size_t length,
                                      const struct leat_type *const *types, uint32_t type_count,
                                      struct leat_arena *arena, struct leat_prepared *out,
                                      struct leat_error *err)
{
    struct describing describing = {{.begin = keep_schema, .end = session_ignore_end}, out};
    struct run run = {.session = session, .script = &out->script, .output = &describing.base};

    memset(out, 0, sizeof(*out));
    LEAT_TRY(leat_sql_parse("", text, length, session->dialect, arena, &out->script, err));
    if (out->script.count > 1) {
        (void)leat_error_set(err, LEAT_E_SYNTAX,
                             "a prepared statement is one statement, and this text has %u",
                             out->script.count);
        leat_error_at_text(err, "", text, length, out->script.statements[1]->offset, 0);
        return LEAT_INVALID;
    }
    LEAT_TRY(init_parameters(out, types, type_count, arena, err));
    if (out->script.count == 0)
        return LEAT_OK;
    run.describe = true;
    run.plan_options.parameters = &out->parameters;
    LEAT_TRY(session_run_statement(&run, out->script.statements[0], err));
    close_parameters(&out->parameters);
    return LEAT_OK;
}

enum leat_status leat_session_execute(struct leat_session *session,
                                      const struct leat_prepared *prepared,
                                      const struct leat_plan_parameter *values,
                                      struct leat_session_output *output, struct leat_error *err)
{
    struct run run = {.session = session, .script = &prepared->script, .output = output};
    struct leat_plan_parameters parameters = prepared->parameters;
    struct leat_arena arena;
    enum leat_status status = LEAT_OK;

    if (prepared->script.count == 0)
        return LEAT_OK;
    leat_arena_init(&arena, &session->accountant);
    parameters.arena = &arena;
    parameters.items = LEAT_NEW_ARRAY(&arena, struct leat_plan_parameter, parameters.count);
    if (!parameters.items)
        status = leat_error_memory(err);
    for (uint32_t i = 0; status == LEAT_OK && i < parameters.count; i++) {
        parameters.items[i] = values[i];
        if (!values[i].type)
            parameters.items[i].type = prepared->parameters.items[i].type;
        parameters.items[i].open = false;
    }
    run.plan_options.parameters = &parameters;
    if (status == LEAT_OK)
        status = session_run_statement(&run, prepared->script.statements[0], err);
    if (status != LEAT_OK)
        leat_accountant_explain(&session->accountant, err);
    leat_arena_release(&arena);
    return status;
}
