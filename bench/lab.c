#include "lab.h"

#include "die.h"
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 40 };

void lab_open(struct lab *lab, hf_duration slice, bool tiny)
{
    *lab = (struct lab){ .slice = slice, .tiny = tiny };
    server_start(&lab->server);
}

void lab_close(struct lab *lab)
{
    for (size_t i = 0; i < lab->dataset_count; i++) {
        free(lab->datasets[i].keys);
        free(lab->datasets[i].memory);
    }
    server_stop(&lab->server);
}

static size_t keys_for(size_t value_size)
{
    if (value_size < MEGABYTE_VALUE) return 10000;
    return value_size < HUGE_VALUE ? 16 : 2;
}

/* Letters only, so that a value is easy to look at and does not compress to nothing. */
static void fill(char *data, size_t size)
{
    unsigned state = 12345;
    for (size_t i = 0; i < size; i++) {
        state = state * 1103515245u + 12345u;
        data[i] = (char)('a' + (state >> 16) % 26);
    }
}

/* Small values go out by the hundred, or filling the server would take most of a test. */
static void dataset_write(const struct dataset *data, const struct server *server)
{
    const size_t  stride = data->value.size < MEGABYTE_VALUE ? 100 : 1;
    redisContext *redis = redis_connect(&server->unix_address);
    for (size_t i = 0; i < data->count; i += stride) {
        for (size_t j = 0; j < stride; j++)
            redis_send_set(redis, data->keys[i + j], data->value);
        for (size_t j = 0; j < stride; j++) {
            if (!redis_receive_ok(redis)) die("the server refuses values");
        }
    }
    redisFree(redis);
}

const struct dataset *lab_dataset(struct lab *lab, size_t value_size)
{
    for (size_t i = 0; i < lab->dataset_count; i++) {
        if (lab->datasets[i].value.size == value_size) return &lab->datasets[i];
    }
    if (lab->dataset_count == DATASETS_MAX) die("more value sizes than DATASETS_MAX");

    struct dataset *data = &lab->datasets[lab->dataset_count];
    data->count = keys_for(value_size);
    data->keys = calloc(data->count, sizeof *data->keys);
    data->memory = malloc(value_size + data->count * KEY_MAX);
    if (!data->keys || !data->memory) die("out of memory");

    fill(data->memory, value_size);
    data->value = hf_bytes(data->memory, value_size);
    for (size_t i = 0; i < data->count; i++) {
        char     *key = data->memory + value_size + i * KEY_MAX;
        const int size = snprintf(key, KEY_MAX, "bench:%zu:%012zu", value_size, i);
        data->keys[i] = hf_bytes(key, (size_t)size);
    }
    dataset_write(data, &lab->server);
    lab->dataset_count++;
    return data;
}
