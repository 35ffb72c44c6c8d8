/* A table's metadata file: making a new one, reading, changing properties and schemas, writing the
 * next version. */
#include "base/system.h"
#include "formats/json_tree.h"
#include "storage/lake/lake_internal.h"

#include <inttypes.h>
#include <zlib.h>

enum { METADATA_MAXIMUM = 256 << 20, PREVIOUS_KEPT = 100 };

enum leat_status leat_lake_path(const char *stored, const char **out, struct leat_error *err)
{
    const struct leat_file_system *system;

    if (strncmp(stored, "file:", 5) == 0) {
        stored += 5;
        while (stored[0] == '/' && stored[1] == '/')
            stored++;
    } else if (leat_file_system_find(stored, &system, err) != LEAT_OK) {
        return leat_error_set(err, LEAT_E_LAKE_PATH, "cannot reach %s: storage \"%.*s\"", stored,
                              (int)strcspn(stored, ":"), stored);
    }
    *out = stored;
    return LEAT_OK;
}

char *leat_lake_uri(struct leat_arena *arena, const char *path)
{
    return leat_arena_printf(arena, "%s%s", leat_path_is_uri(path) ? "" : "file://", path);
}

enum leat_status leat_data_files_append(struct leat_data_files *files,
                                        const struct leat_data_file *file, struct leat_arena *arena,
                                        struct leat_error *err)
{
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? files->capacity * 2 : 16;
        struct leat_data_file *items = LEAT_NEW_ARRAY(arena, struct leat_data_file, capacity);
        if (!items)
            return leat_error_memory(err);
        if (files->count)
            memcpy(items, files->items, files->count * sizeof(*items));
        files->items = items;
        files->capacity = capacity;
    }
    files->items[files->count++] = *file;
    return LEAT_OK;
}

static int64_t now_milliseconds(void)
{
    return leat_clock_now() / 1000;
}

/* Fills the plain members from the tree. */
static enum leat_status read_tree(struct leat_table *table, struct leat_error *err)
{
    const json_t *schemas = json_object_get(table->json, "schemas");
    const json_t *current = json_object_get(table->json, "current-snapshot-id");
    const char *location = json_string_value(json_object_get(table->json, "location"));
    json_int_t schema_id = json_integer_value(json_object_get(table->json, "current-schema-id"));
    const json_t *schema = json_object_get(table->json, "schema"); /* format version 1 */
    const json_t *item;
    size_t i;

    if (!location)
        return leat_error_set(err, LEAT_E_TABLE_METADATA, "no location");
    location = leat_arena_strdup(&table->arena, location);
    if (!location)
        return leat_error_memory(err);
    LEAT_TRY(leat_lake_path(location, &table->location, err));
    json_array_foreach(
        schemas, i, item) if (json_integer_value(json_object_get(item, "schema-id")) == schema_id)
        schema = item;
    if (!schema)
        return leat_error_set(err, LEAT_E_TABLE_METADATA, "no current schema");
    LEAT_TRY(leat_lake_schema_from_json(schema, &table->arena, &table->schema, err));
    LEAT_TRY(leat_lake_spec_find(
        table, (int32_t)json_integer_value(json_object_get(table->json, "default-spec-id")),
        &table->arena, &table->spec, err));
    table->snapshot_id = json_is_integer(current) ? json_integer_value(current) : -1;
    table->sequence_number =
        json_integer_value(json_object_get(table->json, "last-sequence-number"));
    return LEAT_OK;
}

static json_t *spec_to_json(const struct leat_partition_spec *spec)
{
    json_t *fields = json_array();
    char name[32];

    for (uint32_t i = 0; i < spec->count; i++) {
        const struct leat_partition_field *field = &spec->fields[i];
        leat_lake_transform_name(field, name);
        if (json_array_append_new(fields,
                                  json_pack("{s:s, s:s, s:i, s:i}", "name", field->name,
                                            "transform", name, "source-id", field->source_id,
                                            "field-id", field->field_id)) != 0) {
            json_decref(fields);
            return NULL;
        }
    }
    return json_pack("{s:i, s:o}", "spec-id", spec->id, "fields", fields);
}

static enum leat_status make_spec(struct leat_table *table, const struct leat_schema *schema,
                                  const struct leat_partition_request *requests, uint32_t count,
                                  struct leat_partition_spec *out, struct leat_error *err)
{
    char name[32];

