/*
 * Hadoop's configuration files (core-site.xml, hdfs-site.xml): properties by name, as far as a
 * client needs them.
 */
#ifndef LEAT_STORAGE_FILES_HDFS_SITE_FILES_H
#define LEAT_STORAGE_FILES_HDFS_SITE_FILES_H

#include "base/buffer.h"

struct leat_site_property {
    const char *name;
    const char *value;
};
struct leat_site_files {
    struct leat_arena arena;
    struct leat_site_property *items; /* in the order of the files; the last of a name counts */
    size_t count;
    size_t capacity;
};
void leat_site_files_init(struct leat_site_files *files);
void leat_site_files_release(struct leat_site_files *files);
/* Adds the properties of an XML text. `name` is for messages. Text that is no XML, or has a
 * document type (nobody needs entities here), is LEAT_E_HADOOP_CONFIGURATION. */
LEAT_CHECKED enum leat_status leat_site_files_add(struct leat_site_files *files, const char *name,
                                                  const void *text, size_t length,
                                                  struct leat_error *err);
/* Adds core-site.xml and hdfs-site.xml of a folder; missing ones are passed over. */
LEAT_CHECKED enum leat_status leat_site_files_load(struct leat_site_files *files,
                                                   const char *folder, struct leat_error *err);
/* The property's value, or NULL. */
const char *leat_site_files_get(const struct leat_site_files *files, const char *name);

#endif
