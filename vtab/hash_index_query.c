/*
 * Questions to an index: all rows within a radius, or the k nearest, exactly.
 *
 * The bands are visited in rings. Ring w of band c holds the entries whose bucket differs from the query's in
 * exactly w bits; done[c] is the last ring of c that was visited, -1 at first. A row that no ring has shown
 * differs in at least done[c] + 1 bits in each band c, so once the sum of all done[c] + 1 is t + 1, every row
 * within t has been seen: the general pigeonhole. The next ring is always that of the band visited least, for
 * rings grow. So a radius takes radius + 1 rings, and the k nearest are known when k rows lie within what is
 * complete.
 *
 * An entry is counted in the first ring that shows its row: not if another band has shown it before.
 *
 * Where a scan of i_rows promises to be faster, and in an index without bands, all rows are compared.
 * A question that was dear shows that rows in memory would be of use; the next one, if nothing has changed in
 * between, brings them there (hash_index_image.c) if it is dear too. The setting `plan` decides by hand:
 * brute or multi_index.
 */
#include "hash_index.h"

#include "../ext/hashvalue.h"
#include "../kernels/bits.h"
#include "../kernels/engine/index_compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BAND_BITS = 16,
    HITS_MIN = 1024,        /* room for hits before the first are dropped in favour of nearer ones */
    PIECE = 256,            /* rows or entries compared at a time */
    IMAGE_ROWS = 50000,     /* fewer are compared as fast in their blocks */
    CACHE_BYTES = 16 << 20, /* of hashes that the processor keeps at hand */
};

/* Nanoseconds, measured: finding a block, comparing an entry of it, decoding and comparing a row; a search in
 * memory. */
static const double seek_ns = 1500, entry_ns = 1.5, row_ns = 7, row_byte_ns = 0.3, search_ns = 60000,
                    image_row_ns = 0.4, far_row_ns = 1.2, image_byte_ns = 0.4;

struct search {
    dg_hash_index *index;
    const dg_index_question *question;
    const dg_index_delta *delta;
    dg_index_hits *hits;
    enum dg_join_plan plan;
    uint32_t limit; /* no row beyond it is of interest any more */
    int64_t rows;   /* in i_rows */
    int in_memory;  /* a scan would be one of rows in memory */
    double cost;    /* of the rings visited, as predicted */

    uint8_t mixed[DG_INDEX_MIXED_MAX]; /* of the query */
    uint64_t bands;
    int done[DG_INDEX_BANDS];

    /* The ring being visited. */
    uint32_t band;
    uint64_t tail[2], mask[2]; /* of the query in the band; the bits of 16 bytes that belong to a tail */
    sqlite3_stmt *at;          /* at the block that `view` is of, while `open` */
    dg_index_band_view view;
    int open;
};

/* --- hits --- */

