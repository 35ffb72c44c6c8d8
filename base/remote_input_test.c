#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/remote_input.h"
#include "base/test_faults.h"

#include <pthread.h>

enum { SIZE = 12 << 20 };

/* A store whose byte at any offset is known, and that counts requests. */
struct store {
    _Atomic unsigned requests;
    _Atomic uint64_t bytes;
    _Atomic bool broken;
    bool closed;
};
static struct leat_error err;

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)((offset * 2654435761u) >> 13);
}

static enum leat_status store_fetch(void *context, uint64_t offset, void *into, size_t length,
                                    struct leat_error *error)
{
    struct store *store = context;

    if (atomic_load(&store->broken))
        return leat_error_set(error, LEAT_E_NETWORK, "no store");
    atomic_fetch_add(&store->requests, 1);
    atomic_fetch_add(&store->bytes, length);
    assert_true(length > 0 && offset + length <= SIZE);
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)into)[i] = byte_at(offset + i);
    return LEAT_OK;
}

static void store_close(void *context)
{
    ((struct store *)context)->closed = true;
}

static const struct leat_remote_ops ops = {store_fetch, store_close};

static struct leat_input *open_store(struct store *store)
{
    struct leat_input *input = NULL;

    memset(store, 0, sizeof(*store));
    assert_int_equal(
        leat_remote_input_new("mem://x", SIZE, 0, &ops, store, NULL, 0, 0, &input, &err), LEAT_OK);
    return input;
}

static void check_read(struct leat_input *input, uint64_t offset, size_t length)
{
    uint8_t *bytes = malloc(length + 1);
    size_t got, wanted = offset + length > SIZE ? (size_t)(SIZE - offset) : length;

    assert_int_equal(input->ops->read_at(input, offset, bytes, length, &got, &err), LEAT_OK);
    assert_int_equal(got, wanted);
    for (size_t i = 0; i < got; i++)
        if (bytes[i] != byte_at(offset + i))
            fail_msg("wrong byte at %llu", (unsigned long long)offset + i);
    free(bytes);
}

static void read__in_sequence_fetches_large_pieces_once(void **state)
{
    struct store store;
    struct leat_input *input = open_store(&store);
    (void)state;
    for (uint64_t at = 0; at < SIZE; at += 100000)
        check_read(input, at, 100000);
    leat_input_close(input);
    assert_true(store.closed);
    assert_int_equal(store.bytes, SIZE);
    assert_true(store.requests < 20);
}

static void read__of_small_neighbours_is_one_request(void **state)
{
    struct store store;
    struct leat_input *input = open_store(&store);
    (void)state;
    for (unsigned i = 20; i > 0; i--)
        check_read(input, 5000000 + i * 2000, 1000);
    leat_input_close(input);
    assert_true(store.requests <= 2);
}

static void read__alone_fetches_what_is_asked(void **state)
{
    struct store store;
    struct leat_input *input = open_store(&store);
    (void)state;
    check_read(input, 3000000, 500000);
    check_read(input, 9000000, 500000);
    check_read(input, SIZE - 10, 100);
    leat_input_close(input);
    assert_int_equal(store.bytes, 1000010);
}

static void prefetch__joins_near_ranges(void **state)
{
    struct leat_range ranges[] = {{4100000, 50000}, {4000000, 60000}, {8000000, 100000}};
    struct store store;
    struct leat_input *input = open_store(&store);
    (void)state;
    leat_input_prefetch(input, ranges, 3);
    check_read(input, 8000000, 100000);
    check_read(input, 4000000, 60000);
    check_read(input, 4100000, 50000);
    assert_int_equal(store.requests, 2);
    leat_input_close(input);
}

static void prefetch__that_nobody_reads_ends_with_the_input(void **state)
{
    struct leat_range range = {0, SIZE};
    struct store store;
    struct leat_input *input = open_store(&store);
    (void)state;
    leat_input_prefetch(input, &range, 1);
    leat_input_close(input);
    assert_true(store.closed);
}

static void read__fails_if_the_store_does_and_goes_on_later(void **state)
{
    struct store store;
    struct leat_input *input = open_store(&store);
    uint8_t bytes[100];
    size_t got;
    (void)state;
    atomic_store(&store.broken, true);
    assert_int_equal(input->ops->read_at(input, 0, bytes, 100, &got, &err), LEAT_IO);
    assert_int_equal(err.code, LEAT_E_NETWORK);
    atomic_store(&store.broken, false);
    check_read(input, 0, 100);
    leat_input_close(input);
}

static void *read_everything(void *context)
{
    for (uint64_t at = 0; at < SIZE; at += 333333)
        check_read(context, at, 333333);
    return NULL;
}

static void read__by_several_threads_gives_the_same_bytes(void **state)
{
    struct store store;
    struct leat_input *input = open_store(&store);
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_everything, input), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    leat_input_close(input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__in_sequence_fetches_large_pieces_once),
        cmocka_unit_test(read__of_small_neighbours_is_one_request),
        cmocka_unit_test(read__alone_fetches_what_is_asked),
        cmocka_unit_test(prefetch__joins_near_ranges),
        cmocka_unit_test(prefetch__that_nobody_reads_ends_with_the_input),
        cmocka_unit_test(read__fails_if_the_store_does_and_goes_on_later),
        cmocka_unit_test(read__by_several_threads_gives_the_same_bytes),
    };
    return LEAT_RUN_TESTS(tests);
}
