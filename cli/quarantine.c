/* leat quarantine: rows kept aside, listed, shown and replayed. */
#include "cli/project.h"
#include "orchestration/kept_rows.h"
#include "orchestration/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct quarantine_options {
    const char *environment, *errors, *folder, *lake, *catalog, *schema, *format, *limit, *where;
};

/* --- output --- */

struct printed_rows {
    struct leat_result_handler base;
    struct leat_cli_output *output;
};

static enum leat_status print_batch(struct leat_result_handler *handler,
                                    const struct leat_batch *batch, struct leat_error *err)
{
    struct leat_session_output *output = &((struct printed_rows *)handler)->output->base;

    return output->batch(output, batch, err);
}

static enum leat_status print_query(const struct leat_buffer *sql, struct leat_kept_rows *kept,
                                    enum leat_cli_format format, struct leat_error *err)
{
    struct leat_execute_options execute = {.threads = 1};
    struct leat_cli_output output;
    struct leat_plan_owner owner;
    struct leat_plan *plan;
    struct printed_rows printed = {.base = {.batch = print_batch}, .output = &output};
    enum leat_status status;

    leat_cli_output_init(&output, format);
    output.quiet = true;
    leat_plan_owner_init(&owner, NULL);
    execute.source = (struct leat_expr_source){"", (const char *)sql->data, sql->length};
    status = leat_text_query_plan(sql, &kept->catalog.base, &owner, &plan, err);
    if (status == LEAT_OK)
        status = output.base.begin(&output.base, &plan->schema, err);
    if (status == LEAT_OK)
        status = leat_execute(plan, &execute, &printed.base, NULL, err);
    if (status == LEAT_OK)
        status = output.base.end(&output.base, "SELECT", 0, err);
    leat_plan_owner_release(&owner);
    leat_cli_output_release(&output);
    return status;
}

/* --- list --- */

static enum leat_status list_tables(struct leat_kept_rows *kept, enum leat_cli_format format,
                                    struct leat_error *err)
{
    struct leat_lake_name *names;
    struct leat_buffer sql;
    enum leat_status status;
    size_t count;

    LEAT_TRY(leat_kept_rows_tables(kept, &names, &count, err));
    if (count == 0) {
        fputs("No row was ever quarantined.\n", stderr);
        return LEAT_OK;
    }
    leat_buffer_init(&sql, 1 << 22);
    status = LEAT_OK;
    for (size_t i = 0; i < count && status == LEAT_OK; i++) {
        status = leat_buffer_printf(&sql, err,
                                    "%sSELECT '%s.%.*s' AS \"table\", rule, error_code AS code, "
                                    "run_id AS run, count(*) AS rows, min(quarantined_at) AS since",
                                    i ? " UNION ALL " : "", names[i].schema,
                                    (int)(strlen(names[i].table) - strlen("_quarantine")),
                                    names[i].table);
        if (status == LEAT_OK)
            status = leat_kept_rows_put_from(&names[i], &sql, err);
        if (status == LEAT_OK)
            status = leat_buffer_append_string(&sql, " GROUP BY rule, error_code, run_id", err);
    }
    if (status == LEAT_OK)
        status = leat_buffer_append_string(&sql, " ORDER BY 1, 6, 2", err);
    if (status == LEAT_OK)
        status = print_query(&sql, kept, format, err);
    leat_buffer_release(&sql);
    return status;
}

/* --- show --- */

static enum leat_status show_as(struct leat_kept_rows *kept, const struct leat_lake_name *name,
                                const struct quarantine_options *o, int64_t limit, const char *raw,
                                enum leat_cli_format format, struct leat_error *err)
{
    struct leat_buffer sql;
    enum leat_status status;

    leat_buffer_init(&sql, 1 << 22);
    status = leat_buffer_printf(&sql, err,
                                "SELECT row_id AS id, file, line, rule, column_name AS \"column\", "
                                "error_code AS code, message, %s AS raw",
                                raw);
    if (status == LEAT_OK)
        status = leat_kept_rows_put_from(name, &sql, err);
    if (status == LEAT_OK && o->where)
        status = leat_buffer_printf(&sql, err, " AND (%s)", o->where);
    if (status == LEAT_OK)
        status = leat_buffer_printf(
            &sql, err, " ORDER BY quarantined_at, file, line, row_id LIMIT %" PRId64, limit);
    if (status == LEAT_OK)
        status = print_query(&sql, kept, format, err);
    leat_buffer_release(&sql);
    return status;
}

static enum leat_status show_rows(struct leat_kept_rows *kept, const char *schema,
                                  const char *table, const struct quarantine_options *o,
                                  int64_t limit, enum leat_cli_format format,
                                  struct leat_error *err)
{
    struct leat_lake_name name;
    enum leat_status status;

    LEAT_TRY(leat_kept_rows_find(kept, schema, table, &name, err));
    status = show_as(kept, &name, o, limit, "convert_from(raw, 'UTF8')", format, err);
    if (status == LEAT_OK || err->code != LEAT_E_BYTE_SEQUENCE)
        return status;
    leat_error_clear(err); /* some row is no UTF-8 */
    return show_as(kept, &name, o, limit, "encode(raw, 'escape')", format, err);
}

/* --- commands --- */

static int fail(const struct leat_error *error, bool json)
{
    leat_cli_report(error, 1, json);
    return leat_cli_exit(error);
}

static int usage(const char *message, const char *argument)
{
    struct leat_error error;

    (void)leat_error_set(&error, LEAT_E_USAGE, message, argument);
    leat_error_hint(&error, "leat quarantine list | show TABLE | replay TABLE");
    return fail(&error, false);
}

