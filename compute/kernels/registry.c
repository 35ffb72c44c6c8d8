/*
 * The registry of functions and the resolution of calls.
 *
 * Functions stand in const tables, one entry an overload. Resolution follows PostgreSQL's
 * func_select_candidate: exact match first; else the candidates that implicit casts can reach, of
 * those the ones with most exact arguments, then most preferred types, then by the category that
 * untyped literals suggest. What is left must be one. Type codes with E and A are bound by unifying
 * the arguments' types.
 */
#include "compute/kernels/kernels_internal.h"

#include "columns/format.h"
#include <stdio.h>

#define MAXIMUM_ARGUMENTS  1000u
#define MAXIMUM_CANDIDATES 64u

typedef struct function_table (*table_fn)(void);
static const table_fn tables[] = {
    arithmetic_functions, compare_functions,     math_functions,      text_functions,
    pattern_functions,    regexp_functions,      datetime_functions,  calendar_functions,
    nested_functions,     aggregate_functions,   window_functions,    json_functions,
    json_build_functions, json_change_functions, json_set_functions,  format_functions,
    series_functions,     spark_functions,       spark_list_functions};
#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

const struct leat_function *leat_function_at(size_t index)
{
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        struct function_table table = tables[t]();
        if (index < table.count)
            return &table.functions[index];
        index -= table.count;
    }
    return NULL;
}

/* Other spellings of names. */
static const char *canonical(const char *name)
{
    static const char *const aliases[][2] = {
        {"!=", "<>"},
        {"~~", "like"},
        {"!~~", "not like"},
        {"~~*", "ilike"},
        {"!~~*", "not ilike"},
        {"char_length", "length"},
        {"character_length", "length"},
        {"substring", "substr"},
        {"ceiling", "ceil"},
        {"pow", "power"},
        {"every", "bool_and"},
        {"variance", "var_samp"},
        {"stddev", "stddev_samp"},
        {"list", "array_agg"},
        {"mean", "avg"},
        {"jsonb_typeof", "json_typeof"},
        {"jsonb_array_length", "json_array_length"},
        {"jsonb_extract_path", "json_extract_path"},
        {"jsonb_extract_path_text", "json_extract_path_text"},
    };
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (strcmp(name, aliases[i][0]) == 0)
            return aliases[i][1];
    }
    return name;
}

bool leat_function_exists(const char *name, enum leat_function_kind *kind)
{
    name = canonical(name);
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        struct function_table table = tables[t]();
        for (size_t i = 0; i < table.count; i++) {
            if (strcmp(table.functions[i].name, name) == 0) {
                *kind = table.functions[i].kind;
                return true;
            }
        }
    }
    return false;
}

/* --- types of arguments --- */

static enum leat_type_id id_of_code(char code)
{
    switch (code) {
    case 'b':
        return LEAT_BOOLEAN;
    case 's':
        return LEAT_INT16;
    case 'i':
        return LEAT_INT32;
    case 'l':
        return LEAT_INT64;
    case 'f':
        return LEAT_FLOAT;
    case 'd':
        return LEAT_DOUBLE;
    case 'n':
        return LEAT_DECIMAL;
    case 't':
        return LEAT_TEXT;
    case 'y':
        return LEAT_BYTES;
    case 'D':
        return LEAT_DATE;
    case 'T':
        return LEAT_TIME;
    case 'S':
        return LEAT_TIMESTAMP;
    case 'Z':
        return LEAT_TIMESTAMPTZ;
    case 'I':
        return LEAT_INTERVAL;
    case 'U':
        return LEAT_UUID;
    case 'J':
        return LEAT_JSON;
    case 'A':
    case 'P':
        return LEAT_LIST;
    case 'R':
        return LEAT_STRUCT;
    case 'M':
        return LEAT_MAP;
    default:
        return LEAT_NULL; /* E and *: any */
    }
}

