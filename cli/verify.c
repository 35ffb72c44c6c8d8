/* leat verify: the pipeline is run twice from scratch, into two lakes of its own, on two hosts;
 * then each host computes fingerprints of its tables, which do not depend on the order of rows: a
 * sum of the rows' hashes, for the table and for each column. Where they differ, both are narrowed
 * down to buckets of row hashes, and to the rows. */
#include "api/c/session.h"
#include "cli/project.h"
#include "orchestration/quarantine.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { BUCKETS = 256, SHOWN_ROWS = 5, MAX_TABLES = 10000 };

struct verify_options {
    const char *environment, *threads, *task_threads, *memory, *on, *master, *host_config, *against;
    bool keep;
};
struct side {
    struct leat_host_options host;
    const char *name; /* as people call it */
    const char *lake;
    const char *catalog; /* an SQLite file of its own; NULL: in the lake */
    struct leat_session *session;
};

static struct leat_cancel cancel; /* for Ctrl-C */

static void interrupt(int signal_number)
{
    (void)signal_number;
    atomic_store(&cancel.requested, true);
}

/* --- answers as text --- */

struct answer {
    struct leat_session_output base;
    struct leat_arena arena;
    uint32_t columns;
    const char **names;
    size_t rows;
    size_t capacity;
    const char ***cells; /* by row and column; "NULL" for nulls */
};

static enum leat_status answer_begin(struct leat_session_output *output,
                                     const struct leat_schema *schema, struct leat_error *err)
{
    struct answer *answer = (struct answer *)output;

    answer->columns = schema->count;
    answer->names = LEAT_NEW_ARRAY(&answer->arena, const char *, schema->count);
    if (!answer->names)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < schema->count; i++)
        if (!(answer->names[i] = leat_arena_strdup(&answer->arena, schema->fields[i].name)))
            return leat_error_memory(err);
    return LEAT_OK;
}

static enum leat_status answer_row(struct answer *answer, const struct leat_batch *batch,
                                   uint32_t row, struct leat_error *err)
{
    const char **cells = LEAT_NEW_ARRAY(&answer->arena, const char *, batch->column_count);
    struct leat_buffer text;
    enum leat_status status = LEAT_OK;

    if (answer->rows == answer->capacity) {
        size_t capacity = answer->capacity * 2 + 64;
        const char ***more = leat_realloc(answer->cells, capacity * sizeof(*more));
        if (!more)
            return leat_error_memory(err);
        answer->cells = more;
        answer->capacity = capacity;
    }
    if (!cells)
        return leat_error_memory(err);
    leat_buffer_init(&text, 0);
    for (uint32_t c = 0; c < batch->column_count && status == LEAT_OK; c++) {
        text.length = 0;
        status = leat_vector_is_null(&batch->columns[c], row)
                     ? leat_buffer_append_string(&text, "NULL", err)
                     : leat_vector_print(&batch->columns[c], row, &text, err);
        if (status == LEAT_OK &&
            !(cells[c] = leat_arena_copy(&answer->arena, text.data, text.length)))
            status = leat_error_memory(err);
    }
    leat_buffer_release(&text);
    if (status == LEAT_OK)
        answer->cells[answer->rows++] = cells;
    return status;
}

static enum leat_status answer_batch(struct leat_session_output *output,
                                     const struct leat_batch *batch, struct leat_error *err)
{
    for (uint32_t row = 0; row < batch->length; row++)
        LEAT_TRY(answer_row((struct answer *)output, batch, row, err));
    return LEAT_OK;
}

static enum leat_status answer_end(struct leat_session_output *output, const char *tag,
                                   uint64_t rows, struct leat_error *err)
{
    (void)output;
    (void)tag;
    (void)rows;
    (void)err;
    return LEAT_OK;
}

static void answer_init(struct answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->base = (struct leat_session_output){
        .begin = answer_begin, .batch = answer_batch, .end = answer_end};
    leat_arena_init(&answer->arena, NULL);
}

static void answer_release(struct answer *answer)
{
    leat_arena_release(&answer->arena);
    leat_free(answer->cells);
}

static enum leat_status ask(const struct side *side, const char *sql, struct answer *out,
                            struct leat_error *err)
{
    struct leat_error *errors = err;
    struct leat_arena arena;
    uint32_t count = 1;
    enum leat_status status;

    if (leat_cancel_requested(&cancel))
        return leat_error_set(err, LEAT_E_CANCELLED, "the comparison was cancelled");
    leat_arena_init(&arena, NULL);
    status = leat_session_run(side->session, "", sql, strlen(sql), &out->base, &arena, &errors,
                              &count, err);
    if (status != LEAT_OK && count > 0 && errors != err)
        *err = errors[0];
    leat_arena_release(&arena);
    return status;
}

