// Generator, options: adds the options of the formats of messages. options.cpp calls this code.
#pragma once

#include "options.h"

#include "CLI/CLI.hpp"

namespace heartbeat::generator {

// Call this function after add_layout_options(), so that --help shows the options of the layout first.
void add_format_options(CLI::App *app, Options *options);

} // namespace heartbeat::generator
