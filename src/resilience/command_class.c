#include "resilience/command_class.h"

#include "core/assert.h"
#include "core/little_endian.h"

#include <stdint.h>
#include <strings.h>

enum {
    NAME_MAX = 24, /* Bytes of the longest name and a NUL. */
    SHORT_MAX = 8, /* Bytes of a name that fits into a number. */
};

enum {
    READ = HF_COMMAND_READ,
    IDEMPOTENT = HF_COMMAND_IDEMPOTENT,
    ACCUMULATING = HF_COMMAND_ACCUMULATING,
};

enum flags { ADMIN = 1, BLOCKING = 2, SESSION = 4, SCRIPT = 8 };

/* What makes a command another one. */
enum twist {
    PLAIN,
    FAMILY,    /* The subcommand, if that has a row. */
    NX_OR_GET, /* These options: ACCUMULATING. */
    INCR,      /* This option: ACCUMULATING. */
    STORE,     /* A place to store: ACCUMULATING. */
    REPLACE,   /* This option: IDEMPOTENT. */
    BLOCK,     /* This option: blocking. */
};

struct row {
    char          name[NAME_MAX]; /* Padded with NULs. */
    unsigned char command_class;
    unsigned char flags;
    unsigned char twist;
};

/* clang-format off */

/* By first letter; the frequent ones come first, then by name. */
static const struct row rows_a[] = {
    { "ACL",                     ACCUMULATING,  ADMIN,             PLAIN },
    { "APPEND",                  ACCUMULATING,  0,                 PLAIN },
    { "ASKING",                  READ,          SESSION,           PLAIN },
    { "AUTH",                    READ,          SESSION,           PLAIN },
};

static const struct row rows_b[] = {
    { "BGREWRITEAOF",            ACCUMULATING,  ADMIN,             PLAIN },
    { "BGSAVE",                  ACCUMULATING,  ADMIN,             PLAIN },
    { "BITCOUNT",                READ,          0,                 PLAIN },
    { "BITFIELD",                ACCUMULATING,  0,                 PLAIN },
    { "BITFIELD_RO",             READ,          0,                 PLAIN },
    { "BITOP",                   ACCUMULATING,  0,                 PLAIN },
    { "BITPOS",                  READ,          0,                 PLAIN },
    { "BLMOVE",                  ACCUMULATING,  BLOCKING,          PLAIN },
    { "BLMPOP",                  ACCUMULATING,  BLOCKING,          PLAIN },
    { "BLPOP",                   ACCUMULATING,  BLOCKING,          PLAIN },
    { "BRPOP",                   ACCUMULATING,  BLOCKING,          PLAIN },
    { "BRPOPLPUSH",              ACCUMULATING,  BLOCKING,          PLAIN },
    { "BZMPOP",                  ACCUMULATING,  BLOCKING,          PLAIN },
    { "BZPOPMAX",                ACCUMULATING,  BLOCKING,          PLAIN },
    { "BZPOPMIN",                ACCUMULATING,  BLOCKING,          PLAIN },
};

static const struct row rows_c[] = {
    { "CLIENT",                  ACCUMULATING,  ADMIN,             FAMILY },
    { "CLIENT CACHING",          ACCUMULATING,  SESSION,           PLAIN },
    { "CLIENT GETNAME",          READ,          0,                 PLAIN },
    { "CLIENT GETREDIR",         READ,          0,                 PLAIN },
    { "CLIENT ID",               READ,          0,                 PLAIN },
    { "CLIENT INFO",             READ,          0,                 PLAIN },
    { "CLIENT LIST",             READ,          ADMIN,             PLAIN },
    { "CLIENT NO-EVICT",         ACCUMULATING,  ADMIN | SESSION,   PLAIN },
    { "CLIENT REPLY",            ACCUMULATING,  SESSION,           PLAIN },
    { "CLIENT SETNAME",          ACCUMULATING,  SESSION,           PLAIN },
    { "CLIENT TRACKING",         ACCUMULATING,  SESSION,           PLAIN },
    { "CLIENT TRACKINGINFO",     READ,          0,                 PLAIN },
    { "CLUSTER",                 ACCUMULATING,  ADMIN,             FAMILY },
    { "CLUSTER COUNTKEYSINSLOT", READ,          0,                 PLAIN },
    { "CLUSTER GETKEYSINSLOT",   READ,          0,                 PLAIN },
    { "CLUSTER INFO",            READ,          0,                 PLAIN },
    { "CLUSTER KEYSLOT",         READ,          0,                 PLAIN },
    { "CLUSTER MYID",            READ,          0,                 PLAIN },
    { "CLUSTER NODES",           READ,          0,                 PLAIN },
    { "CLUSTER SHARDS",          READ,          0,                 PLAIN },
    { "CLUSTER SLOTS",           READ,          0,                 PLAIN },
    { "COMMAND",                 READ,          0,                 PLAIN },
    { "CONFIG",                  ACCUMULATING,  ADMIN,             FAMILY },
    { "CONFIG GET",              READ,          ADMIN,             PLAIN },
    { "CONFIG RESETSTAT",        IDEMPOTENT,    ADMIN,             PLAIN },
    { "CONFIG SET",              IDEMPOTENT,    ADMIN,             PLAIN },
    { "COPY",                    ACCUMULATING,  0,                 REPLACE },
};

