/* Reading a project. YAML goes through libyaml's document tree; every mapping is checked against
 * the table of keys it may have, so that a misspelt key is an error with a proposal. */
#include "orchestration/project.h"

#include "base/system.h"
#include "columns/format.h"
#include "storage/catalogs/sql/database.h"
#include "storage/files/files.h"
#include "storage/files/s3/s3.h"

#include <stdio.h>
#include <yaml.h>

enum { MAX_ERRORS = 200, MAX_CONFIGURATION = 1 << 20 };

void leat_project_add_error(struct leat_project *project, const struct leat_error *error)
{
    if (!project->errors)
        project->errors = LEAT_NEW_ARRAY(&project->arena, struct leat_error, MAX_ERRORS);
    if (project->errors && project->error_count < MAX_ERRORS)
        project->errors[project->error_count++] = *error;
}

/* --- finding --- */

static const char *const marks[] = {"spark-pipeline.yml", "spark-pipeline.yaml", "leat.yaml"};

static enum leat_status find_folder(const char *start, struct leat_arena *arena, const char **out,
                                    struct leat_error *err)
{
    char *folder = leat_path_absolute(arena, start ? start : ".");

    for (*out = NULL; folder; folder = leat_path_folder(arena, folder)) {
        for (int i = 0; i < 3; i++) {
            struct leat_file_info info;
            char *path = leat_path_join(arena, folder, marks[i]);
            if (!path)
                return leat_error_memory(err);
            LEAT_TRY(leat_file_stat(path, &info, err));
            if (info.kind == LEAT_FILE_REGULAR) {
                *out = folder;
                return LEAT_OK;
            }
        }
        if (strcmp(folder, "/") == 0)
            break;
    }
    if (!folder)
        return leat_error_memory(err);
    (void)leat_error_set(err, LEAT_E_PROJECT_NOT_FOUND,
                         "there is no project here: neither spark-pipeline.yml nor leat.yaml in "
                         "this folder or above it");
    leat_error_hint(err, "`leat init NAME` makes one");
    return LEAT_NOT_FOUND;
}

/* --- YAML --- */

struct configuration {
    struct leat_project *project;
    const char *path;
    yaml_document_t document;
    char **patterns; /* of SQL files */
    uint32_t pattern_count;
};

static void complain(struct configuration *c, const yaml_node_t *node, const char *near,
                     const char *format, const char *what)
{
    struct leat_error error;

    (void)leat_error_set(&error, LEAT_E_CONFIGURATION, format, what);
    leat_error_at(&error, c->path, node->start_mark.line + 1, node->start_mark.column + 1,
                  node->start_mark.index);
    if (near)
        leat_error_hint(&error, "did you mean \"%s\"?", near);
    leat_project_add_error(c->project, &error);
}

/* The scalar as text in the arena; complains and gives NULL if it is none. */
static const char *scalar(struct configuration *c, const yaml_node_t *node, const char *key)
{
    if (node->type != YAML_SCALAR_NODE) {
        complain(c, node, NULL, "%s takes a single value", key);
        return NULL;
    }
    return leat_arena_copy(&c->project->arena, node->data.scalar.value, node->data.scalar.length);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);

    return length >= size && strcmp(text + length - size, end) == 0;
}

typedef void (*take_key)(struct configuration *c, const char *key, yaml_node_t *value);

/* Calls `take` for every known key of a mapping. */
static void each_key(struct configuration *c, const yaml_node_t *node, const char *const *known,
                     take_key take)
{
    if (node->type != YAML_MAPPING_NODE) {
        complain(c, node, NULL, "expected %s", "a mapping (key: value)");
        return;
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(&c->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(&c->document, pair->value);
        const char *name = scalar(c, key, "a key");
        bool found = known == NULL;
        for (int i = 0; name && known && known[i]; i++)
            found |= strcmp(known[i], name) == 0;
        if (name && found)
            take(c, name, value);
        else if (name)
            complain(c, key, leat_nearest_name(leat_text_of(name), known), "unknown key \"%s\"",
                     name);
    }
}

static void add_pattern(struct configuration *c, const char *pattern)
{
    char **patterns = LEAT_NEW_ARRAY(&c->project->arena, char *, (size_t)c->pattern_count + 1);

    if (!patterns)
        return;
    if (c->pattern_count)
        memcpy(patterns, c->patterns, c->pattern_count * sizeof(*patterns));
    c->patterns = patterns;
    patterns[c->pattern_count] = leat_path_join(&c->project->arena, c->project->folder, pattern);
    if (patterns[c->pattern_count])
        c->pattern_count++;
}

static void take_glob(struct configuration *c, const char *key, yaml_node_t *value)
{
    const char *pattern = scalar(c, value, key);

    if (pattern)
        add_pattern(c, pattern);
}

static void take_library(struct configuration *c, const char *key, yaml_node_t *value)
{
    static const char *const known[] = {"include", NULL};

    if (strcmp(key, "glob") == 0)
        each_key(c, value, known, take_glob);
    else
        take_glob(c, key, value);
}

static void take_libraries(struct configuration *c, yaml_node_t *node)
{
    static const char *const known[] = {"glob", "file", NULL};

    if (node->type != YAML_SEQUENCE_NODE) {
        complain(c, node, NULL, "%s takes a list", "libraries");
        return;
    }
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++)
        each_key(c, yaml_document_get_node(&c->document, *item), known, take_library);
}