static int compare_hits(const void *a, const void *b)
{
    const dg_index_hit *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Sorts, and keeps no more than were asked for. */
static void prune(struct search *s)
{
    dg_index_hits *hits = s->hits;
    const uint64_t k = s->question->k;
    if (hits->count > 1) qsort(hits->list, hits->count, sizeof *hits->list, compare_hits);
    if (hits->count < k) return;
    hits->count = (size_t)k;
    if (hits->list[k - 1].distance < s->limit) s->limit = hits->list[k - 1].distance;
}

int dg_index_hits_reserve(dg_index_hits *hits, size_t count)
{
    if (count <= hits->capacity) return 1;
    size_t capacity = hits->capacity ? 2 * hits->capacity : 64;
    if (capacity < count) capacity = count;
    dg_index_hit *list = realloc(hits->list, capacity * sizeof *list);
    if (!list) return 0;
    hits->list = list;
    hits->capacity = capacity;
    return 1;
}

static int add_hit(struct search *s, int64_t id, uint32_t distance)
{
    dg_index_hits *hits = s->hits;
    if (hits->count >= HITS_MIN && hits->count / 2 >= s->question->k) prune(s);
    if (!dg_index_hits_reserve(hits, hits->count + 1)) return SQLITE_NOMEM;
    hits->list[hits->count++] = (dg_index_hit){id, distance};
    return SQLITE_OK;
}

static size_t hits_within(const struct search *s, int64_t distance)
{
    size_t within = 0;
    for (size_t i = 0; i < s->hits->count; i++) within += s->hits->list[i].distance <= distance;
    return within;
}

/* --- all rows --- */

/* Up to PIECE rows of a block; those that i_delta replaces are left out. */
static int compare_rows(struct search *s, const dg_index_rows_view *view, uint32_t from, uint32_t count)
{
    const size_t bytes = s->index->shape.bytes;
    dg_index_near near[PIECE];
    const uint32_t found =
        dg_index_near_hashes(view->hashes + from * bytes, bytes, count, s->question->hash, s->limit, near);
    int rc = SQLITE_OK;
    for (uint32_t i = 0; i < found && rc == SQLITE_OK; i++) {
        const int64_t id = dg_packed_get(&view->ids, from + near[i].at);
        if (dg_index_delta_find(s->delta, id) < 0) rc = add_hit(s, id, near[i].distance);
    }
    return rc;
}

static int compare_block(struct search *s, sqlite3_stmt *row)
{
    dg_index_rows_view view;
    const void *block = sqlite3_column_blob(row, 1);
    int rc = SQLITE_OK;
    if (!dg_index_rows_open(&s->index->shape, block, (size_t)sqlite3_column_bytes(row, 1), &view))
        return dg_index_damaged(s->index, "rows", sqlite3_column_int64(row, 0));
    for (uint32_t from = 0; from < view.count && rc == SQLITE_OK; from += PIECE)
        rc = compare_rows(s, &view, from, view.count - from < PIECE ? view.count - from : PIECE);
    return rc;
}

static int scan(struct search *s)
{
    sqlite3_stmt *statement;
    int rc = dg_index_statement_get(s->index, DG_INDEX_ROWS_ALL, &statement), compared = SQLITE_OK;
    if (rc != SQLITE_OK) return rc;
    while (compared == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
        compared = compare_block(s, statement);
    if (compared == SQLITE_OK) return dg_index_end(s->index, statement, rc);
    sqlite3_reset(statement);
    return compared;
}

static int compare_delta(struct search *s)
{
    const dg_index_delta *delta = s->delta;
    const size_t bytes = s->index->shape.bytes;
    for (uint32_t i = 0; i < delta->count; i++) {
        if (!delta->present[i]) continue;
        const uint32_t distance = dg_hash_distance(delta->hashes + i * bytes, s->question->hash, bytes);
        if (distance > s->limit) continue;
        int rc = add_hit(s, delta->ids[i], distance);
        if (rc != SQLITE_OK) return rc;
    }
    return SQLITE_OK;
}

/* --- entries --- */

static uint32_t band_distance(uint64_t a, uint64_t b, uint32_t band)
{
    return dg_bits_set(dg_index_band_of(a ^ b, band));
}

static int shown_before(const struct search *s, uint64_t bands)
{
    for (uint32_t other = 0; other < DG_INDEX_BANDS; other++)
        if (other != s->band && (int)band_distance(bands, s->bands, other) <= s->done[other]) return 1;
    return 0;
}

/* The row of an entry that does not hold all of its hash. */
static int look_up_row(struct search *s, int64_t id, uint32_t *distance, uint64_t *bands)
{
    uint8_t hash[DG_HASHVALUE_MAX], mixed[DG_INDEX_MIXED_MAX];
    int found;
    int rc = dg_index_get_merged(s->index, id, &found, hash);
    if (rc != SQLITE_OK) return rc;
    if (!found) return dg_index_damaged(s->index, "bands", sqlite3_column_int64(s->at, 0));
    *distance = dg_hash_distance(hash, s->question->hash, s->index->shape.bytes);
    dg_index_mix(&s->index->shape, hash, mixed);
    *bands = dg_index_bands_of(mixed);
    return SQLITE_OK;
}

/* An entry whose bucket and tail are near enough. */
static int take_entry(struct search *s, const dg_index_band_view *view, uint32_t i, uint32_t distance)
{
    const dg_index_shape *shape = &s->index->shape;
    const int64_t id = dg_packed_get(&view->ids, i);
    uint64_t bands = 0;
    int rc = SQLITE_OK;
    if (dg_index_delta_find(s->delta, id) >= 0) return SQLITE_OK;
    if (shape->bytes == DG_INDEX_TABLE_BYTES)
        bands = dg_index_bands_of_code(s->band, view->bucket, view->tails + (size_t)i * shape->tail);
    else
        rc = look_up_row(s, id, &distance, &bands);
    if (rc != SQLITE_OK || distance > s->limit || shown_before(s, bands)) return rc;
    return add_hit(s, id, distance);
}

/* The entries of the view's bucket. Behind the last tail of a block there are ten bytes and more, as
 * comparing wants them. */
static int compare_bucket(struct search *s, const dg_index_band_view *view)
{
    const size_t tail = s->index->shape.tail;
    const uint32_t apart = dg_bits_set(view->bucket ^ dg_index_band_of(s->bands, s->band));
    const uint32_t end = view->first + view->entries;
    dg_index_near near[PIECE];
    int rc = SQLITE_OK;
    for (uint32_t from = view->first; from < end && rc == SQLITE_OK; from += PIECE) {
        const uint32_t count = end - from < PIECE ? end - from : PIECE;
        const uint32_t found = dg_index_near_tails(view->tails + from * tail, tail, count, s->tail, s->mask,
                                                   apart, s->limit, near);
        for (uint32_t i = 0; i < found && rc == SQLITE_OK; i++)
            rc = take_entry(s, view, from + near[i].at, near[i].distance);
    }
    return rc;
}

/* --- blocks --- */

static int64_t code_of(uint32_t band, uint32_t bucket, uint32_t low)
{
    return (int64_t)band << 32 | (int64_t)bucket << 16 | low;
}

static int open_view(struct search *s, sqlite3_stmt *row, dg_index_band_view *view)
{
    const void *block = sqlite3_column_blob(row, 1);
    if (dg_index_band_open(&s->index->shape, block, (size_t)sqlite3_column_bytes(row, 1), view))
        return SQLITE_OK;
    return dg_index_damaged(s->index, "bands", sqlite3_column_int64(row, 0));
}

/* Finds the block that the beginning of the bucket lies in. */
static int seek(struct search *s, uint32_t bucket)
{
    sqlite3_reset(s->at);
    s->open = 0;
    int rc = sqlite3_bind_int64(s->at, 1, code_of(s->band, bucket, 0));
    if (rc == SQLITE_OK) rc = sqlite3_step(s->at);
    if (rc != SQLITE_ROW) return dg_index_end(s->index, s->at, rc);
    if (sqlite3_column_int64(s->at, 0) >> 32 != s->band) return SQLITE_OK;
    s->open = 1;
    return open_view(s, s->at, &s->view);
}

/* Reads the directory up to the bucket or beyond. Returns an SQLite code; *here: whether the bucket is in the
 * block, *more: whether it may have entries in the blocks behind. */
static int read_directory(struct search *s, uint32_t bucket, int *here, int *more)
{
    int next = 1;
    while (next > 0 && (s->view.entries == 0 || s->view.bucket < bucket)) next = dg_index_band_next(&s->view);
    if (next < 0) return dg_index_damaged(s->index, "bands", sqlite3_column_int64(s->at, 0));
    *here = next > 0 && s->view.bucket == bucket;
    *more = next == 0 || (*here && s->view.directory == s->view.directory_end);
    return SQLITE_OK;
}

/* The rest of a bucket, in the blocks whose keys lie in it; the first entries of a block may be gone since.
 */
static int visit_rest(struct search *s, uint32_t bucket)
{
    sqlite3_stmt *statement;
    dg_index_band_view view;
    int taken = SQLITE_OK;
    int rc = dg_index_statement_get(s->index, DG_INDEX_BANDS_RANGE, &statement);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 1, code_of(s->band, bucket, 0));
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 2, code_of(s->band, bucket, UINT16_MAX));
    if (rc != SQLITE_OK) return rc;
    while (taken == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        taken = open_view(s, statement, &view);
        if (taken == SQLITE_OK && dg_index_band_next(&view) <= 0)
            taken = dg_index_damaged(s->index, "bands", sqlite3_column_int64(statement, 0));
        if (taken == SQLITE_OK && view.bucket == bucket) taken = compare_bucket(s, &view);
    }
    if (taken == SQLITE_OK) return dg_index_end(s->index, statement, rc);
    sqlite3_reset(statement);
    return taken;
}