static const struct row rows_d[] = {
    { "DEL",                     IDEMPOTENT,    0,                 PLAIN },
    { "DBSIZE",                  READ,          0,                 PLAIN },
    { "DEBUG",                   ACCUMULATING,  ADMIN,             PLAIN },
    { "DECR",                    ACCUMULATING,  0,                 PLAIN },
    { "DECRBY",                  ACCUMULATING,  0,                 PLAIN },
    { "DISCARD",                 ACCUMULATING,  SESSION,           PLAIN },
    { "DUMP",                    READ,          0,                 PLAIN },
};

static const struct row rows_e[] = {
    { "EXISTS",                  READ,          0,                 PLAIN },
    { "EXPIRE",                  IDEMPOTENT,    0,                 NX_OR_GET },
    { "EVALSHA",                 ACCUMULATING,  SCRIPT,            PLAIN },
    { "EVAL",                    ACCUMULATING,  SCRIPT,            PLAIN },
    { "ECHO",                    READ,          0,                 PLAIN },
    { "EVALSHA_RO",              READ,          0,                 PLAIN },
    { "EVAL_RO",                 READ,          0,                 PLAIN },
    { "EXEC",                    ACCUMULATING,  SESSION,           PLAIN },
    { "EXPIREAT",                IDEMPOTENT,    0,                 NX_OR_GET },
    { "EXPIRETIME",              READ,          0,                 PLAIN },
};

static const struct row rows_f[] = {
    { "FAILOVER",                ACCUMULATING,  ADMIN,             PLAIN },
    { "FCALL",                   ACCUMULATING,  SCRIPT,            PLAIN },
    { "FCALL_RO",                READ,          0,                 PLAIN },
    { "FLUSHALL",                IDEMPOTENT,    0,                 PLAIN },
    { "FLUSHDB",                 IDEMPOTENT,    0,                 PLAIN },
    { "FUNCTION",                ACCUMULATING,  0,                 FAMILY },
    { "FUNCTION DUMP",           READ,          0,                 PLAIN },
    { "FUNCTION LIST",           READ,          0,                 PLAIN },
    { "FUNCTION STATS",          READ,          0,                 PLAIN },
};

static const struct row rows_g[] = {
    { "GET",                     READ,          0,                 PLAIN },
    { "GEOADD",                  IDEMPOTENT,    0,                 PLAIN },
    { "GEODIST",                 READ,          0,                 PLAIN },
    { "GEOHASH",                 READ,          0,                 PLAIN },
    { "GEOPOS",                  READ,          0,                 PLAIN },
    { "GEORADIUS",               READ,          0,                 STORE },
    { "GEORADIUSBYMEMBER",       READ,          0,                 STORE },
    { "GEORADIUSBYMEMBER_RO",    READ,          0,                 PLAIN },
    { "GEORADIUS_RO",            READ,          0,                 PLAIN },
    { "GEOSEARCH",               READ,          0,                 PLAIN },
    { "GEOSEARCHSTORE",          ACCUMULATING,  0,                 PLAIN },
    { "GETBIT",                  READ,          0,                 PLAIN },
    { "GETDEL",                  ACCUMULATING,  0,                 PLAIN },
    { "GETEX",                   IDEMPOTENT,    0,                 PLAIN },
    { "GETRANGE",                READ,          0,                 PLAIN },
    { "GETSET",                  ACCUMULATING,  0,                 PLAIN },
};

