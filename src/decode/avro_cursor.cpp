// A hostile message can contain any number as a length. So each function compares a length with the number of
// remaining bytes before the function uses the length.
#include "decode/avro_cursor.h"

namespace heartbeat {

bool AvroCursor::fail(const char *found, const char *expected, DecodeErrorCode code) noexcept {
    fault_ = {code, found, expected, offset()};
    return false;
}

bool AvroCursor::fail_end() noexcept {
    return fail("an unexpected end", "more bytes");
}

bool AvroCursor::fail_depth() noexcept {
    static_assert(message_depth_max == 256);
    return fail("a value that is nested too deeply", "at most 256 levels");
}

bool AvroCursor::fail_skips() noexcept {
    return fail("too many values that are skipped", "fewer");
}

// Reads an integer of several bytes (a varint in zigzag encoding). Each byte contains 7 bits of the integer,
// the lowest bits first. The highest bit of a byte shows whether another byte follows. The lowest bit of the
// first byte is the sign.
bool AvroCursor::long_integer(int64_t *value) noexcept {
    constexpr unsigned last_shift = 63;
    uint64_t bits = 0;
    const char *at = at_;
    for (unsigned shift = 0;; shift += 7) {
        if (at == end_)
            return fail_end();
        const auto byte = static_cast<unsigned char>(*at++);
        if (shift == last_shift && byte > 1)
            return fail("a number of more than 64 bits", "at most 64 bits");
        bits |= uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80)
            break;
    }
    at_ = at;
    *value = static_cast<int64_t>(bits >> 1U) ^ -static_cast<int64_t>(bits & 1U);
    return true;
}

bool AvroCursor::text(std::string_view *text) noexcept {
    int64_t size = 0;
    if (!integer(&size))
        return false;
    if (size < 0)
        return fail("a negative length", "0 or more");
    if (static_cast<uint64_t>(size) > left())
        return fail("a length beyond the end", "more bytes, or a smaller length");
    return bytes(static_cast<size_t>(size), text);
}

bool AvroCursor::choice(uint32_t count, uint32_t *index) noexcept {
    int64_t number = 0;
    if (!integer(&number))
        return false;
    if (number < 0 || number >= count)
        return fail("an index that is not in the union or enum", "an index of the schema");
    *index = static_cast<uint32_t>(number);
    return true;
}

bool AvroCursor::open_block(AvroBlock *block) noexcept {
    int64_t count = 0, size = 0;
    if (!integer(&count))
        return false;
    *block = {count == 0, static_cast<uint64_t>(count), nullptr};
    if (count >= 0)
        return true;
    if (count == INT64_MIN)
        return fail("a block with too many elements", "fewer");
    block->count = static_cast<uint64_t>(-count);
    if (!integer(&size))
        return false;
    if (size < 0)
        return fail("a block with a negative size", "0 or more");
    if (static_cast<uint64_t>(size) > left())
        return fail("a block beyond the end", "more bytes, or a smaller block");
    block->end = at_ + size;
    return true;
}

bool AvroCursor::close_block(const AvroBlock &block) noexcept {
    return block.end == nullptr || block.end == at_ ||
           fail("a block whose size differs from the size of its elements", "the size of the elements");
}

bool AvroCursor::skip_block(AvroBlock *block) noexcept {
    if (at_ > block->end)
        return close_block(*block);
    at_ = block->end;
    block->count = 0;
    return true;
}

} // namespace heartbeat
