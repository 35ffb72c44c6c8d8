/* Writing objects. Up to the size of one part an object is put with one request; more goes up in
 * parts, several at a time, while the caller writes on. Either way it appears whole, at the end.
 *
 * Each object carries a random mark. When the outcome of the deciding request is not known, because
 * its answer was lost, the object is asked for its mark: it is ours, another's, or not there. */
#include "base/background.h"
#include "base/system.h"
#include "storage/files/s3/s3_internal.h"
#include "storage/files/s3/xml.h"

#include <stdio.h>

#define PART_BYTES ((size_t)8 << 20) /* of the first thousand parts; then it doubles */
enum { PARTS_AT_ONCE = 4, PARTS_A_SIZE = 1000, PARTS_MAXIMUM = 10000, CONFLICT_TRIES = 5 };

struct output;
struct part {
    struct leat_background_task task;
    struct output *output;
    struct part *next; /* in order of their numbers */
    unsigned number;   /* from 1 */
    struct leat_buffer bytes;
    char *etag;
    bool done;
};
struct output {
    struct leat_output base;
    struct leat_arena arena;
    enum leat_create mode;
    const char *bucket;
    const char *key;
    char mark[37];
    struct leat_buffer bytes; /* of the part being filled */
    char *upload;             /* id; NULL: none was begun */
    struct part *parts, **end;
    unsigned part_count;
    pthread_mutex_t lock; /* from here on */
    pthread_cond_t changed;
    unsigned running;
    enum leat_status failed; /* of a part */
    struct leat_error error;
};

static void output_free(struct output *output)
{
    while (output->parts) {
        struct part *part = output->parts;
        output->parts = part->next;
        leat_buffer_release(&part->bytes);
        leat_free(part->etag);
        leat_free(part);
    }
    leat_buffer_release(&output->bytes);
    leat_free(output->upload);
    pthread_mutex_destroy(&output->lock);
    pthread_cond_destroy(&output->changed);
    leat_arena_release(&output->arena);
    leat_free(output);
}

/* --- parts --- */

static enum leat_status upload_begin(struct output *output, struct leat_error *err)
{
    struct s3_pair query[] = {{"uploads", ""}}, headers[] = {{S3_MARK, output->mark}};
    struct s3_xml_field fields[] = {{"UploadId", NULL}};
    struct s3_call call = {.action = "write",
                           .method = "POST",
                           .bucket = output->bucket,
                           .key = output->key,
                           .query = query,
                           .query_count = 1,
                           .headers = headers,
                           .header_count = 1,
                           .changes = true};
    struct leat_http_answer answer;
    struct leat_arena arena;
    enum leat_status status;

    leat_arena_init(&arena, NULL);
    leat_http_answer_init(&answer, 0);
    status = s3_call_run(&call, &answer, err);
    if (status == LEAT_OK && answer.status != 200)
        status = s3_call_error(&call, &answer, err);
    if (status == LEAT_OK)
        status =
            s3_xml_fields((char *)answer.body.data, answer.body.length, fields, 1, &arena, err);
    if (status == LEAT_OK && (!fields[0].value || !fields[0].value[0]))
        status = leat_error_set(err, LEAT_E_HTTP, "%s: the store begins no upload of parts",
                                output->base.path);
    if (status == LEAT_OK) {
        output->upload = leat_strdup(fields[0].value);
        status = output->upload ? LEAT_OK : leat_error_memory(err);
    }
    leat_http_answer_release(&answer);
    leat_arena_release(&arena);
    return status;
}

static enum leat_status part_put(struct part *part, struct leat_error *err)
{
    struct output *output = part->output;
    char number[16];
    struct s3_pair query[] = {{"partNumber", number}, {"uploadId", output->upload}};
    struct s3_call call = {.action = "write",
                           .method = "PUT",
                           .bucket = output->bucket,
                           .key = output->key,
                           .query = query,
                           .query_count = 2,
                           .body = part->bytes.data,
                           .body_length = part->bytes.length,
                           .changes = true};
    struct leat_http_answer answer;
    enum leat_status status;