/* A setting of Spark's: fine if it changes no results here, or asks for what is so anyway. */
static void take_setting(struct configuration *c, const char *key, yaml_node_t *value)
{
    const char *text = scalar(c, value, key);
    const char *reason =
        text ? leat_sql_spark_setting(leat_text_of(key), leat_text_of(text)) : NULL;
    struct leat_error error;

    if (!reason)
        return;
    (void)leat_error_set(&error, LEAT_E_DIALECT, "the setting %s: %s is not carried over: %s", key,
                         text, reason);
    leat_error_at(&error, c->path, value->start_mark.line + 1, value->start_mark.column + 1,
                  value->start_mark.index);
    leat_project_add_error(c->project, &error);
}

/* The folder `lake` beside the checkpoints that Spark would keep there; leat.yaml may say another.
 */
static void take_storage(struct configuration *c, const char *key, yaml_node_t *value)
{
    const char *text = scalar(c, value, key);

    if (!text)
        return;
    if (strncmp(text, "file://", 7) == 0)
        text += 7;
    else if (strncmp(text, "file:", 5) == 0)
        text += 5;
    if (strstr(text, "://"))
        c->project->lake = leat_arena_printf(&c->project->arena, "%s%slake", text,
                                             ends_with(text, "/") ? "" : "/");
    else if (*text != '/')
        complain(c, value, NULL,
                 "storage is an absolute URI such as file:///data/pipeline, not \"%s\"", text);
    else
        c->project->lake = leat_path_join(&c->project->arena, text, "lake");
}

static void take_spark_key(struct configuration *c, const char *key, yaml_node_t *value)
{
    struct leat_project *project = c->project;

    if (strcmp(key, "libraries") == 0)
        take_libraries(c, value);
    else if (strcmp(key, "name") == 0)
        project->name = scalar(c, value, key);
    else if (strcmp(key, "schema") == 0 || strcmp(key, "database") == 0)
        project->schema = scalar(c, value, key);
    else if (strcmp(key, "catalog") == 0)
        project->catalog = scalar(c, value, key);
    else if (strcmp(key, "storage") == 0)
        take_storage(c, key, value);
    else if (strcmp(key, "configuration") == 0)
        each_key(c, value, NULL, take_setting);
}

static void take_variable(struct configuration *c, const char *key, yaml_node_t *value)
{
    struct leat_project *project = c->project;
    struct leat_project_variable *variables = LEAT_NEW_ARRAY(
        &project->arena, struct leat_project_variable, (size_t)project->variable_count + 1);
    const char *text = scalar(c, value, key);

    if (!variables || !text)
        return;
    if (project->variable_count)
        memcpy(variables, project->variables, project->variable_count * sizeof(*variables));
    variables[project->variable_count++] = (struct leat_project_variable){key, text};
    project->variables = variables;
}

static void take_s3_config(struct configuration *c, const char *text)
{
    const char *path = leat_path_join(&c->project->arena, c->project->folder, text);
    struct leat_error error;
    enum leat_status status = path ? leat_s3_config(path, &error) : leat_error_memory(&error);

    if (status != LEAT_OK)
        leat_project_add_error(c->project, &error);
}

/* The file of an SQLite catalog is relative to the project. */
static const char *catalog_of(struct leat_project *project, const char *text)
{
    const char *file = leat_database_file(text);

    return file ? leat_path_join(&project->arena, project->folder, file) : text;
}

