/* The names of the optimizer's rules. */
#include "compute/plan/planner.h"

static const char *const names[LEAT_RULE_COUNT] = {
    [LEAT_RULE_CONSTANT_FOLDING] = "constant_folding",
    [LEAT_RULE_FILTER_FACTORING] = "filter_factoring",
    [LEAT_RULE_FILTER_IMPLIED] = "filter_implied",
    [LEAT_RULE_FILTER_PUSHDOWN] = "filter_pushdown",
    [LEAT_RULE_OUTER_TO_INNER] = "outer_to_inner",
    [LEAT_RULE_IMPLIED_EQUALITIES] = "implied_equalities",
    [LEAT_RULE_JOIN_ORDER] = "join_order",
    [LEAT_RULE_SEMI_JOIN_PLACE] = "semi_join_place",
    [LEAT_RULE_ANTI_JOIN] = "anti_join",
    [LEAT_RULE_LIMIT_PUSHDOWN] = "limit_pushdown",
    [LEAT_RULE_GROUP_KEYS] = "group_keys",
    [LEAT_RULE_SHIFTED_SUMS] = "shifted_sums",
    [LEAT_RULE_DISTINCT_CALLS] = "distinct_calls",
    [LEAT_RULE_RUNTIME_FILTERS] = "runtime_filters",
};

const char *leat_plan_rule_name(enum leat_plan_rule rule)
{
    return rule < LEAT_RULE_COUNT ? names[rule] : NULL;
}

static bool add_name(struct leat_text name, uint32_t *out)
{
    if (leat_text_equal_nocase(name, leat_text_of("all"))) {
        *out = (1u << LEAT_RULE_COUNT) - 1;
        return true;
    }
    for (unsigned i = 0; i < LEAT_RULE_COUNT; i++)
        if (leat_text_equal_nocase(name, leat_text_of(names[i]))) {
            *out |= 1u << i;
            return true;
        }
    return name.length == 0;
}

bool leat_plan_rules_parse(struct leat_text text, uint32_t *out)
{
    size_t start = 0;

    *out = 0;
    for (size_t i = 0; i <= text.length; i++) {
        struct leat_text name = {text.data + start, i - start};
        if (i < text.length && text.data[i] != ',')
            continue;
        while (name.length > 0 && name.data[0] == ' ')
            name = (struct leat_text){name.data + 1, name.length - 1};
        while (name.length > 0 && name.data[name.length - 1] == ' ')
            name.length--;
        if (!add_name(name, out))
            return false;
        start = i + 1;
    }
    return true;
}
