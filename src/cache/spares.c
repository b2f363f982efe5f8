#include "cache/spares.h"

void *hf_spares_take(struct hf_spares *spares)
{
    for (size_t i = 0; i < HF_SPARES_MAX; i++) {
        if (!atomic_load_explicit(&spares->slots[i], memory_order_relaxed)) continue;
        void *object = atomic_exchange_explicit(&spares->slots[i], NULL,
                                                memory_order_acquire);
        if (object) return object;
    }
    return NULL;
}

bool hf_spares_put(struct hf_spares *spares, void *object)
{
    for (size_t i = 0; i < HF_SPARES_MAX; i++) {
        void *empty = NULL;
        if (atomic_load_explicit(&spares->slots[i], memory_order_relaxed)) continue;
        if (atomic_compare_exchange_strong_explicit(&spares->slots[i], &empty, object,
                                                    memory_order_release,
                                                    memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}
