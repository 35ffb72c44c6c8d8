/* Bind: values for a prepared statement's parameters, in text or binary form, become a portal. */
#include "api/postgres/server_internal.h"

#include "base/utf8.h"

/* Format codes: none, one for all, or one each. */
struct formats {
    uint16_t count;
    const uint8_t *codes;
};

static enum leat_status read_formats(struct leat_cursor *body, struct formats *out,
                                     struct leat_error *err)
{
    struct leat_text bytes;
    int16_t count;

    LEAT_TRY(postgres_get_i16(body, &count, err));
    out->count = (uint16_t)count;
    LEAT_TRY(postgres_get_bytes(body, (size_t)out->count * 2, &bytes, err));
    out->codes = (const uint8_t *)bytes.data;
    for (size_t i = 0; i < out->count; i++)
        if (out->codes[i * 2] != 0 || out->codes[i * 2 + 1] > 1)
            return leat_error_set(err, LEAT_E_MESSAGE, "an unknown format code");
    return LEAT_OK;
}

static bool is_binary(const struct formats *formats, uint32_t i)
{
    return formats->count == 1  ? formats->codes[1] == 1
           : i < formats->count ? formats->codes[i * 2 + 1] == 1
                                : false;
}

static enum leat_status read_value(struct leat_cursor *body, bool binary,
                                   const struct leat_type *type, struct leat_arena *arena,
                                   struct leat_plan_parameter *out, struct leat_error *err)
{
    struct leat_text bytes;
    int32_t length;

    LEAT_TRY(postgres_get_i32(body, &length, err));
    out->is_null = length == -1;
    if (out->is_null)
        return LEAT_OK;
    if (length < 0)
        return leat_error_set(err, LEAT_E_MESSAGE, "a parameter has %d bytes", length);
    LEAT_TRY(postgres_get_bytes(body, (size_t)length, &bytes, err));
    if (binary)
        LEAT_TRY(postgres_read_binary(bytes, type, arena, &out->value, err));
    else
        out->value =
            (struct leat_text){leat_arena_copy(arena, bytes.data, bytes.length), bytes.length};
    if (!out->value.data)
        return leat_error_memory(err);
    if (!leat_utf8_valid(out->value.data, out->value.length) ||
        memchr(out->value.data, 0, out->value.length))
        return leat_error_set(err, LEAT_E_BYTE_SEQUENCE, "a parameter is not valid UTF-8");
    return LEAT_OK;
}

/* As many digits as the text has, so that none is lost; of more than there can be the last. */
static const struct leat_type *numeric_of(struct leat_text text)
{
    unsigned whole = 0, scale = 0;
    bool point = false;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '.')
            point = true;
        else if (c >= '0' && c <= '9')
            scale += point, whole += !point && (whole > 0 || c != '0');
        else if (i > 0 || (c != '-' && c != '+'))
            return NULL; /* an exponent, NaN */
    }
    if (whole > LEAT_DECIMAL_MAX_PRECISION)
        return NULL;
    if (scale > LEAT_DECIMAL_MAX_PRECISION - whole)
        scale = LEAT_DECIMAL_MAX_PRECISION - whole;
    return leat_type_decimal(whole + scale > 0 ? whole + scale : 1, scale);
}

/* Arrays of one type may have several dimensions, which only the value tells. */
static const struct leat_type *array_of(const struct leat_type *type, struct leat_text text,
                                        struct leat_arena *arena)
{
    for (size_t i = 1; type && i < text.length && i < 6 && text.data[i] == '{'; i++)
        type = leat_type_list(arena, type);
    return type;
}

/* The type that only a declared parameter's value tells; NULL: the prepared one. */
static const struct leat_type *value_type(const struct postgres_portal *portal, uint32_t i,
                                          struct leat_arena *arena)
{
    const struct postgres_statement *statement = portal->statement;
    const struct leat_type *type = statement->prepared.parameters.items[i].type;

