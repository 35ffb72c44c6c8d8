/* What the parts of the Avro reader and writer share: the schema as a tree of nodes. */
#ifndef LEAT_FORMATS_AVRO_AVRO_INTERNAL_H
#define LEAT_FORMATS_AVRO_AVRO_INTERNAL_H

#include "formats/avro/avro.h"

enum avro_kind {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_FIXED,
    AVRO_ENUM,
    AVRO_RECORD,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_UNION
};
enum avro_logical {
    AVRO_PLAIN,
    AVRO_DATE,
    AVRO_TIME_MILLIS,
    AVRO_TIME_MICROS,
    AVRO_TIMESTAMP_MILLIS,
    AVRO_TIMESTAMP_MICROS,
    AVRO_TIMESTAMP_NANOS,
    AVRO_DECIMAL,
    AVRO_UUID,
    AVRO_DURATION,
    AVRO_KEY_VALUE /* an array of records of key and value */
};

struct avro_node {
    enum avro_kind kind;
    enum avro_logical logical;
    bool local;                   /* a timestamp without zone */
    bool open;                    /* still being read: a reference to it is a recursion */
    uint8_t height;               /* levels below, references expanded */
    uint8_t precision, scale;     /* DECIMAL */
    uint32_t size;                /* FIXED */
    uint32_t count;               /* children, or symbols of an ENUM */
    int32_t null_branch;          /* UNION: index of null, or -1 */
    uint32_t weight;              /* nodes below and including this one, references expanded */
    uint64_t minimum;             /* fewest bytes of a value */
    struct avro_node **children;  /* RECORD fields, ARRAY 1, MAP 1 (the value), UNION branches */
    const char **names;           /* RECORD fields, ENUM symbols */
    int32_t *ids;                 /* RECORD fields; ARRAY element; MAP key and value. 0: none */
    const struct leat_type *type; /* the natural type of a value that is not null */
};

/* Reads a schema. Everything lies in the arena. */
LEAT_CHECKED enum leat_status avro_schema_parse(const char *json, size_t length,
                                                struct leat_arena *arena, struct avro_node **out,
                                                struct leat_error *err);
/* The columns of a container with that root. */
LEAT_CHECKED enum leat_status avro_schema_columns(const struct avro_node *root,
                                                  struct leat_arena *arena, struct leat_schema *out,
                                                  struct leat_error *err);
/* True for values that may be null. */
bool avro_node_is_nullable(const struct avro_node *node);
/* `name` as an Avro name, as Iceberg sanitises it: other characters become _x<HEX>. */
const char *avro_sanitise(struct leat_arena *arena, const char *name);

/* --- decoding --- */
struct avro_decoder;
LEAT_CHECKED enum leat_status avro_decoder_new(const struct avro_node *root,
                                               const struct leat_schema *wanted,
                                               enum leat_avro_match match,
                                               struct leat_accountant *accountant,
                                               struct avro_decoder **out, struct leat_error *err);
void avro_decoder_free(struct avro_decoder *decoder);
/* Decodes `rows` rows from *at on, which moves; strings are borrowed from those bytes. */
LEAT_CHECKED enum leat_status avro_decoder_run(struct avro_decoder *decoder, const uint8_t **at,
                                               const uint8_t *end, uint32_t rows,
                                               struct leat_batch *out, struct leat_error *err);

/* A zigzag varint; false if the bytes end or it is longer than 10 bytes. */
bool avro_get_long(const uint8_t **at, const uint8_t *end, int64_t *out);

/* --- encoding --- */
struct avro_encoder;
LEAT_CHECKED enum leat_status avro_encoder_new(const struct avro_node *root,
                                               const struct leat_schema *schema,
                                               struct leat_arena *arena, struct avro_encoder **out,
                                               struct leat_error *err);
LEAT_CHECKED enum leat_status avro_encode_row(const struct avro_encoder *encoder,
                                              const struct leat_batch *batch, uint32_t row,
                                              struct leat_buffer *out, struct leat_error *err);
LEAT_CHECKED enum leat_status avro_put_long(struct leat_buffer *out, int64_t value,
                                            struct leat_error *err);

/* The container's first bytes. */
extern const uint8_t avro_magic[4];
#define AVRO_SYNC 16

/* A block may not decompress to more. */
#define AVRO_BLOCK_MAXIMUM ((size_t)256 << 20)

#endif
