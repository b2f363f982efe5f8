/* page.h - the dashboard's file, as bytes; the build makes them of dashboard.html. */

#ifndef HF_EXPORT_PAGE_H
#define HF_EXPORT_PAGE_H

#include <stddef.h>

extern const unsigned char hf_export_page[];
extern const size_t        hf_export_page_size;

#endif
