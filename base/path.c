/* Path arithmetic, folder listings and globs. Patterns are split at '/' and matched part by part
 * while walking the folders, so that only folders that can match are read; where a store lists all
 * depths at once, that is asked for and matched here. Braces are expanded first. */
#include "base/file_internal.h"
#include "base/file_system.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_DEPTH = 64, MAX_BRACE_PATTERNS = 1000 };

char *leat_path_join(struct leat_arena *arena, const char *folder, const char *name)
{
    size_t length = strlen(folder);

    if (name[0] == '/' || length == 0 || strcmp(folder, ".") == 0 ||
        leat_path_local(name) != name || leat_path_is_uri(name))
        return leat_arena_strdup(arena, leat_path_local(name));
    if (strncmp(name, "./", 2) == 0)
        name += 2;
    return leat_arena_printf(arena, "%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name);
}

char *leat_path_folder(struct leat_arena *arena, const char *path)
{
    const char *slash;
    struct leat_uri uri;

    path = leat_path_local(path);
    slash = strrchr(path, '/');
    if (!slash)
        return leat_arena_strdup(arena, ".");
    if (leat_uri_split(path, &uri) && slash < uri.path.data)
        return leat_arena_printf(arena, "%.*s",
                                 (int)(uri.authority.data + uri.authority.length - path), path);
    return slash == path ? leat_arena_strdup(arena, "/")
                         : leat_arena_copy(arena, path, (size_t)(slash - path));
}

char *leat_path_absolute(struct leat_arena *arena, const char *path)
{
    char here[4096];
    struct leat_uri uri;
    char *full, *out;
    size_t length = 0;

    path = leat_path_local(path);
    if (leat_path_is_uri(path) && leat_uri_split(path, &uri)) {
        length = strlen(path);
        while (path + length > uri.path.data - 1 && path[length - 1] == '/')
            length--;
        return leat_arena_copy(arena, path, length);
    }
    if (path[0] == '/') {
        full = leat_arena_strdup(arena, path);
    } else {
        if (!getcwd(here, sizeof(here)))
            return NULL;
        full = leat_arena_printf(arena, "%s/%s", here, path);
    }
    out = full ? leat_arena_alloc(arena, strlen(full) + 2) : NULL;
    if (!out)
        return NULL;
    for (char *part = full; *part;) {
        size_t size = strcspn(part, "/");
        if (size == 2 && part[0] == '.' && part[1] == '.') {
            while (length > 0 && out[--length] != '/')
                ;
        } else if (size > 0 && !(size == 1 && part[0] == '.')) {
            out[length++] = '/';
            memcpy(out + length, part, size);
            length += size;
        }
        part += size + (part[size] == '/');
    }
    if (length == 0)
        out[length++] = '/';
    out[length] = '\0';
    return out;
}

bool leat_file_is_glob(const char *pattern)
{
    return strpbrk(pattern, "*?[{") != NULL;
}

enum leat_status leat_file_list_append(struct leat_file_list *list,
                                       const struct leat_file_info *item, struct leat_error *err)
{
    struct leat_file_info *items = list->items;
    char *path = leat_arena_strdup(&list->arena, item->path);

    if ((list->count & (list->count - 1)) == 0) {
        items =
            leat_arena_alloc(&list->arena, (list->count ? list->count * 2 : 1) * sizeof(*items));
        if (items && list->count)
            memcpy(items, list->items, list->count * sizeof(*items));
    }
    if (!items || !path)
        return leat_error_memory(err);
    list->items = items;
    list->items[list->count] = *item;
    list->items[list->count++].path = path;
    return LEAT_OK;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct leat_file_info *)a)->path,
                  ((const struct leat_file_info *)b)->path);
}

void leat_file_list_sort(struct leat_file_list *list)
{
    size_t kept = 0;

    if (list->count == 0)
        return;
    qsort(list->items, list->count, sizeof(list->items[0]), compare_paths);
    for (size_t i = 1; i < list->count; i++)
        if (strcmp(list->items[i].path, list->items[kept].path) != 0)
            list->items[++kept] = list->items[i];
    list->count = kept + 1;
}

static void list_init(struct leat_file_list *list)
{
    memset(list, 0, sizeof(*list));
    leat_arena_init(&list->arena, NULL);
}

void leat_file_list_release(struct leat_file_list *list)
{
    leat_arena_release(&list->arena);
    list->items = NULL;
    list->count = 0;
}

static enum leat_status take_entry(void *context, const struct leat_file_info *item,
                                   struct leat_error *err)
{
    return leat_file_list_append(context, item, err);
}