/* Buckets of a ring come in ascending order, so that those of one block cost one look-up. */
static int visit_bucket(struct search *s, uint32_t bucket)
{
    int here = 0, more = 1, rc = SQLITE_OK;
    if (s->open) rc = read_directory(s, bucket, &here, &more);
    if (rc == SQLITE_OK && !here && more) {
        rc = seek(s, bucket);
        if (rc == SQLITE_OK && s->open) rc = read_directory(s, bucket, &here, &more);
    }
    if (rc == SQLITE_OK && here) rc = compare_bucket(s, &s->view);
    if (rc == SQLITE_OK && more) rc = visit_rest(s, bucket);
    return rc;
}

/* --- rings --- */

/* Marks the buckets of a ring: the numbers of 16 bits that differ from `bucket` in `ring` bits, by Gosper's
 * enumeration. */
static void mark_ring(uint32_t bucket, uint32_t ring, uint64_t marks[DG_INDEX_BUCKETS / 64])
{
    memset(marks, 0, DG_INDEX_BUCKETS / 8);
    uint32_t apart = ((uint32_t)1 << ring) - 1;
    while (apart < DG_INDEX_BUCKETS) {
        const uint32_t other = bucket ^ apart;
        marks[other / 64] |= (uint64_t)1 << other % 64;
        if (apart == 0) return;
        const uint32_t lowest = apart & -apart, carried = apart + lowest;
        apart = carried | ((apart ^ carried) >> 2) / lowest;
    }
}

