#include "plan.h"

#include <math.h>
#include <string.h>

static int has_column(unsigned char op)
{
    return op != SQLITE_INDEX_CONSTRAINT_LIMIT && op != SQLITE_INDEX_CONSTRAINT_OFFSET;
}

static int is_filter(const dg_plan_slot *slot)
{
    return slot->kind == DG_SLOT_FILTER || slot->kind == DG_SLOT_LIST;
}

/* An IN is for a slot that takes the list whole, or the search would start again for each value. Collations
 * other than BINARY are left to SQLite. */
static int filter_fits(sqlite3_index_info *info, int index, const dg_plan_slot *slot)
{
    return sqlite3_vtab_in(info, index, -1) == (slot->kind == DG_SLOT_LIST) &&
           sqlite3_stricmp(sqlite3_vtab_collation(info, index), "BINARY") == 0;
}

/* The index of a constraint for the slot, -1 for none; *unusable is set if there are only unusable ones. */
static int find(sqlite3_index_info *info, const dg_plan_slot *slot, int *unusable)
{
    *unusable = 0;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        if (c->op != slot->op || !has_column(c->op) || c->iColumn != slot->column) continue;
        if (is_filter(slot) && !filter_fits(info, i, slot)) continue;
        if (c->usable) return i;
        *unusable = 1;
    }
    return -1;
}

/*
 * Whether a required argument is absent because SQLite asks about one branch of an OR alone. It then shows
 * the branch's own constraints and none of the arguments; refusing that branch leaves the plan for the whole.
 */
static int is_branch(const sqlite3_index_info *info, const dg_plan_slot *slots, int count)
{
    int others = 0;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        if (!has_column(c->op)) continue;
        for (int s = 0; s < count; s++)
            if (!is_filter(&slots[s]) && c->iColumn == slots[s].column) return 0;
        others++;
    }
    return others > 0;
}

int dg_plan_choose(sqlite3_index_info *info, const dg_plan_slot *slots, int count, int *missing)
{
    int arguments = 0;
    info->idxNum = 0;
    for (int s = 0; s < count; s++) {
        int unusable, i = find(info, &slots[s], &unusable);
        if (i < 0) {
            if (is_filter(&slots[s])) continue;
            if (unusable) return SQLITE_CONSTRAINT;
            if (slots[s].kind == DG_SLOT_OPTIONAL) continue;
            if (is_branch(info, slots, count)) return SQLITE_CONSTRAINT;
            *missing = s;
            return SQLITE_ERROR;
        }
        info->aConstraintUsage[i].argvIndex = ++arguments;
        if (slots[s].kind == DG_SLOT_LIST) sqlite3_vtab_in(info, i, 1);
        info->aConstraintUsage[i].omit = !is_filter(&slots[s]) || slots[s].omit;
        info->idxNum |= 1 << s;
    }
    return SQLITE_OK;
}

void dg_plan_values(int number, sqlite3_value **argv, int count, sqlite3_value **values)
{
    for (int s = 0; s < count; s++) values[s] = number >> s & 1 ? *argv++ : NULL;
}

sqlite3_value *dg_plan_known(sqlite3_index_info *info, const dg_plan_slot *slot)
{
    int unusable, i = find(info, slot, &unusable);
    sqlite3_value *value = NULL;
    if (i < 0 || sqlite3_vtab_rhs_value(info, i, &value) != SQLITE_OK) return NULL;
    return value && sqlite3_value_type(value) != SQLITE_NULL ? value : NULL;
}

void dg_plan_order(sqlite3_index_info *info, const int *columns, int count)
{
    if (info->nOrderBy > count) return;
    for (int i = 0; i < info->nOrderBy; i++)
        if (info->aOrderBy[i].iColumn != columns[i] || info->aOrderBy[i].desc) return;
    info->orderByConsumed = info->nOrderBy > 0;
}

/* The largest integer <= value, kept inside int64. */
static int64_t floor_integer(double value)
{
    if (value >= 9e18) return INT64_MAX;
    if (value <= -9e18) return INT64_MIN;
    return (int64_t)floor(value);
}

void dg_range_narrow(dg_range *range, unsigned char op, sqlite3_value *value)
{
    int type = sqlite3_value_numeric_type(value);
    int64_t whole; /* the largest integer <= value */
    int exact;     /* the value is that integer */
    switch (type) {
    case SQLITE_INTEGER:
        whole = sqlite3_value_int64(value);
        exact = 1;
        break;
    case SQLITE_FLOAT: {
        double number = sqlite3_value_double(value);
        whole = floor_integer(number);
        exact = number == (double)whole;
        break;
    }
    case SQLITE_NULL: *range = (dg_range){0, -1}; return;
    default:
        whole = INT64_MAX;
        exact = 0;
        break;
    }

    if (op == SQLITE_INDEX_CONSTRAINT_EQ) {
        if (!exact) {
            *range = (dg_range){0, -1};
            return;
        }
        if (whole > range->low) range->low = whole;
    }
    if (op == SQLITE_INDEX_CONSTRAINT_LT && exact) {
        if (whole == INT64_MIN) {
            *range = (dg_range){0, -1};
            return;
        }
        whole--;
    }
    if (whole < range->high) range->high = whole;
}

void dg_range_narrow_all(dg_range *range, sqlite3_value *const *values)
{
    static const unsigned char ops[DG_DISTANCE_SLOTS] = {
        SQLITE_INDEX_CONSTRAINT_LE, SQLITE_INDEX_CONSTRAINT_LT, SQLITE_INDEX_CONSTRAINT_EQ};
    for (int i = 0; i < DG_DISTANCE_SLOTS; i++)
        if (values[i]) dg_range_narrow(range, ops[i], values[i]);
}
