/* leat query: statements from the command line, a file, standard input, or a prompt. */
#include "cli/command.h"
#include "orchestration/project.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct leat_session *_Atomic running; /* for Ctrl-C: the session whose statement runs */
static _Atomic bool interrupted;             /* Ctrl-C came while none did */

static void interrupt(int signal_number)
{
    struct leat_session *session = atomic_load(&running);

    (void)signal_number;
    if (session)
        leat_session_cancel(session);
    else
        atomic_store(&interrupted, true);
}

void leat_cli_running(struct leat_session *session)
{
    atomic_store(&running, session);
}

bool leat_cli_take_interrupt(void)
{
    return atomic_exchange(&interrupted, false);
}

struct query_options {
    const char *sql, *file, *lake, *catalog, *schema, *format, *threads, *task_threads, *memory,
        *errors, *timing, *on, *master, *host_config, *dialect;
    bool quiet, create_lake, interactive;
};

static int usage(const char *what, const char *value, const char *hint)
{
    return leat_cli_usage(&leat_command_query, what, value, hint);
}

static enum leat_status read_input(const struct query_options *options, struct leat_buffer *out,
                                   struct leat_error *err)
{
    ssize_t got;

    if (options->sql)
        return leat_buffer_append_string(out, options->sql, err);
    if (options->file && strcmp(options->file, "-") != 0)
        return leat_file_read_all(options->file, out, err);
    do {
        LEAT_TRY(leat_buffer_reserve(out, 65536, err));
        got = read(0, out->data + out->length, out->capacity - out->length);
        if (got < 0)
            return leat_error_set(err, LEAT_E_IO, "cannot read standard input");
        out->length += (size_t)got;
    } while (got > 0);
    return LEAT_OK;
}

static void read_progress(void *context, struct leat_progress_counts *out)
{
    const struct leat_session *session = context;

    out->bytes = leat_session_bytes_read(session);
    out->total = leat_session_bytes_total(session);
    out->rows = leat_session_rows_read(session);
}

static int run_text(struct leat_session *session, const struct query_options *options,
                    struct leat_cli_output *output, bool json)
{
    const char *name = options->sql || !options->file ? "" : options->file;
    struct leat_error error, *errors = &error;
    struct leat_buffer text;
    struct leat_arena arena;
    enum leat_status status;
    uint32_t count = 1;
    int code = LEAT_EXIT_OK;

    leat_error_clear(&error);
    leat_buffer_init(&text, LEAT_SQL_MAX_TEXT);
    leat_arena_init(&arena, NULL);
    status = read_input(options, &text, &error);
    if (status == LEAT_OK) {
        struct leat_cli_progress progress;
        leat_cli_running(session);
        leat_cli_progress_start(&progress, read_progress, session);
        output->progress = &progress;
        status = leat_session_run(session, name, text.data ? (const char *)text.data : "",
                                  text.length, &output->base, &arena, &errors, &count, &error);
        output->progress = NULL;
        leat_cli_progress_stop(&progress);
        leat_cli_running(NULL);
    }
    if (status != LEAT_OK) {
        leat_cli_report(count ? errors : &error, count ? count : 1, json);
        code = leat_cli_exit(count ? errors : &error);
    }
    leat_arena_release(&arena);
    leat_buffer_release(&text);
    return code;
}

/* --on may name a host of the project that this folder belongs to, if it does. */
static enum leat_status new_session(struct leat_session_options *options, struct leat_session **out,
                                    struct leat_error *err)
{
    struct leat_project project;
    struct leat_error ignored;
    enum leat_status status;

    if (!options->host.name)
        return leat_session_new(options, out, err);
    (void)!leat_project_open(NULL, NULL, &project, &ignored);
    leat_project_host(&project, &options->host);
    status = leat_session_new(options, out, err);
    leat_project_close(&project);
    return status;
}

