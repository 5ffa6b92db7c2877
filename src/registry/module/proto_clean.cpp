// libprotobuf has no time limit, and its time and memory can grow with the square of the text's size. For
// example, libprotobuf compares each reserved range with all other ranges, and stores the full name of each
// element. libprotobuf also calls itself for each part of a package's name. So this file limits the number of
// ranges and the size of the names.
#include "registry/module/proto_clean.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace heartbeat {

namespace {

namespace pb = google::protobuf;

constexpr size_t name_size_max = 512;
constexpr int ranges_max = 1000;              // the limit for a message or an enum
constexpr uint64_t names_size_max = 64 << 20; // the limit for the full names of all elements

// The sum of the sizes of all full names. `prefix` is the size of the name of the enclosing element.
class Names {
  public:
    void add(uint64_t prefix, const std::string &name) {
        too_long_ = too_long_ || name.size() > name_size_max;
        total_ += prefix + 1 + name.size();
    }
    const char *mistake() const {
        if (too_long_)
            return "a name has more than 512 characters";
        return total_ > names_size_max ? "it has too many elements with long names" : nullptr;
    }

  private:
    uint64_t total_ = 0;
    bool too_long_ = false;
};

bool has_any_name(const std::string &name, std::initializer_list<const char *> names) {
    return std::any_of(names.begin(), names.end(), [&](const char *one) { return name == one; });
}

bool has_extension(const pb::UninterpretedOption &option) {
    return option.aggregate_value().find('[') != std::string::npos;
}

// Keeps only the options that change the encoding, and the options that libprotobuf needs to accept a correct
// file. Looks only at uninterpreted options. The parser makes all options uninterpreted options, but
// proto_set_maps() has already interpreted map_entry. An option whose value is an object can be deeply
// nested, so the function removes it. `features` without extensions has no nested objects, so the function
// keeps it.
template <typename Options> void clean_options(Options *options) {
    auto *all = options->mutable_uninterpreted_option();
    for (int i = all->size() - 1; i >= 0; i--) {
        const pb::UninterpretedOption &option = all->Get(i);
        const bool is_own = option.name_size() >= 1 && !option.name(0).is_extension();
        const bool kept =
            is_own && (option.has_aggregate_value()
                           ? option.name(0).name_part() == "features" && !has_extension(option)
                           : has_any_name(option.name(0).name_part(),
                                          {"packed", "allow_alias", "message_set_wire_format", "features"}));
        if (!kept)
            all->DeleteSubrange(i, 1);
    }
}

const char *clean_enum(pb::EnumDescriptorProto *type, uint64_t prefix, Names *names) {
    names->add(prefix, type->name());
    if (type->reserved_range_size() > ranges_max)
        return "an enum has more than 1000 reserved ranges";
    if (type->has_options())
        clean_options(type->mutable_options());
    for (pb::EnumValueDescriptorProto &value : *type->mutable_value()) {
        names->add(prefix, value.name());
        value.clear_options();
    }
    return nullptr;
}

// This function calls itself for each nested message. proto_scan() limits the depth of a text, and
// libprotobuf limits the depth of a file in base64.
const char *clean_message(pb::DescriptorProto *type, uint64_t prefix, Names *names) {
    names->add(prefix, type->name());
    uint64_t inner = prefix + 1 + type->name().size();
    if (type->reserved_range_size() + type->extension_range_size() > ranges_max)
        return "a message has more than 1000 reserved ranges";
    if (type->has_options())
        clean_options(type->mutable_options());
    type->clear_extension();
    for (pb::DescriptorProto_ExtensionRange &range : *type->mutable_extension_range())
        range.clear_options();
    for (pb::FieldDescriptorProto &field : *type->mutable_field()) {
        names->add(inner, field.name());
        if (field.has_options())
            clean_options(field.mutable_options());
    }
    for (pb::OneofDescriptorProto &oneof : *type->mutable_oneof_decl()) {
        names->add(inner, oneof.name());
        oneof.clear_options();
    }
    const char *mistake = nullptr;
    for (pb::EnumDescriptorProto &nested : *type->mutable_enum_type())
        mistake = mistake == nullptr ? clean_enum(&nested, inner, names) : mistake;
    for (pb::DescriptorProto &nested : *type->mutable_nested_type())
        mistake = mistake == nullptr ? clean_message(&nested, inner, names) : mistake;
    return mistake;
}

bool is_below(const std::string &package, const std::string &parent) {
    return package.compare(0, parent.size(), parent) == 0 &&
           (package.size() == parent.size() || package[parent.size()] == '.');
}

} // namespace

const char *proto_clean(pb::FileDescriptorProto *file) {
    if (file->package().size() > name_size_max)
        return "the name of its package has more than 512 characters";
    // if a file had the package google.protobuf, libprotobuf would use the file's types instead of its own
    // types
    if (is_below(file->package(), "google.protobuf"))
        return "its package is google.protobuf, which only the files of Protobuf itself may have";
    file->clear_service();
    file->clear_extension();
    file->clear_source_code_info();
    if (file->has_options())
        clean_options(file->mutable_options());
    Names names;
    const char *mistake = nullptr;
    for (pb::EnumDescriptorProto &type : *file->mutable_enum_type())
        mistake = mistake == nullptr ? clean_enum(&type, file->package().size(), &names) : mistake;
    for (pb::DescriptorProto &type : *file->mutable_message_type())
        mistake = mistake == nullptr ? clean_message(&type, file->package().size(), &names) : mistake;
    return mistake == nullptr ? names.mistake() : mistake;
}

} // namespace heartbeat
