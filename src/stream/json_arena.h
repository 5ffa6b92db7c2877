// Stream half: the memory that one parse of JSON lives in. jansson does not survive a failed allocation: it
// drops digits of a number or stops the process on an assertion, depending on which one fails. So here none
// fails; the parse is left instead.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <jansson.h>

namespace heartbeat {

// While it exists, jansson allocates from it; everything it gave out ends with it, json_decref() is not
// needed. The first bytes are its own, which is all that an ordinary reading takes. jansson's allocator
// belongs to the process, so there may be one arena at a time.
class JsonArena {
  public:
    JsonArena() noexcept {
        json_get_alloc_funcs(&outer_malloc_, &outer_free_);
        current_ = this;
        json_set_alloc_funcs(allocate, release);
    }
    ~JsonArena() {
        json_set_alloc_funcs(outer_malloc_, outer_free_);
        while (blocks_ != nullptr) {
            Block *const next = blocks_->next;
            outer_free_(blocks_);
            blocks_ = next;
        }
    }
    JsonArena(const JsonArena &) = delete;
    JsonArena &operator=(const JsonArena &) = delete;

    // json_loadb(), except that it also returns nullptr, with *out_of_memory set, where memory runs out.
    json_t *load(const char *text, size_t size, size_t flags, json_error_t *error,
                 bool *out_of_memory) noexcept {
        // Only jansson's C frames lie between setjmp and longjmp: there is no destructor to skip.
        *out_of_memory = setjmp(exhausted_) != 0;
        return *out_of_memory ? nullptr : json_loadb(text, size, flags, error);
    }

  private:
    struct Block {
        Block *next;
    };
    static constexpr size_t alignment = alignof(std::max_align_t);
    static constexpr size_t own_size = 4096;

    static void *allocate(size_t size) {
        JsonArena *const arena = current_;
        size = (size + alignment - 1) / alignment * alignment;
        if (size > arena->available_)
            arena->grow(size);
        char *const memory = arena->unused_;
        arena->unused_ += size;
        arena->available_ -= size;
        return memory;
    }

    static void release(void * /*memory*/) {}

    void grow(size_t size) {
        static_assert(sizeof(Block) <= alignment);
        block_size_ = block_size_ * 2 < size ? size : block_size_ * 2;
        char *const memory = static_cast<char *>(outer_malloc_(alignment + block_size_));
        if (memory == nullptr)
            std::longjmp(exhausted_, 1);
        blocks_ = new (memory) Block{blocks_};
        unused_ = memory + alignment;
        available_ = block_size_;
    }

    inline static JsonArena *current_ = nullptr;

    json_malloc_t outer_malloc_ = nullptr;
    json_free_t outer_free_ = nullptr;
    Block *blocks_ = nullptr;
    size_t block_size_ = own_size;
    char *unused_ = own_;
    size_t available_ = own_size;
    std::jmp_buf exhausted_;
    alignas(alignment) char own_[own_size];
};

} // namespace heartbeat