static const struct row rows_h[] = {
    { "HGET",                    READ,          0,                 PLAIN },
    { "HSET",                    IDEMPOTENT,    0,                 PLAIN },
    { "HDEL",                    IDEMPOTENT,    0,                 PLAIN },
    { "HELLO",                   READ,          SESSION,           PLAIN },
    { "HEXISTS",                 READ,          0,                 PLAIN },
    { "HGETALL",                 READ,          0,                 PLAIN },
    { "HINCRBY",                 ACCUMULATING,  0,                 PLAIN },
    { "HINCRBYFLOAT",            ACCUMULATING,  0,                 PLAIN },
    { "HKEYS",                   READ,          0,                 PLAIN },
    { "HLEN",                    READ,          0,                 PLAIN },
    { "HMGET",                   READ,          0,                 PLAIN },
    { "HMSET",                   IDEMPOTENT,    0,                 PLAIN },
    { "HRANDFIELD",              READ,          0,                 PLAIN },
    { "HSCAN",                   READ,          0,                 PLAIN },
    { "HSETNX",                  ACCUMULATING,  0,                 PLAIN },
    { "HSTRLEN",                 READ,          0,                 PLAIN },
    { "HVALS",                   READ,          0,                 PLAIN },
};

static const struct row rows_i[] = {
    { "INCR",                    ACCUMULATING,  0,                 PLAIN },
    { "INCRBY",                  ACCUMULATING,  0,                 PLAIN },
    { "INCRBYFLOAT",             ACCUMULATING,  0,                 PLAIN },
    { "INFO",                    READ,          0,                 PLAIN },
};

static const struct row rows_k[] = {
    { "KEYS",                    READ,          0,                 PLAIN },
};

static const struct row rows_l[] = {
    { "LPUSH",                   ACCUMULATING,  0,                 PLAIN },
    { "LASTSAVE",                READ,          0,                 PLAIN },
    { "LATENCY",                 READ,          ADMIN,             PLAIN },
    { "LCS",                     READ,          0,                 PLAIN },
    { "LINDEX",                  READ,          0,                 PLAIN },
    { "LINSERT",                 ACCUMULATING,  0,                 PLAIN },
    { "LLEN",                    READ,          0,                 PLAIN },
    { "LMOVE",                   ACCUMULATING,  0,                 PLAIN },
    { "LMPOP",                   ACCUMULATING,  0,                 PLAIN },
    { "LOLWUT",                  READ,          0,                 PLAIN },
    { "LPOP",                    ACCUMULATING,  0,                 PLAIN },
    { "LPOS",                    READ,          0,                 PLAIN },
    { "LPUSHX",                  ACCUMULATING,  0,                 PLAIN },
    { "LRANGE",                  READ,          0,                 PLAIN },
    { "LREM",                    ACCUMULATING,  0,                 PLAIN },
    { "LSET",                    IDEMPOTENT,    0,                 PLAIN },
    { "LTRIM",                   ACCUMULATING,  0,                 PLAIN },
};

static const struct row rows_m[] = {
    { "MGET",                    READ,          0,                 PLAIN },
    { "MSET",                    IDEMPOTENT,    0,                 PLAIN },
    { "MEMORY",                  READ,          0,                 PLAIN },
    { "MIGRATE",                 ACCUMULATING,  0,                 PLAIN },
    { "MODULE",                  ACCUMULATING,  ADMIN,             PLAIN },
    { "MONITOR",                 ACCUMULATING,  ADMIN | SESSION,   PLAIN },
    { "MOVE",                    ACCUMULATING,  0,                 PLAIN },
    { "MSETNX",                  ACCUMULATING,  0,                 PLAIN },
    { "MULTI",                   ACCUMULATING,  SESSION,           PLAIN },
};

static const struct row rows_o[] = {
    { "OBJECT",                  READ,          0,                 PLAIN },
};

