/* Files by path: each call goes to the file system that the path names. The registered ones are
 * few, so that they are looked for one after the other. */
#include "base/file_internal.h"
#include "base/file_system.h"

#include <stdio.h>

enum { MAX_SYSTEMS = 8 };

static const struct leat_file_system *systems[MAX_SYSTEMS];
static size_t system_count;

enum leat_status leat_file_system_register(const struct leat_file_system *system,
                                           struct leat_error *err)
{
    for (size_t i = 0; i < system_count; i++)
        if (systems[i] == system)
            return LEAT_OK;
    if (system_count == MAX_SYSTEMS)
        return leat_error_internal(err, "more than %d file systems", MAX_SYSTEMS);
    systems[system_count++] = system;
    return LEAT_OK;
}

const struct leat_file_system *leat_file_system_at(size_t index)
{
    return index < system_count ? systems[index] : NULL;
}

bool leat_uri_split(const char *text, struct leat_uri *out)
{
    const char *mark = text, *slash;

    while ((*mark >= 'a' && *mark <= 'z') || (*mark >= 'A' && *mark <= 'Z') ||
           (*mark >= '0' && *mark <= '9') || *mark == '+' || *mark == '-' || *mark == '.')
        mark++;
    if (mark == text || strncmp(mark, "://", 3) != 0)
        return false;
    out->scheme = (struct leat_text){text, (size_t)(mark - text)};
    mark += 3;
    slash = strchr(mark, '/');
    out->authority = slash ? (struct leat_text){mark, (size_t)(slash - mark)} : leat_text_of(mark);
    out->path = leat_text_of(slash ? slash + 1 : mark + strlen(mark));
    return true;
}

const char *leat_path_local(const char *path)
{
    if (strncmp(path, "file:///", 8) == 0)
        return path + 7;
    return strncmp(path, "file:/", 6) == 0 && path[6] != '/' ? path + 5 : path;
}

bool leat_path_is_uri(const char *path)
{
    struct leat_uri uri;

    return leat_uri_split(path, &uri) && !leat_text_equal(uri.scheme, leat_text_of("file"));
}

static enum leat_status no_system(const char *path, struct leat_text scheme, struct leat_error *err)
{
    char known[256] = "file";

    for (size_t i = 0; i < system_count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, ", %s", systems[i]->scheme);
    }
    (void)leat_error_set(err, LEAT_E_SCHEME, "%s: there is no storage \"%.*s\"", path,
                         (int)scheme.length, scheme.data);
    leat_error_hint(err, "paths are local ones, or begin with one of: %s", known);
    return LEAT_UNSUPPORTED;
}

enum leat_status leat_file_system_find(const char *path, const struct leat_file_system **out,
                                       struct leat_error *err)
{
    struct leat_uri uri;

    *out = &leat_local_files;
    if (!leat_uri_split(path, &uri))
        return LEAT_OK;
    for (size_t i = 0; i < system_count; i++)
        if (leat_text_equal_nocase(uri.scheme, leat_text_of(systems[i]->scheme))) {
            *out = systems[i];
            return LEAT_OK;
        }
    /* file://host/path is another machine's. */
    if (leat_path_local(path) != path)
        return LEAT_OK;
    return no_system(path, uri.scheme, err);
}

enum leat_status leat_file_open_input(const char *path, struct leat_input **out,
                                      struct leat_error *err)
{
    const struct leat_file_system *system;

    *out = NULL;
    LEAT_TRY(leat_file_system_find(path, &system, err));
    return system->open_input(leat_path_local(path), out, err);
}

enum leat_status leat_file_create(const char *path, enum leat_create mode, struct leat_output **out,
                                  struct leat_error *err)
{
    const struct leat_file_system *system;

    *out = NULL;
    LEAT_TRY(leat_file_system_find(path, &system, err));
    return system->create(leat_path_local(path), mode, out, err);
}

enum leat_status leat_file_read_all(const char *path, struct leat_buffer *out,
                                    struct leat_error *err)
{
    struct leat_input *input;
    enum leat_status status;
    size_t got = 1;

    LEAT_TRY(leat_file_open_input(path, &input, err));
    status = leat_buffer_reserve(out, (size_t)input->size + 1, err);
    for (uint64_t offset = 0; status == LEAT_OK && got > 0; offset += got) {
        status = leat_buffer_reserve(out, 65536, err);
        if (status == LEAT_OK)
            status = input->ops->read_at(input, offset, out->data + out->length,
                                         out->capacity - out->length, &got, err);
        if (status == LEAT_OK)
            out->length += got;
    }
    leat_input_close(input);
    return status;
}

enum leat_status leat_file_write_all(const char *path, const void *bytes, size_t length,
                                     struct leat_error *err)
{
    struct leat_output *output;
    enum leat_status status;

