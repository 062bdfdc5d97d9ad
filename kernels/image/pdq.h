/*
 * The PDQ hash of a picture in colour, fed row by row: imagehash.md section 11 (Meta's definition without
 * pre-scaling).
 *
 * Memory is proportional to the picture's width times a 128th of its height.
 */
#ifndef DG_IMAGE_PDQ_H
#define DG_IMAGE_PDQ_H

#include "image.h"
#include "size.h"

typedef struct dg_pdq dg_pdq;

/* On failure *pdq is NULL. */
enum dg_code dg_pdq_open(dg_pdq **pdq, dg_size size, dg_err *err);

/* The picture's next row, size.width pixels R, G, B, any. To be called size.height times. */
void dg_pdq_take(dg_pdq *pdq, const uint8_t *rgba);

/* After the last row: the hash as a 256-bit number, most significant byte first, and its quality 0..100. */
void dg_pdq_finish(const dg_pdq *pdq, uint8_t hash[DG_PDQ_BYTES], int *quality);

/* NULL is allowed. */
void dg_pdq_close(dg_pdq *pdq);

#endif
