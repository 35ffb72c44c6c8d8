#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"
#include "storage/files/files.h"
#include "storage/files/s3/settings.h"

static struct leat_error err;

/* Nothing of whoever runs the tests. */
static void clean_environment(void)
{
    static const char *const names[] = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION",
                                        "AWS_DEFAULT_REGION",  "AWS_PROFILE",      "AWS_CA_BUNDLE"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    setenv("AWS_CONFIG_FILE", "data_config", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "data_credentials", 1);
    assert_int_equal(leat_file_remove("data_config", &err), LEAT_OK);
}

static enum leat_status build(const char *json, struct s3_settings *out)
{
    if (leat_files_register(&err) != LEAT_OK)
        return LEAT_NO_MEMORY;
    return s3_settings_build(json, json ? strlen(json) : 0, "s3_config.json", out, &err);
}

static void settings__file_goes_before_environment_and_profile(void **state)
{
    static const char config[] = "# mine\n[default]\nregion = a\n[profile other]\nregion=b\n"
                                 "endpoint_url = http://profile/\ns3 =\n  region = c\n";
    struct s3_settings settings;
    (void)state;
    clean_environment();
    assert_int_equal(leat_file_write_all("data_config", config, strlen(config), &err), LEAT_OK);
    assert_int_equal(build(NULL, &settings), LEAT_OK);
    assert_string_equal(settings.place.region, "a");
    assert_null(settings.place.endpoint);
    s3_settings_release(&settings);
    setenv("AWS_PROFILE", "other", 1);
    assert_int_equal(build(NULL, &settings), LEAT_OK);
    assert_string_equal(settings.place.region, "b");
    assert_string_equal(settings.place.endpoint, "http://profile");
    s3_settings_release(&settings);
    setenv("AWS_REGION", "env", 1);
    setenv("AWS_ENDPOINT_URL", "http://env", 1);
    assert_int_equal(build("{\"endpoint\": \"http://file:1//\"}", &settings), LEAT_OK);
    assert_string_equal(settings.place.region, "env");
    assert_string_equal(settings.place.endpoint, "http://file:1");
    s3_settings_release(&settings);
}

static void settings__buckets_have_their_own_places(void **state)
{
    struct s3_settings settings;
    (void)state;
    clean_environment();
    assert_int_equal(build("{\"region\": \"r\", \"path_style\": false, \"buckets\": {\"logs\": "
                           "{\"region\": \"q\"}, \"raw\": {\"path_style\": true}}}",
                           &settings),
                     LEAT_OK);
    assert_string_equal(s3_settings_place(&settings, "logs")->region, "q");
    assert_int_equal(s3_settings_place(&settings, "logs")->path_style, 0);
    assert_string_equal(s3_settings_place(&settings, "raw")->region, "r");
    assert_int_equal(s3_settings_place(&settings, "raw")->path_style, 1);
    assert_string_equal(s3_settings_place(&settings, "else")->region, "r");
    s3_settings_release(&settings);
}

static void settings__secrets_are_references_only(void **state)
{
    struct s3_settings settings;
    (void)state;
    clean_environment();
    assert_int_equal(build("{\"secret_key\": \"abc\"}", &settings), LEAT_INVALID);
    assert_int_equal(err.code, LEAT_E_STORAGE_SETTINGS);
    assert_null(strstr(err.message, "abc"));
    assert_int_equal(build("{\"secret_key\": {\"value\": \"abc\"}}", &settings), LEAT_INVALID);
    assert_int_equal(build("{\"secret_key\": {\"env\": \"MINE\"}}", &settings), LEAT_OK);
    assert_string_equal(settings.secret_key.environment, "MINE");
    s3_settings_release(&settings);
}

static void settings__wrong_ones_are_named(void **state)
{
    static const char *const wrong[] = {"{\"regoin\": \"x\"}",
                                        "{\"endpoint\": \"host:90\"}",
                                        "{\"path_style\": 1}",
                                        "{\"attempts\": 0}",
                                        "[]",
                                        "{",
                                        "{\"buckets\": {\"b\": {\"attempts\": 1}}}"};
    struct s3_settings settings;
    (void)state;
    clean_environment();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(build(wrong[i], &settings), LEAT_INVALID);
        assert_non_null(strstr(err.message, "s3_config.json"));
    }
}

static void settings__travel_as_they_are(void **state)
{
    struct s3_settings settings;
    struct leat_buffer first, second;
    (void)state;
    clean_environment();
    setenv("AWS_ENDPOINT_URL", "http://env", 1);
    leat_buffer_init(&first, 0);
    leat_buffer_init(&second, 0);
    assert_int_equal(build("{\"region\": \"r\", \"attempts\": 3, \"anonymous\": true, "
                           "\"access_key\": {\"file\": \"k\"}, \"buckets\": {\"b\": {\"profile\": "
                           "\"p\"}}, \"profile\": \"own\"}",
                           &settings),
                     LEAT_OK);
    assert_int_equal(s3_settings_put(&settings, &first, &err), LEAT_OK);
    s3_settings_release(&settings);
    assert_int_equal(leat_buffer_append_byte(&first, 0, &err), LEAT_OK);
    assert_non_null(strstr((char *)first.data, "http://env"));
    unsetenv("AWS_ENDPOINT_URL");
    assert_int_equal(build((char *)first.data, &settings), LEAT_OK);
    assert_int_equal(s3_settings_put(&settings, &second, &err), LEAT_OK);
    assert_int_equal(second.length + 1, first.length);
    assert_memory_equal(first.data, second.data, second.length);
    s3_settings_release(&settings);
    leat_buffer_release(&first);
    leat_buffer_release(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings__file_goes_before_environment_and_profile),
        cmocka_unit_test(settings__buckets_have_their_own_places),
        cmocka_unit_test(settings__secrets_are_references_only),
        cmocka_unit_test(settings__wrong_ones_are_named),
        cmocka_unit_test(settings__travel_as_they_are),
    };
    return LEAT_RUN_TESTS(tests);
}
