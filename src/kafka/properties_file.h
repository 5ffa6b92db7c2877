// Reads the user's properties file, one `key=value` a line, which may have secrets. It refuses a file if its
// group can write it, or if other users can read or write it. An error quotes only texts of the file that
// look like a property's name. kafka_config.cpp calls it.
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

// Returns the fault of the file's owner or mode, or nullptr if there is none. The file must belong to
// `reader` or to root; only the owner may write it, and only the owner and the group may read it.
const char *properties_find_exposure(const struct stat &status, uid_t reader);

// Returns false and sets *error if it fails. `#` and `!` begin comments. Throws std::bad_alloc.
bool properties_read(const char *path, std::vector<FileProperty> *properties, Error *error);

// Returns whether the value is a number, true or false.
bool properties_is_plain(const std::string &value);

// Returns the name in quotes if it looks like a name of librdkafka. Otherwise it returns "a property",
// because in a broken line a part of a secret can stand where the name should be.
std::string properties_show_name(const std::string &name);

} // namespace heartbeat
