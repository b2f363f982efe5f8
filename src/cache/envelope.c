#include "cache/envelope.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/little_endian.h"

#include <string.h>

enum { VERSION = 1 };

enum offset {
    AT_VERSION = 3,
    AT_CODEC = 4,
    AT_FLAGS = 5,
    AT_TAGS_SIZE = 6,
    AT_CREATED = 8,
    AT_EXPIRES = 16,
    AT_RAW_SIZE = 24,
    AT_BODY_SIZE = 32,
    AT_KEY_HASH = 40,
    AT_BODY_CHECKSUM = 48,
    AT_CHECKSUM = 56,
};

enum flag {
    FLAG_SLIDING = 1,
    FLAG_ABSENT = 2,
    FLAG_LARGE = 4,
    FLAG_SEALED = 8,
    FLAG_METADATA = 16,
    FLAGS_KNOWN = FLAG_SLIDING | FLAG_ABSENT | FLAG_LARGE | FLAG_SEALED | FLAG_METADATA,
};

static const unsigned char magic[AT_VERSION] = { 0x9e, 'H', 'F' };

static uint64_t checksum(const void *data, size_t size)
{
    return hf_hash64(hf_bytes(data, size), 0);
}

static size_t content_size(const struct hf_envelope *e)
{
    return e->body.size - (e->is_sealed ? HF_ENVELOPE_SEAL_SIZE : 0);
}

static bool is_consistent(const struct hf_envelope *e)
{
    if (e->created_ms < 0 || e->expires_ms < e->created_ms) return false;
    if (e->is_sealed && e->body.size < HF_ENVELOPE_SEAL_SIZE) return false;

    const size_t size = content_size(e);
    if (e->is_absent && size) return false;
    return e->codec == HF_CODEC_RAW ? e->raw_size == size : e->raw_size > size;
}

void hf_envelope_head(const struct hf_envelope *e, unsigned char head[HF_ENVELOPE_HEAD_SIZE])
{
    memset(head, 0, HF_ENVELOPE_HEAD_SIZE);
    memcpy(head, magic, sizeof magic);
    head[AT_VERSION] = VERSION;
    head[AT_CODEC] = (unsigned char)e->codec;
    head[AT_FLAGS] = (unsigned char)((e->sliding ? FLAG_SLIDING : 0) |
                                     (e->is_absent ? FLAG_ABSENT : 0) |
                                     (e->is_large ? FLAG_LARGE : 0) |
                                     (e->is_sealed ? FLAG_SEALED : 0) |
                                     (e->has_metadata ? FLAG_METADATA : 0));
    hf_put_u16(head + AT_TAGS_SIZE, (uint16_t)e->tags.size);
    hf_put_u64(head + AT_CREATED, (uint64_t)e->created_ms);
    hf_put_u64(head + AT_EXPIRES, (uint64_t)e->expires_ms);
    hf_put_u64(head + AT_RAW_SIZE, e->raw_size);
}

void hf_envelope_encode(const struct hf_envelope *e, unsigned char header[HF_ENVELOPE_SIZE])
{
    hf_assert(is_consistent(e) && e->tags.size <= UINT16_MAX);

    hf_envelope_head(e, header);
    hf_put_u64(header + AT_BODY_SIZE, e->body.size);
    hf_put_u64(header + AT_KEY_HASH, e->key_hash);
    hf_put_u64(header + AT_BODY_CHECKSUM, checksum(e->body.data, e->body.size));
    hf_put_u64(header + AT_CHECKSUM, checksum(header, AT_CHECKSUM));
}

void hf_envelope_prolong(const unsigned char header[HF_ENVELOPE_SIZE], int64_t expires_ms,
                         unsigned char prolonged[HF_ENVELOPE_SIZE])
{
    hf_assert(!(header[AT_FLAGS] & FLAG_SEALED));
    const uint64_t created_ms = hf_take_u64(header + AT_CREATED);
    const uint64_t wanted = expires_ms < 0 ? 0 : (uint64_t)expires_ms;

    memcpy(prolonged, header, HF_ENVELOPE_SIZE);
    hf_put_u64(prolonged + AT_EXPIRES, wanted < created_ms ? created_ms : wanted);
    hf_put_u64(prolonged + AT_CHECKSUM, checksum(prolonged, AT_CHECKSUM));
}

