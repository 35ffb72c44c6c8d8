/* The generic half of inputs and outputs, and those that live in memory. */
#include "base/io.h"
#include "base/fault.h"

enum leat_status leat_input_read_exact(struct leat_input *input, uint64_t offset, void *into,
                                       size_t length, struct leat_error *err)
{
    size_t got = 0;

    LEAT_TRY(input->ops->read_at(input, offset, into, length, &got, err));
    if (got == length)
        return LEAT_OK;
    (void)leat_error_set(err, LEAT_E_FILE_CHANGED,
                         "%s ends at byte %llu, where %zu bytes more were expected", input->path,
                         (unsigned long long)(offset + got), length - got);
    leat_error_at(err, input->path, 0, 0, offset + got);
    return LEAT_CORRUPT;
}

void leat_input_prefetch(struct leat_input *input, const struct leat_range *ranges, size_t count)
{
    if (input->ops->prefetch)
        input->ops->prefetch(input, ranges, count);
}

void leat_input_close(struct leat_input *input)
{
    if (input)
        input->ops->close(input);
}

enum leat_status leat_output_write(struct leat_output *output, const void *bytes, size_t length,
                                   struct leat_error *err)
{
    LEAT_TRY(output->ops->write(output, bytes, length, err));
    output->position += length;
    return LEAT_OK;
}

enum leat_status leat_output_finish(struct leat_output *output, struct leat_error *err)
{
    return output->ops->finish(output, err);
}

void leat_output_abort(struct leat_output *output)
{
    if (output)
        output->ops->abort(output);
}

struct memory_input {
    struct leat_input base;
    const uint8_t *bytes;
    char name[];
};

static enum leat_status memory_read_at(struct leat_input *input, uint64_t offset, void *into,
                                       size_t length, size_t *out, struct leat_error *err)
{
    struct memory_input *memory = (struct memory_input *)input;

    (void)err;
    *out = 0;
    if (offset >= input->size)
        return LEAT_OK;
    if (length > input->size - offset)
        length = (size_t)(input->size - offset);
    memcpy(into, memory->bytes + offset, length);
    *out = length;
    return LEAT_OK;
}

static void memory_input_close(struct leat_input *input)
{
    leat_free(input);
}

static const struct leat_input_ops memory_input_ops = {.read_at = memory_read_at,
                                                       .close = memory_input_close};

enum leat_status leat_input_open_memory(const void *bytes, size_t length, const char *name,
                                        struct leat_input **out, struct leat_error *err)
{
    size_t name_size = strlen(name) + 1;
    struct memory_input *memory = leat_calloc(1, sizeof(*memory) + name_size);

    *out = NULL;
    if (!memory)
        return leat_error_memory(err);
    memcpy(memory->name, name, name_size);
    memory->base.ops = &memory_input_ops;
    memory->base.path = memory->name;
    memory->base.size = length;
    memory->bytes = bytes;
    *out = &memory->base;
    return LEAT_OK;
}

struct memory_output {
    struct leat_output base;
    struct leat_buffer *buffer;
    size_t start;
};

static enum leat_status memory_write(struct leat_output *output, const void *bytes, size_t length,
                                     struct leat_error *err)
{
    return leat_buffer_append(((struct memory_output *)output)->buffer, bytes, length, err);
}

static enum leat_status memory_finish(struct leat_output *output, struct leat_error *err)
{
    (void)err;
    leat_free(output);
    return LEAT_OK;
}

static void memory_abort(struct leat_output *output)
{
    struct memory_output *memory = (struct memory_output *)output;

    memory->buffer->length = memory->start;
    leat_free(output);
}

static const struct leat_output_ops memory_output_ops = {memory_write, memory_finish, memory_abort};

enum leat_status leat_output_open_memory(struct leat_buffer *buffer, struct leat_output **out,
                                         struct leat_error *err)
{
    struct memory_output *memory = leat_calloc(1, sizeof(*memory));

    *out = NULL;
    if (!memory)
        return leat_error_memory(err);
    memory->base.ops = &memory_output_ops;
    memory->base.path = "memory";
    memory->buffer = buffer;
    memory->start = buffer->length;
    *out = &memory->base;
    return LEAT_OK;
}
