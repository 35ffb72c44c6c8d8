/* The lexer keeps a token's text in a buffer that doubles, so twice the text's length is what it
 * can ask for at most. */
#include "formats/json_tree.h"

#include "base/fault.h"
#include "base/memory.h"

enum { BESIDE = 1 << 16 };

static _Thread_local bool failed; /* an allocation of jansson's */

static void *tree_malloc(size_t size)
{
    void *block = leat_malloc(size);

    failed |= !block;
    return block;
}

void leat_json_tree_init(void)
{
    json_set_alloc_funcs(tree_malloc, leat_free);
    failed = false;
}

enum leat_status leat_json_tree_dump(const json_t *tree, size_t flags, char **out,
                                     struct leat_error *err)
{
    size_t length = tree ? json_dumpb(tree, NULL, 0, flags) : 0;
    char *text = length ? leat_malloc(length + 1) : NULL;

    *out = NULL;
    if (!text || failed || json_dumpb(tree, text, length, flags) != length || failed) {
        leat_free(text);
        return leat_error_memory(err);
    }
    text[length] = 0;
    *out = text;
    return LEAT_OK;
}

enum leat_status leat_json_tree_load(const char *text, size_t length, size_t flags,
                                     const char *name, int code, json_t **out,
                                     struct leat_error *err)
{
    json_error_t problem;
    void *probe = leat_malloc(length * 2 + BESIDE);

    *out = NULL;
    if (!probe)
        return leat_error_memory(err);
    leat_free(probe);
    leat_fault_alloc_pause(true);
    *out = json_loadb(text, length, flags, &problem);
    leat_fault_alloc_pause(false);
    if (*out)
        return LEAT_OK;
    return json_error_code(&problem) == json_error_out_of_memory
               ? leat_error_memory(err)
               : leat_error_set(err, code, "%s, line %d: %s", name, problem.line, problem.text);
}
