/* Versions are counted by those who hold them: the store, and catalogs that have looked at them.
 * Rows lie in segments that versions share: a table that gets rows keeps its old segments. */
#include "api/c/memory_catalog.h"

#include <pthread.h>

struct segment {
    _Atomic unsigned references;
    struct leat_rows rows;
};
struct version {
    _Atomic unsigned references;
    enum leat_relation_kind kind;
    char *sql; /* views */
    enum leat_sql_dialect dialect;
    struct leat_rows rows; /* tables: batches of the segments, and the schema */
    struct segment **segments;
    size_t segment_count;
};
struct relation {
    struct relation *next;
    char *name;
    struct version *version;
};
struct leat_memory_store {
    pthread_mutex_t lock;
    struct relation *relations;
    struct leat_accountant *accountant;
};
/* What a catalog knows of a relation: as it was when it looked first, and as it is for it now. */
struct pin {
    struct pin *next;
    struct leat_memory_store *store;
    char *name;
    struct version *base; /* NULL: there was none */
    struct version *now;  /* NULL: there is none */
};
struct memory_catalog {
    struct leat_catalog base;
    struct leat_catalog *behind;
    struct leat_memory_store *own, *shared;
    struct pin *pins;
    bool temporary;
};

/* --- versions --- */

static struct version *hold(struct version *version)
{
    if (version)
        atomic_fetch_add(&version->references, 1);
    return version;
}

static void release_segment(struct segment *segment)
{
    if (atomic_fetch_sub(&segment->references, 1) > 1)
        return;
    leat_rows_release(&segment->rows);
    leat_free(segment);
}

static void release(struct version *version)
{
    if (!version || atomic_fetch_sub(&version->references, 1) > 1)
        return;
    for (size_t i = 0; i < version->segment_count; i++)
        release_segment(version->segments[i]);
    leat_free(version->segments);
    leat_rows_release(&version->rows);
    leat_free(version->sql);
    leat_free(version);
}

static enum leat_status new_table(const struct leat_schema *schema, struct version **out,
                                  struct leat_error *err)
{
    struct version *version = leat_calloc(1, sizeof(*version));
    enum leat_status status;

    *out = version;
    if (!version)
        return leat_error_memory(err);
    version->references = 1;
    version->kind = LEAT_RELATION_TABLE;
    status = leat_rows_init(&version->rows, schema, NULL, err);
    if (status != LEAT_OK) {
        release(version);
        *out = NULL;
    }
    return status;
}

static enum leat_status new_view(const char *sql, enum leat_sql_dialect dialect,
                                 struct version **out, struct leat_error *err)
{
    struct version *version = leat_calloc(1, sizeof(*version));

    *out = version;
    if (!version)
        return leat_error_memory(err);
    version->references = 1;
    version->kind = LEAT_RELATION_VIEW;
    version->dialect = dialect;
    version->sql = leat_strdup(sql);
    if (version->sql)
        return LEAT_OK;
    release(version);
    *out = NULL;
    return leat_error_memory(err);
}

static enum leat_status new_segment(const struct leat_schema *schema, const struct leat_rows *rows,
                                    struct leat_accountant *accountant, struct segment **out,
                                    struct leat_error *err)
{
    struct segment *segment = leat_calloc(1, sizeof(*segment));
    enum leat_status status;

    *out = segment;
    if (!segment)
        return leat_error_memory(err);
    segment->references = 1;
    status = leat_rows_init(&segment->rows, schema, accountant, err);
    for (size_t i = 0; status == LEAT_OK && i < rows->batch_count; i++)
        status = leat_rows_append(&segment->rows, &rows->batches[i], err);
    if (status != LEAT_OK) {
        release_segment(segment);
        *out = NULL;
    }
    return status;
}

/* The version shares the segment; there is room for it. */
static void add_segment(struct version *version, struct segment *segment)
{
    struct leat_rows *rows = &version->rows;

    atomic_fetch_add(&segment->references, 1);
    version->segments[version->segment_count++] = segment;
    if (segment->rows.batch_count > 0)
        memcpy(rows->batches + rows->batch_count, segment->rows.batches,
               segment->rows.batch_count * sizeof(*rows->batches));
    rows->batch_count += segment->rows.batch_count;
    rows->row_count += segment->rows.row_count;
}