static char category_of(enum leat_type_id id)
{
    switch (id) {
    case LEAT_BOOLEAN:
        return 'B';
    case LEAT_INT8:
    case LEAT_INT16:
    case LEAT_INT32:
    case LEAT_INT64:
    case LEAT_FLOAT:
    case LEAT_DOUBLE:
    case LEAT_DECIMAL:
        return 'N';
    case LEAT_TEXT:
        return 'S';
    case LEAT_DATE:
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        return 'D';
    case LEAT_INTERVAL:
        return 'T';
    case LEAT_LIST:
        return 'A';
    default:
        return 'U';
    }
}

static bool preferred(enum leat_type_id id)
{
    return id == LEAT_DOUBLE || id == LEAT_TEXT || id == LEAT_TIMESTAMPTZ || id == LEAT_BOOLEAN ||
           id == LEAT_INTERVAL;
}

struct call_types {
    const struct leat_type *const *types;
    const bool *literal;
    uint32_t count;
};

static bool is_unknown(const struct call_types *call, uint32_t i)
{
    return call->types[i]->id == LEAT_NULL || (call->literal && call->literal[i]);
}

static const struct leat_type *type_of_code(char code, const struct leat_type *actual, bool unknown)
{
    enum leat_type_id id = id_of_code(code);
    if (id == LEAT_DECIMAL) {
        if (unknown)
            return leat_type_decimal(38, 10);
        return actual->id == LEAT_DECIMAL || leat_type_is_integer(actual)
                   ? decimal_of(actual)
                   : leat_type_decimal(38, 10);
    }
    return leat_type_get(id);
}

static char code_at(const char *codes, uint32_t i)
{
    size_t length = strlen(codes);
    if (length && codes[length - 1] == '+')
        return codes[i < length - 1 ? i : length - 2];
    return i < length ? codes[i] : '\0';
}

static bool count_fits(const char *codes, uint32_t count)
{
    size_t length = strlen(codes);
    if (length && codes[length - 1] == '+')
        return count >= length - 1;
    return count == length;
}

/* The common type of all E arguments and elements of A arguments; text if only literals are there.
 * NULL if they do not fit. */
static const struct leat_type *bind_element(const char *codes, const struct call_types *call,
                                            struct leat_arena *arena)
{
    const struct leat_type *element = NULL;
    bool literals = false;

    for (uint32_t i = 0; i < call->count; i++) {
        char code = code_at(codes, i);
        const struct leat_type *type = call->types[i];
        if (code != 'E' && code != 'A')
            continue;
        if (is_unknown(call, i)) {
            literals = literals || type->id != LEAT_NULL;
            continue;
        }
        if (code == 'A') {
            if (type->id != LEAT_LIST)
                return NULL;
            type = type->fields[0].type;
        }
        if (!element || element->id == LEAT_NULL) {
            element = type;
        } else if (!leat_type_equal(element, type)) {
            bool real = (element->id == LEAT_DOUBLE || element->id == LEAT_FLOAT) &&
                        leat_type_is_numeric(type);
            real = real || ((type->id == LEAT_DOUBLE || type->id == LEAT_FLOAT) &&
                            leat_type_is_numeric(element));
            if (real) {
                element = leat_type_get(LEAT_DOUBLE);
                continue;
            }
            bool castable = leat_cast_level_of(element, type) == LEAT_CAST_IMPLICIT ||
                            leat_cast_level_of(type, element) == LEAT_CAST_IMPLICIT;
            element = castable || leat_type_is_nested(type) ? leat_type_unify(arena, element, type)
                                                            : NULL;
            if (!element)
                return NULL;
        }
    }
    if (element)
        return element;
    return literals ? leat_type_get(LEAT_TEXT) : leat_type_get(LEAT_NULL);
}

/* --- choosing --- */

struct candidate {
    const struct leat_function *function;
    const struct leat_type *element;
};

/* Declared type of an argument, NULL type for `*`. */
static enum leat_type_id declared(const struct candidate *candidate, uint32_t i)
{
    char code = code_at(candidate->function->implementation->args, i);
    if (code == 'E')
        return candidate->element->id;
    return id_of_code(code);
}

static bool accepts(const struct leat_function *function, const struct call_types *call,
                    struct leat_arena *arena, struct candidate *out)
{
    const char *codes = function->implementation->args;
    bool poly = false, array = false, known_array = false;