    LEAT_TRY(leat_file_create(path, LEAT_CREATE_REPLACE, &output, err));
    status = leat_output_write(output, bytes, length, err);
    if (status != LEAT_OK) {
        leat_output_abort(output);
        return status;
    }
    return leat_output_finish(output, err);
}

enum leat_status leat_file_stat(const char *path, struct leat_file_info *out,
                                struct leat_error *err)
{
    const struct leat_file_system *system;

    *out = (struct leat_file_info){.path = path};
    LEAT_TRY(leat_file_system_find(path, &system, err));
    LEAT_TRY(system->stat(leat_path_local(path), out, err));
    out->path = path;
    return LEAT_OK;
}

enum leat_status leat_folder_create(const char *path, struct leat_error *err)
{
    const struct leat_file_system *system;

    LEAT_TRY(leat_file_system_find(path, &system, err));
    return system->folder_create ? system->folder_create(leat_path_local(path), err) : LEAT_OK;
}

enum leat_status leat_folder_sync(const char *path, struct leat_error *err)
{
    const struct leat_file_system *system;

    LEAT_TRY(leat_file_system_find(path, &system, err));
    return system->folder_sync ? system->folder_sync(leat_path_local(path), err) : LEAT_OK;
}

enum leat_status leat_file_rename(const char *from, const char *to, struct leat_error *err)
{
    const struct leat_file_system *system, *other;

    LEAT_TRY(leat_file_system_find(from, &system, err));
    LEAT_TRY(leat_file_system_find(to, &other, err));
    if (system != other || !system->rename)
        return leat_error_set(err, LEAT_E_UNSUPPORTED, "%s cannot be renamed to %s: %s", from, to,
                              system != other ? "they lie on different storage"
                                              : "the store has no such operation");
    return system->rename(leat_path_local(from), leat_path_local(to), true, err);
}

enum leat_status leat_file_remove(const char *path, struct leat_error *err)
{
    const struct leat_file_system *system;

    LEAT_TRY(leat_file_system_find(path, &system, err));
    return system->remove(leat_path_local(path), err);
}

/* Removes `count` paths of one file system. */
static enum leat_status remove_run(const struct leat_file_system *system, const char *const *paths,
                                   size_t count, struct leat_error *err)
{
    enum leat_status first = LEAT_OK;
    struct leat_error later;

    if (system->remove_several)
        return system->remove_several(paths, count, err);
    for (size_t i = 0; i < count; i++) {
        enum leat_status status =
            system->remove(leat_path_local(paths[i]), first == LEAT_OK ? err : &later);
        first = first == LEAT_OK ? status : first;
    }
    return first;
}

enum leat_status leat_file_remove_several(const char *const *paths, size_t count,
                                          struct leat_error *err)
{
    enum leat_status first = LEAT_OK;
    struct leat_error later;

    for (size_t start = 0, end; start < count; start = end) {
        struct leat_error *into = first == LEAT_OK ? err : &later;
        const struct leat_file_system *system, *other;
        enum leat_status status = leat_file_system_find(paths[start], &system, into);
        for (end = start + 1; end < count && status == LEAT_OK; end++)
            if (leat_file_system_find(paths[end], &other, &later) != LEAT_OK || other != system)
                break;
        if (status == LEAT_OK)
            status = remove_run(system, paths + start, end - start, into);
        first = first == LEAT_OK ? status : first;
    }
    return first;
}

static enum leat_status take_path(void *context, const struct leat_file_info *item,
                                  struct leat_error *err)
{
    return leat_file_list_append(context, item, err);
}

/* Everything below the folder, by names. */
static enum leat_status remove_listed(const struct leat_file_system *system, const char *path,
                                      struct leat_error *err)
{
    struct leat_file_listing listing = {.folder = path, .recursive = true};
    struct leat_file_list list = {0};
    const char **paths = NULL;
    enum leat_status status;

    leat_arena_init(&list.arena, NULL);
    status = system->list(&listing, take_path, &list, err);
    if (status == LEAT_OK) {
        paths = leat_arena_alloc(&list.arena, (list.count + 1) * sizeof(*paths));
        status = paths ? LEAT_OK : leat_error_memory(err);
    }
    for (size_t i = 0; i < list.count && status == LEAT_OK; i++)
        paths[i] = list.items[i].path;
    if (status == LEAT_OK && list.count)
        status = remove_run(system, paths, list.count, err);
    leat_file_list_release(&list);
    return status;
}

enum leat_status leat_folder_remove_all(const char *path, struct leat_error *err)
{
    const struct leat_file_system *system;

    LEAT_TRY(leat_file_system_find(path, &system, err));
    return system->folder_remove_all ? system->folder_remove_all(leat_path_local(path), err)
                                     : remove_listed(system, path, err);
}
