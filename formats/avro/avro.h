/*
 * Avro 1.11 object container files: reading and writing.
 *
 * Two levels: leat_avro_file and leat_avro_writer for the lake's manifests (field ids, file
 * metadata), and leat_avro_format for read_avro(...) and COPY TO.
 *
 * How Avro types become ours: int INT32, long INT64, float, double, boolean, bytes BYTES, string
 * and enum TEXT, fixed BYTES, record STRUCT, array LIST, map MAP(TEXT, value), union with null a
 * nullable column, another union a STRUCT with one nullable field a branch (member0, member1, ...).
 * Logical types: date, time-millis/-micros, timestamp-millis/-micros/-nanos (TIMESTAMPTZ, or
 * TIMESTAMP with "adjust-to-utc": false), local-timestamp-*, decimal up to 38 digits, uuid,
 * duration INTERVAL, and Iceberg's map (array of records of key and value) MAP. Field ids
 * ("field-id", "element-id", "key-id", "value-id") stand in leat_field.id. A root that is no record
 * is one column "value".
 *
 * Schemas that contain themselves are refused, as are those deeper than LEAT_TYPE_MAX_DEPTH.
 */
#ifndef LEAT_FORMATS_AVRO_AVRO_H
#define LEAT_FORMATS_AVRO_AVRO_H

#include "columns/format.h"
#include "formats/compression/codec.h"

struct leat_avro_metadata { /* a file metadata pair; "avro." keys are the format's own */
    const char *key;
    struct leat_text value;
};

/* Iceberg gives one field (manifest_entry.status) the id 0, which means none in leat_field.id:
 * there it stands as this number, in both directions. */
#define LEAT_AVRO_FIELD_ID_ZERO (-1)

/* --- reading --- */
struct leat_avro_file;

/* Reads the header. The input is borrowed and must outlive the file and its readers. */
LEAT_CHECKED enum leat_status leat_avro_file_open(struct leat_input *input,
                                                  struct leat_accountant *accountant,
                                                  struct leat_avro_file **out,
                                                  struct leat_error *err);
void leat_avro_file_close(struct leat_avro_file *file); /* NULL is allowed */
/* The file's own schema. Lives as long as the file. */
const struct leat_schema *leat_avro_file_schema(const struct leat_avro_file *file);
/* False if there is no such key; "avro.schema" and "avro.codec" are keys too. */
bool leat_avro_file_metadata(const struct leat_avro_file *file, const char *key,
                             struct leat_text *out);

enum leat_avro_match { LEAT_AVRO_BY_ID, LEAT_AVRO_BY_NAME };

/* Reads rows as `wanted` says (NULL: the file's own schema): at every level, fields are found by id
 * or by name, those that the file lacks are null, others are skipped, and numbers are widened (int
 * to long, float to double; long to int where the value fits). A type that cannot become the wanted
 * one is LEAT_E_AVRO_TYPE. Blocks that start in bytes [start, end) of the file are read: 0 and
 * UINT64_MAX for all. `wanted` must outlive the reader; the context may be NULL. Batches have up to
 * LEAT_BATCH_ROWS rows. */
LEAT_CHECKED enum leat_status leat_avro_rows_open(struct leat_avro_file *file,
                                                  const struct leat_schema *wanted,
                                                  enum leat_avro_match match, uint64_t start,
                                                  uint64_t end,
                                                  const struct leat_read_context *context,
                                                  struct leat_reader **out, struct leat_error *err);

/* --- writing --- */
struct leat_avro_writer;
struct leat_avro_write_options {
    const char *schema_json;    /* NULL: made from the schema (leat_avro_schema_json) */
    const char *record_name;    /* of a made schema; NULL: "row" */
    enum leat_codec_kind codec; /* NONE, DEFLATE, ZSTD, SNAPPY */
    int level;                  /* 0: the codec's default */
    size_t block_bytes;         /* 0: 64 KiB before compression */
    const struct leat_avro_metadata *metadata;
    size_t metadata_count;
};
/* Appends the Avro schema of a record with these columns. If a field has an id, it is Iceberg's
 * form (field-id, element-id, key-id, value-id, adjust-to-utc, records named r<id>, k<id>_v<id>),
 * else plain Avro (local-timestamp-micros). Names are sanitised as Iceberg does; optional fields
 * are
 * ["null", type] with default null. */
LEAT_CHECKED enum leat_status leat_avro_schema_json(const struct leat_schema *schema,
                                                    const char *record_name,
                                                    struct leat_buffer *out,
                                                    struct leat_error *err);
/* Starts a container. The schema (whose memory must outlive the writer) tells what batches hold;
 * with schema_json, fields are matched by id, then by name, and record fields without a column must
 * be nullable. On success the writer owns the output; on failure the caller still does. */
LEAT_CHECKED enum leat_status leat_avro_writer_open(struct leat_output *output,
                                                    const struct leat_schema *schema,
                                                    const struct leat_avro_write_options *options,
                                                    struct leat_avro_writer **out,
                                                    struct leat_error *err);
LEAT_CHECKED enum leat_status leat_avro_writer_write(struct leat_avro_writer *writer,
                                                     const struct leat_batch *batch,
                                                     struct leat_error *err);
/* Writes the last block, finishes the output and frees the writer, also on failure (the output is
 * then aborted). `rows` and `bytes` may be NULL. */
LEAT_CHECKED enum leat_status leat_avro_writer_finish(struct leat_avro_writer *writer,
                                                      uint64_t *rows, uint64_t *bytes,
                                                      struct leat_error *err);
void leat_avro_writer_abort(struct leat_avro_writer *writer); /* NULL is allowed */

extern const struct leat_format leat_avro_format;

#endif
