/* reply_builder.h - puts one reply tree together, child by child.
 *
 *     hf_reply_builder_begin(b, room);           a tree, with memory for a short reply
 *     hf_reply_builder_text(b, ...) -> node      values, each pushed when its turn comes
 *     hf_reply_builder_push(b, node)
 *     hf_reply_builder_gather(b, first) -> node  an aggregate takes its pushed children
 *     hf_reply_builder_finish(b, node)           the root: the tree is whole
 *
 * A large string is received into a block of its own, which grows with what arrived and then
 * becomes part of the tree without being copied.
 *
 * Threads:  none; the owner serialises.
 * Memory:   an idle builder holds at most HF_REPLY_BUILDER_IDLE_MAX bytes. Nodes belong to
 *           the tree under way; hf_reply_builder_drop() frees it.
 * Errors:   HF_E_NOMEM; the builder is then as it was before the call. */

#ifndef HF_NET_REPLY_BUILDER_H
#define HF_NET_REPLY_BUILDER_H

#include "net/reply.h"

enum { HF_REPLY_BUILDER_IDLE_MAX = 1024 };

struct hf_reply_builder {
    const struct hf_allocator *allocator;
    struct hf_reply_tree      *tree;       /* NULL between replies. */
    char                      *front;      /* Free memory of the latest block: children are */
    char                      *back;       /* taken from its front, text from its back. */
    size_t                     block_size; /* Of the latest block. */
    struct hf_reply           *stack;      /* Values whose aggregate is not complete. */
    uint32_t                   count;
    uint32_t                   capacity;
    struct hf_reply_block     *open; /* A large string under way, or NULL. */
    size_t                     open_size;
    size_t                     open_capacity;
};

void hf_reply_builder_init(struct hf_reply_builder *b, const struct hf_allocator *a);
void hf_reply_builder_deinit(struct hf_reply_builder *b);

/* Starts a tree with room for this many bytes of children and text. */
HF_NODISCARD hf_err hf_reply_builder_begin(struct hf_reply_builder *b, size_t room);

/* Copies text into the tree. */
HF_NODISCARD hf_err hf_reply_builder_text(struct hf_reply_builder *b, enum hf_reply_type type,
                                          const char *text, size_t size,
                                          struct hf_reply *node);

/* Makes room at the end of the large string under way for at least one byte and as a rule
 * far more, but for no more than size; starts a string when there is none. */
HF_NODISCARD hf_err hf_reply_builder_open_room(struct hf_reply_builder *b, size_t size,
                                               char **data, size_t *room);

/* Takes size bytes that were written there in; a negative number takes the last ones off. */
void hf_reply_builder_open_extend(struct hf_reply_builder *b, size_t size);

/* Makes the large string under way a text of the tree. */
HF_NODISCARD hf_err hf_reply_builder_open_close(struct hf_reply_builder *b,
                                                enum hf_reply_type       type,
                                                struct hf_reply         *node);

/* Holds a value for the aggregate that is under way. */
HF_NODISCARD hf_err hf_reply_builder_push(struct hf_reply_builder *b, struct hf_reply node);

/* Makes the values from number first of the stack on the children of an aggregate. */
HF_NODISCARD hf_err hf_reply_builder_gather(struct hf_reply_builder *b, uint32_t first,
                                            enum hf_reply_type type, struct hf_reply *node);

/* Gives the whole tree out. Cannot fail. */
struct hf_reply *hf_reply_builder_finish(struct hf_reply_builder *b, struct hf_reply root);

/* Frees what was built since begin. */
void hf_reply_builder_drop(struct hf_reply_builder *b);

#endif
