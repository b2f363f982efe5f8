#include "net/tls.h"

#include "core/alloc.h"
#include "core/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 4 };

struct hf_tls {
    const struct hf_allocator *allocator;
    struct hf_logger          *logger;
    struct hf_tls_opts         opts;
    const char                *host;
    SSL_CTX                   *context;
    BIO_METHOD                *method;
    struct timespec changed[FILES]; /* Of the files that the context was made from. */
    pthread_mutex_t lock;
    struct {
        SSL_SESSION *session; /* The last one, for resumption. */
    } locked;
};

/* One connection. */
struct stream {
    struct hf_tls  *tls;
    SSL            *ssl;
    int             fd;
    pthread_mutex_t lock;                    /* Around every use of ssl. */
    short           read_wants, write_wants; /* POLLIN or POLLOUT. */
};

/* ---- The socket below, without SIGPIPE ----------------------------------------- */

static int bio_write(BIO *bio, const char *data, int size)
{
    const struct stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    const ssize_t n = send(stream->fd, data, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return (int)n;
}

static int bio_read(BIO *bio, char *data, int size)
{
    const struct stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    const ssize_t n = recv(stream->fd, data, (size_t)size, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast");
    if (!method) return NULL;
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

/* ---- The context --------------------------------------------------------------- */

/* The library has no words for what the system said. */
static const char *reason_of(unsigned long code)
{
    if (ERR_SYSTEM_ERROR(code)) return strerror(ERR_GET_REASON(code));
    const char *reason = ERR_reason_error_string(code);
    return reason ? reason : "failed";
}

static hf_err fail_ssl(struct hf_error *error, hf_err err, const char *what, const char *name)
{
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    return hf_fail(error, err, "tls: %s%s%s: %s", what, name ? " " : "", name ? name : "",
                   reason_of(code));
}

static const char *file_at(const struct hf_tls_opts *opts, int index)
{
    const char *const files[FILES] = { opts->ca_file, opts->cert_file, opts->key_file,
                                       opts->crl_file };
    return files[index];
}

static void read_times(const struct hf_tls_opts *opts, struct timespec times[FILES])
{
    for (int i = 0; i < FILES; i++) {
        struct stat status;
        times[i] = (struct timespec){ 0 };
        if (file_at(opts, i) && stat(file_at(opts, i), &status) == 0)
            times[i] = status.st_mtim;
    }
}

static void warn_of_open_key(const struct hf_tls *tls)
{
    struct stat status;
    const char *key = tls->opts.key_file;
    if (!key || stat(key, &status) || !(status.st_mode & (S_IRWXG | S_IRWXO))) return;
    const struct hf_log_field field = hf_log_text("file", key);
    hf_log(tls->logger, HF_EVENT_TLS_KEY_READABLE, &field, 1,
           "key file %s can be read by others: chmod 600", key);
}

static bool load_revoked(SSL_CTX *context, const char *file)
{
    X509_LOOKUP *lookup = X509_STORE_add_lookup(SSL_CTX_get_cert_store(context),
                                                X509_LOOKUP_file());
    return lookup && X509_load_crl_file(lookup, file, X509_FILETYPE_PEM) > 0 &&
           X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_CRL_CHECK);
}

static hf_err load_files(const struct hf_tls_opts *o, SSL_CTX *context,
                         struct hf_error *error)
{
    if (o->ca_file ? SSL_CTX_load_verify_file(context, o->ca_file) != 1
                   : SSL_CTX_set_default_verify_paths(context) != 1) {
        return fail_ssl(error, HF_E_INVALID, "CA file", o->ca_file);
    }
    if (o->cert_file && SSL_CTX_use_certificate_chain_file(context, o->cert_file) != 1) {
        return fail_ssl(error, HF_E_INVALID, "certificate", o->cert_file);
    }
    if (o->key_file &&
        SSL_CTX_use_PrivateKey_file(context, o->key_file, SSL_FILETYPE_PEM) != 1) {
        return fail_ssl(error, HF_E_INVALID, "key", o->key_file);
    }
    if (o->crl_file && !load_revoked(context, o->crl_file)) {
        return fail_ssl(error, HF_E_INVALID, "CRL file", o->crl_file);
    }
    if (o->ciphers && SSL_CTX_set_cipher_list(context, o->ciphers) != 1) {
        return fail_ssl(error, HF_E_INVALID, "ciphers", o->ciphers);
    }
    return HF_OK;
}

/* Called by OpenSSL when the server offers a session. What is kept is a copy: the session of
 * a connection that is cut off without a farewell is not resumed again. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct hf_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION   *copy = SSL_SESSION_dup(session);
    pthread_mutex_lock(&tls->lock);
    SSL_SESSION *old = tls->locked.session;
    tls->locked.session = copy;
    pthread_mutex_unlock(&tls->lock);
    SSL_SESSION_free(old);
    return 0;
}

static hf_err make_context(struct hf_tls *tls, SSL_CTX **made, struct hf_error *error)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) return fail_ssl(error, HF_E_NOMEM, "context", NULL);

    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context, tls->opts.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    SSL_CTX_set_app_data(context, tls);
    const hf_err err = load_files(&tls->opts, context, error);
    if (err) {
        SSL_CTX_free(context);
        return err;
    }
    *made = context;
    return HF_OK;
}

hf_err hf_tls_open(struct hf_tls **opened, const struct hf_allocator *a,
                   struct hf_logger *logger, const struct hf_tls_opts *opts, const char *host,
                   struct hf_error *error)
{
    struct hf_tls *tls = hf_alloc_zero(a, 1, sizeof *tls);
    if (!tls) return hf_fail(error, HF_E_NOMEM, "tls");
    tls->allocator = a;
    tls->logger = logger;
    tls->opts = *opts;
    tls->host = opts->server_name ? opts->server_name : host;
    tls->method = make_method();
    read_times(opts, tls->changed);
    hf_err err = tls->method ? make_context(tls, &tls->context, error)
                             : hf_fail(error, HF_E_NOMEM, "tls");
    if (err) {
        BIO_meth_free(tls->method);
        hf_free(a, tls);
        return err;
    }
    pthread_mutex_init(&tls->lock, NULL);
    warn_of_open_key(tls);
    *opened = tls;
    return HF_OK;
}

void hf_tls_close(struct hf_tls *tls)
{
    if (!tls) return;
    SSL_SESSION_free(tls->locked.session);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    pthread_mutex_destroy(&tls->lock);
    hf_free(tls->allocator, tls);
}

static void forget_session(struct hf_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL_SESSION *old = tls->locked.session;
    tls->locked.session = NULL;
    pthread_mutex_unlock(&tls->lock);
    SSL_SESSION_free(old);
}

/* New files that cannot be used are no reason to lose the old ones. */
static void reread_changed_files(struct hf_tls *tls)
{
    struct timespec now[FILES];
    struct hf_error error;
    SSL_CTX        *context = NULL;
    read_times(&tls->opts, now);
    if (memcmp(now, tls->changed, sizeof now) == 0) return;

    memcpy(tls->changed, now, sizeof now);
    if (make_context(tls, &context, &error)) {
        const struct hf_log_field field = hf_log_text("reason", error.detail);
        hf_log(tls->logger, HF_EVENT_TLS_FILES_REFUSED, &field, 1,
               "changed files are not used: %s", error.detail);
        return;
    }
    SSL_CTX_free(tls->context);
    tls->context = context;
    forget_session(tls); /* It stands for trust in the old files. */
    warn_of_open_key(tls);
}

/* ---- The stream ---------------------------------------------------------------- */

static void note_wish(short *wants, int ssl_error)
{
    *wants = ssl_error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
}

static bool would_block(int ssl_error)
{
    return ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_WRITE;
}

static hf_err tls_send(struct hf_transport *t, const struct iovec *parts, int count,
                       size_t *sent, int *os_error)
{
    struct stream *stream = t->tls;
    hf_err         err = HF_OK;
    *sent = 0;
    pthread_mutex_lock(&stream->lock);
    for (int i = 0; i < count && !err; i++) {
        size_t n = 0;
        if (parts[i].iov_len == 0) continue;
        ERR_clear_error();
        const int result = SSL_write_ex(stream->ssl, parts[i].iov_base, parts[i].iov_len, &n);
        const int ssl_error = SSL_get_error(stream->ssl, result);
        *sent += n;
        if (result == 1 && n == parts[i].iov_len) continue;
        if (result != 1 && !would_block(ssl_error)) {
            *os_error = errno ? errno : EPROTO;
            err = HF_E_LOST;
        } else if (result != 1) {
            note_wish(&stream->write_wants, ssl_error);
        }
        break;
    }
    pthread_mutex_unlock(&stream->lock);
    return err;
}

static hf_err tls_receive(struct hf_transport *t, void *data, size_t size, size_t *received,
                          int *os_error)
{
    struct stream *stream = t->tls;
    hf_err         err = HF_OK;
    *received = 0;
    pthread_mutex_lock(&stream->lock);
    ERR_clear_error();
    errno = 0;
    const int result = SSL_read_ex(stream->ssl, data, size, received);
    if (result != 1) {
        const int ssl_error = SSL_get_error(stream->ssl, result);
        if (would_block(ssl_error)) {
            note_wish(&stream->read_wants, ssl_error);
        } else {
            *os_error = ssl_error == SSL_ERROR_ZERO_RETURN ? 0 : errno;
            err = HF_E_LOST;
        }
    }
    pthread_mutex_unlock(&stream->lock);
    return err;
}

static short tls_events(const struct hf_transport *t, short wanted)
{
    struct stream *stream = t->tls;
    short          events = 0;
    pthread_mutex_lock(&stream->lock);
    if (wanted & POLLIN) events |= stream->read_wants;
    /* What OpenSSL has decrypted already, no POLLIN will tell of; room is nearly always. */
    if ((wanted & POLLIN) && SSL_pending(stream->ssl) > 0) events |= POLLOUT;
    if (wanted & POLLOUT) events |= stream->write_wants;
    pthread_mutex_unlock(&stream->lock);
    return events;
}

static void tls_close(struct hf_transport *t)
{
    struct stream *stream = t->tls;
    SSL_free(stream->ssl);
    close(stream->fd);
    pthread_mutex_destroy(&stream->lock);
    hf_free(stream->tls->allocator, stream);
}

static const struct hf_transport_ops tls_ops = {
    .send = tls_send,
    .receive = tls_receive,
    .events = tls_events,
    .close = tls_close,
};

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* What the server must prove to be, and what it is asked for. */
static bool name_peer(const struct hf_tls *tls, SSL *ssl)
{
    if (is_numeric(tls->host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), tls->host) == 1;
    }
    return SSL_set1_host(ssl, tls->host) == 1 &&
           SSL_set_tlsext_host_name(ssl, tls->host) == 1;
}

static void resume(struct hf_tls *tls, SSL *ssl)
{
    pthread_mutex_lock(&tls->lock);
    SSL_SESSION *copy = tls->locked.session ? SSL_SESSION_dup(tls->locked.session) : NULL;
    pthread_mutex_unlock(&tls->lock);
    if (copy) SSL_set_session(ssl, copy);
    SSL_SESSION_free(copy);
}

hf_err hf_tls_wrap(struct hf_tls *tls, struct hf_transport *t, struct hf_error *error)
{
    reread_changed_files(tls);
    struct stream *stream = hf_alloc_zero(tls->allocator, 1, sizeof *stream);
    SSL           *ssl = SSL_new(tls->context);
    BIO           *bio = BIO_new(tls->method);
    if (!stream || !ssl || !bio || !name_peer(tls, ssl)) {
        BIO_free(bio);
        SSL_free(ssl);
        hf_free(tls->allocator, stream);
        return fail_ssl(error, HF_E_NOMEM, "connection", NULL);
    }
    *stream = (struct stream){
        .tls = tls, .ssl = ssl, .fd = t->fd, .read_wants = POLLIN, .write_wants = POLLOUT
    };
    pthread_mutex_init(&stream->lock, NULL);
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);
    resume(tls, ssl);
    if (!tls->opts.verify) {
        const struct hf_log_field field = hf_log_text("host", tls->host);
        hf_log(tls->logger, HF_EVENT_TLS_UNVERIFIED, &field, 1,
               "the certificate of %s is not verified", tls->host);
    }
    t->ops = &tls_ops;
    t->tls = stream;
    return HF_OK;
}

