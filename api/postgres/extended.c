/* The extended protocol: statements that are prepared, bound to values as portals, described and
 * run. A portal that is asked for a part of its rows keeps the others. */
#include "api/postgres/server_internal.h"

#include "base/utf8.h"

#include <stdio.h>

/* --- statements and portals by name --- */

static void release_statement(struct postgres_statement *statement)
{
    if (--statement->references > 0)
        return;
    leat_arena_release(&statement->arena);
    leat_free(statement);
}

struct postgres_statement **postgres_find_statement(struct postgres_connection *connection,
                                                    struct leat_text name)
{
    struct postgres_statement **link = &connection->statements;

    while (*link && !leat_text_equal(leat_text_of((*link)->name), name))
        link = &(*link)->next;
    return link;
}

struct postgres_portal **postgres_find_portal(struct postgres_connection *connection,
                                              struct leat_text name)
{
    struct postgres_portal **link = &connection->portals;

    while (*link && !leat_text_equal(leat_text_of((*link)->name), name))
        link = &(*link)->next;
    return link;
}

static void close_statement(struct postgres_statement **link)
{
    struct postgres_statement *statement = *link;

    if (!statement)
        return;
    *link = statement->next;
    release_statement(statement);
}

void postgres_close_portal(struct postgres_portal **link)
{
    struct postgres_portal *portal = *link;

    if (!portal)
        return;
    *link = portal->next;
    leat_rows_release(&portal->rows);
    release_statement(portal->statement);
    leat_arena_release(&portal->arena);
    leat_free(portal);
}

void postgres_close_portals(struct postgres_connection *connection)
{
    while (connection->portals)
        postgres_close_portal(&connection->portals);
}

void postgres_close_all(struct postgres_connection *connection)
{
    postgres_close_portals(connection);
    while (connection->statements)
        close_statement(&connection->statements);
}

enum leat_status postgres_no_such(const char *kind, struct leat_text name, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_PREPARED, "%s \"%.*s\" does not exist", kind,
                          (int)(name.length < 200 ? name.length : 200), name.data);
}

/* A message without a body. */
enum leat_status postgres_put_empty(struct postgres_connection *connection, char type,
                                    struct leat_error *err)
{
    LEAT_TRY(postgres_begin(&connection->stream, type, err));
    return postgres_end(&connection->stream, err);
}

/* --- Parse --- */

static enum leat_status read_types(struct leat_cursor *body, struct postgres_statement *statement,
                                   const struct leat_type ***out, struct leat_error *err)
{
    struct leat_arena *arena = &statement->arena;
    int16_t given;
    int32_t id;

    LEAT_TRY(postgres_get_i16(body, &given, err));
    statement->declared_count = (uint16_t)given;
    statement->declared = LEAT_NEW_ARRAY(arena, uint32_t, statement->declared_count);
    *out = LEAT_NEW_ARRAY(arena, const struct leat_type *, statement->declared_count);
    if (!*out || !statement->declared)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < statement->declared_count; i++) {
        LEAT_TRY(postgres_get_i32(body, &id, err));
        (*out)[i] = leat_type_postgres_of((uint32_t)id, arena);
        statement->declared[i] = (*out)[i] ? (uint32_t)id : 0;
    }
    return LEAT_OK;
}

static enum leat_status prepare_as(struct postgres_connection *connection,
                                   struct postgres_statement *statement, struct leat_text text,
                                   const struct leat_type **types, struct leat_error *err)
{
    enum leat_status status;

    atomic_store(&connection->running, true);
    status = leat_session_prepare(connection->session, text.data, text.length, types,
                                  statement->declared_count, &statement->arena,
                                  &statement->prepared, err);
    atomic_store(&connection->running, false);
    return status;
}

/* An array type says nothing of the dimensions: where one does not fit, the statement decides. */
static bool undeclare_arrays(const struct postgres_statement *statement,
                             const struct leat_type **types)
{
    bool any = false;

    for (uint32_t i = 0; i < statement->declared_count; i++)
        if (types[i] && types[i]->id == LEAT_LIST) {
            types[i] = NULL;
            any = true;
        }
    return any;
}

static enum leat_status prepare(struct postgres_connection *connection,
                                struct postgres_statement *statement, struct leat_text name,
                                struct leat_text sql, struct leat_cursor *body,
                                struct leat_text *text, struct leat_error *err)
{
    const struct leat_type **types;
    enum leat_status status;

