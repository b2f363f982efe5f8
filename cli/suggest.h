/* suggest.h - "did you mean ...?" for a mistyped word.
 *
 *     struct suggestion s = suggest_for("--sokcet-timeout");
 *     suggest_offer(&s, "--socket-timeout");
 *     if (s.best) printf("did you mean %s?\n", s.best);
 *
 * A word is offered when few letters were added, lost, changed or swapped: one in four of its
 * letters at most.
 *
 * Memory:   none; words offered must outlive the suggestion.
 * Cost:     O(length squared) per offer; words over 40 bytes are never near. */

#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *word;     /* As typed. */
    const char *best;     /* NULL: nothing near so far. */
    size_t      distance; /* Of best. */
};

struct suggestion suggest_for(const char *word);
void              suggest_offer(struct suggestion *s, const char *candidate);

#endif
