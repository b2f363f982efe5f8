/* little_endian.h - numbers as they are stored, the lowest byte first.
 *
 * Threads:  any; pure. */

#ifndef HF_CORE_LITTLE_ENDIAN_H
#define HF_CORE_LITTLE_ENDIAN_H

#include <stdint.h>

static inline void hf_put_u64(unsigned char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static inline uint64_t hf_take_u64(const unsigned char *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static inline void hf_put_u32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static inline uint32_t hf_take_u32(const unsigned char *at)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value |= (uint32_t)at[i] << (8 * i);
    return value;
}

static inline void hf_put_u16(unsigned char *at, uint16_t value)
{
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
}

static inline uint16_t hf_take_u16(const unsigned char *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

#endif
