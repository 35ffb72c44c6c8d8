/* Hosts by name. */
#include "compute/hosts/host.h"
#include "columns/format.h"

/* Settings of a cluster without one would be passed over in silence. */
static enum leat_status refuse_settings(const struct leat_host_options *options,
                                        struct leat_error *err)
{
    if (options->task_threads && !options->name) {
        (void)leat_error_set(err, LEAT_E_HOST_SETUP,
                             "--task-threads is for tasks of hosts, and this runs here");
        leat_error_hint(err, "--threads says how many threads run here");
        return LEAT_INVALID;
    }
    if (!options->master && !options->config)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_HOST_SETUP, "%s is for clusters, and this runs %s",
                         options->master ? "--master" : "--host-config",
                         options->name ? options->name : "here");
    leat_error_hint(err, "name the cluster's kind too: --on spark, hadoop, flink or dask");
    return LEAT_INVALID;
}

static enum leat_status open_cluster(const struct leat_host_options *options, const char *example,
                                     struct leat_host **out, struct leat_error *err)
{
    if (options->master)
        return leat_driver_open(options, out, err);
    (void)leat_error_set(err, LEAT_E_HOST_SETUP, "--on %s needs the cluster's address",
                         options->name);
    leat_error_hint(err, "for example --master %s", example);
    return LEAT_INVALID;
}

enum leat_status leat_host_open(const struct leat_host_options *options, struct leat_host **out,
                                struct leat_error *err)
{
    static const char *const names[] = {
        "local", "local:processes", "spark", "hadoop", "flink", "dask", NULL};
    static const char *const masters[] = {
        NULL, NULL, "spark://host:7077", "yarn", "http://jobmanager:8081", "tcp://scheduler:8786"};
    const char *name = options->name, *near;

    *out = NULL;
    if (!name || strcmp(name, "local") == 0)
        return refuse_settings(options, err);
    if (strcmp(name, "local:processes") == 0) {
        LEAT_TRY(refuse_settings(options, err));
        LEAT_TRY(leat_processes_open(options->tasks, out, err));
        (*out)->threads = options->task_threads;
        return LEAT_OK;
    }
    for (size_t i = 2; names[i]; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        LEAT_TRY(open_cluster(options, masters[i], out, err));
        (*out)->threads = options->task_threads;
        return LEAT_OK;
    }
    near = leat_nearest_name(leat_text_of(name), names);
    (void)leat_error_set(err, LEAT_E_UNKNOWN_HOST, "there is no host \"%s\"", name);
    if (near)
        leat_error_hint(err, "did you mean --on %s?", near);
    else
        leat_error_hint(err, "--on takes local (threads), local:processes (worker processes), "
                             "spark, hadoop, flink or dask");
    return LEAT_INVALID;
}

void leat_host_close(struct leat_host *host)
{
    if (host)
        host->ops->close(host);
}
