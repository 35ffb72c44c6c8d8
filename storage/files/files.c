/* The list of file systems, and their settings as one JSON object. */
#include "storage/files/files.h"
#include "formats/json_tree.h"
#include "storage/files/hdfs/hdfs.h"
#include "storage/files/s3/s3.h"

#include <pthread.h>

static const struct leat_file_system *const all_systems[] = {
    &leat_hdfs_files, &leat_webhdfs_files, &leat_swebhdfs_files,
    &leat_s3_files,   &leat_s3a_files,     NULL, /* the list ends with it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct leat_buffer applied;

enum leat_status leat_files_register(struct leat_error *err)
{
    enum leat_status status = LEAT_OK;

    pthread_mutex_lock(&lock);
    leat_json_tree_init();
    for (size_t i = 0; all_systems[i] && status == LEAT_OK; i++)
        status = leat_file_system_register(all_systems[i], err);
    pthread_mutex_unlock(&lock);
    return status;
}

enum leat_status leat_files_settings_put(struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_file_system *system;
    const char *separator = "";

    LEAT_TRY(leat_buffer_append_byte(out, '{', err));
    for (size_t i = 0; (system = leat_file_system_at(i)) != NULL; i++) {
        if (!system->settings_put)
            continue;
        LEAT_TRY(leat_buffer_printf(out, err, "%s\"%s\": ", separator, system->scheme));
        LEAT_TRY(system->settings_put(out, err));
        separator = ", ";
    }
    return leat_buffer_append_byte(out, '}', err);
}

static enum leat_status apply_one(const char *scheme, const json_t *settings,
                                  struct leat_error *err)
{
    const struct leat_file_system *system;
    enum leat_status status = LEAT_OK;
    char *text;

    for (size_t i = 0; (system = leat_file_system_at(i)) != NULL; i++)
        if (system->settings_apply && strcmp(system->scheme, scheme) == 0)
            break;
    if (!system)
        return leat_error_set(err, LEAT_E_MESSAGE, "settings of a storage \"%s\"", scheme);
    status = leat_json_tree_dump(settings, JSON_COMPACT, &text, err);
    if (status == LEAT_OK)
        status = system->settings_apply(text, strlen(text), err);
    leat_free(text);
    return status;
}

static enum leat_status apply_all(const char *text, size_t length, struct leat_error *err)
{
    enum leat_status status;
    json_t *tree = NULL;
    json_t *settings;
    const char *scheme;

    status = leat_json_tree_load(text, length, 0, "storage settings", LEAT_E_MESSAGE, &tree, err);
    if (status == LEAT_OK && !json_is_object(tree))
        status = leat_error_set(err, LEAT_E_MESSAGE, "storage settings are no JSON object");
    if (status == LEAT_OK)
        json_object_foreach(tree, scheme, settings)
        {
            status = apply_one(scheme, settings, err);
            if (status != LEAT_OK)
                break;
        }
    json_decref(tree);
    return status;
}

enum leat_status leat_files_settings_apply(const char *json, size_t length, struct leat_error *err)
{
    enum leat_status status = LEAT_OK;

    pthread_mutex_lock(&lock);
    if (applied.length != length || (length && memcmp(applied.data, json, length) != 0)) {
        status = apply_all(json, length, err);
        applied.length = 0;
        if (status == LEAT_OK)
            status = leat_buffer_append(&applied, json, length, err);
    }
    pthread_mutex_unlock(&lock);
    return status;
}