    snprintf(number, sizeof(number), "%u", part->number);
    leat_http_answer_init(&answer, 0);
    status = s3_call_run(&call, &answer, err);
    if (status == LEAT_OK && answer.status != 200)
        status = s3_call_error(&call, &answer, err);
    if (status == LEAT_OK) {
        part->etag = leat_strdup(answer.headers[S3_ETAG] ? answer.headers[S3_ETAG] : "");
        status = part->etag ? LEAT_OK : leat_error_memory(err);
    }
    leat_http_answer_release(&answer);
    return status;
}

static void part_run(struct leat_background_task *task)
{
    struct part *part = (struct part *)task;
    struct output *output = part->output;
    struct leat_error error;
    enum leat_status status = part_put(part, &error);

    pthread_mutex_lock(&output->lock);
    if (status != LEAT_OK && output->failed == LEAT_OK) {
        output->failed = status;
        output->error = error;
    }
    leat_buffer_release(&part->bytes);
    part->done = true;
    output->running--;
    pthread_cond_broadcast(&output->changed);
    pthread_mutex_unlock(&output->lock);
}

/* Waits until fewer parts are under way; the failure of one is returned. */
static enum leat_status wait_parts(struct output *output, unsigned fewer_than,
                                   struct leat_error *err)
{
    enum leat_status failed;

    pthread_mutex_lock(&output->lock);
    while (output->running >= fewer_than)
        pthread_cond_wait(&output->changed, &output->lock);
    failed = output->failed;
    if (failed != LEAT_OK && err)
        *err = output->error;
    pthread_mutex_unlock(&output->lock);
    return failed;
}

/* Sends what has been gathered as the next part. */
static enum leat_status part_send(struct output *output, struct leat_error *err)
{
    struct part *part;

    if (output->part_count == PARTS_MAXIMUM)
        return leat_error_set(err, LEAT_E_LIMIT, "%s: an object has at most %d parts",
                              output->base.path, PARTS_MAXIMUM);
    if (!output->upload)
        LEAT_TRY(upload_begin(output, err));
    LEAT_TRY(wait_parts(output, PARTS_AT_ONCE, err));
    part = leat_calloc(1, sizeof(*part));
    if (!part)
        return leat_error_memory(err);
    part->task.run = part_run;
    part->output = output;
    part->number = ++output->part_count;
    part->bytes = output->bytes;
    leat_buffer_init(&output->bytes, 0);
    *output->end = part;
    output->end = &part->next;
    pthread_mutex_lock(&output->lock);
    output->running++;
    pthread_mutex_unlock(&output->lock);
    if (!leat_background_submit(&part->task))
        part_run(&part->task);
    return LEAT_OK;
}

static size_t part_size(const struct output *output)
{
    unsigned doublings = output->part_count / PARTS_A_SIZE;

    return PART_BYTES << (doublings < 6 ? doublings : 6);
}

static enum leat_status s3_write(struct leat_output *base, const void *bytes, size_t length,
                                 struct leat_error *err)
{
    struct output *output = (struct output *)base;
    const uint8_t *at = bytes;

    while (length > 0) {
        size_t size = part_size(output), room = size - output->bytes.length;
        size_t piece = length < room ? length : room;
        if (room == 0) {
            LEAT_TRY(part_send(output, err));
            continue;
        }
        LEAT_TRY(leat_buffer_append(&output->bytes, at, piece, err));
        at += piece;
        length -= piece;
    }
    return LEAT_OK;
}

/* --- the deciding request --- */

enum found { FOUND_OURS, FOUND_OTHER, FOUND_NOTHING, FOUND_UNKNOWN };

static enum found look_for_mark(const struct output *output)
{
    struct s3_call call = {
        .action = "look at", .method = "HEAD", .bucket = output->bucket, .key = output->key};
    struct leat_http_answer answer;
    enum found found = FOUND_UNKNOWN;

    leat_http_answer_init(&answer, 0);
    if (s3_call_run(&call, &answer, NULL) == LEAT_OK) {
        const char *mark = answer.headers[S3_WRITE_MARK];
        if (answer.status == 200)
            found = mark && strcmp(mark, output->mark) == 0 ? FOUND_OURS : FOUND_OTHER;
        else if (answer.status == 404)
            found = FOUND_NOTHING;
    }
    leat_http_answer_release(&answer);
    return found;
}

