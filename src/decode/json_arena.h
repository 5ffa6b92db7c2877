// The memory that one parse of JSON lives in. jansson does not survive a failed allocation: it
// drops digits of a number or stops the process on an assertion, depending on which one fails. So here none
// fails; the parse is left instead.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <jansson.h>

namespace heartbeat {

// What one parse allocates ends with its arena; json_decref() is not needed. The first bytes are the arena's
// own, which is all that an ordinary reading takes. Each thread can have arenas of its own, also one while
// another one exists. Two threads share nothing: jansson's allocator belongs to the process, but looks at
// the thread's arena.
class JsonArena {
  public:
    JsonArena() noexcept;
    ~JsonArena();
    JsonArena(const JsonArena &) = delete;
    JsonArena &operator=(const JsonArena &) = delete;

    // json_loadb(), except that it also returns nullptr, with *out_of_memory set, where memory runs out. The
    // decimal point is a point, whatever locale the process has or is about to get.
    json_t *load(const char *text, size_t size, size_t flags, json_error_t *error,
                 bool *out_of_memory) noexcept;

  private:
    struct Block {
        Block *next;
    };
    static constexpr size_t alignment = alignof(std::max_align_t);
    static constexpr size_t own_size = 4096;

    static void install() noexcept;
    static void *allocate(size_t size);
    static void release(void *memory);
    json_t *parse(const char *text, size_t size, size_t flags, json_error_t *error,
                  bool *out_of_memory) noexcept;
    void *take(size_t size);
    void grow(size_t size);

    static thread_local JsonArena *current_; // of the parse that this thread is in; nullptr: it is in none

    Block *blocks_ = nullptr;
    size_t block_size_ = own_size;
    char *unused_ = own_;
    size_t available_ = own_size;
    std::jmp_buf exhausted_;
    alignas(alignment) char own_[own_size];
};

} // namespace heartbeat
