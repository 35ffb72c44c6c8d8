/* Finds clusters by the configuration, and keeps them in a list that only grows: a cluster that was
 * handed out stays valid, so that requests need no lock. */
#include "storage/files/hdfs/clusters.h"
#include "formats/json_tree.h"
#include "storage/files/hdfs/site_files.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOKEN_FILE_MAXIMUM = 4 << 20, HTTP_PORT = 9870, HTTPS_PORT = 9871 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct leat_hdfs_cluster *clusters;
static json_t *told_settings; /* what a coordinator gave, or NULL */

static bool has_port(struct leat_text authority)
{
    const char *bracket = memchr(authority.data, ']', authority.length); /* of an IPv6 address */
    const char *start = bracket ? bracket : authority.data;

    return memchr(start, ':', authority.length - (size_t)(start - authority.data)) != NULL;
}

static enum leat_status configuration_error(struct leat_error *err, const char *hint,
                                            const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum leat_status configuration_error(struct leat_error *err, const char *hint,
                                            const char *format, ...)
{
    char message[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    (void)leat_error_set(err, LEAT_E_HADOOP_CONFIGURATION, "%s", message);
    leat_error_hint(err, "%s", hint);
    return LEAT_INVALID;
}

/* A property with ".a.b" behind its name. */
static enum leat_status qualified(const struct leat_site_files *files, struct leat_arena *arena,
                                  const char *name, const char *service, const char *node,
                                  const char **out, struct leat_error *err)
{
    char *whole =
        leat_arena_printf(arena, "%s.%s%s%s", name, service, node ? "." : "", node ? node : "");
    if (!whole)
        return leat_error_memory(err);
    *out = leat_site_files_get(files, whole);
    return LEAT_OK;
}

/* The server at "host:port" as the configuration writes it; 0.0.0.0 stands for the host that the
 * path names. */
static enum leat_status add_server(struct leat_arena *arena, bool secure, const char *address,
                                   struct leat_text host, const char *servers[], unsigned *count,
                                   struct leat_error *err)
{
    const char *port = strrchr(address, ':');
    char *text;

    if (*count == LEAT_HDFS_SERVERS)
        return configuration_error(err, "list fewer NameNodes", "more than %d NameNodes",
                                   LEAT_HDFS_SERVERS);
    if (strncmp(address, "0.0.0.0:", 8) == 0 && host.length)
        text = leat_arena_printf(arena, "%s://%.*s%s", secure ? "https" : "http", (int)host.length,
                                 host.data, port);
    else
        text = leat_arena_printf(arena, "%s://%s%s", secure ? "https" : "http", address,
                                 port ? "" : (secure ? ":9871" : ":9870"));
    if (!text)
        return leat_error_memory(err);
    if (strpbrk(text + 8, "/?#@ ${}"))
        return configuration_error(err, "write host:port", "address of a NameNode: \"%s\"",
                                   address);
    servers[(*count)++] = text;
    return LEAT_OK;
}

/* Is the authority one of the words of a list "a,b"? */
static bool listed(const char *list, struct leat_text word)
{
    while (list && *list) {
        size_t length = strcspn(list, ",");
        struct leat_text item = {list, length};
        while (item.length && item.data[0] == ' ')
            item.data++, item.length--;
        while (item.length && item.data[item.length - 1] == ' ')
            item.length--;
        if (leat_text_equal(item, word))
            return true;
        list += length + (list[length] == ',');
    }
    return false;
}

static enum leat_status find_service(const struct leat_site_files *files, bool secure,
                                     const char *property, struct leat_text service,
                                     struct leat_arena *arena, const char *servers[],
                                     unsigned *count, struct leat_error *err)
{
    char *name = leat_arena_copy(arena, service.data, service.length), *nodes, *node, *rest = NULL;
    const char *list, *address;

    if (!name)
        return leat_error_memory(err);
    LEAT_TRY(qualified(files, arena, "dfs.ha.namenodes", name, NULL, &list, err));
    if (list) {
        nodes = leat_arena_strdup(arena, list);
        if (!nodes)
            return leat_error_memory(err);
        for (node = strtok_r(nodes, ", ", &rest); node; node = strtok_r(NULL, ", ", &rest)) {
            LEAT_TRY(qualified(files, arena, property, name, node, &address, err));
            if (address)
                LEAT_TRY(add_server(arena, secure, address, (struct leat_text){"", 0}, servers,
                                    count, err));
        }
    } else {
        LEAT_TRY(qualified(files, arena, property, name, NULL, &address, err));
        if (address)
            LEAT_TRY(
                add_server(arena, secure, address, (struct leat_text){"", 0}, servers, count, err));
    }
    if (*count == 0)
        return configuration_error(err, "add it to hdfs-site.xml",
                                   "name service %s has no %s.%s%s in the configuration", name,
                                   property, name, list ? ".NAMENODE" : "");
    return LEAT_OK;
}

static struct leat_text authority_of(const char *uri)
{
    struct leat_uri pieces;

    if (!uri || !leat_uri_split(uri, &pieces))
        return (struct leat_text){"", 0};
    return pieces.authority;
}

enum leat_status leat_hdfs_servers_find(const struct leat_site_files *files, const char *scheme,
                                        struct leat_text authority, struct leat_arena *arena,
                                        const char *servers[LEAT_HDFS_SERVERS], unsigned *count,
                                        struct leat_error *err)
{
    const char *policy = leat_site_files_get(files, "dfs.http.policy");
    bool secure = policy && strcmp(policy, "HTTPS_ONLY") == 0;
    const char *property = secure ? "dfs.namenode.https-address" : "dfs.namenode.http-address";
    const char *rpc = leat_site_files_get(files, "dfs.namenode.rpc-address");
    const char *address = leat_site_files_get(files, property);
    struct leat_text host = authority;
    char *text;

    *count = 0;
    if (authority.length > 255)
        return configuration_error(err, "write hdfs://host:port/path", "a host name of %zu bytes",
                                   authority.length);
    text = leat_arena_copy(arena, authority.data, authority.length);
    if (!text)
        return leat_error_memory(err);
    if (strcmp(scheme, "hdfs") != 0)
        return add_server(arena, strcmp(scheme, "swebhdfs") == 0, text, host, servers, count, err);
    if (listed(leat_site_files_get(files, "dfs.nameservices"), authority))
        return find_service(files, secure, property, authority, arena, servers, count, err);
    if (has_port(authority))
        host.length = (size_t)(strrchr(text, ':') - text);
    if (address &&
        (leat_text_equal(authority, leat_text_of(rpc)) ||
         leat_text_equal(authority, authority_of(leat_site_files_get(files, "fs.defaultFS")))))
        return add_server(arena, secure, address, host, servers, count, err);
    text = leat_arena_printf(arena, "%.*s:%d", (int)host.length, host.data,
                             secure ? HTTPS_PORT : HTTP_PORT);
    if (!text)
        return leat_error_memory(err);
    return add_server(arena, secure, text, host, servers, count, err);
}

/* ---- what is made of it ---- */

static void cluster_free(struct leat_hdfs_cluster *cluster)
{
    if (!cluster)
        return;
    for (unsigned i = 0; i < cluster->server_count; i++)
        leat_free(cluster->servers[i]);
    leat_free(cluster->authority);
    leat_free(cluster->user);
    leat_free(cluster->token);
    leat_http_client_release(&cluster->client);
    leat_free(cluster);
}

void leat_hdfs_clusters_forget(void)
{
    pthread_mutex_lock(&lock);
    while (clusters) {
        struct leat_hdfs_cluster *cluster = clusters;
        clusters = cluster->next;
        cluster_free(cluster);
    }
    json_decref(told_settings);
    told_settings = NULL;
    pthread_mutex_unlock(&lock);
}

/* The name by which HDFS knows the user, where it believes what it is told. */
static const char *user_name(void)
{
    const char *name = getenv("HADOOP_USER_NAME");
    const struct passwd *entry;

    if (name && *name)
        return name;
    name = json_string_value(json_object_get(told_settings, "user"));
    if (name)
        return name;
    entry = getpwuid(geteuid()); /* under the lock */
    return entry ? entry->pw_name : getenv("USER");
}

static enum leat_status load_token(struct leat_arena *arena, char **out, struct leat_error *err)
{
    const char *path = getenv("HADOOP_TOKEN_FILE_LOCATION");
    struct leat_buffer bytes;
    enum leat_status status;

    *out = NULL;
    if (!path || !*path)
        return LEAT_OK;
    leat_buffer_init(&bytes, TOKEN_FILE_MAXIMUM);
    status = leat_file_read_all(path, &bytes, err);
    if (status == LEAT_OK)
        status = leat_hdfs_token_read(bytes.data, bytes.length, path, arena, out, err);
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status copy_text(const char *text, char **out, struct leat_error *err)
{
    *out = text ? leat_strdup(text) : NULL;
    return text && !*out ? leat_error_memory(err) : LEAT_OK;
}

static enum leat_status cluster_new(const char *authority, const char *const *servers,
                                    unsigned count, bool negotiate, struct leat_arena *arena,
                                    struct leat_hdfs_cluster **out, struct leat_error *err)
{
    struct leat_hdfs_cluster *cluster = leat_calloc(1, sizeof(*cluster));
    struct leat_http_settings settings = {.negotiate = negotiate};
    enum leat_status status;
    char *token = NULL;

    *out = NULL;
    if (!cluster)
        return leat_error_memory(err);
    status = leat_http_client_init(&cluster->client, &settings, err);
    if (status == LEAT_OK)
        status = copy_text(authority, &cluster->authority, err);
    for (unsigned i = 0; i < count && status == LEAT_OK; i++) {
        status = copy_text(servers[i], &cluster->servers[i], err);
        cluster->server_count = i + 1;
    }
    if (status == LEAT_OK)
        status = load_token(arena, &token, err);
    if (status == LEAT_OK)
        status = copy_text(token, &cluster->token, err);
    if (status == LEAT_OK && !token && !negotiate)
        status = copy_text(user_name(), &cluster->user, err);
    cluster->client.settings.negotiate = negotiate && !token;
    if (status != LEAT_OK) {
        cluster_free(cluster);
        return status;
    }
    *out = cluster;
    return LEAT_OK;
}

/* From what the coordinator gave; *out is NULL if it knows no such cluster. */
static enum leat_status find_told(const char *authority, struct leat_arena *arena,
                                  struct leat_hdfs_cluster **out, struct leat_error *err)
{
    const json_t *list = json_object_get(json_object_get(told_settings, "clusters"), authority);
    const char *servers[LEAT_HDFS_SERVERS];
    unsigned count = 0;

    *out = NULL;
    for (size_t i = 0; i < json_array_size(list) && count < LEAT_HDFS_SERVERS; i++) {
        const char *server = json_string_value(json_array_get(list, i));
        if (server)
            servers[count++] = server;
    }
    if (count == 0)
        return LEAT_OK;
    return cluster_new(authority, servers, count,
                       json_is_true(json_object_get(told_settings, "negotiate")), arena, out, err);
}

static enum leat_status find_configured(const char *scheme, struct leat_text authority,
                                        const struct leat_site_files *files,
                                        struct leat_arena *arena, struct leat_hdfs_cluster **out,
                                        struct leat_error *err)
{
    const char *authentication = leat_site_files_get(files, "hadoop.security.authentication");
    const char *servers[LEAT_HDFS_SERVERS];
    unsigned count;
    char *name =
        leat_arena_printf(arena, "%s://%.*s", scheme, (int)authority.length, authority.data);

    if (!name)
        return leat_error_memory(err);
    LEAT_TRY(leat_hdfs_servers_find(files, scheme, authority, arena, servers, &count, err));
    return cluster_new(name, servers, count,
                       authentication && strcmp(authentication, "kerberos") == 0, arena, out, err);
}

static enum leat_status find_cluster(const struct leat_uri *uri, struct leat_arena *arena,
                                     struct leat_hdfs_cluster **out, struct leat_error *err)
{
    const char *folder = getenv("HADOOP_CONF_DIR"), *authority;
    char *scheme = leat_arena_copy(arena, uri->scheme.data, uri->scheme.length);
    char *name = leat_arena_printf(arena, "%.*s://%.*s", (int)uri->scheme.length, uri->scheme.data,
                                   (int)uri->authority.length, uri->authority.data);
    struct leat_site_files files;
    enum leat_status status = LEAT_OK;
    struct leat_text where = uri->authority;

    *out = NULL;
    if (!scheme || !name)
        return leat_error_memory(err);
    LEAT_TRY(find_told(name, arena, out, err));
    if (*out)
        return LEAT_OK;
    leat_site_files_init(&files);
    if (folder && *folder)
        status = leat_site_files_load(&files, folder, err);
    if (status == LEAT_OK && where.length == 0) {
        authority = leat_site_files_get(&files, "fs.defaultFS");
        where = authority_of(authority);
        if (where.length == 0 || strcmp(scheme, "hdfs") != 0)
            status = configuration_error(
                err,
                "write hdfs://host:port/path, or name the folder of Hadoop's configuration "
                "in HADOOP_CONF_DIR",
                "%s:///... names no host, and there is no fs.defaultFS", scheme);
    }
    if (status == LEAT_OK)
        status = find_configured(scheme, where, &files, arena, out, err);
    leat_site_files_release(&files);
    if (status == LEAT_OK && uri->authority.length == 0) { /* known by the name it was asked by */
        leat_free((*out)->authority);
        status = copy_text(name, &(*out)->authority, err);
        if (status != LEAT_OK) {
            cluster_free(*out);
            *out = NULL;
        }
    }
    return status;
}

enum leat_status leat_hdfs_cluster_get(const struct leat_uri *uri, struct leat_hdfs_cluster **out,
                                       struct leat_error *err)
{
    size_t length = uri->scheme.length + 3 + uri->authority.length;
    struct leat_hdfs_cluster *cluster;
    struct leat_arena arena;
    enum leat_status status = LEAT_OK;

    pthread_mutex_lock(&lock);
    for (cluster = clusters; cluster; cluster = cluster->next)
        if (strlen(cluster->authority) == length &&
            strncmp(cluster->authority, uri->scheme.data, length) == 0)
            break;
    if (!cluster) {
        leat_arena_init(&arena, NULL);
        status = find_cluster(uri, &arena, &cluster, err);
        leat_arena_release(&arena);
        if (status == LEAT_OK) {
            cluster->next = clusters;
            clusters = cluster;
        }
    }
    pthread_mutex_unlock(&lock);
    *out = cluster;
    return status;
}

/* ---- settings for other processes ---- */

static json_t *settings_tree(void)
{
    json_t *tree = json_object(), *all = json_object(), *servers;
    bool bad = !tree || !all, negotiate = false;
    const char *user = NULL;

    for (struct leat_hdfs_cluster *cluster = clusters; cluster && !bad; cluster = cluster->next) {
        servers = json_array();
        for (unsigned i = 0; i < cluster->server_count && servers; i++)
            bad |= json_array_append_new(servers, json_string(cluster->servers[i])) != 0;
        bad |= json_object_set_new(all, cluster->authority, servers) != 0;
        negotiate |= cluster->client.settings.negotiate;
        if (cluster->user)
            user = cluster->user;
    }
    if (user)
        bad |= json_object_set_new(tree, "user", json_string(user)) != 0;
    if (negotiate)
        bad |= json_object_set_new(tree, "negotiate", json_true()) != 0;
    bad |= json_object_set_new(tree, "clusters", all) != 0;
    if (bad) {
        json_decref(tree);
        return NULL;
    }
    return tree;
}

enum leat_status leat_hdfs_settings_put(struct leat_buffer *out, struct leat_error *err)
{
    enum leat_status status;
    json_t *tree;
    char *text;

    pthread_mutex_lock(&lock);
    tree = settings_tree();
    pthread_mutex_unlock(&lock);
    status = leat_json_tree_dump(tree, JSON_COMPACT, &text, err);
    json_decref(tree);
    if (status == LEAT_OK)
        status = leat_buffer_append_string(out, text, err);
    leat_free(text);
    return status;
}

enum leat_status leat_hdfs_settings_apply(const char *json, size_t length, struct leat_error *err)
{
    json_t *tree = NULL;

    LEAT_TRY(leat_json_tree_load(json, length, 0, "settings of HDFS", LEAT_E_MESSAGE, &tree, err));
    pthread_mutex_lock(&lock);
    json_decref(told_settings);
    told_settings = tree;
    pthread_mutex_unlock(&lock);
    return LEAT_OK;
}
