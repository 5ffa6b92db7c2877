// Decodes base64, and lets libprotobuf parse the bytes. libprotobuf's parser of bytes limits the depth of
// nesting, unlike its parser of .proto texts. So this file need not check the depth.
#include "registry/module/proto_encoded.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace heartbeat {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string_view without_padding(std::string_view schema) {
    for (int i = 0; i < 2 && !schema.empty() && schema.back() == '='; i++)
        schema.remove_suffix(1);
    return schema;
}

} // namespace

bool proto_is_encoded(std::string_view schema) noexcept {
    const std::string_view digits = without_padding(schema);
    return !digits.empty() && schema.size() % 4 == 0 && std::all_of(digits.begin(), digits.end(), [](char c) {
        return alphabet.find(c) != std::string_view::npos;
    });
}

bool proto_decode(std::string_view schema, google::protobuf::FileDescriptorProto *file) {
    std::string bytes;
    uint32_t bits = 0;
    int count = 0;
    for (char c : without_padding(schema)) {
        bits = bits << 6 | static_cast<uint32_t>(alphabet.find(c));
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(bits >> count & 0xff);
        }
    }
    return file->ParseFromString(bytes);
}

} // namespace heartbeat
