/*
 * What the table functions share of xBestIndex and xFilter.
 *
 * A table lists its slots: the hidden columns that are its arguments, then the constraints it can use.
 * dg_plan_choose looks for a constraint for each slot, numbers the arguments without gaps in slot order, and
 * leaves a bit for each slot found in idxNum; dg_plan_values turns idxNum and argv back into one value for
 * each slot. LIMIT and OFFSET are left to SQLite, which stops calling xNext: truncating is only right where
 * everything else was consumed.
 *
 * Costs: a table function that looks cheap is put inside a loop and its whole search is run once for each
 * outer row (1,666 times in one measured query). Hence a cost of at least 1000 for each estimated row.
 */
#ifndef DG_VTAB_PLAN_H
#define DG_VTAB_PLAN_H

#include "../ext/sqlite.h"

#include <stdint.h>

enum dg_slot_kind {
    DG_SLOT_REQUIRED, /* an argument that must be given */
    DG_SLOT_OPTIONAL, /* an argument that may be absent, but may not be ignored when it is there */
    DG_SLOT_FILTER,   /* a constraint that SQLite would test by itself */
    DG_SLOT_LIST,     /* as DG_SLOT_FILTER: `column IN (...)`, with EQ for op; for sqlite3_vtab_in_first */
};

typedef struct dg_plan_slot {
    enum dg_slot_kind kind;
    int column;
    unsigned char op; /* SQLITE_INDEX_CONSTRAINT_... */
    int omit;         /* filters: 1 where the table's own test is exact, so that SQLite need not repeat it */
    const char *name; /* arguments: for error texts */
} dg_plan_slot;

/* SQLite honours omit for the first 16 arguments only: what must not be tested again lies among these slots.
 */
enum { DG_PLAN_MAX_SLOTS = 20, DG_PLAN_OMITTED = 16 };

/*
 * Fills constraint usage and idxNum. SQLITE_CONSTRAINT: an argument is there but not usable in this order of
 * tables. SQLITE_ERROR: a required argument is absent, *missing says which slot.
 */
int dg_plan_choose(sqlite3_index_info *info, const dg_plan_slot *slots, int count, int *missing);

/* values[slot] = its argument, or NULL where the plan has none. */
void dg_plan_values(int number, sqlite3_value **argv, int count, sqlite3_value **values);

/* The value a slot's constraint compares with, if it is known while planning and not NULL; else NULL. */
sqlite3_value *dg_plan_known(sqlite3_index_info *info, const dg_plan_slot *slot);

/*
 * Tells SQLite that it need not sort, if ORDER BY asks for the columns listed or the first of them,
 * ascending: the order in which the table gives its rows.
 */
void dg_plan_order(sqlite3_index_info *info, const int *columns, int count);

/* A range of distances, both ends included; empty when low > high. */
typedef struct dg_range {
    int64_t low, high;
} dg_range;

/* The slots of a table that filters by the distance in one of its columns; they come first among its filters.
 */
enum { DG_DISTANCE_LE, DG_DISTANCE_LT, DG_DISTANCE_EQ, DG_DISTANCE_SLOTS };

#define DG_DISTANCE_SLOT_LIST(column)                                                                        \
    [DG_DISTANCE_LE] = {DG_SLOT_FILTER, column, SQLITE_INDEX_CONSTRAINT_LE, 1, "distance <="},               \
    [DG_DISTANCE_LT] = {DG_SLOT_FILTER, column, SQLITE_INDEX_CONSTRAINT_LT, 1, "distance <"},                \
    [DG_DISTANCE_EQ] = {DG_SLOT_FILTER, column, SQLITE_INDEX_CONSTRAINT_EQ, 1, "distance ="}

/* Narrows the range by the values of these slots, NULL where one is not in use. */
void dg_range_narrow_all(dg_range *range, sqlite3_value *const *values);

/*
 * Narrows the range by `distance op value` for <=, < and =, exactly as SQLite would decide for an INTEGER
 * column: a number may have a fraction, TEXT that looks like a number is one, other TEXT and BLOBs are larger
 * than any number, and nothing compares with NULL.
 */
void dg_range_narrow(dg_range *range, unsigned char op, sqlite3_value *value);

#endif
