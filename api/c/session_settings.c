/* Settings that clients of PostgreSQL make and ask for. What would change results and is not
 * supported is refused; what has no meaning here is kept and shown. */
#include "api/c/session_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How a value is judged. */
enum rule {
    ANY,    /* kept; means nothing here */
    ONE_OF, /* `values`, separated by '|', in any case; the first is shown */
    SHOWN,  /* cannot be set */
    PATH    /* schemas */
};
static const struct setting {
    const char *name;
    const char *value; /* the default */
    const char *values;
    enum rule rule;
    const char *description;
} settings[] = {
    {"application_name", "", NULL, ANY, "The client's name for itself."},
    {"bytea_output", "hex", "hex", ONE_OF, "The text form of bytea."},
    {"client_encoding", "UTF8", "utf8|utf-8|unicode|sql_ascii", ONE_OF, "The encoding of clients."},
    {"client_min_messages", "notice", NULL, ANY, "The least important messages that are sent."},
    {"datestyle", "ISO, MDY", "iso, mdy|iso|iso,mdy|iso, dmy|iso, ymd", ONE_OF,
     "The text form of dates."},
    {"default_transaction_isolation", "repeatable read", NULL, ANY,
     "Every transaction sees one snapshot."},
    {"default_transaction_read_only", "off", "off|false|no|0", ONE_OF,
     "Whether transactions may not write."},
    {"extra_float_digits", "1", "1|2|3", ONE_OF,
     "Floating-point numbers are the shortest text that reads back the same."},
    {"idle_in_transaction_session_timeout", "0", "0", ONE_OF, "Not limited."},
    {"integer_datetimes", "on", NULL, SHOWN, "Times are integers."},
    {"intervalstyle", "postgres", "postgres", ONE_OF, "The text form of intervals."},
    {"is_superuser", "off", NULL, SHOWN, "No user is."},
    {"jit", "off", NULL, ANY, "There is none."},
    {"lock_timeout", "0", "0", ONE_OF, "Nothing waits for locks."},
    {"max_identifier_length", "255", NULL, SHOWN, "Bytes of a name."},
    {"row_security", "on", NULL, ANY, "There are no policies."},
    {"search_path", "\"$user\", main", NULL, PATH, "Where names without a schema are looked for."},
    {"server_encoding", "UTF8", NULL, SHOWN, "The encoding of text."},
    {"server_version", "15.0", NULL, SHOWN, "The version of PostgreSQL that clients are told."},
    {"server_version_num", "150000", NULL, SHOWN, "The same as a number."},
    {"standard_conforming_strings", "on", "on|true|yes|1", ONE_OF, "Backslashes mean themselves."},
    {"statement_timeout", "0", "0|0ms|0s", ONE_OF, "Not limited; clients can cancel."},
    {"synchronous_commit", "on", NULL, ANY, "Every commit is durable."},
    {"timezone", "UTC", "utc|gmt|etc/utc|0|+00:00|z", ONE_OF, "The zone that times are shown in."},
    {"transaction_isolation", "repeatable read", NULL, ANY, "A transaction sees one snapshot."},
    {"transaction_read_only", "off", "off|false", ONE_OF, "Whether it may not write."},
    {"work_mem", "4MB", NULL, ANY, "See --memory."},
};
#define COUNT (sizeof(settings) / sizeof(settings[0]))

static const struct setting *find(struct leat_text name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (leat_text_equal_nocase(name, leat_text_of(settings[i].name)))
            return &settings[i];
    return NULL;
}

static bool is_one_of(const char *values, struct leat_text value)
{
    while (*values) {
        size_t length = strcspn(values, "|");
        if (leat_text_equal_nocase(value, (struct leat_text){values, length}))
            return true;
        values += length + (values[length] == '|');
    }
    return false;
}