static enum leat_status exists(const struct output *output, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_FILE_EXISTS, "%s exists already", output->base.path);
}

static enum leat_status unknown(const struct output *output, const char *reason,
                                struct leat_error *err)
{
    (void)leat_error_set(err, LEAT_E_OUTCOME, "it is not known whether %s was written: %s",
                         output->base.path, reason);
    leat_error_hint(err, "nothing was removed; run again when the store can be reached");
    return LEAT_IO;
}

/* What the answer to the deciding request, or its absence, means. `status` is s3_call_run's. */
static enum leat_status judge(const struct output *output, const struct s3_call *call,
                              const struct leat_http_answer *answer, enum leat_status status,
                              struct leat_error *err)
{
    /* Also without a lost answer: what lies between may have repeated the request. */
    bool refused = status == LEAT_OK && (answer->status == 412 || answer->status == 404);
    bool unclear = refused || answer->uncertain || (status == LEAT_OK && answer->status == 200);
    char reason[sizeof(err->message)];

    if (unclear) {
        enum found found = look_for_mark(output);
        if (found == FOUND_OURS)
            return LEAT_OK;
        if (found == FOUND_OTHER && output->mode == LEAT_CREATE_NEW)
            return exists(output, err);
        if (status == LEAT_OK)
            status = s3_call_error(call, answer, err);
        snprintf(reason, sizeof(reason), "%s", err ? err->message : "");
        /* An answer that says no for certain, and nothing of ours there: it was not written. */
        if (refused && found != FOUND_UNKNOWN)
            return status;
        return unknown(output, reason, err);
    }
    if (status != LEAT_OK)
        return status;
    return answer->status == 412 ? exists(output, err) : s3_call_error(call, answer, err);
}

/* Two that write one key at once may both be told to try again. */
static bool is_conflict(const struct leat_http_answer *answer)
{
    return answer->status == 409 && s3_answer_is(answer, "ConditionalRequestConflict");
}

static enum leat_status decide(const struct output *output, const struct s3_call *call,
                               bool (*is_done)(const struct leat_http_answer *answer),
                               struct leat_error *err)
{
    struct leat_http_answer answer;
    enum leat_status status;
    bool uncertain = false;

    leat_http_answer_init(&answer, 0);
    for (int i = 0;; i++) {
        status = s3_call_run(call, &answer, err);
        answer.uncertain = uncertain = answer.uncertain || uncertain;
        if (status != LEAT_OK || !is_conflict(&answer) || i == CONFLICT_TRIES)
            break;
        leat_clock_sleep((int64_t)(leat_random_u64() % (50000u << i)));
    }
    if (status != LEAT_OK || !is_done(&answer))
        status = judge(output, call, &answer, status, err);
    leat_http_answer_release(&answer);
    return status;
}

static bool put_is_done(const struct leat_http_answer *answer)
{
    return answer->status == 200;
}

static enum leat_status put_whole(struct output *output, struct leat_error *err)
{
    struct s3_pair headers[] = {{S3_MARK, output->mark}, {"if-none-match", "*"}};
    struct s3_call call = {.action = "write",
                           .method = "PUT",
                           .bucket = output->bucket,
                           .key = output->key,
                           .headers = headers,
                           .header_count = output->mode == LEAT_CREATE_NEW ? 2 : 1,
                           .body = output->bytes.data,
                           .body_length = output->bytes.length,
                           .changes = true};

    return decide(output, &call, put_is_done, err);
}

/* The answer 200 comes at once, and may turn out to hold an error. */
static bool complete_is_done(const struct leat_http_answer *answer)
{
    struct s3_xml_field fields[] = {{"Code", NULL}, {"ETag", NULL}};
    struct leat_arena arena;
    bool done;

    if (answer->status != 200)
        return false;
    leat_arena_init(&arena, NULL);
    done = s3_xml_fields((char *)answer->body.data, answer->body.length, fields, 2, &arena, NULL) ==
               LEAT_OK &&
           fields[1].value && !fields[0].value;
    leat_arena_release(&arena);
    return done;
}

