// Each compilation has its own pool of descriptors. The compilation adds the imports of a file before the
// file itself, so libprotobuf never looks for a file. libprotobuf also has a pool for the whole process, and
// ends the process if two libraries register the same file in that pool. So the compilation never adds a
// schema's file there.
#include "registry/module/proto_compile.h"

#include "decode/utf8_text.h"
#include "registry/module/proto_clean.h"
#include "registry/module/proto_encoded.h"
#include "registry/module/proto_errors.h"
#include "registry/module/proto_known.h"
#include "registry/module/proto_maps.h"
#include "registry/module/proto_scan.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <memory>
#include <set>
#include <string>

namespace heartbeat {

struct CompiledProto {
    std::string descriptors;
};

namespace {

namespace pb = google::protobuf;

constexpr size_t imports_max = 64;
constexpr size_t texts_max = 4 << 20;
constexpr const char main_name[] = "schema.proto"; // the registry gives this file no name
constexpr const char other_name[] = "main/schema.proto";

class Compiler {
  public:
    explicit Compiler(ProtoErrors *errors) : errors_(errors) {}

    // Adds the file to the result. The files that this file imports come first.
    bool add(const std::string &name, std::string_view text);
    const pb::FileDescriptorSet &files() const { return files_; }

  private:
    bool parse(const std::string &name, std::string_view text, pb::FileDescriptorProto *file);
    bool parse_text(const std::string &name, std::string_view text, pb::FileDescriptorProto *file);
    bool parse_encoded(const std::string &name, std::string_view text, pb::FileDescriptorProto *file);
    bool add_known(const pb::FileDescriptorProto &file);
    bool build(const pb::FileDescriptorProto &file);

    ProtoErrors *errors_;
    std::set<std::string> names_; // the names of the given files
    pb::DescriptorPool pool_;
    pb::FileDescriptorSet files_;
};

bool Compiler::parse_text(const std::string &name, std::string_view text, pb::FileDescriptorProto *file) {
    int line;
    const char *mistake = proto_scan(text, &line);
    if (mistake != nullptr)
        return errors_->refuse(name, line, mistake);
    pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
    ProtoTokenErrors token_errors(errors_, name);
    pb::io::Tokenizer tokenizer(&stream, &token_errors);
    pb::compiler::Parser parser;
    parser.RecordErrorsTo(&token_errors);
    parser.RecordSourceLocationsTo(errors_->start_file());
    if (!parser.Parse(&tokenizer, file) || errors_->has_any())
        return errors_->refuse(name, 0, "it is not a .proto file");
    proto_set_maps(file);
    return true;
}

bool Compiler::parse_encoded(const std::string &name, std::string_view text, pb::FileDescriptorProto *file) {
    errors_->start_file(); // forgets the table of lines of the previous file
    if (text.size() > proto_text_max)
        return errors_->refuse(name, 0, "it is larger than 1 MiB");
    if (!proto_decode(text, file))
        return errors_->refuse(name, 0, "it is neither a .proto file nor a FileDescriptorProto in base64");
    return true;
}

bool Compiler::parse(const std::string &name, std::string_view text, pb::FileDescriptorProto *file) {
    const bool parsed =
        proto_is_encoded(text) ? parse_encoded(name, text, file) : parse_text(name, text, file);
    if (!parsed)
        return false;
    const char *mistake = proto_clean(file);
    for (const std::string &needed : file->dependency())
        if (needed == name)
            mistake = "it imports itself";
    if (mistake != nullptr)
        return errors_->refuse(name, 0, mistake);
    file->set_name(name);
    return true;
}

bool Compiler::build(const pb::FileDescriptorProto &file) {
    const pb::FileDescriptor *built = pool_.BuildFileCollectingErrors(file, errors_);
    if (built == nullptr || errors_->has_any())
        return errors_->refuse(file.name(), 0, "libprotobuf refuses it");
    // in the built file, the names of types are complete and the options are interpreted, unlike in the
    // parser's result
    pb::FileDescriptorProto *result = files_.add_file();
    built->CopyTo(result);
    built->CopyJsonNameTo(result);
    return true;
}

// Adds the known files that this file imports. proto_known.h describes the known files.
bool Compiler::add_known(const pb::FileDescriptorProto &file) {
    for (const std::string &needed : file.dependency()) {
        pb::FileDescriptorProto known;
        if (pool_.FindFileByName(needed) != nullptr || !proto_known_find(needed, &known))
            continue; // if the file is neither in the pool nor known, build() reports the error
        if (!add_known(known) || !build(known))
            return false;
    }
    return true;
}

bool Compiler::add(const std::string &name, std::string_view text) {
    pb::FileDescriptorProto file;
    if (!names_.insert(name).second)
        return errors_->refuse(name, 0, "two imports have this name");
    if (pool_.FindFileByName(name) != nullptr)
        return true; // an earlier file has imported the known file with this name: the pool already has it
    if (!parse(name, text, &file))
        return false;
    return add_known(file) && build(file);
}

bool compile(std::string_view text, const NamedText *imports, size_t count, CompiledProto *result,
             ProtoErrors *errors) {
    size_t total = text.size();
    for (size_t i = 0; i < count; i++)
        total += imports[i].text.size();
    if (count > imports_max || total > texts_max)
        return errors->refuse(main_name, 0, "the schema and its imports have more than 64 files or 4 MiB");
    Compiler compiler(errors);
    for (size_t i = 0; i < count; i++)
        if (!proto_known_is_fixed(imports[i].name) &&
            !compiler.add(std::string(imports[i].name), imports[i].text))
            return false;
    bool taken = false; // true if an import has the name main_name
    for (size_t i = 0; i < count; i++)
        taken = taken || imports[i].name == main_name;
    std::string name = taken ? other_name : main_name;
    return compiler.add(name, text) && compiler.files().SerializeToString(&result->descriptors);
}

} // namespace

CompiledProto *proto_compile(std::string_view text, const NamedText *imports, size_t import_count,
                             char *error, size_t error_size) noexcept {
    try {
        ProtoSilence silence;
        ProtoErrors errors;
        auto result = std::make_unique<CompiledProto>();
        if (compile(text, imports, import_count, result.get(), &errors))
            return result.release();
        utf8_copy(error, error_size, errors.text().c_str());
    } catch (const std::bad_alloc &) {
        utf8_copy(error, error_size, ""); // no memory is left
    } catch (...) {                       // if an assertion fails, libprotobuf throws its own exception
        utf8_print(error, error_size, "libprotobuf has failed to compile the schema");
    }
    return nullptr;
}

std::string_view proto_descriptors(const CompiledProto *proto) noexcept {
    return proto->descriptors;
}

void proto_free(CompiledProto *proto) noexcept {
    delete proto;
}

} // namespace heartbeat
