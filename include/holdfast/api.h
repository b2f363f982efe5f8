/* api.h - the few attributes that every public header needs. */

#ifndef HOLDFAST_API_H
#define HOLDFAST_API_H

#ifdef __cplusplus
#define HF_BEGIN_DECLS extern "C" {
#define HF_END_DECLS   }
#else
#define HF_BEGIN_DECLS
#define HF_END_DECLS
#endif

/* Everything else in the library is hidden. */
#define HF_API                        __attribute__((visibility("default")))

/* The result must be looked at. */
#define HF_NODISCARD                  __attribute__((warn_unused_result))

#define HF_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

#endif
