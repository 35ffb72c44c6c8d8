/* leat explain CODE and leat version. */
#include "cli/command.h"
#include "compute/sql/parser.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints words in lines of up to 80 characters. */
static void print_wrapped(const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t length = strcspn(text, " \n");
        if (column > 0 && column + 1 + length > 80) {
            putchar('\n');
            column = 0;
        }
        if (column > 0)
            column += (size_t)printf(" ");
        column += (size_t)printf("%.*s", (int)length, text);
        text += length;
        text += *text != '\0';
    }
    putchar('\n');
}

/* What Spark's dialect does not carry over. */
static void print_refused(void)
{
    const char *name, *reason, *instead;

    for (size_t i = 0; (name = leat_sql_spark_refused_at(i, &reason, &instead)) != NULL; i++)
        printf("  %-28s %s%s%s\n", name, reason, instead ? "; write " : "", instead ? instead : "");
}

static int run_explain(int argc, char **argv)
{
    const struct leat_error_info *info = NULL;
    struct leat_error error;

    if (argc >= 2 && strcmp(argv[1], "--where") == 0)
        return leat_cli_where(argc - 1, argv + 1);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; (info = leat_error_info_at(i)) != NULL; i++)
            printf("L%04d  %s  %s\n", info->number, info->sqlstate, info->title);
        return LEAT_EXIT_OK;
    }
    if (argc == 2) {
        const char *digits = argv[1] + (toupper((unsigned char)argv[1][0]) == 'L');
        if (*digits && strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 8)
            info = leat_error_info_get(atoi(digits));
    }
    if (!info) {
        (void)leat_error_set(&error, LEAT_E_USAGE, "there is no error code \"%s\"",
                             argc == 2 ? argv[1] : "");
        leat_error_hint(&error, "codes look like L2201; `leat explain --list` shows them all");
        leat_cli_report(&error, 1, false);
        return LEAT_EXIT_USAGE;
    }
    printf("L%04d: %s (SQLSTATE %s)\n\n", info->number, info->title, info->sqlstate);
    print_wrapped(info->text);
    if (info->number == LEAT_E_DIALECT)
        print_refused();
    return LEAT_EXIT_OK;
}

static int run_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("leat " LEAT_VERSION);
    return LEAT_EXIT_OK;
}

const struct leat_command leat_command_explain = {
    "explain", "explain an error code, or where a query should run",
    "Explains an error code: what it means and what to do. With --where: what a query would take "
    "here "
    "and on\n"
    "each host, and where it should run.\n\n"
    "  leat explain L2201\n"
    "  leat explain --list\n"
    "  leat explain --where -c \"SELECT carrier, count(*) FROM 'flights/*.parquet' GROUP BY 1\"\n"
    "  leat explain --where --lake lake -f report.sql --hosts spark=16,dask=8\n\n"
    "Options of --where:\n"
    "  -c, --command SQL     the query; statements before it may make views\n"
    "  -f, --file FILE       the same from a file\n"
    "  --lake DIR            the lake whose tables are seen\n"
    "  --hosts NAME=TASKS,…  hosts to be compared, and how many tasks each runs at once\n"
    "                        (default: the project's, hosts in leat.yaml; otherwise 8 tasks of "
    "each)\n"
    "  --memory SIZE         memory here, for example 4GB (default: all of the machine)",
    run_explain};

const struct leat_command leat_command_version = {
    "version", "print the version", "Prints the version.\n\n  leat version", run_version};
