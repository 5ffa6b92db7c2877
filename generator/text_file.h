// Generator: reads a template or a schema from a file. layout.cpp and encoding.cpp call this code.
#pragma once

#include <string>

namespace heartbeat::generator {

// Returns the text of the file. `option` is the option that gives the path, for the text of an error. Throws
// LayoutError.
std::string text_file_read(const std::string &option, const std::string &path);

} // namespace heartbeat::generator