    if (!leat_utf8_valid(sql.data, sql.length) || !leat_utf8_valid(name.data, name.length))
        return leat_error_set(err, LEAT_E_BYTE_SEQUENCE, "the statement is not valid UTF-8");
    LEAT_TRY(read_types(body, statement, &types, err));
    statement->name = leat_arena_copy(&statement->arena, name.data, name.length);
    text->data = leat_arena_copy(&statement->arena, sql.data, sql.length);
    text->length = sql.length;
    if (!statement->name || !text->data)
        return leat_error_memory(err);
    status = prepare_as(connection, statement, *text, types, err);
    if (status != LEAT_OK && undeclare_arrays(statement, types))
        status = prepare_as(connection, statement, *text, types, err);
    return status;
}

static enum leat_status parse(struct postgres_connection *connection, struct leat_cursor *body,
                              struct leat_text *text, struct leat_error *err)
{
    struct postgres_statement *statement, **link;
    struct leat_text name, sql;
    enum leat_status status;

    LEAT_TRY(postgres_get_text(body, &name, err));
    LEAT_TRY(postgres_get_text(body, &sql, err));
    link = postgres_find_statement(connection, name);
    if (*link && name.length > 0) {
        (void)leat_error_set(err, LEAT_E_PREPARED, "prepared statement \"%.*s\" already exists",
                             (int)name.length, name.data);
        memcpy(err->sqlstate, "42P05", 6);
        return err->status;
    }
    close_statement(link);
    statement = leat_calloc(1, sizeof(*statement));
    if (!statement)
        return leat_error_memory(err);
    statement->references = 1;
    leat_arena_init(&statement->arena, leat_session_accountant(connection->session));
    status = prepare(connection, statement, name, sql, body, text, err);
    if (status != LEAT_OK) { /* the error's text must outlive the statement */
        *text = sql;
        release_statement(statement);
        return status;
    }
    statement->next = connection->statements;
    connection->statements = statement;
    return postgres_put_empty(connection, '1', err);
}

/* --- Describe, Close --- */

static enum leat_status describe_statement(struct postgres_connection *connection,
                                           const struct postgres_statement *statement,
                                           struct leat_error *err)
{
    const struct leat_prepared *prepared = &statement->prepared;
    struct postgres_stream *stream = &connection->stream;

    LEAT_TRY(postgres_begin(stream, 't', err));
    LEAT_TRY(postgres_put_i16(&stream->out, (int)prepared->parameters.count, err));
    for (uint32_t i = 0; i < prepared->parameters.count; i++) {
        uint32_t declared = i < statement->declared_count ? statement->declared[i] : 0;
        uint32_t found = leat_type_postgres_id(prepared->parameters.items[i].type);
        LEAT_TRY(postgres_put_i32(&stream->out, declared ? declared : found, err));
    }
    LEAT_TRY(postgres_end(stream, err));
    return prepared->has_rows ? postgres_put_columns(stream, &prepared->schema, NULL, err)
                              : postgres_put_empty(connection, 'n', err);
}

static enum leat_status describe(struct postgres_connection *connection, struct leat_cursor *body,
                                 struct leat_error *err)
{
    struct postgres_statement *statement;
    struct postgres_portal *portal;
    struct leat_text name;
    uint8_t kind;

    LEAT_TRY(postgres_get_u8(body, &kind, err));
    LEAT_TRY(postgres_get_text(body, &name, err));
    if (kind == 'S') {
        statement = *postgres_find_statement(connection, name);
        return statement ? describe_statement(connection, statement, err)
                         : postgres_no_such("prepared statement", name, err);
    }
    portal = kind == 'P' ? *postgres_find_portal(connection, name) : NULL;
    if (!portal)
        return postgres_no_such("portal", name, err);
    return portal->statement->prepared.has_rows
               ? postgres_put_columns(&connection->stream, &portal->statement->prepared.schema,
                                      portal->binary, err)
               : postgres_put_empty(connection, 'n', err);
}

static enum leat_status close_one(struct postgres_connection *connection, struct leat_cursor *body,
                                  struct leat_error *err)
{
    struct leat_text name;
    uint8_t kind;

