/*
 * Tokens of PostgreSQL's lexical grammar, or of Spark's. The whole text is cut into tokens once;
 * values of strings and names are decoded when they are needed.
 */
#ifndef LEAT_COMPUTE_SQL_LEXER_H
#define LEAT_COMPUTE_SQL_LEXER_H

#include "compute/sql/ast.h"

enum leat_token_kind {
    LEAT_TOKEN_END,
    LEAT_TOKEN_WORD,      /* unquoted name or keyword */
    LEAT_TOKEN_NAME,      /* "quoted" */
    LEAT_TOKEN_NAME_U,    /* U&"quoted" */
    LEAT_TOKEN_STRING,    /* 'text', also continued on a further line */
    LEAT_TOKEN_STRING_E,  /* E'text' */
    LEAT_TOKEN_STRING_U,  /* U&'text' */
    LEAT_TOKEN_DOLLAR,    /* $tag$text$tag$ */
    LEAT_TOKEN_INTEGER,   /* also hexadecimal, octal, binary, with underscores */
    LEAT_TOKEN_DECIMAL,   /* with point or exponent */
    LEAT_TOKEN_PARAMETER, /* $1 */
    /* Spark's own */
    LEAT_TOKEN_BACKTICK,   /* `name` */
    LEAT_TOKEN_STRING_S,   /* 'text' or "text" with backslash escapes */
    LEAT_TOKEN_STRING_RAW, /* r'text' or r"text" */
    LEAT_TOKEN_BYTES,      /* X'1F' */
    LEAT_TOKEN_SUFFIXED,   /* 10L, 1.5BD: digits and letters of a type */
    LEAT_TOKEN_OPERATOR,   /* one or more operator characters */
    LEAT_TOKEN_SYMBOL,     /* ( ) [ ] { } , ; . : and :: := => */
    LEAT_TOKEN_ERROR       /* see leat_token_error */
};
enum leat_keyword {
    LEAT_KEYWORD_NONE,
#define LEAT_KEYWORD(name, text, class) LEAT_KEYWORD_##name,
#include "compute/sql/keywords.def"
#undef LEAT_KEYWORD
    LEAT_KEYWORD_COUNT_
};
enum leat_keyword_class {
    LEAT_KEYWORD_CLASS_FREE,
    LEAT_KEYWORD_CLASS_COLUMN,
    LEAT_KEYWORD_CLASS_FUNCTION,
    LEAT_KEYWORD_CLASS_RESERVED
};
enum leat_lexical_error {
    LEAT_LEXICAL_NONE,
    LEAT_LEXICAL_OPEN_STRING,
    LEAT_LEXICAL_OPEN_NAME,
    LEAT_LEXICAL_OPEN_DOLLAR,
    LEAT_LEXICAL_OPEN_COMMENT,
    LEAT_LEXICAL_EMPTY_NAME,
    LEAT_LEXICAL_NUMBER,   /* 12abc */
    LEAT_LEXICAL_BACKTICK, /* the token spans `name` */
    LEAT_LEXICAL_RAW_STRING,
    LEAT_LEXICAL_BIT_STRING,
    LEAT_LEXICAL_PARAMETER,
    LEAT_LEXICAL_CHARACTER,
    LEAT_LEXICAL_UTF8
};
struct leat_token {
    uint8_t kind;     /* enum leat_token_kind */
    uint8_t error;    /* enum leat_lexical_error */
    uint16_t keyword; /* enum leat_keyword, for WORD */
    uint32_t offset;
    uint32_t length;
};
struct leat_tokens {
    const char *text;
    size_t length;
    enum leat_sql_dialect dialect;
    struct leat_token *items; /* ended by END */
    size_t count;
    size_t capacity;
};

/* Cuts the text, at most LEAT_SQL_MAX_TEXT bytes. Lexical errors become ERROR tokens. */
LEAT_CHECKED enum leat_status leat_tokens_init(struct leat_tokens *tokens, const char *text,
                                               size_t length, enum leat_sql_dialect dialect,
                                               struct leat_error *err);
/* Cuts again, in another dialect, from the token `from` on. */
LEAT_CHECKED enum leat_status leat_tokens_turn(struct leat_tokens *tokens, size_t from,
                                               enum leat_sql_dialect dialect,
                                               struct leat_error *err);
void leat_tokens_release(struct leat_tokens *tokens);
/* Reads one token at *position and moves it behind; END at the end. For callers that want no
 * array. */
struct leat_token leat_token_next(const char *text, size_t length, enum leat_sql_dialect dialect,
                                  size_t *position);
/* The value of a string or name token, decoded, NUL-terminated in the arena. Bad escapes and zero
 * characters are errors with a place. */
LEAT_CHECKED enum leat_status leat_token_value(const char *text, const struct leat_token *token,
                                               struct leat_arena *arena, struct leat_text *out,
                                               struct leat_error *err);
/* Sets the error that an ERROR token stands for (without place). */
enum leat_status leat_token_error(const char *text, const struct leat_token *token,
                                  struct leat_error *err);
enum leat_keyword_class leat_keyword_class_of(enum leat_keyword keyword);
/* Lower case. */
const char *leat_keyword_text(enum leat_keyword keyword);
enum leat_keyword leat_keyword_find(const char *word, size_t length); /* any case */

#endif