/* The version's first `kept` segments and one more. */
static enum leat_status with_segment(const struct version *from, size_t kept,
                                     struct segment *segment, struct version **out,
                                     struct leat_error *err)
{
    size_t batches = segment->rows.batch_count;

    for (size_t i = 0; i < kept; i++)
        batches += from->segments[i]->rows.batch_count;
    LEAT_TRY(new_table(&from->rows.schema, out, err));
    (*out)->segments = leat_malloc((kept + 1) * sizeof(struct segment *));
    (*out)->rows.batches = leat_malloc((batches + 1) * sizeof(struct leat_batch));
    (*out)->rows.batch_capacity = batches + 1;
    if (!(*out)->segments || !(*out)->rows.batches) {
        release(*out);
        *out = NULL;
        return leat_error_memory(err);
    }
    for (size_t i = 0; i < kept; i++)
        add_segment(*out, from->segments[i]);
    add_segment(*out, segment);
    return LEAT_OK;
}

enum { MERGED_ROWS = 65536 }; /* of a segment that is made of others */

/* The rows of segments [first, ...), copied into one, in batches of the usual size. */
static enum leat_status merge_segments(const struct version *from, size_t first,
                                       struct leat_arena *scratch, struct leat_rows *out,
                                       struct leat_error *err)
{
    const struct leat_schema *schema = &from->rows.schema;
    struct leat_batch batch = {.column_count = schema->count};
    struct leat_vector *whole = LEAT_NEW_ARRAY(scratch, struct leat_vector, schema->count);
    const struct leat_vector **items;
    size_t count = 0, used;
    uint32_t *lengths, total = 0;

    for (size_t s = first; s < from->segment_count; s++)
        count += from->segments[s]->rows.batch_count;
    items = LEAT_NEW_ARRAY(scratch, const struct leat_vector *, count);
    lengths = LEAT_NEW_ARRAY(scratch, uint32_t, count);
    batch.columns = LEAT_NEW_ARRAY(scratch, struct leat_vector, schema->count);
    if (!whole || !items || !lengths || !batch.columns)
        return leat_error_memory(err);
    for (uint32_t c = 0; c < schema->count; c++) {
        used = total = 0;
        for (size_t s = first; s < from->segment_count; s++)
            for (size_t b = 0; b < from->segments[s]->rows.batch_count; b++) {
                const struct leat_batch *piece = &from->segments[s]->rows.batches[b];
                total += piece->length;
                lengths[used] = piece->length;
                items[used++] = &piece->columns[c];
            }
        LEAT_TRY(leat_vectors_join(items, lengths, used, schema->fields[c].type, scratch, &whole[c],
                                   err));
    }
    for (uint32_t at = 0; at < total; at += batch.length) {
        batch.length = total - at < LEAT_BATCH_ROWS ? total - at : LEAT_BATCH_ROWS;
        for (uint32_t c = 0; c < schema->count; c++)
            LEAT_TRY(
                leat_vector_slice(&whole[c], at, batch.length, scratch, &batch.columns[c], err));
        LEAT_TRY(leat_rows_append(out, &batch, err));
    }
    return LEAT_OK;
}

/* Small segments at the end become one, so that many small inserts cost the logarithm of their
 * number each, not the number. Segments below `floor` stay. *version is replaced if that is worth
 * it; a failure leaves it as it is. */
