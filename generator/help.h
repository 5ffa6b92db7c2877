// Generator, options: the layout of --help. The build makes the manual page and the completions from the
// output of --help.
#pragma once

#include "CLI/CLI.hpp"

#include <string>

namespace heartbeat::generator {

// The layout is the same with every version of CLI11:
//   -b, --brokers HOST:PORT,...
//                               bootstrap servers [default: localhost:9092] [env: HEARTBEAT_BROKERS]
class HelpFormatter : public CLI::Formatter {
  public:
    std::string make_help(const CLI::App *app, std::string name, CLI::AppFormatMode mode) const override;
    std::string make_option(const CLI::Option *option, bool is_positional) const override;
};

// Returns the name of the environment variable that sets an option, for example HEARTBEAT_ANOMALY_RATE for
// --anomaly-rate. Returns an empty text if no variable sets the option.
std::string variable_of(const std::string &option);

} // namespace heartbeat::generator
