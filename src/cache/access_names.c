#include "cache/access_names.h"

#include "core/wall_clock.h"

struct hf_bytes hf_access_key(char room[HF_ACCESS_KEY_ROOM], const struct hf_cache *cache,
                              const char *what, struct hf_bytes rest)
{
    const size_t head = cache->keyspace.head_size - 1; /* Without its colon. */
    const size_t size = strlen(what);
    memcpy(room, cache->keyspace.head, head);
    memcpy(room + head, what, size);
    memcpy(room + head + size, rest.data, rest.size);
    return hf_bytes(room, head + size + rest.size);
}

int64_t hf_access_window(void)
{
    return hf_unix_ms() / HF_ACCESS_WINDOW_MS;
}

struct hf_bytes hf_access_window_key(char                   room[HF_ACCESS_KEY_ROOM],
                                     const struct hf_cache *cache, int64_t window)
{
    struct hf_cache_number n;
    return hf_access_key(room, cache, "/hot:", hf_cache_decimal(&n, window));
}
