// Makes one line of text from the first error: file, line, column and libprotobuf's message. This line can
// contain names from the schema, because a schema is not a secret.
#include "registry/module/proto_errors.h"

namespace heartbeat {

void ProtoErrors::AddError(const std::string &file, const std::string &element,
                           const google::protobuf::Message *descriptor, ErrorLocation location,
                           const std::string &message) {
    int line = 0, column = 0;
    bool known =
        places_ != nullptr && descriptor != nullptr && places_->Find(descriptor, location, &line, &column);
    refuse(file, known ? line + 1 : 0, element.empty() ? message : element + ": " + message,
           known ? column + 1 : 0);
}

bool ProtoErrors::refuse(const std::string &file, int line, const std::string &message, int column) {
    if (has_any())
        return false;
    text_ = file;
    if (line > 0)
        text_ += ", line " + std::to_string(line);
    if (column > 0)
        text_ += ", column " + std::to_string(column);
    text_ += ": " + message;
    return false;
}

google::protobuf::compiler::SourceLocationTable *ProtoErrors::start_file() {
    places_ = std::make_unique<google::protobuf::compiler::SourceLocationTable>();
    return places_.get();
}

void ProtoTokenErrors::AddError(int line, google::protobuf::io::ColumnNumber column,
                                const std::string &message) {
    errors_->refuse(file_, line + 1, message, column + 1);
}

} // namespace heartbeat
