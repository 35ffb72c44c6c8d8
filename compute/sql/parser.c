/*
 * The parser's frame: tokens, expectations, errors, and the loop over statements. Recursive descent
 * by hand: parse_expr.c (operators by precedence), parse_call.c, parse_query.c, parse_from.c,
 * parse_statement.c, parse_create.c.
 *
 * Whatever is looked for at a token and not found is remembered, so that an error can say what
 * would have been right at the furthest token reached. A misspelt keyword usually is read as an
 * alias before the error shows; such names are remembered too and compared with the keywords.
 */
#include "compute/sql/parser_internal.h"
#include <stdio.h>

void *parser_alloc(struct parser *p, size_t size)
{
    void *memory = leat_arena_calloc(p->arena, 1, size);
    if (!memory)
        fail_memory(p);
    return memory;
}

void *list_add(struct parser *p, struct list *list, size_t size)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 4;
        void *items = leat_arena_calloc(p->arena, capacity, size);
        if (!items) {
            fail_memory(p);
            return NULL;
        }
        if (list->count)
            memcpy(items, list->items, (size_t)list->count * size);
        list->items = items;
        list->capacity = capacity;
    }
    return (char *)list->items + (size_t)list->count++ * size;
}

struct leat_text parser_number_name(struct parser *p, const char *prefix, size_t number)
{
    char *name = leat_arena_printf(p->arena, "%s%zu", prefix, number);

    if (!name)
        fail_memory(p);
    return (struct leat_text){name, name ? strlen(name) : 0};
}

/* --- tokens --- */
const struct leat_token *peek_at(const struct parser *p, size_t ahead)
{
    size_t i = p->position + ahead;
    return &p->tokens.items[i < p->tokens.count ? i : p->tokens.count - 1];
}
const struct leat_token *peek(const struct parser *p)
{
    return &p->tokens.items[p->position];
}
void advance(struct parser *p)
{
    if (p->position + 1 < p->tokens.count)
        p->position++;
}
bool is_keyword_at(const struct parser *p, size_t ahead, enum leat_keyword keyword)
{
    const struct leat_token *token = peek_at(p, ahead);
    return token->kind == LEAT_TOKEN_WORD && token->keyword == keyword;
}
bool is_keyword(const struct parser *p, enum leat_keyword keyword)
{
    return is_keyword_at(p, 0, keyword);
}
bool is_word(const struct parser *p, const char *word)
{
    const struct leat_token *token = peek(p);
    return token->kind == LEAT_TOKEN_WORD &&
           leat_text_equal_nocase((struct leat_text){p->text + token->offset, token->length},
                                  leat_text_of(word));
}
static bool has_text(const struct parser *p, const struct leat_token *token, const char *text)
{
    return token->length == strlen(text) &&
           memcmp(p->text + token->offset, text, token->length) == 0;
}
bool is_symbol_at(const struct parser *p, size_t ahead, const char *symbol)
{
    const struct leat_token *token = peek_at(p, ahead);
    return token->kind == LEAT_TOKEN_SYMBOL && has_text(p, token, symbol);
}
bool is_symbol(const struct parser *p, const char *symbol)
{
    return is_symbol_at(p, 0, symbol);
}
bool is_operator(const struct parser *p, const char *name)
{
    return peek(p)->kind == LEAT_TOKEN_OPERATOR && has_text(p, peek(p), name);
}
bool is_string_at(const struct parser *p, size_t ahead)
{
    unsigned kind = peek_at(p, ahead)->kind;
    return kind == LEAT_TOKEN_STRING || kind == LEAT_TOKEN_STRING_E ||
           kind == LEAT_TOKEN_STRING_U || kind == LEAT_TOKEN_DOLLAR ||
           kind == LEAT_TOKEN_STRING_S || kind == LEAT_TOKEN_STRING_RAW;
}

