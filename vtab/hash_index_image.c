/*
 * Questions that look at every row, asked again and again: the rows are kept in memory as the column of any
 * table function is, until something changes them, and searched by the engine of `nearest`.
 */
#include "hash_index.h"

#include "column_cache.h"
#include "vtab.h"

#include "../ext/hashvalue.h"

#include <stdlib.h>

enum {
    FIRST_ROOM =
        1024, /* hits within a radius that are looked for at first; 16 times as many when there are more */
    GROWTH = 16,
};

static const char reader[] = "hash_index";

/* The first k rows within the radius. */
static int find(dg_hash_index *index, dg_borrowed *borrowed, const dg_index_question *question, uint32_t k,
                dg_neighbour *near, uint32_t *found)
{
    uint64_t query[DG_WORDS_MAX];
    const dg_column *column = dg_borrowed_column(borrowed);
    dg_report report = {0};
    dg_err err = {0};
    char *text;
    dg_hash_to_words(question->hash, index->shape.bytes, query);
    const dg_question q = {.queries = query,
                           .count = 1,
                           .k = k,
                           .limit = question->radius,
                           .expected = 1,
                           .found = found,
                           .neighbours = near};
    dg_search_find(dg_borrowed_search(borrowed), index->connection, column, &q, &report, &err);
    dg_stats_add(&index->connection->stats, reader, borrowed->from, &report);
    if (err.code == DG_OK) return SQLITE_OK;
    int rc = dg_vtab_failure(reader, &err, &text);
    return text ? dg_vtab_fail(&index->base, rc, text) : rc;
}

static int answer(dg_hash_index *index, dg_borrowed *borrowed, const dg_index_question *question,
                  dg_index_hits *hits)
{
    const dg_column *column = dg_borrowed_column(borrowed);
    uint64_t k = question->k == UINT64_MAX ? FIRST_ROOM : question->k;
    uint32_t found = 0;
    int rc = SQLITE_OK;
    for (int again = 1; again && rc == SQLITE_OK && column->rows; k *= GROWTH) {
        if (k > column->rows) k = column->rows;
        dg_neighbour *near = malloc(k * sizeof *near);
        rc = near ? find(index, borrowed, question, (uint32_t)k, near, &found) : SQLITE_NOMEM;
        again = question->k == UINT64_MAX && found == k && k < column->rows;
        if (rc == SQLITE_OK && !again && !dg_index_hits_reserve(hits, found)) rc = SQLITE_NOMEM;
        for (uint32_t i = 0; rc == SQLITE_OK && !again && i < found; i++)
            hits->list[hits->count++] = (dg_index_hit){column->integers[near[i].row], near[i].distance};
        free(near);
    }
    return rc;
}

int dg_index_find_in_image(dg_hash_index *index, const dg_index_question *question, dg_index_hits *hits)
{
    const dg_column_source source = {
        .reader = reader, .table = index->name, .column = "hash", .schema = index->schema};
    dg_borrowed borrowed = {0};
    char *text;
    hits->count = 0;
    int rc = dg_column_borrow(index->connection, &source, &borrowed, &text);
    if (rc != SQLITE_OK) return text ? dg_vtab_fail(&index->base, rc, text) : rc;
    rc = answer(index, &borrowed, question, hits);
    dg_column_return(&borrowed);
    return rc;
}
