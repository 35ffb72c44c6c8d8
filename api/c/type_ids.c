/* The table of object ids. The first row of a type is the one that clients are told. */
#include "api/c/type_ids.h"

struct type_row {
    enum leat_type_id type;
    uint32_t id, array;
    int size;
};
static const struct type_row type_rows[] = {{LEAT_BOOLEAN, 16, 1000, 1},
                                            {LEAT_BYTES, 17, 1001, -1},
                                            {LEAT_INT64, 20, 1016, 8},
                                            {LEAT_INT16, 21, 1005, 2},
                                            {LEAT_INT8, 21, 1005, 2},
                                            {LEAT_INT32, 23, 1007, 4},
                                            {LEAT_TEXT, 25, 1009, -1},
                                            {LEAT_JSON, 114, 199, -1},
                                            {LEAT_FLOAT, 700, 1021, 4},
                                            {LEAT_DOUBLE, 701, 1022, 8},
                                            {LEAT_DATE, 1082, 1182, 4},
                                            {LEAT_TIME, 1083, 1183, 8},
                                            {LEAT_TIMESTAMP, 1114, 1115, 8},
                                            {LEAT_TIMESTAMPTZ, 1184, 1185, 8},
                                            {LEAT_INTERVAL, 1186, 1187, 16},
                                            {LEAT_DECIMAL, 1700, 1231, -1},
                                            {LEAT_UUID, 2950, 2951, 16},
                                            {LEAT_STRUCT, 114, 199, -1},
                                            {LEAT_MAP, 114, 199, -1},
                                            {LEAT_NULL, 25, 1009, -1},
                                            /* what clients send, by the type that takes it */
                                            {LEAT_INT64, 26, 1028, 4},
                                            {LEAT_TEXT, 18, 1002, -1},
                                            {LEAT_TEXT, 19, 1003, -1},
                                            {LEAT_TEXT, 1042, 1014, -1},
                                            {LEAT_TEXT, 1043, 1015, -1},
                                            {LEAT_JSON, 3802, 3807, -1}};
#define TYPE_ROWS (sizeof(type_rows) / sizeof(type_rows[0]))

static const struct type_row *row_of(const struct leat_type *type)
{
    for (size_t i = 0; i < TYPE_ROWS; i++)
        if (type_rows[i].type == type->id)
            return &type_rows[i];
    return &type_rows[6]; /* text */
}

uint32_t leat_type_postgres_id(const struct leat_type *type)
{
    if (type->id != LEAT_LIST)
        return row_of(type)->id;
    while (type->id == LEAT_LIST) /* arrays of arrays are one type in PostgreSQL */
        type = type->fields[0].type;
    return row_of(type)->array;
}

int leat_type_postgres_size(const struct leat_type *type)
{
    return type->id == LEAT_LIST ? -1 : row_of(type)->size;
}

int32_t leat_type_postgres_modifier(const struct leat_type *type)
{
    return type->id == LEAT_DECIMAL && type->precision < LEAT_DECIMAL_MAX_PRECISION
               ? (int32_t)type->precision << 16 | (type->scale + 4)
               : -1;
}

const struct leat_type *leat_type_postgres_of(uint32_t id, struct leat_arena *arena)
{
    if (id == LEAT_POSTGRES_NUMERIC)
        return leat_type_decimal(LEAT_DECIMAL_MAX_PRECISION, 10);
    for (size_t i = 0; i < TYPE_ROWS; i++) {
        enum leat_type_id type = type_rows[i].type;
        if (type == LEAT_STRUCT || type == LEAT_MAP || type == LEAT_DECIMAL || type == LEAT_NULL)
            continue;
        if (type_rows[i].id == id)
            return leat_type_get(type);
        if (type_rows[i].array == id)
            return leat_type_list(arena, leat_type_get(type));
    }
    return NULL;
}
