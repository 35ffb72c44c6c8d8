/*
 * HDFS as a file system: paths hdfs://, webhdfs:// and swebhdfs:// over WebHDFS or HttpFS. Which
 * servers answer for a path is told by storage/files/hdfs/clusters.h. What is created appears by a
 * rename of a checked temporary file.
 */
#ifndef LEAT_STORAGE_FILES_HDFS_HDFS_H
#define LEAT_STORAGE_FILES_HDFS_HDFS_H

#include "base/file_system.h"

extern const struct leat_file_system leat_hdfs_files, leat_webhdfs_files, leat_swebhdfs_files;

#endif