/* The same text of both sides. */
static enum leat_status ask_both(const struct side *sides, struct leat_buffer *sql,
                                 struct answer *out, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(sql, 0, err));
    LEAT_TRY(ask(&sides[0], (const char *)sql->data, &out[0], err));
    return ask(&sides[1], (const char *)sql->data, &out[1], err);
}

/* --- statements --- */

/* A run's own columns of quarantine tables differ between runs by their nature. */
static bool is_of_the_run(const char *table, const char *column)
{
    static const int own[] = {LEAT_QUARANTINE_AT, LEAT_QUARANTINE_RUN, LEAT_QUARANTINE_ID};
    const char *suffix = strstr(table, "_quarantine");

    if (!suffix || strcmp(suffix, "_quarantine") != 0)
        return false;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(column, leat_quarantine_schema.fields[own[i]].name) == 0)
            return true;
    return false;
}

static enum leat_status put_name(struct leat_buffer *sql, const char *name, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_byte(sql, '"', err));
    for (const char *c = name; *c; c++) {
        if (*c == '"')
            LEAT_TRY(leat_buffer_append_byte(sql, '"', err));
        LEAT_TRY(leat_buffer_append_byte(sql, (uint8_t)*c, err));
    }
    return leat_buffer_append_byte(sql, '"', err);
}

/* row_hash of all columns. */
static enum leat_status put_hash(struct leat_buffer *sql, const char *table,
                                 const struct answer *columns, struct leat_error *err)
{
    const char *before = "row_hash(";

    for (uint32_t c = 0; c < columns->columns; c++) {
        if (is_of_the_run(table, columns->names[c]))
            continue;
        LEAT_TRY(leat_buffer_append_string(sql, before, err));
        LEAT_TRY(put_name(sql, columns->names[c], err));
        before = ", ";
    }
    return leat_buffer_append_byte(sql, ')', err);
}

/* schema.table, each part quoted. */
static enum leat_status put_table(struct leat_buffer *sql, const char *table,
                                  struct leat_error *err)
{
    const char *dot = strchr(table, '.');
    char schema[256];

    if (!dot || (size_t)(dot - table) >= sizeof(schema))
        return put_name(sql, table, err);
    memcpy(schema, table, (size_t)(dot - table));
    schema[dot - table] = 0;
    LEAT_TRY(put_name(sql, schema, err));
    LEAT_TRY(leat_buffer_append_byte(sql, '.', err));
    return put_name(sql, dot + 1, err);
}

/* SELECT count(*), fingerprint of the table, then one of each column. */
static enum leat_status put_fingerprints(struct leat_buffer *sql, const char *table,
                                         const struct answer *columns, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(sql, "SELECT count(*) AS rows, sum(", err));
    LEAT_TRY(put_hash(sql, table, columns, err));
    LEAT_TRY(leat_buffer_append_string(sql, ")", err));
    for (uint32_t c = 0; c < columns->columns; c++) {
        if (is_of_the_run(table, columns->names[c]))
            continue;
        LEAT_TRY(leat_buffer_append_string(sql, ", sum(row_hash(", err));
        LEAT_TRY(put_name(sql, columns->names[c], err));
        LEAT_TRY(leat_buffer_append_string(sql, ")) AS ", err));
        LEAT_TRY(put_name(sql, columns->names[c], err));
    }
    LEAT_TRY(leat_buffer_append_string(sql, " FROM ", err));
    return put_table(sql, table, err);
}

/* --- differences --- */

/* The rows of a bucket with their hash, in order. */
static enum leat_status put_bucket(struct leat_buffer *sql, const char *table,
                                   const struct answer *columns, const char *bucket,
                                   struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(sql, "SELECT ", err));
    LEAT_TRY(put_hash(sql, table, columns, err));
    LEAT_TRY(leat_buffer_append_string(sql, " AS h, * FROM ", err));
    LEAT_TRY(put_table(sql, table, err));
    LEAT_TRY(leat_buffer_append_string(sql, " WHERE ", err));
    LEAT_TRY(put_hash(sql, table, columns, err));
    LEAT_TRY(leat_buffer_append_string(sql, " % 256 = ", err));
    LEAT_TRY(leat_buffer_append_string(sql, bucket, err));
    return leat_buffer_append_string(sql, " ORDER BY h", err);
}

