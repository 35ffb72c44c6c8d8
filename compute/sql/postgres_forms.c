/*
 * Functions about the catalog and the session as expressions over its tables. The table
 * postgres_forms.def gives the text of a form; the call's arguments stand in it as they were
 * written, so that they may be used inside of its subqueries.
 */
#include "compute/sql/parser_internal.h"

struct form {
    const char *name;
    unsigned least, most;
    const char *text;
};
static const struct form forms[] = {
#define POSTGRES_FORM(name, least, most, text) {name, least, most, text},
#include "compute/sql/postgres_forms.def"
#undef POSTGRES_FORM
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum {
    FORM_MAXIMUM = 1 << 20,
    FORM_DEPTH = 4 /* each parses its arguments again */
};

const char *leat_sql_postgres_form_at(size_t index)
{
    return index < COUNT(forms) ? forms[index].name : NULL;
}

/* All nodes that are seen from outside have the place of the call. */
static void place(struct leat_sql_expr *expr, uint32_t offset, uint32_t length)
{
    expr->offset = offset;
    expr->length = length;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (expr->args[i])
            place(expr->args[i], offset, length);
    for (uint32_t i = 0; expr->call && i < expr->call->args.count; i++)
        place(expr->call->args.items[i], offset, length);
}

/* The form with the texts of arguments in the places of $1, $2. */
static enum leat_status fill(const struct parser *p, const char *form, uint32_t count,
                             struct leat_sql_expr *const *args, struct leat_buffer *out,
                             struct leat_error *err)
{
    for (const char *s = form; *s; s++) {
        const struct leat_sql_expr *arg;
        if (s[0] != '$' || s[1] < '1' || s[1] > '9' || (uint32_t)(s[1] - '0') > count) {
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)*s, err));
            continue;
        }
        arg = args[*++s - '1'];
        LEAT_TRY(leat_buffer_append_byte(out, '(', err));
        LEAT_TRY(leat_buffer_append(out, p->text + arg->offset, arg->length, err));
        LEAT_TRY(leat_buffer_append_byte(out, ')', err));
    }
    return LEAT_OK;
}

static struct leat_sql_expr *parse_form(struct parser *p, struct leat_text text, size_t start)
{
    struct leat_error error;
    struct leat_sql_expr *expr;
    struct parser inner;

    if (parser_init(&inner, "", text.data, text.length, LEAT_SQL_POSTGRES, p->arena, &error)) {
        fail_memory(p);
        return NULL;
    }
    inner.depth = p->depth + 1;
    inner.forms = p->forms + 1;
    expr = parse_expr(&inner);
    leat_tokens_release(&inner.tokens);
    if (expr && !inner.failed) {
        place(expr, offset_of(p, start), length_since(p, start));
        return expr;
    }
    if (inner.out_of_memory)
        fail_memory(p);
    else
        fail_at(p, LEAT_E_TOO_DEEP, offset_of(p, start), length_since(p, start), NULL,
                "this call cannot be carried out: %s", error.message);
    return NULL;
}

struct leat_sql_expr *postgres_form(struct parser *p, const char *name, size_t start,
                                    uint32_t count, struct leat_sql_expr *const *args)
{
    const struct form *form = NULL;
    struct leat_buffer text;
    struct leat_error error;
    struct leat_sql_expr *expr = NULL;
    enum leat_status status;
    char *copy;

    for (size_t i = 0; i < COUNT(forms) && !form; i++)
        if (strcmp(forms[i].name, name) == 0 && count >= forms[i].least && count <= forms[i].most)
            form = &forms[i];
    if (!form || p->failed)
        return NULL;
    if (p->forms == FORM_DEPTH) {
        fail_at(p, LEAT_E_TOO_DEEP, offset_of(p, start), length_since(p, start), NULL,
                "calls of %s and its like are nested too deeply", name);
        return NULL;
    }
    leat_buffer_init(&text, FORM_MAXIMUM);
    status = fill(p, form->text, count, args, &text, &error);
    copy = status == LEAT_OK ? leat_arena_copy(p->arena, text.data, text.length) : NULL;
    if (copy)
        expr = parse_form(p, (struct leat_text){copy, text.length}, start);
    else if (status == LEAT_LIMIT)
        fail_token(p, LEAT_E_LIMIT, NULL, "%s has arguments of more than %d bytes", name,
                   FORM_MAXIMUM);
    else
        fail_memory(p);
    leat_buffer_release(&text);
    return expr;
}

/* The fixed id of a table of PostgreSQL's catalog; others have 0. */
static struct leat_sql_expr *system_id(struct parser *p, struct leat_text name, size_t start)
{
    static const struct {
        const char *name, *id;
    } fixed[] = {{"pg_class", "1259"},      {"pg_type", "1247"},       {"pg_proc", "1255"},
                 {"pg_namespace", "2615"},  {"pg_database", "1262"},   {"pg_attribute", "1249"},
                 {"pg_attrdef", "2604"},    {"pg_constraint", "2606"}, {"pg_rewrite", "2618"},
                 {"pg_trigger", "2620"},    {"pg_extension", "3079"},  {"pg_authid", "1260"},
                 {"pg_tablespace", "1213"}, {"pg_language", "2612"},   {"pg_collation", "3456"}};
    struct leat_sql_expr *expr = new_expr(p, LEAT_SQL_INTEGER, start);

    if (!expr)
        return NULL;
    expr->text = leat_text_of("0");
    for (size_t i = 0; i < COUNT(fixed); i++)
        if (leat_text_equal(name, leat_text_of(fixed[i].name)))
            expr->text = leat_text_of(fixed[i].id);
    return close_expr(p, expr, start);
}

struct leat_sql_expr *postgres_name_cast(struct parser *p, const struct leat_sql_type *type,
                                         struct leat_sql_expr *operand, size_t start)
{
    static const char *const casts[][2] = {{"regclass", "to_regclass"},
                                           {"regtype", "to_regtype"},
                                           {"regproc", "to_regproc"},
                                           {"regprocedure", "to_regproc"},
                                           {"regnamespace", "to_regnamespace"}};
    struct leat_text name = operand->text;
    bool number = operand->kind == LEAT_SQL_STRING && operand->text.length > 0;

    for (size_t i = 0; number && i < operand->text.length; i++)
        number = operand->text.data[i] >= '0' && operand->text.data[i] <= '9';
    if (operand->kind != LEAT_SQL_STRING || number)
        return NULL;
    if (operand->text.length > 11 && memcmp(operand->text.data, "pg_catalog.", 11) == 0)
        name = (struct leat_text){operand->text.data + 11, operand->text.length - 11};
    if (leat_text_equal_nocase(type->text, leat_text_of("regclass")) && name.length > 3 &&
        memcmp(name.data, "pg_", 3) == 0)
        return system_id(p, name, start);
    for (size_t i = 0; i < COUNT(casts); i++)
        if (leat_text_equal_nocase(type->text, leat_text_of(casts[i][0])))
            return postgres_form(p, casts[i][1], start, 1, &operand);
    return NULL;
}