/* list and show need a lake only: --lake, or the project's. */
static int look(int argc, char **argv, const struct quarantine_options *o,
                enum leat_cli_format format, int64_t limit, bool json)
{
    struct leat_lake_options options = {0};
    struct leat_project project = {0};
    struct leat_pipeline pipeline;
    struct leat_kept_rows kept;
    struct leat_error error;
    struct leat_lake lake;
    const char *schema = o->schema ? o->schema : "main";
    enum leat_status status;
    int code = LEAT_EXIT_OK;

    options.catalog = o->catalog;
    if (!o->lake) {
        code = leat_cli_open_pipeline(o->folder, o->environment, json, &project, &pipeline);
        if (code != LEAT_EXIT_OK)
            return code;
        options.catalog = project.lake_catalog;
        options.catalog_name = project.catalog_name;
        schema = project.schema;
    }
    status = leat_lake_open(o->lake ? o->lake : project.lake, &options, &lake, &error);
    if (status == LEAT_OK) {
        status = leat_kept_rows_open(&lake, schema, &kept, &error);
        if (status == LEAT_OK) {
            status = argc > 1 ? show_rows(&kept, schema, argv[1], o, limit, format, &error)
                              : list_tables(&kept, format, &error);
            leat_kept_rows_close(&kept);
        }
        leat_lake_close(&lake);
    }
    if (status != LEAT_OK)
        code = fail(&error, json);
    if (!o->lake)
        leat_project_close(&project);
    return code;
}

static int replay(int argc, char **argv, const struct quarantine_options *o, bool json)
{
    struct leat_replay_options options = {.table = argv[1],
                                          .where = o->where,
                                          .ids = (const char *const *)argv + 2,
                                          .id_count = (size_t)argc - 2};
    struct leat_replay_result result;
    struct leat_project project;
    struct leat_pipeline pipeline;
    struct leat_error error;
    int code = leat_cli_open_pipeline(o->folder, o->environment, json, &project, &pipeline);

    if (code != LEAT_EXIT_OK)
        return code;
    if (leat_replay_run(&pipeline, &options, &result, &error) != LEAT_OK) {
        code = fail(&error, json);
        fputs("Nothing was changed.\n", stderr);
    } else {
        fprintf(stderr,
                "%s: %" PRIu64 " rows replayed, %" PRIu64 " inserted, %" PRIu64
                " stay in the quarantine. Next: leat run\n",
                options.table, result.replayed, result.inserted,
                result.chosen - result.replayed + result.kept);
    }
    leat_project_close(&project);
    return code;
}

static int run_quarantine(int argc, char **argv)
{
    struct quarantine_options o = {0};
    const struct leat_cli_option options[] = {
        {"--env", &o.environment, NULL}, {"--errors", &o.errors, NULL},
        {"--project", &o.folder, NULL},  {"--lake", &o.lake, NULL},
        {"--catalog", &o.catalog, NULL}, {"--schema", &o.schema, NULL},
        {"--format", &o.format, NULL},   {"--limit", &o.limit, NULL},
        {"--where", &o.where, NULL}};
    enum leat_cli_format format = isatty(1) ? LEAT_CLI_TABLE : LEAT_CLI_CSV;
    int64_t limit = 100;
    bool json;

    if (!leat_cli_parse(&leat_command_quarantine, options, sizeof(options) / sizeof(options[0]),
                        &argc, argv))
        return LEAT_EXIT_USAGE;
    json = o.errors && strcmp(o.errors, "json") == 0;
    if (o.format && !leat_cli_format_parse(o.format, &format))
        return usage("unknown format \"%s\"", o.format);
    if (o.limit && (!leat_parse_int64(o.limit, strlen(o.limit), &limit) || limit < 0))
        return usage("--limit takes a number of rows, not \"%s\"", o.limit);
    if (argc == 1 && strcmp(argv[0], "list") == 0)
        return look(argc, argv, &o, format, limit, json);
    if (argc == 2 && strcmp(argv[0], "show") == 0)
        return look(argc, argv, &o, format, limit, json);
    if (argc >= 2 && strcmp(argv[0], "replay") == 0)
        return replay(argc, argv, &o, json);
    return usage(argc ? "wrong use of \"%s\"" : "what is to be done%s?", argc ? argv[0] : "");
}

const struct leat_command leat_command_quarantine = {
    "quarantine", "list, show and replay rows that were kept aside",
    "Rows that could not be read, and rows that an expectation turned away, are kept aside with "
    "their\n"
    "raw bytes. After a definition was corrected, replay takes them through it: what passes is "
    "inserted\n"
    "exactly once, what fails again stays.\n\n"
    "  leat quarantine list\n"
    "  leat quarantine show weather --limit 10\n"
    "  leat quarantine replay weather\n"
    "  leat quarantine replay weather --where \"rule = 'possible_wind'\"\n"
    "  leat quarantine replay weather 3f2a9c1b7d21-1 3f2a9c1b7d21-2\n\n"
    "Options:\n"
    "  --project FOLDER   the project (default: here or above)\n"
    "  --env NAME         environment: configs/config.NAME.yaml (default dev)\n"
    "  --lake DIR         list and show: a lake instead of a project's (--catalog NAME says where "
    "its "
    "catalog is kept); --schema NAME (default "
    "main)\n"
    "  --where SQL        only rows with this condition, over the columns of TABLE_quarantine\n"
    "  --limit N          rows shown (default 100)\n"
    "  --format FORMAT    table, csv, json, ndjson, markdown (default: table on a terminal, else "
    "csv)\n"
    "  --errors json      errors as JSON lines on standard error\n\n"
    "Exit codes: 0 ok, 1 failed (nothing was changed), 2 usage, configuration or SQL.",
    run_quarantine};
