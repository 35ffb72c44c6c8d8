/*
 * A project: a folder with spark-pipeline.yml and/or leat.yaml, configs/config.ENV.yaml, and SQL
 * files that declare datasets, flows and tests.
 */
#ifndef LEAT_ORCHESTRATION_PROJECT_H
#define LEAT_ORCHESTRATION_PROJECT_H

#include "base/file.h"
#include "compute/hosts/host.h"
#include "compute/sql/parser.h"

struct leat_project_file {
    const char *path; /* as shown: relative to the project */
    struct leat_sql_script script;
};
struct leat_project_variable {
    const char *name;
    const char *value;
};
/* A place where runs may be carried out, by the name that --on takes. */
struct leat_project_host {
    const char *name;
    const char *host;      /* "spark" */
    const char *master;    /* or NULL */
    const char *config;    /* absolute, or NULL */
    unsigned tasks;        /* 0: as many as it runs at once */
    unsigned task_threads; /* 0: one */
};
struct leat_project {
    struct leat_arena arena;
    const char *folder; /* absolute */
    const char *name;
    const char *lake;         /* absolute, or a URI */
    const char *lake_catalog; /* as leat_database_open names it; NULL: in the lake's folder */
    const char *catalog_name; /* "leat" unless configured */
    const char *catalog;      /* as spark-pipeline.yml names it, or NULL */
    const char *schema;       /* the lake's schema for its tables; "main" unless configured */
    const char *environment;
    enum leat_sql_dialect
        dialect;             /* of its SQL: Spark's with spark-pipeline.yml, or as configured */
    uint32_t variable_count; /* ${name} in SQL files; the environment's come later and win */
    struct leat_project_variable *variables;
    uint32_t host_count;
    struct leat_project_host *hosts;
    uint32_t file_count;
    struct leat_project_file *files;
    struct leat_error *errors; /* all that were found while loading: configuration and syntax */
    uint32_t error_count;
};

/* Finds the project's folder from `start` (NULL: the current folder) upwards, reads its
 * configuration for the environment (NULL: "dev") and parses its SQL. Errors of configuration and
 * syntax are collected in errors; the first is *err. */
LEAT_CHECKED enum leat_status leat_project_open(const char *start, const char *environment,
                                                struct leat_project *out, struct leat_error *err);
void leat_project_close(struct leat_project *project);
/* Replaces a name of the project's hosts by what stands behind it; others stay as they are. What
 * was given besides the name wins. */
void leat_project_host(const struct leat_project *project, struct leat_host_options *options);
/* Adds an error to the project's list (dropped beyond 200 or when memory is out). */
void leat_project_add_error(struct leat_project *project, const struct leat_error *error);

#endif
