/* The lexer keeps a token's text in a buffer that doubles, so twice the text's length is what it
 * can ask for at most. */
#include "formats/json_tree.h"

#include "base/fault.h"
#include "base/memory.h"

enum { BESIDE = 1 << 16 };

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
