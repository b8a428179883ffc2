/*
 * The signer: has private keys where `tls.keys = isolated` keeps them out of
 * the workers, and does for those what needs one.  One a generation.
 */
#ifndef WR_WORKERS_SIGNER_H
#define WR_WORKERS_SIGNER_H

#include "workers/child.h"

/* The rest of the process's life. */
WR_NORETURN void wr_signer_run(const struct wr_start *st);

#endif