    LEAT_TRY(postgres_get_u8(body, &kind, err));
    LEAT_TRY(postgres_get_text(body, &name, err));
    if (kind == 'S')
        close_statement(postgres_find_statement(connection, name));
    else
        postgres_close_portal(postgres_find_portal(connection, name));
    return postgres_put_empty(connection, '3', err);
}

/* --- Execute --- */

static enum leat_status run(struct postgres_connection *connection, struct postgres_portal *portal,
                            struct leat_rows *rows, struct leat_error *err)
{
    struct postgres_output output;
    enum leat_status status;

    postgres_output_init(&output, connection);
    output.binary = portal->binary;
    output.columns = false;
    output.promised = &portal->statement->prepared.schema;
    output.rows = rows;
    portal->ran = true;
    atomic_store(&connection->running, true);
    status = leat_session_execute(connection->session, &portal->statement->prepared, portal->values,
                                  &output.base, err);
    atomic_store(&connection->running, false);
    memcpy(portal->tag, output.tag, sizeof(portal->tag));
    return status;
}

/* The next rows of those kept; PortalSuspended if there are more. */
static enum leat_status give_kept(struct postgres_connection *connection,
                                  struct postgres_portal *portal, uint32_t most,
                                  struct leat_error *err)
{
    struct postgres_stream *stream = &connection->stream;
    uint32_t given = 0;

    while (portal->batch < portal->rows.batch_count) {
        const struct leat_batch *batch = &portal->rows.batches[portal->batch];
        uint32_t count = batch->length - portal->row;
        if (most && count > most - given)
            count = most - given;
        LEAT_TRY(postgres_put_rows(stream, batch, portal->row, portal->row + count, portal->binary,
                                   err));
        given += count;
        portal->row += count;
        if (portal->row == batch->length) {
            portal->batch++;
            portal->row = 0;
        }
        if (most && given == most)
            return postgres_put_empty(connection, 's', err);
    }
    if (strncmp(portal->tag, "SELECT", 6) == 0)
        return postgres_put_tag(stream, "SELECT", given, err);
    LEAT_TRY(postgres_begin(stream, 'C', err));
    LEAT_TRY(postgres_put_text(&stream->out, portal->tag, err));
    return postgres_end(stream, err);
}

static enum leat_status execute(struct postgres_connection *connection, struct leat_cursor *body,
                                struct leat_text *text, struct leat_error *err)
{
    const struct leat_prepared *prepared;
    struct postgres_portal *portal;
    struct leat_text name;
    int32_t most;

    LEAT_TRY(postgres_get_text(body, &name, err));
    LEAT_TRY(postgres_get_i32(body, &most, err));
    portal = *postgres_find_portal(connection, name);
    if (!portal)
        return postgres_no_such("portal", name, err);
    prepared = &portal->statement->prepared;
    *text = (struct leat_text){prepared->script.text, prepared->script.length};
    if (prepared->script.count == 0)
        return postgres_put_empty(connection, 'I', err);
    if (most < 0)
        most = 0;
    if (!portal->ran && (most == 0 || !prepared->has_rows))
        return run(connection, portal, NULL, err);
    if (!portal->ran)
        LEAT_TRY(run(connection, portal, &portal->rows, err));
    else if (portal->tag[0] == '\0') /* given whole */
        return prepared->has_rows
                   ? postgres_put_tag(&connection->stream, "SELECT", 0, err)
                   : leat_error_set(err, LEAT_E_PREPARED, "portal \"%s\" cannot be run again",
                                    portal->name);
    return give_kept(connection, portal, (uint32_t)most, err);
}

enum leat_status postgres_extended(struct postgres_connection *connection, char type,
                                   struct leat_cursor *body, struct leat_text *text,
                                   struct leat_error *err)
{
    switch (type) {
    case 'P':
        return parse(connection, body, text, err);
    case 'B':
        return postgres_bind(connection, body, text, err);
    case 'D':
        return describe(connection, body, err);
    case 'E':
        return execute(connection, body, text, err);
    case 'C':
        return close_one(connection, body, err);
    case 'F':
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "function calls by message are not taken");
    default:
        return leat_error_set(err, LEAT_E_MESSAGE, "a message of the unknown type 0x%02x",
                              (unsigned)(uint8_t)type);
    }
}
