// Reads the fields of Protobuf's binary encoding one after the other, but never reads beyond the last byte.
// The readers of messages and of descriptors call these functions. This file does not use schemas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heartbeat {

enum class WireType : uint8_t { varint = 0, fixed64 = 1, bytes = 2, group = 3, group_end = 4, fixed32 = 5 };

// One encoded field. For a varint or a field of fixed size, `value` is the number, and `bytes` are the
// encoded number. For WireType::bytes and WireType::group, `bytes` are the content.
struct WireField {
    uint32_t number;
    WireType type;
    uint64_t value = 0; // not set for bytes and groups
    std::string_view bytes;
};

inline constexpr uint32_t protobuf_number_max = (uint32_t{1} << 29) - 1;

class WireCursor {
  public:
    // A message does not contain the length of a group, so the cursor must read a group up to its end. If a
    // group is inside other groups, the cursor reads the inner group once for each level. *group_bytes counts
    // the bytes of groups. A limit for this number keeps nested groups from needing too much time.
    WireCursor(std::string_view bytes, uint64_t *group_bytes)
        : at_(bytes.data()), end_(bytes.data() + bytes.size()), group_bytes_(group_bytes) {}

    bool at_end() const { return at_ == end_; }
    const char *at() const { return at_; }
    const char *fault() const { return fault_; } // the reason why next() has failed; at() is the place

    bool next(WireField *field) {
        uint64_t tag = 0;
        if (!varint(&tag))
            return false;
        field->number = static_cast<uint32_t>(tag >> 3U);
        field->type = static_cast<WireType>(tag & 7U);
        if (tag > UINT32_MAX || field->number == 0)
            return fail("a field number is not from 1 to 536870911");
        const char *const start = at_;
        switch (field->type) {
        case WireType::varint:
            if (!varint(&field->value))
                return false;
            break;
        case WireType::fixed64:
            if (!fixed(8, &field->value))
                return false;
            break;
        case WireType::fixed32:
            if (!fixed(4, &field->value))
                return false;
            break;
        case WireType::bytes:
            return bytes(&field->bytes);
        default:
            return group(*field, &field->bytes);
        }
        field->bytes = {start, static_cast<size_t>(at_ - start)};
        return true;
    }

    bool varint(uint64_t *value) {
        if (at_ != end_ && static_cast<signed char>(*at_) >= 0) {
            *value = static_cast<unsigned char>(*at_++);
            return true;
        }
        return long_varint(value);
    }

    bool fixed(unsigned size, uint64_t *value) {
        if (end_ - at_ < static_cast<ptrdiff_t>(size))
            return fail("a number of fixed size has too few bytes");
        *value = 0;
        for (unsigned i = 0; i < size; ++i)
            *value |= uint64_t{static_cast<unsigned char>(at_[i])} << (8 * i);
        at_ += size;
        return true;
    }

    bool bytes(std::string_view *value) {
        uint64_t size = 0;
        if (!varint(&size))
            return false;
        if (size > static_cast<uint64_t>(end_ - at_))
            return fail("a length is greater than the number of bytes that follow");
        *value = {at_, static_cast<size_t>(size)};
        at_ += size;
        return true;
    }

  private:
    bool fail(const char *fault) {
        fault_ = fault;
        return false;
    }
    bool long_varint(uint64_t *value);
    bool group(const WireField &start, std::string_view *body);

    const char *at_;
    const char *const end_;
    uint64_t *const group_bytes_;
    const char *fault_ = nullptr;
};

} // namespace heartbeat
