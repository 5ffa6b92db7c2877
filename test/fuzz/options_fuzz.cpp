// Fuzzes the parser of the generator's options with any command line, environment and configuration file. The
// parser either returns options within their limits, or explains the error and returns an exit status.
#include "options.h"
#include "require.h"

#include <cmath>
#include <cstring>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace heartbeat::generator;

// The lines of the input, in three groups. Lines after a line "--" are the configuration file. Of the lines
// before it, a line that begins with `prefix` and has a "=" is an environment variable, and each other line
// is a word of the command line.
struct Input {
    std::vector<std::string> arguments{"heartbeat-generator"};
    std::vector<std::string> variables;
    std::string file;
};

constexpr char prefix[] = "HEARTBEAT_";

Input split(const std::string &text) {
    Input input;
    std::istringstream lines(text);
    bool file = false;
    for (std::string line; std::getline(lines, line);) {
        if (file)
            input.file += line + "\n";
        else if (line == "--")
            file = true;
        else if (line.starts_with(prefix) && line.find('=') != std::string::npos)
            input.variables.push_back(line);
        else
            input.arguments.push_back(line);
    }
    return input;
}

const char *write_file(const std::string &text) {
    static const int file = memfd_create("options", 0);
    static const std::string path = "/proc/self/fd/" + std::to_string(file);
    require(ftruncate(file, 0) == 0);
    require(pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return path.c_str();
}

void check_options(const Options &options) {
    require(options.customers >= 1 && options.customers <= 10'000'000);
    require(options.interval >= 0 && options.interval <= 86'400);
    require(options.anomaly_rate >= 0 && options.anomaly_rate <= 1);
    require(!options.rate || (*options.rate > 0 && *options.rate <= 1e9));
    require(!options.count || *options.count >= 1);
    require(!options.duration || (*options.duration > 0 && *options.duration <= 1e9));
    require(!options.start_time || *options.start_time >= 0);
    require(options.partitions >= 1 && options.partitions <= 10'000);
    require(!(options.dry_run && options.embedded_broker));
    require(!(options.preset && options.template_file));
    require(!(options.replay && (options.preset || options.template_file || options.samples)));
    require(options.devices >= 1 && options.devices <= 1000);
    require(!options.samples || (*options.samples >= 1 && *options.samples <= 1'000'000));
    for (const std::string &property : options.config) {
        const size_t equals = property.find('=');
        require(equals != std::string::npos && equals > 0);
    }
    // the values that pacing and the simulation calculate from the options
    require(std::isfinite(options.gap_ns()) && options.gap_ns() >= 0);
    require(options.simulated_interval_ns() >= 1000);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string text(reinterpret_cast<const char *>(data), size);
    if (text.find("/dev/") != std::string::npos || text.find('\0') != std::string::npos)
        return 0; // a command line cannot contain a zero byte, and some files in /dev have no end
    const Input input = split(text);
    clearenv();
    for (const std::string &variable : input.variables) {
        const size_t equals = variable.find('=');
        setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
    }
    if (!input.file.empty())
        setenv("HEARTBEAT_CONFIG_FILE", write_file(input.file), 1);
    std::vector<const char *> arguments;
    arguments.reserve(input.arguments.size());
    for (const std::string &argument : input.arguments)
        arguments.push_back(argument.c_str());

    Options options;
    std::ostringstream out;
    std::ostringstream err;
    const auto status =
        parse_options(static_cast<int>(arguments.size()), arguments.data(), "1.0", &options, out, err);
    if (!status) {
        require(out.str().empty() && err.str().empty());
        check_options(options);
    } else if (*status == exit_delivered) {
        require(!out.str().empty() && err.str().empty());
    } else {
        require(*status == exit_usage && !err.str().empty());
    }
    return 0;
}
