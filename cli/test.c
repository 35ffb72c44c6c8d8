/* leat test: runs the tests of a project and shows what differs. */
#include "cli/project.h"
#include "orchestration/test.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct counts {
    unsigned passed, failed;
};

static void print_rows(const char *label, const char *const *rows, uint64_t count,
                       const char *colour, const char *plain)
{
    for (uint64_t i = 0; i < count && i < LEAT_TEST_SHOWN; i++)
        printf("    %s%-10s%s %s\n", colour, label, plain, rows[i]);
    if (count > LEAT_TEST_SHOWN)
        printf("    %s%-10s%s ... and %" PRIu64 " more\n", colour, label, plain,
               count - LEAT_TEST_SHOWN);
}

static void print_check(const struct leat_test_check *check)
{
    bool colours = leat_cli_colour();
    const char *red = colours ? "\033[31m" : "", *green = colours ? "\033[32m" : "";
    const char *plain = colours ? "\033[0m" : "";

    if (check->error.status == LEAT_OK)
        return;
    printf("  %s:%" PRIu64 ": %s\n", check->error.place.source, check->error.place.line,
           check->error.message);
    print_rows("missing", check->missing, check->missing_count, green, plain);
    print_rows("unexpected", check->unexpected, check->unexpected_count, red, plain);
}

static void print_result(const struct leat_test_result *result, bool json)
{
    printf("%s %s (%.0f ms)\n", result->passed ? "ok  " : "FAIL", result->name,
           result->seconds * 1e3);
    if (result->passed)
        return;
    if (result->error.status != LEAT_OK) {
        fflush(stdout);
        leat_cli_report(&result->error, 1, json);
    }
    for (uint32_t i = 0; i < result->check_count; i++) {
        if (json && result->checks[i].error.status != LEAT_OK)
            leat_cli_report(&result->checks[i].error, 1, true);
        print_check(&result->checks[i]);
    }
}

/* Whether a test is one of those asked for: a name or a pattern with * and ?. */
static bool is_chosen(const char *name, int count, char **patterns, bool *used)
{
    bool chosen = count == 0;

    for (int i = 0; i < count; i++)
        if (fnmatch(patterns[i], name, 0) == 0)
            chosen = used[i] = true;
    return chosen;
}

static int run_chosen(struct leat_pipeline *pipeline, int count, char **patterns, bool json,
                      struct counts *counts)
{
    bool used[64] = {false};
    struct leat_arena arena;
    struct leat_error error;

    leat_arena_init(&arena, NULL);
    for (uint32_t i = 0; i < pipeline->test_count; i++) {
        const struct leat_sql_path *name = &pipeline->tests[i]->name;
        struct leat_test_result result;
        if (!is_chosen(name->parts[name->count - 1].text.data, count, patterns, used))
            continue;
        if (leat_test_run(pipeline, i, NULL, &arena, &result, &error) != LEAT_OK) {
            leat_cli_report(&error, 1, json);
            leat_arena_release(&arena);
            return leat_cli_exit(&error);
        }
        print_result(&result, json);
        counts->passed += result.passed;
        counts->failed += !result.passed;
    }
    leat_arena_release(&arena);
    for (int i = 0; i < count; i++)
        if (!used[i]) {
            (void)leat_error_set(&error, LEAT_E_USAGE, "there is no test \"%s\"", patterns[i]);
            leat_error_hint(&error, "tests are written CREATE TEST name GIVEN ... EXPECT ...");
            leat_cli_report(&error, 1, json);
            return LEAT_EXIT_USAGE;
        }
    return LEAT_EXIT_OK;
}

static int run_test(int argc, char **argv)
{
    const char *environment = NULL, *errors = NULL, *folder = NULL;
    const struct leat_cli_option options[] = {
        {"--env", &environment, NULL}, {"--errors", &errors, NULL}, {"--project", &folder, NULL}};
    struct leat_project project;
    struct leat_pipeline pipeline;
    struct counts counts = {0, 0};
    bool json;
    int code;

    if (!leat_cli_parse(&leat_command_test, options, sizeof(options) / sizeof(options[0]), &argc,
                        argv))
        return LEAT_EXIT_USAGE;
    json = errors && strcmp(errors, "json") == 0;
    code = leat_cli_open_pipeline(folder, environment, json, &project, &pipeline);
    if (code != LEAT_EXIT_OK)
        return code;
    code = run_chosen(&pipeline, argc < 64 ? argc : 64, argv, json, &counts);
    fflush(stdout);
    if (code == LEAT_EXIT_OK)
        fprintf(stderr, "%u passed, %u failed\n", counts.passed, counts.failed);
    if (code == LEAT_EXIT_OK && counts.failed > 0)
        code = LEAT_EXIT_FAILED;
    leat_project_close(&project);
    return code;
}

const struct leat_command leat_command_test = {
    "test", "run a project's tests",
    "Runs the tests that a project's SQL declares (CREATE TEST name GIVEN ... EXPECT ...): its "
    "own\n"
    "definitions on the given rows, in memory. No lake is read or written.\n\n"
    "  leat test\n"
    "  leat test delays_are_averaged_by_carrier\n"
    "  leat test 'delays_*' --errors json\n\n"
    "Options:\n"
    "  --project FOLDER   the project (default: here or above)\n"
    "  --env NAME         environment: configs/config.NAME.yaml (default dev)\n"
    "  --errors json      failures also as JSON lines on standard error\n\n"
    "Exit codes: 0 all passed, 1 some failed, 2 wrong SQL, configuration or name.",
    run_test};