static enum leat_status list_some(const struct leat_file_listing *listing,
                                  struct leat_file_list *out, struct leat_error *err)
{
    const struct leat_file_system *system;
    enum leat_status status;

    list_init(out);
    status = leat_file_system_find(listing->folder, &system, err);
    if (status == LEAT_OK)
        status = system->list(listing, take_entry, out, err);
    if (status != LEAT_OK) {
        leat_file_list_release(out);
        return status;
    }
    leat_file_list_sort(out);
    return LEAT_OK;
}

enum leat_status leat_folder_list(const char *folder, struct leat_file_list *out,
                                  struct leat_error *err)
{
    return list_some(&(struct leat_file_listing){.folder = leat_path_local(folder)}, out, err);
}

static bool is_hidden(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return name[0] == '.' || name[0] == '_';
}

/* True if the names below a folder match the pattern, part by part. NULL: no name is hidden. */
static bool matches(const char *pattern, const char *path)
{
    size_t pattern_size = pattern ? strcspn(pattern, "/") : 0, size = strcspn(path, "/");
    const char *pattern_rest = pattern && pattern[pattern_size] ? pattern + pattern_size + 1 : NULL;
    const char *rest = path[size] ? path + size + 1 : NULL;
    bool deep = !pattern || (pattern_size == 2 && memcmp(pattern, "**", 2) == 0);
    char part[1024], name[1024];

    if (deep && pattern_rest && matches(pattern_rest, path))
        return true;
    if (deep)
        return path[0] != '.' && path[0] != '_' && (rest ? matches(pattern, rest) : !pattern_rest);
    if (pattern_size >= sizeof(part) || size >= sizeof(name) || !pattern_rest != !rest)
        return false;
    memcpy(part, pattern, pattern_size);
    part[pattern_size] = '\0';
    memcpy(name, path, size);
    name[size] = '\0';
    return fnmatch(part, name, FNM_PERIOD) == 0 && (!rest || matches(pattern_rest, rest));
}

/* Where a listing of everything below a folder costs no more than one of the folder alone: one
 * listing, and the names are matched here. */
static enum leat_status list_matching(const char *folder, const char *pattern,
                                      struct leat_file_list *out, struct leat_error *err)
{
    size_t fixed = pattern ? strcspn(pattern, "*?[") : 0, skip = strlen(folder);
    char *prefix = pattern ? leat_arena_copy(&out->arena, pattern, fixed) : NULL;
    struct leat_file_listing listing = {
        folder, prefix, !pattern || strchr(pattern, '/') || strncmp(pattern, "**", 2) == 0};
    struct leat_file_list entries;
    enum leat_status status;

    if (pattern && !prefix)
        return leat_error_memory(err);
    LEAT_TRY(list_some(&listing, &entries, err));
    skip += folder[skip - 1] != '/';
    status = LEAT_OK;
    for (size_t i = 0; i < entries.count && status == LEAT_OK; i++)
        if (entries.items[i].kind == LEAT_FILE_REGULAR &&
            matches(pattern, entries.items[i].path + skip))
            status = leat_file_list_append(out, &entries.items[i], err);
    leat_file_list_release(&entries);
    return status;
}

static bool is_flat(const char *path)
{
    const struct leat_file_system *system;

    return leat_file_system_find(path, &system, NULL) == LEAT_OK && system->flat;
}

/* All regular files below a folder. */
static enum leat_status walk_all(const char *folder, struct leat_file_list *out, unsigned depth,
                                 struct leat_error *err)
{
    struct leat_file_list entries;
    enum leat_status status;

    if (depth > MAX_DEPTH)
        return leat_error_set(err, LEAT_E_LIMIT, "%s: folders nested deeper than %d", folder,
                              MAX_DEPTH);
    if (is_flat(folder))
        return list_matching(folder, NULL, out, err);
    LEAT_TRY(leat_folder_list(folder, &entries, err));
    status = LEAT_OK;
    for (size_t i = 0; i < entries.count && status == LEAT_OK; i++) {
        if (is_hidden(entries.items[i].path))
            continue;
        if (entries.items[i].kind == LEAT_FILE_FOLDER)
            status = walk_all(entries.items[i].path, out, depth + 1, err);
        else if (entries.items[i].kind == LEAT_FILE_REGULAR)
            status = leat_file_list_append(out, &entries.items[i], err);
    }
    leat_file_list_release(&entries);
    return status;
}

/* Matches the rest of a pattern below `folder` ("" is the current one). */
static enum leat_status walk_pattern(const char *folder, const char *pattern,
                                     struct leat_file_list *out, unsigned depth,
                                     struct leat_error *err)
{
    size_t size = strcspn(pattern, "/");
    const char *rest = pattern[size] == '/' ? pattern + size + 1 : NULL;
    struct leat_file_list entries;
    enum leat_status status = LEAT_OK;
    char part[512];
    bool deep;

