/* Plans on worker processes; this program is its own worker. */
#include "compute/hosts/runner.h"
#include "compute/hosts/worker.h"

#include "base/fault.h"
#include "compute/plan/planner.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/test_faults.h"

static struct leat_error err;
static char self[4096];
static struct leat_host *host;

/* In the suite's folder; not through the seam, since its calls may be made to fail. */
static void open_host(void)
{
    FILE *file = fopen("data.csv", "w");

    assert_non_null(file);
    fputs("a,b\n", file);
    for (int i = 0; i < 600; i++)
        fprintf(file, "%d,%d\n", i, i % 7);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("LEAT_WORKER", self, 1), 0);
    assert_int_equal(leat_processes_open(2, &host, &err), LEAT_OK);
}

static void close_host(void)
{
    leat_host_close(host);
    host = NULL;
}

static enum leat_status print_rows(const struct leat_rows *rows, struct leat_buffer *out)
{
    for (size_t b = 0; b < rows->batch_count; b++)
        for (uint32_t r = 0; r < rows->batches[b].length; r++) {
            for (uint32_t c = 0; c < rows->batches[b].column_count; c++) {
                if (c)
                    LEAT_TRY(leat_buffer_append_byte(out, '|', &err));
                LEAT_TRY(leat_vector_print(&rows->batches[b].columns[c], r, out, &err));
            }
            LEAT_TRY(leat_buffer_append_byte(out, ';', &err));
        }
    return LEAT_OK;
}

/* Runs the query, where $ stands for the file, on the host (NULL: in this process). */
static enum leat_status run(const char *sql, struct leat_host *on, const struct leat_cancel *cancel,
                            struct leat_buffer *out)
{
    struct leat_runner_options runner = {.host = on};
    struct leat_plan_options plan_options = {0};
    struct leat_execute_options options = {.threads = 1, .cancel = (struct leat_cancel *)cancel};
    struct leat_sql_query *query;
    struct leat_plan_owner owner;
    struct leat_plan *plan;
    struct leat_rows rows = {0};
    enum leat_status status;
    char text[4096];
    size_t at = 0;

    for (const char *c = sql; *c; c++)
        if (*c == '$')
            at += (size_t)snprintf(text + at, sizeof(text) - at,
                                   "read_csv('data.csv', split_size => 1000)");
        else
            text[at++] = *c;
    plan_options.source = options.source = (struct leat_expr_source){"", text, at};
    leat_plan_owner_init(&owner, NULL);
    status = leat_sql_parse_query("", text, at, LEAT_SQL_POSTGRES, &owner.arena, &query, &err);
    if (!status)
        status = leat_plan_query(query, &plan_options, &owner, &plan, &err);
    if (!status)
        status = leat_runner_execute_rows(&runner, plan, &options, &rows, &err);
    if (!status)
        status = print_rows(&rows, out);
    leat_rows_release(&rows);
    leat_plan_owner_release(&owner);
    return status;
}

static const char *const queries[] = {
    "SELECT count(*), sum(a), min(b) FROM $",
    "SELECT b, count(*), avg(a) FROM $ GROUP BY b ORDER BY b",
    "SELECT x.b, count(DISTINCT y.a) FROM $ x JOIN $ y ON x.a = y.b GROUP BY x.b ORDER BY 1",
    "SELECT a FROM $ ORDER BY a DESC LIMIT 5 OFFSET 2",
    "SELECT count(*) FROM $ WHERE a NOT IN (SELECT b FROM $)",
    "SELECT b, a, rank() OVER (PARTITION BY b ORDER BY a DESC) FROM $ ORDER BY 1, 2 LIMIT 9",
    "WITH s AS (SELECT b, sum(a) AS n FROM $ GROUP BY b) SELECT * FROM s WHERE n > (SELECT avg(n) "
    "FROM s) UNION ALL SELECT 1, 2 ORDER BY 1, 2",
    "SELECT 1",
};
enum { QUERIES = sizeof(queries) / sizeof(queries[0]) };

