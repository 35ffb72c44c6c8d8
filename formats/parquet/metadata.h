/*
 * The Thrift structures of a Parquet file (parquet.thrift, format 2.11), as far as they are used,
 * read and written. Texts are borrowed from the bytes they were read from. UNSET marks absent
 * numbers.
 */
#ifndef LEAT_FORMATS_PARQUET_METADATA_H
#define LEAT_FORMATS_PARQUET_METADATA_H

#include "formats/compression/codec.h"
#include "formats/parquet/thrift.h"

#define PARQUET_UNSET INT64_MIN

enum parquet_type {
    PARQUET_BOOLEAN = 0,
    PARQUET_INT32 = 1,
    PARQUET_INT64 = 2,
    PARQUET_INT96 = 3,
    PARQUET_FLOAT = 4,
    PARQUET_DOUBLE = 5,
    PARQUET_BYTE_ARRAY = 6,
    PARQUET_FIXED = 7
};
enum parquet_repetition { PARQUET_REQUIRED = 0, PARQUET_OPTIONAL = 1, PARQUET_REPEATED = 2 };
enum parquet_encoding {
    PARQUET_PLAIN = 0,
    PARQUET_PLAIN_DICTIONARY = 2,
    PARQUET_RLE = 3,
    PARQUET_BIT_PACKED = 4,
    PARQUET_DELTA_BINARY_PACKED = 5,
    PARQUET_DELTA_LENGTH_BYTE_ARRAY = 6,
    PARQUET_DELTA_BYTE_ARRAY = 7,
    PARQUET_RLE_DICTIONARY = 8,
    PARQUET_BYTE_STREAM_SPLIT = 9
};
enum parquet_converted {
    PARQUET_UTF8 = 0,
    PARQUET_MAP = 1,
    PARQUET_MAP_KEY_VALUE = 2,
    PARQUET_LIST = 3,
    PARQUET_ENUM = 4,
    PARQUET_DECIMAL = 5,
    PARQUET_DATE = 6,
    PARQUET_TIME_MILLIS = 7,
    PARQUET_TIME_MICROS = 8,
    PARQUET_TIMESTAMP_MILLIS = 9,
    PARQUET_TIMESTAMP_MICROS = 10,
    PARQUET_UINT_8 = 11,
    PARQUET_UINT_16 = 12,
    PARQUET_UINT_32 = 13,
    PARQUET_UINT_64 = 14,
    PARQUET_INT_8 = 15,
    PARQUET_INT_16 = 16,
    PARQUET_INT_32 = 17,
    PARQUET_INT_64 = 18,
    PARQUET_JSON = 19,
    PARQUET_BSON = 20,
    PARQUET_INTERVAL = 21
};
enum parquet_logical { /* the union's field ids */
                       PARQUET_LOGICAL_NONE = 0,
                       PARQUET_LOGICAL_STRING = 1,
                       PARQUET_LOGICAL_MAP = 2,
                       PARQUET_LOGICAL_LIST = 3,
                       PARQUET_LOGICAL_ENUM = 4,
                       PARQUET_LOGICAL_DECIMAL = 5,
                       PARQUET_LOGICAL_DATE = 6,
                       PARQUET_LOGICAL_TIME = 7,
                       PARQUET_LOGICAL_TIMESTAMP = 8,
                       PARQUET_LOGICAL_INTEGER = 10,
                       PARQUET_LOGICAL_NULL = 11,
                       PARQUET_LOGICAL_JSON = 12,
                       PARQUET_LOGICAL_BSON = 13,
                       PARQUET_LOGICAL_UUID = 14,
                       PARQUET_LOGICAL_FLOAT16 = 15
};
enum parquet_unit { PARQUET_MILLIS = 1, PARQUET_MICROS = 2, PARQUET_NANOS = 3 };

