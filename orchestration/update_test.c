/* Updates of a small pipeline, also with failing calls: what is published is whole. */
#include "orchestration/update.h"

#include "base/fault.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

static char folder[64]; /* of this run of a test: what an earlier one left is not seen */

static void put(const char *name, const char *text)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(leat_file_write_all(path, text, strlen(text), &err), LEAT_OK);
}

static void make_project(void)
{
    static unsigned runs;
    char path[200];

    snprintf(folder, sizeof(folder), "project-%d-%u", (int)getpid(), runs++);
    snprintf(path, sizeof(path), "%s/transformations", folder);
    assert_int_equal(leat_folder_create(path, &err), LEAT_OK);
    snprintf(path, sizeof(path), "%s/input", folder);
    assert_int_equal(leat_folder_create(path, &err), LEAT_OK);
    put("leat.yaml", "name: small\n");
    put("input/a.csv", "id,amount\n1,10\n2,20\n3,bad\n");
    put("transformations/all.sql",
        "CREATE STREAMING TABLE raw (CONSTRAINT small EXPECT (amount < 100) ON VIOLATION "
        "QUARANTINE ROW) AS SELECT * FROM STREAM read_files('input/*.csv', types => {'id': "
        "'integer', 'amount': 'integer'});\n"
        "CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(amount) AS s FROM raw;\n");
}

/* Runs the project here; the counts of rows written to each dataset in *raw and *total. */
static enum leat_status update(uint64_t *raw, uint64_t *quarantined, bool *published)
{
    struct leat_update_options options = {.threads = 2};
    struct leat_update_summary summary = {0};
    struct leat_project project;
    struct leat_pipeline pipeline;
    enum leat_status status = leat_project_open(folder, NULL, &project, &err);

    if (status == LEAT_OK)
        status = leat_pipeline_build(&project, &pipeline, &err);
    if (status == LEAT_OK) {
        status = leat_update_run(&pipeline, &options, &summary, &err);
        *raw = *quarantined = 0;
        for (uint32_t i = 0; i < summary.count; i++)
            if (strcmp(summary.tables[i].name, "raw") == 0) {
                *raw = summary.tables[i].rows;
                *quarantined = summary.tables[i].quarantined;
            }
        *published = summary.published;
        leat_update_summary_release(&summary);
    }
    leat_project_close(&project);
    return status;
}

static void update__takes_only_what_is_new(void **state)
{
    uint64_t rows = 0, bad = 0;
    bool published = false;

    (void)state;
    make_project();
    assert_int_equal(update(&rows, &bad, &published), LEAT_OK);
    assert_true(published);
    assert_int_equal(rows, 2);
    assert_int_equal(bad, 1);
    assert_int_equal(update(&rows, &bad, &published), LEAT_OK);
    assert_int_equal(rows, 0);
    put("input/b.csv", "id,amount\n4,40\n5,500\n");
    assert_int_equal(update(&rows, &bad, &published), LEAT_OK);
    assert_int_equal(rows, 1);
    assert_int_equal(bad, 1);
}

static void update__errors_publish_nothing(void **state)
{
    uint64_t rows = 0, bad = 0;
    bool published = true;

    (void)state;
    make_project();
    put("transformations/more.sql", "CREATE MATERIALIZED VIEW broken AS SELECT 1 / (n - n) AS x "
                                    "FROM total;\n");
    assert_int_not_equal(update(&rows, &bad, &published), LEAT_OK);
    assert_false(published);
    assert_int_equal(err.code, LEAT_E_DIVISION_BY_ZERO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(update__takes_only_what_is_new),
        cmocka_unit_test(update__errors_publish_nothing),
    };
    return LEAT_RUN_TESTS(tests);
}