static void take_host_key(struct configuration *c, const char *key, yaml_node_t *value)
{
    struct leat_project *project = c->project;
    struct leat_project_host *host = &project->hosts[project->host_count - 1];
    const char *text = scalar(c, value, key);
    int64_t number;

    if (!text)
        return;
    if (strcmp(key, "host") == 0)
        host->host = text;
    else if (strcmp(key, "master") == 0)
        host->master = text;
    else if (strcmp(key, "config") == 0)
        host->config = leat_path_join(&project->arena, project->folder, text);
    else if (!leat_parse_int64(text, strlen(text), &number) || number < 1 || number > 4096)
        complain(c, value, NULL, "%s takes a number from 1 to 4096", key);
    else if (strcmp(key, "tasks") == 0)
        host->tasks = (unsigned)number;
    else
        host->task_threads = (unsigned)number;
}

static void take_host(struct configuration *c, const char *key, yaml_node_t *value)
{
    static const char *const known[] = {"host", "master", "config", "tasks", "task_threads", NULL};
    struct leat_project *project = c->project;
    struct leat_project_host *hosts =
        LEAT_NEW_ARRAY(&project->arena, struct leat_project_host, (size_t)project->host_count + 1);

    if (!hosts)
        return;
    if (project->host_count)
        memcpy(hosts, project->hosts, project->host_count * sizeof(*hosts));
    hosts[project->host_count++] = (struct leat_project_host){.name = key};
    project->hosts = hosts;
    each_key(c, value, known, take_host_key);
    if (!project->hosts[project->host_count - 1].host)
        complain(c, value, NULL, "%s needs a key \"host\": spark, hadoop, flink or dask", key);
}

static void take_leat_key(struct configuration *c, const char *key, yaml_node_t *value)
{
    struct leat_project *project = c->project;
    const char *text;

    if (strcmp(key, "variables") == 0) {
        each_key(c, value, NULL, take_variable);
        return;
    }
    if (strcmp(key, "libraries") == 0) {
        take_libraries(c, value);
        return;
    }
    if (strcmp(key, "hosts") == 0) {
        each_key(c, value, NULL, take_host);
        return;
    }
    text = scalar(c, value, key);
    if (!text)
        return;
    if (strcmp(key, "lake") == 0)
        project->lake = leat_path_join(&project->arena, project->folder, text);
    else if (strcmp(key, "catalog") == 0)
        project->lake_catalog = catalog_of(project, text);
    else if (strcmp(key, "s3_config") == 0)
        take_s3_config(c, text);
    else if (strcmp(key, "catalog_name") == 0)
        project->catalog_name = text;
    else if (strcmp(key, "schema") == 0)
        project->schema = text;
    else if (strcmp(key, "name") == 0)
        project->name = text;
    else if (strcmp(key, "dialect") == 0 &&
             !leat_sql_dialect_find(leat_text_of(text), &project->dialect))
        complain(c, value, NULL, "dialect is postgres or spark, not \"%s\"", text);
}

static const char *const spark_keys[] = {"name",     "libraries", "storage",       "catalog",
                                         "database", "schema",    "configuration", NULL};
static const char *const leat_keys[] = {"name",      "lake",   "catalog",   "catalog_name",
                                        "s3_config", "schema", "variables", "libraries",
                                        "dialect",   "hosts",  NULL};

static void read_document(struct configuration *c, const struct leat_buffer *bytes, bool spark)
{
    struct leat_error error;
    yaml_node_t *root;
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser)) {
        (void)leat_error_memory(&error);
        leat_project_add_error(c->project, &error);
        return;
    }
    yaml_parser_set_input_string(&parser, bytes->data, bytes->length);
    if (!yaml_parser_load(&parser, &c->document)) {
        (void)leat_error_set(&error, LEAT_E_CONFIGURATION, "%s",
                             parser.problem ? parser.problem : "not YAML");
        leat_error_at(&error, c->path, parser.problem_mark.line + 1, parser.problem_mark.column + 1,
                      parser.problem_mark.index);
        leat_project_add_error(c->project, &error);
    } else {
        root = yaml_document_get_root_node(&c->document);
        if (root)
            each_key(c, root, spark ? spark_keys : leat_keys,
                     spark ? take_spark_key : take_leat_key);
        yaml_document_delete(&c->document);
    }
    yaml_parser_delete(&parser);
}

/* Reads a configuration file if it is there; *found tells. */
static enum leat_status read_file(struct configuration *c, const char *name, bool spark,
                                  bool *found, struct leat_error *err)
{
    struct leat_arena *arena = &c->project->arena;
    char *path = leat_path_join(arena, c->project->folder, name);
    struct leat_file_info info;
    struct leat_buffer bytes;
    enum leat_status status;

    *found = false;
    c->path = leat_arena_strdup(arena, name);
    if (!path || !c->path)
        return leat_error_memory(err);
    LEAT_TRY(leat_file_stat(path, &info, err));
    if (info.kind != LEAT_FILE_REGULAR)
        return LEAT_OK;
    *found = true;
    leat_buffer_init(&bytes, MAX_CONFIGURATION);
    status = leat_file_read_all(path, &bytes, err);
    if (status == LEAT_OK)
        read_document(c, &bytes, spark);
    leat_buffer_release(&bytes);
    return status;
}