static void compact(struct version **version, size_t floor, struct leat_accountant *accountant)
{
    struct version *from = *version, *next = NULL;
    struct segment *merged = leat_calloc(1, sizeof(*merged));
    struct leat_arena scratch;
    struct leat_error ignored;
    size_t first = from->segment_count;
    uint64_t rows = 0;
    bool good;

    while (first > floor) {
        uint64_t last = from->segments[first - 1]->rows.row_count;
        if (rows + last > MERGED_ROWS || (rows > 0 && last > 2 * rows))
            break;
        rows += last;
        first--;
    }
    if (!merged || from->segment_count - first < 2) {
        leat_free(merged);
        return;
    }
    merged->references = 1;
    leat_arena_init(&scratch, accountant);
    good = leat_rows_init(&merged->rows, &from->rows.schema, accountant, &ignored) == LEAT_OK &&
           merge_segments(from, first, &scratch, &merged->rows, &ignored) == LEAT_OK &&
           with_segment(from, first, merged, &next, &ignored) == LEAT_OK;
    leat_arena_release(&scratch);
    release_segment(merged);
    if (good) {
        release(from);
        *version = next;
    }
}

/* --- stores --- */

static struct relation **find_link(struct leat_memory_store *store, struct leat_text name)
{
    struct relation **link = &store->relations;

    while (*link && !leat_text_equal(leat_text_of((*link)->name), name))
        link = &(*link)->next;
    return link;
}

static void relation_free(struct relation *relation)
{
    release(relation->version);
    leat_free(relation->name);
    leat_free(relation);
}

enum leat_status leat_memory_store_new(struct leat_accountant *accountant,
                                       struct leat_memory_store **out, struct leat_error *err)
{
    *out = leat_calloc(1, sizeof(**out));
    if (!*out)
        return leat_error_memory(err);
    (*out)->accountant = accountant;
    pthread_mutex_init(&(*out)->lock, NULL);
    return LEAT_OK;
}

void leat_memory_store_free(struct leat_memory_store *store)
{
    if (!store)
        return;
    while (store->relations) {
        struct relation *next = store->relations->next;
        relation_free(store->relations);
        store->relations = next;
    }
    pthread_mutex_destroy(&store->lock);
    leat_free(store);
}

/* --- pins --- */

static void pin_free(struct pin *pin)
{
    release(pin->base);
    release(pin->now);
    leat_free(pin->name);
    leat_free(pin);
}

/* What the store has of that name is remembered, that it has none only if `absent`. */
static enum leat_status look(struct memory_catalog *catalog, struct leat_memory_store *store,
                             struct leat_text name, bool absent, struct pin **out,
                             struct leat_error *err)
{
    struct relation *relation;
    struct pin *pin;

    for (*out = catalog->pins; *out; *out = (*out)->next)
        if ((*out)->store == store && leat_text_equal(leat_text_of((*out)->name), name))
            return LEAT_OK;
    pthread_mutex_lock(&store->lock);
    relation = *find_link(store, name);
    if (!relation && !absent) {
        pthread_mutex_unlock(&store->lock);
        return LEAT_OK;
    }
    pin = leat_calloc(1, sizeof(*pin));
    if (pin)
        pin->name = leat_malloc(name.length + 1);
    if (pin && pin->name) {
        memcpy(pin->name, name.data, name.length);
        pin->name[name.length] = '\0';
        pin->store = store;
        pin->base = relation ? hold(relation->version) : NULL;
        pin->now = hold(pin->base);
        pin->next = catalog->pins;
        catalog->pins = *out = pin;
        pin = NULL;
    } else {
        (void)leat_error_memory(err);
    }
    pthread_mutex_unlock(&store->lock);
    leat_free(pin);
    return *out ? LEAT_OK : LEAT_NO_MEMORY;
}

/* The relation of that name: the session's own hides a shared one. NULL: there is none. */
static enum leat_status find_pin(struct memory_catalog *catalog, struct leat_text name,
                                 struct pin **out, struct leat_error *err)
{
    LEAT_TRY(look(catalog, catalog->own, name, false, out, err));
    if ((!*out || !(*out)->now) && catalog->shared)
        LEAT_TRY(look(catalog, catalog->shared, name, false, out, err));
    if (*out && !(*out)->now)
        *out = NULL;
    return LEAT_OK;
}

/* --- the catalog --- */