    out->id = 0;
    out->count = count;
    out->fields = LEAT_NEW_ARRAY(&table->arena, struct leat_partition_field, count);
    if (!out->fields)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        struct leat_partition_field *field = &out->fields[i];
        int at = leat_schema_find(schema, leat_text_of(requests[i].column));
        if (at < 0)
            return leat_error_set(err, LEAT_E_TABLE_TYPE, "partition column \"%s\" does not exist",
                                  requests[i].column);
        field->transform = requests[i].transform;
        field->width = requests[i].width;
        field->source_id = schema->fields[at].id;
        field->field_id = (int32_t)(1000 + i);
        field->type = leat_lake_transform_type(field->transform, schema->fields[at].type);
        leat_lake_transform_name(field, name);
        name[strcspn(name, "[")] = '\0';
        field->name =
            field->transform == LEAT_TRANSFORM_IDENTITY
                ? schema->fields[at].name
                : leat_arena_printf(&table->arena, "%s_%s", schema->fields[at].name,
                                    field->transform == LEAT_TRANSFORM_TRUNCATE ? "trunc" : name);
        if (!field->name)
            return leat_error_memory(err);
    }
    return LEAT_OK;
}

static json_t *new_tree(const char *location, json_t *schema, int32_t last_column, json_t *spec,
                        int32_t last_partition)
{
    char uuid[37];

    leat_random_uuid(uuid);
    json_object_set_new(schema, "schema-id", json_integer(0));
    json_object_set_new(schema, "identifier-field-ids", json_array());
    return json_pack(
        "{s:i, s:s, s:s+, s:i, s:I, s:i, s:i, s:[o], s:i, s:[o], s:i, s:i, s:[o], "
        "s:{}, s:i, s:{}, s:[], s:[], s:[], s:[], s:[]}",
        "format-version", 2, "table-uuid", uuid, "location",
        leat_path_is_uri(location) ? "" : "file://", location, "last-sequence-number", 0,
        "last-updated-ms", (json_int_t)now_milliseconds(), "last-column-id", last_column,
        "current-schema-id", 0, "schemas", schema, "default-spec-id", 0, "partition-specs", spec,
        "last-partition-id", last_partition, "default-sort-order-id", 0, "sort-orders",
        json_pack("{s:i, s:[]}", "order-id", 0, "fields"), "properties", "current-snapshot-id", -1,
        "refs", "snapshots", "statistics", "partition-statistics", "snapshot-log", "metadata-log");
}

enum leat_status leat_table_create(const char *location, const struct leat_schema *schema,
                                   const struct leat_partition_request *partitions,
                                   uint32_t partition_count, const char *const *properties,
                                   uint32_t property_count, struct leat_table *out,
                                   struct leat_error *err)
{
    struct leat_partition_spec spec;
    struct leat_schema stored;
    int32_t last = 0;
    enum leat_status status;

    leat_json_tree_init();
    memset(out, 0, sizeof(*out));
    leat_arena_init(&out->arena, NULL);
    status = leat_lake_schema_from(schema, 1, &out->arena, &stored, &last, err);
    if (status == LEAT_OK)
        status = make_spec(out, &stored, partitions, partition_count, &spec, err);
    if (status == LEAT_OK) {
        json_t *fields = leat_lake_struct_to_json(stored.fields, stored.count);
        json_t *spec_json = spec_to_json(&spec);
        out->json = fields && spec_json
                        ? new_tree(location, fields, last, spec_json,
                                   partition_count ? (int32_t)(999 + partition_count) : 999)
                        : NULL;
        if (!out->json)
            status = leat_error_memory(err);
    }
    for (uint32_t i = 0; status == LEAT_OK && i < property_count; i++)
        status = leat_table_set_property(out, properties[i * 2], properties[i * 2 + 1], err);
    if (status == LEAT_OK)
        status = read_tree(out, err);
    if (status != LEAT_OK)
        leat_table_release(out);
    return status;
}

/* Metadata files may be gzip: NAME.gz.metadata.json. */
static enum leat_status inflate_metadata(const char *path, struct leat_buffer *bytes,
                                         struct leat_error *err)
{
    struct leat_buffer plain;
    z_stream stream = {.next_in = bytes->data, .avail_in = (uInt)bytes->length};
    enum leat_status status = LEAT_OK;
    int code = inflateInit2(&stream, 16 + MAX_WBITS);