static const struct row rows_p[] = {
    { "PTTL",                    READ,          0,                 PLAIN },
    { "PEXPIRE",                 IDEMPOTENT,    0,                 NX_OR_GET },
    { "PSETEX",                  IDEMPOTENT,    0,                 PLAIN },
    { "PING",                    READ,          0,                 PLAIN },
    { "PERSIST",                 IDEMPOTENT,    0,                 PLAIN },
    { "PEXPIREAT",               IDEMPOTENT,    0,                 NX_OR_GET },
    { "PEXPIRETIME",             READ,          0,                 PLAIN },
    { "PFADD",                   IDEMPOTENT,    0,                 PLAIN },
    { "PFCOUNT",                 READ,          0,                 PLAIN },
    { "PFDEBUG",                 ACCUMULATING,  ADMIN,             PLAIN },
    { "PFMERGE",                 IDEMPOTENT,    0,                 PLAIN },
    { "PFSELFTEST",              ACCUMULATING,  ADMIN,             PLAIN },
    { "PSUBSCRIBE",              ACCUMULATING,  SESSION,           PLAIN },
    { "PSYNC",                   ACCUMULATING,  ADMIN | SESSION,   PLAIN },
    { "PUBLISH",                 ACCUMULATING,  0,                 PLAIN },
    { "PUBSUB",                  READ,          0,                 PLAIN },
    { "PUNSUBSCRIBE",            ACCUMULATING,  SESSION,           PLAIN },
};

static const struct row rows_q[] = {
    { "QUIT",                    ACCUMULATING,  SESSION,           PLAIN },
};

static const struct row rows_r[] = {
    { "RANDOMKEY",               READ,          0,                 PLAIN },
    { "READONLY",                READ,          SESSION,           PLAIN },
    { "READWRITE",               READ,          SESSION,           PLAIN },
    { "RENAME",                  ACCUMULATING,  0,                 PLAIN },
    { "RENAMENX",                ACCUMULATING,  0,                 PLAIN },
    { "REPLCONF",                ACCUMULATING,  ADMIN | SESSION,   PLAIN },
    { "REPLICAOF",               ACCUMULATING,  ADMIN,             PLAIN },
    { "RESET",                   ACCUMULATING,  SESSION,           PLAIN },
    { "RESTORE",                 ACCUMULATING,  0,                 REPLACE },
    { "RESTORE-ASKING",          ACCUMULATING,  0,                 PLAIN },
    { "ROLE",                    READ,          0,                 PLAIN },
    { "RPOP",                    ACCUMULATING,  0,                 PLAIN },
    { "RPOPLPUSH",               ACCUMULATING,  0,                 PLAIN },
    { "RPUSH",                   ACCUMULATING,  0,                 PLAIN },
    { "RPUSHX",                  ACCUMULATING,  0,                 PLAIN },
};

