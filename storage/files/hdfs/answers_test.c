#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"
#include "storage/files/hdfs/webhdfs.h"

static struct leat_error err;

static const struct leat_hdfs_call call = {
    .method = "PUT", .operation = "RENAME", .path = "hdfs://a/b", .query = ""};

static enum leat_status decode_status(const char *json, struct leat_hdfs_status *out)
{
    return leat_hdfs_decode_status(json, strlen(json), out, &err);
}

static void status__is_read(void **state)
{
    struct leat_hdfs_status status;

    (void)state;
    assert_int_equal(decode_status("{\"FileStatus\": {\"type\": \"FILE\", \"length\": 24930,"
                                   " \"modificationTime\": 1320171722771}}",
                                   &status),
                     LEAT_OK);
    assert_int_equal(status.kind, LEAT_FILE_REGULAR);
    assert_int_equal(status.size, 24930);
    assert_int_equal(status.modified, 1320171722771000);
}

static void status__that_does_not_fit_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"FileStatus\": 1}",
        "{\"FileStatus\": {\"type\": \"FILE\"}}",
        "{\"FileStatus\": {\"type\": 7, \"length\": 1}}",
        "{\"FileStatus\": {\"type\": \"FILE\", \"length\": -1}}",
        "{\"FileStatus\": {\"type\": \"FILE\", \"length\": 1.5}}",
        "{\"FileStatus\": {\"type\": \"FILE\", \"length\": 99999999999999999999}}",
    };
    struct leat_hdfs_status status;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(decode_status(texts[i], &status), LEAT_IO);
        assert_int_equal(err.code, LEAT_E_HDFS);
    }
}

static enum leat_status count_entry(void *context, const char *name,
                                    const struct leat_hdfs_status *status, struct leat_error *e)
{
    (void)name;
    (void)status;
    (void)e;
    ++*(int *)context;
    return LEAT_OK;
}

static enum leat_status decode_page(const char *entries, int *count, const char **last, bool *more)
{
    static struct leat_arena arena;
    struct leat_buffer text;
    enum leat_status status;

    leat_arena_init(&arena, NULL);
    leat_buffer_init(&text, 0);
    *count = 0;
    *last = NULL;
    status = leat_buffer_printf(&text, &err,
                                "{\"DirectoryListing\": {\"partialListing\": {\"FileStatuses\": "
                                "{\"FileStatus\": [%s]}}, \"remainingEntries\": 3}}",
                                entries);
    if (status == LEAT_OK)
        status = leat_hdfs_decode_page(text.data, text.length, &arena, count_entry, count, last,
                                       more, &err);
    leat_buffer_release(&text);
    if (status == LEAT_OK && *last)
        assert_string_equal(*last, "b");
    leat_arena_release(&arena);
    return status;
}

static void page__tells_entries_and_what_follows(void **state)
{
    const char *last;
    bool more;
    int count;

    (void)state;
    assert_int_equal(decode_page("{\"pathSuffix\": \"a\", \"type\": \"FILE\", \"length\": 1},"
                                 "{\"pathSuffix\": \"b\", \"type\": \"DIRECTORY\", \"length\": 0}",
                                 &count, &last, &more),
                     LEAT_OK);
    assert_int_equal(count, 2);
    assert_true(more);
    assert_int_equal(decode_page("", &count, &last, &more), LEAT_OK);
    assert_null(last);
}

static void page__names_cannot_leave_their_folder(void **state)
{
    static const char *const names[] = {"", ".", "..", "../x", "a/b", "/etc"};
    char entry[128];
    const char *last;
    bool more;
    int count;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(entry, sizeof(entry),
                       "{\"pathSuffix\": \"%s\", \"type\": \"FILE\", \"length\": 1}", names[i]);
        assert_int_equal(decode_page(entry, &count, &last, &more), LEAT_IO);
        assert_int_equal(count, 0);
    }
}

static bool final_of(const char *exception, const char *message, bool *standby)
{
    char json[512];

    (void)snprintf(json, sizeof(json),
                   "{\"RemoteException\": {\"exception\": \"%s\", \"message\": \"%s\"}}", exception,
                   message);
    return leat_hdfs_decode_exception(&call, 403, json, strlen(json), standby, &err);
}

static void exception__has_its_code_and_says_what_was_done(void **state)
{
    bool standby;

    (void)state;
    if (!final_of("FileAlreadyExistsException", "rename destination /b exists\\n\\tat x", &standby))
        fail();
    if (err.code == LEAT_E_HDFS)
        fail(); /* memory was short */
    assert_int_equal(err.code, LEAT_E_FILE_EXISTS);
    assert_string_equal(err.message, "RENAME hdfs://a/b: FileAlreadyExistsException: rename "
                                     "destination /b exists");
    assert_true(final_of("AccessControlException", "no", &standby));
    assert_int_equal(err.code, LEAT_E_PERMISSION);
    assert_true(final_of("IOException",
                         "File /b could only be written to 0 of the 1 minReplication nodes.",
                         &standby));
    assert_int_equal(err.code, LEAT_E_DISK_FULL);
    assert_true(final_of("IOException", "other", &standby));
    assert_int_equal(err.code, LEAT_E_HDFS);
}

static void exception__of_a_standby_asks_another_namenode(void **state)
{
    bool standby;

    (void)state;
    assert_false(final_of("StandbyException", "", &standby));
    assert_true(standby);
    assert_false(final_of("RetriableException", "", &standby));
    assert_false(standby);
}

static void exception__that_is_none_is_an_error_all_the_same(void **state)
{
    static const char *const texts[] = {"", "<html>", "{}", "{\"RemoteException\": 7}",
                                        "{\"RemoteException\": {\"exception\": []}}"};
    bool standby;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(
            leat_hdfs_decode_exception(&call, 404, texts[i], strlen(texts[i]), &standby, &err));
        assert_int_equal(err.code, LEAT_E_HDFS);
        assert_false(
            leat_hdfs_decode_exception(&call, 500, texts[i], strlen(texts[i]), &standby, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status__is_read),
        cmocka_unit_test(status__that_does_not_fit_is_refused),
        cmocka_unit_test(page__tells_entries_and_what_follows),
        cmocka_unit_test(page__names_cannot_leave_their_folder),
        cmocka_unit_test(exception__has_its_code_and_says_what_was_done),
        cmocka_unit_test(exception__of_a_standby_asks_another_namenode),
        cmocka_unit_test(exception__that_is_none_is_an_error_all_the_same),
    };
    return LEAT_RUN_TESTS(tests);
}
