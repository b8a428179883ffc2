/*
 * What a worker serves with: its parts of core/http.
 */
#include "core/http/service.h"

#include "core/http/req_table.h"

void
wr_service_init(struct wr_service *sv)
{
    sv->requests = wr_req_table_new();
}

void
wr_service_fini(struct wr_service *sv)
{
    uint32_t left = wr_req_table_count(sv->requests);

    if (left > 0) {
        wr_log(WR_LOG_WARN, "requests leaked count=%u, ending all the same", left);
    }
    wr_req_table_free(sv->requests);
    sv->requests = NULL;
}

void
wr_service_trim(struct wr_service *sv)
{
    wr_req_table_trim(sv->requests);
}
