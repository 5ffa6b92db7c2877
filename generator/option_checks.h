// Generator, options: checks the values of options. Each error about a wrong value names the legal values.
// options.cpp adds these checks to the options.
#pragma once

#include "CLI/CLI.hpp"

#include <cstdint>

namespace heartbeat::generator {

CLI::Validator check_integer(uint64_t first, uint64_t last);
// If `above_first` is true, the number must be above `first`.
CLI::Validator check_number(double first, double last, bool above_first = false);
// Accepts an RFC 3339 time, and replaces the text by the number of microseconds since 1970-01-01 UTC.
CLI::Validator check_time();
// Accepts a port, or `true` for any free port. The check replaces `true` by 0.
CLI::Validator check_port();
CLI::Validator check_switch();
// Accepts the name of a preset.
CLI::Validator check_preset();
// Accepts a list of bootstrap servers, separated by commas.
CLI::Validator check_brokers();
// Accepts the name of a format.
CLI::Validator check_format();
// Accepts addresses of schema registries, separated by commas.
CLI::Validator check_registry();
// Accepts a text of the form key=value.
CLI::Validator check_property();

} // namespace heartbeat::generator
