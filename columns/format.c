/* Options of formats and connectors: look-up, checks against their table, and proposals for
 * misspelled names by edit distance. */
#include "columns/format.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Edit distance with swaps of neighbours (optimal string alignment); names are at most 64 bytes. */
static unsigned edit_distance(struct leat_text a, struct leat_text b)
{
    unsigned rows[3][65];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.length; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a.length; i++) {
        unsigned *spare = before;
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.length; j++) {
            char x = lower(a.data[i - 1]), y = lower(b.data[j - 1]);
            unsigned best = last[j - 1] + (x != y);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && x == lower(b.data[j - 2]) && lower(a.data[i - 2]) == y &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        before = last;
        last = row;
        row = spare;
    }
    return last[b.length];
}

const char *leat_nearest_name(struct leat_text name, const char *const *names)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)(name.length / 3 + 1) + 1;

    if (name.length > 64)
        return NULL;
    for (; *names; names++) {
        struct leat_text candidate = leat_text_of(*names);
        unsigned distance;
        if (candidate.length > 64)
            continue;
        distance = edit_distance(name, candidate);
        /* "sep" for "separator": one begins with the other */
        if (distance >= best_distance && name.length >= 3 && candidate.length > name.length &&
            leat_text_equal_nocase(name, (struct leat_text){candidate.data, name.length}))
            distance = best_distance - 1;
        if (distance < best_distance && distance < candidate.length) {
            best = *names;
            best_distance = distance;
        }
    }
    return best;
}

const struct leat_value *leat_option_find(const struct leat_option_value *options, size_t count,
                                          const char *name)
{
    for (size_t i = count; i-- > 0;) /* the last one given wins */
        if (leat_text_equal_nocase(leat_text_of(options[i].name), leat_text_of(name)))
            return &options[i].value;
    return NULL;
}

static bool fits(enum leat_type_id wanted, const struct leat_value *value)
{
    enum leat_type_id given = value->type->id;
    bool flag;

    if (value->is_null)
        return true;
    switch (wanted) {
    case LEAT_TEXT:
        return given == LEAT_TEXT;
    case LEAT_BOOLEAN:
        return given == LEAT_BOOLEAN ||
               (given == LEAT_TEXT &&
                leat_parse_boolean(value->text.data, value->text.length, &flag)) ||
               (leat_type_is_integer(value->type) && (value->integer == 0 || value->integer == 1));
    case LEAT_INT64:
        return leat_type_is_integer(value->type);
    case LEAT_LIST:
        return given == LEAT_LIST || given == LEAT_TEXT;
    case LEAT_MAP:
        return given == LEAT_MAP || given == LEAT_STRUCT;
    default:
        return true;
    }
}

static const char *kind_name(enum leat_type_id id)
{
    switch (id) {
    case LEAT_BOOLEAN:
        return "true or false";
    case LEAT_INT64:
        return "a whole number";
    case LEAT_LIST:
        return "a list of texts, such as ['NA', '']";
    case LEAT_MAP:
        return "a map, such as {'name': 'text'}";
    default:
        return "a text";
    }
}

static const struct leat_option *find_entry(const struct leat_option *table, const char *name)
{
    for (; table->name; table++)
        if (leat_text_equal_nocase(leat_text_of(table->name), leat_text_of(name)))
            return table;
    return NULL;
}

enum leat_status leat_options_check(const char *object, const struct leat_option *table,
                                    const struct leat_option_value *options, size_t count,
                                    struct leat_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct leat_option *entry = find_entry(table, options[i].name);
        enum leat_status status;
        if (!entry) {
            const char *names[65];
            const char *nearest;
            size_t known = 0;
            for (const struct leat_option *at = table; at->name && known < 64; at++)
                names[known++] = at->name;
            names[known] = NULL;
            nearest = leat_nearest_name(leat_text_of(options[i].name), names);
            status = leat_error_set(err, LEAT_E_UNKNOWN_OPTION, "%s has no option \"%s\"", object,
                                    options[i].name);
            if (nearest)
                leat_error_hint(err, "did you mean \"%s\"?", nearest);
            return status;
        }
        if (!fits(entry->type, &options[i].value)) {
            status = leat_error_set(err, LEAT_E_OPTION_TYPE, "option \"%s\" of %s must be %s",
                                    entry->name, object, kind_name(entry->type));
            leat_error_hint(err, "%s", entry->help ? entry->help : "");
            return status;
        }
    }
    return LEAT_OK;
}