    leat_buffer_init(&plain, METADATA_MAXIMUM);
    while (code == Z_OK && status == LEAT_OK) {
        status = leat_buffer_reserve(&plain, 65536, err);
        if (status != LEAT_OK)
            break;
        stream.next_out = plain.data + plain.length;
        stream.avail_out = 65536;
        code = inflate(&stream, Z_NO_FLUSH);
        plain.length += 65536 - stream.avail_out;
    }
    inflateEnd(&stream);
    if (status == LEAT_OK && code != Z_STREAM_END)
        status = leat_error_set(err, LEAT_E_TABLE_METADATA, "%s: damaged gzip data", path);
    leat_buffer_release(bytes);
    *bytes = plain;
    return status;
}

static enum leat_status load_tree(struct leat_table *table, const char *path,
                                  struct leat_error *err)
{
    struct leat_buffer bytes;
    enum leat_status status;
    json_int_t version;

    leat_buffer_init(&bytes, METADATA_MAXIMUM);
    status = leat_file_read_all(path, &bytes, err);
    if (status == LEAT_OK && bytes.length > 2 && bytes.data[0] == 0x1f && bytes.data[1] == 0x8b)
        status = inflate_metadata(path, &bytes, err);
    if (status == LEAT_OK)
        status = leat_json_tree_load((const char *)bytes.data, bytes.length, 0, path,
                                     LEAT_E_TABLE_METADATA, &table->json, err);
    leat_buffer_release(&bytes);
    if (status != LEAT_OK)
        return status;
    version = json_integer_value(json_object_get(table->json, "format-version"));
    if (version < 1 || version > 2)
        return leat_error_set(err, LEAT_E_TABLE_VERSION, "%s: format version %" JSON_INTEGER_FORMAT,
                              path, version);
    status = read_tree(table, err);
    if (status != LEAT_OK)
        leat_error_context(err, "%s", path);
    return status;
}

enum leat_status leat_table_load(const char *metadata_location, struct leat_table *out,
                                 struct leat_error *err)
{
    enum leat_status status;
    const char *path;

    leat_json_tree_init();
    memset(out, 0, sizeof(*out));
    leat_arena_init(&out->arena, NULL);
    out->metadata_location = leat_arena_strdup(&out->arena, metadata_location);
    status = out->metadata_location ? leat_lake_path(out->metadata_location, &path, err)
                                    : leat_error_memory(err);
    if (status == LEAT_OK)
        status = load_tree(out, path, err);
    if (status != LEAT_OK)
        leat_table_release(out);
    return status;
}

void leat_table_release(struct leat_table *table)
{
    json_decref(table->json);
    leat_arena_release(&table->arena);
    memset(table, 0, sizeof(*table));
}

const char *leat_table_property(const struct leat_table *table, const char *name)
{
    return json_string_value(json_object_get(json_object_get(table->json, "properties"), name));
}

enum leat_status leat_table_set_property(struct leat_table *table, const char *name,
                                         const char *value, struct leat_error *err)
{
    json_t *properties = json_object_get(table->json, "properties");

    if (!properties) {
        if (json_object_set_new(table->json, "properties", json_object()) != 0)
            return leat_error_memory(err);
        properties = json_object_get(table->json, "properties");
    }
    return json_object_set_new(properties, name, json_string(value)) == 0 ? LEAT_OK
                                                                          : leat_error_memory(err);
}

