#include "place.h"

#include "roster.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Work shorter than this on the CPU stays there: below the first, opening a device that nobody uses yet costs
 * more (a context takes 0.1 to 0.3 s), below the second, moving data and launching. */
static const double COLD_SECONDS = 0.3, WARM_SECONDS = 0.02;

/* A device must promise this share of the CPU's time, for predictions err. */
static const double WORTH_IT = 0.8;

static int is_cpu(const dg_backend *backend)
{
    return strcmp(backend->name, "cpu") == 0;
}

static uint64_t limit_of(const dg_place_spec *spec, const dg_device_info *info)
{
    return spec->memory_limit ? spec->memory_limit : info->memory_free / 5 * 4;
}

/* Puts a device into the place. */
static enum dg_code settle(dg_place *place, const dg_backend *backend, dg_err *err, const dg_poll *poll)
{
    const dg_place_spec *spec = &place->spec;
    if (is_cpu(backend)) {
        const dg_open_options options = {spec->threads, spec->isa};
        place->backend = backend;
        if (backend->load(err) || backend->open(0, &options, &place->device, err) ||
            backend->describe(place->device, &place->info, err))
            return err->code;
    } else {
        if (dg_roster_take(backend, (int)spec->device_id, poll, &place->device, &place->info, err))
            return err->code;
    }
    place->backend = backend;
    place->memory_limit = limit_of(spec, &place->info);
    return DG_OK;
}

/* Empties the place of its device. */
static void leave(dg_place *place, const dg_err *failure)
{
    if (place->device) {
        if (is_cpu(place->backend))
            place->backend->close(place->device);
        else
            dg_roster_give_back(place->backend, (int)place->spec.device_id, place->device, failure);
    }
    place->device = NULL;
    place->backend = NULL;
}

enum dg_code dg_place_choose(dg_place *place, dg_place_cost *cost, const void *work, const dg_poll *poll,
                             dg_err *err)
{
    if (strcmp(place->spec.backend, "auto") != 0) return DG_OK;
    const double cpu_seconds = cost(&place->info, place->memory_limit, work);
    double best = cpu_seconds * WORTH_IT;
    if (cpu_seconds < WARM_SECONDS) return DG_OK;
    size_t used = (size_t)snprintf(place->reason, sizeof place->reason, "cpu %.2g s", cpu_seconds);
    for (size_t i = 0; dg_backends[i]; i++) {
        const dg_backend *backend = dg_backends[i];
        dg_place other = {.spec = place->spec};
        dg_device_info info;
        dg_err why = {0};
        if (is_cpu(backend)) continue;
        if (cpu_seconds < COLD_SECONDS && !dg_roster_is_warm(backend, (int)place->spec.device_id)) continue;
        if (backend->load(&why) || backend->probe((int)place->spec.device_id, &info, &why) ||
            info.kind != DG_DEVICE_GPU)
            continue;
        if (settle(&other, backend, &why, poll)) {
            if (dg_err_of_device(&why)) continue;
            *err = why;
            dg_place_close(place, NULL);
            return err->code;
        }
        /* A GPU that cannot be had is passed over: dupgpu_devices tells why. */
        double seconds = cost(&other.info, other.memory_limit, work);
        if (used < sizeof place->reason)
            used += (size_t)snprintf(place->reason + used, sizeof place->reason - used, ", %s %.2g s",
                                     backend->name, seconds);
        if (seconds < best) {
            best = seconds;
            memcpy(other.reason, place->reason, sizeof other.reason);
            leave(place, NULL);
            *place = other;
        } else {
            leave(&other, NULL);
        }
    }
    return DG_OK;
}

/* The first GPU there is; the reasons of all backends where there is none. */
static enum dg_code any_gpu(dg_place *place, const dg_poll *poll, dg_err *err)
{
    char reasons[sizeof err->text] = "";
    for (size_t i = 0; dg_backends[i]; i++) {
        dg_device_info info;
        dg_err why = {0};
        if (is_cpu(dg_backends[i])) continue;
        if (dg_backends[i]->load(&why) == DG_OK &&
            dg_backends[i]->probe((int)place->spec.device_id, &info, &why) == DG_OK) {
            if (info.kind != DG_DEVICE_GPU)
                dg_fail(&why, DG_DEVICE_ERROR, "%s: device %u is no GPU", dg_backends[i]->name,
                        place->spec.device_id);
            else if (settle(place, dg_backends[i], &why, poll) == DG_OK)
                return DG_OK;
        }
        if (!dg_err_of_device(&why)) {
            *err = why;
            return err->code;
        }
        size_t used = strlen(reasons);
        snprintf(reasons + used, sizeof reasons - used, "%s%.150s", used ? "; " : "", why.text);
    }
    return dg_fail(err, DG_DEVICE_ERROR, "no GPU can be used: %.350s",
                   reasons[0] ? reasons : "none is built in");
}

enum dg_code dg_place_open(const dg_place_spec *spec, const dg_poll *poll, dg_place *out, dg_err *err)
{
    *out = (dg_place){.spec = *spec};
    dg_roster_hold();
    if (strcmp(spec->backend, "gpu") == 0) {
        if (any_gpu(out, poll, err) == DG_OK) return DG_OK;
    } else {
        const char *name = strcmp(spec->backend, "auto") == 0 ? "cpu" : spec->backend;
        const dg_backend *backend = dg_backend_find(name, err);
        if (backend && (settle(out, backend, err, poll) == DG_OK || dg_place_fall_back(out, err)))
            return DG_OK;
    }
    dg_place_close(out, NULL);
    return err->code;
}

int dg_place_is_cpu(const dg_place *place)
{
    return is_cpu(place->backend);
}

int dg_place_fall_back(dg_place *place, dg_err *err)
{
    if (!dg_err_of_device(err)) return 0;
    if (place->spec.no_fallback) return 0;
    dg_err why = *err;
    *err = (dg_err){0};
    leave(place, &why);
    if (settle(place, dg_backend_find("cpu", err), err, NULL)) return 0;
    dg_place_note(place, "%s", why.text);
    return 1;
}

void dg_place_note(dg_place *place, const char *format, ...)
{
    size_t used = strlen(place->fallback), room = sizeof place->fallback;
    va_list arguments;
    va_start(arguments, format);
    if (used > 0 && used + 3 < room) used += (size_t)snprintf(place->fallback + used, room - used, "; ");
    vsnprintf(place->fallback + used, room - used, format, arguments);
    va_end(arguments);
}

void dg_place_report(const dg_place *place, dg_report *report)
{
    report->backend = place->backend ? place->backend->name : NULL;
    snprintf(report->device, sizeof report->device, "%.40s, %.20s", place->info.name, place->info.capability);
    memcpy(report->fallback, place->fallback, sizeof report->fallback);
}

void dg_place_close(dg_place *place, const dg_err *failure)
{
    if (!place->spec.backend) return;
    leave(place, failure);
    *place = (dg_place){0};
    dg_roster_drop();
}
