// Generator, options: adds the options of the layout of messages. options.cpp calls this code.
#pragma once

#include "CLI/CLI.hpp"
#include "options.h"

namespace heartbeat::generator {

// If the user gives --print-template, CLI11 sets *print_template to true.
void add_layout_options(CLI::App *app, Options *options, bool *print_template);

} // namespace heartbeat::generator