/* Rows and fingerprint of each bucket, in order. */
static enum leat_status put_buckets(struct leat_buffer *sql, const char *table,
                                    const struct answer *columns, struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(
        sql, "SELECT h % 256 AS bucket, count(*), sum(h) FROM (SELECT ", err));
    LEAT_TRY(put_hash(sql, table, columns, err));
    LEAT_TRY(leat_buffer_append_string(sql, " AS h FROM ", err));
    LEAT_TRY(put_table(sql, table, err));
    return leat_buffer_append_string(sql, ") AS t GROUP BY 1 ORDER BY 1", err);
}

static void print_row(const struct side *side, const struct answer *answer, size_t row)
{
    fprintf(stdout, "    only %s:", side->name);
    for (uint32_t c = 1; c < answer->columns; c++)
        fprintf(stdout, "%s %s = %s", c > 1 ? "," : "", answer->names[c], answer->cells[row][c]);
    fputc('\n', stdout);
}

static int compare_hashes(const char *a, const char *b)
{
    int64_t x = 0, y = 0;

    (void)!leat_parse_int64(a, strlen(a), &x);
    (void)!leat_parse_int64(b, strlen(b), &y);
    return (x > y) - (x < y);
}

/* Both in the order of hashes: what has no partner is shown. */
static unsigned show_rows(const struct side *sides, const struct answer *rows, unsigned shown)
{
    size_t a = 0, b = 0;

    while ((a < rows[0].rows || b < rows[1].rows) && shown < SHOWN_ROWS) {
        int order = a == rows[0].rows   ? 1
                    : b == rows[1].rows ? -1
                                        : compare_hashes(rows[0].cells[a][0], rows[1].cells[b][0]);
        if (order < 0)
            print_row(&sides[0], &rows[0], a);
        else if (order > 0)
            print_row(&sides[1], &rows[1], b);
        shown += order != 0;
        a += order <= 0;
        b += order >= 0;
    }
    return shown;
}

static enum leat_status show_bucket(const struct side *sides, const char *table,
                                    const struct answer *columns, const char *bucket,
                                    unsigned *shown, struct leat_error *err)
{
    struct answer rows[2];
    struct leat_buffer sql;
    enum leat_status status;

    answer_init(&rows[0]);
    answer_init(&rows[1]);
    leat_buffer_init(&sql, 0);
    status = put_bucket(&sql, table, columns, bucket, err);
    if (status == LEAT_OK)
        status = ask_both(sides, &sql, rows, err);
    leat_buffer_release(&sql);
    if (status == LEAT_OK)
        *shown = show_rows(sides, rows, *shown);
    answer_release(&rows[0]);
    answer_release(&rows[1]);
    return status;
}

/* Bucket by bucket until enough rows are shown. */
static enum leat_status narrow_down(const struct side *sides, const char *table,
                                    const struct answer *columns, struct leat_error *err)
{
    struct answer buckets[2];
    struct leat_buffer sql;
    enum leat_status status;
    unsigned shown = 0, differ = 0;
    size_t a = 0, b = 0;

    answer_init(&buckets[0]);
    answer_init(&buckets[1]);
    leat_buffer_init(&sql, 0);
    status = put_buckets(&sql, table, columns, err);
    if (status == LEAT_OK)
        status = ask_both(sides, &sql, buckets, err);
    leat_buffer_release(&sql);
    while (status == LEAT_OK && (a < buckets[0].rows || b < buckets[1].rows)) {
        const char **x = a < buckets[0].rows ? buckets[0].cells[a] : NULL;
        const char **y = b < buckets[1].rows ? buckets[1].cells[b] : NULL;
        int order = !x ? 1 : !y ? -1 : compare_hashes(x[0], y[0]);
        bool same = order == 0 && strcmp(x[1], y[1]) == 0 && strcmp(x[2], y[2]) == 0;
        differ += !same;
        if (!same && shown < SHOWN_ROWS)
            status = show_bucket(sides, table, columns, order <= 0 ? x[0] : y[0], &shown, err);
        a += order <= 0;
        b += order >= 0;
    }
    if (status == LEAT_OK)
        fprintf(stdout, "    %u of %d ranges of row hashes differ\n", differ, BUCKETS);
    answer_release(&buckets[0]);
    answer_release(&buckets[1]);
    return status;
}

/* --- tables --- */