void want(struct parser *p, const char *what)
{
    if (p->expected_at != p->position) {
        p->expected_at = p->position;
        p->expected_count = 0;
    }
    for (unsigned i = 0; i < p->expected_count; i++)
        if (p->expected[i] == what || strcmp(p->expected[i], what) == 0)
            return;
    if (p->expected_count < PARSER_MAX_EXPECTED)
        p->expected[p->expected_count++] = what;
}
bool accept_keyword(struct parser *p, enum leat_keyword keyword)
{
    if (!is_keyword(p, keyword)) {
        want(p, leat_keyword_text(keyword));
        return false;
    }
    advance(p);
    return true;
}
bool accept_word(struct parser *p, const char *word)
{
    if (!is_word(p, word)) {
        want(p, word);
        return false;
    }
    advance(p);
    return true;
}
bool accept_symbol(struct parser *p, const char *symbol)
{
    if (!is_symbol(p, symbol)) {
        want(p, symbol);
        return false;
    }
    advance(p);
    return true;
}
bool expect_keyword(struct parser *p, enum leat_keyword keyword)
{
    return accept_keyword(p, keyword) || fail_here(p);
}
bool expect_symbol(struct parser *p, const char *symbol)
{
    return accept_symbol(p, symbol) || fail_here(p);
}

uint32_t offset_of(const struct parser *p, size_t start)
{
    return p->tokens.items[start].offset;
}
uint32_t length_since(const struct parser *p, size_t start)
{
    const struct leat_token *last;
    if (p->position <= start)
        return 0;
    last = &p->tokens.items[p->position - 1];
    return last->offset + last->length - offset_of(p, start);
}

bool enter(struct parser *p)
{
    if (++p->depth > LEAT_SQL_MAX_DEPTH)
        return fail_token(p, LEAT_E_TOO_DEEP, NULL, "nested more than %d levels deep",
                          LEAT_SQL_MAX_DEPTH);
    return true;
}
void leave(struct parser *p)
{
    p->depth--;
}

/* --- errors --- */
static void place(struct parser *p, size_t offset, size_t length)
{
    if (p->err)
        leat_error_at_text(p->err, p->source, p->text, p->length, offset, (uint32_t)length);
}

bool fail_memory(struct parser *p)
{
    if (!p->failed)
        leat_error_memory(p->err);
    p->failed = true;
    p->out_of_memory = true;
    return false;
}

bool fail_at(struct parser *p, int code, uint32_t offset, uint32_t length, const char *hint,
             const char *format, ...)
{
    char message[512];
    va_list arguments;

    if (p->failed)
        return false;
    p->failed = true;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    leat_error_set(p->err, code, "%s", message);
    if (hint)
        leat_error_hint(p->err, "%s", hint);
    place(p, offset, length);
    return false;
}

