// Installs an allocator for jansson. All threads of the process use this allocator. During a parse, the
// allocator takes memory from the thread's arena. Outside a parse, the allocator calls the previous
// allocator. The previous allocator is malloc(), or an allocator of another library in the process.
#include "decode/json_arena.h"

#include <atomic>
#include <clocale>
#include <locale.h>
#include <mutex>
#include <new>

namespace heartbeat {

namespace {

std::atomic<json_malloc_t> outer_malloc;
std::atomic<json_free_t> outer_free;
std::mutex installing;

// jansson converts numbers with the C library, which takes the decimal point from the locale. The server can
// change the locale of the process for a moment at any time, but never sets the locale of a thread. So a
// parse sets the thread's locale to c_locale(). If there is no memory for the C locale, c_locale() returns 0,
// and the parse does not change the thread's locale.
locale_t c_locale() noexcept {
    static const locale_t locale = newlocale(LC_ALL_MASK, "C", nullptr);
    return locale;
}

} // namespace

constinit thread_local JsonArena *JsonArena::current_ = nullptr;

// heartbeat never removes its allocator, because a thread cannot find out whether another thread parses JSON
// at this moment. Another library can replace heartbeat's allocator at any time. The next call of install()
// then installs heartbeat's allocator again. After that, heartbeat's allocator calls the allocator of the
// other library outside a parse.
void JsonArena::install() noexcept {
    json_malloc_t present_malloc;
    json_free_t present_free;
    json_get_alloc_funcs(&present_malloc, &present_free);
    if (present_malloc == allocate)
        return;
    const std::lock_guard<std::mutex> lock(installing);
    json_get_alloc_funcs(&present_malloc, &present_free);
    if (present_malloc == allocate)
        return;
    outer_malloc = present_malloc;
    outer_free = present_free;
    json_set_alloc_funcs(allocate, release);
}

JsonArena::JsonArena() noexcept {
    // make the seed of jansson's hash tables before the first parse
    static const bool prepared = (json_object_seed(0), install(), c_locale(), true);
    (void)prepared;
    install();
}

JsonArena::~JsonArena() {
    while (blocks_ != nullptr) {
        Block *const next = blocks_->next;
        ::operator delete(blocks_);
        blocks_ = next;
    }
}

json_t *JsonArena::load(const char *text, size_t size, size_t flags, json_error_t *error,
                        bool *out_of_memory) noexcept {
    JsonArena *const arena_before = current_;
    const locale_t locale_before = uselocale(c_locale());
    current_ = this;
    json_t *const value = parse(text, size, flags, error, out_of_memory);
    current_ = arena_before;
    uselocale(locale_before);
    return value;
}

// longjmp skips destructors. So only two kinds of functions run between setjmp and longjmp: C functions of
// jansson, and functions of this class whose locals have no destructors.
json_t *JsonArena::parse(const char *text, size_t size, size_t flags, json_error_t *error,
                         bool *out_of_memory) noexcept {
    *out_of_memory = setjmp(exhausted_) != 0;
    return *out_of_memory ? nullptr : json_loadb(text, size, flags, error);
}

void *JsonArena::allocate(size_t size) {
    return current_ != nullptr ? current_->take(size) : outer_malloc.load()(size);
}

void JsonArena::release(void *memory) {
    if (current_ == nullptr)
        outer_free.load()(memory);
}

void *JsonArena::take(size_t size) {
    size = (size + alignment - 1) / alignment * alignment;
    if (size > available_)
        grow(size);
    char *const memory = unused_;
    unused_ += size;
    available_ -= size;
    return memory;
}

void JsonArena::grow(size_t size) {
    static_assert(sizeof(Block) <= alignment);
    block_size_ = block_size_ * 2 < size ? size : block_size_ * 2;
    char *const memory = static_cast<char *>(::operator new(alignment + block_size_, std::nothrow));
    if (memory == nullptr)
        std::longjmp(exhausted_, 1);
    blocks_ = new (memory) Block{blocks_};
    unused_ = memory + alignment;
    available_ = block_size_;
}

} // namespace heartbeat
