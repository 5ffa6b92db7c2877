// Reads the frame of Confluent. The first byte of the frame is 0. The next 4 bytes are the schema's id in
// network order.
#include "decode/confluent_frame.h"

namespace heartbeat {

namespace {

constexpr size_t frame_size = 5;
constexpr char expected[] = "expected the byte 0 and the id of a schema in 4 bytes";

} // namespace

bool confluent_frame_read(std::string_view bytes, const char *what, DecodeErrorCode code,
                          ConfluentFrame *frame, DecodeError *error) noexcept {
    const auto byte = [=](size_t i) { return uint32_t{static_cast<unsigned char>(bytes[i])}; };
    // Check the first byte before the size. If the first byte is wrong, the message has no frame, and an
    // error text about the size of a frame would mislead a person.
    if (!bytes.empty() && byte(0) != 0)
        return decode_fail(error, code, "%s begins with the byte 0x%02x and has no frame of Confluent; %s",
                           what, byte(0), expected);
    if (bytes.size() < frame_size)
        return decode_fail(error, code, "%s has %zu bytes, too few for the frame of Confluent; %s", what,
                           bytes.size(), expected);
    const uint32_t id = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
    if (id > INT32_MAX)
        return decode_fail(error, code, "%s has a frame of Confluent with a negative schema id; %s", what,
                           expected);
    frame->schema_id = static_cast<int32_t>(id);
    frame->body = bytes.substr(frame_size);
    return true;
}

} // namespace heartbeat
