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

#endif
