#include "suggest.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int lower(char c)
{
    return tolower((unsigned char)c);
}

/* Edit distance in which swapping two neighbours counts one. */
static size_t distance(const char *a, const char *b)
{
    const size_t a_size = strlen(a), b_size = strlen(b);
    size_t       d[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= a_size; i++) d[i][0] = i;
    for (size_t j = 0; j <= b_size; j++) d[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        for (size_t j = 1; j <= b_size; j++) {
            const size_t differs = lower(a[i - 1]) != lower(b[j - 1]);
            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + differs);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a_size][b_size];
}

struct suggestion suggest_for(const char *word)
{
    return (struct suggestion){ .word = word, .distance = (strlen(word) + 2) / 4 };
}

void suggest_offer(struct suggestion *s, const char *candidate)
{
    if (strlen(s->word) > WORD_MAX || strlen(candidate) > WORD_MAX) return;
    const size_t d = distance(s->word, candidate);
    if (d >= s->distance + (s->best == NULL)) return;
    s->best = candidate;
    s->distance = d;
}
