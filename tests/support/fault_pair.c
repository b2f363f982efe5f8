#include "support/fault_pair.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

void fault_pair_init(struct fault_pair *pair, int client, int server, uint32_t number,
                     struct fault_slots *slots, struct hf_rng *rng)
{
    *pair = (struct fault_pair){ .to_server = { .from = client, .to = server },
                                 .to_client = { .from = server, .to = client } };
    fault_lane_init(&pair->to_server.lane, FAULT_TO_SERVER, number, slots, rng);
    fault_lane_init(&pair->to_client.lane, FAULT_TO_CLIENT, number, slots, rng);
}

/* Unread bytes would turn the close into a reset. */
static void close_gently(int fd)
{
    char block[4096];
    shutdown(fd, SHUT_WR);
    while (recv(fd, block, sizeof block, MSG_DONTWAIT) > 0) continue;
    close(fd);
}

static void close_with_reset(int fd)
{
    const struct linger at_once = { .l_onoff = 1 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static void half_close(struct fault_way *way)
{
    shutdown(way->to, SHUT_WR);
    way->is_over = true;
}

void fault_pair_end(struct fault_pair *pair, enum fault_end end)
{
    if (pair->is_dead) return;
    if (end == FAULT_HALF_CLOSE) {
        fault_lane_deinit(&pair->to_client.lane);
        pair->to_client.lane.ended = true;
        half_close(&pair->to_client);
        return;
    }
    pair->is_dead = true;
    const int sockets[] = { pair->to_client.to, pair->to_server.to };
    for (int i = 0; i < 2; i++) {
        if (sockets[i] < 0) continue;
        if (end == FAULT_RESET_END) {
            close_with_reset(sockets[i]);
        } else {
            close_gently(sockets[i]);
        }
    }
}

void fault_pair_deinit(struct fault_pair *pair)
{
    fault_pair_end(pair, FAULT_RESET_END);
    fault_lane_deinit(&pair->to_server.lane);
    fault_lane_deinit(&pair->to_client.lane);
}

void fault_pair_poke(struct fault_pair *pair, hf_instant now)
{
    fault_lane_poke(&pair->to_server.lane, now);
    fault_lane_poke(&pair->to_client.lane, now);
}

static void write_bytes(struct fault_pair *pair, struct fault_way *way, struct hf_bytes bytes,
                        hf_instant now)
{
    const ssize_t sent = send(way->to, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
        fault_lane_took(&way->lane, (size_t)sent, now);
    } else if (errno == EAGAIN || errno == EINTR) {
        way->is_blocked = true;
    } else {
        fault_pair_end(pair, FAULT_RESET_END);
    }
}

static void write_way(struct fault_pair *pair, struct fault_way *way, hf_instant now,
                      hf_instant *wake)
{
    way->is_blocked = false;
    while (!pair->is_dead && !way->is_over && !way->is_blocked) {
        struct hf_bytes bytes;
        enum fault_end  end;
        hf_instant      when;
        switch (fault_lane_next(&way->lane, now, &bytes, &end, &when)) {
        case FAULT_OUT_NOTHING: return;
        case FAULT_OUT_LATER: *wake = hf_earlier_of(*wake, when); return;
        case FAULT_OUT_BYTES: write_bytes(pair, way, bytes, now); break;
        case FAULT_OUT_END:
            if (end == FAULT_HALF_CLOSE) {
                half_close(way);
            } else {
                fault_pair_end(pair, end);
            }
            break;
        }
    }
}

void fault_pair_write(struct fault_pair *pair, hf_instant now, hf_instant *wake)
{
    write_way(pair, &pair->to_server, now, wake);
    write_way(pair, &pair->to_client, now, wake);
    if (pair->to_server.is_over && pair->to_client.is_over) fault_pair_end(pair, FAULT_CLOSE);
}

/* A socket nothing is wanted of is not polled at all: its hang-up would never rest. */
static struct pollfd events_of(const struct fault_way *reads, const struct fault_way *writes)
{
    short wanted = 0;
    if (fault_lane_takes(&reads->lane)) wanted |= POLLIN;
    if (writes->is_blocked) wanted |= POLLOUT;
    return (struct pollfd){ .fd = wanted ? reads->from : -1, .events = wanted };
}

void fault_pair_events(const struct fault_pair *pair, struct pollfd events[2])
{
    events[0] = events_of(&pair->to_server, &pair->to_client);
    events[1] = events_of(&pair->to_client, &pair->to_server);
}

static void read_way(struct fault_way *way, hf_instant now, char *block)
{
    if (!fault_lane_takes(&way->lane)) return;
    const ssize_t size = recv(way->from, block, FAULT_READ_SIZE, MSG_DONTWAIT);
    if (size > 0) {
        fault_lane_put(&way->lane, block, (size_t)size, now);
    } else if (size == 0) {
        fault_lane_put_end(&way->lane, FAULT_HALF_CLOSE, now);
    } else if (errno != EAGAIN && errno != EINTR) {
        fault_lane_put_end(&way->lane, FAULT_RESET_END, now);
    }
}

void fault_pair_read(struct fault_pair *pair, const struct pollfd events[2], hf_instant now,
                     char *block)
{
    if (events[0].revents & ~POLLOUT) read_way(&pair->to_server, now, block);
    if (events[1].revents & ~POLLOUT) read_way(&pair->to_client, now, block);
}
