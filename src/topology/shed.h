/* shed.h - lets a forked child give up the memory it shares with its parent.
 *
 * A child that lives long and never executes another program would keep a copy of every page
 * that its parent changes later: up to as much memory again as the parent has.
 *
 * Threads:  the only one of a process fresh from fork(). System calls only.
 * Memory:   afterwards every large private mapping reads as zeros, malloc's heap included;
 *           what stays is the caller's stack, thread-local and static variables, and code.
 *           Does nothing under the sanitizers, whose own state lives in such mappings.
 * Errors:   none; what cannot be given up stays. */

#ifndef HF_TOPOLOGY_SHED_H
#define HF_TOPOLOGY_SHED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HF_SHEDS_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                   \
    __has_feature(memory_sanitizer)
#define HF_SHEDS_MEMORY 0
#endif
#endif
#ifndef HF_SHEDS_MEMORY
#define HF_SHEDS_MEMORY 1
#endif

void hf_shed_memory(void);

#endif
