/*
 * What comes before a version of HTTP on a listener with proxy_protocol.
 */
#ifndef WR_FRONT_FRONT_PREFACE_H
#define WR_FRONT_FRONT_PREFACE_H

#include "core/front/front_session.h"

extern const struct wr_front_proto wr_front_preface;

#endif
