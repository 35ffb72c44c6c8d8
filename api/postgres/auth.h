/*
 * Who may connect: users with SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677) in the form that
 * PostgreSQL keeps them, one a line of a file:
 *
 *     NAME:SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY
 *
 * so that verifiers can be copied out of pg_authid. No password is kept or sent.
 */
#ifndef LEAT_API_POSTGRES_AUTH_H
#define LEAT_API_POSTGRES_AUTH_H

#include "api/postgres/stream.h"

struct postgres_verifier {
    char name[64];
    unsigned iterations;
    uint8_t salt[64];
    size_t salt_length;
    uint8_t stored_key[32], server_key[32];
};
struct postgres_users {
    struct postgres_verifier *items;
    size_t count;
    uint8_t secret[32]; /* what salts of users that do not exist are made of */
};
LEAT_CHECKED enum leat_status postgres_users_read(const char *path, struct postgres_users *out,
                                                  struct leat_error *err);
void postgres_users_release(struct postgres_users *users);
/* Appends the line of a user, with a new salt. */
LEAT_CHECKED enum leat_status postgres_user_line(const char *name, const char *password,
                                                 struct leat_buffer *out, struct leat_error *err);
/* Asks for the password and checks it; a wrong one, or an unknown user, is LEAT_E_PASSWORD after as
 * much talk as a right one takes. */
LEAT_CHECKED enum leat_status postgres_authenticate(struct postgres_stream *stream,
                                                    const struct postgres_users *users,
                                                    const char *name, struct leat_error *err);

#endif
