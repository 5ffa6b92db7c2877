// Generator, options: adds the options of the formats of messages. options.cpp calls it.
#pragma once

#include "options.h"

#include "CLI/CLI.hpp"

namespace heartbeat::generator {

// The options of the layout must have been added.
void add_format_options(CLI::App *app, Options *options);

} // namespace heartbeat::generator
