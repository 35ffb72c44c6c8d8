/* What comes from a Hadoop cluster over any bytes: answers of a NameNode, configuration files,
 * files of tokens. */
#include "storage/files/hdfs/site_files.h"
#include "storage/files/hdfs/webhdfs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum leat_status check_name(void *context, const char *name,
                                   const struct leat_hdfs_status *status, struct leat_error *err)
{
    (void)context;
    (void)status;
    (void)err;
    if (strchr(name, '/') || !*name)
        abort(); /* it would lead out of its folder */
    return LEAT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct leat_hdfs_call call = {
        .method = "GET", .operation = "OPEN", .path = "hdfs://a/b", .query = ""};
    const char *servers[LEAT_HDFS_SERVERS], *last;
    struct leat_hdfs_status status;
    struct leat_site_files files;
    struct leat_arena arena;
    struct leat_error err;
    unsigned count;
    char *token;
    bool flag;

    leat_arena_init(&arena, NULL);
    leat_site_files_init(&files);
    (void)!leat_hdfs_decode_status(data, size, &status, &err);
    (void)!leat_hdfs_decode_page(data, size, &arena, check_name, NULL, &last, &flag, &err);
    (void)leat_hdfs_decode_exception(&call, 403, data, size, &flag, &err);
    (void)!leat_hdfs_token_read(data, size, "tokens", &arena, &token, &err);
    if (leat_site_files_add(&files, "site.xml", data, size, &err) == LEAT_OK)
        (void)!leat_hdfs_servers_find(&files, "hdfs", leat_text_of("nn:8020"), &arena, servers,
                                      &count, &err);
    leat_site_files_release(&files);
    leat_arena_release(&arena);
    return 0;
}
