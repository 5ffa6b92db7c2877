// Compiles the text of .proto files with libprotobuf. module.cpp puts these functions into the table of the
// module. formats_module.h describes the functions.
#pragma once

#include "registry/formats_module.h"

namespace heartbeat {

CompiledProto *proto_compile(std::string_view text, const NamedText *imports, size_t import_count,
                             char *error, size_t error_size) noexcept;
std::string_view proto_descriptors(const CompiledProto *proto) noexcept;
void proto_free(CompiledProto *proto) noexcept;

} // namespace heartbeat