static enum leat_status complete_text(const struct output *output, struct leat_buffer *out,
                                      struct leat_error *err)
{
    LEAT_TRY(leat_buffer_append_string(out, "<CompleteMultipartUpload>", err));
    for (const struct part *part = output->parts; part; part = part->next) {
        LEAT_TRY(
            leat_buffer_printf(out, err, "<Part><PartNumber>%u</PartNumber><ETag>", part->number));
        LEAT_TRY(s3_xml_escape(out, part->etag, err));
        LEAT_TRY(leat_buffer_append_string(out, "</ETag></Part>", err));
    }
    return leat_buffer_append_string(out, "</CompleteMultipartUpload>", err);
}

static enum leat_status upload_complete(struct output *output, struct leat_error *err)
{
    struct s3_pair query[] = {{"uploadId", output->upload}}, headers[] = {{"if-none-match", "*"}};
    struct s3_call call = {.action = "write",
                           .method = "POST",
                           .bucket = output->bucket,
                           .key = output->key,
                           .query = query,
                           .query_count = 1,
                           .headers = headers,
                           .header_count = output->mode == LEAT_CREATE_NEW ? 1 : 0,
                           .changes = true};
    struct leat_buffer text;
    enum leat_status status;

    leat_buffer_init(&text, 0);
    status = complete_text(output, &text, err);
    call.body = text.data;
    call.body_length = text.length;
    if (status == LEAT_OK)
        status = decide(output, &call, complete_is_done, err);
    leat_buffer_release(&text);
    return status;
}

static void upload_abort(struct output *output)
{
    struct s3_pair query[] = {{"uploadId", output->upload}};
    struct s3_call call = {.action = "give up",
                           .method = "DELETE",
                           .bucket = output->bucket,
                           .key = output->key,
                           .query = query,
                           .query_count = 1,
                           .changes = true};
    struct leat_http_answer answer;
    struct leat_error error;

    leat_http_answer_init(&answer, 0);
    if (s3_call_run(&call, &answer, &error) != LEAT_OK || answer.status >= 500)
        leat_log(LEAT_LOG_WARN, "s3", "left behind: an unfinished upload to %s, id %s",
                 output->base.path, output->upload);
    leat_http_answer_release(&answer);
}

static void s3_abort(struct leat_output *base)
{
    struct output *output = (struct output *)base;

    (void)!wait_parts(output, 1, NULL);
    if (output->upload)
        upload_abort(output);
    output_free(output);
}

static enum leat_status s3_finish(struct leat_output *base, struct leat_error *err)
{
    struct output *output = (struct output *)base;
    enum leat_status status = LEAT_OK;
    struct leat_error own;

    err = err ? err : &own;
    if (!output->upload) {
        status = put_whole(output, err);
    } else {
        if (output->bytes.length)
            status = part_send(output, err);
        if (status == LEAT_OK)
            status = wait_parts(output, 1, err);
        if (status == LEAT_OK)
            status = upload_complete(output, err);
    }
    if (status == LEAT_OK || err->code == LEAT_E_OUTCOME) {
        output_free(output);
        return status;
    }
    s3_abort(base);
    return status;
}

static const struct leat_output_ops output_ops = {s3_write, s3_finish, s3_abort};

enum leat_status s3_create(const char *path, enum leat_create mode, struct leat_output **out,
                           struct leat_error *err)
{
    struct output *output = leat_calloc(1, sizeof(*output));
    enum leat_status status;

    *out = NULL;
    if (!output)
        return leat_error_memory(err);
    leat_arena_init(&output->arena, NULL);
    leat_buffer_init(&output->bytes, 0);
    pthread_mutex_init(&output->lock, NULL);
    pthread_cond_init(&output->changed, NULL);
    output->mode = mode;
    output->end = &output->parts;
    output->base.ops = &output_ops;
    output->base.path = leat_arena_strdup(&output->arena, path);
    leat_random_uuid(output->mark);
    status = output->base.path
                 ? s3_path_split(path, &output->arena, &output->bucket, &output->key, err)
                 : leat_error_memory(err);
    if (status == LEAT_OK && !output->key[0])
        status = leat_error_set(err, LEAT_E_STORAGE_BUCKET, "%s names no object", path);
    if (status != LEAT_OK) {
        output_free(output);
        return status;
    }
    *out = &output->base;
    return LEAT_OK;
}
