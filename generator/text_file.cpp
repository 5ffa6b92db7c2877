// Generator: reads a template or a schema from a file.
#include "text_file.h"

#include "layout.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace heartbeat::generator {

namespace {

constexpr size_t most_bytes = size_t{16} * 1024 * 1024;

} // namespace

std::string text_file_read(const std::string &option, const std::string &path) {
    struct Close {
        void operator()(FILE *file) const { fclose(file); }
    };
    const std::unique_ptr<FILE, Close> file(fopen(path.c_str(), "re"));
    std::string text(most_bytes + 1, '\0');
    if (file)
        text.resize(fread(text.data(), 1, text.size(), file.get()));
    if (!file || ferror(file.get()) != 0)
        throw LayoutError(option + " " + path + ": " + std::generic_category().message(errno));
    if (text.size() > most_bytes)
        throw LayoutError(option + " " + path + ": the file has more than 16 MiB");
    return text;
}

} // namespace heartbeat::generator
