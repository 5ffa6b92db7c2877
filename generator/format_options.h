// Generator, options: adds the options of the formats of messages. options.cpp calls it.
#pragma once

#include "options.h"

#include "CLI/CLI.hpp"

namespace heartbeat::generator {

// Call it after the options of the layout are added.
void add_format_options(CLI::App *app, Options *options);

} // namespace heartbeat::generator
