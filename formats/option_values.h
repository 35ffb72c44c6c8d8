/*
 * Options as the text formats use them: values of any spelling turned into C types. All functions
 * leave *out as it is when the option was not given (or is null).
 */
#ifndef LEAT_FORMATS_OPTION_VALUES_H
#define LEAT_FORMATS_OPTION_VALUES_H

#include "columns/format.h"

struct leat_option_set {
    const char *object; /* for messages: "read_csv" */
    const struct leat_option_value *values;
    size_t count;
};

/* True if the option was given and is not null. */
bool leat_option_given(const struct leat_option_set *set, const char *name);
void leat_option_boolean(const struct leat_option_set *set, const char *name, bool *out);
/* Text is copied to the arena, NUL-terminated. */
LEAT_CHECKED enum leat_status leat_option_text(const struct leat_option_set *set, const char *name,
                                               struct leat_arena *arena, struct leat_text *out,
                                               struct leat_error *err);
/* A number between the bounds; others are L1403. */
LEAT_CHECKED enum leat_status leat_option_number(const struct leat_option_set *set,
                                                 const char *name, int64_t least, int64_t most,
                                                 uint64_t *out, struct leat_error *err);
/* A list of texts; one text is a list of one. */
LEAT_CHECKED enum leat_status leat_option_list(const struct leat_option_set *set, const char *name,
                                               struct leat_arena *arena, struct leat_text **out,
                                               uint32_t *count, struct leat_error *err);
/* A map or struct of text: names and texts side by side. */
LEAT_CHECKED enum leat_status leat_option_map(const struct leat_option_set *set, const char *name,
                                              struct leat_arena *arena, const char ***names,
                                              struct leat_text **texts, uint32_t *count,
                                              struct leat_error *err);
/* A map of names to types, as fields. */
LEAT_CHECKED enum leat_status leat_option_fields(const struct leat_option_set *set,
                                                 const char *name, struct leat_arena *arena,
                                                 struct leat_schema *out, struct leat_error *err);
/* L1403 naming the option, its value and what it may be. */
enum leat_status leat_option_refuse(const struct leat_option_set *set, const char *name,
                                    struct leat_text value, const char *allowed,
                                    struct leat_error *err);
/* Gives the named fields of `schema` the types of `types`; a name that is not there is L1008 with
 * the nearest one. */
LEAT_CHECKED enum leat_status leat_schema_override(struct leat_schema *schema,
                                                   const struct leat_schema *types,
                                                   const char *object, struct leat_error *err);

#endif
