// Sets map_entry in the map entries that the text of a schema contains. libprotobuf's parser stores map_entry
// there only as an uninterpreted option. The parser sets map_entry only in the map entries that it adds
// itself.
#include "registry/module/proto_maps.h"

#include <algorithm>

namespace heartbeat {

namespace {

namespace pb = google::protobuf;

bool is_entry(const pb::DescriptorProto &type) {
    return type.options().map_entry();
}

bool declares_entry(const pb::DescriptorProto &type) {
    const auto &all = type.options().uninterpreted_option();
    return std::any_of(all.begin(), all.end(), [](const pb::UninterpretedOption &option) {
        return option.name_size() == 1 && !option.name(0).is_extension() &&
               option.name(0).name_part() == "map_entry" && option.identifier_value() == "true";
    });
}

// This function calls itself for each nested message. proto_scan() limits the depth of a text.
void set_maps(pb::DescriptorProto *type) {
    auto *nested = type->mutable_nested_type();
    // A Kafka message contains the index of its type among the nested types. This index counts only the types
    // in the text of the schema. So move the parser's own map entries behind these types.
    std::stable_partition(nested->pointer_begin(), nested->pointer_end(),
                          [](const pb::DescriptorProto *one) { return !is_entry(*one); });
    for (pb::DescriptorProto &one : *nested) {
        if (declares_entry(one))
            one.mutable_options()->set_map_entry(true);
        set_maps(&one);
    }
}

} // namespace

void proto_set_maps(pb::FileDescriptorProto *file) {
    for (pb::DescriptorProto &type : *file->mutable_message_type())
        set_maps(&type);
}

} // namespace heartbeat
