/*
 * Frames: the messages between a worker, whoever carries its bytes, and Leat. PROTOCOL.md says what
 * each kind holds and who sends it when.
 *
 * A frame is a u32 little-endian length, that many bytes of payload, and the payload's CRC-32. The
 * payload's first byte is its kind, the rest the body.
 */
#ifndef LEAT_COMPUTE_HOSTS_FRAME_H
#define LEAT_COMPUTE_HOSTS_FRAME_H

#include "columns/source.h"

#define LEAT_WIRE_VERSION 2u
#define LEAT_WIRE_MAXIMUM ((uint32_t)1 << 30) /* bytes of a payload */

enum leat_wire_kind { /* stable numbers */
                      LEAT_WIRE_HELLO = 1,
                      LEAT_WIRE_FRAGMENT = 2,
                      LEAT_WIRE_INPUT = 3,
                      LEAT_WIRE_INPUT_END = 4,
                      LEAT_WIRE_WANT = 5,
                      LEAT_WIRE_OUTPUT = 6,
                      LEAT_WIRE_RECEIPT = 7,
                      LEAT_WIRE_BAD_ROW = 8,
                      LEAT_WIRE_PROGRESS = 9,
                      LEAT_WIRE_ERROR = 10,
                      LEAT_WIRE_DONE = 11,
                      /* between Leat and the driver of a cluster */
                      LEAT_WIRE_READY = 20,
                      LEAT_WIRE_JOB = 21,
                      LEAT_WIRE_TASK = 22,
                      LEAT_WIRE_GIVEN = 23,
                      LEAT_WIRE_GO = 24,
                      LEAT_WIRE_CANCEL = 25,
                      LEAT_WIRE_WON = 26,
                      LEAT_WIRE_LOST = 27,
                      LEAT_WIRE_ROWS = 28,
                      LEAT_WIRE_NOTE = 29,
                      LEAT_WIRE_FAILED = 30
};
struct leat_wire_frame {
    enum leat_wire_kind kind;
    struct leat_cursor body; /* borrowed */
};

/* A frame is begun, its body appended to the buffer, and ended. *start says where it lies. */
LEAT_CHECKED enum leat_status leat_wire_begin(struct leat_buffer *out, enum leat_wire_kind kind,
                                              size_t *start, struct leat_error *err);
LEAT_CHECKED enum leat_status leat_wire_end(struct leat_buffer *out, size_t start,
                                            struct leat_error *err);
LEAT_CHECKED enum leat_status leat_wire_put(struct leat_buffer *out, enum leat_wire_kind kind,
                                            const void *body, size_t length,
                                            struct leat_error *err);
/* The first frame of the bytes; *used is its whole length, 0 if it is not there wholly yet. A
 * length above the maximum, an unknown kind or a wrong checksum is L0013. */
LEAT_CHECKED enum leat_status leat_wire_next(const uint8_t *bytes, size_t length,
                                             struct leat_wire_frame *out, size_t *used,
                                             struct leat_error *err);

LEAT_CHECKED enum leat_status leat_wire_put_hello(struct leat_buffer *out, struct leat_error *err);
/* L2402 if the other side has another version. */
LEAT_CHECKED enum leat_status leat_wire_check_hello(struct leat_cursor *body,
                                                    struct leat_error *err);
LEAT_CHECKED enum leat_status leat_wire_put_error(struct leat_buffer *out,
                                                  const struct leat_error *error,
                                                  struct leat_error *err);
/* The error that was put, into *out; a code that is not known becomes L0013. */
LEAT_CHECKED enum leat_status leat_wire_read_error(struct leat_cursor *body, struct leat_error *out,
                                                   struct leat_error *err);
LEAT_CHECKED enum leat_status leat_wire_put_bad_row(struct leat_buffer *out,
                                                    const struct leat_bad_row *row,
                                                    struct leat_error *err);
/* Texts lie in the arena, raw bytes are borrowed from the body. */
LEAT_CHECKED enum leat_status leat_wire_read_bad_row(struct leat_cursor *body,
                                                     struct leat_arena *arena,
                                                     struct leat_bad_row *out,
                                                     struct leat_error *err);

#endif
