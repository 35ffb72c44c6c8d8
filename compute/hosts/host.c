/* Hosts by name. */
#include "compute/hosts/host.h"
#include "columns/format.h"

enum leat_status leat_host_open(const struct leat_host_options *options, struct leat_host **out,
                                struct leat_error *err)
{
    static const char *const names[] = {
        "local", "local:processes", "spark", "hadoop", "flink", "dask", NULL};
    const char *name = options->name, *near;

    *out = NULL;
    if (!name || strcmp(name, "local") == 0)
        return LEAT_OK;
    if (strcmp(name, "local:processes") == 0)
        return leat_processes_open(options->tasks, out, err);
    for (size_t i = 2; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return leat_driver_open(options, out, err);
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
