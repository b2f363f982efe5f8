/* certificates.h - a small certificate authority for tests, made with the openssl tool.
 *
 *     ca.crt         trusted            server.crt/.key   localhost and 127.0.0.1
 *     other-ca.crt   signs nothing      elsewhere.crt     for another name
 *     expired.crt    of yesterday       client.crt/.key   for a client
 *     early.crt      of a later century self.crt          signed by itself
 *     revoked.crt    in revoked.crl     none.crl          revokes nothing
 *     empty.crt      nothing            "a folder/"       copies of ca and client
 *
 * Errors:   aborts with a message when openssl cannot be run. */

#ifndef HF_TESTS_CERTIFICATES_H
#define HF_TESTS_CERTIFICATES_H

struct certificates;

struct certificates *certificates_open(void);

/* Removes the folder. */
void certificates_close(struct certificates *c);

/* The path of one of the files above; valid until closed. */
const char *certificates_path(struct certificates *c, const char *name);

#endif
