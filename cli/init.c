/* leat init: a small project that works, to be changed into one's own. */
#include "cli/command.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

struct template_file {
    const char *path;
    const char *text; /* NAME stands for the project's name */
};

static const struct template_file files[] = {
    {"leat.yaml", "# Settings of this pipeline. configs/config.ENV.yaml overrides them with `leat "
                  "run --env ENV`.\n"
                  "name: NAME\n"
                  "schema: NAME      # where the lake keeps the tables: NAME.orders\n"
                  "lake: lake\n"},
    {"configs/config.dev.yaml", "# `leat run` (dev is the default environment).\nlake: lake\n"},
    {"configs/config.prod.yaml",
     "# `leat run --env prod`: a lake of its own, so that trials never touch what people read.\n"
     "lake: lake-prod\n"},
    {"data/orders/2026-01-01.csv", "id,customer,product,amount,ordered_at\n"
                                   "1,Ada,tea,12.50,2026-01-01 09:12\n"
                                   "2,Grace,coffee,8.00,2026-01-01 10:40\n"
                                   "3,Ada,cups,-4.00,2026-01-01 11:05\n"
                                   "4,Linus,tea,twelve,2026-01-01 12:30\n"
                                   "5,Grace,tea,25.00,2026-01-01 16:01\n"},
    {"transformations/orders.sql",
     "-- New files in data/orders are read once. Rows that cannot be read, and amounts that cannot "
     "be, are\n"
     "-- kept aside: leat quarantine list.\n"
     "CREATE STREAMING TABLE orders (\n"
     "  CONSTRAINT paid EXPECT (amount > 0) ON VIOLATION QUARANTINE ROW,\n"
     "  CONSTRAINT has_customer EXPECT (customer IS NOT NULL) ON VIOLATION DROP ROW\n"
     ")\n"
     "COMMENT 'Orders, one row each'\n"
     "AS SELECT id, customer, product, amount, ordered_at\n"
     "FROM STREAM read_csv('data/orders/*.csv',\n"
     "  types => {'id': 'int', 'amount': 'decimal(12,2)', 'ordered_at': 'timestamp'});\n"},
    {"transformations/sales.sql",
     "-- Computed anew in every run.\n"
     "CREATE MATERIALIZED VIEW sales (\n"
     "  CONSTRAINT one_row_a_product EXPECT UNIQUE (product) ON VIOLATION FAIL UPDATE\n"
     ")\n"
     "COMMENT 'What each product brought'\n"
     "AS SELECT product, count(*) AS orders, sum(amount) AS total, max(ordered_at) AS last_order\n"
     "FROM orders GROUP BY product;\n"},
    {"transformations/tests.sql",
     "-- leat test runs the definitions on these rows, in memory.\n"
     "CREATE TEST sales_are_summed\n"
     "GIVEN orders (product, amount, customer) AS VALUES ('tea', 1.50, 'Ada'), ('tea', 2.00, "
     "'Ada'), ('cups', 4, 'Ada')\n"
     "EXPECT sales (product, orders, total) AS VALUES ('tea', 2, 3.50), ('cups', 1, 4.00);\n"
     "\n"
     "CREATE TEST refunds_are_kept_aside\n"
     "GIVEN orders (id, amount, customer) AS VALUES (1, -4.00, 'Ada'), (2, 3.00, 'Ada')\n"
     "EXPECT orders (id) AS VALUES (2)\n"
     "EXPECT QUARANTINE OF orders COUNT 1;\n"},
    {"README.md",
     "# NAME\n"
     "\n"
     "```\n"
     "data/orders/*.csv --> orders --> sales\n"
     "```\n"
     "\n"
     "    leat check                 # finds errors, writes nothing\n"
     "    leat test                  # runs the tests of transformations/tests.sql\n"
     "    leat run                   # takes what is new, publishes all tables at once\n"
     "    leat quarantine list       # rows that were kept aside\n"
     "    leat query --lake lake -c 'SELECT * FROM NAME.sales'\n"},
    {".gitignore", "lake/\nlake-prod/\n"},
};
enum { FILES = sizeof(files) / sizeof(files[0]) };

