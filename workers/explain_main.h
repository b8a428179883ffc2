/*
 * weir explain [-c FILE] [-X METHOD] [-H FIELD] [-a CLIENT] [-l LISTEN] URL
 */
#ifndef WR_WORKERS_EXPLAIN_MAIN_H
#define WR_WORKERS_EXPLAIN_MAIN_H

/* argv[0] is "explain".  Returns the exit status: 0 explained, 1 the configuration is bad, 2 wrong use. */
int wr_explain_main(int argc, char **argv);

#endif
