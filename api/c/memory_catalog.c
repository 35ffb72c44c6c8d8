/* The session's own tables and views: a list, searched by name. Tables hold their rows; views hold
 * their text. */
#include "api/c/memory_catalog.h"

struct relation {
    struct relation *next;
    enum leat_relation_kind kind;
    char *name;
    char *sql; /* views */
    enum leat_sql_dialect dialect;
    struct leat_rows rows; /* tables */
};

struct memory_catalog {
    struct leat_catalog base;
    struct leat_catalog *behind;
    struct relation *relations;
};

static void relation_free(struct relation *relation)
{
    leat_rows_release(&relation->rows);
    leat_free(relation->name);
    leat_free(relation->sql);
    leat_free(relation);
}

/* The link that points at the relation of that name, or at the end of the list. */
static struct relation **find_link(struct memory_catalog *catalog, struct leat_text name)
{
    struct relation **link = &catalog->relations;

    while (*link && !leat_text_equal(leat_text_of((*link)->name), name))
        link = &(*link)->next;
    return link;
}

static enum leat_status find(struct leat_catalog *base, const struct leat_text *parts,
                             uint32_t count, struct leat_arena *arena, struct leat_relation *out,
                             struct leat_error *err)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;
    struct relation *relation = count == 1 ? *find_link(catalog, parts[0]) : NULL;

    memset(out, 0, sizeof(*out));
    if (!relation && catalog->behind)
        return catalog->behind->ops->find(catalog->behind, parts, count, arena, out, err);
    if (!relation)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "table \"%.*s\" does not exist",
                              (int)parts[count - 1].length, parts[count - 1].data);
    out->kind = relation->kind;
    out->name = relation->name;
    if (relation->kind == LEAT_RELATION_VIEW) {
        out->view_dialect = relation->dialect;
        out->view_sql = leat_arena_strdup(arena, relation->sql);
        return out->view_sql ? LEAT_OK : leat_error_memory(err);
    }
    return leat_source_open_rows(&relation->rows, relation->name, &out->source, err);
}

static enum leat_status list(struct leat_catalog *base, struct leat_bytes_list *out,
                             struct leat_error *err)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;

    for (struct relation *relation = catalog->relations; relation; relation = relation->next)
        LEAT_TRY(leat_bytes_list_append(out, relation->name, strlen(relation->name), err));
    return catalog->behind ? catalog->behind->ops->list(catalog->behind, out, err) : LEAT_OK;
}

/* Puts a new relation into the list, in the place of an old one if `replace`. */
static enum leat_status add(struct memory_catalog *catalog, struct relation *relation, bool replace,
                            struct leat_error *err)
{
    struct relation **link = find_link(catalog, leat_text_of(relation->name)), *old = *link;

    if (old && !replace) {
        enum leat_status status =
            leat_error_set(err, LEAT_E_TABLE_EXISTS, "relation \"%s\" exists", relation->name);
        leat_error_hint(err, "CREATE OR REPLACE replaces it; IF NOT EXISTS keeps it");
        relation_free(relation);
        return status;
    }
    relation->next = old ? old->next : NULL;
    *link = relation;
    if (old)
        relation_free(old);
    return LEAT_OK;
}

static enum leat_status new_relation(const struct leat_text *parts, uint32_t count,
                                     enum leat_relation_kind kind, struct relation **out,
                                     struct leat_error *err)
{
    struct relation *relation;

    if (count != 1) {
        (void)leat_error_set(err, LEAT_E_UNSUPPORTED, "tables in memory have no schemas");
        leat_error_hint(err, "leave the schema out, or open a lake with --lake DIR");
        return LEAT_UNSUPPORTED;
    }
    relation = leat_calloc(1, sizeof(*relation));
    *out = relation;
    if (!relation)
        return leat_error_memory(err);
    relation->kind = kind;
    relation->name = leat_malloc(parts[0].length + 1);
    if (!relation->name) {
        leat_free(relation);
        return leat_error_memory(err);
    }
    memcpy(relation->name, parts[0].data, parts[0].length);
    relation->name[parts[0].length] = '\0';
    return LEAT_OK;
}

static enum leat_status create_table(struct leat_catalog *base, const struct leat_text *parts,
                                     uint32_t count, const struct leat_schema *schema, bool replace,
                                     struct leat_error *err)
{
    struct relation *relation;
    enum leat_status status;

    LEAT_TRY(new_relation(parts, count, LEAT_RELATION_TABLE, &relation, err));
    status = leat_rows_init(&relation->rows, schema, NULL, err);
    if (status != LEAT_OK) {
        relation_free(relation);
        return status;
    }
    return add((struct memory_catalog *)base, relation, replace, err);
}

static enum leat_status create_view(struct leat_catalog *base, const struct leat_text *parts,
                                    uint32_t count, const char *sql, enum leat_sql_dialect dialect,
                                    bool replace, struct leat_error *err)
{
    struct relation *relation;

    LEAT_TRY(new_relation(parts, count, LEAT_RELATION_VIEW, &relation, err));
    relation->dialect = dialect;
    relation->sql = leat_strdup(sql);
    if (!relation->sql) {
        relation_free(relation);
        return leat_error_memory(err);
    }
    return add((struct memory_catalog *)base, relation, replace, err);
}

static enum leat_status drop(struct leat_catalog *base, const struct leat_text *parts,
                             uint32_t count, enum leat_relation_kind kind, struct leat_error *err)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;
    struct relation **link = count == 1 ? find_link(catalog, parts[0]) : NULL;
    struct relation *relation = link ? *link : NULL;

    if (!relation && catalog->behind && catalog->behind->ops->drop)
        return catalog->behind->ops->drop(catalog->behind, parts, count, kind, err);
    if (!relation || relation->kind != kind)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "%s \"%.*s\" does not exist",
                              kind == LEAT_RELATION_VIEW ? "view" : "table",
                              (int)parts[count - 1].length, parts[count - 1].data);
    *link = relation->next;
    relation_free(relation);
    return LEAT_OK;
}

static const struct leat_catalog_ops ops = {.find = find,
                                            .list = list,
                                            .create_table = create_table,
                                            .create_view = create_view,
                                            .drop = drop};

enum leat_status leat_memory_catalog_new(struct leat_catalog *behind, struct leat_catalog **out,
                                         struct leat_error *err)
{
    struct memory_catalog *catalog = leat_calloc(1, sizeof(*catalog));

    *out = NULL;
    if (!catalog)
        return leat_error_memory(err);
    catalog->base.ops = &ops;
    catalog->behind = behind;
    *out = &catalog->base;
    return LEAT_OK;
}

void leat_memory_catalog_free(struct leat_catalog *base)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;

    if (!catalog)
        return;
    while (catalog->relations) {
        struct relation *next = catalog->relations->next;
        relation_free(catalog->relations);
        catalog->relations = next;
    }
    leat_free(catalog);
}

struct leat_rows *leat_memory_catalog_rows(struct leat_catalog *base, struct leat_text name)
{
    struct relation *relation = *find_link((struct memory_catalog *)base, name);

    return relation && relation->kind == LEAT_RELATION_TABLE ? &relation->rows : NULL;
}
