#include "interrupt.h"

#include <time.h>

enum {
    INTERVAL_NS = 10000000,
    NS_PER_ROW = 20000, /* of work for each row the statement counts: 1 % of the time goes into the probe */
    MAX_ROWS = 5000,    /* after a pause of 100 ms or more */
};

static const char burn_sql[] =
    "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < ?1) "
    "SELECT count(*) FROM c";

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void dg_probe_start(dg_probe *probe, sqlite3 *db)
{
    *probe = (dg_probe){.db = db, .last = now()};
}

void dg_probe_finish(dg_probe *probe)
{
    sqlite3_finalize(probe->statement);
    probe->statement = NULL;
}

/* An authorizer may forbid recursion but not the plain statement, which still notices an interrupt. */
static int prepare(dg_probe *probe)
{
    int rc = sqlite3_prepare_v3(probe->db, burn_sql, -1, SQLITE_PREPARE_FROM_DDL, &probe->statement, NULL);
    if (rc == SQLITE_AUTH)
        rc = sqlite3_prepare_v3(probe->db, "SELECT 1", -1, SQLITE_PREPARE_FROM_DDL, &probe->statement, NULL);
    return rc;
}

static int stop(void *arg)
{
    dg_probe *probe = arg;
    if (probe->result != SQLITE_OK) return 1;
#if SQLITE_VERSION_NUMBER >= 3041000
    if (sqlite3_libversion_number() >= 3041000 && sqlite3_is_interrupted(probe->db)) {
        probe->result = SQLITE_INTERRUPT;
        return 1;
    }
#endif
    int64_t elapsed = now() - probe->last;
    if (elapsed < INTERVAL_NS) return 0;

    int rc = probe->statement ? SQLITE_OK : prepare(probe);
    if (rc == SQLITE_OK) {
        int64_t rows = elapsed / NS_PER_ROW;
        sqlite3_bind_int64(probe->statement, 1, rows < MAX_ROWS ? rows : MAX_ROWS);
        sqlite3_step(probe->statement);
        rc = sqlite3_reset(probe->statement);
    }
    /* A probe that is not allowed, or fails for a reason of its own, must not end the work. */
    if (rc == SQLITE_INTERRUPT || rc == SQLITE_NOMEM) probe->result = rc;
    probe->last = now();
    return probe->result != SQLITE_OK;
}

dg_poll dg_probe_poll(dg_probe *probe)
{
    return (dg_poll){.stop = stop, .arg = probe};
}
