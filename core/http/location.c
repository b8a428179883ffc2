/*
 * Location: whatever a request or a template brought into a URL, a line of
 * the response head comes of it and no second one.
 */
#include "core/http/location.h"

static bool
location_is_uri_byte(char c)
{
    static const char more[] = "-._~:/?#[]@!$&'()*+,;=%";

    return (c >= '0' && c <= '9') || (wr_lower(c) >= 'a' && wr_lower(c) <= 'z') ||
        (c != '\0' && strchr(more, c) != NULL);
}

struct wr_str
wr_location_escape(struct wr_pool *pool, struct wr_str url)
{
    size_t odd = 0;

    for (size_t i = 0; i < url.n; i++) {
        odd += !location_is_uri_byte(url.p[i]);
    }
    if (odd == 0) {
        return url;
    }
    char *p = wr_pool_alloc(pool, url.n + 2 * odd);
    size_t n = 0;
    for (size_t i = 0; i < url.n; i++) {
        if (location_is_uri_byte(url.p[i])) {
            p[n++] = url.p[i];
        } else {
            static const char digits[] = "0123456789ABCDEF";
            p[n++] = '%';
            p[n++] = digits[(uint8_t)url.p[i] >> 4];
            p[n++] = digits[(uint8_t)url.p[i] & 15];
        }
    }
    return wr_str_make(p, n);
}

void
wr_location_answer(struct wr_req *r, uint16_t status, struct wr_str url)
{
    wr_head_add(&r->resp, &r->pool, WR_N_LOCATION, WR_STR_NONE, wr_location_escape(&r->pool, url));
    wr_req_answer(r, status, WR_STR("text/plain; charset=utf-8"), WR_STR("moved\n"));
}
