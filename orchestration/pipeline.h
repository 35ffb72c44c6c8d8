/*
 * A pipeline: the datasets that a project's SQL declares, the flows into them, and their order.
 */
#ifndef LEAT_ORCHESTRATION_PIPELINE_H
#define LEAT_ORCHESTRATION_PIPELINE_H

#include "orchestration/project.h"

enum leat_dataset_kind { LEAT_DATASET_STREAMING, LEAT_DATASET_MATERIALIZED, LEAT_DATASET_VIEW };

struct leat_dataset;
struct leat_flow {
    const char *name;
    const struct leat_project_file *file;
    const struct leat_sql_query *query;
    bool by_name;
    bool once;
    uint32_t offset; /* of the statement */
};
struct leat_dataset {
    const char *name;
    enum leat_dataset_kind kind;
    const struct leat_project_file *file;
    const struct leat_sql_statement *statement;
    const struct leat_sql_create *create;
    uint32_t flow_count;
    struct leat_flow *flows;
    uint32_t input_count; /* datasets of this pipeline that its flows read */
    struct leat_dataset **inputs;
    bool *streamed;      /* of each input: it is read as a STREAM */
    char definition[65]; /* SHA-256 of its statements' texts */
    int mark;            /* of the ordering */
    void *state;         /* the update's own */
};
struct leat_pipeline {
    struct leat_project *project;
    uint32_t count;
    struct leat_dataset **datasets; /* in dependency order */
    uint32_t test_count;
    const struct leat_sql_test **tests;
    const struct leat_project_file **test_files;
};

/* Builds the pipeline of an opened project. Duplicates, cycles, flows without table and misplaced
 * statements are added to the project's errors; the first is *err. Everything lies in the project's
 * arena. */
LEAT_CHECKED enum leat_status leat_pipeline_build(struct leat_project *project,
                                                  struct leat_pipeline *out,
                                                  struct leat_error *err);
/* The dataset of a name as written (one part, or schema.name of the project's schema), or NULL. */
struct leat_dataset *leat_pipeline_find(const struct leat_pipeline *pipeline,
                                        const struct leat_text *parts, uint32_t count);

#endif
