// Generator: one run, from the options to the exit status. main.cpp calls this code.
#pragma once

#include "console.h"
#include "options.h"

namespace heartbeat::generator {

// Throws ProducerConfigError, LayoutError and TemplateError if the options are wrong, and std::runtime_error
// if the run cannot start.
int run_generator(Options options, Console *console);

} // namespace heartbeat::generator
