/* leat run. */
#include "cli/project.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct leat_cancel cancel; /* for Ctrl-C */

static void interrupt(int signal_number)
{
    (void)signal_number;
    atomic_store(&cancel.requested, true);
}

int leat_cli_open_pipeline(const char *folder, const char *environment, bool json,
                           struct leat_project *project, struct leat_pipeline *pipeline)
{
    struct leat_error error;
    enum leat_status status = leat_project_open(folder, environment, project, &error);

    if (status == LEAT_OK)
        status = leat_pipeline_build(project, pipeline, &error);
    if (status == LEAT_OK)
        return LEAT_EXIT_OK;
    if (project->error_count > 0)
        leat_cli_report(project->errors, project->error_count, json);
    else
        leat_cli_report(&error, 1, json);
    leat_project_close(project);
    return leat_cli_exit(&error);
}

/* --- run --- */

struct run_progress {
    _Atomic uint64_t bytes, total, rows, done;
    uint64_t tables;
};

static void count_dataset(void *context, const char *dataset, uint64_t rows)
{
    (void)dataset;
    if (rows != UINT64_MAX)
        atomic_fetch_add(&((struct run_progress *)context)->done, 1);
}

static void read_progress(void *context, struct leat_progress_counts *out)
{
    struct run_progress *progress = context;

    out->bytes = atomic_load(&progress->bytes);
    out->total = atomic_load(&progress->total);
    out->rows = atomic_load(&progress->rows);
    out->done = atomic_load(&progress->done);
    out->tables = progress->tables;
}

static void print_expectations(const struct leat_update_table *table)
{
    static const char *const outcomes[] = {"counted", "counted", "dropped", "failed",
                                           "quarantined"};

    for (uint32_t i = 0; i < table->expectation_count; i++) {
        const struct leat_expectation *item = &table->expectations[i];
        uint64_t violations = atomic_load(&item->violations);
        if (violations > 0)
            fprintf(stderr, "      %s: %" PRIu64 " rows %s\n", item->name, violations,
                    outcomes[item->violation]);
    }
}

static void print_summary(const struct leat_update_summary *summary)
{
    static const char *const outcomes[] = {"written", "nothing new", "FAILED", "skipped"};
    size_t width = 10;

    for (uint32_t i = 0; i < summary->count; i++)
        if (strlen(summary->tables[i].name) > width)
            width = strlen(summary->tables[i].name);
    for (uint32_t i = 0; i < summary->count; i++) {
        const struct leat_update_table *table = &summary->tables[i];
        if (table->kind == LEAT_DATASET_VIEW && table->outcome != LEAT_OUTCOME_FAILED)
            continue;
        fprintf(stderr, "  %-*s  %-11s", (int)width, table->name, outcomes[table->outcome]);
        if (table->outcome == LEAT_OUTCOME_WRITTEN)
            fprintf(stderr, " %10" PRIu64 " rows", table->rows);
        if (table->new_files > 0)
            fprintf(stderr, ", %" PRIu64 " new files", table->new_files);
        if (table->quarantined > 0)
            fprintf(stderr, ", %" PRIu64 " quarantined", table->quarantined);
        if (table->new_definition)
            fprintf(stderr, ", definition changed");
        fputc('\n', stderr);
        print_expectations(table);
        if (table->new_definition && table->kind == LEAT_DATASET_STREAMING)
            fprintf(
                stderr,
                "      rows already there keep the old definition; --full-refresh %s rebuilds\n",
                table->name);
    }
    for (uint32_t i = 0; i < summary->warning_count; i++)
        fprintf(stderr, "warning: %s\n", summary->warnings[i]);
}

static void report_failures(const struct leat_update_summary *summary,
                            const struct leat_error *error, bool json)
{
    bool any = false;

    for (uint32_t i = 0; i < summary->count; i++)
        if (summary->tables[i].outcome == LEAT_OUTCOME_FAILED) {
            leat_cli_report(&summary->tables[i].error, 1, json);
            any = true;
        }
    if (!any)
        leat_cli_report(error, 1, json);
    fputs(summary->published ? "The other tables were published (--keep-going).\n"
                             : "Nothing was published.\n",
          stderr);
}

struct run_options {
    const char *environment, *threads, *task_threads, *memory, *errors, *refresh, *on, *master,
        *host_config;
    bool refresh_all, keep_going, quiet;
};

/* Splits a,b,c in place. */
static void split_names(char *text, const char **out, size_t room)
{
    size_t count = 0;

    for (char *name = strtok(text, ","); name && count + 1 < room; name = strtok(NULL, ","))
        out[count++] = name;
    out[count] = NULL;
}

static int run_pipeline(struct leat_project *project, struct leat_pipeline *pipeline,
                        struct leat_update_options *options, const struct run_options *o, bool json)
{
    struct run_progress counts = {0};
    struct leat_cli_progress line = {0};
    struct leat_update_summary summary;
    struct leat_error error;
    enum leat_status status;
    int code = LEAT_EXIT_OK;

