/*
 * Which servers answer for an hdfs: or webhdfs: path. A cluster is found once by the authority of
 * its paths (`host:port` or the name of a name service) and then kept for the life of the process.
 *
 *   webhdfs://host:port   that server itself (NameNode or HttpFS) by HTTP; swebhdfs: by HTTPS
 *   hdfs://nameservice    the NameNodes of dfs.ha.namenodes.NAMESERVICE
 *   hdfs://host:port      dfs.namenode.http-address if it is the configuration's NameNode,
 *                         otherwise port 9870 of the host
 *   hdfs:///path          fs.defaultFS
 *
 * The configuration is core-site.xml and hdfs-site.xml in HADOOP_CONF_DIR, unless the coordinator
 * gave its findings with a fragment.
 */
#ifndef LEAT_STORAGE_FILES_HDFS_CLUSTERS_H
#define LEAT_STORAGE_FILES_HDFS_CLUSTERS_H

#include "base/file_system.h"
#include "base/http.h"

#include <stdatomic.h>

enum { LEAT_HDFS_SERVERS = 8 }; /* of a cluster */

struct leat_hdfs_cluster {
    struct leat_hdfs_cluster *next;
    char *authority;                  /* as in paths, with the scheme: "hdfs://host:8020" */
    char *servers[LEAT_HDFS_SERVERS]; /* "http://host:9870" */
    unsigned server_count;
    _Atomic unsigned active; /* the one that answered last */
    char *user;              /* sent as user.name, or NULL (Kerberos) */
    char *token;             /* delegation token, or NULL: never told anybody */
    struct leat_http_client client;
};

/* The cluster of a path; borrowed, and never freed. */
LEAT_CHECKED enum leat_status leat_hdfs_cluster_get(const struct leat_uri *uri,
                                                    struct leat_hdfs_cluster **out,
                                                    struct leat_error *err);
/* The clusters found so far and the user's name, as one JSON object; tokens are not among it. */
LEAT_CHECKED enum leat_status leat_hdfs_settings_put(struct leat_buffer *out,
                                                     struct leat_error *err);
LEAT_CHECKED enum leat_status leat_hdfs_settings_apply(const char *json, size_t length,
                                                       struct leat_error *err);
/* Forgets everything: for tests. */
void leat_hdfs_clusters_forget(void);

/* The servers of an authority without its scheme ("" for none) by the configuration; `user` and
 * `negotiate` are not touched. Appends to `servers` as texts in the arena. */
struct leat_site_files;
LEAT_CHECKED enum leat_status leat_hdfs_servers_find(const struct leat_site_files *files,
                                                     const char *scheme, struct leat_text authority,
                                                     struct leat_arena *arena,
                                                     const char *servers[LEAT_HDFS_SERVERS],
                                                     unsigned *count, struct leat_error *err);

/* The delegation token for HDFS in a file as Hadoop writes them for containers
 * (HADOOP_TOKEN_FILE_LOCATION), in the form that WebHDFS takes. *out is NULL if there is none;
 * bytes of another form are LEAT_E_HADOOP_CONFIGURATION. */
LEAT_CHECKED enum leat_status leat_hdfs_token_read(const void *bytes, size_t length,
                                                   const char *name, struct leat_arena *arena,
                                                   char **out, struct leat_error *err);

#endif
