/*
 * S3 as a file system: s3://bucket/key. Objects appear whole or not at all; LEAT_CREATE_NEW is a
 * conditional put, decided by the store. Settings: storage/files/s3/settings.h.
 */
#ifndef LEAT_STORAGE_FILES_S3_S3_H
#define LEAT_STORAGE_FILES_S3_S3_H

#include "base/file_system.h"

extern const struct leat_file_system leat_s3_files;  /* s3:// */
extern const struct leat_file_system leat_s3a_files; /* s3a://, as Hadoop writes it */

/* The file with settings, unless LEAT_S3_CONFIG names one. Called before S3 is used. */
LEAT_CHECKED enum leat_status leat_s3_config(const char *path, struct leat_error *err);

#endif
