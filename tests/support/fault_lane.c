#include "support/fault_lane.h"

#include "support/die.h"

#include <stdlib.h>
#include <string.h>

struct fault_piece {
    struct fault_piece *next;
    hf_instant          due;
    bool                is_end;
    enum fault_end      end;
    size_t              taken; /* Bytes that have come out. */
    size_t              size;
    char                data[];
};

/* What the lasting faults in force come to. */
struct rules {
    bool        black_hole;
    hf_duration delay;
    hf_duration jitter;
    size_t      pace_bytes; /* At most so many, each... 0: any. */
    hf_duration pace_gap;
};

static bool concerns(const struct fault_lane *lane, const struct fault_slot *slot)
{
    const struct fault *fault = &slot->fault;
    if (slot->id == 0) return false;
    if (fault->connection != 0 && fault->connection != lane->connection) return false;
    return fault->direction == FAULT_BOTH_WAYS || fault->direction == lane->direction;
}

static void add_rule(struct rules *rules, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_BLACK_HOLE: rules->black_hole = true; break;
    case FAULT_DELAY:
        rules->delay = hf_ns(rules->delay.ns + fault->delay.ns);
        rules->jitter = hf_ns(rules->jitter.ns + fault->jitter.ns);
        break;
    case FAULT_TRICKLE:
        rules->pace_bytes = 1;
        rules->pace_gap = fault->delay;
        break;
    case FAULT_THROTTLE:
        /* About 200 bursts a second. */
        rules->pace_bytes = fault->rate < 200 ? 1 : (size_t)(fault->rate / 200);
        rules->pace_gap = hf_ns(
            (int64_t)(rules->pace_bytes * UINT64_C(1000000000) / fault->rate));
        break;
    default: break;
    }
}

static struct rules rules_of(const struct fault_lane *lane)
{
    struct rules rules = { 0 };
    for (int i = 0; i < FAULT_SLOTS; i++) {
        const struct fault_slot *slot = &lane->slots->slot[i];
        if (concerns(lane, slot)) add_rule(&rules, &slot->fault);
    }
    return rules;
}

void fault_lane_init(struct fault_lane *lane, enum fault_direction direction,
                     uint32_t connection, struct fault_slots *slots, struct hf_rng *rng)
{
    *lane = (struct fault_lane){
        .direction = direction, .connection = connection, .slots = slots, .rng = rng
    };
}

static void drop_first(struct fault_lane *lane)
{
    struct fault_piece *piece = lane->first;
    lane->queued -= piece->size - piece->taken;
    lane->first = piece->next;
    if (!lane->first) lane->last = NULL;
    free(piece);
}

void fault_lane_deinit(struct fault_lane *lane)
{
    while (lane->first) drop_first(lane);
    free(lane->copy);
    lane->copy = NULL;
}

bool fault_lane_takes(const struct fault_lane *lane)
{
    return !lane->ended && lane->queued < FAULT_LANE_MAX && !rules_of(lane).black_hole;
}

static struct fault_piece *queue_piece(struct fault_lane *lane, size_t size, hf_instant now)
{
    const struct rules  rules = rules_of(lane);
    const uint64_t      jitter = hf_rng_below(lane->rng, (uint64_t)rules.jitter.ns + 1);
    struct fault_piece *piece = malloc(sizeof *piece + size);
    if (!piece) die("fault proxy: out of memory");

    hf_instant due = hf_later(hf_later(now, rules.delay), hf_ns((int64_t)jitter));
    if (hf_before(due, lane->last_due)) due = lane->last_due;
    lane->last_due = due;
    *piece = (struct fault_piece){ .due = due, .size = size };
    if (lane->last) {
        lane->last->next = piece;
    } else {
        lane->first = piece;
    }
    lane->last = piece;
    lane->queued += size;
    return piece;
}

static void queue_bytes(struct fault_lane *lane, const char *data, size_t size,
                        hf_instant now)
{
    if (size == 0 || lane->ended) return;
    memcpy(queue_piece(lane, size, now)->data, data, size);
}

static void queue_end(struct fault_lane *lane, enum fault_end end, hf_instant now)
{
    if (lane->ended) return;
    struct fault_piece *piece = queue_piece(lane, 0, now);
    piece->is_end = true;
    piece->end = end;
    lane->ended = true;
}

/* Whether the fault can still strike here. Starts counting when it is new. */
static bool is_armed(struct fault_lane *lane, int i)
{
    const struct fault_slot *slot = &lane->slots->slot[i];
    if (!concerns(lane, slot) || fault_is_lasting(slot->fault.kind)) return false;
    if (lane->progress[i].id != slot->id) {
        lane->progress[i].id = slot->id;
        lane->progress[i].messages_left = slot->fault.after_messages;
        lane->progress[i].bytes_left = slot->fault.after_bytes;
        lane->progress[i].struck = false;
    }
    if (lane->progress[i].struck) return false;
    return slot->fault.times == 0 || slot->struck < slot->fault.times;
}

static bool is_counting_bytes(struct fault_lane *lane, int i)
{
    return is_armed(lane, i) && lane->progress[i].messages_left == 0;
}

static bool is_due(struct fault_lane *lane, int i)
{
    return is_counting_bytes(lane, i) && lane->progress[i].bytes_left == 0;
}

static void note_strike(struct fault_lane *lane, int i)
{
    lane->progress[i].struck = true;
    lane->slots->slot[i].struck++;
}

