/*
 * The table of a smooth weighted round robin: one round, in which each member
 * stands as often as its weight says, as evenly as can be.
 *
 * Weights are relative: they are divided by their greatest common divisor, and
 * where their sum S is still more than `most`, each w of n becomes
 * 1 + floor((w - 1) * (most - n) / (S - n)) - or 1 where n is `most` or more.
 * W is the sum of what they are then.  A weight of 0 is left out.
 *
 * The k-th turn of a member of weight w, k from 0, may come from entry k*W/w
 * on and is due at (k+1)*W/w.  An entry is given to the turn that is due first
 * among those that may come; of equal ones to the larger weight, then to the
 * smaller index.  So {5,1,1} is a b a a c a a.  Any number of first entries
 * holds a member's exact share of them or less than one turn more or less.
 */
#ifndef WR_UPSTREAM_TURNS_H
#define WR_UPSTREAM_TURNS_H

#include "core/base/base.h"

/* How many entries the table has: W, which is at most the larger of `most` and n; 0: all weights are 0. */
uint32_t wr_turns_need(const uint32_t *weights, uint32_t n, uint32_t most);
/* Fills table, which has room for wr_turns_need() entries, with indexes of members; returns their number. */
uint32_t wr_turns_build(const uint32_t *weights, uint32_t n, uint32_t *table, uint32_t most);

#endif
