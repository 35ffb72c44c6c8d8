#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/file_system.h"
#include "base/test_faults.h"

/* A flat store with a few keys and no bytes. */
static const char *const keys[] = {
    "data/a.csv",           "data/b.csv",           "data/_hidden/c.csv",
    "data/year=2024/d.csv", "data/year=2025/e.txt",
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };
static struct leat_error err;
static unsigned listings, recursive_listings, removed;

static enum leat_status memory_stat(const char *path, struct leat_file_info *out,
                                    struct leat_error *error)
{
    size_t length = strlen(path);

    (void)error;
    *out = (struct leat_file_info){.path = path};
    for (size_t i = 0; i < KEYS; i++) {
        const char *key = keys[i];
        if (strcmp(path + 9, key) == 0)
            out->kind = LEAT_FILE_REGULAR;
        else if (strncmp(path + 9, key, length - 9) == 0 && key[length - 9] == '/')
            out->kind = LEAT_FILE_FOLDER;
    }
    return LEAT_OK;
}

static enum leat_status memory_list(const struct leat_file_listing *listing, leat_file_take take,
                                    void *context, struct leat_error *error)
{
    size_t folder = strlen(listing->folder) - 9 + 1;
    const char *prefix = listing->prefix ? listing->prefix : "";
    char path[128];

    listings++;
    recursive_listings += listing->recursive;
    for (size_t i = 0; i < KEYS; i++) {
        struct leat_file_info info = {.path = path, .kind = LEAT_FILE_REGULAR};
        const char *name, *slash;
        if (strlen(keys[i]) < folder || strncmp(keys[i], listing->folder + 9, folder - 1) != 0)
            continue;
        name = keys[i] + folder;
        slash = strchr(name, '/');
        if (name[-1] != '/' || strncmp(name, prefix, strlen(prefix)) != 0)
            continue;
        if (slash && !listing->recursive)
            info.kind = LEAT_FILE_FOLDER;
        snprintf(path, sizeof(path), "mem://st/%.*s",
                 (int)(slash && !listing->recursive ? slash - keys[i] : 99), keys[i]);
        LEAT_TRY(take(context, &info, error));
    }
    return LEAT_OK;
}

static enum leat_status memory_remove(const char *path, struct leat_error *error)
{
    (void)path;
    (void)error;
    removed++;
    return LEAT_OK;
}

static const struct leat_file_system memory = {
    .scheme = "mem",
    .flat = true,
    .stat = memory_stat,
    .list = memory_list,
    .remove = memory_remove,
};

static void assert_glob(const char *pattern, const char *wanted)
{
    struct leat_file_list list;
    char found[512] = "";

    assert_int_equal(leat_file_system_register(&memory, &err), LEAT_OK);
    assert_int_equal(leat_file_glob(pattern, &list, &err), LEAT_OK);
    for (size_t i = 0; i < list.count; i++) {
        strncat(found, i ? " " : "", 2);
        strncat(found, list.items[i].path + strlen("mem://st/data/"), 100);
    }
    leat_file_list_release(&list);
    assert_string_equal(found, wanted);
}

static void glob__asks_a_flat_store_once(void **state)
{
    (void)state;
    listings = recursive_listings = 0;
    assert_glob("mem://st/data/*.csv", "a.csv b.csv");
    assert_int_equal(listings, 1);
    assert_int_equal(recursive_listings, 0);
    assert_glob("mem://st/data/year=*/*.csv", "year=2024/d.csv");
    assert_int_equal(recursive_listings, 1);
    assert_int_equal(listings, 2);
}

