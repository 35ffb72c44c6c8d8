/* The table of functions by which S3 is a file system. */
#include "storage/files/s3/s3.h"
#include "storage/files/s3/s3_internal.h"

static enum leat_status s3_remove(const char *path, struct leat_error *err)
{
    return s3_remove_several(&path, 1, err);
}

const struct leat_file_system leat_s3_files = {
    .scheme = "s3",
    .flat = true,
    .open_input = s3_open_input,
    .create = s3_create,
    .stat = s3_stat,
    .list = s3_list,
    .remove = s3_remove,
    .remove_several = s3_remove_several,
    .settings_put = s3_store_settings_put,
    .settings_apply = s3_store_settings_apply,
};

const struct leat_file_system leat_s3a_files = {
    .scheme = "s3a",
    .flat = true,
    .open_input = s3_open_input,
    .create = s3_create,
    .stat = s3_stat,
    .list = s3_list,
    .remove = s3_remove,
    .remove_several = s3_remove_several,
};
