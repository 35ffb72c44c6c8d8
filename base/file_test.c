#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"

static struct leat_error err;

static void write_file(const char *path, const char *text)
{
    assert_int_equal(leat_file_write_all(path, text, strlen(text), &err), LEAT_OK);
}

static void assert_file(const char *path, const char *text)
{
    struct leat_buffer bytes;
    leat_buffer_init(&bytes, 0);
    assert_int_equal(leat_file_read_all(path, &bytes, &err), LEAT_OK);
    assert_int_equal(bytes.length, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.length);
    leat_buffer_release(&bytes);
}

static size_t entries(const char *folder)
{
    struct leat_file_list list;
    assert_int_equal(leat_folder_list(folder, &list, &err), LEAT_OK);
    size_t count = list.count;
    leat_file_list_release(&list);
    return count;
}

static void fresh_folder(const char *path)
{
    assert_int_equal(leat_folder_remove_all(path, &err), LEAT_OK);
    assert_int_equal(leat_folder_create(path, &err), LEAT_OK);
}

static void file__replacing_keeps_the_old_bytes_until_finish(void **state)
{
    struct leat_output *output;
    (void)state;
    fresh_folder("replace");
    write_file("replace/a", "old");
    assert_int_equal(leat_file_create("replace/a", LEAT_CREATE_REPLACE, &output, &err), LEAT_OK);
    assert_int_equal(leat_output_write(output, "new", 3, &err), LEAT_OK);
    assert_file("replace/a", "old");
    assert_int_equal(leat_output_finish(output, &err), LEAT_OK);
    assert_file("replace/a", "new");
    assert_int_equal(leat_file_create("replace/a", LEAT_CREATE_REPLACE, &output, &err), LEAT_OK);
    assert_int_equal(leat_output_write(output, "other", 5, &err), LEAT_OK);
    leat_output_abort(output);
    assert_file("replace/a", "new");
    assert_int_equal(entries("replace"), 1);
}

static void file__new_files_do_not_replace(void **state)
{
    struct leat_output *output;
    (void)state;
    fresh_folder("new");
    write_file("new/a", "kept");
    assert_int_equal(leat_file_create("new/a", LEAT_CREATE_NEW, &output, &err), LEAT_EXISTS);
    assert_null(output);
    assert_file("new/a", "kept");
}

/* Whatever call fails, the file holds the old bytes or the new ones, and nothing lies beside it. */
static void file__every_failing_call_leaves_old_or_new_bytes(void **state)
{
    bool fired = true;
    (void)state;
    for (uint64_t n = 1; fired; n++) {
        struct leat_buffer bytes;
        fresh_folder("faults");
        write_file("faults/a", "old");
        leat_fault_file_arm(n, false, n % 2 ? EIO : ENOSPC);
        enum leat_status status = leat_file_write_all("faults/a", "newer", 5, &err);
        fired = leat_fault_file_fired();
        leat_fault_file_arm(0, false, 0);
        leat_buffer_init(&bytes, 0);
        assert_int_equal(leat_file_read_all("faults/a", &bytes, &err), LEAT_OK);
        if (status == LEAT_OK || bytes.length == 5)
            assert_memory_equal(bytes.data, "newer", 5);
        else
            assert_memory_equal(bytes.data, "old", 3);
        assert_true(status == LEAT_OK || err.status == status);
        leat_buffer_release(&bytes);
        assert_int_equal(entries("faults"), 1);
        assert_true(n < 100);
    }
}

static void file__what_cannot_be_opened_says_why(void **state)
{
    struct leat_input *input;
    (void)state;
    fresh_folder("open");
    assert_int_equal(leat_file_open_input("open/missing", &input, &err), LEAT_NOT_FOUND);
    assert_non_null(strstr(err.message, "open/missing"));
    assert_int_not_equal(leat_file_open_input("open", &input, &err), LEAT_OK);
    assert_non_null(strstr(err.message, "open"));
}

static void file__globs_match_parts_of_paths(void **state)
{
    static const struct {
        const char *pattern;
        size_t count;
    } cases[] = {{"glob/*.csv", 2},    {"glob/**/*.csv", 4}, {"glob/{a,x/c}.csv", 2},
                 {"glob/[ab].csv", 2}, {"glob/?.txt", 1},    {"glob", 5},
                 {"glob/a.csv", 1},    {"glob/*.none", 0},   {"glob/x", 2}};
    (void)state;
    fresh_folder("glob/x/y");
    write_file("glob/a.csv", "1");
    write_file("glob/b.csv", "1");
    write_file("glob/d.txt", "1");
    write_file("glob/x/c.csv", "1");
    write_file("glob/x/y/e.csv", "1");
    write_file("glob/.hidden", "1");
    write_file("glob/_internal", "1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leat_file_list list;
        assert_int_equal(leat_file_glob(cases[i].pattern, &list, &err), LEAT_OK);
        if (list.count != cases[i].count)
            fail_msg("%s: %zu files, not %zu", cases[i].pattern, list.count, cases[i].count);
        for (size_t k = 1; k < list.count; k++)
            assert_true(strcmp(list.items[k - 1].path, list.items[k].path) < 0);
        leat_file_list_release(&list);
    }
}

static void file__a_lock_is_held_once(void **state)
{
    struct leat_file_lock lock, other;
    (void)state;
    fresh_folder("lock");
    assert_int_equal(leat_file_lock_take("lock/l", &lock, &err), LEAT_OK);
    assert_int_equal(leat_file_lock_take("lock/l", &other, &err), LEAT_CONFLICT);
    assert_non_null(strstr(err.message, "lock/l"));
    leat_file_lock_release(&lock);
    assert_int_equal(leat_file_lock_take("lock/l", &lock, &err), LEAT_OK);
    leat_file_lock_release(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file__replacing_keeps_the_old_bytes_until_finish),
        cmocka_unit_test(file__new_files_do_not_replace),
        cmocka_unit_test(file__every_failing_call_leaves_old_or_new_bytes),
        cmocka_unit_test(file__what_cannot_be_opened_says_why),
        cmocka_unit_test(file__globs_match_parts_of_paths),
        cmocka_unit_test(file__a_lock_is_held_once),
    };
    return LEAT_RUN_TESTS(tests);
}
