/* Options of the command line, sizes, exit codes. */
#include "cli/command.h"
#include "columns/format.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <stdlib.h>

static void complain(const struct leat_command *command, const char *what, const char *near)
{
    struct leat_error error;

    (void)leat_error_set(&error, LEAT_E_USAGE, "leat %s: %s", command->name, what);
    if (near)
        leat_error_hint(&error, "did you mean %s?", near);
    else
        leat_error_hint(&error, "`leat %s --help` shows the options", command->name);
    leat_cli_report(&error, 1, false);
}

/* The option of that name (up to '=' ), or NULL. */
static const struct leat_cli_option *find_option(const struct leat_cli_option *options,
                                                 size_t count, const char *argument)
{
    size_t length = strcspn(argument, "=");

    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == length && strncmp(options[i].name, argument, length) == 0)
            return &options[i];
    return NULL;
}

static bool unknown_option(const struct leat_command *command,
                           const struct leat_cli_option *options, size_t count,
                           const char *argument)
{
    const char *names[64] = {NULL};
    char what[300];

    for (size_t i = 0; i < count && i < 63; i++)
        names[i] = options[i].name;
    snprintf(what, sizeof(what), "unknown option %.200s", argument);
    complain(command, what,
             leat_nearest_name((struct leat_text){argument, strcspn(argument, "=")}, names));
    return false;
}

bool leat_cli_parse(const struct leat_command *command, const struct leat_cli_option *options,
                    size_t count, int *argc, char **argv)
{
    bool only_arguments = false;
    char what[300];
    int kept = 0;

    for (int i = 1; i < *argc; i++) {
        const struct leat_cli_option *option;
        const char *equals = strchr(argv[i], '=');
        if (only_arguments || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[kept++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            only_arguments = true;
            continue;
        }
        option = find_option(options, count, argv[i]);
        if (!option)
            return unknown_option(command, options, count, argv[i]);
        if (option->flag) {
            *option->flag = true;
        } else if (equals) {
            *option->value = equals + 1;
        } else if (i + 1 < *argc) {
            *option->value = argv[++i];
        } else {
            snprintf(what, sizeof(what), "%.200s needs a value", argv[i]);
            complain(command, what, NULL);
            return false;
        }
    }
    *argc = kept;
    return true;
}

bool leat_cli_threads(const char *text, unsigned *out)
{
    int64_t value;

    if (!text)
        return true;
    if (!leat_parse_int64(text, strlen(text), &value) || value < 1 || value > 1024)
        return false;
    *out = (unsigned)value;
    return true;
}

bool leat_cli_size(const char *text, uint64_t *out)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"", 1},          {"b", 1},         {"kb", 1 << 10}, {"k", 1 << 10},
                 {"mb", 1 << 20},  {"m", 1 << 20},   {"gb", 1 << 30}, {"g", 1 << 30},
                 {"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}};
    size_t digits = strspn(text, "0123456789.");
    double number;

    if (digits == 0 || !leat_parse_double(text, digits, &number) || number < 0 || number > 1e15)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (leat_text_equal_nocase(leat_text_of(text + digits), leat_text_of(units[i].unit))) {
            *out = (uint64_t)(number * units[i].factor);
            return true;
        }
    return false;
}

int leat_cli_exit(const struct leat_error *error)
{
    switch (error->status) {
    case LEAT_OK:
        return LEAT_EXIT_OK;
    case LEAT_INVALID:
    case LEAT_UNSUPPORTED:
    case LEAT_NOT_FOUND:
    case LEAT_EXISTS:
        return LEAT_EXIT_USAGE;
    case LEAT_DENIED:
        return LEAT_EXIT_DENIED;
    case LEAT_CANCELLED:
        return LEAT_EXIT_INTERRUPTED;
    default:
        return LEAT_EXIT_FAILED;
    }
}

bool leat_cli_colour(void)
{
    const char *term = getenv("TERM");
    const char *forced = getenv("FORCE_COLOR");

    if (getenv("NO_COLOR") && getenv("NO_COLOR")[0])
        return false;
    if (forced && forced[0] && strcmp(forced, "0") != 0)
        return true;
    return isatty(2) && (!term || strcmp(term, "dumb") != 0);
}

int leat_cli_usage(const struct leat_command *command, const char *what, const char *value,
                   const char *hint)
{
    struct leat_error error;

    (void)leat_error_set(&error, LEAT_E_USAGE, "leat %s: %s \"%s\"", command->name, what, value);
    leat_error_hint(&error, "%s", hint);
    leat_cli_report(&error, 1, false);
    return LEAT_EXIT_USAGE;
}
