#include "figures.h"

double throughput(struct lab *lab, const struct load *load, const struct driver *driver)
{
    return load_run(lab, load, driver).ops_per_s;
}

double p99(struct lab *lab, const struct load *load, const struct driver *driver)
{
    return load_run(lab, load, driver).p99_us;
}

double cpu_per_op(struct lab *lab, const struct load *load, const struct driver *driver)
{
    return load_run(lab, load, driver).cpu_us_per_op;
}
