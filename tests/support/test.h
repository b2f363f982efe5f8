/* test.h - cmocka with the includes it wants, in the order it wants them. */

#ifndef HF_TESTS_TEST_H
#define HF_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first. */
#include <cmocka.h>

/* Runs a table of cmocka_unit_test() rows; the exit status is what ctest wants. */
#define RUN_TESTS(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
