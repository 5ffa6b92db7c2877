// The memory of one parse of JSON. After a failed allocation, jansson drops digits of a number, or ends the
// process with an assertion. So heartbeat's allocator never returns NULL to jansson. If no memory is left,
// the allocator ends the parse with longjmp. decode_json.cpp and json_tree.cpp use this class.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <jansson.h>

namespace heartbeat {

// The destructor frees all memory of the parse, so the caller needs no json_decref(). The arena object
// contains enough memory for an ordinary reading. A thread can have several arenas at the same time. Threads
// never share an arena, because heartbeat's allocator always uses the arena of the calling thread.
class JsonArena {
  public:
    JsonArena() noexcept;
    ~JsonArena();
    JsonArena(const JsonArena &) = delete;
    JsonArena &operator=(const JsonArena &) = delete;

    // Does the same as jansson's json_loadb(), with two differences. If no memory is left, load() returns
    // nullptr and sets *out_of_memory. The decimal point is always ".", in every locale of the process.
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
