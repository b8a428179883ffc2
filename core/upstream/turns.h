/*
 * The table of a smooth weighted round robin: each member as often as its
 * weight, spread as evenly as can be.
 *
 * Weights are divided by their greatest common divisor, and scaled down (to 1
 * at least) when their sum is still above `most`.  Member i of weight w has its
 * turns at the times (2k + 1) / 2w, k from 0 to w - 1; the table is in order of
 * time, at one time the heavier and then the earlier member first.
 */
#ifndef WR_UPSTREAM_TURNS_H
#define WR_UPSTREAM_TURNS_H

#include "core/base/base.h"

/* Entries that the table of these n weights has (all above 0). */
uint32_t wr_turns_need(const uint32_t *weights, uint32_t n, uint32_t most);
/* Writes that many members' numbers and returns how many. */
uint32_t wr_turns_build(const uint32_t *weights, uint32_t n, uint32_t *table, uint32_t most);

#endif
