#include "tasks/grant.h"

void hf_grants_init(struct hf_grants *g)
{
    g->guarded.count = 0;
    pthread_mutex_init(&g->lock, NULL);
}

void hf_grants_deinit(struct hf_grants *g)
{
    pthread_mutex_destroy(&g->lock);
}

bool hf_grants_take(struct hf_grants *g, uint64_t kind, uint64_t *nonce)
{
    bool is_found = false;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < g->guarded.count && !is_found; i++) {
        if (g->guarded.kept[i].kind != kind) continue;
        *nonce = g->guarded.kept[i].nonce;
        g->guarded.kept[i] = g->guarded.kept[--g->guarded.count];
        is_found = true;
    }
    pthread_mutex_unlock(&g->lock);
    return is_found;
}

void hf_grants_keep(struct hf_grants *g, uint64_t kind, uint64_t nonce)
{
    pthread_mutex_lock(&g->lock);
    if (g->guarded.count < HF_GRANTS_MAX) {
        g->guarded.kept[g->guarded.count++] = (struct hf_grant){ kind, nonce };
    }
    pthread_mutex_unlock(&g->lock);
}
