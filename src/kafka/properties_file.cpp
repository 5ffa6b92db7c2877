// Reads the user's properties file. The file can have secrets. So this code checks the owner and the mode of
// the file, and the error texts never quote a value.
#include "kafka/properties_file.h"

#include "decode/utf8_text.h"
#include "kafka/owned.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <strings.h>
#include <unistd.h>
#include <utility>

namespace heartbeat {

namespace {

constexpr off_t size_max = 1 << 20; // the file can have certificates and keys

using FilePointer = std::unique_ptr<FILE, Deleter<fclose>>;

std::string trim(const std::string &text) {
    size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// An ordinary user can get this error text, but must not see the path of the file. So the error text names
// the setting, and not the path.
bool refuse(const KafkaSettings &settings, Error *error, const char *what) {
    utf8_print(error->text, sizeof(error->text), "the file that %s names %s", settings.config_file_name,
               what);
    return false;
}

bool refuse_unreadable(const KafkaSettings &settings, Error *error) {
    utf8_print(error->text, sizeof(error->text), "cannot read the file in %s: %s", settings.config_file_name,
               strerror(errno));
    return false;
}

// Opens the file, and then checks the open descriptor. If the function checked the path, another file could
// take the place of the checked file before the read.
FilePointer open_checked(const KafkaSettings &settings, Error *error) {
    // O_NONBLOCK: if the path is a pipe, open() does not wait for a writer
    int descriptor = open(settings.config_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    FilePointer file(descriptor < 0 ? nullptr : fdopen(descriptor, "r"));
    struct stat status;
    if (file == nullptr || fstat(descriptor, &status) != 0) {
        refuse_unreadable(settings, error);
        if (file == nullptr && descriptor >= 0)
            close(descriptor);
        return nullptr;
    }
    const char *exposure = properties_find_exposure(status, geteuid());
    if (exposure != nullptr)
        refuse(settings, error, exposure);
    return exposure == nullptr ? std::move(file) : nullptr;
}

bool read_all(FILE *file, const KafkaSettings &settings, std::string *text, Error *error) {
    char bytes[4096];
    size_t size;
    while ((size = fread(bytes, 1, sizeof(bytes), file)) > 0)
        text->append(bytes, size);
    if (ferror(file) != 0) // an incomplete file would be a wrong configuration
        return refuse_unreadable(settings, error);
    // For librdkafka a name ends at a zero byte. The later checks compare all characters of a name, so they
    // would not recognize a forbidden name before a zero byte.
    return text->find('\0') == std::string::npos ||
           refuse(settings, error, "has a zero byte, so it is not a text file");
}

} // namespace

const char *properties_find_exposure(const struct stat &status, uid_t reader) {
    if (!S_ISREG(status.st_mode))
        return "is not a regular file";
    if (status.st_uid != reader && status.st_uid != 0)
        return "belongs to another user: it must belong to the user that the server runs as, or to root";
    if ((status.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0)
        return "is open to other users, but can contain passwords: set its mode to 0600, or to 0640 if its "
               "group must read it";
    return status.st_size > size_max ? "is larger than 1 MiB" : nullptr;
}

bool properties_read(const KafkaSettings &settings, std::vector<FileProperty> *properties, Error *error) {
    FilePointer file = open_checked(settings, error);
    std::string text;
    if (file == nullptr || !read_all(file.get(), settings, &text, error))
        return false;
    int number = 0;
    for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
        number++;
        end = std::min(text.find('\n', begin), text.size());
        std::string line = trim(text.substr(begin, end - begin));
        if (line.empty() || line[0] == '#' || line[0] == '!')
            continue;
        size_t equals = line.find('=');
        std::string name = equals == std::string::npos ? std::string() : trim(line.substr(0, equals));
        if (name.empty()) {
            utf8_print(error->text, sizeof(error->text), "line %d of %s is not of the form key=value", number,
                       settings.config_file_name);
            return false;
        }
        properties->push_back({number, name, trim(line.substr(equals + 1))});
    }
    return true;
}

bool properties_is_plain(const std::string &value) {
    for (const char *truth : {"true", "false", "t", "f"})
        if (strcasecmp(value.c_str(), truth) == 0)
            return true;
    size_t sign = value[0] == '-' || value[0] == '+' ? 1 : 0;
    bool hexadecimal = value.compare(sign, 2, "0x") == 0;
    size_t digits = sign + (hexadecimal ? 2 : 0);
    return value.size() > digits &&
           value.find_first_not_of(hexadecimal ? "0123456789abcdefABCDEF" : "0123456789.", digits) ==
               std::string::npos;
}

std::string properties_show_name(const std::string &name) {
    constexpr size_t longest = 64;
    bool plausible = name.size() <= longest && name.find('.') != std::string::npos &&
                     name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.") == std::string::npos;
    return plausible ? '"' + name + '"' : "a property";
}

} // namespace heartbeat