static enum leat_status find(struct leat_catalog *base, const struct leat_text *parts,
                             uint32_t count, struct leat_arena *arena, struct leat_relation *out,
                             struct leat_error *err)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;
    struct pin *pin = NULL;

    memset(out, 0, sizeof(*out));
    if (count == 1)
        LEAT_TRY(find_pin(catalog, parts[0], &pin, err));
    if (!pin && catalog->behind)
        return catalog->behind->ops->find(catalog->behind, parts, count, arena, out, err);
    if (!pin)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "table \"%.*s\" does not exist",
                              (int)parts[count - 1].length, parts[count - 1].data);
    out->kind = pin->now->kind;
    out->name = leat_arena_strdup(arena, pin->name);
    if (!out->name)
        return leat_error_memory(err);
    if (out->kind == LEAT_RELATION_VIEW) {
        out->view_dialect = pin->now->dialect;
        out->view_sql = leat_arena_strdup(arena, pin->now->sql);
        return out->view_sql ? LEAT_OK : leat_error_memory(err);
    }
    return leat_source_open_rows(&pin->now->rows, pin->name, &out->source, err);
}

/* Names of a store as the catalog sees it. */
static enum leat_status list_store(struct memory_catalog *catalog, struct leat_memory_store *store,
                                   struct leat_bytes_list *out, struct leat_error *err)
{
    enum leat_status status = LEAT_OK;
    struct relation *relation;
    struct pin *pin;

    pthread_mutex_lock(&store->lock);
    for (relation = store->relations; relation && status == LEAT_OK; relation = relation->next) {
        for (pin = catalog->pins; pin; pin = pin->next)
            if (pin->store == store && strcmp(pin->name, relation->name) == 0)
                break;
        if (!pin)
            status = leat_bytes_list_append(out, relation->name, strlen(relation->name), err);
    }
    pthread_mutex_unlock(&store->lock);
    for (pin = catalog->pins; pin && status == LEAT_OK; pin = pin->next)
        if (pin->store == store && pin->now)
            status = leat_bytes_list_append(out, pin->name, strlen(pin->name), err);
    return status;
}

static enum leat_status list(struct leat_catalog *base, struct leat_bytes_list *out,
                             struct leat_error *err)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;

    LEAT_TRY(list_store(catalog, catalog->own, out, err));
    if (catalog->shared)
        LEAT_TRY(list_store(catalog, catalog->shared, out, err));
    return catalog->behind ? catalog->behind->ops->list(catalog->behind, out, err) : LEAT_OK;
}

/* Takes the version: the relation is that now. */
static enum leat_status put(struct memory_catalog *catalog, const struct leat_text *parts,
                            uint32_t count, struct version *version, bool replace,
                            struct leat_error *err)
{
    struct leat_memory_store *store =
        catalog->temporary || !catalog->shared ? catalog->own : catalog->shared;
    struct pin *pin;
    enum leat_status status = LEAT_OK;

    if (count != 1) {
        status = leat_error_set(err, LEAT_E_UNSUPPORTED, "tables in memory have no schemas");
        leat_error_hint(err, "leave the schema out, or open a lake with --lake DIR");
    }
    if (status == LEAT_OK)
        status = look(catalog, store, parts[0], true, &pin, err);
    if (status == LEAT_OK && pin->now && !replace) {
        status = leat_error_set(err, LEAT_E_TABLE_EXISTS, "relation \"%s\" exists", pin->name);
        leat_error_hint(err, "CREATE OR REPLACE replaces it; IF NOT EXISTS keeps it");
    }
    if (status != LEAT_OK) {
        release(version);
        return status;
    }
    release(pin->now);
    pin->now = version;
    return LEAT_OK;
}

static enum leat_status create_table(struct leat_catalog *base, const struct leat_text *parts,
                                     uint32_t count, const struct leat_schema *schema, bool replace,
                                     struct leat_error *err)
{
    struct version *version;

    LEAT_TRY(new_table(schema, &version, err));
    return put((struct memory_catalog *)base, parts, count, version, replace, err);
}

static enum leat_status create_view(struct leat_catalog *base, const struct leat_text *parts,
                                    uint32_t count, const char *sql, enum leat_sql_dialect dialect,
                                    bool replace, struct leat_error *err)
{
    struct version *version;

    LEAT_TRY(new_view(sql, dialect, &version, err));
    return put((struct memory_catalog *)base, parts, count, version, replace, err);
}

