/* leat check: errors of a project, and files of its lake that no table refers to. */
#include "cli/project.h"

#include "base/system.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ORPHAN_HOURS = 24 };

struct check_options {
    const char *environment, *errors, *older_than;
    bool remove;
    int64_t hours;
};

/* Removes those that were not written to for so long that no running client can be about to refer
 * to them; *removed counts. */
static enum leat_status remove_old(const struct leat_bytes_list *orphans, int64_t hours,
                                   size_t *removed, struct leat_error *err)
{
    int64_t limit = leat_clock_now() - hours * 3600 * 1000000;

    for (size_t i = 0; i < orphans->count; i++) {
        struct leat_file_info info;
        LEAT_TRY(leat_file_stat(orphans->items[i].data, &info, err));
        if (info.kind != LEAT_FILE_REGULAR || info.modified > limit)
            continue;
        LEAT_TRY(leat_file_remove(orphans->items[i].data, err));
        (*removed)++;
    }
    return LEAT_OK;
}

static enum leat_status name_orphans(struct leat_lake *lake, const struct check_options *o,
                                     struct leat_error *err)
{
    struct leat_bytes_list orphans;
    enum leat_status status;
    size_t removed = 0;

    leat_bytes_list_init(&orphans);
    status = leat_lake_orphans(lake, &orphans, err);
    for (size_t i = 0; status == LEAT_OK && i < orphans.count; i++)
        puts(orphans.items[i].data);
    if (status == LEAT_OK && o->remove)
        status = remove_old(&orphans, o->hours, &removed, err);
    if (status == LEAT_OK && orphans.count > 0 && o->remove)
        fprintf(stderr,
                "%zu files that no table refers to, %zu of them removed (not changed for %" PRId64
                " hours)\n",
                orphans.count, removed, o->hours);
    else if (status == LEAT_OK && orphans.count > 0)
        fprintf(
            stderr,
            "%zu files that no table refers to, left by runs that did not end. They do no harm; "
            "leat check --remove-orphans removes them after %d hours\n",
            orphans.count, ORPHAN_HOURS);
    leat_bytes_list_release(&orphans);
    return status;
}

/* The lake, if there is one. A run in progress has files that nothing refers to yet: then none are
 * named. */
static enum leat_status check_lake(const struct leat_project *project,
                                   const struct check_options *o, struct leat_error *err)
{
    struct leat_lake_options options = {
        .catalog = project->lake_catalog, .catalog_name = project->catalog_name, .write = true};
    struct leat_lake lake;
    enum leat_status status = leat_lake_open(project->lake, &options, &lake, err);

    if (status == LEAT_NOT_FOUND) {
        leat_error_clear(err);
        return LEAT_OK;
    }
    if (status == LEAT_CONFLICT && err->code == LEAT_E_LAKE_LOCKED && !o->remove) {
        fprintf(stderr, "The lake is in use by a run; its files were not looked at.\n");
        leat_error_clear(err);
        return LEAT_OK;
    }
    if (status != LEAT_OK && err->code == LEAT_E_PERMISSION && !o->remove) {
        options.write = false;
        status = leat_lake_open(project->lake, &options, &lake, err);
    }
    LEAT_TRY(status);
    status = name_orphans(&lake, o, err);
    leat_lake_close(&lake);
    return status;
}

static int check_project(struct leat_project *project, struct leat_pipeline *pipeline,
                         const struct check_options *o, bool json)
{
    struct leat_error error;
    enum leat_status status = leat_update_check(pipeline, &error);

    if (status == LEAT_OK)
        status = check_lake(project, o, &error);
    if (status != LEAT_OK) {
        leat_cli_report(project->error_count ? project->errors : &error,
                        project->error_count ? project->error_count : 1, json);
        return leat_cli_exit(&error);
    }
    fprintf(stderr, "%s: %u datasets, %u tests, no errors. Next: leat run\n", project->name,
            pipeline->count, pipeline->test_count);
    return LEAT_EXIT_OK;
}

static int run_check(int argc, char **argv)
{
    struct check_options o = {.hours = ORPHAN_HOURS};
    const struct leat_cli_option options[] = {{"--env", &o.environment, NULL},
                                              {"--errors", &o.errors, NULL},
                                              {"--remove-orphans", NULL, &o.remove},
                                              {"--older-than", &o.older_than, NULL}};
    struct leat_project project;
    struct leat_pipeline pipeline;
    struct leat_error error;
    bool json;
    int code;

    if (!leat_cli_parse(&leat_command_check, options, sizeof(options) / sizeof(options[0]), &argc,
                        argv))
        return LEAT_EXIT_USAGE;
    json = o.errors && strcmp(o.errors, "json") == 0;
    if (o.older_than && (!leat_parse_int64(o.older_than, strlen(o.older_than), &o.hours) ||
                         o.hours < 0 || o.hours > 1000000)) {
        (void)leat_error_set(&error, LEAT_E_USAGE, "leat check: --older-than takes hours");
        leat_cli_report(&error, 1, json);
        return LEAT_EXIT_USAGE;
    }
    code =
        leat_cli_open_pipeline(argc > 0 ? argv[0] : NULL, o.environment, json, &project, &pipeline);
    if (code != LEAT_EXIT_OK)
        return code;
    code = check_project(&project, &pipeline, &o, json);
    leat_project_close(&project);
    return code;
}

const struct leat_command leat_command_check = {
    "check", "find errors of a project without running it",
    "Reads a project's configuration and SQL, and plans every dataset: wrong names, types, options "
    "and\n"
    "missing files are all shown at once. Files of the lake that no table refers to are listed on\n"
    "standard output. No data is written.\n\n"
    "  leat check\n"
    "  leat check examples/flights --errors json\n"
    "  leat check --remove-orphans\n\n"
    "Options:\n"
    "  --env NAME           environment: configs/config.NAME.yaml (default dev)\n"
    "  --errors json        errors as JSON lines on standard error\n"
    "  --remove-orphans     remove files that no table refers to\n"
    "  --older-than HOURS   but only those not changed for so long (default 24: other clients may\n"
    "                       be about to refer to younger ones)\n\n"
    "Exit codes: 0 no errors, 2 errors.",
    run_check};
