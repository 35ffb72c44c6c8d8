#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"
#include "storage/lake/lake.h"

static struct leat_error err;

static enum leat_status first_value(void *context, unsigned count, const char *const *values,
                                    struct leat_error *error)
{
    (void)error;
    assert_true(count >= 1);
    snprintf(context, 64, "%s", values[0] ? values[0] : "NULL");
    return LEAT_OK;
}

static void assert_value(struct leat_database *database, const char *sql, const char *expected)
{
    char value[64] = "no row";
    assert_int_equal(leat_database_run(database, sql, NULL, 0, first_value, value, NULL, &err),
                     LEAT_OK);
    assert_string_equal(value, expected);
}

static void run(struct leat_database *database, const char *sql)
{
    assert_int_equal(leat_database_run(database, sql, NULL, 0, NULL, NULL, NULL, &err), LEAT_OK);
}

static void database__transactions_are_whole_or_nothing(void **state)
{
    const char *parameters[] = {"it's", NULL};
    struct leat_database *database;
    uint64_t changed;
    (void)state;
    assert_int_equal(leat_file_remove("test.db", &err), LEAT_OK);
    assert_int_equal(leat_database_open("test.db", false, &database, &err), LEAT_NOT_FOUND);
    assert_int_equal(leat_database_open("test.db", true, &database, &err), LEAT_OK);
    run(database, "CREATE TABLE t (a TEXT, b TEXT)");
    assert_int_equal(leat_database_begin(database, &err), LEAT_OK);
    run(database, "INSERT INTO t VALUES ('gone', 'gone')");
    leat_database_rollback(database);
    assert_value(database, "SELECT count(*) FROM t", "0");
    assert_int_equal(leat_database_begin(database, &err), LEAT_OK);
    assert_int_equal(leat_database_run(database, "INSERT INTO t VALUES (?1, ?2)", parameters, 2,
                                       NULL, NULL, &changed, &err),
                     LEAT_OK);
    assert_int_equal(changed, 1);
    assert_int_equal(leat_database_commit(database, &err), LEAT_OK);
    leat_database_close(database);
    assert_int_equal(leat_database_open("test.db", false, &database, &err), LEAT_OK);
    assert_value(database, "SELECT a FROM t WHERE b IS NULL", "it's");
    assert_int_not_equal(leat_database_run(database, "SELEC 1", NULL, 0, NULL, NULL, NULL, &err),
                         LEAT_OK);
    leat_database_close(database);
}

static void open_lake(struct leat_lake *lake, bool fresh)
{
    const struct leat_lake_options options = {.create = true, .write = true};
    if (fresh)
        assert_int_equal(leat_folder_remove_all("lake", &err), LEAT_OK);
    assert_int_equal(leat_lake_open("lake", &options, lake, &err), LEAT_OK);
}

static size_t tables(struct leat_lake *lake)
{
    struct leat_lake_names names;
    assert_int_equal(leat_lake_list(lake, &names, &err), LEAT_OK);
    size_t count = names.count;
    leat_lake_names_release(&names);
    return count;
}

static enum leat_status write_ledger(void *context, struct leat_database *database,
                                     struct leat_error *error)
{
    (void)context;
    return leat_database_run(database, "INSERT INTO ledger VALUES (1)", NULL, 0, NULL, NULL, NULL,
                             error);
}

static void lake__tables_and_ledger_change_together_or_not_at_all(void **state)
{
    struct leat_lake_change both[] = {{"main", "a", NULL, "file:///a1"},
                                      {"main", "b", NULL, "file:///b1"}};
    struct leat_lake_change stale[] = {{"main", "a", "file:///a1", "file:///a2"},
                                       {"main", "b", "file:///b0", "file:///b2"}};
    struct leat_lake_change drop = {"main", "b", "file:///b1", NULL};
    struct leat_lake lake;
    (void)state;
    open_lake(&lake, true);
    run(lake.database, "CREATE TABLE ledger (run INTEGER)");
    assert_int_equal(tables(&lake), 0);
    assert_int_equal(leat_lake_commit(&lake, both, 2, write_ledger, NULL, &err), LEAT_OK);
    assert_int_equal(tables(&lake), 2);
    assert_int_equal(leat_lake_commit(&lake, stale, 2, write_ledger, NULL, &err), LEAT_CONFLICT);
    assert_int_equal(leat_lake_commit(&lake, both, 2, write_ledger, NULL, &err), LEAT_CONFLICT);
    assert_value(lake.database, "SELECT count(*) FROM ledger", "1");
    assert_value(lake.database,
                 "SELECT metadata_location FROM iceberg_tables WHERE table_name = 'a'",
                 "file:///a1");
    assert_int_equal(leat_lake_commit(&lake, &drop, 1, NULL, NULL, &err), LEAT_OK);
    assert_int_equal(tables(&lake), 1);
    leat_lake_close(&lake);
    open_lake(&lake, false);
    assert_int_equal(tables(&lake), 1);
    leat_lake_close(&lake);
}

static void lake__one_writer_at_a_time_and_any_readers(void **state)
{
    const struct leat_lake_options writer = {.write = true}, reader = {0};
    struct leat_lake lake, other;
    (void)state;
    open_lake(&lake, true);
    assert_int_equal(leat_lake_open("lake", &writer, &other, &err), LEAT_CONFLICT);
    assert_int_equal(leat_lake_open("lake", &reader, &other, &err), LEAT_OK);
    leat_lake_close(&other);
    leat_lake_close(&lake);
    open_lake(&lake, false);
    leat_lake_close(&lake);
    assert_int_equal(leat_lake_open("nowhere", &reader, &other, &err), LEAT_NOT_FOUND);
}

static void lake__a_missing_table_and_broken_metadata_are_told(void **state)
{
    struct leat_lake_change change = {"main", "a", NULL, "file:///nowhere/a.metadata.json"};
    struct leat_table table;
    struct leat_lake lake;
    (void)state;
    open_lake(&lake, true);
    assert_int_equal(leat_lake_load(&lake, "main", "a", &table, &err), LEAT_NOT_FOUND);
    assert_int_equal(leat_lake_commit(&lake, &change, 1, NULL, NULL, &err), LEAT_OK);
    assert_int_not_equal(leat_lake_load(&lake, "main", "a", &table, &err), LEAT_OK);
    assert_non_null(strstr(err.message, "/nowhere/a.metadata.json"));
    leat_lake_close(&lake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(database__transactions_are_whole_or_nothing),
        cmocka_unit_test(lake__tables_and_ledger_change_together_or_not_at_all),
        cmocka_unit_test(lake__one_writer_at_a_time_and_any_readers),
        cmocka_unit_test(lake__a_missing_table_and_broken_metadata_are_told),
    };
    return LEAT_RUN_TESTS(tests);
}
