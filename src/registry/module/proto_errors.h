// Receives the errors of libprotobuf. Keeps only the first error, because a hostile text can have one error
// for each of its bytes. proto_compile.cpp calls this file. May throw std::bad_alloc.
#pragma once

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/stubs/logging.h>
#include <memory>
#include <string>

namespace heartbeat {

// While an object of this class exists, libprotobuf writes no warnings to the server's standard error.
using ProtoSilence = google::protobuf::LogSilencer;

class ProtoErrors : public google::protobuf::DescriptorPool::ErrorCollector {
  public:
    // libprotobuf calls this function for each error in a parsed file, but does not pass the line of the
    // error. So this function looks up the line in the table that the parser has filled.
    void AddError(const std::string &file, const std::string &element,
                  const google::protobuf::Message *descriptor, ErrorLocation location,
                  const std::string &message) override;

    // Keeps the error if there is no earlier error. `line` is 0 if the line is not known. Returns false.
    bool refuse(const std::string &file, int line, const std::string &message, int column = 0);

    // Returns an empty table of lines for the parser of the next file. Frees the table of the previous file.
    google::protobuf::compiler::SourceLocationTable *start_file();

    bool has_any() const { return !text_.empty(); }
    const std::string &text() const { return text_; }

  private:
    std::string text_;
    std::unique_ptr<google::protobuf::compiler::SourceLocationTable> places_;
};

// Receives the errors that the tokenizer and the parser find in one .proto file.
class ProtoTokenErrors : public google::protobuf::io::ErrorCollector {
  public:
    ProtoTokenErrors(ProtoErrors *errors, std::string file) : errors_(errors), file_(std::move(file)) {}
    void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string &message) override;

  private:
    ProtoErrors *errors_;
    std::string file_;
};

} // namespace heartbeat
