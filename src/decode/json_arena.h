// The memory of one parse of JSON. jansson does not handle a failed allocation correctly: it drops digits of
// a number, or ends the process with an assertion. So no allocation returns NULL to jansson: if there is no
// memory, longjmp leaves the parse. decode_json.cpp calls it.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <jansson.h>

namespace heartbeat {

// The destructor frees all memory of the parse, so the caller needs no json_decref(). The first bytes are
// inside the arena, and an ordinary reading needs no more. Each thread can have arenas, also several at a
// time. Threads share no arena: the process has one allocator for jansson, which uses the arena of the
// calling thread.
class JsonArena {
  public:
    JsonArena() noexcept;
    ~JsonArena();
    JsonArena(const JsonArena &) = delete;
    JsonArena &operator=(const JsonArena &) = delete;

    // The same as json_loadb(), but if there is no memory, it returns nullptr with *out_of_memory set. The
    // decimal point is always ".", in each locale of the process.
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

    static thread_local JsonArena *current_; // the arena of this thread's parse; nullptr: no parse

    Block *blocks_ = nullptr;
    size_t block_size_ = own_size;
    char *unused_ = own_;
    size_t available_ = own_size;
    std::jmp_buf exhausted_;
    alignas(alignment) char own_[own_size];
};

} // namespace heartbeat
