/* Groups of a single integer-like key by value: an array over a window of values that holds group
 * numbers. A table begins with a directory; when it has grown and the values met so far lie close
 * together, it changes over. The window follows the values of each batch before these are looked
 * up; if it would become too wide for the groups in it, the table goes back to a directory for
 * good. */
#include "compute/exec/groups.h"
#include "compute/exec/key_index.h"

enum {
    LEAST_GROUPS = 128,     /* before which nothing is changed */
    DENSE = 16,             /* values of the window for a group, at most, to change over */
    SPARSE = 24,            /* and to stay */
    BATCH_WINDOW = 1 << 18, /* values that any window may have */
    AHEAD = 12
};

bool leat_groups_value(const struct leat_groups *groups, uint32_t group, int64_t *value)
{
    const uint8_t *row = groups->keys + (size_t)group * groups->layout->width;

    memcpy(value, row + groups->layout->offsets[0], 8);
    return !leat_key_row_has_null(row);
}

void leat_groups_drop_direct(struct leat_groups *groups)
{
    uint64_t bytes = groups->direct.size * sizeof(uint32_t);

    leat_accountant_release(groups->arena.accountant, bytes);
    groups->charged -= bytes;
    leat_free(groups->direct.groups);
    groups->direct.groups = NULL;
    groups->direct.size = 0;
}

/* A window of `size` values from `first` on, with the groups that there are. False, and nothing
 * changed, if there is no memory for it: a directory does with less. */
static bool set_window(struct leat_groups *groups, int64_t first, uint64_t size)
{
    struct leat_direct_groups *direct = &groups->direct;
    uint32_t *array;

    if (!leat_groups_charge(groups, size * sizeof(*array)))
        return false;
    array = leat_calloc(size, sizeof(*array));
    if (!array) {
        leat_accountant_release(groups->arena.accountant, size * sizeof(*array));
        groups->charged -= size * sizeof(*array);
        return false;
    }
    if (direct->groups) {
        memcpy(array + ((uint64_t)direct->first - (uint64_t)first), direct->groups,
               direct->size * sizeof(*array));
    } else {
        for (uint32_t g = 0; g < groups->count; g++) {
            int64_t value;
            if (leat_groups_value(groups, g, &value))
                array[(uint64_t)value - (uint64_t)first] = g + 1;
            else
                direct->null_group = g + 1;
        }
    }
    leat_groups_drop_directory(groups);
    direct->groups = array;
    direct->first = first;
    direct->size = size;
    direct->dense = true;
    return true;
}

void leat_groups_go_direct(struct leat_groups *groups, int64_t first, int64_t last)
{
    set_window(groups, first, (uint64_t)last - (uint64_t)first + 1);
}

enum leat_status leat_groups_leave_direct(struct leat_groups *groups, struct leat_error *err)
{
    leat_groups_drop_direct(groups);
    groups->direct.unfit = true;
    groups->direct.dense = false;
    return leat_groups_grow_directory(groups, err);
}

bool leat_groups_have_value(const struct leat_groups *groups, const uint8_t *row)
{
    const struct leat_direct_groups *direct = &groups->direct;
    uint64_t nulls, value;

    memcpy(&nulls, row, 8);
    memcpy(&value, row + groups->layout->offsets[0], 8);
    value -= (uint64_t)direct->first;
    return nulls ? direct->null_group != 0 : value < direct->size && direct->groups[value] != 0;
}

struct bounds {
    int64_t low, high;
};

static struct bounds bounds_of(const int64_t *values, const uint8_t *nulls, uint32_t count)
{
    struct bounds bounds = {INT64_MAX, INT64_MIN};

    for (uint32_t i = 0; i < count; i++) {
        int64_t low = nulls && nulls[i] ? INT64_MAX : values[i];
        int64_t high = nulls && nulls[i] ? INT64_MIN : values[i];
        bounds.low = low < bounds.low ? low : bounds.low;
        bounds.high = high > bounds.high ? high : bounds.high;
    }
    return bounds;
}

/* Changes over if the table has doubled since it was last asked and its values lie close together.
 */
