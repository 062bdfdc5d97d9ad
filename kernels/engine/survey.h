/* Every device there is, and whether work may go there: the rows of dupgpu_devices. */
#ifndef DG_ENGINE_SURVEY_H
#define DG_ENGINE_SURVEY_H

#include "place.h"

typedef struct dg_survey_row {
    const char *backend;
    int number;     /* -1: the backend has no device */
    int free_known; /* info.memory_free is; only of selected devices, for asking means opening it */
    dg_device_info info;
    int selected;      /* work may go there */
    char why_not[300]; /* why not, in the loader's or driver's words where they speak */
} dg_survey_row;

/*
 * The devices as a place with these settings would find them; devices that may be used are opened and tested.
 * With `cpu_only` no driver is touched. *rows is freed with free.
 */
enum dg_code dg_survey(const dg_place_spec *spec, int cpu_only, const dg_poll *poll, dg_survey_row **rows,
                       uint32_t *count, dg_err *err);

#endif
