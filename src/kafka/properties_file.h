// A file of properties, `key=value` a line, that may hold secrets: it is read only where nobody
// else could have written or read it, and what is said of it quotes none of it but what looks like a
// property's name.
#pragma once

#include "kafka/error.h"

#include <string>
#include <sys/stat.h>
#include <vector>

namespace heartbeat {

struct FileProperty {
    int line;
    std::string name;
    std::string value;
};

// What is wrong with who owns the file and whom it is open to, or nullptr: it must belong to `reader` or to
// root, nobody else may write it, and nobody but its group may read it.
const char *properties_find_exposure(const struct stat &status, uid_t reader);

// False with *error filled in. `#` and `!` begin comments. Throws std::bad_alloc.
bool properties_read(const char *path, std::vector<FileProperty> *properties, Error *error);

// A number, true or false.
bool properties_is_plain(const std::string &value);

// The name in quotes where it looks like one of librdkafka's, and else nothing of it: a broken line may have
// brought a part of a secret here.
std::string properties_show_name(const std::string &name);

} // namespace heartbeat