enum leat_status leat_table_add_columns(struct leat_table *table, const struct leat_field *fields,
                                        uint32_t count, struct leat_error *err)
{
    int32_t first = (int32_t)json_integer_value(json_object_get(table->json, "last-column-id")) + 1,
            last;
    json_t *schemas = json_object_get(table->json, "schemas");
    struct leat_schema added = {count, (struct leat_field *)fields}, stored, whole;
    json_int_t next_id = 0;
    const json_t *item;
    json_t *json;
    size_t i;

    json_array_foreach(schemas, i,
                       item) if (json_integer_value(json_object_get(item, "schema-id")) >= next_id)
        next_id = json_integer_value(json_object_get(item, "schema-id")) + 1;
    LEAT_TRY(leat_lake_schema_from(&added, first, &table->arena, &stored, &last, err));
    whole.count = table->schema.count + count;
    whole.fields = LEAT_NEW_ARRAY(&table->arena, struct leat_field, whole.count);
    if (!whole.fields)
        return leat_error_memory(err);
    memcpy(whole.fields, table->schema.fields, table->schema.count * sizeof(*fields));
    memcpy(whole.fields + table->schema.count, stored.fields, count * sizeof(*fields));
    json = leat_lake_struct_to_json(whole.fields, whole.count);
    if (!json || json_object_set_new(json, "schema-id", json_integer(next_id)) != 0 ||
        json_array_append_new(schemas, json) != 0 ||
        json_object_set_new(table->json, "current-schema-id", json_integer(next_id)) != 0 ||
        json_object_set_new(table->json, "last-column-id", json_integer(last)) != 0)
        return leat_error_memory(err);
    table->schema = whole;
    return LEAT_OK;
}

json_t *leat_table_snapshot(const struct leat_table *table, int64_t id)
{
    json_t *snapshots = json_object_get(table->json, "snapshots"), *item;
    size_t i;

    json_array_foreach(snapshots, i, item) if (json_integer_value(json_object_get(
                                                   item, "snapshot-id")) == id) return item;
    return NULL;
}

bool leat_table_has_summary(const struct leat_table *table, const char *name, const char *value)
{
    json_t *snapshots = json_object_get(table->json, "snapshots"), *item;
    size_t i;

    json_array_foreach(snapshots, i, item)
    {
        const char *found =
            json_string_value(json_object_get(json_object_get(item, "summary"), name));
        if (found && strcmp(found, value) == 0)
            return true;
    }
    return false;
}

/* The number in front of NNNNN-uuid.metadata.json, or -1. */
static int64_t version_of(const char *location)
{
    const char *slash = location ? strrchr(location, '/') : NULL;
    int64_t version = -1;

    if (slash && sscanf(slash + 1, "%" SCNd64, &version) != 1)
        version = -1;
    return version;
}

static enum leat_status log_previous(struct leat_table *table, struct leat_error *err)
{
    json_t *log = json_object_get(table->json, "metadata-log");
    json_t *updated = json_object_get(table->json, "last-updated-ms");

    if (!table->metadata_location)
        return LEAT_OK;
    if (!json_is_array(log)) {
        if (json_object_set_new(table->json, "metadata-log", json_array()) != 0)
            return leat_error_memory(err);
        log = json_object_get(table->json, "metadata-log");
    }
    if (json_array_append_new(log, json_pack("{s:O, s:s}", "timestamp-ms", updated, "metadata-file",
                                             table->metadata_location)) != 0)
        return leat_error_memory(err);
    while (json_array_size(log) > PREVIOUS_KEPT)
        json_array_remove(log, 0);
    return LEAT_OK;
}

enum leat_status leat_table_write_metadata(struct leat_table *table, const char **location,
                                           struct leat_bytes_list *written, struct leat_error *err)
{
    int64_t version = version_of(table->metadata_location) + 1;
    json_int_t previous = json_integer_value(json_object_get(table->json, "last-updated-ms"));
    json_int_t now = now_milliseconds();
    enum leat_status status;
    char uuid[37], *text, *folder, *path;

    leat_random_uuid(uuid);
    folder = leat_arena_printf(&table->arena, "%s/metadata", table->location);
    path = folder ? leat_arena_printf(&table->arena, "%s/%05" PRId64 "-%s.metadata.json", folder,
                                      version, uuid)
                  : NULL;
    *location = path ? leat_lake_uri(&table->arena, path) : NULL;
    if (!*location)
        return leat_error_memory(err);
    LEAT_TRY(log_previous(table, err));
    if (json_object_set_new(table->json, "last-updated-ms",
                            json_integer(now > previous ? now : previous)) != 0)
        return leat_error_memory(err);
    LEAT_TRY(leat_json_tree_dump(table->json, JSON_COMPACT, &text, err));
    status = leat_folder_create(folder, err);
    if (status == LEAT_OK)
        status = leat_bytes_list_append(written, path, strlen(path), err);
    if (status == LEAT_OK)
        status = leat_file_write_all(path, text, strlen(text), err);
    leat_free(text);
    return status;
}
