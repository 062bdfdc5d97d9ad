#include "lines.h"

#include <stdlib.h>

dg_line_batch *dg_line_batch_new(size_t room)
{
    return calloc(1, sizeof(dg_line_batch) + room * sizeof(dg_line_job));
}

void dg_line_batch_drop(void *arg)
{
    dg_line_batch *batch = arg;
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->jobs[i].owned);
        free(batch->jobs[i].picture);
    }
    free(batch);
}

void dg_lines_clear_scratch(void *arg)
{
    dg_lines_scratch *scratch = arg;
    dg_line_close(scratch->line);
    dg_sequence_free(&scratch->sequence);
}

enum dg_code dg_line_job_values(const dg_line_job *job, const dg_lines *lines, dg_lines_scratch *scratch,
                                dg_line_values *values, dg_err *err)
{
    dg_sequence *sequence = &scratch->sequence;
    if (job->input == DG_LINE_REFUSED) return dg_fail(err, DG_ERROR, "%s", (const char *)job->data);
    if (!scratch->line && dg_line_open(&scratch->line, &lines->options, err) != DG_OK) return err->code;
    if (job->input == DG_LINE_NUMBERS)
        return dg_line_values_of_blob(job->data, job->bytes, lines->single, values, err);
    if (dg_sequence_parse(sequence, job->data, job->bytes, err) != DG_OK) return err->code;
    *values = (dg_line_values){sequence->numbers, sequence->count, 0};
    return DG_OK;
}

static enum dg_code draw_hash(dg_line_job *job, dg_line *line, const dg_line_values *values,
                              const dg_poll *poll, dg_err *err)
{
    job->picture = malloc(DG_LINE_HASH_BYTES);
    if (!job->picture) return dg_fail_nomem(err, "a hash");
    job->picture_bytes = DG_LINE_HASH_BYTES;
    return dg_line_hash(line, values, poll, job->picture, err);
}

enum dg_code dg_line_job_draw(dg_line_job *job, const dg_lines *lines, dg_lines_scratch *scratch,
                              const dg_poll *poll, dg_err *err)
{
    dg_line_values values;
    if (job->input == DG_LINE_NONE) return DG_OK;
    if (dg_line_job_values(job, lines, scratch, &values, err) != DG_OK) return err->code;
    if (lines->hash) return draw_hash(job, scratch->line, &values, poll, err);
    return dg_line_picture(scratch->line, &values, poll, &job->picture, &job->picture_bytes, err);
}

void dg_line_batch_work(void *item, dg_bulk_lane *lane)
{
    dg_line_batch *batch = item;
    for (batch->drawn = 0; batch->drawn < batch->count; batch->drawn++) {
        dg_line_job *job = &batch->jobs[batch->drawn];
        if (dg_poll_stop(&lane->poll)) dg_fail(&batch->err, DG_INTERRUPT, "interrupted");
        if (batch->err.code ||
            dg_line_job_draw(job, lane->context, lane->scratch, &lane->poll, &batch->err) != DG_OK)
            return;
        free(job->owned);
        job->owned = NULL;
    }
}

uint64_t dg_lines_lane_bytes(const dg_line_options *o)
{
    enum { PIXEL = 2, KEPT = 1 << 18 }; /* coverage, and the file as it grows; what does not depend on size */
    return (uint64_t)PIXEL * o->width * o->height + KEPT;
}

uint64_t dg_lines_picture_bytes(const dg_lines *lines)
{
    enum { PNG_SHARE = 4 }; /* of the packed samples: a picture full of strokes */
    const dg_line_options *o = &lines->options;
    if (lines->hash) return DG_LINE_HASH_BYTES;
    if (o->format != DG_LINE_PNG) return dg_line_bytes(o);
    return (uint64_t)o->width * o->height * (uint64_t)o->bits / 8 / PNG_SHARE;
}
