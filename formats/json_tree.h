/*
 * JSON texts of metadata as jansson's trees. (Data goes through formats/json.)
 */
#ifndef LEAT_FORMATS_JSON_TREE_H
#define LEAT_FORMATS_JSON_TREE_H

#include "base/status.h"

#include <jansson.h>

/* json_loadb for hostile bytes and little memory: jansson 2.14 does not look whether its lexer's
 * buffer could grow, and then runs behind its end, so the memory that the buffer can need is asked
 * for beforehand. What is wrong with the text is set with the given code: "name, line 3: ...". */
LEAT_CHECKED enum leat_status leat_json_tree_load(const char *text, size_t length, size_t flags,
                                                  const char *name, int code, json_t **out,
                                                  struct leat_error *err);

/* jansson's memory passes the seam; what failed of it in this thread is forgotten. Called before a
 * tree is made or changed. */
void leat_json_tree_init(void);
/* The tree as text with NUL, for leat_free. LEAT_NO_MEMORY also if any allocation for a tree has
 * failed in this thread since leat_json_tree_init: jansson's functions that set a value tell, but
 * callers need not look, and json_dumps itself does not look whether a key fitted. */
LEAT_CHECKED enum leat_status leat_json_tree_dump(const json_t *tree, size_t flags, char **out,
                                                  struct leat_error *err);

#endif
