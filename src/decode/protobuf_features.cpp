// Reads google.protobuf.FeatureSet from the options of a descriptor.
#include "decode/protobuf_features.h"

#include "decode/protobuf_wire.h"

namespace heartbeat {

namespace {

void change(uint32_t feature, uint64_t value, ProtobufFeatures *features) {
    constexpr uint32_t field_presence = 1, enum_type = 2, message_encoding = 5;
    constexpr uint64_t implicit = 2, closed = 2, delimited = 2;
    switch (feature) {
    case field_presence:
        features->has_presence = value != implicit;
        break;
    case enum_type:
        features->closed_enums = value == closed;
        break;
    case message_encoding:
        features->are_delimited = value == delimited;
        break;
    default:
        break;
    }
}

} // namespace

ProtobufFeatures protobuf_features_of_file(std::string_view syntax, uint64_t edition) noexcept {
    constexpr uint64_t edition_proto2 = 998, edition_proto3 = 999;
    if (syntax == "proto3" || edition == edition_proto3)
        return {false, false, false, false};
    if (syntax == "editions" || edition > edition_proto3)
        return {};
    return {true, true, false, edition != 0 && edition != edition_proto2};
}

bool protobuf_features_change(std::string_view options, uint32_t number,
                              ProtobufFeatures *features) noexcept {
    uint64_t group_bytes = 0;
    WireCursor cursor(options, &group_bytes);
    WireField option;
    while (!cursor.at_end()) {
        if (!cursor.next(&option))
            return false;
        if (option.number != number || option.type != WireType::bytes || !features->has_editions)
            continue;
        WireCursor set(option.bytes, &group_bytes);
        WireField feature;
        while (!set.at_end()) {
            if (!set.next(&feature))
                return false;
            if (feature.type == WireType::varint)
                change(feature.number, feature.value, features);
        }
    }
    return true;
}

} // namespace heartbeat