static void check(const char *sql)
{
    struct leat_buffer here, there;

    leat_buffer_init(&here, 0);
    leat_buffer_init(&there, 0);
    if (run(sql, NULL, NULL, &here) != LEAT_OK || run(sql, host, NULL, &there) != LEAT_OK)
        fail_msg("%s: %s", sql, err.message);
    assert_int_equal(leat_buffer_append_byte(&here, 0, &err), LEAT_OK);
    assert_int_equal(leat_buffer_append_byte(&there, 0, &err), LEAT_OK);
    assert_string_equal((const char *)here.data, (const char *)there.data);
    leat_buffer_release(&here);
    leat_buffer_release(&there);
}

static void run__gives_what_threads_give(void **state)
{
    (void)state;
    open_host();
    for (int i = 0; i < QUERIES; i++)
        check(queries[i]);
    close_host();
}

static void run__errors_of_workers_come_with_their_place(void **state)
{
    struct leat_buffer out;

    (void)state;
    open_host();
    leat_buffer_init(&out, 0);
    assert_int_equal(run("SELECT 1 / (a - 300) FROM $", host, NULL, &out), LEAT_RUNTIME);
    assert_int_equal(err.code, LEAT_E_DIVISION_BY_ZERO);
    assert_int_equal(err.place.line, 1);
    assert_int_equal(err.place.column, 8);
    check(queries[0]);
    leat_buffer_release(&out);
    close_host();
}

static void run__can_be_cancelled(void **state)
{
    struct leat_cancel cancel = {.requested = true};
    struct leat_buffer out;

    (void)state;
    open_host();
    leat_buffer_init(&out, 0);
    assert_int_equal(run(queries[0], host, &cancel, &out), LEAT_CANCELLED);
    check(queries[0]);
    leat_buffer_release(&out);
    close_host();
}

static void run__every_failed_allocation_is_reported(void **state)
{
    bool fired = true;

    (void)state;
    open_host();
    for (uint64_t n = 1; fired; n++) {
        struct leat_buffer out;
        enum leat_status status;
        leat_buffer_init(&out, 0);
        leat_fault_alloc_arm(n, false);
        status = run(queries[1], host, NULL, &out);
        fired = leat_fault_alloc_fired();
        leat_fault_alloc_arm(0, false);
        leat_buffer_release(&out);
        if (status != LEAT_NO_MEMORY && status != LEAT_OK)
            fail_msg("allocation %llu: %s", (unsigned long long)n, err.message);
    }
    check(queries[1]);
    close_host();
}

/* A failed call on a pipe loses a worker, which is no failure of the query; others are reported. */
static void run__every_failed_call_is_survived(void **state)
{
    bool fired = true;

    (void)state;
    open_host();
    for (uint64_t n = 1; fired && n < 400; n++) {
        struct leat_buffer out;
        enum leat_status status;
        leat_buffer_init(&out, 0);
        leat_fault_file_arm(n, false, EIO);
        status = run(queries[1], host, NULL, &out);
        fired = leat_fault_file_fired();
        leat_fault_file_arm(0, false, 0);
        leat_buffer_release(&out);
        if (status != LEAT_IO && status != LEAT_OK)
            fail_msg("call %llu: %s", (unsigned long long)n, err.message);
    }
    check(queries[1]);
    close_host();
}

static void host__unknown_names_are_refused_with_a_proposal(void **state)
{
    struct leat_host_options wrong = {.name = "local:proceses"}, local = {.name = "local"};
    struct leat_host *out;

    (void)state;
    assert_int_equal(leat_host_open(&wrong, &out, &err), LEAT_INVALID);
    assert_int_equal(err.code, LEAT_E_UNKNOWN_HOST);
    assert_non_null(strstr(err.hint, "local:processes"));
    assert_int_equal(leat_host_open(&local, &out, &err), LEAT_OK);
    assert_null(out);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run__gives_what_threads_give),
        cmocka_unit_test(run__errors_of_workers_come_with_their_place),
        cmocka_unit_test(run__can_be_cancelled),
        cmocka_unit_test(run__every_failed_allocation_is_reported),
        cmocka_unit_test(run__every_failed_call_is_survived),
        cmocka_unit_test(host__unknown_names_are_refused_with_a_proposal),
    };

    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        struct leat_worker_options options = {.in = 0, .out = 1};
        return leat_worker_run(&options, &err) != LEAT_OK;
    }
    if (leat_process_self(self, sizeof(self), &err) != LEAT_OK)
        return 1;
    return LEAT_RUN_TESTS(tests);
}
