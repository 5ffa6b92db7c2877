// Generator: one run, from the options to the exit status. main.cpp calls it.
#pragma once

#include "console.h"
#include "options.h"

namespace heartbeat::generator {

// Throws ProducerConfigError, and std::runtime_error if the run cannot start.
int run_generator(const Options &options, Console *console);

} // namespace heartbeat::generator