    if (i >= statement->declared_count || !statement->declared[i] || portal->values[i].is_null)
        return NULL;
    if (statement->declared[i] == LEAT_POSTGRES_NUMERIC)
        return numeric_of(portal->values[i].value);
    while (type->id == LEAT_LIST && type->fields[0].type->id == LEAT_LIST)
        type = type->fields[0].type;
    return type->id == LEAT_LIST ? array_of(type, portal->values[i].value, arena) : NULL;
}

static enum leat_status read_values(struct postgres_portal *portal, struct leat_cursor *body,
                                    struct leat_error *err)
{
    const struct leat_plan_parameters *wanted = &portal->statement->prepared.parameters;
    struct formats formats;
    int16_t count;

    LEAT_TRY(read_formats(body, &formats, err));
    LEAT_TRY(postgres_get_i16(body, &count, err));
    if ((uint16_t)count != wanted->count || (formats.count > 1 && formats.count != (uint16_t)count))
        return leat_error_set(err, LEAT_E_MESSAGE,
                              "the statement has %u parameters, and %u values came", wanted->count,
                              (unsigned)(uint16_t)count);
    portal->values = LEAT_NEW_ARRAY(&portal->arena, struct leat_plan_parameter, wanted->count);
    if (!portal->values)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < wanted->count; i++) {
        enum leat_status status = read_value(body, is_binary(&formats, i), wanted->items[i].type,
                                             &portal->arena, &portal->values[i], err);
        if (status != LEAT_OK) {
            leat_error_context(err, "parameter $%u", i + 1);
            return status;
        }
        portal->values[i].type = value_type(portal, i, &portal->arena);
    }
    return LEAT_OK;
}

static enum leat_status read_portal(struct postgres_portal *portal, struct leat_text name,
                                    struct leat_cursor *body, struct leat_error *err)
{
    uint32_t columns = portal->statement->prepared.schema.count;
    struct formats formats;

    portal->name = leat_arena_copy(&portal->arena, name.data, name.length);
    if (!portal->name)
        return leat_error_memory(err);
    LEAT_TRY(read_values(portal, body, err));
    LEAT_TRY(read_formats(body, &formats, err));
    if (formats.count > 1 && formats.count != columns)
        return leat_error_set(err, LEAT_E_MESSAGE,
                              "the statement gives %u columns, and %u format codes came", columns,
                              (unsigned)formats.count);
    portal->binary = LEAT_NEW_ARRAY(&portal->arena, bool, columns);
    if (!portal->binary)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < columns; i++)
        portal->binary[i] = is_binary(&formats, i);
    return LEAT_OK;
}

enum leat_status postgres_bind(struct postgres_connection *connection, struct leat_cursor *body,
                               struct leat_text *text, struct leat_error *err)
{
    struct postgres_portal *portal, **link;
    struct postgres_statement *statement;
    struct leat_text name, of;
    enum leat_status status;

    LEAT_TRY(postgres_get_text(body, &name, err));
    LEAT_TRY(postgres_get_text(body, &of, err));
    statement = *postgres_find_statement(connection, of);
    if (!statement)
        return postgres_no_such("prepared statement", of, err);
    link = postgres_find_portal(connection, name);
    if (*link && name.length > 0) {
        (void)leat_error_set(err, LEAT_E_PREPARED, "portal \"%.*s\" already exists",
                             (int)name.length, name.data);
        memcpy(err->sqlstate, "42P03", 6);
        return err->status;
    }
    postgres_close_portal(link);
    portal = leat_calloc(1, sizeof(*portal));
    if (!portal)
        return leat_error_memory(err);
    statement->references++;
    portal->statement = statement;
    portal->next = connection->portals;
    connection->portals = portal;
    leat_arena_init(&portal->arena, leat_session_accountant(connection->session));
    *text = (struct leat_text){statement->prepared.script.text, statement->prepared.script.length};
    status = read_portal(portal, name, body, err);
    if (status == LEAT_OK)
        return postgres_put_empty(connection, '2', err);
    portal->name = "";
    postgres_close_portal(&connection->portals);
    return status;
}