bool hf_envelope_is_bindable(const struct hf_envelope *e, bool is_same_wire)
{
    return !e->is_sealed || (is_same_wire && e->tags.size == 0);
}

void hf_envelope_bind(unsigned char header[HF_ENVELOPE_SIZE], uint64_t key_hash)
{
    hf_put_u64(header + AT_KEY_HASH, key_hash);
    hf_put_u64(header + AT_CHECKSUM, checksum(header, AT_CHECKSUM));
}

static bool is_known(const unsigned char *header)
{
    return header[AT_CODEC] <= HF_CODEC_ZSTD && !(header[AT_FLAGS] & ~FLAGS_KNOWN);
}

enum hf_envelope_status hf_envelope_decode_header(struct hf_bytes bytes, uint64_t key_hash,
                                                  struct hf_envelope *e)
{
    const unsigned char *header = bytes.data;
    if (bytes.size <= AT_VERSION || memcmp(header, magic, sizeof magic) != 0) {
        return HF_ENVELOPE_FOREIGN;
    }
    if (header[AT_VERSION] != VERSION) return HF_ENVELOPE_OTHER_VERSION;
    if (bytes.size < HF_ENVELOPE_SIZE) return HF_ENVELOPE_TRUNCATED;
    if (hf_take_u64(header + AT_CHECKSUM) != checksum(header, AT_CHECKSUM)) {
        return HF_ENVELOPE_DAMAGED;
    }
    if (!is_known(header)) return HF_ENVELOPE_OTHER_VERSION;

    const struct hf_envelope read = {
        .codec = (enum hf_codec)header[AT_CODEC],
        .is_absent = header[AT_FLAGS] & FLAG_ABSENT,
        .is_large = header[AT_FLAGS] & FLAG_LARGE,
        .is_sealed = header[AT_FLAGS] & FLAG_SEALED,
        .has_metadata = header[AT_FLAGS] & FLAG_METADATA,
        .sliding = header[AT_FLAGS] & FLAG_SLIDING,
        .created_ms = (int64_t)hf_take_u64(header + AT_CREATED),
        .expires_ms = (int64_t)hf_take_u64(header + AT_EXPIRES),
        .raw_size = hf_take_u64(header + AT_RAW_SIZE),
        .key_hash = hf_take_u64(header + AT_KEY_HASH),
        .tags = hf_bytes(NULL, hf_take_u16(header + AT_TAGS_SIZE)),
        .body = hf_bytes(NULL, hf_take_u64(header + AT_BODY_SIZE)),
    };
    if (!is_consistent(&read)) return HF_ENVELOPE_DAMAGED;
    if (read.key_hash != key_hash) return HF_ENVELOPE_MISPLACED;
    *e = read;
    return HF_ENVELOPE_OK;
}

enum hf_envelope_status hf_envelope_decode(struct hf_bytes bytes, uint64_t key_hash,
                                           struct hf_envelope *e)
{
    struct hf_envelope            read;
    const enum hf_envelope_status status = hf_envelope_decode_header(bytes, key_hash, &read);
    if (status) return status;

    const unsigned char *header = bytes.data;
    const size_t         behind = bytes.size - HF_ENVELOPE_SIZE;
    if (behind < read.tags.size) return HF_ENVELOPE_TRUNCATED;
    if (behind - read.tags.size < read.body.size) return HF_ENVELOPE_TRUNCATED;
    if (behind - read.tags.size > read.body.size) return HF_ENVELOPE_DAMAGED;

    read.tags.data = header + HF_ENVELOPE_SIZE;
    read.body.data = header + HF_ENVELOPE_SIZE + read.tags.size;
    if (hf_take_u64(header + AT_BODY_CHECKSUM) != checksum(read.body.data, read.body.size)) {
        return HF_ENVELOPE_DAMAGED;
    }
    *e = read;
    return HF_ENVELOPE_OK;
}
