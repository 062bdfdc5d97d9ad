/*
 * The frame of every table function over columns of hashes or pictures: arguments, plans, cursors, and the
 * words of errors about arguments. A function fills in a dg_table_function and works on a state that belongs
 * to a cursor.
 *
 * As a table-valued function its arguments are hidden columns: the required ones in their order, then the
 * optional ones, which go in WHERE. Named for good, CREATE VIRTUAL TABLE d USING similar_pairs(photos, phash,
 * 6 [, schema=...]) has the visible columns only, and takes the required arguments by position and the others
 * by name; a source is then looked for in the table's own schema (in any, for a temp table).
 */
#ifndef DG_VTAB_TABLE_FUNCTION_H
#define DG_VTAB_TABLE_FUNCTION_H

#include "plan.h"
#include "vtab.h"

#include <stddef.h>

enum dg_argument_kind {
    DG_ARGUMENT_TABLE,  /* TEXT, the name of a table or view */
    DG_ARGUMENT_COLUMN, /* TEXT, the name of a column */
    DG_ARGUMENT_SCHEMA, /* TEXT, the name of a schema */
    DG_ARGUMENT_NUMBER, /* INTEGER, `least` or more; 6.0 and '6' count as 6 */
    DG_ARGUMENT_TEXT,   /* TEXT */
    DG_ARGUMENT_WORD,   /* TEXT, one of `words` */
    DG_ARGUMENT_VALUE,  /* anything; NULL counts as not given; a table named for good gives it as text[] */
};

typedef struct dg_argument {
    const char *name;
    enum dg_argument_kind kind;
    int required;             /* required ones come first */
    int64_t least;            /* NUMBER */
    const char *const *words; /* WORD: ending with NULL */
} dg_argument;

/* The arguments of one search. */
typedef struct dg_arguments {
    char *text[DG_PLAN_MAX_SLOTS];           /* names and words; NULL: not given */
    int64_t number[DG_PLAN_MAX_SLOTS];       /* NUMBER; WORD: its place in the list */
    sqlite3_value *value[DG_PLAN_MAX_SLOTS]; /* VALUE */
    unsigned given;                          /* a bit for each argument */
    uint64_t columns; /* a bit for each column that the query reads, where the function names its columns */
} dg_arguments;

/* What is known while planning. */
typedef struct dg_planning {
    const dg_connection *connection;
    const struct dg_table_function *function;
    const dg_arguments *definition; /* of a table named for good, else NULL */
    sqlite3_index_info *info;
    unsigned filters; /* a bit for each filter in use */
} dg_planning;

/* Whether an optional argument is there. */
int dg_planning_has(const dg_planning *planning, int argument);

/* The argument's value, else its name: for describe. */
const char *dg_planning_argument(const dg_planning *planning, int argument);

/* Appends " and distance <= 5" for each filter in use among the first `count`, with ? for a value not known
 * yet. */
void dg_planning_filters(const dg_planning *planning, int count, sqlite3_str *words);

typedef struct dg_table_function {
    const char *name;
    const char *columns; /* the visible ones, as in CREATE TABLE */
    int column_count;
    /* Their names, for a function that works only for the columns that are read: EXPLAIN QUERY PLAN then ends
     * in " for phash, width". NULL: it need not know. */
    const char *const *column_names;
    const dg_argument *arguments;
    int argument_count;
    const dg_plan_slot *filters; /* DG_SLOT_FILTER, DG_SLOT_LIST */
    int filter_count; /* with the arguments at most DG_PLAN_MAX_SLOTS; up to the last one with omit at most
                         DG_PLAN_OMITTED */
    int direct_only;  /* 1: not for views and triggers */

    size_t state_bytes;
    void (*init)(void *state, dg_connection *connection);
    void (*free)(void *state); /* idempotent */
    /* Hands what `from` remembers to `to`, which has not been used. */
    void (*move)(void *to, void *from);

    /* Sets the estimates of cost and rows. */
    void (*estimate)(const dg_planning *planning);
    /* What EXPLAIN QUERY PLAN shows. */
    void (*describe)(const dg_planning *planning, sqlite3_str *words);
    /* Begins a search at its first row. `filters`: the value of each, or NULL. Returns an SQLite code; *error
     * is a text for sqlite3_free, or NULL where the code says it all; likewise below. */
    int (*filter)(void *state, const dg_arguments *arguments, sqlite3_value **filters, char **error);
    int (*next)(void *state, char **error);
    int (*eof)(const void *state);
    /* The current row's number, the same in every search that gives this row: where a query has conditions
     * joined by OR, SQLite may search for each of them and tells by the numbers which rows it has had. NULL:
     * no filter makes a search so cheap that two would pay, and rows are numbered in their order. */
    int64_t (*rowid)(const void *state);
    void (*column)(const void *state, sqlite3_context *context, int column);
} dg_table_function;

/* Registers the function, which must be static. Returns an SQLite code; SQLITE_MISUSE where it has more slots
 * than there may be. */
int dg_table_function_register(dg_connection *connection, const dg_table_function *function);

#endif