struct parquet_element {
    const char *name;
    int64_t type; /* UNSET for groups */
    int64_t type_length;
    int64_t repetition; /* UNSET for the root */
    int64_t child_count;
    int64_t converted;
    int64_t scale;
    int64_t precision;
    int64_t field_id; /* UNSET if none */
    uint8_t logical;
    bool is_utc;    /* TIME, TIMESTAMP */
    bool is_signed; /* INTEGER */
    uint8_t unit;   /* TIME, TIMESTAMP */
    uint8_t bits;   /* INTEGER */
};
struct parquet_statistics {
    bool has_min, has_max;         /* min_value, max_value */
    bool has_old_min, has_old_max; /* the deprecated pair, of signed order */
    struct leat_text min, max, old_min, old_max;
    int64_t null_count;
    int64_t distinct_count;
    int64_t nan_count;
};
struct parquet_chunk {
    int64_t type;
    int64_t codec;
    uint32_t encodings;   /* a bit each */
    bool only_dictionary; /* encoding_stats say that all data pages are dictionary-encoded */
    bool encrypted;
    bool elsewhere; /* in another file */
    int64_t value_count;
    int64_t plain_size;
    int64_t packed_size;
    int64_t data_offset;
    int64_t dictionary_offset; /* UNSET or 0 if none */
    int64_t offset_index_offset, offset_index_length;
    int64_t column_index_offset, column_index_length;
    struct parquet_statistics statistics;
    const struct leat_text *path; /* writing only: names from the root */
    uint32_t path_count;
};
struct parquet_row_group {
    int64_t rows;
    int64_t byte_size;
    uint32_t chunk_count;
    struct parquet_chunk *chunks;
};
struct parquet_pair {
    const char *key;
    const char *value;
};
struct parquet_metadata {
    int64_t version;
    int64_t rows;
    uint32_t element_count;
    struct parquet_element *elements;
    uint32_t group_count;
    struct parquet_row_group *groups;
    uint32_t pair_count;
    struct parquet_pair *pairs;
    const char *created_by;
    bool encrypted;
    uint32_t order_count; /* column orders: 0 means that min_value is not to be used */
    uint8_t *orders;      /* 1: TYPE_ORDER; else unknown */
};

enum parquet_page {
    PARQUET_DATA_PAGE = 0,
    PARQUET_INDEX_PAGE = 1,
    PARQUET_DICTIONARY_PAGE = 2,
    PARQUET_DATA_PAGE_V2 = 3
};
struct parquet_page_header {
    int64_t type;
    int64_t plain_size;
    int64_t packed_size;
    bool has_crc;
    uint32_t crc;
    int64_t value_count; /* of data and dictionary pages */
    int64_t encoding;
    int64_t definition_encoding, repetition_encoding;
    /* v2 */
    int64_t null_count, row_count;
    int64_t definition_length, repetition_length;
    bool is_compressed;
};
struct parquet_page_location {
    int64_t offset;
    int32_t size; /* with header */
    int64_t first_row;
};
struct parquet_column_index {
    uint32_t count;
    uint8_t *null_pages;
    struct leat_text *min;
    struct leat_text *max;
    int64_t *null_counts; /* or NULL */
};

/* The footer's structure. Texts that are kept as C strings lie in the arena. */
LEAT_CHECKED enum leat_status parquet_metadata_read(const uint8_t *bytes, size_t length,
                                                    struct leat_arena *arena,
                                                    struct parquet_metadata *out,
                                                    struct leat_error *err);
/* A page's header; *used is its length. False if the bytes end too early or make no sense. */
bool parquet_page_header_read(const uint8_t *bytes, size_t length, struct parquet_page_header *out,
                              size_t *used);
/* False if damaged; a NULL array means out of memory. */
bool parquet_offset_index_read(const uint8_t *bytes, size_t length, struct leat_arena *arena,
                               struct parquet_page_location **out, uint32_t *count);
bool parquet_column_index_read(const uint8_t *bytes, size_t length, struct leat_arena *arena,
                               struct parquet_column_index *out);
/* The file's codec number as ours; false if unknown. */
bool parquet_codec(int64_t number, enum leat_codec_kind *out);

/* Appending. */
LEAT_CHECKED enum leat_status parquet_metadata_put(const struct parquet_metadata *metadata,
                                                   struct leat_buffer *out, struct leat_error *err);
LEAT_CHECKED enum leat_status parquet_page_header_put(const struct parquet_page_header *header,
                                                      struct leat_buffer *out,
                                                      struct leat_error *err);
LEAT_CHECKED enum leat_status
parquet_offset_index_put(const struct parquet_page_location *locations, uint32_t count,
                         struct leat_buffer *out, struct leat_error *err);
/* `order` is 0 unordered, 1 ascending, 2 descending. */
LEAT_CHECKED enum leat_status parquet_column_index_put(const struct parquet_column_index *index,
                                                       int32_t order, struct leat_buffer *out,
                                                       struct leat_error *err);

#endif