/* --- SQL files --- */

static const char *find_variable(const struct leat_project *project, struct leat_text name)
{
    for (uint32_t i = project->variable_count; i-- > 0;)
        if (leat_text_equal(leat_text_of(project->variables[i].name), name))
            return project->variables[i].value;
    return NULL;
}

static enum leat_status unknown_variable(struct leat_project *project, const char *path,
                                         const struct leat_buffer *text, size_t at, size_t length,
                                         struct leat_error *err)
{
    struct leat_text name = {(const char *)text->data + at + 2, length - 3};
    const char **names =
        LEAT_NEW_ARRAY(&project->arena, const char *, (size_t)project->variable_count + 1);
    struct leat_error error;
    const char *near;

    if (!names)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < project->variable_count; i++)
        names[i] = project->variables[i].name;
    near = leat_nearest_name(name, names);
    (void)leat_error_set(&error, LEAT_E_CONFIGURATION, "there is no variable \"%.*s\"",
                         (int)(name.length < 100 ? name.length : 100), name.data);
    leat_error_at_text(&error, path, (const char *)text->data, text->length, at, (uint32_t)length);
    if (near)
        leat_error_hint(&error, "did you mean ${%s}?", near);
    else
        leat_error_hint(&error, "variables stand in leat.yaml and configs/config.ENV.yaml");
    leat_project_add_error(project, &error);
    return LEAT_OK;
}

/* Puts the values of variables in the place of ${name}; $${ stands for ${ itself. */
static enum leat_status substitute(struct leat_project *project, const char *path,
                                   const struct leat_buffer *text, struct leat_buffer *out,
                                   struct leat_error *err)
{
    const char *bytes = (const char *)text->data;

    for (size_t i = 0; i < text->length; i++) {
        size_t end = i + 2;
        bool escaped = i + 2 < text->length && memcmp(bytes + i, "$${", 3) == 0;
        const char *value;
        if (escaped)
            i++;
        if (escaped || i + 2 >= text->length || bytes[i] != '$' || bytes[i + 1] != '{') {
            LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)bytes[i], err));
            if (escaped)
                LEAT_TRY(leat_buffer_append_byte(out, (uint8_t)bytes[++i], err));
            continue;
        }
        while (end < text->length && bytes[end] != '}' && bytes[end] != '\n')
            end++;
        end += end < text->length && bytes[end] == '}';
        value = find_variable(project, (struct leat_text){bytes + i + 2, end - i - 3});
        if (value)
            LEAT_TRY(leat_buffer_append_string(out, value, err));
        else
            LEAT_TRY(unknown_variable(project, path, text, i, end - i, err));
        i = end - 1;
    }
    return LEAT_OK;
}

static enum leat_status parse_file(struct leat_project *project, const char *path,
                                   struct leat_error *err)
{
    struct leat_project_file *file = &project->files[project->file_count];
    size_t prefix = strlen(project->folder);
    struct leat_buffer read, bytes;
    enum leat_status status;
    char *text;

    file->path = strncmp(path, project->folder, prefix) == 0 && path[prefix] == '/'
                     ? leat_arena_strdup(&project->arena, path + prefix + 1)
                     : leat_arena_strdup(&project->arena, path);
    if (!file->path)
        return leat_error_memory(err);
    leat_buffer_init(&read, LEAT_SQL_MAX_TEXT);
    leat_buffer_init(&bytes, LEAT_SQL_MAX_TEXT);
    status = leat_file_read_all(path, &read, err);
    if (status == LEAT_OK)
        status = substitute(project, file->path, &read, &bytes, err);
    text = status == LEAT_OK ? leat_arena_copy(&project->arena, bytes.data, bytes.length) : NULL;
    if (status == LEAT_OK && !text)
        status = leat_error_memory(err);
    if (status == LEAT_OK) {
        struct leat_error first;
        status = leat_sql_parse(file->path, text, bytes.length, project->dialect, &project->arena,
                                &file->script, &first);
        if (status == LEAT_NO_MEMORY) {
            *err = first;
        } else {
            status = LEAT_OK; /* syntax errors are collected */
            for (uint32_t i = 0; i < file->script.error_count; i++)
                leat_project_add_error(project, &file->script.errors[i]);
            project->file_count++;
        }
    }
    leat_buffer_release(&read);
    leat_buffer_release(&bytes);
    return status;
}