void fault_lane_poke(struct fault_lane *lane, hf_instant now)
{
    for (int i = 0; i < FAULT_SLOTS && !lane->ended; i++) {
        const struct fault *fault = &lane->slots->slot[i].fault;
        if (!is_due(lane, i)) continue;
        if (fault->kind == FAULT_CUT) {
            note_strike(lane, i);
            queue_end(lane, fault->end, now);
        } else if (fault->kind == FAULT_INJECT) {
            note_strike(lane, i);
            queue_bytes(lane, fault->data.data, fault->data.size, now);
        }
    }
}

/* How many bytes may pass before some fault strikes, at most size. */
static size_t bytes_until_strike(struct fault_lane *lane, size_t size)
{
    for (int i = 0; i < FAULT_SLOTS; i++) {
        const uint64_t left = lane->progress[i].bytes_left;
        if (is_counting_bytes(lane, i) && left > 0 && left < size) size = (size_t)left;
    }
    return size;
}

static void count_bytes(struct fault_lane *lane, size_t size)
{
    for (int i = 0; i < FAULT_SLOTS; i++) {
        uint64_t *left = &lane->progress[i].bytes_left;
        if (is_counting_bytes(lane, i) && *left > 0) *left -= size;
    }
}

/* True when a fault wants the next byte changed. */
static bool take_corruption(struct fault_lane *lane)
{
    for (int i = 0; i < FAULT_SLOTS; i++) {
        if (lane->slots->slot[i].fault.kind != FAULT_CORRUPT || !is_due(lane, i)) continue;
        note_strike(lane, i);
        return true;
    }
    return false;
}

static void put_piece(struct fault_lane *lane, const char *data, size_t size, hf_instant now)
{
    while (size > 0 && !lane->ended) {
        size_t step = bytes_until_strike(lane, size);
        if (take_corruption(lane)) {
            const char changed = (char)(*data ^ 0x10);
            step = 1;
            queue_bytes(lane, &changed, 1, now);
        } else {
            queue_bytes(lane, data, step, now);
        }
        count_bytes(lane, step);
        fault_lane_poke(lane, now);
        data += step;
        size -= step;
    }
}

static void begin_copy(struct fault_lane *lane)
{
    for (int i = 0; i < FAULT_SLOTS && !lane->copy; i++) {
        if (lane->slots->slot[i].fault.kind != FAULT_DUPLICATE || !is_due(lane, i)) continue;
        note_strike(lane, i);
        lane->copied = 0;
        lane->copy = malloc(FAULT_COPY_MAX);
        if (!lane->copy) die("fault proxy: out of memory");
    }
}

/* A message too large to copy comes once. */
static void copy_bytes(struct fault_lane *lane, const char *data, size_t size)
{
    if (!lane->copy) return;
    if (size > FAULT_COPY_MAX - lane->copied) {
        free(lane->copy);
        lane->copy = NULL;
        return;
    }
    memcpy(lane->copy + lane->copied, data, size);
    lane->copied += size;
}

static void end_message(struct fault_lane *lane, hf_instant now)
{
    lane->messages++;
    if (lane->copy) queue_bytes(lane, lane->copy, lane->copied, now);
    free(lane->copy);
    lane->copy = NULL;
    for (int i = 0; i < FAULT_SLOTS; i++) {
        if (is_armed(lane, i) && lane->progress[i].messages_left > 0) {
            lane->progress[i].messages_left--;
        }
    }
    fault_lane_poke(lane, now);
}

static bool anything_armed(struct fault_lane *lane)
{
    for (int i = 0; i < FAULT_SLOTS; i++) {
        if (is_armed(lane, i)) return true;
    }
    return lane->copy != NULL;
}

void fault_lane_put(struct fault_lane *lane, const char *data, size_t size, hf_instant now)
{
    const bool careful = anything_armed(lane);
    lane->bytes += size;
    if (!careful) queue_bytes(lane, data, size, now);

    while (size > 0) {
        bool whole;
        if (careful && !lane->in_message) begin_copy(lane);
        const size_t used = resp_scan(&lane->scanner, data, size, &whole);
        lane->in_message = !whole;
        if (careful) {
            copy_bytes(lane, data, used);
            put_piece(lane, data, used, now);
            if (whole) end_message(lane, now);
        } else {
            lane->messages += whole;
        }
        data += used;
        size -= used;
    }
}

void fault_lane_put_end(struct fault_lane *lane, enum fault_end end, hf_instant now)
{
    queue_end(lane, end, now);
}

enum fault_out fault_lane_next(struct fault_lane *lane, hf_instant now,
                               struct hf_bytes *bytes, enum fault_end *end, hf_instant *when)
{
    const struct rules        rules = rules_of(lane);
    const struct fault_piece *piece = lane->first;
    if (!piece || rules.black_hole) return FAULT_OUT_NOTHING;

    const bool is_paced = rules.pace_bytes > 0 && !piece->is_end;
    *when = piece->due;
    if (is_paced && hf_before(*when, lane->paced_until)) *when = lane->paced_until;
    if (hf_before(now, *when)) return FAULT_OUT_LATER;
    if (piece->is_end) {
        *end = piece->end;
        return FAULT_OUT_END;
    }
    *bytes = hf_bytes(piece->data + piece->taken, piece->size - piece->taken);
    if (is_paced && bytes->size > rules.pace_bytes) bytes->size = rules.pace_bytes;
    return FAULT_OUT_BYTES;
}

void fault_lane_took(struct fault_lane *lane, size_t size, hf_instant now)
{
    lane->first->taken += size;
    lane->queued -= size;
    lane->paced_until = hf_later(now, rules_of(lane).pace_gap);
    if (lane->first->taken == lane->first->size) drop_first(lane);
}