/* The last part of the folder's path as an SQL name. */
static char *project_name(struct leat_arena *arena, const char *folder)
{
    const char *slash = strrchr(folder, '/');
    char *name = leat_arena_strdup(arena, slash && slash[1] ? slash + 1 : "project");

    for (char *c = name; c && *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
        else if (!((*c >= 'a' && *c <= 'z') || *c == '_' || (*c >= '0' && *c <= '9' && c > name)))
            *c = '_';
    }
    return name;
}

/* Nothing that is there may be replaced: all files are looked for before the first is written. */
static enum leat_status refuse_present(const char *folder, struct leat_arena *arena,
                                       struct leat_error *err)
{
    static const char *const others[] = {"spark-pipeline.yml", "spark-pipeline.yaml"};

    for (int i = 0; i < FILES + 2; i++) {
        const char *path = i < FILES ? files[i].path : others[i - FILES];
        char *full = leat_path_join(arena, folder, path);
        struct leat_file_info info;
        if (!full)
            return leat_error_memory(err);
        LEAT_TRY(leat_file_stat(full, &info, err));
        if (info.kind == LEAT_FILE_NONE)
            continue;
        (void)leat_error_set(err, LEAT_E_FILE_EXISTS, "%s is there already; nothing was written",
                             full);
        leat_error_hint(err, "give an empty folder or a new one: leat init NAME");
        return LEAT_EXISTS;
    }
    return LEAT_OK;
}

static enum leat_status write_file(const char *folder, const struct template_file *file,
                                   const char *name, struct leat_arena *arena,
                                   struct leat_error *err)
{
    char *path = leat_path_join(arena, folder, file->path);
    char *above = path ? leat_path_folder(arena, path) : NULL;
    const char *text = file->text, *at;
    struct leat_buffer out;
    enum leat_status status;

    if (!above)
        return leat_error_memory(err);
    LEAT_TRY(leat_folder_create(above, err));
    leat_buffer_init(&out, 0);
    status = LEAT_OK;
    while (status == LEAT_OK && (at = strstr(text, "NAME")) != NULL) {
        status = leat_buffer_append(&out, text, (size_t)(at - text), err);
        if (status == LEAT_OK)
            status = leat_buffer_append_string(&out, name, err);
        text = at + 4;
    }
    if (status == LEAT_OK)
        status = leat_buffer_append_string(&out, text, err);
    if (status == LEAT_OK)
        status = leat_file_write_all(path, out.data, out.length, err);
    leat_buffer_release(&out);
    return status;
}

static enum leat_status make_project(const char *folder, struct leat_arena *arena,
                                     struct leat_error *err)
{
    char *absolute = leat_path_absolute(arena, folder);
    char *name = absolute ? project_name(arena, absolute) : NULL;

    if (!name)
        return leat_error_memory(err);
    LEAT_TRY(refuse_present(absolute, arena, err));
    for (int i = 0; i < FILES; i++)
        LEAT_TRY(write_file(absolute, &files[i], name, arena, err));
    return LEAT_OK;
}

static int run_init(int argc, char **argv)
{
    struct leat_arena arena;
    struct leat_error error;
    enum leat_status status;

    if (!leat_cli_parse(&leat_command_init, NULL, 0, &argc, argv))
        return LEAT_EXIT_USAGE;
    leat_arena_init(&arena, NULL);
    if (argc > 1)
        status = leat_error_set(&error, LEAT_E_USAGE, "leat init takes one folder");
    else
        status = make_project(argc ? argv[0] : ".", &arena, &error);
    leat_arena_release(&arena);
    if (status != LEAT_OK) {
        leat_cli_report(&error, 1, false);
        return status == LEAT_EXISTS ? LEAT_EXIT_USAGE : leat_cli_exit(&error);
    }
    fprintf(stderr, "A project that works, in %s. Next:%s%s%s leat test, then leat run\n",
            argc ? argv[0] : "this folder", argc ? " cd " : "", argc ? argv[0] : "",
            argc ? "," : "");
    return LEAT_EXIT_OK;
}

const struct leat_command leat_command_init = {
    "init", "make a project",
    "Makes a small project that works: data, tables, tests, settings. Nothing that is there is "
    "replaced.\n\n"
    "  leat init sales\n"
    "  leat init            (in an empty folder)\n\n"
    "Exit codes: 0 ok, 2 a file is there already.",
    run_init};
