/* leat: finds the command and runs it. Nothing is opened or read before that, so that --version
 * answers at once. */
#include "base/fault.h"
#include "base/memory.h"
#include "cli/command.h"
#include "columns/format.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct leat_command *const commands[] = {
    &leat_command_init,    &leat_command_run,    &leat_command_check,      &leat_command_test,
    &leat_command_query,   &leat_command_serve,  &leat_command_quarantine, &leat_command_verify,
    &leat_command_explain, &leat_command_worker, &leat_command_version,
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out)
{
    fputs("leat: data pipelines in SQL, on one machine or on a cluster\n\n"
          "  leat run                      (in a project's folder)\n"
          "  leat query -c \"SELECT origin, count(*) FROM 'flights.csv' GROUP BY 1\"\n"
          "  leat query --lake lake -c 'SHOW TABLES'\n\n"
          "Commands:\n",
          out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n`leat COMMAND --help` explains a command, `leat explain L2201` an error code.\n", out);
}

static const struct leat_command *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS + 1] = {NULL}, *near;
    struct leat_error error;

    for (int i = 0; i < COMMANDS; i++)
        names[i] = commands[i]->name;
    near = leat_nearest_name(leat_text_of(name), names);
    (void)leat_error_set(&error, LEAT_E_USAGE, "there is no command \"%s\"", name);
    if (near)
        leat_error_hint(&error, "did you mean `leat %s`?", near);
    else
        leat_error_hint(&error, "`leat --help` lists the commands");
    leat_cli_report(&error, 1, false);
    return LEAT_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const struct leat_command *command;

    leat_fault_init_from_environment();
    leat_memory_tune();
    signal(SIGPIPE, SIG_IGN); /* writing to a closed pipe is an error like others */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file larger than ulimit -f allows */
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? LEAT_EXIT_USAGE : LEAT_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return leat_command_version.run(argc - 1, argv + 1);
    command = find_command(argv[1]);
    if (!command)
        return unknown_command(argv[1]);
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            puts(command->help);
            return LEAT_EXIT_OK;
        }
    return command->run(argc - 1, argv + 1);
}
