/*
 * What the command line said.
 */
#ifndef WR_WORKERS_OPTIONS_H
#define WR_WORKERS_OPTIONS_H

#include "core/base/base.h"

struct wr_options {
    const char *file;  /* NULL: the no-file form */
    char *const *args; /* LISTEN=UPSTREAM... */
    int args_n;
    bool file_named; /* -c was given */
    bool test;
    bool dump;
    bool quiet;
    bool daemon;
    const char *signal; /* -s NAME; NULL: none */
    char **argv;        /* all of it, for the next binary */
};

#endif
