/*
 * weir explain: what the command line asks about, and the request that it
 * comes to.
 */
#ifndef WR_WORKERS_EXPLAIN_REQUEST_H
#define WR_WORKERS_EXPLAIN_REQUEST_H

#include "core/http/explain.h"
#include "core/http/head_check.h"

#define WR_EXPLAIN_FIELDS 100

struct wr_explain_question {
    const char *file;
    const char *method;
    const char *fields[WR_EXPLAIN_FIELDS];
    size_t fields_n;
    const char *client;
    const char *listen; /* NULL: by the URL */
    const char *url;
    /* made of the URL */
    bool https;
    struct wr_str authority; /* empty: a path alone was given */
    struct wr_str target;
    uint16_t port; /* 0: none given */
};

/* False when the command line is wrong, which has been said. */
bool wr_explain_question_read(struct wr_explain_question *q, int argc, char **argv);

/* The listener that the request comes in at, and why that one; NULL when there is none, which has been said. */
const struct wr_listen *wr_explain_listen(const struct wr_explain_question *q, const struct wr_model *m,
                                          const char **why);

/*
 * Fills r as a front does, by the parser and the judge of heads.  Anything
 * but WR_E_NONE is why it is refused.
 */
enum wr_err wr_explain_request_make(const struct wr_explain_question *q, struct wr_req *r);

#endif