    if (!count_fits(codes, call->count))
        return false;
    *out = (struct candidate){function, NULL};
    for (uint32_t i = 0; i < call->count; i++) {
        char code = code_at(codes, i);
        const struct leat_type *from = call->types[i];
        if (code == 'E' || code == 'A')
            poly = true;
        array = array || code == 'A';
        known_array = known_array || (code == 'A' && from->id == LEAT_LIST);
        if (code == '*' || code == 'E' || is_unknown(call, i))
            continue;
        enum leat_type_id id = id_of_code(code);
        if (id == from->id)
            continue;
        if (id == LEAT_LIST || id == LEAT_STRUCT || id == LEAT_MAP)
            return false;
        if (leat_cast_level_of(from, type_of_code(code, from, false)) != LEAT_CAST_IMPLICIT)
            return false;
    }
    if (array && !known_array)
        return false;
    if (poly) {
        out->element = bind_element(codes, call, arena);
        return out->element != NULL;
    }
    return true;
}

/* Keeps the candidates with the highest score. */
static uint32_t keep_best(struct candidate *candidates, uint32_t count,
                          const struct call_types *call,
                          uint32_t (*score)(const struct candidate *, const struct call_types *))
{
    uint32_t best = 0, kept = 0;
    for (uint32_t c = 0; c < count; c++) {
        uint32_t s = score(&candidates[c], call);
        if (s > best) {
            best = s;
            kept = 0;
        }
        if (s == best)
            candidates[kept++] = candidates[c];
    }
    return kept;
}

static uint32_t score_exact(const struct candidate *candidate, const struct call_types *call)
{
    uint32_t score = 0;
    for (uint32_t i = 0; i < call->count; i++)
        score += !is_unknown(call, i) && declared(candidate, i) == call->types[i]->id;
    return score;
}

static uint32_t score_preferred(const struct candidate *candidate, const struct call_types *call)
{
    uint32_t score = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        enum leat_type_id id = declared(candidate, i);
        score += !is_unknown(call, i) && (id == call->types[i]->id || preferred(id));
    }
    return score;
}

/* Untyped arguments: the category is string if any candidate takes a string there, else the one
 * all candidates share; within it a preferred type wins. */
static uint32_t by_categories(struct candidate *candidates, uint32_t count,
                              const struct call_types *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        char category = '\0';
        bool differ = false, has_preferred = false;
        uint32_t kept = 0;
        if (!is_unknown(call, i))
            continue;
        for (uint32_t c = 0; c < count; c++) {
            char own = category_of(declared(&candidates[c], i));
            if (own == 'S')
                category = 'S';
            else if (category != 'S') {
                differ = differ || (category && category != own);
                category = own;
            }
        }
        if (differ && category != 'S')
            continue;
        for (uint32_t c = 0; c < count; c++) {
            enum leat_type_id id = declared(&candidates[c], i);
            has_preferred = has_preferred || (category_of(id) == category && preferred(id));
        }
        for (uint32_t c = 0; c < count; c++) {
            enum leat_type_id id = declared(&candidates[c], i);
            if (category_of(id) == category && (!has_preferred || preferred(id)))
                candidates[kept++] = candidates[c];
        }
        if (kept)
            count = kept;
    }
    return count;
}

/* All typed arguments have one type: untyped ones are taken as that type too. */
static uint32_t by_known_type(struct candidate *candidates, uint32_t count,
                              const struct call_types *call)
{
    enum leat_type_id known = LEAT_NULL;
    for (uint32_t i = 0; i < call->count; i++) {
        if (is_unknown(call, i))
            continue;
        if (known != LEAT_NULL && known != call->types[i]->id)
            return count;
        known = call->types[i]->id;
    }
    for (uint32_t c = 0; c < count && known != LEAT_NULL; c++) {
        bool all = true;
        for (uint32_t i = 0; i < call->count; i++)
            all = all && declared(&candidates[c], i) == known;
        if (all) {
            candidates[0] = candidates[c];
            return 1;
        }
    }
    return count;
}

