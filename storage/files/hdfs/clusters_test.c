#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/test_faults.h"
#include "storage/files/hdfs/clusters.h"
#include "storage/files/hdfs/site_files.h"

static struct leat_error err;

#define PROPERTY(name, value) "<property><name>" name "</name><value>" value "</value></property>"

/* The servers of an authority, with commas between them, or the error's message. */
static const char *servers_of(const char *properties, const char *scheme, const char *authority)
{
    static char text[2048];
    const char *servers[LEAT_HDFS_SERVERS];
    struct leat_site_files files;
    struct leat_arena arena;
    enum leat_status status;
    unsigned count = 0;
    size_t used = 0;

    (void)snprintf(text, sizeof(text), "<configuration>%s</configuration>", properties);
    leat_arena_init(&arena, NULL);
    leat_site_files_init(&files);
    status = leat_site_files_add(&files, "x", text, strlen(text), &err);
    if (status == LEAT_OK)
        status = leat_hdfs_servers_find(&files, scheme, leat_text_of(authority), &arena, servers,
                                        &count, &err);
    text[0] = '\0';
    for (unsigned i = 0; i < count && status == LEAT_OK; i++)
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : "", servers[i]);
    if (status != LEAT_OK)
        (void)snprintf(text, sizeof(text), "%s", err.message);
    leat_site_files_release(&files);
    leat_arena_release(&arena);
    return text;
}

static void servers__of_the_configured_namenode(void **state)
{
    const char *one = PROPERTY("fs.defaultFS", "hdfs://nn:8020")
        PROPERTY("dfs.namenode.http-address", "nn:50070");

    (void)state;
    assert_string_equal(servers_of(one, "hdfs", "nn:8020"), "http://nn:50070");
    assert_string_equal(servers_of(one, "hdfs", "other:8020"), "http://other:9870");
    assert_string_equal(servers_of("", "hdfs", "nn:8020"), "http://nn:9870");
    assert_string_equal(servers_of(one, "webhdfs", "nn:50071"), "http://nn:50071");
    assert_string_equal(servers_of(one, "webhdfs", "nn"), "http://nn:9870");
    assert_string_equal(servers_of(one, "swebhdfs", "nn"), "https://nn:9871");
}

static void servers__everywhere_means_the_host_of_the_path(void **state)
{
    (void)state;
    assert_string_equal(servers_of(PROPERTY("dfs.namenode.rpc-address", "nn:8020")
                                       PROPERTY("dfs.namenode.http-address", "0.0.0.0:1234"),
                                   "hdfs", "nn:8020"),
                        "http://nn:1234");
}

static void servers__of_a_name_service_are_all_its_namenodes(void **state)
{
    const char *two = PROPERTY("dfs.nameservices", "warehouse, other")
        PROPERTY("dfs.ha.namenodes.warehouse", "a, b")
            PROPERTY("dfs.namenode.http-address.warehouse.a", "a:9870")
                PROPERTY("dfs.namenode.http-address.warehouse.b", "b:9870");

    (void)state;
    assert_string_equal(servers_of(two, "hdfs", "warehouse"), "http://a:9870,http://b:9870");
    assert_string_equal(servers_of(two, "hdfs", "other"),
                        "name service other has no dfs.namenode.http-address.other in the "
                        "configuration");
}

static void servers__with_tls_are_asked_by_https(void **state)
{
    (void)state;
    assert_string_equal(servers_of(PROPERTY("fs.defaultFS", "hdfs://nn:8020")
                                       PROPERTY("dfs.http.policy", "HTTPS_ONLY")
                                           PROPERTY("dfs.namenode.https-address", "nn:1"),
                                   "hdfs", "nn:8020"),
                        "https://nn:1");
}

static void servers__an_address_is_a_host_and_a_port(void **state)
{
    (void)state;
    assert_string_equal(servers_of("", "webhdfs", "a@b:1"), "address of a NameNode: \"a@b:1\"");
    assert_string_equal(servers_of(PROPERTY("fs.defaultFS", "hdfs://nn:1")
                                       PROPERTY("dfs.namenode.http-address", "${host}:1"),
                                   "hdfs", "nn:1"),
                        "address of a NameNode: \"${host}:1\"");
}

/* A token storage as Hadoop writes it: version 0, one token. */
#define TOKEN(kind_length, kind)                                                                   \
    "HDTS\0\1"                                                                                     \
    "\5alias"                                                                                      \
    "\3abc"                                                                                        \
    "\2\xff\xfe" kind_length kind "\x9"                                                            \
    "host:8020"

static char *token_of(const void *bytes, size_t length, enum leat_status *status)
{
    static char text[256];
    struct leat_arena arena;
    char *out;

    leat_arena_init(&arena, NULL);
    *status = leat_hdfs_token_read(bytes, length, "tokens", &arena, &out, &err);
    if (out)
        (void)snprintf(text, sizeof(text), "%s", out);
    leat_arena_release(&arena);
    return out ? text : NULL;
}

static void token__is_found_and_encoded(void **state)
{
    static const char bytes[] = TOKEN("\x15", "HDFS_DELEGATION_TOKEN");
    static const char other[] = TOKEN("\x5", "other");
    enum leat_status status;
    char *token = token_of(bytes, sizeof(bytes) - 1, &status);

    (void)state;
    assert_int_equal(status, LEAT_OK);
    assert_non_null(token);
    assert_string_equal(token, "A2FiYwL__hVIREZTX0RFTEVHQVRJT05fVE9LRU4JaG9zdDo4MDIw");
    assert_null(token_of(other, sizeof(other) - 1, &status));
    assert_int_equal(status, LEAT_OK);
}

static void token__cut_anywhere_is_refused(void **state)
{
    static const char bytes[] = TOKEN("\x15", "HDFS_DELEGATION_TOKEN");
    enum leat_status status;

    (void)state;
    for (size_t length = 0; length < sizeof(bytes) - 1; length++) {
        assert_null(token_of(bytes, length, &status));
        assert_int_equal(status, LEAT_INVALID);
    }
    assert_null(token_of("HDTS\1", 5, &status));
    assert_int_equal(status, LEAT_INVALID);
    assert_null(token_of("HDTS\0\x8c\xff\xff\xff\xff", 10, &status));
    assert_int_equal(status, LEAT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers__of_the_configured_namenode),
        cmocka_unit_test(servers__everywhere_means_the_host_of_the_path),
        cmocka_unit_test(servers__of_a_name_service_are_all_its_namenodes),
        cmocka_unit_test(servers__with_tls_are_asked_by_https),
        cmocka_unit_test(servers__an_address_is_a_host_and_a_port),
        cmocka_unit_test(token__is_found_and_encoded),
        cmocka_unit_test(token__cut_anywhere_is_refused),
    };
    return LEAT_RUN_TESTS(tests);
}