/* Without quotes around the whole. */
static struct leat_text bare(struct leat_text value)
{
    while (value.length > 0 && strchr(" \t\r\n", value.data[value.length - 1]))
        value.length--;
    if (value.length >= 2 && (value.data[0] == '\'' || value.data[0] == '"') &&
        value.data[value.length - 1] == value.data[0]) {
        value.data++;
        value.length -= 2;
    }
    return value;
}

/* Every schema named must be one that is looked in anyway, or the session's own first. */
static bool is_path(const struct leat_session *session, struct leat_text value)
{
    while (value.length > 0) {
        const char *comma = memchr(value.data, ',', value.length);
        size_t length = comma ? (size_t)(comma - value.data) : value.length;
        struct leat_text item = {value.data, length};
        while (item.length > 0 && item.data[0] == ' ')
            item = (struct leat_text){item.data + 1, item.length - 1};
        item = bare(item);
        if (item.length > 0 && !is_one_of("$user|public|pg_catalog|pg_temp", item) &&
            !leat_text_equal(item, leat_text_of(session->schema)))
            return false;
        length += comma != NULL;
        value = (struct leat_text){value.data + length, value.length - length};
    }
    return true;
}

static enum leat_status keep(struct leat_session *session, const struct setting *setting,
                             struct leat_text value, struct leat_error *err)
{
    char **slot = &session->settings[setting - settings];
    char *copy = leat_malloc(value.length + 1);

    if (!copy)
        return leat_error_memory(err);
    if (value.length)
        memcpy(copy, value.data, value.length);
    copy[value.length] = '\0';
    leat_free(*slot);
    *slot = copy;
    return LEAT_OK;
}

enum leat_status session_settings_init(struct leat_session *session, struct leat_error *err)
{
    session->settings = leat_calloc(COUNT, sizeof(*session->settings));
    return session->settings ? LEAT_OK : leat_error_memory(err);
}

void session_settings_release(struct leat_session *session)
{
    for (size_t i = 0; session->settings && i < COUNT; i++)
        leat_free(session->settings[i]);
    leat_free(session->settings);
    session->settings = NULL;
}

bool session_setting(void *context, size_t index, const char *out[3])
{
    const struct leat_session *session = context;

    if (index >= COUNT)
        return false;
    out[0] = settings[index].name;
    out[1] = session->settings[index] ? session->settings[index] : settings[index].value;
    out[2] = settings[index].description;
    return true;
}

const char *session_setting_value(const struct leat_session *session, struct leat_text name)
{
    const struct setting *setting = find(name);

    if (!setting)
        return NULL;
    return session->settings[setting - settings] ? session->settings[setting - settings]
                                                 : setting->value;
}

enum leat_status session_set_setting(struct leat_session *session, struct leat_text name,
                                     struct leat_text value, bool reset, struct leat_error *err)
{
    const struct setting *setting = find(name);

    if (!setting)
        return LEAT_NOT_FOUND;
    value = bare(value);
    if (reset || leat_text_equal_nocase(value, leat_text_of("default"))) {
        leat_free(session->settings[setting - settings]);
        session->settings[setting - settings] = NULL;
        return LEAT_OK;
    }
    switch (setting->rule) {
    case ANY:
        return keep(session, setting, value, err);
    case PATH:
        if (is_path(session, value))
            return keep(session, setting, value, err);
        (void)leat_error_set(err, LEAT_E_SETTING, "search_path cannot be \"%.*s\"",
                             (int)value.length, value.data);
        leat_error_hint(err,
                        "names without a schema are looked for in \"%s\" (--schema), then in "
                        "all schemas; others are written with it",
                        session->schema);
        return LEAT_INVALID;
    case ONE_OF:
        if (is_one_of(setting->values, value))
            return LEAT_OK;
        break;
    case SHOWN:
        break;
    }
    (void)leat_error_set(err, LEAT_E_SETTING, "%s cannot be \"%.*s\"", setting->name,
                         (int)value.length, value.data);
    leat_error_hint(err, "it is %s", setting->value);
    return LEAT_INVALID;
}
