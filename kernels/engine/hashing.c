#include "hashing.h"

#include "../image/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Seconds for each sample: to shrink it on one thread while it is decoded, to add it up for metrics there,
 * and to write and read it again where it is kept. Measured on 12 MP, the first with AVX2. One figure for
 * whatever hashes are wanted, which take 0.1e-9 to 0.5e-9.
 */
static const double CPU_SAMPLE = 0.3e-9, CPU_GRADE = 0.6e-9, KEPT_SAMPLE = 0.2e-9;

struct dg_hashing {
    dg_hashing_spec spec;
    dg_place place;
    uint64_t batches;
    int shrunk; /* a batch had to be cut */
};

static double cpu_seconds(const dg_hashing_spec *spec, const dg_device_info *info)
{
    return ((spec->hashes ? CPU_SAMPLE : 0) + (spec->metrics ? CPU_GRADE : 0)) / info->units;
}

/* A dg_place_cost; `work` is the specification. */
static double seconds_for(const dg_device_info *info, uint64_t memory_limit, const void *work)
{
    const dg_hashing_spec *spec = work;
    const double samples = (double)spec->expected;
    (void)memory_limit;
    if (info->kind == DG_DEVICE_CPU) return samples * cpu_seconds(spec, info);
    return samples * (info->costs.sample + (spec->metrics ? info->costs.grade : 0) + KEPT_SAMPLE);
}

/* Whether a device could win at all: with some threads, merely keeping the pictures for it costs more than
 * dealing with them here, and no driver need be looked for. */
static int may_pay(const dg_hashing_spec *spec, const dg_place *place)
{
    return !dg_place_is_cpu(place) || KEPT_SAMPLE < cpu_seconds(spec, &place->info);
}

enum dg_code dg_hashing_open(const dg_hashing_spec *spec, const dg_poll *poll, dg_hashing **out, dg_err *err)
{
    *out = NULL;
    dg_hashing *h = calloc(1, sizeof *h);
    if (!h) return dg_fail_nomem(err, "hashing pictures");
    h->spec = *spec;
    if (dg_place_open(&spec->place, poll, &h->place, err) == DG_OK &&
        (!may_pay(spec, &h->place) || dg_place_choose(&h->place, seconds_for, spec, poll, err) == DG_OK)) {
        *out = h;
        return DG_OK;
    }
    dg_hashing_close(h, err);
    return err->code;
}

int dg_hashing_on_device(const dg_hashing *hashing)
{
    return !dg_place_is_cpu(&hashing->place);
}

/* --- one batch on the device --- */

/* Pictures whose planes are of the same sizes, and where what is found out about each goes. */
typedef struct batch {
    const dg_grey *pictures;
    dg_hashing_item **items;
    uint32_t count;
} batch;

static enum dg_code take_phash(const dg_hashing *h, dg_shrink *shrink, const batch *b, const dg_poll *poll,
                               dg_err *err)
{
    const size_t bytes = dg_hash_bytes(h->spec.hash_size);
    uint8_t *hashes = malloc(b->count * bytes);
    if (!hashes) return dg_fail_nomem(err, "the hashes of a batch");
    if (dg_shrink_phash(shrink, (uint32_t)h->spec.hash_size, hashes, poll, err) == DG_OK)
        for (uint32_t i = 0; i < b->count; i++)
            memcpy(b->items[i]->hash[DG_PHASH], hashes + i * bytes, bytes);
    free(hashes);
    return err->code;
}

/* Hashes of one kind from planes that came back. */
static enum dg_code read_off(const dg_hashing *h, dg_shrink *shrink, const batch *b, enum dg_hash_kind kind,
                             dg_err *err)
{
    const dg_size size = shrink->plane;
    const size_t stride = dg_plane_stride(size.width, size.height);
    uint8_t *planes = malloc(b->count * stride);
    if (!planes) return dg_fail_nomem(err, "the planes of a batch");
    dg_shrink_planes(shrink, planes, err);
    for (uint32_t i = 0; i < b->count && !err->code; i++)
        dg_hash_plane(kind, h->spec.hash_size, planes + i * stride, size, b->items[i]->hash[kind], err);
    free(planes);
    return err->code;
}