static enum leat_status drop(struct leat_catalog *base, const struct leat_text *parts,
                             uint32_t count, enum leat_relation_kind kind, struct leat_error *err)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;
    struct pin *pin = NULL;

    if (count == 1)
        LEAT_TRY(find_pin(catalog, parts[0], &pin, err));
    if (!pin && catalog->behind && catalog->behind->ops->drop)
        return catalog->behind->ops->drop(catalog->behind, parts, count, kind, err);
    if (!pin || pin->now->kind != kind)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "%s \"%.*s\" does not exist",
                              kind == LEAT_RELATION_VIEW ? "view" : "table",
                              (int)parts[count - 1].length, parts[count - 1].data);
    release(pin->now);
    pin->now = NULL;
    return LEAT_OK;
}

static const struct leat_catalog_ops ops = {.find = find,
                                            .list = list,
                                            .create_table = create_table,
                                            .create_view = create_view,
                                            .drop = drop};

enum leat_status leat_memory_catalog_new(struct leat_catalog *behind,
                                         struct leat_memory_store *shared,
                                         struct leat_catalog **out, struct leat_error *err)
{
    struct memory_catalog *catalog = leat_calloc(1, sizeof(*catalog));
    enum leat_status status;

    *out = NULL;
    if (!catalog)
        return leat_error_memory(err);
    catalog->base.ops = &ops;
    catalog->behind = behind;
    catalog->shared = shared;
    status = leat_memory_store_new(NULL, &catalog->own, err);
    if (status != LEAT_OK)
        leat_free(catalog);
    else
        *out = &catalog->base;
    return status;
}

void leat_memory_catalog_free(struct leat_catalog *base)
{
    if (!base)
        return;
    leat_memory_catalog_forget(base);
    leat_memory_store_free(((struct memory_catalog *)base)->own);
    leat_free(base);
}

void leat_memory_catalog_temporary(struct leat_catalog *catalog, bool temporary)
{
    ((struct memory_catalog *)catalog)->temporary = temporary;
}

/* True if `now` is `base` with more segments, so that they can be added to another version, too. */
static bool is_appended(const struct pin *pin)
{
    if (!pin->base || !pin->now || pin->now->kind != LEAT_RELATION_TABLE ||
        pin->base->kind != LEAT_RELATION_TABLE ||
        pin->now->segment_count < pin->base->segment_count)
        return false;
    for (size_t i = 0; i < pin->base->segment_count; i++)
        if (pin->now->segments[i] != pin->base->segments[i])
            return false;
    return true;
}

bool leat_memory_catalog_has(struct leat_catalog *catalog, struct leat_text name)
{
    struct leat_error ignored;
    struct pin *pin;

    return find_pin((struct memory_catalog *)catalog, name, &pin, &ignored) == LEAT_OK && pin &&
           pin->now->kind == LEAT_RELATION_TABLE;
}

enum leat_status leat_memory_catalog_write(struct leat_catalog *base, struct leat_text name,
                                           bool replace, const struct leat_rows *rows,
                                           struct leat_error *err)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;
    struct version *version;
    struct segment *segment;
    enum leat_status status;
    struct pin *pin;

    LEAT_TRY(find_pin(catalog, name, &pin, err));
    if (!pin || pin->now->kind != LEAT_RELATION_TABLE)
        return leat_error_set(err, LEAT_E_TABLE_NOT_FOUND, "table \"%.*s\" does not exist",
                              (int)name.length, name.data);
    LEAT_TRY(new_segment(&pin->now->rows.schema, rows, pin->store->accountant, &segment, err));
    status = with_segment(pin->now, replace ? 0 : pin->now->segment_count, segment, &version, err);
    release_segment(segment);
    LEAT_TRY(status);
    release(pin->now);
    pin->now = version;
    if (!replace) /* what stood in the store stays, so that the rest can be added to another state
                   */
        compact(&pin->now, is_appended(pin) ? pin->base->segment_count : 0, pin->store->accountant);
    return LEAT_OK;
}

