#include "place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MEMORY_SHARE_NUMERATOR = 4, MEMORY_SHARE = 5 }; /* of what is free, where no limit is set */

static enum dg_code open_device(dg_place *place, const dg_backend *backend, int number, dg_err *err)
{
    const dg_open_options options = {place->spec.threads, place->spec.isa};
    if (backend->load(err) || backend->open(number, &options, &place->device, err)) return err->code;
    place->backend = backend;
    if (backend->describe(place->device, &place->info, err)) return err->code;
    place->memory_limit = place->spec.memory_limit;
    if (!place->memory_limit)
        place->memory_limit = place->info.memory_free / MEMORY_SHARE * MEMORY_SHARE_NUMERATOR;
    return DG_OK;
}

enum dg_code dg_place_open(const dg_place_spec *spec, dg_place_cost *cost, const void *work,
                           const dg_poll *poll, dg_place *out, dg_err *err)
{
    (void)cost, (void)work, (void)poll;
    *out = (dg_place){.spec = *spec};
    const dg_backend *backend = dg_backend_find(spec->backend, err);
    if (backend && open_device(out, backend, (int)spec->device_id, err) == DG_OK) return DG_OK;
    dg_place_close(out);
    return err->code;
}

int dg_place_fall_back(dg_place *place, dg_err *err)
{
    if (err->code != DG_DEVICE_ERROR && err->code != DG_DEVICE_NOMEM) return 0;
    if (place->spec.no_fallback || place->backend == dg_backend_find("cpu", err)) return 0;
    dg_err why = *err, later = {0};
    place->backend->close(place->device);
    place->device = NULL;
    if (open_device(place, dg_backend_find("cpu", err), 0, &later)) return 0;
    dg_place_note(place, "%s", why.text);
    *err = (dg_err){0};
    return 1;
}

void dg_place_note(dg_place *place, const char *format, ...)
{
    size_t used = strlen(place->fallback);
    va_list arguments;
    va_start(arguments, format);
    if (used > 0 && used + 3 < sizeof place->fallback) {
        memcpy(place->fallback + used, "; ", 3);
        used += 2;
    }
    vsnprintf(place->fallback + used, sizeof place->fallback - used, format, arguments);
    va_end(arguments);
}

void dg_place_report(const dg_place *place, dg_report *report)
{
    report->backend = place->backend ? place->backend->name : NULL;
    snprintf(report->device, sizeof report->device, "%.40s, %.20s", place->info.name, place->info.capability);
    memcpy(report->fallback, place->fallback, sizeof report->fallback);
}

void dg_place_close(dg_place *place)
{
    if (place->device) place->backend->close(place->device);
    *place = (dg_place){0};
}
