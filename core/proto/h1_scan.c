/*
 * The classes of bytes in a head, as a table: for the scans that are not done
 * 16 bytes at a time, and the reference that those are tested against.
 */
#include "core/proto/h1_scan.h"

#define H1_SCAN_T (WR_SCAN_TOKEN | WR_SCAN_VALUE | WR_SCAN_TARGET)
#define H1_SCAN_V (WR_SCAN_VALUE | WR_SCAN_TARGET)

const uint8_t wr_scan_class[256] = {
    ['\t'] = WR_SCAN_VALUE,
    [' '] = WR_SCAN_VALUE,
    ['!'] = H1_SCAN_T,
    ['"'] = H1_SCAN_V,
    ['#'] = WR_SCAN_TOKEN | WR_SCAN_VALUE,
    ['$' ... '\''] = H1_SCAN_T,
    ['(' ... ')'] = H1_SCAN_V,
    ['*' ... '+'] = H1_SCAN_T,
    [','] = H1_SCAN_V,
    ['-' ... '.'] = H1_SCAN_T,
    ['/'] = H1_SCAN_V,
    ['0' ... '9'] = H1_SCAN_T,
    [':' ... '@'] = H1_SCAN_V,
    ['A' ... 'Z'] = H1_SCAN_T,
    ['[' ... ']'] = H1_SCAN_V,
    ['^'] = H1_SCAN_T,
    ['_'] = H1_SCAN_T | WR_SCAN_UNDERSCORE,
    ['`'] = H1_SCAN_T,
    ['a' ... 'z'] = H1_SCAN_T,
    ['{'] = H1_SCAN_V,
    ['|'] = H1_SCAN_T,
    ['}'] = H1_SCAN_V,
    ['~'] = H1_SCAN_T,
    [0x80 ... 0xff] = H1_SCAN_V,
};