/* --- the end of a statement or transaction --- */

void leat_memory_catalog_forget(struct leat_catalog *base)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;

    while (catalog->pins) {
        struct pin *next = catalog->pins->next;
        pin_free(catalog->pins);
        catalog->pins = next;
    }
}

/* What is to stand in the store, which another session has changed: rows were only added on this
 * side, and the table is of the same columns. */
static enum leat_status rebase(struct pin *pin, struct version *current, struct leat_error *err)
{
    struct version *next = current, *made;
    bool same = current && is_appended(pin) && current->kind == LEAT_RELATION_TABLE &&
                current->rows.schema.count == pin->now->rows.schema.count;

    for (uint32_t i = 0; same && i < current->rows.schema.count; i++)
        same = leat_type_equal(current->rows.schema.fields[i].type,
                               pin->now->rows.schema.fields[i].type);
    if (!same) {
        (void)leat_error_set(err, LEAT_E_TABLE_CHANGED, "%s was changed by another session",
                             pin->name);
        leat_error_hint(err, "run the transaction again");
        return LEAT_CONFLICT;
    }
    hold(next);
    for (size_t i = pin->base->segment_count; i < pin->now->segment_count; i++) {
        enum leat_status status =
            with_segment(next, next->segment_count, pin->now->segments[i], &made, err);
        release(next);
        LEAT_TRY(status);
        next = made;
    }
    release(pin->now);
    pin->now = next;
    return LEAT_OK;
}

/* Whether all changes can be published; under the lock. */
static enum leat_status check(struct memory_catalog *catalog, struct leat_memory_store *store,
                              struct leat_error *err)
{
    for (struct pin *pin = catalog->pins; pin; pin = pin->next) {
        struct relation *relation;
        if (pin->store != store || pin->now == pin->base)
            continue;
        relation = *find_link(store, leat_text_of(pin->name));
        if ((relation ? relation->version : NULL) != pin->base)
            LEAT_TRY(rebase(pin, relation ? relation->version : NULL, err));
        if (!relation && pin->now) { /* made here, so that nothing can fail below */
            relation = leat_calloc(1, sizeof(*relation));
            if (relation)
                relation->name = leat_strdup(pin->name);
            if (!relation || !relation->name) {
                leat_free(relation);
                return leat_error_memory(err);
            }
            *find_link(store, leat_text_of(pin->name)) = relation;
        }
    }
    return LEAT_OK;
}

static void drop_empty(struct leat_memory_store *store)
{
    struct relation **link = &store->relations;

    while (*link) {
        struct relation *relation = *link;
        if (relation->version) {
            link = &relation->next;
            continue;
        }
        *link = relation->next;
        relation_free(relation);
    }
}

static enum leat_status publish(struct memory_catalog *catalog, struct leat_memory_store *store,
                                struct leat_error *err)
{
    enum leat_status status;

    pthread_mutex_lock(&store->lock);
    status = check(catalog, store, err);
    for (struct pin *pin = catalog->pins; pin && status == LEAT_OK; pin = pin->next) {
        struct relation *relation;
        if (pin->store != store || pin->now == pin->base)
            continue;
        relation = *find_link(store, leat_text_of(pin->name));
        if (!relation)
            continue;
        release(relation->version);
        relation->version = hold(pin->now);
        if (pin->now && pin->now->kind == LEAT_RELATION_TABLE)
            compact(&relation->version, 0, store->accountant);
    }
    drop_empty(store);
    pthread_mutex_unlock(&store->lock);
    return status;
}

enum leat_status leat_memory_catalog_commit(struct leat_catalog *base, struct leat_error *err)
{
    struct memory_catalog *catalog = (struct memory_catalog *)base;
    enum leat_status status = LEAT_OK;

    if (catalog->shared)
        status = publish(catalog, catalog->shared, err);
    if (status == LEAT_OK) /* nobody else changes it */
        status = publish(catalog, catalog->own, err);
    return status;
}