static const struct row rows_s[] = {
    { "SET",                     IDEMPOTENT,    0,                 NX_OR_GET },
    { "SETEX",                   IDEMPOTENT,    0,                 PLAIN },
    { "SCAN",                    READ,          0,                 PLAIN },
    { "SADD",                    IDEMPOTENT,    0,                 PLAIN },
    { "SAVE",                    ACCUMULATING,  ADMIN,             PLAIN },
    { "SCARD",                   READ,          0,                 PLAIN },
    { "SCRIPT",                  ACCUMULATING,  0,                 FAMILY },
    { "SCRIPT EXISTS",           READ,          0,                 PLAIN },
    { "SCRIPT FLUSH",            IDEMPOTENT,    0,                 PLAIN },
    { "SCRIPT LOAD",             IDEMPOTENT,    0,                 PLAIN },
    { "SDIFF",                   READ,          0,                 PLAIN },
    { "SDIFFSTORE",              IDEMPOTENT,    0,                 PLAIN },
    { "SELECT",                  READ,          SESSION,           PLAIN },
    { "SETBIT",                  ACCUMULATING,  0,                 PLAIN },
    { "SETNX",                   ACCUMULATING,  0,                 PLAIN },
    { "SETRANGE",                IDEMPOTENT,    0,                 PLAIN },
    { "SHUTDOWN",                ACCUMULATING,  ADMIN,             PLAIN },
    { "SINTER",                  READ,          0,                 PLAIN },
    { "SINTERCARD",              READ,          0,                 PLAIN },
    { "SINTERSTORE",             IDEMPOTENT,    0,                 PLAIN },
    { "SISMEMBER",               READ,          0,                 PLAIN },
    { "SLAVEOF",                 ACCUMULATING,  ADMIN,             PLAIN },
    { "SLOWLOG",                 ACCUMULATING,  ADMIN,             FAMILY },
    { "SLOWLOG GET",             READ,          ADMIN,             PLAIN },
    { "SLOWLOG LEN",             READ,          ADMIN,             PLAIN },
    { "SMEMBERS",                READ,          0,                 PLAIN },
    { "SMISMEMBER",              READ,          0,                 PLAIN },
    { "SMOVE",                   IDEMPOTENT,    0,                 PLAIN },
    { "SORT",                    READ,          0,                 STORE },
    { "SORT_RO",                 READ,          0,                 PLAIN },
    { "SPOP",                    ACCUMULATING,  0,                 PLAIN },
    { "SPUBLISH",                ACCUMULATING,  0,                 PLAIN },
    { "SRANDMEMBER",             READ,          0,                 PLAIN },
    { "SREM",                    IDEMPOTENT,    0,                 PLAIN },
    { "SSCAN",                   READ,          0,                 PLAIN },
    { "SSUBSCRIBE",              ACCUMULATING,  SESSION,           PLAIN },
    { "STRLEN",                  READ,          0,                 PLAIN },
    { "SUBSCRIBE",               ACCUMULATING,  SESSION,           PLAIN },
    { "SUBSTR",                  READ,          0,                 PLAIN },
    { "SUNION",                  READ,          0,                 PLAIN },
    { "SUNIONSTORE",             IDEMPOTENT,    0,                 PLAIN },
    { "SUNSUBSCRIBE",            ACCUMULATING,  SESSION,           PLAIN },
    { "SWAPDB",                  ACCUMULATING,  0,                 PLAIN },
    { "SYNC",                    ACCUMULATING,  ADMIN | SESSION,   PLAIN },
};

static const struct row rows_t[] = {
    { "TTL",                     READ,          0,                 PLAIN },
    { "TIME",                    READ,          0,                 PLAIN },
    { "TOUCH",                   READ,          0,                 PLAIN },
    { "TYPE",                    READ,          0,                 PLAIN },
};

static const struct row rows_u[] = {
    { "UNLINK",                  IDEMPOTENT,    0,                 PLAIN },
    { "UNSUBSCRIBE",             ACCUMULATING,  SESSION,           PLAIN },
    { "UNWATCH",                 READ,          SESSION,           PLAIN },
};

static const struct row rows_w[] = {
    { "WAIT",                    READ,          BLOCKING,          PLAIN },
    { "WATCH",                   READ,          SESSION,           PLAIN },
};

static const struct row rows_x[] = {
    { "XACK",                    IDEMPOTENT,    0,                 PLAIN },
    { "XADD",                    ACCUMULATING,  0,                 PLAIN },
    { "XAUTOCLAIM",              ACCUMULATING,  0,                 PLAIN },
    { "XCLAIM",                  ACCUMULATING,  0,                 PLAIN },
    { "XDEL",                    IDEMPOTENT,    0,                 PLAIN },
    { "XGROUP",                  ACCUMULATING,  0,                 PLAIN },
    { "XINFO",                   READ,          0,                 PLAIN },
    { "XLEN",                    READ,          0,                 PLAIN },
    { "XPENDING",                READ,          0,                 PLAIN },
    { "XRANGE",                  READ,          0,                 PLAIN },
    { "XREAD",                   READ,          0,                 BLOCK },
    { "XREADGROUP",              ACCUMULATING,  0,                 BLOCK },
    { "XREVRANGE",               READ,          0,                 PLAIN },
    { "XSETID",                  ACCUMULATING,  0,                 PLAIN },
    { "XTRIM",                   IDEMPOTENT,    0,                 PLAIN },
};