static enum leat_status describe_call(const char *name, const struct call_types *call,
                                      struct leat_arena *arena, char *out, size_t size)
{
    size_t length = (size_t)snprintf(out, size, "%s(", name);
    for (uint32_t i = 0; i < call->count && length < size; i++) {
        const char *type = call->types[i]->id == LEAT_NULL || is_unknown(call, i)
                               ? "unknown"
                               : leat_type_name(arena, call->types[i]);
        length +=
            (size_t)snprintf(out + length, size - length, "%s%s", i ? ", " : "", type ? type : "?");
    }
    if (length < size)
        snprintf(out + length, size - length, ")");
    return LEAT_OK;
}

static enum leat_status unknown_function(const char *name, struct leat_error *err)
{
    const char *names[800];
    size_t count = 0;
    const struct leat_function *function;
    for (size_t i = 0; (function = leat_function_at(i)) && count < 799; i++) {
        if (count == 0 || strcmp(names[count - 1], function->name) != 0)
            names[count++] = function->name;
    }
    names[count] = NULL;
    enum leat_status status =
        leat_error_set(err, LEAT_E_UNKNOWN_FUNCTION, "function %s does not exist", name);
    const char *near = leat_nearest_name(leat_text_of(name), names);
    if (near)
        leat_error_hint(err, "Did you mean %s?", near);
    return status;
}

static enum leat_status no_overload(const char *name, const struct call_types *call,
                                    struct leat_arena *arena, struct leat_error *err)
{
    char text[300], known[400] = "";
    size_t length = 0;
    const struct leat_function *function;
    const char *last = NULL;

    describe_call(name, call, arena, text, sizeof(text));
    for (size_t i = 0; (function = leat_function_at(i)) && length < sizeof(known); i++) {
        if (strcmp(function->name, canonical(name)) != 0 ||
            (last && strcmp(last, function->signature) == 0))
            continue;
        last = function->signature;
        length += (size_t)snprintf(known + length, sizeof(known) - length, "%s%s",
                                   length ? "; " : "", function->signature);
    }
    enum leat_status status =
        leat_error_set(err, LEAT_E_NO_OVERLOAD, "no function fits the types of %s", text);
    leat_error_hint(err, "There is: %s", known);
    return status;
}

/* Fills the match from the chosen candidate; false if its type rule refuses. */
static enum leat_status complete(const struct candidate *chosen, const struct call_types *call,
                                 struct leat_arena *arena, struct leat_function_match *out,
                                 bool *accepted, struct leat_error *err)
{
    const struct leat_function_implementation *implementation = chosen->function->implementation;
    const struct leat_type **cast =
        leat_arena_calloc(arena, call->count ? call->count : 1, sizeof(*cast));
    bool all_float = true;

    if (!cast)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < call->count; i++) {
        char code = code_at(implementation->args, i);
        bool unknown = is_unknown(call, i);
        if (code == '*') {
            cast[i] = unknown && call->types[i]->id == LEAT_TEXT ? leat_type_get(LEAT_TEXT)
                                                                 : call->types[i];
        } else if (code == 'E') {
            cast[i] = chosen->element;
        } else if (code == 'A') {
            cast[i] = leat_type_list(arena, chosen->element);
        } else if (code == 'P') {
            cast[i] = leat_type_list(arena, leat_type_get(LEAT_TEXT));
        } else if (code == 'R' || code == 'M') {
            cast[i] = call->types[i];
        } else {
            cast[i] = type_of_code(code, call->types[i], unknown);
        }
        if (!cast[i])
            return leat_error_memory(err);
        all_float = all_float && (code != 'f' || unknown || call->types[i]->id == LEAT_FLOAT);
    }
    (void)all_float;
    struct signature signature = {call->types, cast, call->count, NULL, arena};
    char result = implementation->result;
    if (result == 'E')
        signature.result = chosen->element;
    else if (result == 'A')
        signature.result = leat_type_list(arena, chosen->element);
    else if (result == 'x') /* text[] */
        signature.result = leat_type_list(arena, leat_type_get(LEAT_TEXT));
    else if (result)
        signature.result = leat_type_get(id_of_code(result));
    *accepted = !implementation->rule || implementation->rule(&signature);
    if (*accepted && !signature.result)
        return leat_error_memory(err);
    out->function = chosen->function;
    out->arg_types = cast;
    out->result_type = signature.result;
    return LEAT_OK;
}

