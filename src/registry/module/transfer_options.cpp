// Reads the files that the options of a request name. Each request reads the files again, so a renewed
// certificate needs no restart. A path can name any file that PostgreSQL's operating system user can read,
// even a file with secrets. So the content of a file goes only to OpenSSL, and never into an error text.
#include "registry/module/registry_transfer.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace heartbeat {

namespace {

constexpr off_t file_size_max = 1 << 20;

class File {
  public:
    // with O_NONBLOCK, open() does not wait for a writer if the path is a pipe
    explicit File(const char *path) : descriptor(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
    ~File() {
        if (descriptor >= 0)
            close(descriptor);
    }
    File(const File &) = delete;
    File &operator=(const File &) = delete;

    const int descriptor;
};

// Returns an error text. The text never contains the path, because an error text must not contain a value
// from the properties file.
std::string complain(const char *property, const char *what) {
    return std::string("the file of ") + property + ' ' + what;
}

std::string read_file(const char *property, const char *path, std::string *text) {
    File file(path);
    struct stat status;
    if (file.descriptor < 0 || fstat(file.descriptor, &status) != 0)
        return complain(property, "cannot be read: ") + strerror(errno);
    if (!S_ISREG(status.st_mode) || status.st_size > file_size_max)
        return complain(property, "is not a regular file of at most 1 MiB");
    text->clear();
    char bytes[4096];
    ssize_t size;
    while ((size = read(file.descriptor, bytes, sizeof(bytes))) > 0 &&
           text->size() <= static_cast<size_t>(file_size_max))
        text->append(bytes, static_cast<size_t>(size));
    if (size != 0)
        return complain(property, "cannot be read: ") + strerror(errno);
    return text->find("-----BEGIN ") == std::string::npos ? complain(property, "has no PEM text") : "";
}

} // namespace

std::string transfer_options_read(const RegistryOptions &from, TransferOptions *to) {
    std::string_view user_info = from.user_info;
    size_t colon = std::min(user_info.find(':'), user_info.size());
    to->user = user_info.substr(0, colon);
    to->password = user_info.substr(std::min(colon + 1, user_info.size()));
    to->bearer_token = from.bearer_token;
    to->key_password = from.key_password;
    to->check_host = from.check_host;
    std::string problem;
    if (from.ca_file[0] != '\0')
        problem = read_file("schema.registry.ssl.ca.location", from.ca_file, &to->ca);
    if (problem.empty() && from.certificate_file[0] != '\0') {
        problem =
            read_file("schema.registry.ssl.certificate.location", from.certificate_file, &to->certificate);
        to->key = to->certificate;
    }
    if (problem.empty() && from.key_file[0] != '\0')
        problem = read_file("schema.registry.ssl.key.location", from.key_file, &to->key);
    return problem;
}

} // namespace heartbeat
