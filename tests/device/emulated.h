/* A GPU whose device is the emulator, and errands that are stopped or fail there. */
#ifndef TEST_EMULATED_H
#define TEST_EMULATED_H

#include "../emulator/driver.h"

/* Opens the device with these settings; and closes it, when nothing may be left of it. */
dg_device *emulated_open(const dg_emulator_settings *settings);
void emulated_close(dg_device *device);

/* Checks dg_backend_emulator's device, whose work is done late; and with fewer cases (`quick`) one that does
 * it at once. */
void emulated_checks(void (*check)(const dg_backend *backend, dg_device *device, int quick));

/* Some work on a device of dg_backend_emulator, with what comes of it in `out`. */
typedef enum dg_code emulated_errand(dg_device *device, const dg_poll *poll, uint8_t *out, dg_err *err);

/* The errand, of at most 64 KiB, ends when its poll says stop, and does not ask again. */
void emulated_stops(emulated_errand *errand);

/* Every call of the driver fails in turn, once and for good: the errand brings the same `bytes` bytes, or an
 * error, and leaves nothing behind. It makes more than `least` calls. */
void emulated_fails(emulated_errand *errand, size_t bytes, uint64_t least);

#endif