static const struct row rows_z[] = {
    { "ZADD",                    IDEMPOTENT,    0,                 INCR },
    { "ZCARD",                   READ,          0,                 PLAIN },
    { "ZCOUNT",                  READ,          0,                 PLAIN },
    { "ZDIFF",                   READ,          0,                 PLAIN },
    { "ZDIFFSTORE",              IDEMPOTENT,    0,                 PLAIN },
    { "ZINCRBY",                 ACCUMULATING,  0,                 PLAIN },
    { "ZINTER",                  READ,          0,                 PLAIN },
    { "ZINTERCARD",              READ,          0,                 PLAIN },
    { "ZINTERSTORE",             ACCUMULATING,  0,                 PLAIN },
    { "ZLEXCOUNT",               READ,          0,                 PLAIN },
    { "ZMPOP",                   ACCUMULATING,  0,                 PLAIN },
    { "ZMSCORE",                 READ,          0,                 PLAIN },
    { "ZPOPMAX",                 ACCUMULATING,  0,                 PLAIN },
    { "ZPOPMIN",                 ACCUMULATING,  0,                 PLAIN },
    { "ZRANDMEMBER",             READ,          0,                 PLAIN },
    { "ZRANGE",                  READ,          0,                 PLAIN },
    { "ZRANGEBYLEX",             READ,          0,                 PLAIN },
    { "ZRANGEBYSCORE",           READ,          0,                 PLAIN },
    { "ZRANGESTORE",             ACCUMULATING,  0,                 PLAIN },
    { "ZRANK",                   READ,          0,                 PLAIN },
    { "ZREM",                    IDEMPOTENT,    0,                 PLAIN },
    { "ZREMRANGEBYLEX",          IDEMPOTENT,    0,                 PLAIN },
    { "ZREMRANGEBYRANK",         ACCUMULATING,  0,                 PLAIN },
    { "ZREMRANGEBYSCORE",        IDEMPOTENT,    0,                 PLAIN },
    { "ZREVRANGE",               READ,          0,                 PLAIN },
    { "ZREVRANGEBYLEX",          READ,          0,                 PLAIN },
    { "ZREVRANGEBYSCORE",        READ,          0,                 PLAIN },
    { "ZREVRANK",                READ,          0,                 PLAIN },
    { "ZSCAN",                   READ,          0,                 PLAIN },
    { "ZSCORE",                  READ,          0,                 PLAIN },
    { "ZUNION",                  READ,          0,                 PLAIN },
    { "ZUNIONSTORE",             ACCUMULATING,  0,                 PLAIN },
};

#define ROWS(array) { array, sizeof (array) / sizeof (array)[0] }

static const struct {
    const struct row *rows;
    size_t            count;
} letters[26] = {
    ['A' - 'A'] = ROWS(rows_a),
    ['B' - 'A'] = ROWS(rows_b),
    ['C' - 'A'] = ROWS(rows_c),
    ['D' - 'A'] = ROWS(rows_d),
    ['E' - 'A'] = ROWS(rows_e),
    ['F' - 'A'] = ROWS(rows_f),
    ['G' - 'A'] = ROWS(rows_g),
    ['H' - 'A'] = ROWS(rows_h),
    ['I' - 'A'] = ROWS(rows_i),
    ['K' - 'A'] = ROWS(rows_k),
    ['L' - 'A'] = ROWS(rows_l),
    ['M' - 'A'] = ROWS(rows_m),
    ['O' - 'A'] = ROWS(rows_o),
    ['P' - 'A'] = ROWS(rows_p),
    ['Q' - 'A'] = ROWS(rows_q),
    ['R' - 'A'] = ROWS(rows_r),
    ['S' - 'A'] = ROWS(rows_s),
    ['T' - 'A'] = ROWS(rows_t),
    ['U' - 'A'] = ROWS(rows_u),
    ['W' - 'A'] = ROWS(rows_w),
    ['X' - 'A'] = ROWS(rows_x),
    ['Z' - 'A'] = ROWS(rows_z),
};

/* clang-format on */

static const struct row *rows_from(unsigned letter, size_t *count)
{
    const unsigned at = letter - 'A';
    const bool     is_letter = at < sizeof letters / sizeof letters[0];
    *count = is_letter ? letters[at].count : 0;
    return is_letter ? letters[at].rows : NULL;
}

static unsigned capital(unsigned char c)
{
    return c - (c - (unsigned)'a' < 26u ? 32u : 0u);
}