static hf_err explain(const struct stream *stream, int os_error, struct hf_error *error)
{
    const unsigned long code = ERR_peek_error();
    const long          verdict = SSL_get_verify_result(stream->ssl);
    if (verdict != X509_V_OK && stream->tls->opts.verify) {
        ERR_clear_error();
        return hf_fail(error, HF_E_TLS, "tls: certificate of %s: %s", stream->tls->host,
                       X509_verify_cert_error_string(verdict));
    }
    if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) {
        ERR_clear_error();
        return hf_fail(error, HF_E_TLS,
                       "tls: the server does not speak TLS on this port; is "
                       "redis:// meant?");
    }
    if (code) return fail_ssl(error, HF_E_TLS, "handshake", NULL);
    return hf_fail(error, HF_E_TLS, "tls: handshake: %s",
                   os_error ? strerror(os_error) : "server closed the connection");
}

static void tell(const struct stream *stream)
{
    SSL                      *ssl = stream->ssl;
    const bool                resumed = SSL_session_reused(ssl);
    const struct hf_log_field fields[] = {
        hf_log_text("host", stream->tls->host),
        hf_log_text("version", SSL_get_version(ssl)),
        hf_log_text("resumed", resumed ? "true" : "false"),
    };
    hf_log(stream->tls->logger, HF_EVENT_TLS_CONNECTED, fields, 3, "%s with %s, %s",
           stream->tls->host, SSL_get_version(ssl),
           resumed ? "session resumed" : "new session");
}

hf_err hf_tls_handshake(struct hf_transport *t, struct hf_error *error)
{
    struct stream *stream = t->tls;
    hf_err         err = HF_OK;
    pthread_mutex_lock(&stream->lock);
    ERR_clear_error();
    errno = 0;
    const int result = SSL_do_handshake(stream->ssl);
    if (result != 1) {
        const int os_error = errno;
        const int ssl_error = SSL_get_error(stream->ssl, result);
        if (would_block(ssl_error)) {
            note_wish(&stream->read_wants, ssl_error);
            err = HF_E_TRYAGAIN;
        } else {
            err = explain(stream, os_error, error);
        }
    } else {
        stream->read_wants = POLLIN;
    }
    pthread_mutex_unlock(&stream->lock);
    if (err == HF_OK) tell(stream);
    return err;
}