static void print_table(const char *table, const struct side *sides, const struct answer *prints,
                        bool same)
{
    const char *rows = prints[0].cells[0][0];

    if (same) {
        fprintf(stdout, "  same    %-40s %12s rows  %s\n", table, rows, prints[0].cells[0][1]);
        return;
    }
    fprintf(stdout, "  DIFFERS %-40s %12s rows %s, %s rows %s; columns", table, rows, sides[0].name,
            prints[1].cells[0][0], sides[1].name);
    for (uint32_t c = 2; c < prints[0].columns; c++)
        if (strcmp(prints[0].cells[0][c], prints[1].cells[0][c]) != 0)
            fprintf(stdout, " %s", prints[0].names[c]);
    fputc('\n', stdout);
}

static enum leat_status compare_prints(const struct side *sides, const char *table,
                                       const struct answer *columns, struct leat_buffer *sql,
                                       bool *same, struct leat_error *err)
{
    struct answer prints[2];
    enum leat_status status;

    answer_init(&prints[0]);
    answer_init(&prints[1]);
    status = put_fingerprints(sql, table, columns, err);
    if (status == LEAT_OK)
        status = ask_both(sides, sql, prints, err);
    if (status == LEAT_OK) {
        *same = true;
        for (uint32_t c = 0; c < prints[0].columns; c++)
            *same &= strcmp(prints[0].cells[0][c], prints[1].cells[0][c]) == 0;
        print_table(table, sides, prints, *same);
    }
    answer_release(&prints[0]);
    answer_release(&prints[1]);
    return status == LEAT_OK && !*same ? narrow_down(sides, table, columns, err) : status;
}

static enum leat_status put_columns(struct leat_buffer *sql, const char *table,
                                    struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(sql, "SELECT * FROM ", err));
    LEAT_TRY(put_table(sql, table, err));
    return leat_buffer_append(sql, " LIMIT 0", sizeof(" LIMIT 0"), err);
}

static enum leat_status compare_table(const struct side *sides, const char *table, bool *same,
                                      struct leat_error *err)
{
    struct leat_buffer sql;
    struct answer columns;
    enum leat_status status;

    answer_init(&columns);
    leat_buffer_init(&sql, 0);
    status = put_columns(&sql, table, err);
    if (status == LEAT_OK)
        status = ask(&sides[0], (const char *)sql.data, &columns, err);
    sql.length = 0;
    if (status == LEAT_OK)
        status = compare_prints(sides, table, &columns, &sql, same, err);
    leat_buffer_release(&sql);
    answer_release(&columns);
    return status;
}

static enum leat_status compare_all(const struct side *sides, unsigned *differing,
                                    struct leat_error *err)
{
    struct leat_bytes_list names;
    enum leat_status status;

    leat_bytes_list_init(&names);
    status = leat_session_names(sides[0].session, &names, err);
    for (size_t i = 0; i < names.count && status == LEAT_OK; i++) {
        bool same = true;
        status = compare_table(sides, names.items[i].data, &same, err);
        *differing += !same;
    }
    leat_bytes_list_release(&names);
    return status;
}

/* --- both runs --- */

static int run_side(const char *folder, const struct verify_options *o, struct side *side,
                    const struct leat_update_options *update, struct leat_arena *arena)
{
    struct leat_session_options options = {.host = side->host, .threads = update->threads};
    struct leat_update_options its = *update;
    struct leat_update_summary summary;
    struct leat_project project;
    struct leat_pipeline pipeline;
    struct leat_error error;
    char id[37];
    int code = leat_cli_open_pipeline(folder, o->environment, false, &project, &pipeline);
    enum leat_status status;

    if (code != LEAT_EXIT_OK)
        return code;
    leat_random_uuid(id);
    side->lake = leat_arena_printf(arena, "%s-verify-%.8s", project.lake, id);
    project.lake = side->lake;
    if (project.lake_catalog)
        project.lake_catalog = side->catalog =
            leat_arena_printf(arena, "%s/.verify-%.8s.db", project.folder, id);
    its.host = side->host;
    fprintf(stderr, "running %s, into %s\n", side->name, side->lake ? side->lake : "");
    status =
        side->lake ? leat_update_run(&pipeline, &its, &summary, &error) : leat_error_memory(&error);
    if (side->lake)
        leat_update_summary_release(&summary);
    options.lake = side->lake;
    options.catalog = side->catalog;
    options.schema = leat_arena_strdup(arena, project.schema);
    options.catalog_name =
        project.catalog_name ? leat_arena_strdup(arena, project.catalog_name) : NULL;
    leat_project_host(&project, &options.host);
    if (status == LEAT_OK)
        status = leat_session_new(&options, &side->session, &error);
    leat_project_close(&project);
    if (status != LEAT_OK)
        leat_cli_report(&error, 1, false);
    return status == LEAT_OK ? LEAT_EXIT_OK : leat_cli_exit(&error);
}

