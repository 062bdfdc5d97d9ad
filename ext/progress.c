#include "progress.h"

#include "../kernels/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TERMINAL_SECONDS 0.1
#define FILE_SECONDS 10.0

enum { BAR_CELLS = 24 };

struct dg_progress {
    dg_progress_view view; /* `seconds` is when it began */
    int draws_bar, on_terminal, drawn;
    double next_drawing;
    dg_progress *next;
};

/* Guards the list and the views in it. A fork waits for it, so that the child does not find it taken. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;
static dg_progress *list;

static void take_lock(void)
{
    pthread_mutex_lock(&lock);
}

static void release_lock(void)
{
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(take_lock, release_lock, release_lock);
}

double dg_progress_rate(const dg_progress_view *view)
{
    return view->done && view->seconds > 0 ? (double)view->done / view->seconds : -1;
}

double dg_progress_seconds_left(const dg_progress_view *view)
{
    const double rate = dg_progress_rate(view);
    return rate > 0 ? (double)(view->total - view->done) / rate : -1;
}

/* --- the bar --- */

/* "1:02:03", or "2:03" below an hour. */
static void write_time(double seconds, char *text, size_t size)
{
    const unsigned long long whole = (unsigned long long)(seconds + 0.5), hours = whole / 3600;
    if (hours)
        snprintf(text, size, "%llu:%02llu:%02llu", hours, whole / 60 % 60, whole % 60);
    else
        snprintf(text, size, "%llu:%02llu", whole / 60, whole % 60);
}

/* A bar that cannot be drawn is no reason to stop the work. */
static void put(const char *text, size_t length)
{
    if (write(STDERR_FILENO, text, length) < 0) return;
}

static void draw(dg_progress *p, const dg_progress_view *view, int last)
{
    char bar[BAR_CELLS + 1], time[32] = "?", text[400];
    const double share = view->total ? (double)view->done / (double)view->total : 1;
    const double rate = dg_progress_rate(view), left = dg_progress_seconds_left(view);
    const char *begin = p->on_terminal ? "\r" : "", *end = p->on_terminal ? "\x1b[K" : "\n";
    for (int i = 0; i < BAR_CELLS; i++) bar[i] = i < (int)(share * BAR_CELLS) ? '#' : '.';
    bar[BAR_CELLS] = 0;
    if (last || left >= 0) write_time(last ? view->seconds : left, time, sizeof time);
    int length = snprintf(text, sizeof text, "%s%s %s [%s] %3d %%  %llu of %llu  %.*f/s  %s %s%s%s", begin,
                          view->op, view->source, bar, (int)(share * 100), (unsigned long long)view->done,
                          (unsigned long long)view->total, rate < 10, rate < 0 ? 0 : rate, time,
                          last ? "in all" : "left", end, last && p->on_terminal ? "\n" : "");
    put(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
    p->drawn = 1;
}

static dg_progress_view view_of(const dg_progress *p, double now)
{
    dg_progress_view view = p->view;
    view.seconds = now - p->view.seconds;
    return view;
}

static void draw_if_due(dg_progress *p)
{
    const double now = dg_clock();
    if (now < p->next_drawing) return;
    const dg_progress_view view = view_of(p, now);
    draw(p, &view, 0);
    p->next_drawing = now + (p->on_terminal ? TERMINAL_SECONDS : FILE_SECONDS);
}

/* --- the list --- */

dg_progress *dg_progress_start(const char *op, const char *source, uint64_t total, int draws_bar)
{
    dg_progress *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    pthread_once(&watch_once, watch_forks);
    snprintf(p->view.op, sizeof p->view.op, "%s", op);
    snprintf(p->view.source, sizeof p->view.source, "%s", source);
    p->view.total = total;
    p->view.seconds = dg_clock();
    p->draws_bar = draws_bar;
    p->on_terminal = draws_bar && isatty(STDERR_FILENO);
    p->next_drawing = p->view.seconds + (p->on_terminal ? TERMINAL_SECONDS : FILE_SECONDS);
    take_lock();
    dg_progress **end = &list;
    while (*end) end = &(*end)->next;
    *end = p;
    release_lock();
    return p;
}

void dg_progress_set(dg_progress *p, uint64_t done)
{
    if (!p) return;
    take_lock();
    p->view.done = done;
    release_lock();
    if (p->draws_bar) draw_if_due(p);
}

void dg_progress_end(dg_progress *p)
{
    if (!p) return;
    take_lock();
    dg_progress **at = &list;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
    release_lock();
    if (p->drawn || (p->draws_bar && !p->on_terminal)) {
        const dg_progress_view view = view_of(p, dg_clock());
        draw(p, &view, 1);
    }
    free(p);
}

uint32_t dg_progress_list(dg_progress_view *views, uint32_t room)
{
    const double now = dg_clock();
    uint32_t count = 0;
    take_lock();
    for (const dg_progress *p = list; p; p = p->next, count++)
        if (count < room) views[count] = view_of(p, now);
    release_lock();
    return count;
}
