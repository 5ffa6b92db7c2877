// Fuzzing: each .proto text gives descriptors or an error. A byte 0x1e separates the texts of the input. The
// first text is the schema, and the other texts are the files that it can import: a.proto, b.proto and so on
// (see `names`). libprotobuf must be able to read the descriptors, and their last file must be the schema.
#include "decode/utf8_text.h"
#include "registry/module/proto_compile.h"
#include "require.h"

#include <algorithm>
#include <cstring>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace heartbeat;

constexpr char separator = '\x1e';
constexpr size_t imports_max = 8;

void check_descriptors(std::string_view bytes, bool has_imports) {
    google::protobuf::FileDescriptorSet files;
    require(files.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) && files.file_size() > 0);
    google::protobuf::DescriptorPool pool;
    for (const google::protobuf::FileDescriptorProto &file : files.file())
        require(pool.BuildFile(file) != nullptr);
    const std::string &name = files.file(files.file_size() - 1).name();
    require(name == "schema.proto" || (has_imports && name == "main/schema.proto"));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view rest(reinterpret_cast<const char *>(data), size);
    std::vector<std::string_view> texts;
    while (texts.size() <= imports_max) {
        const size_t end = std::min(rest.find(separator), rest.size());
        texts.push_back(rest.substr(0, end));
        if (end == rest.size())
            break;
        rest.remove_prefix(end + 1);
    }
    const std::string names[imports_max] = {"a.proto",
                                            "b.proto",
                                            "c.proto",
                                            "d.proto",
                                            "e.proto",
                                            "f.proto",
                                            "google/protobuf/timestamp.proto",
                                            "schema.proto"};
    std::vector<NamedText> imports;
    for (size_t i = 1; i < texts.size(); i++)
        imports.push_back({names[i - 1], texts[i]});
    char error[proto_error_size];
    memset(error, '#', sizeof(error));
    CompiledProto *proto = proto_compile(texts[0], imports.data(), imports.size(), error, sizeof(error));
    if (proto == nullptr) {
        const size_t length = strnlen(error, sizeof(error));
        require(length > 0 && length < sizeof(error) && utf8_is_text(error, length));
        return 0;
    }
    check_descriptors(proto_descriptors(proto), !imports.empty());
    proto_free(proto);
    return 0;
}
