#include "search.h"

#include "../ext/interrupt.h"

#include <stdlib.h>
#include <string.h>

struct dg_search {
    dg_nearest *nearest;
    dg_place_spec place;
    dg_probe probe;
    dg_report reported; /* what reports have been told so far */
};

static int same_place(const dg_place_spec *a, const dg_place_spec *b)
{
    return strcmp(a->backend, b->backend) == 0 && a->device_id == b->device_id &&
           a->no_fallback == b->no_fallback && a->threads == b->threads && a->memory_limit == b->memory_limit;
}

void dg_search_close(dg_search **search)
{
    if (!*search) return;
    dg_nearest_close((*search)->nearest);
    dg_probe_finish(&(*search)->probe);
    free(*search);
    *search = NULL;
}

/* The poll keeps the probe's address, so the search stays where it is. */
static enum dg_code open_search(dg_search **out, dg_connection *connection, const dg_column *column,
                                uint64_t expected, const dg_place_spec *place, dg_err *err)
{
    dg_search *search = calloc(1, sizeof *search);
    if (!search) return dg_fail_nomem(err, "a search");
    search->place = *place;
    dg_probe_start(&search->probe, connection->db);
    const dg_nearest_spec spec = {.hashes = column->hashes,
                                  .rows = column->rows,
                                  .bits = column->bits,
                                  .queries = expected,
                                  .place = *place,
                                  .poll = dg_probe_poll(&search->probe)};
    *out = search;
    return dg_nearest_open(&spec, &search->nearest, err);
}

/* Adds to the report what was done since it was told last. */
static void tell(dg_search *search, dg_report *report)
{
    dg_report now;
    dg_nearest_report_get(search->nearest, &now);
    const dg_report then = search->reported, sum = *report;
    *report = search->reported = now;
    report->batches += sum.batches - then.batches;
    report->candidates += sum.candidates - then.candidates;
    report->results += sum.results - then.results;
    report->seconds += sum.seconds - then.seconds;
}

enum dg_code dg_search_find(dg_search **search, dg_connection *connection, const dg_column *column,
                            const dg_question *q, dg_report *report, dg_err *err)
{
    dg_place_spec place = {0};
    if (dg_settings_for_place(&connection->settings, DG_SETTING_JOIN_BACKEND, &place, err) != DG_OK)
        return err->code;
    if (*search && !same_place(&(*search)->place, &place)) dg_search_close(search);
    if (*search)
        dg_probe_start(&(*search)->probe, connection->db);
    else
        open_search(search, connection, column, q->expected, &place, err);
    if (err->code == DG_OK) {
        dg_nearest_find((*search)->nearest, q->queries, q->count, q->k, q->limit, q->found, q->neighbours,
                        err);
        tell(*search, report);
    }
    if (*search) dg_probe_finish(&(*search)->probe);
    if (err->code == DG_INTERRUPT && (*search)->probe.result == SQLITE_NOMEM) err->code = DG_NOMEM;
    if (err->code) dg_search_close(search);
    return err->code;
}
