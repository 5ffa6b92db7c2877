// Generator, options: adds the options of Kafka. options.cpp calls this code.
#pragma once

#include "options.h"

#include "CLI/CLI.hpp"

namespace heartbeat::generator {

void add_kafka_options(CLI::App *app, Options *options);

} // namespace heartbeat::generator
