/*
 * A backend for tests, called "faulty": a GPU in all but name, whose work the CPU does and whose calls fail
 * when told to.
 *
 * It is stricter than a real one. Its buffers cannot be read from the host, an operation is done no earlier
 * than in wait, and whoever frees, reads or starts something while an operation runs is stopped by abort().
 * What a failing operation was to give is filled with nonsense. registry.c beside brings it into the list of
 * backends of the programs in this folder.
 */
#ifndef TEST_FAULTY_H
#define TEST_FAULTY_H

#include "../../kernels/backend.h"

extern const dg_backend faulty_backend;

typedef struct faulty_state {
    int present;        /* else loading fails */
    uint64_t memory;    /* bytes there really are; what the device claims is no less than 1 GB */
    long calls;         /* that can fail, since they were last counted from 0 */
    long fail_at;       /* the call that fails, the first being 1; 0: none */
    int and_after;      /* all later ones fail as well */
    enum dg_code code;  /* with this code */
    long failed;        /* calls that were failed */
    long devices;       /* open */
    long buffers;       /* allocated */
    uint64_t allocated; /* bytes */
} faulty_state;

extern faulty_state faulty;

#endif