static void glob__matches_names_of_a_flat_store_as_local_ones(void **state)
{
    (void)state;
    assert_glob("mem://st/data", "a.csv b.csv year=2024/d.csv year=2025/e.txt");
    assert_glob("mem://st/data/**/*.csv", "a.csv b.csv year=2024/d.csv");
    assert_glob("mem://st/data/**", "a.csv b.csv year=2024/d.csv year=2025/e.txt");
    assert_glob("mem://st/data/{b,c}.csv", "b.csv");
    assert_glob("mem://st/data/year=202[5-9]/*", "year=2025/e.txt");
    assert_glob("mem://st/data/_hidden/*", "_hidden/c.csv");
    assert_glob("mem://st/data/?.csv", "a.csv b.csv");
    assert_glob("mem://st/data/b.csv", "b.csv");
    assert_glob("mem://st/data/z.csv", "");
}

static void path__with_an_unknown_scheme_names_those_that_exist(void **state)
{
    struct leat_input *input;
    (void)state;
    assert_int_equal(leat_file_system_register(&memory, &err), LEAT_OK);
    assert_int_equal(leat_file_open_input("ftp://host/x", &input, &err), LEAT_UNSUPPORTED);
    assert_int_equal(err.code, LEAT_E_SCHEME);
    assert_non_null(strstr(err.hint, "file, mem"));
    assert_int_equal(leat_file_open_input("file://host/x", &input, &err), LEAT_UNSUPPORTED);
}

static void path__with_scheme_file_is_a_local_one(void **state)
{
    struct leat_file_info info;
    char here[2048], path[4096];
    (void)state;
    assert_int_equal(leat_file_write_all("data_local", "x", 1, &err), LEAT_OK);
    assert_non_null(getcwd(here, sizeof(here)));
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s%s/data_local", i ? "file:" : "file://", here);
        assert_int_equal(leat_file_stat(path, &info, &err), LEAT_OK);
        assert_int_equal(info.kind, LEAT_FILE_REGULAR);
    }
}

static void path__arithmetic_keeps_the_root_of_a_uri(void **state)
{
    struct leat_arena arena;
    (void)state;
    leat_arena_init(&arena, NULL);
    assert_string_equal(leat_path_join(&arena, "s3://b/x", "y"), "s3://b/x/y");
    assert_string_equal(leat_path_join(&arena, "here", "s3://b/x"), "s3://b/x");
    assert_string_equal(leat_path_join(&arena, "here", "file:///x"), "/x");
    assert_string_equal(leat_path_folder(&arena, "s3://b/x/y"), "s3://b/x");
    assert_string_equal(leat_path_folder(&arena, "s3://b/x"), "s3://b");
    assert_string_equal(leat_path_folder(&arena, "s3://b"), "s3://b");
    assert_string_equal(leat_path_absolute(&arena, "s3://b/x//"), "s3://b/x");
    assert_string_equal(leat_path_absolute(&arena, "file:/a/../x"), "/x");
    assert_true(leat_path_is_uri("s3://b"));
    assert_false(leat_path_is_uri("file:///b"));
    assert_false(leat_path_is_uri("a:b"));
    leat_arena_release(&arena);
}

static void folder__of_a_store_without_folders_is_removed_by_names(void **state)
{
    (void)state;
    assert_int_equal(leat_file_system_register(&memory, &err), LEAT_OK);
    removed = 0;
    assert_int_equal(leat_folder_remove_all("mem://st/data", &err), LEAT_OK);
    assert_int_equal(removed, KEYS);
    assert_int_equal(leat_folder_create("mem://st/data", &err), LEAT_OK);
    assert_int_equal(leat_file_rename("mem://st/a", "mem://st/b", &err), LEAT_UNSUPPORTED);
    assert_int_equal(leat_file_rename("mem://st/a", "b", &err), LEAT_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glob__asks_a_flat_store_once),
        cmocka_unit_test(glob__matches_names_of_a_flat_store_as_local_ones),
        cmocka_unit_test(path__with_an_unknown_scheme_names_those_that_exist),
        cmocka_unit_test(path__with_scheme_file_is_a_local_one),
        cmocka_unit_test(path__arithmetic_keeps_the_root_of_a_uri),
        cmocka_unit_test(folder__of_a_store_without_folders_is_removed_by_names),
    };
    return LEAT_RUN_TESTS(tests);
}
