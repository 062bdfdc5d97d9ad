/*
 * The work on some of many line pictures: draws a batch of sequences, each into a picture or a hash of it. To
 * be run by a pipeline (bulk.h), a lane of which keeps its canvas from batch to batch.
 */
#ifndef DG_ENGINE_LINES_H
#define DG_ENGINE_LINES_H

#include "bulk.h"

#include "../image/line.h"
#include "../image/sequence.h"

/* What is wanted of each sequence: the pipeline's context. */
typedef struct dg_lines {
    dg_line_options options;
    int single; /* DG_LINE_NUMBERS are binary32 */
    int hash;   /* a phash instead of the picture */
} dg_lines;

/* The pipeline's scratch. */
typedef struct dg_lines_scratch {
    dg_line *line;
    dg_sequence sequence;
} dg_lines_scratch;

enum dg_line_input {
    DG_LINE_NONE,    /* nothing is drawn */
    DG_LINE_NUMBERS, /* `data` holds numbers */
    DG_LINE_JSON,    /* `data` holds a JSON array */
    DG_LINE_REFUSED, /* `data` is a text that says why it cannot be drawn */
};

/* One sequence, and what was made of it. */
typedef struct dg_line_job {
    enum dg_line_input input;
    const void *data;
    void *owned;  /* malloc'd, `data` or NULL; freed when it is drawn */
    size_t bytes; /* of the data */
    uint8_t *picture;
    size_t picture_bytes;
} dg_line_job;

/* The pipeline's item. Jobs are drawn in their order until one fails. */
typedef struct dg_line_batch {
    size_t count;
    size_t drawn;
    dg_err err; /* of the job after those drawn */
    dg_line_job jobs[];
} dg_line_batch;

/* A batch with room for `room` jobs, all DG_LINE_NONE, count 0; NULL without memory. */
dg_line_batch *dg_line_batch_new(size_t room);

/* The functions of a pipeline over such batches. */
void dg_line_batch_work(void *batch, dg_bulk_lane *lane);
void dg_line_batch_drop(void *batch);
void dg_lines_clear_scratch(void *scratch);

/* The values of a job that has some. The scratch has its line open afterwards, and what the values point to
 * lives until its next use. DG_ERROR: why it cannot be drawn. */
enum dg_code dg_line_job_values(const dg_line_job *job, const dg_lines *lines, dg_lines_scratch *scratch,
                                dg_line_values *values, dg_err *err);

/* Draws one job. */
enum dg_code dg_line_job_draw(dg_line_job *job, const dg_lines *lines, dg_lines_scratch *scratch,
                              const dg_poll *poll, dg_err *err);

/* About the bytes a lane keeps, and about those of a picture: for dividing memory up. */
uint64_t dg_lines_lane_bytes(const dg_line_options *options);
uint64_t dg_lines_picture_bytes(const dg_lines *lines);

#endif
