#include "support/certificates.h"

#include "support/die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATHS = 64, PATH_MAX_HERE = 128 };

struct certificates {
    char     folder[64];
    char     paths[PATHS][PATH_MAX_HERE];
    unsigned used;
};

/* Elliptic keys, because they are made in a moment. */
static const char script[] =
    "set -e; cd '%s'; exec >log 2>&1\n"
    "key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; chmod 600 $1.key; "
    "}\n"
    "ca() { key $1; openssl req -x509 -new -key $1.key -subj /CN=$1 -days 30 -out $1.crt; }\n"
    "leaf() { key $1; openssl req -new -key $1.key -subj /CN=$1 -out $1.csr\n"
    "  printf 'subjectAltName=%%s\\n' $2 >$1.ext\n"
    "  openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile $1.ext "
    "\\\n"
    "    $3 -out $1.crt; }\n"
    "ca ca; ca other-ca\n"
    "leaf server DNS:localhost,IP:127.0.0.1 '-days 30'\n"
    "leaf elsewhere DNS:elsewhere.example '-days 30'\n"
    "leaf client DNS:client '-days 30'\n"
    "leaf expired DNS:localhost,IP:127.0.0.1 '-days -1'\n"
    "leaf revoked DNS:localhost,IP:127.0.0.1 '-days 30'\n"
    "key self; openssl req -x509 -new -key self.key -subj /CN=self -days 30 -out self.crt "
    "\\\n"
    "  -addext subjectAltName=DNS:localhost,IP:127.0.0.1\n"
    ": >empty.crt; : >index; echo 77 >serial; mkdir 'a folder'; cp ca.crt client.* 'a "
    "folder'\n"
    "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\n"
    "default_md=sha256\\npolicy=p\\nunique_subject=no\\n[p]\\ncommonName=supplied\\n' "
    ">ca.conf\n"
    "authority() { openssl ca -batch -config ca.conf -keyfile ca.key -cert ca.crt \"$@\"; }\n"
    "key early; openssl req -new -key early.key -subj /CN=early -out early.csr\n"
    "authority -startdate 20990101000000Z -enddate 20991231000000Z -extfile server.ext \\\n"
    "  -in early.csr -out early.crt -notext\n"
    "authority -gencrl -crldays 30 -out none.crl; authority -revoke revoked.crt\n"
    "authority -gencrl -crldays 30 -out revoked.crl\n";

struct certificates *certificates_open(void)
{
    struct certificates *c = calloc(1, sizeof *c);
    char                 command[sizeof script + 64];
    if (!c) die("no memory");
    snprintf(c->folder, sizeof c->folder, "/tmp/hf-certificates-XXXXXX");
    if (!mkdtemp(c->folder)) die("cannot make %s", c->folder);
    snprintf(command, sizeof command, script, c->folder);
    if (system(command) != 0) die("openssl failed, see %s/log", c->folder);
    return c;
}

void certificates_close(struct certificates *c)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", c->folder);
    if (system(command) != 0) die("cannot remove %s", c->folder);
    free(c);
}

const char *certificates_path(struct certificates *c, const char *name)
{
    if (c->used == PATHS) die("more than %d certificate paths", PATHS);
    char path[PATH_MAX_HERE];
    snprintf(path, sizeof path, "%.60s/%.60s", c->folder, name);
    return memcpy(c->paths[c->used++], path, sizeof path);
}
