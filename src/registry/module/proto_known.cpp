// Protobuf's own .proto files come from the pool of libprotobuf. The texts of Confluent's files and of the
// files of google/type are in this file.
#include "registry/module/proto_known.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/api.pb.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/source_context.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/wrappers.pb.h>

namespace heartbeat {

namespace {

namespace pb = google::protobuf;

// Returns Protobuf's own .proto file with this name, or nullptr. The function gets the files from generated
// C++ classes, one class for each .proto file. A search by name in the pool of the process would be unsafe:
// another library can have added its own file with this name.
const pb::FileDescriptor *own_file(std::string_view name) {
    const pb::FileDescriptor *files[] = {
        pb::Any::descriptor()->file(),
        pb::Api::descriptor()->file(),
        pb::DescriptorProto::descriptor()->file(),
        pb::Duration::descriptor()->file(),
        pb::Empty::descriptor()->file(),
        pb::FieldMask::descriptor()->file(),
        pb::SourceContext::descriptor()->file(),
        pb::Struct::descriptor()->file(),
        pb::Timestamp::descriptor()->file(),
        pb::Type::descriptor()->file(),
        pb::DoubleValue::descriptor()->file(),
    };
    for (const pb::FileDescriptor *file : files)
        if (file->name() == name)
            return file;
    return nullptr;
}

struct KnownText {
    const char *name;
    std::string_view text;
};

// The texts contain only the parts of the original files that change the encoding of a message. For example,
// Confluent's original files also define options.
constexpr KnownText known_texts[] = {
    {"confluent/meta.proto", R"(syntax = "proto3"; package confluent;
message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; })"},
    {"confluent/type/decimal.proto", R"(syntax = "proto3"; package confluent.type;
message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; })"},
    {"google/type/date.proto", R"(syntax = "proto3"; package google.type;
message Date { int32 year = 1; int32 month = 2; int32 day = 3; })"},
    {"google/type/timeofday.proto", R"(syntax = "proto3"; package google.type;
message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; })"},
    {"google/type/datetime.proto", R"(syntax = "proto3"; package google.type;
import "google/protobuf/duration.proto";
message DateTime { int32 year = 1; int32 month = 2; int32 day = 3; int32 hours = 4; int32 minutes = 5;
  int32 seconds = 6; int32 nanos = 7;
  oneof time_offset { google.protobuf.Duration utc_offset = 8; TimeZone time_zone = 9; } }
message TimeZone { string id = 1; string version = 2; })"},
    {"google/type/decimal.proto", R"(syntax = "proto3"; package google.type;
message Decimal { string value = 1; })"},
    {"google/type/latlng.proto", R"(syntax = "proto3"; package google.type;
message LatLng { double latitude = 1; double longitude = 2; })"},
};

class NoErrors : public pb::io::ErrorCollector {
  public:
    void AddError(int, pb::io::ColumnNumber, const std::string &) override {}
};

bool parse_known(const KnownText &known, pb::FileDescriptorProto *file) {
    NoErrors errors;
    pb::io::ArrayInputStream stream(known.text.data(), static_cast<int>(known.text.size()));
    pb::io::Tokenizer tokenizer(&stream, &errors);
    pb::compiler::Parser parser;
    file->set_name(known.name);
    return parser.Parse(&tokenizer, file);
}

} // namespace

bool proto_known_find(const std::string &name, pb::FileDescriptorProto *file) {
    const pb::FileDescriptor *own = own_file(name);
    if (own != nullptr) {
        own->CopyTo(file);
        return true;
    }
    for (const KnownText &known : known_texts)
        if (name == known.name)
            return parse_known(known, file);
    return false;
}

bool proto_known_is_fixed(std::string_view name) noexcept {
    return own_file(name) != nullptr;
}

} // namespace heartbeat
