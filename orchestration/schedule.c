/* Which dataset runs when. Lanes take the first dataset in dependency order whose inputs have
 * ended; a lane without one waits until another ends. One lane runs them exactly in order. */
#include "orchestration/update_internal.h"

struct schedule {
    struct leat_update *update;
    pthread_cond_t ended; /* some dataset ended; with the update's lock */
    bool stopped;         /* nothing further may begin */
};

static bool inputs_ended(const struct leat_dataset *dataset)
{
    for (uint32_t i = 0; i < dataset->input_count; i++)
        if (!leat_state_of(dataset->inputs[i])->ended)
            return false;
    return true;
}

static bool input_failed(const struct leat_dataset *dataset)
{
    for (uint32_t i = 0; i < dataset->input_count; i++) {
        enum leat_dataset_outcome outcome = leat_state_of(dataset->inputs[i])->summary->outcome;
        if (outcome == LEAT_OUTCOME_FAILED || outcome == LEAT_OUTCOME_SKIPPED)
            return true;
    }
    return false;
}

/* The next that can begin; *waiting: none now, but some later. */
static struct leat_dataset *next_dataset(const struct schedule *schedule, bool *waiting)
{
    const struct leat_pipeline *pipeline = schedule->update->pipeline;

    *waiting = false;
    for (uint32_t i = 0; i < pipeline->count; i++) {
        if (leat_state_of(pipeline->datasets[i])->begun)
            continue;
        if (inputs_ended(pipeline->datasets[i]))
            return pipeline->datasets[i];
        *waiting = true;
    }
    return NULL;
}

static void tell(const struct leat_update *update, const struct leat_dataset *dataset,
                 uint64_t rows)
{
    if (update->options->progress && dataset->kind != LEAT_DATASET_VIEW)
        update->options->progress(update->options->progress_context, dataset->name, rows);
}

static void run_dataset(struct schedule *schedule, struct leat_dataset *dataset)
{
    struct leat_update *update = schedule->update;
    struct leat_dataset_state *state = leat_state_of(dataset);
    struct leat_update_table *table = state->summary;
    enum leat_status status;

    if (schedule->stopped || input_failed(dataset)) {
        table->outcome = LEAT_OUTCOME_SKIPPED;
        return;
    }
    tell(update, dataset, UINT64_MAX);
    status = leat_update_dataset(update, dataset, &table->error);
    table->rows = atomic_load(&state->rows);
    table->outcome = status != LEAT_OK ? LEAT_OUTCOME_FAILED
                     : state->changed  ? LEAT_OUTCOME_WRITTEN
                                       : LEAT_OUTCOME_UNCHANGED;
    tell(update, dataset, table->rows);
    if (status != LEAT_OK && update->check_only)
        leat_project_add_error(update->pipeline->project, &table->error);
    schedule->stopped |= status == LEAT_CANCELLED || status == LEAT_NO_MEMORY;
}

static enum leat_status run_lane(void *context, size_t index, struct leat_error *err)
{
    struct schedule *schedule = context;
    struct leat_update *update = schedule->update;
    struct leat_dataset *dataset;
    bool waiting;

    (void)index;
    (void)err;
    leat_update_lock(update);
    while ((dataset = next_dataset(schedule, &waiting)) != NULL || waiting) {
        if (!dataset) {
            pthread_cond_wait(&schedule->ended, &update->lock);
            continue;
        }
        leat_state_of(dataset)->begun = true;
        run_dataset(schedule, dataset);
        leat_state_of(dataset)->ended = true;
        pthread_cond_broadcast(&schedule->ended);
    }
    leat_update_unlock(update);
    return LEAT_OK;
}

enum leat_status leat_update_run_datasets(struct leat_update *update, unsigned lanes,
                                          struct leat_error *err)
{
    struct schedule schedule = {.update = update};
    enum leat_status status;

    pthread_cond_init(&schedule.ended, NULL);
    status = leat_parallel_run(lanes, lanes, run_lane, &schedule, err);
    pthread_cond_destroy(&schedule.ended);
    LEAT_TRY(status);
    for (uint32_t i = 0; i < update->pipeline->count; i++) {
        const struct leat_update_table *table =
            leat_state_of(update->pipeline->datasets[i])->summary;
        if (table->outcome != LEAT_OUTCOME_FAILED)
            continue;
        *err = table->error;
        return err->status;
    }
    return LEAT_OK;
}
