// Reads the user's properties file. Each line is `key=value`, and a value can be a secret. This code refuses
// a file that the file's group can write, or that other users can read or write. An error text quotes a part
// of the file only if this part looks like the name of a property. kafka_config.cpp and registry_config.cpp
// call this file.
#pragma once

#include "kafka/error.h"
#include "kafka/kafka_settings.h"

#include <string>
#include <sys/stat.h>
#include <vector>

namespace heartbeat {

struct FileProperty {
    int line;
    std::string name;
    std::string value;
};

// Checks the owner and the mode of the file. Returns the fault, or nullptr if there is no fault. The file
// must belong to `reader` or to root. Only the owner may write the file. Only the owner and the group may
// read the file.
const char *properties_find_exposure(const struct stat &status, uid_t reader);

// Reads the file `config_file` of the settings. A line that begins with `#` or `!` is a comment. After an
// error the function returns false and sets *error. May throw std::bad_alloc.
bool properties_read(const KafkaSettings &settings, std::vector<FileProperty> *properties, Error *error);

// Returns whether the value is a number or a Boolean value.
bool properties_is_plain(const std::string &value);

// Returns the name in quotes if the name looks like a property of librdkafka. Otherwise the function returns
// "a property". In a broken line, the name can be a part of a secret, which the error text must not show.
std::string properties_show_name(const std::string &name);

} // namespace heartbeat