/* Whashes from the sums of blocks; where two tie for the median, from the plane. */
static enum dg_code take_whash(const dg_hashing *h, dg_shrink *shrink, const batch *b, const dg_poll *poll,
                               dg_err *err)
{
    const int along = h->spec.hash_size;
    const size_t many = (size_t)along * (size_t)along;
    const dg_size size = shrink->plane;
    uint32_t *sums = malloc(b->count * many * sizeof *sums);
    uint8_t *plane = malloc(dg_plane_stride(size.width, size.height));
    if (!sums || !plane)
        dg_fail_nomem(err, "the planes of a batch");
    else
        dg_shrink_blocks(shrink, (uint32_t)along, sums, poll, err);
    for (uint32_t i = 0; i < b->count && !err->code; i++)
        if (!dg_hash_of_blocks(sums + i * many, along, b->items[i]->hash[DG_WHASH]) &&
            dg_shrink_plane(shrink, i, plane, err) == DG_OK)
            dg_hash_plane(DG_WHASH, along, plane, size, b->items[i]->hash[DG_WHASH], err);
    free(sums);
    free(plane);
    return err->code;
}

static enum dg_code take_metrics(const dg_hashing *h, const dg_shrink *shrink, const batch *b,
                                 const dg_poll *poll, dg_err *err)
{
    int *jpeg_quality = malloc(b->count * sizeof *jpeg_quality);
    dg_grade *grades = malloc(b->count * sizeof *grades);
    if (!jpeg_quality || !grades) dg_fail_nomem(err, "the metrics of a batch");
    for (uint32_t i = 0; i < b->count && !err->code; i++) jpeg_quality[i] = b->items[i]->jpeg_quality;
    if (!err->code) dg_grade_pictures(shrink, h->spec.metrics, jpeg_quality, grades, poll, err);
    for (uint32_t i = 0; i < b->count && !err->code; i++) b->items[i]->grade = grades[i];
    free(jpeg_quality);
    free(grades);
    return err->code;
}

static enum dg_code on_device(dg_hashing *h, const batch *b, const dg_poll *poll, dg_err *err)
{
    dg_place *place = &h->place;
    const dg_hash_plan plan = dg_hash_plan_for(h->spec.hashes, h->spec.hash_size, b->pictures[0].size);
    dg_shrink shrink;
    dg_shrink_open(&shrink, place->backend, place->device, b->pictures, b->count, err);
    for (int p = 0; p < plan.count && !err->code; p++) {
        dg_shrink_resize(&shrink, plan.planes[p], poll, err);
        for (int kind = 0; kind < DG_HASH_KINDS && !err->code; kind++) {
            if (!(h->spec.hashes & 1u << kind) || plan.of[kind] != p) continue;
            if (kind == DG_PHASH && place->info.doubles)
                take_phash(h, &shrink, b, poll, err);
            else if (kind == DG_WHASH)
                take_whash(h, &shrink, b, poll, err);
            else
                read_off(h, &shrink, b, (enum dg_hash_kind)kind, err);
        }
    }
    if (h->spec.metrics && !err->code) take_metrics(h, &shrink, b, poll, err);
    dg_shrink_close(&shrink);
    return err->code;
}