/* Most names have eight bytes or less: a number, which never leaves its register. */
static const struct row *find_short(struct hf_bytes word)
{
    const unsigned char *from = word.data;
    uint64_t             name = 0;
    size_t               left;
    for (size_t i = 0; i < word.size; i++) {
        if (from[i] <= ' ') return NULL;
        name |= (uint64_t)capital(from[i]) << (8 * i);
    }
    for (const struct row *row = rows_from(name & 0xff, &left); left > 0; left--, row++) {
        const uint64_t head = hf_take_u64((const unsigned char *)row->name);
        if (head == name && !row->name[SHORT_MAX]) return row;
    }
    return NULL;
}

static const struct row *find(const char name[NAME_MAX])
{
    size_t            left;
    const struct row *row = rows_from((unsigned char)name[0], &left);
    for (; left > 0; left--, row++) {
        if (memcmp(row->name, name, NAME_MAX) == 0) return row;
    }
    return NULL;
}

/* Puts word in capitals behind the first `used` bytes of name; false when it is too long or
 * holds what no word of a name does. */
static bool put_capitals(char name[NAME_MAX], size_t used, struct hf_bytes word)
{
    if (word.size >= NAME_MAX - used) return false;
    const unsigned char *from = word.data;
    for (size_t i = 0; i < word.size; i++) {
        if (from[i] <= ' ') return false;
        name[used + i] = (char)capital(from[i]);
    }
    return true;
}

static const struct row *find_word(struct hf_bytes word)
{
    char name[NAME_MAX] = { 0 };
    if (word.size <= SHORT_MAX) return find_short(word);
    return put_capitals(name, 0, word) ? find(name) : NULL;
}

static const struct row *find_member(struct hf_bytes word, struct hf_bytes second)
{
    char name[NAME_MAX] = { 0 };
    if (!put_capitals(name, 0, word)) return NULL;
    name[word.size] = ' ';
    return put_capitals(name, word.size + 1, second) ? find(name) : NULL;
}

static const struct row *row_of(const struct hf_bytes *argv, size_t argc)
{
    const struct row *row = find_word(argv[0]);
    if (!row || row->twist != FAMILY || argc < 2) return row;

    const struct row *member = find_member(argv[0], argv[1]);
    return member ? member : row;
}

static bool has_word(const struct hf_bytes *argv, size_t argc, size_t first, const char *word)
{
    const size_t size = strlen(word);
    for (size_t i = first; i < argc; i++) {
        if (argv[i].size == size && strncasecmp(argv[i].data, word, size) == 0) return true;
    }
    return false;
}

/* Options are looked for from where the first can stand to the end; a later value that looks
 * like one errs on the safe side. */
static bool is_twisted(enum twist twist, const struct hf_bytes *argv, size_t argc)
{
    switch (twist) {
    case PLAIN:
    case FAMILY: return false;
    case NX_OR_GET: return has_word(argv, argc, 3, "NX") || has_word(argv, argc, 3, "GET");
    case INCR: return has_word(argv, argc, 2, "INCR");
    case STORE:
        return has_word(argv, argc, 2, "STORE") || has_word(argv, argc, 2, "STOREDIST");
    case REPLACE: return has_word(argv, argc, 3, "REPLACE");
    case BLOCK: return has_word(argv, argc, 1, "BLOCK");
    }
    return false;
}

struct hf_command_traits hf_command_traits(const struct hf_bytes *argv, size_t argc)
{
    hf_assert(argc >= 1);
    const struct row *row = row_of(argv, argc);
    if (!row) return (struct hf_command_traits){ .command_class = HF_COMMAND_ACCUMULATING };

    struct hf_command_traits traits = {
        .command_class = (enum hf_command_class)row->command_class,
        .is_blocking = row->flags & BLOCKING,
        .is_admin = row->flags & ADMIN,
        .is_session = row->flags & SESSION,
        .is_script = row->flags & SCRIPT,
    };
    if (!is_twisted((enum twist)row->twist, argv, argc)) return traits;
    switch ((enum twist)row->twist) {
    case BLOCK: traits.is_blocking = true; break;
    case REPLACE: traits.command_class = HF_COMMAND_IDEMPOTENT; break;
    default: traits.command_class = HF_COMMAND_ACCUMULATING; break;
    }
    return traits;
}

bool hf_command_is_known(struct hf_bytes name)
{
    return row_of(&name, 1) != NULL;
}
