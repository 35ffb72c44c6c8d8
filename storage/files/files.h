/*
 * The file systems that paths may name: this is the one place that lists them. Sessions, projects
 * and workers register them before they use a path; the settings by which the coordinator reaches
 * its storage travel to workers inside each fragment. Credentials never do: every process finds
 * them in its own environment, profile or role.
 */
#ifndef LEAT_STORAGE_FILES_FILES_H
#define LEAT_STORAGE_FILES_FILES_H

#include "base/file_system.h"

/* Registers all of them; cheap, nothing is connected or read. May be called again. */
LEAT_CHECKED enum leat_status leat_files_register(struct leat_error *err);
/* Appends the settings of all file systems as one JSON object, {"s3": {...}, ...}. */
LEAT_CHECKED enum leat_status leat_files_settings_put(struct leat_buffer *out,
                                                      struct leat_error *err);
/* Takes over what leat_files_settings_put gave in another process. The same text again does
 * nothing. */
LEAT_CHECKED enum leat_status leat_files_settings_apply(const char *json, size_t length,
                                                        struct leat_error *err);

#endif
