/* fault.h - what can go wrong between a client and a server, as values.
 *
 *     { .kind = FAULT_DELAY, .delay = hf_ms(50) }                       100 ms more round
 * trip { .kind = FAULT_CUT, .direction = FAULT_TO_CLIENT, .after_messages = 2, .after_bytes =
 * 3, .end = FAULT_RESET }                       reset 3 bytes into the third reply from now
 *
 * The same in text, for command lines: "delay:delay=50ms", "cut:direction=to-client,
 * after-messages=2,after-bytes=3,end=reset".
 *
 * Lasting kinds hold until they are taken away. The others strike once in each connection:
 * first after_messages whole commands or replies pass, then after_bytes bytes, counted from
 * when the fault was set, or the connection began, if later. */

#ifndef HF_TESTS_FAULT_H
#define HF_TESTS_FAULT_H

#include <core/rng.h>
#include <holdfast/bytes.h>
#include <holdfast/time.h>

/* clang-format off */

/*    kind        name          lasting help */
#define FAULT_MAP(X)                                                                         \
    X(REFUSE,     "refuse",     true,   "connecting is refused")                             \
    X(HANG,       "hang",       true,   "connecting hangs: nobody accepts")                  \
    X(RESET,      "reset",      true,   "new connections are reset at once")                 \
    X(BLACK_HOLE, "black-hole", true,   "nothing passes; what was held back passes later")   \
    X(DELAY,      "delay",      true,   "every byte comes later by delay and up to jitter")  \
    X(TRICKLE,    "trickle",    true,   "one byte passes each delay")                        \
    X(THROTTLE,   "throttle",   true,   "at most rate bytes per second pass")                \
    X(CUT,        "cut",        false,  "the connection ends")                               \
    X(CORRUPT,    "corrupt",    false,  "one byte is changed")                               \
    X(DUPLICATE,  "duplicate",  false,  "the next whole command or reply comes twice")       \
    X(INJECT,     "inject",     false,  "data comes that nobody sent")

/* clang-format on */

enum fault_kind {
#define X(kind, name, lasting, help) FAULT_##kind,
    FAULT_MAP(X)
#undef X
        FAULT_KINDS
};

enum fault_direction { FAULT_BOTH_WAYS, FAULT_TO_CLIENT, FAULT_TO_SERVER };

/* How a cut looks from both ends. Over a unix socket a reset is seen only as far as there is
 * unread data; else it looks like a close. */
enum fault_end {
    FAULT_CLOSE,
    FAULT_RESET_END,  /* RST */
    FAULT_HALF_CLOSE, /* Nothing more comes this way; the other way goes on. */
};

struct fault {
    enum fault_kind      kind;
    enum fault_direction direction;      /* Of the bytes it is about. */
    uint32_t             connection;     /* Only the one with this number, from 1; 0: all. */
    uint32_t             times;          /* Strike so often in all; 0: in each connection. */
    uint32_t             after_messages; /* See above. */
    uint64_t             after_bytes;
    hf_duration          delay;  /* One way. */
    hf_duration          jitter; /* Uniform; the order of bytes is kept. */
    uint64_t             rate;   /* Bytes per second, >= 1. */
    enum fault_end       end;
    struct hf_bytes      data; /* At most FAULT_DATA_MAX. */
};

enum { FAULT_DATA_MAX = 4096, FAULT_WHY_MAX = 256 };

const char *fault_name(enum fault_kind kind);
const char *fault_help(enum fault_kind kind);
bool        fault_is_lasting(enum fault_kind kind);

/* "50ms", "300us", "2s": 0 to 3600 s. On false *duration is unchanged. */
bool fault_parse_time(const char *text, hf_duration *duration);

/* Reads "kind:key=value,..." The value of data takes the rest of the text, with \r \n \t \\
 * and \xHH, and lives in `data`. On false *fault is unchanged and why says what is wrong. */
bool fault_parse(const char *text, struct fault *fault, char data[FAULT_DATA_MAX],
                 char why[FAULT_WHY_MAX]);

/* Writes it in the form that fault_parse() reads, without data; for logs. */
void fault_print(const struct fault *fault, char *text, size_t size);

/* One of the kinds in the set (bits 1 << kind, at least one), with parameters that a patient
 * client can meet. */
struct fault fault_random(struct hf_rng *rng, unsigned set);

#endif
