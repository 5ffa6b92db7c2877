// First finds the types that have a fixed size and contain no other types. Then finds the records with a
// fixed size. A record has a fixed size if all its fields have a fixed size. So a record that contains itself
// has no fixed size.
#include "decode/avro_sizes.h"

namespace heartbeat {

namespace {

using Sizes = std::vector<std::optional<uint32_t>>;

std::optional<uint32_t> own_size(const AvroType &type) {
    switch (type.kind) {
    case AvroKind::null:
        return 0;
    case AvroKind::boolean:
        return 1;
    case AvroKind::float_real:
        return 4;
    case AvroKind::double_real:
        return 8;
    case AvroKind::fixed:
        return type.size;
    case AvroKind::record:
        return type.members.empty() ? std::optional<uint32_t>(0) : std::nullopt;
    default:
        return std::nullopt;
    }
}

} // namespace

std::vector<std::optional<uint32_t>> avro_fixed_sizes(const AvroSchema &schema) {
    const auto count = static_cast<uint32_t>(schema.types.size());
    Sizes sizes(count);
    std::vector<uint32_t> sums(count), open_fields(count), ready;
    std::vector<std::vector<uint32_t>> records(count); // for each type: the records with a field of this type
    for (uint32_t index = 0; index < count; index++) {
        const AvroType &type = schema.types[index];
        if (sizes[index] = own_size(type); sizes[index])
            ready.push_back(index);
        if (type.kind != AvroKind::record)
            continue;
        open_fields[index] = static_cast<uint32_t>(type.members.size());
        for (const AvroMember &member : type.members)
            records[member.type].push_back(index);
    }
    while (!ready.empty()) {
        const uint32_t index = ready.back();
        ready.pop_back();
        for (const uint32_t record : records[index]) {
            sums[record] = avro_add_sizes(sums[record], *sizes[index]);
            if (--open_fields[record] > 0)
                continue;
            sizes[record] = sums[record];
            ready.push_back(record);
        }
    }
    return sizes;
}

} // namespace heartbeat
