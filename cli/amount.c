#include "amount.h"

#include <math.h>
#include <stdio.h>

static struct amount scaled(double value, double step, const char *const *units, size_t count)
{
    struct amount s;
    size_t        unit = 0;
    for (; value >= step && unit + 1 < count; unit++) value /= step;
    snprintf(s.text, sizeof s.text, unit == 0 || value >= 100 ? "%.0f%s" : "%.1f%s", value,
             units[unit]);
    return s;
}

struct amount amount_count(double value)
{
    static const char *const units[] = { "", "k", "M", "G", "T" };
    if (value < 100000) return scaled(value, HUGE_VAL, units, 1);
    return scaled(value, 1000, units, 5);
}

struct amount amount_bytes(double value)
{
    static const char *const units[] = { " B", " KB", " MB", " GB", " TB" };
    return scaled(value, 1024, units, 5);
}

struct amount amount_rate(double value)
{
    struct amount s = amount_count(value);
    if (value > 0 && value < 100) snprintf(s.text, sizeof s.text, "%.1f", value);
    return s;
}

struct amount amount_seconds(double seconds)
{
    struct amount s = { "-" };
    if (seconds < 0 || isnan(seconds)) return s;
    if (seconds < 1e-3) {
        snprintf(s.text, sizeof s.text, "%.0f us", seconds * 1e6);
    } else if (seconds < 1) {
        snprintf(s.text, sizeof s.text, seconds < 0.1 ? "%.2f ms" : "%.0f ms", seconds * 1e3);
    } else if (seconds < 120) {
        snprintf(s.text, sizeof s.text, "%.1f s", seconds);
    } else if (seconds < 7200) {
        snprintf(s.text, sizeof s.text, "%.0f min", seconds / 60);
    } else if (seconds < 172800) {
        snprintf(s.text, sizeof s.text, "%.1f hours", seconds / 3600);
    } else {
        snprintf(s.text, sizeof s.text, "%.1f days", seconds / 86400);
    }
    return s;
}

const char *amount_noun(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}
