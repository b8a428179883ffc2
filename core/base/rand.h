/*
 * Random numbers of the process: ChaCha20 output seeded by getrandom(2), good
 * enough for identifiers and keys; reseeded after a fork.  One thread only.
 */
#ifndef WR_BASE_RAND_H
#define WR_BASE_RAND_H

#include "core/base/base.h"

void wr_rand_bytes(void *dst, size_t n);
uint64_t wr_rand_u64(void);
/* Uniform in [0, below); below > 0. */
uint32_t wr_rand_below(uint32_t below);
/* To be called in each child after fork. */
void wr_rand_reseed(void);

#endif
