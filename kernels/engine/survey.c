#include "survey.h"

#include "roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES_MAX = 64 };

#define SAY_WHY_NOT(row, ...) snprintf((row)->why_not, sizeof(row)->why_not, __VA_ARGS__)

static void survey_cpu(const dg_place_spec *spec, dg_survey_row *row)
{
    row->free_known = 1;
    row->selected = strcmp(spec->backend, "auto") == 0 || strcmp(spec->backend, "cpu") == 0;
    if (!row->selected)
        SAY_WHY_NOT(row, "the backend asked for is %s%s", spec->backend,
                    spec->no_fallback || strcmp(spec->backend, "gpu") == 0
                        ? ""
                        : "; the CPU steps in where that fails");
}

/* Whether the settings let work go to a device that has been probed; else says why not. `taken`: a device of
 * an earlier backend is there for "gpu". */
static int eligible(const dg_place_spec *spec, dg_survey_row *row, int taken)
{
    int any = strcmp(spec->backend, "auto") == 0 || strcmp(spec->backend, "gpu") == 0;
    if (!any && strcmp(spec->backend, row->backend) != 0)
        SAY_WHY_NOT(row, "the backend asked for is %s", spec->backend);
    else if (row->number != (int)spec->device_id)
        SAY_WHY_NOT(row, "the setting device_id is %u", spec->device_id);
    else if (any && row->info.kind != DG_DEVICE_GPU)
        SAY_WHY_NOT(row, "no GPU: used only where asked for by backend = '%s'", row->backend);
    else if (taken && strcmp(spec->backend, "gpu") == 0)
        SAY_WHY_NOT(row, "another backend's GPU comes first");
    else
        return 1;
    return 0;
}

static enum dg_code survey_device(const dg_place_spec *spec, const dg_backend *backend, dg_survey_row *row,
                                  int taken, const dg_poll *poll, dg_err *err)
{
    dg_device *device;
    dg_err why = {0};
    if (backend->probe(row->number, &row->info, &why) == DG_OK) {
        if (strcmp(backend->name, "cpu") == 0) {
            survey_cpu(spec, row);
            return DG_OK;
        }
        if (!eligible(spec, row, taken)) return DG_OK;
        if (dg_roster_take(backend, row->number, poll, &device, &row->info, &why) == DG_OK) {
            dg_roster_give_back(backend, row->number, device, NULL);
            row->selected = row->free_known = 1;
            return DG_OK;
        }
    }
    if (!dg_err_of_device(&why)) {
        *err = why;
        return err->code;
    }
    SAY_WHY_NOT(row, "%.290s", why.text);
    return DG_OK;
}

static enum dg_code survey_backend(const dg_place_spec *spec, const dg_backend *backend, int cpu_only,
                                   const dg_poll *poll, dg_survey_row *rows, uint32_t *count, dg_err *err)
{
    dg_survey_row *row = &rows[*count];
    dg_err why = {0};
    int taken = 0;
    for (uint32_t i = 0; i < *count; i++) taken |= rows[i].selected;
    *row = (dg_survey_row){.backend = backend->name, .number = -1};
    if (cpu_only && strcmp(backend->name, "cpu") != 0) {
        SAY_WHY_NOT(row, "not looked for: the setting enabled is 0");
        ++*count;
        return DG_OK;
    }
    if (backend->load(&why)) {
        if (!dg_err_of_device(&why)) {
            *err = why;
            return err->code;
        }
        SAY_WHY_NOT(row, "%.290s", why.text);
        ++*count;
        return DG_OK;
    }
    for (int number = 0; number < backend->count() && *count < DEVICES_MAX; number++, ++*count) {
        row = &rows[*count];
        *row = (dg_survey_row){.backend = backend->name, .number = number};
        if (survey_device(spec, backend, row, taken, poll, err)) return err->code;
    }
    return DG_OK;
}

enum dg_code dg_survey(const dg_place_spec *spec, int cpu_only, const dg_poll *poll, dg_survey_row **rows,
                       uint32_t *count, dg_err *err)
{
    *count = 0;
    *rows = malloc(DEVICES_MAX * sizeof **rows);
    if (!*rows) return dg_fail_nomem(err, "the list of devices");
    dg_roster_hold();
    for (size_t i = 0; dg_backends[i] && *count < DEVICES_MAX && !err->code; i++)
        survey_backend(spec, dg_backends[i], cpu_only, poll, *rows, count, err);
    dg_roster_drop();
    if (err->code) {
        free(*rows);
        *rows = NULL;
    }
    return err->code;
}
