/*
 * How far long work has come: a list of all such work in this process, for the table dupgpu_progress of any
 * connection, and a bar on standard error for those who set `progress` to 1.
 *
 * A piece of work belongs to the thread that started it; the list may be read by any thread. On a terminal
 * the bar is redrawn at most ten times a second, elsewhere it is a line every ten seconds.
 */
#ifndef DG_EXT_PROGRESS_H
#define DG_EXT_PROGRESS_H

#include <stdint.h>

typedef struct dg_progress dg_progress;

/* What can be seen of a piece of work. */
typedef struct dg_progress_view {
    char op[32];      /* the table function */
    char source[128]; /* what it works on */
    uint64_t done, total;
    double seconds; /* since it began */
} dg_progress_view;

/* Enters work on `total` things into the list. NULL without memory, which all functions below take. */
dg_progress *dg_progress_start(const char *op, const char *source, uint64_t total, int draws_bar);

void dg_progress_set(dg_progress *progress, uint64_t done);

/* Takes it off the list; the bar's last state stays as a line of its own. */
void dg_progress_end(dg_progress *progress);

/* Copies at most `room` views, the work begun first coming first. Returns how much work there is. */
uint32_t dg_progress_list(dg_progress_view *views, uint32_t room);

/* Things done in a second, and the seconds left at that rate; negative while it is not known. */
double dg_progress_rate(const dg_progress_view *view);
double dg_progress_seconds_left(const dg_progress_view *view);

#endif
