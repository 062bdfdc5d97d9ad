#include "interrupt.h"

#include <time.h>

#define PROBE_ROWS "500"

enum { PROBE_INTERVAL_NS = 10000000 };

static const char burn_sql[] =
    "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < " PROBE_ROWS
    ") SELECT count(*) FROM c";

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void dg_probe_start(dg_probe *probe, sqlite3 *db)
{
    *probe = (dg_probe){.db = db, .next = now() + PROBE_INTERVAL_NS};
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
    if (now() < probe->next) return 0;

    int rc = probe->statement ? SQLITE_OK : prepare(probe);
    if (rc == SQLITE_OK) {
        sqlite3_step(probe->statement);
        rc = sqlite3_reset(probe->statement);
    }
    /* A probe that is not allowed, or fails for a reason of its own, must not end the work. */
    if (rc == SQLITE_INTERRUPT || rc == SQLITE_NOMEM) probe->result = rc;
    probe->next = now() + PROBE_INTERVAL_NS;
    return probe->result != SQLITE_OK;
}

dg_poll dg_probe_poll(dg_probe *probe)
{
    return (dg_poll){.stop = stop, .arg = probe};
}
