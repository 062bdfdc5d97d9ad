/*
 * A search for the nearest rows of a column that stays open between questions, so that what a device holds is
 * there for the next one.
 *
 * It is opened by its first question, anew where the settings have changed since, and closed by a failure;
 * the next question then opens it again. The column must stay as it is until the search is closed.
 */
#ifndef DG_VTAB_SEARCH_H
#define DG_VTAB_SEARCH_H

#include "column.h"

#include "../kernels/engine/nearest.h"

typedef struct dg_search dg_search;

/* As the arguments of dg_nearest_find. */
typedef struct dg_question {
    const uint64_t *queries;
    uint32_t count, k, limit;
    uint64_t expected; /* queries in all, this call's and later ones */
    uint32_t *found;
    dg_neighbour *neighbours;
} dg_question;

/*
 * Answers the question; *search is NULL before the first. What was done is added to the report, also after a
 * failure. The column has rows.
 */
enum dg_code dg_search_find(dg_search **search, dg_connection *connection, const dg_column *column,
                            const dg_question *question, dg_report *report, dg_err *err);

/* Closes the search and empties the pointer; may be repeated. */
void dg_search_close(dg_search **search);

#endif
