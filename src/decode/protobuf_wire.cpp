// The rare parts of Protobuf's binary encoding: long varints and groups.
#include "decode/protobuf_wire.h"

#include "decode/mapping_limits.h"

namespace heartbeat {

bool WireCursor::long_varint(uint64_t *value) {
    constexpr unsigned varint_bytes_max = 10;
    *value = 0;
    for (unsigned i = 0; i < varint_bytes_max; ++i) {
        if (at_ + i == end_)
            return fail("the bytes end in the middle of a varint");
        const auto byte = static_cast<unsigned char>(at_[i]);
        *value |= uint64_t{byte & 0x7FU} << (7 * i); // in the tenth byte, only the lowest bit counts
        if (byte < 0x80) {
            at_ += i + 1;
            return true;
        }
    }
    return fail("a varint has more than 10 bytes");
}

// Reads to the end of the group without recursion. `numbers` has the field numbers of the groups that are
// still open.
bool WireCursor::group(const WireField &start, std::string_view *body) {
    if (start.type == WireType::group_end)
        return fail("the end of a group without its beginning");
    if (start.type != WireType::group)
        return fail("a field has an unknown wire type");
    uint32_t numbers[message_depth_max];
    uint32_t depth = 1;
    numbers[0] = start.number;
    const char *const begin = at_;
    while (at_ != end_) {
        const char *const last = at_;
        uint64_t tag = 0, number = 0;
        std::string_view skipped;
        if (!varint(&tag))
            return false;
        if (tag > UINT32_MAX || tag >> 3U == 0)
            return fail("a field number is not from 1 to 536870911");
        bool is_read = true;
        switch (static_cast<WireType>(tag & 7U)) {
        case WireType::varint:
            is_read = varint(&number);
            break;
        case WireType::fixed64:
            is_read = fixed(8, &number);
            break;
        case WireType::fixed32:
            is_read = fixed(4, &number);
            break;
        case WireType::bytes:
            is_read = bytes(&skipped);
            break;
        case WireType::group:
            if (depth == message_depth_max)
                return fail("groups are nested too deeply");
            numbers[depth++] = static_cast<uint32_t>(tag >> 3U);
            break;
        case WireType::group_end:
            if (numbers[depth - 1] != tag >> 3U)
                return fail("a group ends with the number of another field");
            if (--depth > 0)
                break;
            *body = {begin, static_cast<size_t>(last - begin)};
            *group_bytes_ += body->size();
            return *group_bytes_ <= protobuf_group_bytes_max || fail("groups are nested too deeply");
        default:
            return fail("a field has an unknown wire type");
        }
        if (!is_read)
            return false;
    }
    return fail("the bytes end in the middle of a group");
}

} // namespace heartbeat