static void aim_at_band(struct search *s, uint32_t band)
{
    const dg_index_shape *shape = &s->index->shape;
    uint8_t tail[DG_INDEX_TAIL_MAX] = {0}, mask[DG_INDEX_TAIL_MAX] = {0};
    dg_index_code(shape, s->mixed, band, tail);
    memset(mask, 0xff, shape->tail);
    memcpy(s->tail, tail, sizeof tail);
    memcpy(s->mask, mask, sizeof mask);
    s->band = band;
    s->open = 0;
}

static int visit_ring(struct search *s, uint32_t band, uint32_t ring)
{
    uint64_t marks[DG_INDEX_BUCKETS / 64];
    int rc = SQLITE_OK;
    aim_at_band(s, band);
    mark_ring(dg_index_band_of(s->bands, band), ring, marks);
    for (uint32_t i = 0; i < DG_INDEX_BUCKETS / 64 && rc == SQLITE_OK; i++)
        for (uint64_t word = marks[i]; word && rc == SQLITE_OK; word &= word - 1)
            rc = visit_bucket(s, i * 64 + (uint32_t)__builtin_ctzll(word));
    sqlite3_reset(s->at);
    s->done[band] = (int)ring;
    return rc;
}

/* --- plans --- */

/* Whether a question was answered at a cost that a search in memory would not have had, and nothing has
 * changed since: then the rows are worth keeping there. While a transaction writes, nothing is kept. */
static int repeats_scan(const struct search *s)
{
    dg_hash_index *index = s->index;
    dg_index_stamp stamp;
    return s->rows >= IMAGE_ROWS && index->laboured_known && dg_index_stamp_get(index, &stamp) &&
           dg_index_stamp_equal(&stamp, &index->laboured) &&
           sqlite3_txn_state(index->db, NULL) != SQLITE_TXN_WRITE;
}

/* How many buckets a ring has. */
static double buckets_in(uint32_t ring)
{
    double buckets = 1;
    for (uint32_t i = 0; i < ring; i++) buckets = buckets * (BAND_BITS - i) / (i + 1);
    return buckets;
}

static double ring_cost(const struct search *s, uint32_t ring)
{
    const double rows = (double)s->rows, buckets = buckets_in(ring);
    const double blocks = 1 + rows * (s->index->shape.tail + 3) / DG_INDEX_BLOCK_FULL;
    return (buckets * 1.3 < blocks ? buckets * 1.3 : blocks) * seek_ns +
           rows * buckets / DG_INDEX_BUCKETS * entry_ns;
}