static enum dg_code on_host(const dg_hashing *h, const batch *b, const dg_poll *poll, dg_err *err)
{
    const dg_hashing_spec *spec = &h->spec;
    for (uint32_t i = 0; i < b->count && !err->code; i++) {
        dg_hashing_item *item = b->items[i];
        if (dg_poll_stop(poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
        if (spec->hashes) dg_grey_hash(&item->picture, spec->hashes, spec->hash_size, item->hash, err);
        if (spec->metrics && !err->code)
            dg_grey_metrics(&item->picture, spec->metrics, item->jpeg_quality, item->grade.metric,
                            &item->grade.null, err);
    }
    return err->code;
}

/* Bytes the batch takes on the device, its largest planes being there. */
static uint64_t bytes_of(const dg_hashing *h, const batch *b)
{
    const dg_hash_plan plan = dg_hash_plan_for(h->spec.hashes, h->spec.hash_size, b->pictures[0].size);
    uint64_t most = dg_shrink_bytes(b->pictures, b->count, (dg_size){0, 0}); /* the pictures alone */
    for (int p = 0; p < plan.count; p++) {
        uint64_t bytes = dg_shrink_bytes(b->pictures, b->count, plan.planes[p]);
        if (bytes > most) most = bytes;
    }
    return most + (h->spec.metrics ? dg_grade_bytes(b->pictures, b->count) : 0);
}

/* Whether a device can make the planes and, for a whash, add up their blocks. */
static int fits(const dg_hashing *h, dg_size picture)
{
    if (!(h->spec.hashes >> DG_WHASH & 1)) return 1;
    const uint32_t side = dg_hash_plane_size(DG_WHASH, h->spec.hash_size, picture).width;
    return side <= DG_PLANE_SIDE_MAX && side / (uint32_t)h->spec.hash_size <= DG_BLOCK_SIDE_MAX;
}

static enum dg_code run(dg_hashing *h, const batch *b, const dg_poll *poll, dg_err *err)
{
    if (!dg_hashing_on_device(h) || !fits(h, b->pictures[0].size)) return on_host(h, b, poll, err);
    if (b->count == 1 || bytes_of(h, b) <= h->place.memory_limit) {
        h->batches++;
        if (on_device(h, b, poll, err) == DG_OK) return DG_OK;
        if (err->code != DG_DEVICE_NOMEM || b->count == 1)
            return dg_place_fall_back(&h->place, err) ? on_host(h, b, poll, err) : err->code;
        if (!h->shrunk) dg_place_note(&h->place, "%s; in smaller batches", err->text);
        h->shrunk = 1;
        *err = (dg_err){0};
    }
    const uint32_t half = b->count / 2;
    const batch first = {b->pictures, b->items, half};
    const batch second = {b->pictures + half, b->items + half, b->count - half};
    if (run(h, &first, poll, err)) return err->code;
    return run(h, &second, poll, err);
}

/* Pictures with the same number have planes of the same sizes: only a whash's depend on the picture. */
static int group_of(const dg_hashing *h, dg_size picture)
{
    if (!(h->spec.hashes >> DG_WHASH & 1)) return 0;
    return __builtin_ctz(dg_hash_plane_size(DG_WHASH, h->spec.hash_size, picture).width);
}

enum dg_code dg_hashing_run(dg_hashing *hashing, dg_hashing_item *items, uint32_t count, const dg_poll *poll,
                            dg_err *err)
{
    dg_grey *pictures = malloc(count * sizeof *pictures + 1);
    dg_hashing_item **same = malloc(count * sizeof *same + 1);
    if (!pictures || !same) dg_fail_nomem(err, "a batch of pictures");
    for (uint32_t group = 0, done = 0; done < count && !err->code; group++) {
        batch b = {pictures, same, 0};
        for (uint32_t i = 0; i < count; i++)
            if (group_of(hashing, items[i].picture.size) == (int)group) {
                pictures[b.count] = items[i].picture;
                same[b.count++] = &items[i];
            }
        if (b.count) run(hashing, &b, poll, err);
        done += b.count;
    }
    free(pictures);
    free(same);
    return err->code;
}

void dg_hashing_report(const dg_hashing *hashing, dg_report *report)
{
    dg_place_report(&hashing->place, report);
    report->batches = hashing->batches;
    snprintf(report->plan, sizeof report->plan, "%s%s%s",
             dg_hashing_on_device(hashing) ? "hashed on the device" : "hashed while decoding",
             hashing->place.reason[0] ? ": " : "", hashing->place.reason);
}

void dg_hashing_close(dg_hashing *hashing, const dg_err *failure)
{
    if (!hashing) return;
    dg_place_close(&hashing->place, failure);
    free(hashing);
}
