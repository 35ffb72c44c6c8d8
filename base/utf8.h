/* UTF-8 validation for readers of formats whose text is UTF-8 by definition. */
#ifndef LEAT_BASE_UTF8_H
#define LEAT_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True if the bytes are well-formed UTF-8 (no overlong forms, no surrogates, up to U+10FFFF). Runs
 * of ASCII cost a word at a time. */
bool leat_utf8_valid(const void *bytes, size_t length);

#endif