static double memory_cost(const struct search *s)
{
    const uint32_t bytes = s->index->shape.bytes;
    const double row = s->rows * (int64_t)bytes > CACHE_BYTES ? far_row_ns : image_row_ns;
    return search_ns + (double)s->rows * (bytes <= 8 ? row : bytes * image_byte_ns);
}

static double scan_cost(const struct search *s)
{
    if (s->in_memory) return memory_cost(s);
    return seek_ns + (double)s->rows * (row_ns + row_byte_ns * s->index->shape.bytes);
}

/* The cost of the rings that a radius takes. */
static double radius_cost(const struct search *s)
{
    double cost = 0;
    for (uint32_t ring = 0; ring <= s->question->radius; ring++) {
        if (ring / DG_INDEX_BANDS > BAND_BITS) return 1e300;
        cost += ring_cost(s, ring / DG_INDEX_BANDS);
    }
    return cost;
}

/* Visits rings until everything asked for is known. *scanned: that would take longer than a scan. */
static int visit_rings(struct search *s, int *dear)
{
    const dg_index_question *q = s->question;
    int rc = SQLITE_OK;
    const double too_much = s->plan == DG_PLAN_MULTI_INDEX || q->k == UINT64_MAX ? HUGE_VAL : scan_cost(s);
    *dear = 0;
    for (int64_t step = 0; rc == SQLITE_OK; step++) { /* everything within step - 1 is known */
        if (step - 1 >= (int64_t)q->radius || (s->hits->count >= q->k && hits_within(s, step - 1) >= q->k))
            break;
        const uint32_t ring = (uint32_t)(step / DG_INDEX_BANDS);
        if (ring <= BAND_BITS) s->cost += ring_cost(s, ring);
        *dear = ring > BAND_BITS || s->cost > too_much;
        if (*dear) break;
        rc = visit_ring(s, (uint32_t)(step % DG_INDEX_BANDS), ring);
    }
    return rc;
}

/* Whether to try rings: as the setting says, or if they promise to be faster. */
static int tries_rings(const struct search *s)
{
    if (!s->index->shape.bands || s->plan == DG_PLAN_BRUTE) return 0;
    return s->plan == DG_PLAN_MULTI_INDEX || s->question->k != UINT64_MAX || radius_cost(s) < scan_cost(s);
}

/* Begins with the rows of the delta. */
static int begin(struct search *s)
{
    s->hits->count = 0;
    s->limit = s->question->radius;
    return compare_delta(s);
}

/* *dear as for visit_rings. */
static int search_rings(struct search *s, int *dear)
{
    int rc = dg_index_statement_get(s->index, DG_INDEX_BANDS_AT, &s->at);
    dg_index_mix(&s->index->shape, s->question->hash, s->mixed);
    s->bands = dg_index_bands_of(s->mixed);
    if (rc == SQLITE_OK) rc = begin(s);
    return rc == SQLITE_OK ? visit_rings(s, dear) : rc;
}

int dg_index_find(dg_hash_index *index, const dg_index_question *question, dg_index_hits *hits)
{
    struct search s = {.index = index, .question = question, .hits = hits, .done = {-1, -1, -1, -1}};
    s.plan = (enum dg_join_plan)index->connection->settings.of[DG_SETTING_PLAN].number;
    hits->count = 0;
    int rc = dg_index_check_version(index, &s.rows), dear = 1;
    if (rc != SQLITE_OK || question->k == 0) return rc;
    s.in_memory = repeats_scan(&s);
    rc = dg_index_delta_get(index, &s.delta);
    index->asked = 1;
    if (rc == SQLITE_OK && tries_rings(&s)) rc = search_rings(&s, &dear);
    if (rc == SQLITE_OK && dear && s.in_memory) return dg_index_find_in_image(index, question, hits);
    if (rc == SQLITE_OK && dear) {
        rc = begin(&s);
        if (rc == SQLITE_OK) rc = scan(&s);
    }
    if (rc == SQLITE_OK && (dear || s.cost > 2 * memory_cost(&s)))
        index->laboured_known = dg_index_stamp_get(index, &index->laboured);
    if (rc == SQLITE_OK) prune(&s);
    return rc;
}