    if (depth > MAX_DEPTH || size >= sizeof(part))
        return leat_error_set(err, LEAT_E_LIMIT, "pattern too deep or too long: %s", pattern);
    memcpy(part, pattern, size);
    part[size] = '\0';
    deep = strcmp(part, "**") == 0;
    if (deep && rest)
        LEAT_TRY(walk_pattern(folder, rest, out, depth + 1, err));
    status = leat_folder_list(folder[0] ? folder : ".", &entries, err);
    if (status == LEAT_NOT_FOUND) {
        leat_error_clear(err);
        return LEAT_OK;
    }
    if (status != LEAT_OK)
        return status;
    for (size_t i = 0; i < entries.count && status == LEAT_OK; i++) {
        const struct leat_file_info *item = &entries.items[i];
        const char *slash = strrchr(item->path, '/');
        const char *name = slash ? slash + 1 : item->path;
        if (deep ? is_hidden(name) : fnmatch(part, name, FNM_PERIOD) != 0)
            continue;
        if (item->kind == LEAT_FILE_FOLDER && (deep || rest))
            status = walk_pattern(item->path, deep ? pattern : rest, out, depth + 1, err);
        else if (item->kind == LEAT_FILE_REGULAR && !rest)
            status = leat_file_list_append(out, item, err);
    }
    leat_file_list_release(&entries);
    return status;
}

/* What a path without glob characters gives. */
static enum leat_status glob_found(const struct leat_file_info *info, struct leat_file_list *out,
                                   struct leat_error *err)
{
    if (info->kind == LEAT_FILE_FOLDER)
        return walk_all(info->path, out, 0, err);
    return info->kind == LEAT_FILE_NONE ? LEAT_OK : leat_file_list_append(out, info, err);
}

/* Starts a pattern without braces at its longest fixed folder. */
static enum leat_status glob_plain(const char *pattern, struct leat_file_list *out,
                                   struct leat_error *err)
{
    struct leat_file_info info;
    size_t fixed = 0;
    char *folder;

    if (!strpbrk(pattern, "*?[")) {
        LEAT_TRY(leat_file_stat(pattern, &info, err));
        return glob_found(&info, out, err);
    }
    for (size_t i = 0; pattern[i] && !strchr("*?[", pattern[i]); i++)
        if (pattern[i] == '/')
            fixed = i + 1;
    folder = leat_arena_copy(&out->arena, pattern, fixed > 1 ? fixed - 1 : fixed);
    if (!folder)
        return leat_error_memory(err);
    return is_flat(folder) ? list_matching(folder, pattern + fixed, out, err)
                           : walk_pattern(folder, pattern + fixed, out, 0, err);
}

/* Expands the first {a,b} and recurses. */
static enum leat_status glob_braces(const char *pattern, struct leat_file_list *out,
                                    unsigned *budget, struct leat_error *err)
{
    const char *open = strchr(pattern, '{');
    const char *close = open ? strchr(open, '}') : NULL;

    if (*budget == 0)
        return leat_error_set(err, LEAT_E_LIMIT, "too many alternatives in pattern %s", pattern);
    --*budget;
    if (!close)
        return glob_plain(pattern, out, err);
    for (const char *item = open + 1; item <= close;) {
        size_t size = strcspn(item, ",}");
        char *one = leat_arena_printf(&out->arena, "%.*s%.*s%s", (int)(open - pattern), pattern,
                                      (int)size, item, close + 1);
        if (!one)
            return leat_error_memory(err);
        LEAT_TRY(glob_braces(one, out, budget, err));
        item += size + 1;
    }
    return LEAT_OK;
}

enum leat_status leat_file_glob(const char *pattern, struct leat_file_list *out,
                                struct leat_error *err)
{
    unsigned budget = MAX_BRACE_PATTERNS;
    struct leat_file_info info;
    enum leat_status status;

    list_init(out);
    pattern = leat_path_local(pattern);
    /* A file whose name holds glob characters is meant literally. */
    status = leat_file_stat(pattern, &info, err);
    if (status == LEAT_OK && (info.kind == LEAT_FILE_REGULAR || !leat_file_is_glob(pattern)))
        status = glob_found(&info, out, err);
    else if (status == LEAT_OK)
        status = glob_braces(pattern, out, &budget, err);
    if (status != LEAT_OK) {
        leat_file_list_release(out);
        return status;
    }
    leat_file_list_sort(out);
    return LEAT_OK;
}