/* real with another number type is computed in double precision. */
static bool mixes_real(const struct candidate *chosen, const struct call_types *call)
{
    if (chosen->function->kind != LEAT_FUNCTION_SCALAR ||
        strcmp(chosen->function->implementation->args, "ff") != 0)
        return false;
    for (uint32_t i = 0; i < call->count; i++) {
        if (!is_unknown(call, i) && call->types[i]->id != LEAT_FLOAT)
            return true;
    }
    return false;
}

enum leat_status leat_function_resolve(const char *name, const struct leat_type *const *arg_types,
                                       const bool *arg_is_literal, uint32_t arg_count,
                                       struct leat_arena *arena, struct leat_function_match *out,
                                       struct leat_error *err)
{
    struct call_types call = {arg_types, arg_is_literal, arg_count};
    struct candidate candidates[MAXIMUM_CANDIDATES];
    const char *wanted = canonical(name);
    bool exists = false, accepted = false;
    uint32_t count = 0;

    if (arg_count > MAXIMUM_ARGUMENTS)
        return leat_error_set(err, LEAT_E_LIMIT, "more than %u arguments for %s", MAXIMUM_ARGUMENTS,
                              name);
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        struct function_table table = tables[t]();
        for (size_t i = 0; i < table.count; i++) {
            if (strcmp(table.functions[i].name, wanted) != 0)
                continue;
            exists = true;
            if (count < MAXIMUM_CANDIDATES &&
                accepts(&table.functions[i], &call, arena, &candidates[count]))
                count++;
        }
    }
    if (!exists)
        return unknown_function(name, err);
    if (count > 1)
        count = keep_best(candidates, count, &call, score_exact);
    if (count > 1)
        count = keep_best(candidates, count, &call, score_preferred);
    if (count > 1)
        count = by_known_type(candidates, count, &call);
    if (count > 1)
        count = by_categories(candidates, count, &call);
    if (count == 1 && mixes_real(&candidates[0], &call)) {
        const struct leat_type *doubles[2] = {leat_type_get(LEAT_DOUBLE),
                                              leat_type_get(LEAT_DOUBLE)};
        return leat_function_resolve(name, doubles, NULL, arg_count, arena, out, err);
    }
    for (uint32_t c = 0; c < count && (count == 1 || c == 0); c++)
        LEAT_TRY(complete(&candidates[c], &call, arena, out, &accepted, err));
    if (count > 1) {
        char text[300];
        describe_call(name, &call, arena, text, sizeof(text));
        enum leat_status status =
            leat_error_set(err, LEAT_E_AMBIGUOUS_FUNCTION, "%s is ambiguous", text);
        leat_error_hint(err, "Cast an argument, for example CAST(... AS text).");
        return status;
    }
    return accepted ? LEAT_OK : no_overload(name, &call, arena, err);
}

/* --- what kernels share --- */

enum leat_status kernel_set_null(struct kernel_call *call, uint32_t row, struct leat_error *err)
{
    LEAT_TRY(leat_vector_make_validity(call->out, call->count, call->arena, err));
    leat_validity_set(call->out->validity, row, false);
    return LEAT_OK;
}

enum leat_status kernel_set_text(struct kernel_call *call, uint32_t row, const char *data,
                                 size_t length, struct leat_error *err)
{
    if (length > UINT32_MAX)
        return leat_error_set(err, LEAT_E_LIMIT, "text longer than 4 GiB");
    if (length > LEAT_STRING_INLINE) {
        data = leat_arena_copy(call->arena, data, length);
        if (!data)
            return leat_error_memory(err);
    }
    ((struct leat_string *)call->out->data)[row] = leat_string_of(data, length);
    return LEAT_OK;
}
