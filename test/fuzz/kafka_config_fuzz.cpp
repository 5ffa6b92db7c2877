// Fuzzing: each properties file gives a configuration or an error. A configuration always has the properties
// that heartbeat's guarantees need. An error is a text that can be shown, and quotes no value of the file.
#include "kafka/kafka_config.h"
#include "require.h"

#include <cstring>
#include <librdkafka/rdkafka.h>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace heartbeat;

constexpr char secret[] = "SECRET";

const char *write_file(const uint8_t *data, size_t size) {
    static const int file = memfd_create("properties", 0);
    static const std::string path = "/proc/self/fd/" + std::to_string(file);
    require(ftruncate(file, 0) == 0 && fchmod(file, 0600) == 0);
    require(pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
    return path.c_str();
}

std::string get(const rd_kafka_conf_t *config, const char *name) {
    char value[512];
    size_t size = sizeof(value);
    require(rd_kafka_conf_get(config, name, value, &size) == RD_KAFKA_CONF_OK);
    return value;
}

void check_config(const rd_kafka_conf_t *config) {
    require(get(config, "bootstrap.servers") == "broker:9092");
    require(get(config, "group.id") == "group");
    require(get(config, "client.id") == "client");
    require(get(config, "enable.auto.commit") == "false");
    require(get(config, "enable.auto.offset.store") == "false");
    require(get(config, "enable.partition.eof") == "true");
    require(get(config, "isolation.level") == "read_committed");
    require(get(config, "check.crcs") == "true");
    require(get(config, "allow.auto.create.topics") == "false");
    require(get(config, "log.queue") == "true");
}

// Returns whether the properties file contains the word `secret`, and only in values. An error must not quote
// a value, which can be a password. So if the function returns true, no error may contain the word.
bool has_secret_in_values_alone(const std::string &text) {
    bool found = false;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const size_t mark = line.find(secret);
        if (mark == std::string::npos)
            continue;
        if (line.find('=') > mark)
            return false;
        found = true;
    }
    return found;
}

void check_problem(const Error &error, const std::string &text) {
    const size_t size = strnlen(error.text, sizeof(error.text));
    require(size > 0 && size < sizeof(error.text));
    if (has_secret_in_values_alone(text))
        require(strstr(error.text, secret) == nullptr);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string text(reinterpret_cast<const char *>(data), size);
    Error error;
    memset(error.text, '#', sizeof(error.text));
    const ConfigPointer config =
        kafka_config_create({"broker:9092", "topic", "group", write_file(data, size), "client"}, &error);
    if (config == nullptr) {
        check_problem(error, text);
        return 0;
    }
    check_config(config.get());
    return 0;
}
