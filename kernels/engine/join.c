#include "join.h"

#include <stdlib.h>
#include <string.h>

struct dg_join {
    dg_join_spec spec;
    uint32_t words;
    uint32_t i, j;
    dg_join_report report;
};

enum dg_code dg_join_open(const dg_join_spec *spec, dg_join **out, dg_err *err)
{
    dg_join *join = calloc(1, sizeof *join);
    *out = NULL;
    if (!join) {
        free(spec->hashes);
        return dg_fail_nomem(err, "a join");
    }
    join->spec = *spec;
    join->words = (spec->bits + 63) / 64;
    join->j = 1;
    join->report = (dg_join_report){.backend = "cpu", .plan = "brute", .rows = spec->rows};
    *out = join;
    return DG_OK;
}

enum dg_code dg_join_read(dg_join *join, dg_pair *pairs, size_t capacity, size_t *count, dg_err *err)
{
    const dg_join_spec *s = &join->spec;
    *count = 0;
    for (; join->i < s->rows; join->i++, join->j = join->i + 1) {
        if (dg_poll_stop(&s->poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
        if (s->focus == DG_FOCUS_FIRST && join->i != s->focus_row) continue;
        for (; join->j < s->rows; join->j++) {
            if (s->focus == DG_FOCUS_SECOND && join->j != s->focus_row) continue;
            if (*count == capacity) return DG_OK;
            uint32_t d = 0;
            for (uint32_t w = 0; w < join->words; w++)
                d += (uint32_t)__builtin_popcountll(s->hashes[(size_t)join->i * join->words + w] ^
                                                    s->hashes[(size_t)join->j * join->words + w]);
            if (d <= s->threshold) pairs[(*count)++] = (dg_pair){join->i, join->j, d}, join->report.results++;
        }
    }
    return DG_OK;
}

void dg_join_report_get(const dg_join *join, dg_join_report *report)
{
    *report = join->report;
}

void dg_join_close(dg_join *join)
{
    if (join) free(join->spec.hashes);
    free(join);
}