static void close_side(struct side *side, bool keep)
{
    struct leat_error error;

    leat_session_free(side->session);
    if (side->lake && !keep && leat_folder_remove_all(side->lake, &error) != LEAT_OK)
        leat_cli_report(&error, 1, false);
    if (side->catalog && !keep && leat_file_remove(side->catalog, &error) != LEAT_OK)
        leat_cli_report(&error, 1, false);
}

static int verify(const char *folder, const struct verify_options *o,
                  const struct leat_update_options *update)
{
    struct side sides[2] = {{.host = {.name = o->on,
                                      .master = o->master,
                                      .config = o->host_config,
                                      .task_threads = update->host.task_threads},
                             .name = o->on},
                            {.host = {.name = o->against}, .name = o->against}};
    struct leat_error error;
    struct leat_arena arena;
    unsigned differing = 0;
    int code;

    leat_arena_init(&arena, NULL);
    code = run_side(folder, o, &sides[0], update, &arena);
    if (code == LEAT_EXIT_OK)
        code = run_side(folder, o, &sides[1], update, &arena);
    if (code == LEAT_EXIT_OK && compare_all(sides, &differing, &error) != LEAT_OK) {
        leat_cli_report(&error, 1, false);
        code = leat_cli_exit(&error);
    }
    if (code == LEAT_EXIT_OK) {
        fprintf(stdout, differing ? "%u tables differ\n" : "all tables are the same\n", differing);
        code = differing ? LEAT_EXIT_FAILED : LEAT_EXIT_OK;
    }
    close_side(&sides[0], o->keep);
    close_side(&sides[1], o->keep);
    leat_arena_release(&arena);
    return code;
}

static int run_verify(int argc, char **argv)
{
    struct verify_options o = {.against = "local"};
    const struct leat_cli_option options[] = {
        {"--env", &o.environment, NULL}, {"--threads", &o.threads, NULL},
        {"--memory", &o.memory, NULL},   {"--on", &o.on, NULL},
        {"--master", &o.master, NULL},   {"--host-config", &o.host_config, NULL},
        {"--against", &o.against, NULL}, {"--task-threads", &o.task_threads, NULL},
        {"--keep", NULL, &o.keep}};
    struct leat_update_options update = {.cancel = &cancel};
    struct leat_error error;

    if (!leat_cli_parse(&leat_command_verify, options, sizeof(options) / sizeof(options[0]), &argc,
                        argv))
        return LEAT_EXIT_USAGE;
    if (!o.on || !leat_cli_threads(o.threads, &update.threads) ||
        (o.memory && !leat_cli_size(o.memory, &update.memory))) {
        (void)leat_error_set(&error, LEAT_E_USAGE,
                             "leat verify: --on HOST is needed; --threads and --task-threads take "
                             "a number, --memory "
                             "a size such as 256MB");
        leat_cli_report(&error, 1, false);
        return LEAT_EXIT_USAGE;
    }
    signal(SIGINT, interrupt);
    return verify(argc > 0 ? argv[0] : NULL, &o, &update);
}

const struct leat_command leat_command_verify = {
    "verify", "prove that a host gives the same tables",
    "Runs a project's pipeline twice from scratch, into two lakes of its own beside the project's, "
    "on two\n"
    "hosts, and compares fingerprints of all tables. The lakes are removed afterwards.\n\n"
    "  leat verify --on local:processes\n"
    "  leat verify --on spark --master spark://head:7077\n"
    "  leat verify examples/flights --on dask --master tcp://head:8786 --against "
    "local:processes\n\n"
    "Options:\n"
    "  --on HOST            the host: local:processes, spark, hadoop, flink, dask\n"
    "  --master ADDRESS     the cluster's address, in its own words\n"
    "  --host-config FILE   the host's settings\n"
    "  --against HOST       what it is compared with (default local)\n"
    "  --env NAME           environment: configs/config.NAME.yaml (default dev)\n"
    "  --threads N          threads, or tasks (default: all there are)\n"
    "  --task-threads N     threads of each task of HOST (default 1)\n"
    "  --memory SIZE        memory limit, for example 1GB (default: three quarters of the "
    "machine's)\n"
    "  --keep               keep both lakes\n\n"
    "A fingerprint is the sum of the hashes of all rows, or of all values of a column: it does not "
    "depend\n"
    "on their order. Where tables differ, the columns and up to 5 rows are shown.\n\n"
    "Exit codes: 0 the same, 1 different or failed, 2 wrong usage, 130 interrupted.",
    run_verify};
