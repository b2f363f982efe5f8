#include "cache/tag_table.h"

#include <string.h>

/* Where the slots of a tag are, locked. */
struct place {
    struct hf_tag_shard *shard;
    struct hf_tag_slot  *set;
    uint64_t             hash;
};

static struct place enter_at(struct hf_tag_table *table, uint64_t hash)
{
    struct hf_tag_shard *shard = &table->shards[hash >> 32 & (HF_TAG_SHARDS - 1)];
    hf_brief_lock(&shard->lock);
    return (struct place){ shard, shard->slots[hash & (HF_TAG_SETS - 1)], hash };
}

static struct place enter(struct hf_tag_table *table, struct hf_bytes name)
{
    return enter_at(table, hf_tag_mark(&(struct hf_tag){ name, 0 }).name_hash);
}

static void leave(const struct place *at)
{
    hf_brief_unlock(&at->shard->lock);
}

static struct hf_tag_slot *find(const struct place *at)
{
    for (size_t i = 0; i < HF_TAG_WAYS; i++) {
        struct hf_tag_slot *slot = &at->set[i];
        if (slot->asked.ns && slot->hash == at->hash) return slot;
    }
    return NULL;
}

/* True for the one who is to read it again. */
static bool claim(struct hf_tag_slot *slot, hf_instant now)
{
    if (hf_before(now, slot->claimed)) return false;
    slot->claimed = hf_later(now, HF_TAG_FRESH);
    return true;
}

static bool is_to_be_used(struct hf_tag_slot *slot, hf_instant now)
{
    const hf_duration age = hf_between(slot->asked, now);
    if (age.ns < HF_TAG_FRESH.ns) return true;
    return age.ns < HF_TAG_LIMIT.ns && !claim(slot, now);
}

static enum hf_tag_verdict judge(struct hf_tag_slot *slot, uint64_t version, hf_instant now,
                                 hf_instant since)
{
    if (slot->version == version && is_to_be_used(slot, now)) return HF_TAG_VALID;
    if (hf_before(slot->asked, since)) return HF_TAG_UNKNOWN;
    return slot->version == version ? HF_TAG_VALID : HF_TAG_INVALID;
}

enum hf_tag_verdict hf_tag_table_judge(struct hf_tag_table *table, const struct hf_tag *tag,
                                       hf_instant now, hf_instant since)
{
    const struct place        at = enter(table, tag->name);
    struct hf_tag_slot       *slot = find(&at);
    const enum hf_tag_verdict verdict = slot ? judge(slot, tag->version, now, since)
                                             : HF_TAG_UNKNOWN;
    leave(&at);
    return verdict;
}

bool hf_tag_table_knew(struct hf_tag_table *table, struct hf_tag_mark mark, hf_instant now,
                       hf_duration within)
{
    const struct place        at = enter_at(table, mark.name_hash);
    const struct hf_tag_slot *slot = find(&at);
    const bool                knew = slot && slot->version == mark.version &&
                      hf_between(slot->asked, now).ns < within.ns;
    leave(&at);
    return knew;
}

uint64_t hf_tag_table_version(struct hf_tag_table *table, struct hf_bytes name,
                              hf_instant now, hf_instant until)
{
    const struct place        at = enter(table, name);
    const struct hf_tag_slot *slot = find(&at);
    const bool is_fresh = slot && hf_between(slot->asked, now).ns < HF_TAG_FRESH.ns &&
                          !hf_before(slot->lasts, until);
    const uint64_t version = is_fresh ? slot->version : 0;
    leave(&at);
    return version;
}

struct hf_tag_reading hf_tag_table_ask(struct hf_tag_table *table, struct hf_bytes name,
                                       hf_instant now)
{
    const struct place          at = enter(table, name);
    const struct hf_tag_reading reading = { at.shard->epoch, now };
    leave(&at);
    return reading;
}

static struct hf_tag_slot *oldest(const struct place *at)
{
    struct hf_tag_slot *slot = at->set;
    for (size_t i = 1; i < HF_TAG_WAYS; i++) {
        if (hf_before(at->set[i].asked, slot->asked)) slot = &at->set[i];
    }
    return slot;
}

void hf_tag_table_note(struct hf_tag_table *table, struct hf_bytes name,
                       struct hf_tag_reading reading, uint64_t version, hf_instant lasts)
{
    const struct place  at = enter(table, name);
    struct hf_tag_slot *slot = find(&at);
    const bool          is_late = slot && hf_before(reading.asked, slot->asked);
    if (reading.epoch == at.shard->epoch && !is_late) {
        if (!slot) slot = oldest(&at);
        *slot = (struct hf_tag_slot){
            .hash = at.hash, .version = version, .asked = reading.asked, .lasts = lasts
        };
    }
    leave(&at);
}

void hf_tag_table_forget(struct hf_tag_table *table, struct hf_bytes name)
{
    const struct place  at = enter(table, name);
    struct hf_tag_slot *slot = find(&at);
    if (slot) *slot = (struct hf_tag_slot){ .hash = 0 };
    at.shard->epoch++;
    leave(&at);
}

void hf_tag_table_forget_all(struct hf_tag_table *table)
{
    for (size_t i = 0; i < HF_TAG_SHARDS; i++) {
        struct hf_tag_shard *shard = &table->shards[i];
        hf_brief_lock(&shard->lock);
        memset(shard->slots, 0, sizeof shard->slots);
        shard->epoch++;
        hf_brief_unlock(&shard->lock);
    }
}
