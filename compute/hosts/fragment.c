/* Fragments as bytes and back; what is read is checked like every message. */
#include "compute/hosts/fragment.h"
#include "storage/files/files.h"

enum { MAX_PARTITIONS = 65536 };

/* How this process reaches its storage. */
static enum leat_status put_settings(struct leat_buffer *out, struct leat_error *err)
{
    struct leat_buffer settings;
    enum leat_status status;

    leat_buffer_init(&settings, 0);
    status = leat_files_settings_put(&settings, err);
    if (status == LEAT_OK)
        status = leat_buffer_put_bytes(out, settings.data, settings.length, err);
    leat_buffer_release(&settings);
    return status;
}

enum leat_status leat_fragment_put(const struct leat_fragment *fragment, struct leat_stage *stage,
                                   struct leat_buffer *out, struct leat_error *err)
{
    const struct leat_expr_source *source = &fragment->source;

    LEAT_TRY(leat_buffer_put_u32(out, fragment->attempt, err));
    LEAT_TRY(put_settings(out, err));
    LEAT_TRY(leat_buffer_put_string(out, fragment->run_id, err));
    LEAT_TRY(leat_buffer_put_u32(out, fragment->stage, err));
    LEAT_TRY(leat_buffer_put_u32(out, fragment->task, err));
    LEAT_TRY(leat_buffer_put_u32(out, fragment->threads, err));
    LEAT_TRY(leat_buffer_put_u64(out, fragment->memory, err));
    LEAT_TRY(leat_buffer_put_string(out, fragment->folder, err));
    LEAT_TRY(leat_buffer_put_string(out, fragment->shared, err));
    LEAT_TRY(leat_buffer_put_string(out, fragment->fault, err));
    LEAT_TRY(leat_buffer_put_u32(out, fragment->timeout, err));
    LEAT_TRY(leat_buffer_put_u8(out, fragment->bad_rows, err));
    LEAT_TRY(leat_buffer_put_string(out, source->name ? source->name : "", err));
    LEAT_TRY(leat_buffer_put_bytes(out, source->text ? source->text : "",
                                   source->text ? source->length : 0, err));
    LEAT_TRY(leat_buffer_put_u8(out, (uint8_t)stage->output, err));
    LEAT_TRY(leat_buffer_put_u32(out, stage->partition_count, err));
    LEAT_TRY(leat_buffer_put_u32(out, stage->key_count, err));
    for (uint32_t i = 0; i < stage->key_count; i++)
        LEAT_TRY(leat_expr_put(stage->keys[i], out, err));
    return leat_stage_put_task(stage, fragment->task, out, err);
}

static enum leat_status read_source(struct leat_cursor *cursor, struct leat_arena *arena,
                                    struct leat_expr_source *out, struct leat_error *err)
{
    struct leat_text text;

    LEAT_TRY(leat_cursor_get_string(cursor, arena, &out->name, err));
    LEAT_TRY(leat_cursor_get_bytes(cursor, &text, err));
    out->text = text.length ? leat_arena_copy(arena, text.data, text.length) : NULL;
    out->length = text.length;
    return text.length && !out->text ? leat_error_memory(err) : LEAT_OK;
}

static enum leat_status read_output(struct leat_cursor *cursor, struct leat_arena *arena,
                                    struct leat_fragment *out, struct leat_error *err)
{
    uint8_t type;

    LEAT_TRY(leat_cursor_get_u8(cursor, &type, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &out->partition_count, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &out->key_count, err));
    out->output = type == LEAT_EXCHANGE_HASH ? LEAT_EXCHANGE_HASH : LEAT_EXCHANGE_SINGLE;
    if (type > LEAT_EXCHANGE_HASH || out->partition_count == 0 ||
        out->partition_count > MAX_PARTITIONS || out->key_count > cursor->length - cursor->position)
        return leat_error_set(err, LEAT_E_MESSAGE, "a fragment with %u partitions and %u keys",
                              out->partition_count, out->key_count);
    out->keys = LEAT_NEW_ARRAY(arena, struct leat_expr *, out->key_count);
    if (!out->keys)
        return leat_error_memory(err);
    for (uint32_t i = 0; i < out->key_count; i++)
        LEAT_TRY(leat_expr_read(cursor, arena, &out->keys[i], err));
    return LEAT_OK;
}

enum leat_status leat_fragment_read(struct leat_cursor *cursor, struct leat_plan_owner *owner,
                                    struct leat_fragment *out, struct leat_error *err)
{
    struct leat_arena *arena = &owner->arena;
    struct leat_text settings;
    uint8_t bad_rows;

    memset(out, 0, sizeof(*out));
    LEAT_TRY(leat_cursor_get_u32(cursor, &out->attempt, err));
    LEAT_TRY(leat_cursor_get_bytes(cursor, &settings, err));
    LEAT_TRY(leat_files_settings_apply(settings.data, settings.length, err));
    LEAT_TRY(leat_cursor_get_string(cursor, arena, &out->run_id, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &out->stage, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &out->task, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &out->threads, err));
    LEAT_TRY(leat_cursor_get_u64(cursor, &out->memory, err));
    LEAT_TRY(leat_cursor_get_string(cursor, arena, &out->folder, err));
    LEAT_TRY(leat_cursor_get_string(cursor, arena, &out->shared, err));
    LEAT_TRY(leat_cursor_get_string(cursor, arena, &out->fault, err));
    LEAT_TRY(leat_cursor_get_u32(cursor, &out->timeout, err));
    LEAT_TRY(leat_cursor_get_u8(cursor, &bad_rows, err));
    out->bad_rows = bad_rows != 0;
    if (out->threads > 1024)
        return leat_error_set(err, LEAT_E_MESSAGE, "a fragment for %u threads", out->threads);
    LEAT_TRY(read_source(cursor, arena, &out->source, err));
    LEAT_TRY(read_output(cursor, arena, out, err));
    return leat_plan_read(cursor, owner, &out->plan, err);
}
