/* transcript.h - what a stream of bytes comes to, as text that can be compared.
 *
 *     "$3\r\nfoo\r\n*2\r\n:1\r\n_\r\n+O"    ->    "foo"
 *                                           [:1 null]
 *                                           unfinished
 *
 * One line for each reply, and one for how it ended: "idle", "unfinished", or the name of
 * the error and its reason. Values are written as
 *     null +status -error :42 "string" ,1.5 #t (12345 ="verbatim" [array] {key value} ~[set]
 *     >[push]
 * Everything is read through the public accessors.
 *
 * Memory:   texts are malloc'ed, the caller frees them. */

#ifndef HF_TESTS_TRANSCRIPT_H
#define HF_TESTS_TRANSCRIPT_H

#include "net/resp_reader.h"

#include <holdfast/bytes.h>
#include <stdio.h>

/* Limits that no case but those about limits reaches. */
extern const struct hf_resp_limits transcript_limits;

/* Feeds the stream in pieces that end at each of the cuts, which rise, and at the end. */
char *transcript(const struct hf_allocator *a, const struct hf_resp_limits *limits,
                 struct hf_bytes stream, const size_t *cuts, size_t cut_count);

/* Gives the reader these bytes, and appends what comes out. Stops at a failure that is for
 * ever, which is returned; HF_E_NOMEM is written down and passed over. */
hf_err transcript_feed(struct hf_resp_reader *r, struct hf_bytes piece, FILE *out);

void transcript_reply(const struct hf_reply *reply, FILE *out);

#endif
