// Divides blocks of memory into pieces. clear() keeps a few blocks for the next message.
#include "decode/text_store.h"

#include <new>

namespace heartbeat {

char *TextStore::room(size_t size) noexcept {
    if (block_ < blocks_.size() && used_ + size > block_size) {
        block_++;
        used_ = 0;
    }
    if (full())
        return nullptr;
    if (block_ == blocks_.size()) {
        try {
            blocks_.push_back(std::unique_ptr<char[]>(new char[block_size]));
        } catch (...) {
            return nullptr;
        }
    }
    return blocks_[block_].get() + used_;
}

void TextStore::clear() noexcept {
    if (blocks_.size() > blocks_kept)
        blocks_.resize(blocks_kept);
    block_ = 0;
    used_ = 0;
}

} // namespace heartbeat
