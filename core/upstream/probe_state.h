/*
 * What checks in a row mean for a server: up, down, or as it was.  All of it
 * stands in the server's row in shared memory, so it goes on where it was after
 * a reload and after the death of the keeper, which is the only one to call this.
 */
#ifndef WR_UPSTREAM_PROBE_STATE_H
#define WR_UPSTREAM_PROBE_STATE_H

#include "core/upstream/share.h"

enum wr_probe_change {
    WR_PROBE_SAME,
    WR_PROBE_UP,
    WR_PROBE_DOWN,
};

/* One more check was good or bad.  The first of a row decides at once, later ones when `rise` or `fall` of
 * them in a row contradict the state.  *in_a_row: how many they were. */
enum wr_probe_change wr_probe_state_count(struct wr_share *sh, struct wr_share_server *s, bool good,
                                          uint32_t rise, uint32_t fall, uint32_t *in_a_row);

/* Rows of that generation whose group is not among `groups` ([group]: it has checks): nobody would ever bring
 * them back, so they are up, and new to the next check. */
void wr_probe_state_forget(struct wr_share *sh, uint64_t generation, const bool groups[WR_SHARE_GROUPS]);

#endif