    for (uint32_t i = 0; i < pipeline->count; i++)
        counts.tables += pipeline->datasets[i]->kind != LEAT_DATASET_VIEW;
    options->progress = count_dataset;
    options->progress_context = &counts;
    options->bytes_read = &counts.bytes;
    options->bytes_total = &counts.total;
    options->rows_read = &counts.rows;
    if (!o->quiet)
        leat_cli_progress_start(&line, read_progress, &counts);
    status = leat_update_run(pipeline, options, &summary, &error);
    leat_cli_progress_stop(&line);
    if (!o->quiet)
        print_summary(&summary);
    if (status != LEAT_OK) {
        report_failures(&summary, &error, json);
        code = leat_cli_exit(&error);
    } else if (!o->quiet) {
        fprintf(stderr, "%s in %.2f s, run %s. Next: leat query --lake %s%s%s\n",
                summary.published ? "Published" : "Nothing new", summary.seconds, summary.run_id,
                project->lake, project->lake_catalog ? " --catalog " : "",
                project->lake_catalog ? project->lake_catalog : "");
    }
    leat_update_summary_release(&summary);
    return code;
}

static int run_run(int argc, char **argv)
{
    struct run_options o = {0};
    const struct leat_cli_option options[] = {{"--env", &o.environment, NULL},
                                              {"--threads", &o.threads, NULL},
                                              {"--task-threads", &o.task_threads, NULL},
                                              {"--memory", &o.memory, NULL},
                                              {"--errors", &o.errors, NULL},
                                              {"--on", &o.on, NULL},
                                              {"--master", &o.master, NULL},
                                              {"--host-config", &o.host_config, NULL},
                                              {"--full-refresh", &o.refresh, NULL},
                                              {"--full-refresh-all", NULL, &o.refresh_all},
                                              {"--keep-going", NULL, &o.keep_going},
                                              {"-q", NULL, &o.quiet},
                                              {"--quiet", NULL, &o.quiet}};
    struct leat_update_options update = {0};
    bool json;
    struct leat_project project;
    struct leat_pipeline pipeline;
    const char *names[64];
    char text[4096];
    int code;

    if (!leat_cli_parse(&leat_command_run, options, sizeof(options) / sizeof(options[0]), &argc,
                        argv))
        return LEAT_EXIT_USAGE;
    update.host =
        (struct leat_host_options){.name = o.on, .master = o.master, .config = o.host_config};
    if (!leat_cli_threads(o.threads, &update.threads) ||
        !leat_cli_threads(o.task_threads, &update.host.task_threads) ||
        (o.memory && !leat_cli_size(o.memory, &update.memory))) {
        struct leat_error error;
        (void)leat_error_set(
            &error, LEAT_E_USAGE,
            "leat run: --threads and --task-threads take a number, --memory a size such "
            "as 256MB");
        leat_cli_report(&error, 1, false);
        return LEAT_EXIT_USAGE;
    }
    json = o.errors && strcmp(o.errors, "json") == 0;
    code =
        leat_cli_open_pipeline(argc > 0 ? argv[0] : NULL, o.environment, json, &project, &pipeline);
    if (code != LEAT_EXIT_OK)
        return code;
    if (o.refresh) {
        snprintf(text, sizeof(text), "%s", o.refresh);
        split_names(text, names, 64);
        update.full_refresh = names;
    }
    update.full_refresh_all = o.refresh_all;
    update.keep_going = o.keep_going;
    update.cancel = &cancel;
    signal(SIGINT, interrupt);
    code = run_pipeline(&project, &pipeline, &update, &o, json);
    leat_project_close(&project);
    return code;
}

const struct leat_command leat_command_run = {
    "run", "run a pipeline",
    "Runs a project's pipeline: takes what is new, runs the flows in order, and publishes all "
    "tables in one\n"
    "commit, or none.\n\n"
    "  leat run\n"
    "  leat run examples/flights --env prod\n"
    "  leat run --full-refresh flights_raw,flights\n\n"
    "Options:\n"
    "  --env NAME             environment: configs/config.NAME.yaml (default dev)\n"
    "  --full-refresh A,B     read all input of these tables again and replace them\n"
    "  --full-refresh-all     the same for all tables\n"
    "  --keep-going           publish what succeeded even if a flow failed\n"
    "  --threads N            threads (default: all cores)\n"
    "  --task-threads N       threads of each task of a host (default 1)\n"
    "  --memory SIZE          memory limit, for example 1GB (default: three quarters of the "
    "machine's)\n"
    "  --on HOST              local (default): threads; local:processes: N worker processes;\n"
    "                         spark, hadoop, flink, dask: tasks of a cluster\n"
    "  --master ADDRESS       the cluster's address, in its own words\n"
    "  --host-config FILE     the host's settings\n"
    "  --errors json          errors as JSON lines on standard error\n"
    "  -q, --quiet            no summary\n\n"
    "Exit codes: 0 ok, 1 a flow or expectation failed, 2 wrong SQL or configuration, 4 denied, 130 "
    "interrupted.",
    run_run};
