/* Files that statements name. Whoever may send statements to a server reads and writes with the
 * server's rights, so that there only those below one folder can be named, or none. */
#include "api/c/session_internal.h"

/* No way up, and no other storage. Links in the folder are its owner's business. */
static bool is_below(const char *folder, const char *path)
{
    size_t length = strlen(folder);

    if (strncmp(path, folder, length) != 0 || path[length] != '/' || strstr(path, "://"))
        return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    }
    return true;
}

static enum leat_status check(const struct leat_session *session, const char *path,
                              struct leat_error *err)
{
    if (!session->confined || (session->folder && is_below(session->folder, path)))
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_FILE_ACCESS, "the file %s cannot be named here", path);
    leat_error_hint(err, session->folder
                             ? "files below the folder of `leat serve --files` can be"
                             : "`leat serve --files DIR` lets clients use those below DIR");
    return err->status;
}

enum leat_status session_file_path(struct run *run, struct leat_text name, const char **out,
                                   struct leat_error *err)
{
    struct leat_arena *arena = &run->owner.arena;
    const char *folder = run->session->folder;
    const char *copy = leat_arena_copy(arena, name.data, name.length);

    *out = copy ? leat_path_join(arena, folder ? folder : "", copy) : NULL;
    if (!*out)
        return leat_error_memory(err);
    return check(run->session, *out, err);
}

enum leat_status session_open_files(void *context, const struct leat_file_call *call,
                                    struct leat_source **out, struct leat_error *err)
{
    struct leat_file_list files = {0};
    enum leat_status status;

    *out = NULL;
    for (uint32_t i = 0; i < call->pattern_count; i++)
        LEAT_TRY(check(context, call->patterns[i], err));
    LEAT_TRY(leat_plan_file_list(call, &files, err));
    status = leat_plan_open_files(call, files.items, files.count, out, err);
    leat_file_list_release(&files);
    return status;
}