static enum leat_status parse_files(struct leat_project *project, const struct configuration *c,
                                    struct leat_error *err)
{
    enum leat_status status = LEAT_OK;

    for (uint32_t p = 0; p < c->pattern_count && status == LEAT_OK; p++) {
        struct leat_file_list list;
        struct leat_project_file *files;
        /* Spark writes a folder and two stars for all files below it */
        size_t length = strlen(c->patterns[p]);
        if (ends_with(c->patterns[p], "/**"))
            c->patterns[p][length - 3] = '\0';
        status = leat_file_glob(c->patterns[p], &list, err);
        if (status != LEAT_OK)
            break;
        files = LEAT_NEW_ARRAY(&project->arena, struct leat_project_file,
                               project->file_count + list.count);
        if (files && project->file_count)
            memcpy(files, project->files, project->file_count * sizeof(*files));
        project->files = files;
        if (!files)
            status = leat_error_memory(err);
        for (size_t i = 0; i < list.count && status == LEAT_OK; i++)
            if (ends_with(list.items[i].path, ".sql"))
                status = parse_file(project, list.items[i].path, err);
        leat_file_list_release(&list);
    }

    return status;
}

static enum leat_status load(struct leat_project *project, const char *start,
                             struct leat_error *err)
{
    struct configuration c = {.project = project};
    bool spark, spark_yaml, own, environment;
    const char *name;

    LEAT_TRY(find_folder(start, &project->arena, &project->folder, err));
    project->catalog_name = "leat";
    LEAT_TRY(read_file(&c, "spark-pipeline.yml", true, &spark, err));
    if (!spark)
        LEAT_TRY(read_file(&c, "spark-pipeline.yaml", true, &spark_yaml, err));
    else
        spark_yaml = true;
    if (spark_yaml) /* leat.yaml may say otherwise */
        project->dialect = LEAT_SQL_SPARK;
    LEAT_TRY(read_file(&c, "leat.yaml", false, &own, err));
    name = leat_arena_printf(&project->arena, "configs/config.%s.yaml", project->environment);
    if (!name)
        return leat_error_memory(err);
    LEAT_TRY(read_file(&c, name, false, &environment, err));
    if (!environment && strcmp(project->environment, "dev") != 0) {
        (void)leat_error_set(err, LEAT_E_CONFIGURATION, "there is no environment \"%s\"",
                             project->environment);
        leat_error_hint(err, "make %s", name);
        return LEAT_INVALID;
    }
    if (!project->name) {
        const char *slash = strrchr(project->folder, '/');
        project->name = slash ? slash + 1 : project->folder;
    }
    if (!project->schema)
        project->schema = "main";
    if (!project->lake)
        project->lake = leat_path_join(&project->arena, project->folder, "lake");
    if (project->lake && !project->lake_catalog && leat_path_is_uri(project->lake))
        project->lake_catalog = leat_path_join(&project->arena, project->folder, "catalog.db");
    if (c.pattern_count == 0)
        add_pattern(&c, "transformations/**");
    if (!project->lake)
        return leat_error_memory(err);
    return parse_files(project, &c, err);
}

enum leat_status leat_project_open(const char *start, const char *environment,
                                   struct leat_project *out, struct leat_error *err)
{
    enum leat_status status;

    memset(out, 0, sizeof(*out));
    leat_arena_init(&out->arena, NULL);
    out->environment = environment ? environment : "dev";
    status = leat_files_register(err);
    if (status == LEAT_OK)
        status = load(out, start, err);
    if (status != LEAT_OK) {
        leat_project_close(out);
        return status;
    }
    if (out->error_count > 0) {
        *err = out->errors[0];
        return err->status;
    }
    return LEAT_OK;
}

void leat_project_close(struct leat_project *project)
{
    leat_arena_release(&project->arena);
    memset(project, 0, sizeof(*project));
}

void leat_project_host(const struct leat_project *project, struct leat_host_options *options)
{
    for (uint32_t i = project->host_count; options->name && i-- > 0;) {
        const struct leat_project_host *host = &project->hosts[i];
        if (strcmp(host->name, options->name) != 0)
            continue;
        options->name = host->host;
        options->master = options->master ? options->master : host->master;
        options->config = options->config ? options->config : host->config;
        options->tasks = options->tasks ? options->tasks : host->tasks;
        options->task_threads = options->task_threads ? options->task_threads : host->task_threads;
        return;
    }
}
