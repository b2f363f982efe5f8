#include "cache/codec.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <lz4.h>
#include <string.h>
#include <zstd.h>

enum {
    SLICES = 4,
    SLICE = 1024,
    SAMPLE = SLICES * SLICE,
    ZSTD_LEVEL = 1,
    LZ4_HASTE = 4,     /* A fifth quicker than 1, for a twelfth more bytes of long values. */
    LEAST_SAVING = 16, /* A sixteenth. */
    LZ4_PAYS = 4,      /* When it takes a quarter off the sample. */
    EVEN_AS_OF_128 = 128 /* Bytes no more uneven than 128 equally frequent ones. */
};

void hf_codecs_init(struct hf_codecs *codecs, const struct hf_allocator *a)
{
    *codecs = (struct hf_codecs){ .allocator = a };
}

void hf_codecs_deinit(struct hf_codecs *codecs)
{
    void *state;
    while ((state = hf_spares_take(&codecs->lz4))) hf_free(codecs->allocator, state);
    while ((state = hf_spares_take(&codecs->zstd_in))) ZSTD_freeCCtx(state);
    while ((state = hf_spares_take(&codecs->zstd_out))) ZSTD_freeDCtx(state);
}

/* 0 when it does not fit into room, or for want of memory. */
static size_t compress_lz4(struct hf_codecs *codecs, struct hf_bytes in, unsigned char *at,
                           size_t room)
{
    void *state = hf_spares_take(&codecs->lz4);
    if (!state) state = hf_alloc(codecs->allocator, (size_t)LZ4_sizeofState());
    if (!state) return 0;

    const int size = LZ4_compress_fast_extState(state, in.data, (char *)at, (int)in.size,
                                                (int)room, in.size > SAMPLE ? LZ4_HASTE : 1);
    if (!hf_spares_put(&codecs->lz4, state)) hf_free(codecs->allocator, state);
    return size > 0 ? (size_t)size : 0;
}

static size_t compress_zstd(struct hf_codecs *codecs, struct hf_bytes in, unsigned char *at,
                            size_t room)
{
    ZSTD_CCtx *state = hf_spares_take(&codecs->zstd_in);
    if (!state) state = ZSTD_createCCtx();
    if (!state) return 0;

    const size_t size = ZSTD_compressCCtx(state, at, room, in.data, in.size, ZSTD_LEVEL);
    if (!hf_spares_put(&codecs->zstd_in, state)) ZSTD_freeCCtx(state);
    return ZSTD_isError(size) ? 0 : size;
}

/* Whether some bytes are so much more frequent than others that a code for them pays. */
static bool is_uneven(struct hf_bytes bytes)
{
    const unsigned char *at = bytes.data;
    uint32_t             counts[256] = { 0 };
    uint64_t             squares = 0;
    for (size_t i = 0; i < bytes.size; i++) counts[at[i]]++;
    for (size_t i = 0; i < 256; i++) squares += (uint64_t)counts[i] * counts[i];
    return squares > (uint64_t)bytes.size * bytes.size / EVEN_AS_OF_128;
}

static struct hf_bytes take_sample(struct hf_bytes value, unsigned char sample[SAMPLE])
{
    const unsigned char *from = value.data;
    const size_t         step = (value.size - SLICE) / (SLICES - 1);
    for (size_t i = 0; i < SLICES; i++) memcpy(sample + i * SLICE, from + i * step, SLICE);
    return hf_bytes(sample, SAMPLE);
}

/* What a longer value is worth trying with. */
static enum hf_codec judge(struct hf_codecs *codecs, struct hf_bytes value)
{
    unsigned char         sample[SAMPLE], out[SAMPLE];
    const struct hf_bytes taken = take_sample(value, sample);
    if (compress_lz4(codecs, taken, out, SAMPLE - SAMPLE / LZ4_PAYS)) return HF_CODEC_LZ4;
    return is_uneven(taken) ? HF_CODEC_ZSTD : HF_CODEC_RAW;
}

enum hf_codec hf_codec_compress(struct hf_codecs *codecs, enum hf_compression how,
                                struct hf_bytes value, unsigned char *at, size_t *size)
{
    const size_t room = value.size - value.size / LEAST_SAVING - 1;
    if (how == HF_COMPRESSION_OFF || value.size < LEAST_SAVING) return HF_CODEC_RAW;
    if (value.size > LZ4_MAX_INPUT_SIZE) return HF_CODEC_RAW;

    enum hf_codec codec = HF_CODEC_LZ4;
    if (how == HF_COMPRESSION_ZSTD) codec = HF_CODEC_ZSTD;
    if (value.size > SAMPLE) {
        const enum hf_codec judged = judge(codecs, value);
        if (judged == HF_CODEC_RAW) return HF_CODEC_RAW;
        if (how == HF_COMPRESSION_AUTO) codec = judged;
    }

    size_t done = 0;
    if (codec == HF_CODEC_LZ4) done = compress_lz4(codecs, value, at, room);
    if (codec == HF_CODEC_ZSTD) done = compress_zstd(codecs, value, at, room);
    if (!done) return HF_CODEC_RAW;
    *size = done;
    return codec;
}

static hf_err expand_lz4(struct hf_bytes body, unsigned char *at, size_t raw_size)
{
    if (body.size > LZ4_MAX_INPUT_SIZE || raw_size > LZ4_MAX_INPUT_SIZE) return HF_E_INVALID;
    const int size = LZ4_decompress_safe(body.data, (char *)at, (int)body.size,
                                         (int)raw_size);
    return size >= 0 && (size_t)size == raw_size ? HF_OK : HF_E_INVALID;
}

static hf_err expand_zstd(struct hf_codecs *codecs, struct hf_bytes body, unsigned char *at,
                          size_t raw_size)
{
    ZSTD_DCtx *state = hf_spares_take(&codecs->zstd_out);
    if (!state) state = ZSTD_createDCtx();
    if (!state) return HF_E_NOMEM;

    const size_t size = ZSTD_decompressDCtx(state, at, raw_size, body.data, body.size);
    if (!hf_spares_put(&codecs->zstd_out, state)) ZSTD_freeDCtx(state);
    return !ZSTD_isError(size) && size == raw_size ? HF_OK : HF_E_INVALID;
}

hf_err hf_codec_expand(struct hf_codecs *codecs, enum hf_codec codec, struct hf_bytes body,
                       unsigned char *at, size_t raw_size)
{
    hf_assert(codec != HF_CODEC_RAW);
    return codec == HF_CODEC_LZ4 ? expand_lz4(body, at, raw_size)
                                 : expand_zstd(codecs, body, at, raw_size);
}