bool fail_token(struct parser *p, int code, const char *hint, const char *format, ...)
{
    char message[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return fail_at(p, code, peek(p)->offset, peek(p)->length, hint, "%s", message);
}

/* Optimal string alignment distance of lower-case words, at most `most` + 1. */
static unsigned word_distance(const char *a, size_t a_length, const char *b, size_t b_length,
                              unsigned most)
{
    unsigned rows[3][32];

    if (a_length > 30 || b_length > 30 || a_length > b_length + most || b_length > a_length + most)
        return most + 1;
    for (unsigned j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a_length; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= b_length; j++) {
            char x = (char)(a[i - 1] | 0x20), y = (char)(b[j - 1] | 0x20);
            unsigned best = last[j - 1] + (x != y);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && x == (char)(b[j - 2] | 0x20) && (char)(a[i - 2] | 0x20) == y &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *nearest_keyword(const char *word, size_t length)
{
    unsigned most = length <= 3 ? 1 : length <= 6 ? 2 : 3, best = most + 1;
    const char *found = NULL;

    if (length < 3)
        return NULL;
    for (unsigned i = 1; i < LEAT_KEYWORD_COUNT_; i++) {
        const char *text = leat_keyword_text((enum leat_keyword)i);
        unsigned distance = word_distance(word, length, text, strlen(text), most);
        if (distance < best && distance * 2 <= strlen(text)) {
            best = distance;
            found = text;
        }
    }
    return found;
}

/* The expected word nearest to the token, or NULL. */
static const char *nearest_expected(const struct parser *p, const struct leat_token *token)
{
    unsigned most = token->length <= 3 ? 1 : 2, best = most + 1;
    const char *found = NULL;

    if (token->kind != LEAT_TOKEN_WORD || p->expected_at != p->position)
        return NULL;
    for (unsigned i = 0; i < p->expected_count; i++) {
        const char *text = p->expected[i];
        if (leat_keyword_find(text, strlen(text)) == LEAT_KEYWORD_NONE)
            continue;
        unsigned distance =
            word_distance(p->text + token->offset, token->length, text, strlen(text), most);
        if (distance && distance < best) {
            best = distance;
            found = text;
        }
    }
    return found;
}

static void upper_into(char *out, size_t size, const char *word)
{
    size_t i = 0;
    for (; word[i] && i + 1 < size; i++)
        out[i] = (char)(word[i] >= 'a' && word[i] <= 'z' ? word[i] - 32 : word[i]);
    out[i] = 0;
}

/* "FROM, WHERE or a comma": keywords in capitals, descriptions (with a blank) as they are. */
static void describe_expected(const struct parser *p, char *out, size_t size)
{
    size_t used = 0;
    unsigned count = p->expected_at == p->position ? p->expected_count : 0;

    out[0] = 0;
    for (unsigned i = 0; i < count && used + 40 < size; i++) {
        char word[48];
        const char *text = p->expected[i];
        const char *between = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        if (leat_keyword_find(text, strlen(text)) != LEAT_KEYWORD_NONE)
            upper_into(word, sizeof(word), text);
        else if (strlen(text) <= 2)
            snprintf(word, sizeof(word), "\"%s\"", text);
        else
            snprintf(word, sizeof(word), "%s", text);
        used += (size_t)snprintf(out + used, size - used, "%s%s", between, word);
    }
}

bool fail_here(struct parser *p)
{
    const struct leat_token *token = peek(p), *suspect = NULL;
    char expected[256], word[48];
    const char *near;

    if (p->failed)
        return false;
    p->failed = true;
    if (token->kind == LEAT_TOKEN_ERROR) {
        leat_token_error(p->text, token, p->err);
        place(p, token->offset, token->length > 200 ? 1 : token->length);
        return false;
    }
    describe_expected(p, expected, sizeof(expected));
    if (token->kind == LEAT_TOKEN_END || is_symbol(p, ";"))
        leat_error_set(p->err, LEAT_E_SYNTAX, "the statement ends too early%s%s",
                       expected[0] ? ": expected " : "", expected);
    else
        leat_error_set(p->err, LEAT_E_SYNTAX, "syntax error at or near \"%.*s\"%s%s",
                       (int)(token->length > 60 ? 60 : token->length), p->text + token->offset,
                       expected[0] ? ": expected " : "", expected);
    near = nearest_expected(p, token);
    if (!near && p->suspect && p->suspect == p->position) {
        suspect = &p->tokens.items[p->suspect - 1];
        near = nearest_keyword(p->text + suspect->offset, suspect->length);
        suspect = near ? suspect : NULL;
    }
    if (!near && token->kind == LEAT_TOKEN_WORD && token->keyword == LEAT_KEYWORD_NONE)
        near = nearest_keyword(p->text + token->offset, token->length);
    if (near && p->err) {
        upper_into(word, sizeof(word), near);
        if (suspect)
            leat_error_hint(p->err, "did you mean %s instead of \"%.*s\"?", word,
                            (int)suspect->length, p->text + suspect->offset);
        else
            leat_error_hint(p->err, "did you mean %s?", word);
    }
    place(p, token->offset, token->length);
    return false;
}

/* --- names --- */
/* Reserved words of PostgreSQL's that Spark does not reserve and that columns are called. */
static bool is_spark_name(enum leat_keyword keyword)
{
    switch (keyword) {
    case LEAT_KEYWORD_USER:
    case LEAT_KEYWORD_COLUMN:
    case LEAT_KEYWORD_CHECK:
    case LEAT_KEYWORD_PRIMARY:
    case LEAT_KEYWORD_REFERENCES:
    case LEAT_KEYWORD_ONLY:
    case LEAT_KEYWORD_TABLE:
    case LEAT_KEYWORD_SYMMETRIC:
    case LEAT_KEYWORD_ASYMMETRIC:
    case LEAT_KEYWORD_ANALYZE:
        return true;
    default:
        return false;
    }
}

bool is_name(const struct parser *p, enum name_use use)
{
    const struct leat_token *token = peek(p);

    if (token->kind == LEAT_TOKEN_NAME || token->kind == LEAT_TOKEN_NAME_U ||
        token->kind == LEAT_TOKEN_BACKTICK)
        return true;
    if (token->kind != LEAT_TOKEN_WORD)
        return false;
    if (use == NAME_LABEL || (p->spark && is_spark_name((enum leat_keyword)token->keyword)))
        return true;
    switch (leat_keyword_class_of((enum leat_keyword)token->keyword)) {
    case LEAT_KEYWORD_CLASS_FREE:
        return true;
    case LEAT_KEYWORD_CLASS_COLUMN:
        return use != NAME_FUNCTION;
    case LEAT_KEYWORD_CLASS_FUNCTION:
        return use == NAME_FUNCTION;
    case LEAT_KEYWORD_CLASS_RESERVED:
        break;
    }
    return false;
}

bool parse_name(struct parser *p, enum name_use use, const char *what, struct leat_sql_name *out)
{
    const struct leat_token *token = peek(p);
    enum leat_status status;

    *out = (struct leat_sql_name){0};
    if (!is_name(p, use)) {
        if (token->kind == LEAT_TOKEN_WORD) {
            char hint[128], quote = p->spark ? '`' : '"';
            snprintf(hint, sizeof(hint), "to use it as a name, quote it: %c%.*s%c", quote,
                     (int)token->length, p->text + token->offset, quote);
            return fail_token(p, LEAT_E_SYNTAX, hint, "\"%.*s\" is a reserved word: expected %s",
                              (int)token->length, p->text + token->offset, what);
        }
        if (is_string_at(p, 0)) {
            char hint[128];
            snprintf(hint, sizeof(hint),
                     p->spark ? "names take backticks: `%.*s`"
                              : "names take double quotes: \"%.*s\"",
                     token->length > 2 ? (int)token->length - 2 : 0, p->text + token->offset + 1);
            return fail_token(p, LEAT_E_SYNTAX, hint, "expected %s, not a string", what);
        }
        want(p, what);
        return fail_here(p);
    }
    if (p->spark && token->kind == LEAT_TOKEN_WORD) { /* as written */
        const char *copy = leat_arena_copy(p->arena, p->text + token->offset, token->length);
        out->text = (struct leat_text){copy, token->length};
        status = copy ? LEAT_OK : LEAT_NO_MEMORY;
    } else {
        status = leat_token_value(p->text, token, p->arena, &out->text, p->err);
    }
    if (status) {
        if (status == LEAT_NO_MEMORY)
            return fail_memory(p);
        p->failed = true;
        place(p, p->err ? (size_t)p->err->place.offset : token->offset, 2);
        return false;
    }
    out->quoted = token->kind != LEAT_TOKEN_WORD && token->kind != LEAT_TOKEN_BACKTICK;
    out->offset = token->offset;
    out->length = token->length;
    advance(p);
    return use != NAME_TABLE_ALIAS || fold_name(p, out);
}

bool fold_name(struct parser *p, struct leat_sql_name *name)
{
    char *copy;

    if (!p->spark)
        return true;
    copy = leat_arena_copy(p->arena, name->text.data, name->text.length);
    if (!copy)
        return fail_memory(p);
    for (size_t i = 0; i < name->text.length; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + 32);
    name->text.data = copy;
    return true;
}

bool parse_path(struct parser *p, const char *what, struct leat_sql_path *out)
{
    struct list parts = {0};
    size_t start = p->position;

    do {
        struct leat_sql_name *name = list_add(p, &parts, sizeof(*name));
        if (!name || !parse_name(p, parts.count > 1 ? NAME_LABEL : NAME_COLUMN, what, name) ||
            !fold_name(p, name))
            return false;
        if (parts.count > 8)
            return fail_at(p, LEAT_E_SYNTAX, offset_of(p, start), length_since(p, start), NULL,
                           "a name has at most 8 parts");
    } while (accept_symbol(p, "."));
    *out = (struct leat_sql_path){parts.count, parts.items, offset_of(p, start),
                                  length_since(p, start)};
    return true;
}

/* Spark reads strings that follow each other as one. */
static bool join_string(struct parser *p, const char *what, struct leat_text *out)
{
    struct leat_text more;
    char *both;

    if (!enter(p) || !parse_string(p, what, &more))
        return false;
    leave(p);
    both = leat_arena_alloc(p->arena, out->length + more.length + 1);
    if (!both)
        return fail_memory(p);
    memcpy(both, out->data, out->length);
    memcpy(both + out->length, more.data, more.length);
    both[out->length + more.length] = 0;
    *out = (struct leat_text){both, out->length + more.length};
    return true;
}

bool parse_string(struct parser *p, const char *what, struct leat_text *out)
{
    const struct leat_token *token = peek(p);
    enum leat_status status;

    if (!is_string_at(p, 0)) {
        if (token->kind == LEAT_TOKEN_NAME) {
            char hint[128];
            snprintf(hint, sizeof(hint), "string literals take single quotes: '%.*s'",
                     token->length > 2 ? (int)token->length - 2 : 0, p->text + token->offset + 1);
            return fail_token(p, LEAT_E_TRAP, hint, "expected %s, not a name", what);
        }
        want(p, what);
        return fail_here(p);
    }
    status = leat_token_value(p->text, token, p->arena, out, p->err);
    if (status) {
        if (status == LEAT_NO_MEMORY)
            return fail_memory(p);
        p->failed = true;
        place(p, p->err ? (size_t)p->err->place.offset : token->offset, 2);
        return false;
    }
    advance(p);
    return !p->spark || !is_string_at(p, 0) || join_string(p, what, out);
}

bool parse_name_list(struct parser *p, const char *what, struct leat_sql_names *out)
{
    struct list names = {0};

    if (!expect_symbol(p, "("))
        return false;
    do {
        struct leat_sql_name *name = list_add(p, &names, sizeof(*name));
        if (!name || !parse_name(p, NAME_COLUMN, what, name))
            return false;
    } while (accept_symbol(p, ","));
    *out = (struct leat_sql_names){names.count, names.items};
    return expect_symbol(p, ")");
}

/* --- entry points --- */
enum leat_status parser_init(struct parser *p, const char *name, const char *text, size_t length,
                             enum leat_sql_dialect dialect, struct leat_arena *arena,
                             struct leat_error *err)
{
    *p = (struct parser){.text = text,
                         .length = length,
                         .source = name ? name : "",
                         .arena = arena,
                         .err = err,
                         .spark = dialect == LEAT_SQL_SPARK,
                         .origin = dialect == LEAT_SQL_SPARK ? LEAT_SQL_ORIGIN_SPARK
                                                             : LEAT_SQL_ORIGIN_POSTGRES,
                         .expected_at = SIZE_MAX};
    return leat_tokens_init(&p->tokens, text, length, dialect, err);
}

static void skip_statement(struct parser *p)
{
    while (peek(p)->kind != LEAT_TOKEN_END && !is_symbol(p, ";"))
        advance(p);
}

bool leat_sql_dialect_find(struct leat_text name, enum leat_sql_dialect *out)
{
    bool spark = leat_text_equal_nocase(name, leat_text_of("spark"));

    *out = spark ? LEAT_SQL_SPARK : LEAT_SQL_POSTGRES;
    return spark || leat_text_equal_nocase(name, leat_text_of("postgres")) ||
           leat_text_equal_nocase(name, leat_text_of("postgresql"));
}

/* SET dialect: the rest of the text is cut anew. */
static bool turn_dialect(struct parser *p, const struct leat_sql_statement *statement)
{
    enum leat_sql_dialect dialect = LEAT_SQL_POSTGRES;

    if (statement->kind != LEAT_SQL_STATEMENT_SET || statement->set.name.count != 1 ||
        !leat_text_equal(statement->set.name.parts[0].text, leat_text_of("dialect")) ||
        (!statement->set.reset && !leat_sql_dialect_find(statement->set.value, &dialect)))
        return true;
    p->spark = dialect == LEAT_SQL_SPARK;
    p->origin = p->spark ? LEAT_SQL_ORIGIN_SPARK : LEAT_SQL_ORIGIN_POSTGRES;
    return leat_tokens_turn(&p->tokens, p->position, dialect, p->err) == LEAT_OK || fail_memory(p);
}

enum leat_status leat_sql_parse(const char *name, const char *text, size_t length,
                                enum leat_sql_dialect dialect, struct leat_arena *arena,
                                struct leat_sql_script *out, struct leat_error *err)
{
    struct parser parser, *p = &parser;
    struct list statements = {0}, errors = {0};
    struct leat_error error;
    enum leat_status status;

    *out = (struct leat_sql_script){
        .name = name ? name : "", .text = text, .length = length, .dialect = dialect};
    status = parser_init(p, name, text, length, dialect, arena, err);
    if (status)
        return status;
    p->err = &error;
    while (errors.count < LEAT_SQL_MAX_ERRORS) {
        struct leat_sql_statement *statement, **slot;
        while (is_symbol(p, ";"))
            advance(p);
        if (peek(p)->kind == LEAT_TOKEN_END)
            break;
        p->failed = false;
        p->depth = p->call_depth = 0;
        p->suspect = 0;
        leat_error_clear(&error);
        statement = parse_statement(p);
        if (!p->failed && peek(p)->kind != LEAT_TOKEN_END && !is_symbol(p, ";")) {
            want(p, "the end of the statement (;)");
            fail_here(p);
        }
        if (!p->failed) {
            slot = list_add(p, &statements, sizeof(struct leat_sql_statement *));
            if (slot && turn_dialect(p, statement))
                *slot = statement;
        }
        if (p->failed) {
            struct leat_error *kept = p->out_of_memory ? NULL : list_add(p, &errors, sizeof(error));
            if (!kept) {
                leat_tokens_release(&p->tokens);
                return leat_error_memory(err);
            }
            *kept = error;
            skip_statement(p);
        }
    }
    leat_tokens_release(&p->tokens);
    out->statements = statements.items;
    out->count = statements.count;
    out->parameter_count = p->parameters;
    out->errors = errors.items;
    out->error_count = errors.count;
    if (!errors.count)
        return LEAT_OK;
    if (err)
        *err = out->errors[0];
    return out->errors[0].status;
}

enum leat_status leat_sql_parse_query(const char *name, const char *text, size_t length,
                                      enum leat_sql_dialect dialect, struct leat_arena *arena,
                                      struct leat_sql_query **out, struct leat_error *err)
{
    struct parser parser, *p = &parser;
    struct leat_error local;

    *out = NULL;
    LEAT_TRY(parser_init(p, name, text, length, dialect, arena, err ? err : &local));
    p->err = err ? err : &local;
    *out = parse_query(p);
    if (!p->failed) {
        while (is_symbol(p, ";"))
            advance(p);
        if (peek(p)->kind != LEAT_TOKEN_END) {
            want(p, "the end of the query");
            fail_here(p);
        }
    }
    leat_tokens_release(&p->tokens);
    if (p->failed)
        *out = NULL;
    return p->failed ? p->err->status : LEAT_OK;
}

enum leat_status leat_sql_parse_expression(const char *name, const char *text, size_t length,
                                           enum leat_sql_dialect dialect, struct leat_arena *arena,
                                           struct leat_sql_expr **out, struct leat_error *err)
{
    struct parser parser, *p = &parser;
    struct leat_error local;

    *out = NULL;
    LEAT_TRY(parser_init(p, name, text, length, dialect, arena, err ? err : &local));
    p->err = err ? err : &local;
    *out = parse_expr(p);
    if (!p->failed && peek(p)->kind != LEAT_TOKEN_END) {
        want(p, "the end of the expression");
        fail_here(p);
    }
    leat_tokens_release(&p->tokens);
    if (p->failed)
        *out = NULL;
    return p->failed ? p->err->status : LEAT_OK;
}