static int run_query(int argc, char **argv)
{
    struct query_options o = {0};
    const struct leat_cli_option options[] = {{"-c", &o.sql, NULL},
                                              {"--command", &o.sql, NULL},
                                              {"-f", &o.file, NULL},
                                              {"--file", &o.file, NULL},
                                              {"--lake", &o.lake, NULL},
                                              {"--catalog", &o.catalog, NULL},
                                              {"--schema", &o.schema, NULL},
                                              {"--format", &o.format, NULL},
                                              {"--threads", &o.threads, NULL},
                                              {"--task-threads", &o.task_threads, NULL},
                                              {"--memory", &o.memory, NULL},
                                              {"--errors", &o.errors, NULL},
                                              {"--timing", &o.timing, NULL},
                                              {"--on", &o.on, NULL},
                                              {"--master", &o.master, NULL},
                                              {"--host-config", &o.host_config, NULL},
                                              {"--dialect", &o.dialect, NULL},
                                              {"-q", NULL, &o.quiet},
                                              {"--quiet", NULL, &o.quiet},
                                              {"-i", NULL, &o.interactive},
                                              {"--interactive", NULL, &o.interactive},
                                              {"--create-lake", NULL, &o.create_lake}};
    struct leat_session_options session_options = {0};
    /* no SA_RESTART: the prompt's read must come back */
    const struct sigaction on_interrupt = {.sa_handler = interrupt};
    enum leat_cli_format format = isatty(1) ? LEAT_CLI_TABLE : LEAT_CLI_CSV;
    struct leat_session *session;
    struct leat_cli_output output;
    struct leat_error error;
    bool json;
    int code;

    if (!leat_cli_parse(&leat_command_query, options, sizeof(options) / sizeof(options[0]), &argc,
                        argv))
        return LEAT_EXIT_USAGE;
    if (argc == 1 && !o.sql && !o.file && strpbrk(argv[0], " \t\n;")) {
        o.sql = argv[0];
        argc = 0;
    }
    if (argc > 0)
        return usage("unexpected argument", argv[0], "give SQL with -c, or a file with -f");
    if (o.format && !leat_cli_format_parse(o.format, &format))
        return usage("unknown format", o.format, "one of table, csv, json, ndjson, markdown");
    if (!leat_cli_threads(o.threads, &session_options.threads))
        return usage("not a number of threads", o.threads, "a number from 1 to 1024");
    session_options.host =
        (struct leat_host_options){.name = o.on, .master = o.master, .config = o.host_config};
    if (!leat_cli_threads(o.task_threads, &session_options.host.task_threads))
        return usage("not a number of threads", o.task_threads, "a number from 1 to 1024");
    if (o.memory && !leat_cli_size(o.memory, &session_options.memory))
        return usage("not a size", o.memory, "for example 256MB or 2GB");
    if (o.errors && strcmp(o.errors, "json") != 0 && strcmp(o.errors, "text") != 0)
        return usage("unknown form of errors", o.errors, "text or json");
    if (o.timing && strcmp(o.timing, "json") != 0)
        return usage("unknown form of timing", o.timing, "json");
    if (o.dialect && !leat_sql_dialect_find(leat_text_of(o.dialect), &session_options.dialect))
        return usage("unknown dialect", o.dialect, "postgres or spark");
    json = o.errors && strcmp(o.errors, "json") == 0;
    session_options.lake = o.lake;
    session_options.catalog = o.catalog;
    session_options.create_lake = o.create_lake;
    session_options.schema = o.schema;
    if (new_session(&session_options, &session, &error) != LEAT_OK) {
        leat_cli_report(&error, 1, json);
        return leat_cli_exit(&error);
    }
    (void)sigaction(SIGINT, &on_interrupt, NULL);
    leat_cli_output_init(&output, format);
    output.quiet = o.quiet;
    output.timing = o.timing != NULL;
    if (!o.sql && !o.file && o.interactive && !isatty(0))
        code = leat_cli_lines(session, &output, json);
    else if (!o.sql && !o.file && isatty(0))
        code = leat_cli_prompt(session, &output, json);
    else
        code = run_text(session, &o, &output, json);
    leat_cli_output_release(&output);
    leat_session_free(session);
    return code;
}

const struct leat_command leat_command_query = {
    "query", "run SQL on files and tables",
    "Runs SQL on files, tables in memory and the tables of a lake.\n\n"
    "  leat query -c \"SELECT * FROM 'flights.csv' LIMIT 5\"\n"
    "  leat query -c \"SELECT origin, avg(dep_delay) FROM read_csv('data/*.csv', nulls => ['NA']) "
    "GROUP BY 1\"\n"
    "  leat query --lake lake -f report.sql --format markdown\n"
    "  echo 'SELECT 1; SELECT 2' | leat query\n"
    "  leat query                          (a prompt, on a terminal)\n\n"
    "Options:\n"
    "  -c, --command SQL     statements, separated by ; (-c may be left out)\n"
    "  -f, --file FILE       the same from a file; - is standard input\n"
    "  -i, --interactive     run each statement of standard input when it ends; go on after "
    "errors\n"
    "  --lake DIR            the lake whose tables are seen and written; s3://... or hdfs://... "
    "too\n"
    "  --catalog NAME        where that lake's catalog is kept: sqlite:PATH, "
    "postgresql://USER@HOST/DB\n"
    "  --create-lake         make that lake if it is not there\n"
    "  --schema NAME         the lake's schema for names without one (default main)\n"
    "  --format FORMAT       table, csv, json, ndjson, markdown (default: table on a terminal, "
    "else csv)\n"
    "  --threads N           threads (default: all cores)\n"
    "  --task-threads N      threads of each task of a host (default 1)\n"
    "  --memory SIZE         memory limit, for example 256MB; what does not fit goes to files in "
    "TMPDIR\n"
    "                        (default: three quarters of the machine's or container's memory)\n"
    "  --on HOST             local (default): threads; local:processes: N worker processes;\n"
    "                        spark, hadoop, flink, dask: tasks of a cluster\n"
    "  --master ADDRESS      the cluster's address, in its own words\n"
    "  --host-config FILE    the host's settings\n"
    "  --dialect NAME        postgres (default) or spark: of the SQL text; SET dialect TO spark "
    "too\n"
    "  --timing json         time of each statement as a JSON line on standard error\n"
    "  --errors json         errors as JSON lines on standard error\n"
    "  -q, --quiet           no messages for statements without rows\n\n"
    "Exit codes: 0 ok, 1 failed while running, 2 wrong SQL or usage, 4 denied, 130 interrupted.",
    run_query};