static void consider(struct leat_groups *groups)
{
    struct leat_direct_groups *direct = &groups->direct;
    struct bounds bounds = {INT64_MAX, INT64_MIN};
    uint64_t size;

    if (groups->count < LEAST_GROUPS || groups->count < direct->considered_at * 2)
        return;
    direct->considered_at = groups->count;
    for (uint32_t g = 0; g < groups->count; g++) {
        int64_t value;
        if (!leat_groups_value(groups, g, &value))
            continue;
        bounds.low = value < bounds.low ? value : bounds.low;
        bounds.high = value > bounds.high ? value : bounds.high;
    }
    size = (uint64_t)bounds.high - (uint64_t)bounds.low + 1; /* 0: all values there are */
    if (size - 1 >= (uint64_t)groups->count * DENSE)
        return;
    set_window(groups, bounds.low, size);
}

/* Makes the window hold the bounds, or goes back to the directory. */
static enum leat_status follow(struct leat_groups *groups, struct bounds bounds, uint32_t rows,
                               struct leat_error *err)
{
    struct leat_direct_groups *direct = &groups->direct;
    int64_t last = (int64_t)((uint64_t)direct->first + direct->size - 1);
    uint64_t most = ((uint64_t)groups->count + rows) * SPARSE, size, slack;
    bool down = bounds.low<direct->first, up = bounds.high> last;

    if (bounds.low > bounds.high || (!down && !up))
        return LEAT_OK;
    most = most < BATCH_WINDOW ? BATCH_WINDOW : most;
    bounds.low = down ? bounds.low : direct->first;
    bounds.high = up ? bounds.high : last;
    size = (uint64_t)bounds.high - (uint64_t)bounds.low;
    if (size >= most)
        return leat_groups_leave_direct(groups, err);
    size++;
    slack = size < most - size ? size : most - size; /* so that growing costs little a value */
    if (down) {
        uint64_t room = (uint64_t)bounds.low - (uint64_t)INT64_MIN;
        uint64_t less = up ? 0 : slack < room ? slack : room;
        bounds.low = (int64_t)((uint64_t)bounds.low - less);
        size += less;
    } else {
        uint64_t room = (uint64_t)INT64_MAX - (uint64_t)bounds.high;
        size += slack < room ? slack : room;
    }
    return set_window(groups, bounds.low, size) ? LEAT_OK : leat_groups_leave_direct(groups, err);
}

static enum leat_status new_group(struct leat_groups *groups, uint64_t nulls, int64_t value,
                                  struct leat_error *err)
{
    uint8_t *row;

    if (groups->count == groups->room)
        LEAT_TRY(leat_groups_grow(groups, err));
    row = groups->keys + (size_t)groups->count * groups->layout->width;
    memcpy(row, &nulls, 8);
    memcpy(row + groups->layout->offsets[0], &value, 8);
    groups->count++; /* its hash comes when all of the batch's are made */
    return LEAT_OK;
}

enum leat_status leat_groups_find_values(struct leat_groups *groups, const int64_t *values,
                                         const uint8_t *nulls, uint32_t count, uint32_t *out,
                                         bool *found, struct leat_error *err)
{
    struct leat_direct_groups *direct = &groups->direct;
    uint64_t first;
    uint32_t before;

    *found = false;
    if (direct->unfit)
        return LEAT_OK;
    if (!direct->groups)
        consider(groups);
    if (direct->groups)
        LEAT_TRY(follow(groups, bounds_of(values, nulls, count), count, err));
    if (!direct->groups)
        return LEAT_OK;
    *found = true;
    first = (uint64_t)direct->first;
    before = groups->count;
    for (uint32_t i = 0; i < count; i++) {
        bool is_null = nulls && nulls[i];
        uint32_t *group =
            is_null ? &direct->null_group : &direct->groups[(uint64_t)values[i] - first];
        if (i + AHEAD < count && !nulls)
            __builtin_prefetch(&direct->groups[(uint64_t)values[i + AHEAD] - first]);
        if (*group == 0) {
            LEAT_TRY(new_group(groups, is_null, is_null ? 0 : values[i], err));
            *group = groups->count;
        }
        out[i] = *group - 1;
    }
    leat_key_rows_hash(groups->layout, groups->keys + (size_t)before * groups->layout->width,
                       groups->count - before, groups->hashes + before);
    return LEAT_OK;
}
